package check

import (
	"slices"

	"samsa/wire"
)

// Progress is judged while the run goes on, not only at its end as in liveness.go. The timeouts bound each wait, and only
// time in which no fault is active counts.

// progress is what the judges of progress keep about a partition.
type progress struct {
	hw    wire.Offset // the high watermark that stands still
	epoch wire.Epoch  // of the leader
	since int64       // from when it could move, -1 if it could not at the last change
}

// quietFor returns for how long no fault has been active.
func quietFor(v *View) Duration {
	if v.quietSince < 0 || v.now < v.quietSince {
		return 0
	}
	return Duration(v.now - v.quietSince)
}

// fetched bounds the time in which a follower tells the leader of what it has appended: a fetch waits its turn, one response
// is lost, and the follower backs off.
func (t Timeouts) fetched() Duration { return t.Request + 2*t.FetchWait + 2*t.Backoff }

var hwMoves = &Check{
	Name: "hw-moves", Numbers: "L1/hw", Liveness: true,
	Doc: "while no fault is active, a leader's high watermark soon passes what every member of the ISR has",
	Of:  [2]string{"high watermark that could move", "high watermarks that could move, all in time"},
	On:  []ChangeKind{ReplicaChanged, BatchAppended},
	See: seeMoving,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.FaultsOver(s.now)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 0)
		s.Clock(s.step+1, s.now+int64(s.contract.fetched())/2)
		s.leads(1, 0, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.FaultsOver(s.now)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 0)
		s.Clock(s.step+1, s.now+2*int64(s.contract.fetched()))
		s.write(1, 0, 0xB, 1)
		return s.done()
	},
}

// seeMoving measures for how long a high watermark has stood still although all members of the ISR have records above it.
// It is called when a log of the partition grows, so a partition that no client uses is left to the check heals.
func seeMoving(d *Tally, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	l := p.replica(a.Leader)
	if p == v.quorum.log || l == nil || !l.observed || !l.Leads || l.Epoch != a.Epoch || v.unread(l.Node) || len(l.ISR) < v.MinISR(p) {
		p.progress.since = -1
		return
	}
	common := l.Log.End()
	for _, set := range [][]wire.NodeID{a.ISR, l.ISR, l.Pending} {
		for _, id := range set {
			if r := p.replica(id); r == nil {
				common = 0
			} else {
				common = min(common, r.Log.End())
			}
		}
	}
	s := &p.progress
	switch {
	case common <= l.HW:
		s.since = -1
	case s.since < 0 || s.hw != l.HW || s.epoch != l.Epoch:
		*s = progress{l.HW, l.Epoch, v.now}
		d.exercised()
	default:
		stood := min(Duration(v.now-s.since), quietFor(v))
		if bound := v.contract.fetched(); stood > bound {
			d.decide(v, p.fact(ByLeader, l.HW, ""), v.damagedDisk(p), v.name(l.Node), ", leader of ", p.TP.String(), " in epoch ", itoa(l.Epoch), ", has kept its high watermark at ",
				itoa(l.HW), " for ", seconds(stood), "; every member of the ISR has all below ", itoa(common), ", and the timeouts allow ", seconds(bound))
		}
	}
}

var isrKept = &Check{
	Name: "isr-kept", Numbers: "L2/isr", Liveness: true,
	Doc: "while no fault is active, no leader removes a replica from the ISR that has had everything for longer than replica.lag.time.max.ms",
	Of:  [2]string{"replica removed from an ISR that lacked records", "replicas removed from an ISR, all of which lacked records"},
	On:  []ChangeKind{PartitionChanged, BatchAppended, BatchesRemoved},
	See: seeRemoval,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.FaultsOver(s.now)
		s.write(0, 0, 0xA, 1, 2)
		s.Clock(s.step+1, s.now+2*int64(s.contract.Lag+s.contract.fetched()))
		s.look(1, State{Leads: true, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil) // b3 does not have it
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.FaultsOver(s.now)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.Clock(s.step+1, s.now+2*int64(s.contract.Lag+s.contract.fetched()))
		s.look(1, State{Leads: true, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil)
		return s.done()
	},
}

// seeRemoval records since when each replica has had all records of its leader, and looks at these times when the ISR
// shrinks. Only a removal that the leader has proposed counts. The controller itself removes the replicas of a broker that it
// fences or that shuts down, and does so in the records before the one that fences the broker.
func seeRemoval(d *Tally, v *View, c *Change) {
	p := c.Partition
	if p == v.quorum.log {
		return
	}
	l := p.replica(p.assigned.Leader)
	if c.Kind != PartitionChanged {
		for _, r := range p.replicas {
			switch whole := l != nil && r.Log.End() == l.Log.End(); {
			case !whole:
				r.wholeSince = -1
			case r.wholeSince < 0:
				r.wholeSince = v.now
			}
		}
		return
	}
	a, was := &p.assigned, &c.Was
	if was.PartitionEpoch < 0 || a.Leader != was.Leader || a.Epoch != was.Epoch || l == nil {
		for _, r := range p.replicas { // the new leader may measure the replica's lag from now on
			r.wholeSince = -1
			if l != nil && r.Log.End() == l.Log.End() {
				r.wholeSince = v.now
			}
		}
		return
	}
	for _, id := range was.ISR {
		r, b := p.replica(id), v.image.brokers[id]
		proposed := l.Pending != nil && !slices.Contains(l.Pending, id)
		if !proposed || slices.Contains(a.ISR, id) || r == nil || b == nil || b.fenced || b.shuttingDown || !v.Broker(id).up {
			continue
		}
		d.exercised()
		if r.wholeSince < 0 || r.Log.End() != l.Log.End() {
			continue
		}
		bound := v.contract.Lag + v.contract.fetched()
		if had := min(Duration(v.now-r.wholeSince), quietFor(v)); had > bound {
			d.decide(v, p.fact(ByLeader, -1, ""), v.damagedDisk(p), "the ISR of ", p.TP.String(), " shrank from ", v.names(was.ISR), " to ", v.names(a.ISR), "; ", v.name(id),
				" has had everything that the leader ", v.name(a.Leader), " has for ", seconds(had), ", and replica.lag.time.max.ms is ", seconds(v.contract.Lag))
		}
	}
}
