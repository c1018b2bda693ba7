package check

import "samsa/wire"

var hwJustified = &Check{
	Name: "hw-justified", Numbers: "S7",
	Doc: "the true log of every eligible replica has all records below a leader's high watermark",
	On:  []ChangeKind{ReplicaChanged, PartitionChanged},
	See: seeHW,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 1)
		return s.done()
	},
}

// seeHW requires that every eligible replica has the leader's last batch below the high watermark; the check logs-match
// then implies that the logs are equal below that batch. Comparing log end offsets is not enough, because a log of the
// same length may hold other records.
//
// It runs when a leader's high watermark rises, and when the controller makes another replica eligible.
func seeHW(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	a := &p.assigned
	if c.Kind == PartitionChanged {
		if r = p.replica(a.Leader); r == nil || !r.observed || !r.Leads || r.Epoch != a.Epoch {
			return
		}
	} else if !r.Leads || r.HW <= c.Before.HW && c.Before.Leads {
		return
	}
	if r.HW <= max(r.Log.Start(), p.trimmed) {
		return // retention or an operator deleted all records below it
	}
	last, has := r.Log.At(r.HW - 1)
	for _, set := range [][]wire.NodeID{a.ISR, v.eligible(a)} {
		for _, id := range set {
			d.exercised()
			o := p.replica(id)
			if o == nil || o == r || d.broken() || r.HW <= p.trimmed || o.Log.End() >= r.HW && (!has || last.Base < max(o.Log.Start(), p.trimmed) || o.Log.Has(last)) {
				continue
			}
			if v.tainted(v.Broker(id), p) || uncleanElectionAfter(p, r.Epoch) {
				continue
			}
			if at, known := p.place(last); has && known && p.promises[at].superseded != "" {
				continue // acked-durable reports this loss as priced
			}
			d.decide(v, p.fact(ByLeader, r.HW, wayUnjustified(c, o, last, has)), orFlaw(v.damagedDiskOf(p, r.Node, id), flawOfHW(v, p, r, last, id)), v.name(r.Node), ", leader of ", p.TP.String(), " in epoch ",
				itoa(r.Epoch), ", has high watermark ", itoa(r.HW), "; ", v.name(id), " is ", a.memberWords(id),
				" and does not have all below it: its log ends at ", itoa(o.Log.End()))
		}
	}
}

// wayUnjustified says how a high watermark came to be above the records that an eligible replica has: the leader raised it, or
// the controller made that replica eligible; and the replica lost the record, or never had it.
func wayUnjustified(c *Change, o *Replica, last Batch, has bool) string {
	p := c.Partition
	way := p.assigned.memberWords(o.Node)
	if c.Kind == PartitionChanged {
		way = "newly " + way
	}
	if at, known := p.place(last); has && known {
		return way + ", " + p.wayLost(o.Node, &p.promises[at])
	}
	return way + ", its log ends elsewhere"
}

// uncleanElectionAfter reports whether there was an unclean election after an epoch. A leader of that epoch may not know of
// the election yet.
func uncleanElectionAfter(p *Partition, epoch wire.Epoch) bool {
	n := len(p.elections)
	for n > 0 && p.elections[n-1].Epoch > epoch {
		if n--; p.elections[n].Unclean != "" {
			return true
		}
	}
	return false
}

var hwMonotone = &Check{
	Name: "hw-monotone", Numbers: "S8",
	Doc: "a leader's high watermark never falls within its epoch, and every replica's is between the start and the end of its log",
	On:  []ChangeKind{ReplicaChanged},
	See: func(d *Tally, v *View, c *Change) {
		p, r := c.Partition, c.Replica
		d.exercised()
		fact := func(way string) Fact { return p.fact(r.role(), r.HW, way) }
		switch {
		case r.Leads && c.Before.Leads && c.Before.Epoch == r.Epoch && r.HW < c.Before.HW:
			d.violate(v, fact("falls"), v.name(r.Node), ", leader of ", p.TP.String(), " in epoch ", itoa(r.Epoch), ", lowered its high watermark from ",
				itoa(c.Before.HW), " to ", itoa(r.HW))
		case r.HW > r.End || r.HW < r.Start:
			d.violate(v, fact("outside the log"), v.name(r.Node), " has a high watermark of ", itoa(r.HW), " on ", p.TP.String(), ", and a log of [",
				itoa(r.Start), ",", itoa(r.End), ")")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0) // a new leader may begin below the high watermark of the old one
		s.leads(2, 1, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.leads(1, 0, 0)
		return s.done()
	},
}
