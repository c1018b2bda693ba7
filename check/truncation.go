package check

import (
	"slices"

	"samsa/wire"
)

var truncationLicensed = &Check{
	Name: "truncation-licensed", Numbers: "S12",
	Doc: "no replica discards what is committed, unless an unclean election or a fault of its disk took it first",
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
		// What only acks=1 was told of may be cut: its price is named where a leader is without it.
		if q := &p.promises[i]; q.made&^madeToOne != 0 && !q.lost && q.condemned == "" && q.Next > p.trimmed && !p.emptied(v, c.Replica, q) && !d.broken() {
			d.decide(v, p.fact(c.Replica.role(), b.Base, ""), v.damagedDisk(p), v.name(c.Node), " cut ", b.span(), " of ", p.TP.String(),
				" from its log", q.lastCut(c.Node), "; it was committed by step ", itoa(q.step), p.copiesLeft(v, q))
		}
	}
}

// lastCut says how far a replica cut its log when it cut this.
func (q *promise) lastCut(node wire.NodeID) string {
	if n := len(q.cuts); n > 0 && q.cuts[n-1].node == node {
		return q.cuts[n-1].words()
	}
	return ""
}

// wiped tells whether a replica that nobody may elect has emptied its log, to begin it anew where its leader's begins.
func (p *Partition) emptied(v *View, r *Replica, q *promise) bool {
	return r.Log.Len() == 0 && !slices.Contains(p.assigned.electable(), r.Node)
}
