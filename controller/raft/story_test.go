package raft_test

import (
	"testing"

	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// until moves the world until a condition holds, for at most ten virtual seconds.
func (q *quorum) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := q.Now() + 10*second; !cond(); {
		if q.Now() > end {
			t.Fatalf("ten seconds and still not: %s", what)
		}
		q.run(q.Now() + sim.Time(env.Millisecond))
		if len(q.fouls) > 0 {
			t.Fatalf("while waiting for %q: %s", what, q.fouls[0])
		}
	}
}

func (q *quorum) untilReady(t *testing.T) env.Addr {
	t.Helper()
	q.until(t, "a leader that has committed in its epoch", func() bool { l := q.leader(); return l != "" && q.node(l).Ready() })
	return q.leader()
}

// others are all members but one.
func (q *quorum) others(x env.Addr) (all []env.Addr) {
	for _, a := range q.addrs {
		if a != x {
			all = append(all, a)
		}
	}
	return all
}

// An isolated leader resigns within 1.5 fetch timeouts; before KAFKA-15489 it stayed.
func TestIsolatedLeaderResigns(t *testing.T) {
	for _, old := range []bool{false, true} {
		q := newQuorum(5, 3, false, use("K5", old))
		l := q.untilReady(t)
		epoch := q.node(l).Epoch()
		q.Cut(q.others(l), []env.Addr{l}) // both ways
		q.Cut([]env.Addr{l}, q.others(l))
		q.run(q.Now() + sim.Time(350*env.Millisecond))
		n := q.node(l)
		if stays := n.State() == raft.Leader && n.Epoch() == epoch; stays != old {
			t.Errorf("old rule %v: 350 ms after its isolation the leader of epoch %d is %v in epoch %d", old, epoch, n.State(), n.Epoch())
		}
		q.until(t, "the others have a leader", func() bool { x := q.leader(); return x != l && x != "" && q.node(x).Ready() })
	}
}

// A single voter is never without its quorum (KAFKA-16144).
func TestSingleVoterLeadsForEver(t *testing.T) {
	q := newQuorum(1, 1, true, nil)
	q.untilReady(t)
	q.run(q.Now() + 20*second)
	if n := q.node("c1"); n.State() != raft.Leader || n.Epoch() != 1 {
		t.Errorf("after 20 s alone: %v in epoch %d, wanted Leader in epoch 1", n.State(), n.Epoch())
	}
}

// A voter that was partitioned asks for pre-votes before it raises the epoch, so a leader that the others fetch from
// stays. Before KIP-996 the voter deposed it after every partition.
func TestReturningVoterDoesNotDisrupt(t *testing.T) {
	for _, old := range []bool{false, true} {
		q := newQuorum(9, 3, false, use("K6", old))
		l := q.untilReady(t)
		epoch := q.node(l).Epoch()
		away := q.others(l)[:1]
		for range 3 {
			q.Partition(away, q.others(away[0]))
			q.run(q.Now() + second)
			q.HealAll()
			q.run(q.Now() + second)
		}
		q.untilReady(t)
		if deposed := q.node(q.leader()).Epoch() != epoch; deposed != old {
			t.Errorf("old rule %v: the epoch went from %d to %d while one voter came and went", old, epoch, q.node(q.leader()).Epoch())
		}
	}
}

// Voters with equal timeouts split the vote again and again (KAFKA-18345). Now the timeouts differ even if all draw the
// same number.
func TestEqualTimeoutsNeverElect(t *testing.T) {
	for _, old := range []bool{false, true} {
		q := &quorum{
			World: sim.New(sim.Config{Net: sim.Ideal(), FIFO: true, Overrides: []sim.Override{{Kind: sim.Off, Site: "raft.election-timeout"}}}),
			seen:  map[place]batch{}, leads: map[int64]int64{}, votes: map[[2]int64]int64{}, hws: map[env.Addr]int64{}, epochs: map[env.Addr]int64{}, marks: map[string]int{},
		}
		q.populate(3, false, 1, use("K7", old))
		q.run(20 * second)
		if n := q.marks["raft.candidate"]; old != (n > 100) || !old && q.leader() == "" {
			t.Errorf("old rule %v: after 20 s without chance in the timeouts the leader is %q, %d candidacies", old, q.leader(), n)
		}
	}
}

// use switches an exhibit on.
func use(id string, on bool) func(*raft.Config) {
	return func(c *raft.Config) {
		for _, x := range raft.OldRules() {
			if on && x.ID == id {
				x.Replace(&c.Rules)
			}
		}
	}
}

// A leader that shuts down resigns first, so the other voters need not wait for a fetch timeout.
func TestLeaderHandsOverWhenItStops(t *testing.T) {
	q := newQuorum(3, 3, true, nil)
	l := q.untilReady(t)
	q.run(q.Now() + second/5)
	at := q.Now()
	q.World.Stop(l)
	q.until(t, "the next leader", func() bool { x := q.leader(); return x != "" && x != l && q.node(x).Ready() })
	if took := env.Duration(q.Now() - at); took > 100*env.Millisecond { // a voter without EndQuorumEpoch may refuse the first successor; the next waits for 50
		t.Errorf("the hand-over took %d ms, wanted much less than a fetch timeout of 200", took/env.Millisecond)
	}
	q.until(t, "the old leader is gone", func() bool { return !q.Running(l) })
	if reason, ok := q.Exited(l); !ok || reason != nil {
		t.Errorf("the old leader ended with %v, exited %v; wanted a clean end", reason, ok)
	}
}

// The first state of a restarted voter follows from its quorum-state file and its log alone.
func TestRestart(t *testing.T) {
	for _, tc := range []struct {
		name  string
		file  wire.QuorumState
		state raft.State
		epoch wire.Epoch
		voted wire.NodeID
	}{
		{"led", wire.QuorumState{LeaderEpoch: 7, LeaderID: 101, VotedID: 101}, raft.Resigned, 7, 101},
		{"followed", wire.QuorumState{LeaderEpoch: 7, LeaderID: 102, VotedID: -1}, raft.Follower, 7, -1},
		{"followed after its own candidacy", wire.QuorumState{LeaderEpoch: 7, LeaderID: 102, VotedID: 101}, raft.Follower, 7, 101},
		{"was a candidate", wire.QuorumState{LeaderEpoch: 7, LeaderID: -1, VotedID: 101}, raft.Candidate, 7, 101},
		{"had voted", wire.QuorumState{LeaderEpoch: 7, LeaderID: -1, VotedID: 103}, raft.Unattached, 7, 103},
		{"knew an epoch", wire.QuorumState{LeaderEpoch: 7, LeaderID: -1, VotedID: -1}, raft.Unattached, 7, -1},
		{"log is newer", wire.QuorumState{LeaderEpoch: 2, LeaderID: 101, VotedID: 101}, raft.Unattached, 5, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			tc.file.CurrentVoters = []wire.NodeID{101, 102, 103}
			b.file(tc.file)
			b.append(5, "a", "b")
			b.start()
			if b.State() != tc.state || b.Epoch() != tc.epoch || b.Voted() != tc.voted {
				t.Errorf("it is %v in epoch %d and voted for %d, wanted %v in %d, %d", b.State(), b.Epoch(), b.Voted(), tc.state, tc.epoch, tc.voted)
			}
		})
	}
}
