package check

import (
	"slices"

	"samsa/wire"
)

// A leader learns where its followers are from their fetches alone, so its decisions follow from these fetches:
//
//	fetch of b2 from 7, leader's end 9 ──▶ b2 has [0, 7); caught up when the leader's end was 7
//	                                       │
//	high watermark   the lowest position in the maximal ISR, and of a follower that is about to join it
//	ISR shrinks      without a follower that has been caught up at no time in replica.lag.time.max.ms
//	ISR grows        by a follower that has everything below the high watermark and the start of the epoch
//
// The judge reads the same fetches and compares. A fetch that the leader may have refused leaves the follower's position
// unsure until its next fetch, and nothing is decided about it.

// leading is what a leader of one epoch knows about its followers.
type leading struct {
	starts    uint32 // of the broker
	epoch     wire.Epoch
	start     wire.Offset // where the epoch begins in its log
	positions []followerAt
	moved     bool // the current event is a fetch from a new position
	pending   bool // a change of the ISR is in flight
}

// followerAt is a follower's position, as its fetches have told the leader.
type followerAt struct {
	node      wire.NodeID
	end       wire.Offset // it has all records below; -1 if it has not fetched
	fetchedAt int64       // its last fetch, -1 if the leader counts none
	leaderEnd wire.Offset // the end of the leader's log at that time
	caughtUp  int64       // the last time at which it had all records of the leader, -1 if there was none
	unsure    bool
}

// Fetched is the part of a follower's fetch that is about one partition, as it reaches the leader.
type Fetched struct {
	Follower  wire.NodeID
	From      wire.Offset
	LeaderEnd wire.Offset // the end of the leader's log
	Counts    bool        // the leader cannot refuse it
}

// Arrived records a follower's fetch before the leader handles it.
func (f Fetched) Arrived(v *View, r *Replica) {
	l := r.lead
	if l == nil {
		return
	}
	at := l.of(f.Follower)
	if at.unsure = !f.Counts; at.unsure {
		return
	}
	switch {
	case f.From >= f.LeaderEnd:
		at.caughtUp = v.now
	case f.From >= at.leaderEnd:
		at.caughtUp = max(at.caughtUp, at.fetchedAt)
	}
	l.moved = at.end != f.From
	at.end, at.fetchedAt, at.leaderEnd = f.From, v.now, max(at.leaderEnd, f.LeaderEnd)
}

// of returns the position of a follower.
func (l *leading) of(node wire.NodeID) *followerAt {
	for i := range l.positions {
		if l.positions[i].node == node {
			return &l.positions[i]
		}
	}
	l.positions = append(l.positions, followerAt{node: node, end: -1, fetchedAt: -1, leaderEnd: -1, caughtUp: -1})
	return &l.positions[len(l.positions)-1]
}

// Looked is a replica's state in its broker's memory at the end of an event. Unlike ReplicaChanged it comes at once, so the
// disk may not have it yet.
type Looked struct {
	State
	MinISR   int  // 0 if the broker may not have applied the newest configs
	BadClock bool // its monotonic clock may be wrong
}

// Seen records the state of a replica after an event that concerned it.
func (s Looked) Seen(v *View, p *Partition, r *Replica) {
	if !s.Leads {
		r.lead = nil
		return
	}
	if starts := v.Broker(r.Node).starts; r.lead == nil || r.lead.starts != starts {
		r.lead = &leading{starts: starts, epoch: wire.NoEpoch}
	}
	if r.lead.epoch != s.Epoch {
		r.lead.begin(v, &s)
	}
	v.notify(Change{Kind: LeaderLooked, Partition: p, Replica: r, Node: r.Node, Looked: &s})
	r.lead.moved, r.lead.pending = false, s.Pending != nil
}

// begin starts an epoch. The members of the ISR have replica.lag.time.max.ms to fetch. A leader that led the epoch before
// keeps the positions of its followers, but not the times (Replica.resetReplicaState).
func (l *leading) begin(v *View, s *Looked) {
	l.epoch, l.start, l.pending, l.moved = s.Epoch, s.End, false, false
	if n := len(s.Epochs); n > 0 && s.Epochs[n-1].Epoch == s.Epoch {
		l.start = s.Epochs[n-1].Start
	}
	for i := range l.positions {
		at := &l.positions[i]
		at.leaderEnd, at.fetchedAt, at.caughtUp = l.start, -1, -1
	}
	for _, id := range s.ISR {
		at := l.of(id)
		at.fetchedAt, at.caughtUp = v.now, v.now
	}
}

