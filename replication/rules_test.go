package replication_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// Every exhibit of the museum, on one partition: what today's rule gives, and what the old one gives in its place. The
// scenarios show what comes of it.
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
			f.fetch(leader, 1) // it has both, and knows of none that it is committed
			f.become(1, 1, 1, 0, 1, 2, 3)
			return f.Log().End()
		}, 2, 0},
		"M2": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.write("a", "b")
			l.become(1, 2, 1, 0, 1, 2)
			l.write("c")
			g := l.Grant(replication.Asked{Follower: 2, BrokerEpoch: 7, Next: 2, Epoch: 2, LastEpoch: 1})
			if g.Diverges {
				return -1 // epoch 1 is not in our log: the follower must cut
			}
			return g.Bound
		}, -1, 3},
		"M3": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 2, 0, 0, 1, 2)
			l.write("a", "b")
			a := replication.Asked{Follower: 2, BrokerEpoch: 7, Next: 2, Epoch: 0, LastEpoch: 0}
			_, err := l.Partition.Fetched(a, l.Grant(a), 1)
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
			_, joins := l.Join(3)
			return flag(joins)
		}, 0, 1},
		"M9": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.write("a")
			l.become(1, 1, 1, 0, 1, 2)
			l.write("b")
			a := replication.Asked{Follower: 2, BrokerEpoch: 7, Next: 5, Epoch: 1, LastEpoch: 0}
			g := l.Grant(a)
			require.True(t, g.Diverges)
			_, err := l.Partition.Fetched(a, g, 1)
			require.Nil(t, err)
			l.Advance(1)
			return l.HW()
		}, 0, 2},
		"M20": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.Fetched(3, 7, 0, 1)
			_, joins := l.Join(3)
			require.True(t, joins)
			l.write("a")
			l.Fetched(2, 7, 1, env.Instant(2*lag)) // 3 has been silent for longer than it may lag
			return l.HW()
		}, 0, 1},
		"M22": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2, 3)
			l.write("a")
			l.Fetched(2, 7, 1, 1)
			l.Fetched(2, 7, 1, env.Instant(2*lag))
			_, shrinks := l.Shrink(env.Instant(2 * lag))
			require.True(t, shrinks)
			return l.HW()
		}, 0, 1},
		"M24": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1, 2)
			l.Fetched(3, 7, 0, 1)
			l.brokers[3] = 8 // it restarted since
			_, joins := l.Join(3)
			return flag(joins)
		}, 0, 1},
		"M29": {func(t *testing.T, rules replication.Rules) wire.Offset {
			l := newNodeUnder(t, rules, 1)
			l.become(1, 0, 0, 0, 1) // alone, where two should be
			b, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: 1}})
			require.NoError(t, err)
			_, err = l.Append(l.d, replication.ClientAppend(b, 1, 0), 1)
			require.NoError(t, err)
			l.Advance(1)
			return l.HW()
		}, 0, 1},
	}
	for _, x := range replication.History() {
		t.Run(x.ID, func(t *testing.T) {
			c, ok := cases[x.ID]
			require.True(t, ok, "an exhibit without a case")
			require.Equal(t, c.today, c.play(t, replication.Today()), "today")
			old := replication.Today()
			x.Replace(&old)
			require.Equal(t, c.old, c.play(t, old), "with %s: %s", x.ID, x.Symptom)
			for _, words := range []string{x.Source, x.Versions, x.Symptom, x.Check} {
				require.NotEmpty(t, words)
			}
		})
	}
	require.Len(t, replication.History(), len(cases))
}

func flag(b bool) wire.Offset {
	if b {
		return 1
	}
	return 0
}
