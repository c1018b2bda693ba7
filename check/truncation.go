package check

import (
	"slices"

	"samsa/wire"
)

var truncationLicensed = &Check{
	Name: "truncation-licensed", Numbers: "S12",
	Doc: "no replica truncates a committed record, unless an unclean election or a fault of its disk had taken it before",
	On:  []ChangeKind{BatchesRemoved},
	See: seeCut,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.write(1, 0, 0xB, 1)
		s.Cut(s.p, s.p.Replica(1), 1, "")
		s.power(2, 0)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.Cut(s.p, s.p.Replica(2), 0, "") // to its own high watermark, which it learns a fetch too late (KIP-101)
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
		// A record that was acknowledged to acks=1 alone may be truncated: its price is named when a leader does not have it.
		if q := &p.promises[i]; q.made&^madeToOne != 0 && !q.lost && q.condemned == "" && q.Next > p.trimmed && !p.emptied(v, c.Replica, q) && !d.broken() {
			d.decide(v, p.fact(c.Replica.role(), b.Base, ""), v.damagedDisk(p), v.name(c.Node), " truncated ", b.span(), " of ", p.TP.String(),
				q.lastCut(c.Node), "; it was committed by step ", itoa(q.step), p.copiesLeft(v, q))
		}
	}
}

// lastCut says how far a replica truncated its log when it lost this batch.
func (q *promise) lastCut(node wire.NodeID) string {
	if n := len(q.cuts); n > 0 && q.cuts[n-1].node == node {
		return q.cuts[n-1].words()
	}
	return ""
}

// emptied reports whether a replica that is not eligible has emptied its log, to begin again at its leader's start.
func (p *Partition) emptied(v *View, r *Replica, q *promise) bool {
	return r.Log.Len() == 0 && !slices.Contains(p.assigned.electable(), r.Node)
}