var followersKnown = &Check{
	Name: "followers-known", Numbers: "S7/exact S10/proposed",
	Doc: "a leader's high watermark and its changes of the ISR follow from the fetches of its followers",
	Of:  [2]string{"decision of a leader about its followers", "decisions of leaders about their followers"},
	On:  []ChangeKind{LeaderLooked},
	See: func(d *Tally, v *View, c *Change) {
		seeExactHW(d, v, c)
		seeProposal(d, v, c)
	},
	Accept: func(v *View) *Case {
		s, look, fetch := led(v)
		fetch(2, 4)
		look(4, nil)
		fetch(3, 3)
		look(3, nil)
		s.Clock(s.step+1, s.now+2*int64(s.contract.Lag))
		fetch(2, 5)
		look(3, ids(1, 2))
		return s.done()
	},
	Reject: func(v *View) *Case {
		_, look, fetch := led(v)
		fetch(3, 5)
		look(0, nil)
		fetch(2, 5)
		look(4, nil) // all three have [0, 5)
		return &Case{View: v}
	},
}

// led plays a leader b1 whose log ends at 5, with functions for its state and for the fetches of its followers.
func led(v *View) (s *stage, look func(hw wire.Offset, pending []wire.NodeID), fetch func(node wire.NodeID, from wire.Offset)) {
	s = newStage(v, 2)
	r := s.p.Replica(1)
	look = func(hw wire.Offset, pending []wire.NodeID) {
		s.tick()
		Looked{State: State{Leads: true, HW: hw, End: 5, ISR: ids(1, 2, 3), Pending: pending, Epochs: []EpochStart{{0, 0}}}, MinISR: 2}.Seen(s.View, s.p, r)
	}
	look(0, nil)
	return s, look, func(node wire.NodeID, from wire.Offset) {
		s.tick()
		Fetched{node, from, 5, true}.Arrived(s.View, r)
	}
}

// seeExactHW requires that after a fetch from a new position the high watermark has moved as far as it may. A follower
// outside the ISR holds it back while it counts as caught up, for replica.lag.time.max.ms; the judge allows twice that.
func seeExactHW(d *Tally, v *View, c *Change) {
	l, s := c.Replica.lead, c.Looked
	if !l.moved || s.MinISR == 0 || len(s.ISR) < s.MinISR {
		return
	}
	floor := s.End
	maximal := s.maximal()
	for _, id := range maximal {
		if id != c.Node {
			at := l.of(id)
			if at.unsure {
				return
			}
			floor = min(floor, at.end)
		}
	}
	for i := range l.positions {
		at := &l.positions[i]
		switch {
		case slices.Contains(maximal, at.node):
			continue
		case at.unsure || s.BadClock:
			return
		}
		if at.end >= 0 && at.caughtUp >= 0 && Duration(v.now-at.caughtUp) <= 2*v.contract.Lag {
			floor = min(floor, at.end)
		}
	}
	d.exercised()
	if s.HW < floor {
		d.violate(v, c.Partition.fact(ByLeader, s.HW, "high watermark below"), v.name(c.Node), ", leader of ", c.Partition.TP.String(), " in epoch ", itoa(s.Epoch),
			", has its high watermark at ", itoa(s.HW), "; every replica that it waits for has fetched all below ", itoa(floor))
	}
}

// seeProposal judges a change of the ISR at the event in which the leader proposes it.
func seeProposal(d *Tally, v *View, c *Change) {
	l, s, p := c.Replica.lead, c.Looked, c.Partition
	if l.pending || s.Pending == nil {
		return
	}
	words := func(at *followerAt, more ...string) []string {
		return append([]string{v.name(c.Node), ", leader of ", p.TP.String(), " in epoch ", itoa(s.Epoch), ", changes the ISR from ", v.names(s.ISR), " to ", v.names(s.Pending), "; ", v.name(at.node)}, more...)
	}
	for _, id := range s.ISR {
		at := l.of(id)
		if slices.Contains(s.Pending, id) || at.unsure || s.BadClock {
			continue
		}
		d.exercised()
		switch lag := Duration(v.now - at.caughtUp); {
		case at.end == s.End:
			d.violate(v, p.fact(ByLeader, at.end, "removes a follower that has everything"), words(at, " has fetched everything below ", itoa(at.end), ", the end of the log")...)
		case at.caughtUp >= 0 && lag <= v.contract.Lag:
			d.violate(v, p.fact(ByLeader, at.end, "removes a follower too early"), words(at, " had everything ", millis(lag), " ago, and replica.lag.time.max.ms is ", millis(v.contract.Lag))...)
		}
	}
	for _, id := range s.Pending {
		at := l.of(id)
		if slices.Contains(s.ISR, id) || at.unsure || at.end < 0 || id == c.Node { // a broker that has just started may handle a fetch later than it arrives
			continue
		}
		d.exercised()
		if need := max(s.HW, l.start); at.end < need {
			d.violate(v, p.fact(ByLeader, at.end, "adds a follower that lacks records"), words(at, " has fetched all below ", itoa(at.end), ", and must have all below ", itoa(need))...)
		}
	}
}
