package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A voter needs a reason to refuse a pre-vote. A leader that has resigned is none, but Kafka's voters do not look at that.
func TestAPreVoteIsRefusedForAReason(t *testing.T) {
	follows := VoterState{Leader: 101, Epoch: 1}
	for name, c := range map[string]struct {
		voter VoterState
		log   wire.Offset // the end of the voter's log, of epoch 1
		asks  PreVote
		by    wire.Epoch // the epoch from which a leader released the voter, 0 if none did
		want  Status
	}{
		"it knows no leader":                     {VoterState{Leader: wire.NoNode, Epoch: 2}, 0, PreVote{Candidate: 103, Epoch: 2}, 0, Violated},
		"its log is as long":                     {VoterState{Leader: wire.NoNode, Epoch: 2}, 3, PreVote{103, 2, 1, 3}, 0, Violated},
		"its log is longer":                      {VoterState{Leader: wire.NoNode, Epoch: 2}, 3, PreVote{103, 2, 1, 2}, 0, Held},
		"its log is longer, and older":           {VoterState{Leader: wire.NoNode, Epoch: 3}, 3, PreVote{103, 3, 2, 1}, 0, Violated},
		"its log is newer":                       {VoterState{Leader: wire.NoNode, Epoch: 2}, 3, PreVote{103, 2, 0, 9}, 0, Held},
		"it leads":                               {VoterState{Leads: true, Leader: 102, Epoch: 2}, 0, PreVote{Candidate: 103, Epoch: 2}, 0, Held},
		"it follows":                             {follows, 0, PreVote{Candidate: 103, Epoch: 1}, 0, Held},
		"it follows a leader that has resigned":  {follows, 0, PreVote{Candidate: 103, Epoch: 1}, 1, Priced},
		"that leader resigned in an older epoch": {VoterState{Leader: 101, Epoch: 3}, 0, PreVote{Candidate: 103, Epoch: 3}, 1, Held},
	} {
		s := staged(2)
		if c.log > 0 {
			s.Appended(s.Metadata(), s.Metadata().Replica(102), Batch{Base: 0, Next: c.log, Epoch: 1})
		}
		s.VoterChanged(102, c.voter)
		if c.by > 0 {
			s.Voter(102).Released(101, c.by)
		}
		s.tick()
		c.asks.Refused(s.View, 102)
		f := find(t, s.done(), "elections-winnable")
		require.Equal(t, c.want, f.Status, "%s: %s", name, f.Explanation)
		if c.want == Priced {
			require.Contains(t, f.Clause, "KAFKA-20895")
		}
	}
}

// What a process that has died last was says nothing of its successor.
func TestAVoterThatWasNotSeenIsNotJudged(t *testing.T) {
	s := staged(2)
	s.VoterChanged(102, VoterState{Leader: wire.NoNode, Epoch: 2})
	s.ControllerDied(102)
	PreVote{Candidate: 103, Epoch: 2}.Refused(s.View, 102)
	require.Equal(t, Unexercised, find(t, s.done(), "elections-winnable").Status)
}
