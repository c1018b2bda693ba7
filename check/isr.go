package check

import (
	"slices"

	"samsa/wire"
)

var isrAgreed = &Check{
	Name: "isr-agreed", Numbers: "S9",
	Doc: "the controller's ISR is never larger than its leader's maximal ISR, and the two ISRs are equal at equal partition epochs",
	On:  []ChangeKind{ReplicaChanged, PartitionChanged},
	See: seeISR,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.look(1, State{Leads: true, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil) // the AlterPartition response is in flight
		s.look(1, State{Leads: true, ISR: ids(1, 2)})
		s.look(1, State{Leads: true, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
		s.alter(0, ids(1, 2, 3), nil)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.look(1, State{Leads: true, ISR: ids(1, 2)})
		s.alter(0, ids(1, 2, 3), nil) // the leader has not proposed b3
		return s.done()
	},
}

func seeISR(d *Tally, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	r := p.replica(a.Leader)
	if r == nil || !r.observed || !r.Leads || r.Epoch != a.Epoch {
		return
	}
	d.exercised()
	fact := func(way string) Fact { return p.fact(ByLeader, -1, way) }
	for _, id := range a.ISR {
		if !slices.Contains(r.ISR, id) && !slices.Contains(r.Pending, id) {
			d.violate(v, fact("smaller than the committed one"), "the controller's ISR of ", p.TP.String(), " is ", v.names(a.ISR), "; the maximal ISR of ", v.name(r.Node), ", its leader, is ",
				v.names(r.maximal()), ", and it commits without waiting for ", v.name(id))
		}
	}
	if r.PartitionEpoch == a.PartitionEpoch && !sameSet(r.ISR, a.ISR) {
		d.violate(v, fact("different at one partition epoch"), "at partition epoch ", itoa(a.PartitionEpoch), " of ", p.TP.String(), " the controller's ISR is ", v.names(a.ISR), " and its leader's ", v.names(r.ISR))
	}
}

func sameSet(a, b []wire.NodeID) bool {
	if len(a) != len(b) {
		return false
	}
	for _, id := range a {
		if !slices.Contains(b, id) {
			return false
		}
	}
	return true
}

var isrLegal = &Check{
	Name: "isr-legal", Numbers: "S10",
	Doc: "the controller adds only unfenced replicas to an ISR, in the incarnation that caught up; leader, ISR and ELR agree",
	On:  []ChangeKind{PartitionChanged, BatchCommitted},
	See: seeLegal,
	Accept: func(v *View) *Case {
		s := newStage(v, 2).elr()
		s.alter(0, ids(1, 2), nil)
		s.fence(2)
		s.alter(0, ids(1), ids(2))
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.fence(3)
		s.alter(0, ids(1, 2, 3), nil)
		return s.done()
	},
}

func seeLegal(d *Tally, v *View, c *Change) {
	if c.Kind == BatchCommitted {
		for _, id := range v.image.fenced {
			seeFenced(d, v, id)
		}
		return
	}
	p := c.Partition
	a := &p.assigned
	d.exercised()
	bad := func(way string, words ...string) {
		d.violate(v, p.fact(ByController, -1, way), append([]string{"the committed state of " + p.TP.String() + " at partition epoch ",
			itoa(a.PartitionEpoch), " is not legal: "}, words...)...)
	}
	for _, id := range a.ISR {
		b := v.image.brokers[id]
		switch {
		case !slices.Contains(a.Replicas, id):
			bad("no replica", v.name(id), " is in the ISR and has no replica")
		case slices.Contains(a.ELR, id):
			bad("in ISR and ELR", v.name(id), " is in ISR and ELR")
		case slices.Contains(c.Was.ISR, id) && c.Was.PartitionEpoch >= 0: // it was a member before
		case b != nil && !b.fenced && b.unfencedAt == v.now && a.Leader == id && a.Epoch > c.Was.Epoch:
			// It is unfenced and may lead even if its controlled shutdown had begun, because fencing ends the shutdown and
			// an older heartbeat may arrive late (BrokerHeartbeatManager.touch).
		case b == nil || b.fenced || b.shuttingDown:
			if c.Was.PartitionEpoch >= 0 && !(len(a.ISR) == 1 && a.Recovery == wire.Recovering) {
				bad("fenced or shutting down", v.name(id), " is added to the ISR while it is fenced or shutting down")
			}
		}
	}
	switch {
	case a.Leader != wire.NoNode && !slices.Contains(a.ISR, a.Leader):
		bad("leader outside", "its leader ", v.name(a.Leader), " is not in the ISR ", v.names(a.ISR))
	case len(a.ELR) > 0 && len(a.ISR) >= v.MinISR(p):
		bad("ELR beside a full ISR", "an ELR of ", v.names(a.ELR), " beside an ISR of ", v.names(a.ISR), ", which has min.insync.replicas members")
	case len(a.ISR) == 0 && !v.image.elr() && (len(c.Was.ISR) > 0 || c.Was.PartitionEpoch < 0): // it may have been empty before, while ELR was enabled
		bad("empty", "the ISR is empty: no replica is remembered")
	}
}

// seeFenced requires that, at the end of the batch that fenced a broker, no ISR contains it. Without ELR, the last member
// stays in the ISR and the partition has no leader.
func seeFenced(d *Tally, v *View, id wire.NodeID) {
	if b := v.image.brokers[id]; b == nil || !b.fenced {
		return // the same batch has unfenced the broker again
	}
	for _, p := range v.parts {
		a := &p.assigned
		if !slices.Contains(a.ISR, id) || len(a.ISR) == 1 && a.Leader == wire.NoNode {
			continue
		}
		d.violate(v, p.fact(ByController, -1, "fenced and in the ISR"), v.name(id), " is fenced and stays in the ISR of ", p.TP.String(), ", ", v.names(a.ISR), ", led by ", v.name(a.Leader))
	}
}
