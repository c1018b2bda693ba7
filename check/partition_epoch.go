package check

import "samsa/wire"

var partitionEpochSteps = &Check{
	Name: "partition-epoch-steps", Numbers: "S28",
	Doc: "every change of a partition raises its partition epoch by one, every new leader raises its leader epoch, and an ISR change with an old partition epoch is refused",
	On:  []ChangeKind{MetadataCommitted, ReplicaChanged, ControllerReplied},
	See: seeSteps,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.look(1, State{Leads: true, PartitionEpoch: 1, ISR: ids(1, 2)})
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, AskedEpoch: 0, PartitionEpoch: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.alter(0, ids(1), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, AskedEpoch: 0, PartitionEpoch: 2})
		return s.done()
	},
}

func seeSteps(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	switch c.Kind {
	case MetadataCommitted:
		rec, ok := c.Record.(*wire.PartitionRecord)
		if !ok {
			return
		}
		d.exercised()
		p := v.index[partitionKey{rec.TopicID, rec.PartitionID}]
		switch {
		case p == nil:
		case rec.LeaderEpoch < p.assigned.Epoch:
			d.violate(v, p.fact(ByController, -1, "leader epoch falls"), "a record lowers the leader epoch of ", p.TP.String(), " from ", itoa(p.assigned.Epoch),
				" to ", itoa(rec.LeaderEpoch))
		case rec.PartitionEpoch < p.assigned.PartitionEpoch:
			d.violate(v, p.fact(ByController, -1, "partition epoch falls"), "a record lowers the partition epoch of ", p.TP.String(), " from ",
				itoa(p.assigned.PartitionEpoch), " to ", itoa(rec.PartitionEpoch))
		}
	case ReplicaChanged:
		a := &p.assigned
		if r.Epoch < 0 || a.PartitionEpoch < 0 {
			return
		}
		d.exercised()
		fact := func(way string) Fact { return p.fact(r.role(), -1, way) }
		switch {
		case r.PartitionEpoch > a.PartitionEpoch || r.Epoch > a.Epoch:
			d.violate(v, fact("ahead of what is committed"), v.name(r.Node), " is at partition epoch ", itoa(r.PartitionEpoch), " and leader epoch ", itoa(r.Epoch), " of ",
				p.TP.String(), "; the committed epochs are ", itoa(a.PartitionEpoch), " and ", itoa(a.Epoch))
		case r.PartitionEpoch == a.PartitionEpoch && r.Epoch != a.Epoch:
			d.violate(v, fact("another leader epoch"), "partition epoch ", itoa(a.PartitionEpoch), " of ", p.TP.String(), " has leader epoch ", itoa(a.Epoch), " in the committed metadata and ",
				itoa(r.Epoch), " on ", v.name(r.Node))
		}
	case ControllerReplied:
		if c.Reply.Kind == ToAlteration && c.Reply.PartitionEpoch > c.Reply.AskedEpoch+1 {
			d.violate(v, p.fact(ByController, -1, "ISR change by an old partition epoch"), "an ISR change of ", p.TP.String(), " at partition epoch ",
				itoa(c.Reply.AskedEpoch), " was accepted and became ", itoa(c.Reply.PartitionEpoch), ": the changes between are overwritten")
		}
	}
}
