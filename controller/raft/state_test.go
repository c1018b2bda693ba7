package raft

import (
	"strings"
	"testing"

	"samsa/sim/env"
	"samsa/wire"
)

// Which state may follow which, in the same epoch (=) and in a later one (>); none may follow in an earlier one.
func TestMayBecome(t *testing.T) {
	all := []State{Unattached, Prospective, Candidate, Leader, Follower, Resigned}
	want := map[State]string{ // a column for each state, in the order above
		Unattached:  "=>  =   >  .   =>  . ",
		Prospective: "=>  .   >  .   =>  . ",
		Candidate:   " >  =   >  =   =>  . ",
		Leader:      " >  .   .  .    >  = ",
		Follower:    " >  =   >  .    >  . ",
		Resigned:    " >  =   >  .    >  . ",
	}
	for _, from := range all {
		marks := strings.Fields(strings.NewReplacer("=>", "both", "=", "same", ">", "later", ".", "never").Replace(want[from]))
		if len(marks) != len(all) {
			t.Fatalf("%v has %d columns: %v", from, len(marks), marks)
		}
		for i, to := range all {
			same, later := mayBecome(from, to, 3, 3), mayBecome(from, to, 3, 4)
			if wantSame, wantLater := marks[i] == "both" || marks[i] == "same", marks[i] == "both" || marks[i] == "later"; same != wantSame || later != wantLater {
				t.Errorf("%v to %v: same epoch %v, later epoch %v; wanted %v and %v", from, to, same, later, wantSame, wantLater)
			}
			if mayBecome(from, to, 3, 2) {
				t.Errorf("%v in epoch 3 may become %v in epoch 2", from, to)
			}
		}
	}
}

// An illegal transition stops the world, and says which states it was between.
func TestIllegalTransitionPanics(t *testing.T) {
	for _, tc := range []struct {
		from, to State
		next     wire.Epoch
		want     string
	}{
		{Leader, Candidate, 4, "raft: node 101 cannot go from Leader in epoch 3 to Candidate in epoch 4"},
		{Follower, Leader, 3, "raft: node 101 cannot go from Follower in epoch 3 to Leader in epoch 3"},
		{Follower, Unattached, 2, "raft: node 101 cannot go from Follower in epoch 3 to Unattached in epoch 2"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			r := &Replica{cfg: Config{Node: 101}, state: tc.from, election: election{epoch: 3}, transition: 1}
			defer func() {
				if got := recover(); got != tc.want {
					t.Errorf("it panics with %v", got)
				}
				if r.state != tc.from || r.epoch != 3 {
					t.Errorf("it is %v in epoch %d now", r.state, r.epoch)
				}
			}()
			r.transitionTo(nil, tc.to, election{epoch: tc.next}, env.Second)
		})
	}
}
