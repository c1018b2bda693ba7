package replication_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// This test checks the result of the current rule and of the old rule for every exhibit, on one partition. The scenarios
// show the consequences.
func TestOldRules(t *testing.T) {
	cases := map[string]struct {
		play       func(t *testing.T, rules replication.Rules) wire.Offset
		today, old wire.Offset
	}{
		"M1": {func(t *testing.T, rules replication.Rules) wire.Offset {
			f := newNodeUnder(t, rules, 3)
			leader := newNode(t, 2)
			leader.become(2, 0, 0, 0, 2, 3)
			leader.write("a", "b")
			f.become(2, 0, 0, 0, 2, 3)
			f.fetch(leader, 1) // it has both records, and a high watermark of 0
			f.become(1, 1, 1, 0, 1, 2, 3)
			return f.Log().End()
		}, 2, 0},
		"M2": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.write("a", "b")
			l.become(1, 2, 1, 0, 1, 2)
			l.write("c")
			g := l.DecideFetch(replication.FetchState{Follower: 2, BrokerEpoch: 7, FetchOffset: 2, CurrentLeaderEpoch: 2, LastFetchedEpoch: 1})
			if g.Diverges {
				return -1 // epoch 1 is not in the leader's log, so the follower must truncate
			}
			return g.MaxOffset
		}, -1, 3},
		"M3": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 2, 0, 0, 1, 2)
			l.write("a", "b")
			a := replication.FetchState{Follower: 2, BrokerEpoch: 7, FetchOffset: 2, CurrentLeaderEpoch: 0, LastFetchedEpoch: 0}
			_, err := l.Partition.UpdateFollowerFetchState(a, l.DecideFetch(a), 1)
			require.Nil(t, err)
			l.Advance(1)
			return l.HW()
		}, 0, 2},
		"M6": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.write("a", "b")
			l.become(1, 1, 1, 0, 1, 2) // the epoch begins at 2, the high watermark is 0
			l.Fetched(3, 7, 0, 1)
			_, joins := l.ProposeExpand(3)
			return flag(joins)
		}, 0, 1},
		"M9": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.write("a")
			l.become(1, 1, 1, 0, 1, 2)
			l.write("b")
			a := replication.FetchState{Follower: 2, BrokerEpoch: 7, FetchOffset: 5, CurrentLeaderEpoch: 1, LastFetchedEpoch: 0}
			g := l.DecideFetch(a)
			require.True(t, g.Diverges)
			_, err := l.Partition.UpdateFollowerFetchState(a, g, 1)
			require.Nil(t, err)
			l.Advance(1)
			return l.HW()
		}, 0, 2},
		"M20": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.Fetched(3, 7, 0, 1)
			_, joins := l.ProposeExpand(3)
			require.True(t, joins)
			l.write("a")
			l.Fetched(2, 7, 1, env.Instant(2*lag)) // 3 has not fetched for longer than the lag time
			return l.HW()
		}, 0, 1},
		"M22": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2, 3)
			l.write("a")
			l.Fetched(2, 7, 1, 1)
			l.Fetched(2, 7, 1, env.Instant(2*lag))
			_, shrinks := l.ProposeShrink(env.Instant(2 * lag))
			require.True(t, shrinks)
			return l.HW()
		}, 0, 1},
		"M24": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.Fetched(3, 7, 0, 1)
			l.brokers[3] = 8 // it has restarted
			_, joins := l.ProposeExpand(3)
			return flag(joins)
		}, 0, 1},
		"M29": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1) // min.insync.replicas is 2
			b, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: 1}})
			require.NoError(t, err)
			_, err = l.Append(l.d, replication.ClientAppend(b, 1, 0), 1)
			require.NoError(t, err)
			l.Advance(1)
			return l.HW()
		}, 0, 1},
	}
	for _, x := range replication.OldRules() {
		t.Run(x.ID, func(t *testing.T) {
			c, ok := cases[x.ID]
			require.True(t, ok, "an exhibit without a case")
			require.Equal(t, c.today, c.play(t, replication.CurrentRules()), "today")
			old := replication.CurrentRules()
			x.Replace(&old)
			require.Equal(t, c.old, c.play(t, old), "with %s: %s", x.ID, x.Symptom)
			for _, words := range []string{x.Source, x.Versions, x.Symptom, x.Check} {
				require.NotEmpty(t, words)
			}
		})
	}
	require.Len(t, replication.OldRules(), len(cases))
}

func flag(b bool) wire.Offset {
	if b {
		return 1
	}
	return 0
}
