package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// b1 leads orders-0 in epoch 0 with the ISR of all three, and its log ends at 5.
func TestWhatALeaderKnowsOfItsFollowers(t *testing.T) {
	type actions struct {
		look  func(hw wire.Offset, pending []wire.NodeID)
		fetch func(node wire.NodeID, from wire.Offset)
		wait  func(part int64) // of replica.lag.time.max.ms, in quarters
	}
	for name, c := range map[string]struct {
		play func(actions)
		want Status
	}{
		"the high watermark waits for b3": {func(a actions) { a.fetch(2, 5); a.look(0, nil); a.fetch(3, 3); a.look(3, nil) }, Held},
		"it does not pass what all have":  {func(a actions) { a.fetch(3, 3); a.look(0, nil); a.fetch(2, 5); a.look(2, nil) }, Violated},
		"b3 was caught up half the time ago": {func(a actions) {
			a.fetch(3, 5)
			a.look(0, nil)
			a.wait(2)
			a.look(0, ids(1, 2))
		}, Violated},
		"b3 has been behind for too long": {func(a actions) { a.fetch(3, 3); a.look(0, nil); a.wait(5); a.look(0, ids(1, 2)) }, Held},
		"b3 has been behind since the epoch began": {func(a actions) {
			a.wait(2)
			a.look(0, ids(1, 2))
		}, Violated},
		"b3 has everything, and is removed long after": {func(a actions) { a.fetch(3, 5); a.look(0, nil); a.wait(9); a.look(0, ids(1, 2)) }, Violated},
		"b4 joins without a record":                    {func(a actions) { a.fetch(4, 0); a.look(1, ids(1, 2, 3, 4)) }, Violated},
		"b4 joins with all below the high watermark":   {func(a actions) { a.fetch(4, 1); a.look(1, ids(1, 2, 3, 4)) }, Held},
		"a proposal in flight is judged once": {func(a actions) {
			a.fetch(3, 3)
			a.look(0, nil)
			a.wait(5)
			a.look(0, ids(1, 2))
			a.fetch(3, 5)
			a.look(0, ids(1, 2))
		}, Held},
	} {
		v := NewView(Contract{}, All())
		s, look, fetch := led(v)
		c.play(actions{look, fetch, func(n int64) { s.Clock(s.step+1, s.now+n*int64(s.contract.Lag)/4) }})
		f := find(t, s.done(), "followers-known")
		require.Equal(t, c.want, f.Status, "%s: %s", name, f.Explanation)
	}
}

// A follower outside the ISR holds the high watermark back while it counts as caught up.
func TestAFollowerAboutToJoin(t *testing.T) {
	for _, c := range []struct {
		fetched wire.Offset // by b3, before the log grows from 5 to 6
		want    Status
	}{{5, Held}, {4, Violated}} {
		s := newStage(NewView(Contract{}, All()), 2)
		r := s.p.Replica(1)
		look := func(hw, end wire.Offset) {
			s.tick()
			Looked{State: State{Leads: true, HW: hw, End: end, ISR: ids(1, 2)}, MinISR: 2}.Seen(s.View, s.p, r)
		}
		fetch := func(node wire.NodeID, from, end wire.Offset) {
			s.tick()
			Fetched{node, from, end, true}.Arrived(s.View, r)
		}
		look(0, 5)
		fetch(2, 4, 5)
		look(4, 5)
		fetch(3, c.fetched, 5)
		look(4, 5)
		fetch(2, 6, 6)
		look(5, 6)
		require.Equal(t, c.want, find(t, s.done(), "followers-known").Status)
	}
}

// What the leader may have refused, what it may count by a wrong clock, and what another process knew decides nothing.
func TestAnUnsurePosition(t *testing.T) {
	for name, play := range map[string]func(s *stage, r *Replica, look func(Looked)){
		"a fetch that may be refused": func(s *stage, r *Replica, look func(Looked)) {
			Fetched{3, 5, 5, false}.Arrived(s.View, r)
			look(Looked{MinISR: 2})
			Fetched{2, 5, 5, true}.Arrived(s.View, r)
			look(Looked{MinISR: 2})
		},
		"a config that may not be applied": func(s *stage, r *Replica, look func(Looked)) {
			Fetched{3, 5, 5, true}.Arrived(s.View, r)
			look(Looked{})
			Fetched{2, 5, 5, true}.Arrived(s.View, r)
			look(Looked{})
		},
		"a wrong clock": func(_ *stage, _ *Replica, look func(Looked)) {
			look(Looked{State: State{Pending: ids(1, 2)}, BadClock: true})
		},
		"a new process": func(s *stage, r *Replica, look func(Looked)) {
			Fetched{3, 5, 5, true}.Arrived(s.View, r)
			look(Looked{MinISR: 3})
			s.Started(1)
			look(Looked{MinISR: 3})
			Fetched{2, 5, 5, true}.Arrived(s.View, r)
			look(Looked{MinISR: 3})
		},
	} {
		s := newStage(NewView(Contract{}, All()), 2)
		r := s.p.Replica(1)
		look := func(l Looked) {
			s.tick()
			l.Leads, l.End, l.ISR = true, 5, ids(1, 2, 3)
			l.Seen(s.View, s.p, r)
		}
		look(Looked{MinISR: 2})
		play(s, r, look)
		require.NotEqual(t, Violated, find(t, s.done(), "followers-known").Status, name)
	}
}
