package check

var logsMatch = &Check{
	Name: "logs-match", Numbers: "S1",
	Doc: "two replicas with a batch of the same leader epoch at an offset have the same records there and at all lower offsets",
	On:  []ChangeKind{BatchAppended},
	See: func(d *Tally, v *View, c *Change) {
		if c.Partition != v.quorum.log {
			seeMatch(d, v, c, ByFollower)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.write(1, 0, 0xB, 1) // the tail of an old leader, which the new leader overwrites in its own epoch
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0)
		s.follows(3, 1, 0)
		s.write(1, 1, 0xC, 2, 3)
		s.follows(1, 1, 0)
		s.Truncated(s.p, s.p.Replica(1), 1, "")
		s.write(1, 1, 0xC, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2)
		s.write(0, 0, 0xF, 3) // other bytes at the same offset
		return s.done()
	},
}

// seeMatch compares a new batch, and the batch below it, with those of the other logs at the same offsets. Lower batches
// were compared when they were appended.
func seeMatch(d *Tally, v *View, c *Change, role Role) {
	p, r, b := c.Partition, c.Replica, c.Batch
	below, has := Batch{}, false
	if n := r.Log.Len(); n > 1 {
		below, has = r.Log.batches[n-2], true
	}
	for _, o := range p.replicas {
		i := o.Log.find(b.Base)
		if o == r || i == o.Log.Len() || o.Log.batches[i].Epoch != b.Epoch || o.Log.batches[i].Base >= b.Next {
			continue
		}
		d.exercised()
		other, way := o.Log.batches[i], "at one offset"
		switch {
		case !other.Same(b):
		case has && i > 0 && !o.Log.batches[i-1].Same(below) && below.Next > max(o.Log.start, p.trimmed) && o.Log.batches[i-1].Next > max(r.Log.start, p.trimmed):
			other, b, way = o.Log.batches[i-1], below, "below equal records"
		default:
			continue
		}
		if !d.broken() {
			d.decide(v, p.fact(role, b.Base, way), v.damagedDisk(p), "the logs of ", p.TP.String(), " differ: ", v.name(r.Node), " has ", b.span(),
				" where ", v.name(o.Node), " has ", other.span(), ", and both have the same epoch at or above it")
		}
	}
}
