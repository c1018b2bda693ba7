package check

import (
	"slices"

	"samsa/wire"
)

var truncationLicensed = &Check{
	Name: "truncation-licensed", Numbers: "S12",
	Doc: "no replica truncates a committed record, unless an unclean election or a disk fault had lost it before",
	On:  []ChangeKind{BatchesRemoved},
	See: seeCut,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.write(1, 0, 0xB, 1)
		s.Truncated(s.p, s.p.Replica(1), 1, "")
		s.power(2, 0)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.Truncated(s.p, s.p.Replica(2), 0, "") // b2 truncates to its own high watermark, which is a fetch behind the leader's (KIP-101)
		return s.done()
	},
}

func seeCut(d *Tally, v *View, c *Change) {
	p := c.Partition
	if p == v.quorum.log {
		return
	}
	for _, b := range c.Removed {
		d.exercised()
		i, ok := p.place(b)
		if !ok || c.By != "" {
			continue
		}
		// A record that was acknowledged only under acks=1 may be truncated. If a leader then does not have it,
		// acked-durable reports the price.
		if q := &p.promises[i]; q.made&^madeToOne != 0 && !q.lost && q.superseded == "" && q.Next > p.trimmed && !p.emptied(v, c.Replica, q) && !d.broken() {
			d.decide(v, p.fact(c.Replica.role(), b.Base, ""), orFlaw(v.damagedDisk(p), flawOfCopy(v, p, q, c.Node)), v.name(c.Node), " truncated ", b.span(), " of ", p.TP.String(),
				q.lastCut(c.Node), "; it was committed by step ", itoa(q.step), p.copiesLeft(v, q))
		}
	}
}

// lastCut describes the truncation that removed this batch from a replica.
func (q *promise) lastCut(node wire.NodeID) string {
	if n := len(q.cuts); n > 0 && q.cuts[n-1].node == node {
		return q.cuts[n-1].words()
	}
	return ""
}

// emptied reports whether a replica that is not eligible truncated its log fully, in order to start at the leader's log
// start offset.
func (p *Partition) emptied(v *View, r *Replica, q *promise) bool {
	return r.Log.Len() == 0 && !slices.Contains(p.assigned.electable(), r.Node)
}
