package replication_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/wire"
)

// What a leader says to whom, and that a refused fetch changes nothing.
func TestGrant(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 1, 0, 0, 1, 2, 3)
	l.write("a", "b", "c", "d")
	l.Fetched(2, 7, 2, 1)
	l.Fetched(3, 7, 2, 1)
	require.EqualValues(t, 2, l.HW())
	_, err := l.DeleteBefore(l.d, 1)
	require.NoError(t, err)
	consumer := replication.Asked{Follower: wire.NoNode, BrokerEpoch: -1, Next: 2, Epoch: wire.NoEpoch, LastEpoch: wire.NoEpoch}
	follower := replication.Asked{Follower: 2, BrokerEpoch: 7, Next: 3, Epoch: 1, LastEpoch: 1}
	for _, c := range []struct {
		what string
		base replication.Asked
		with func(*replication.Asked)
		want replication.Grant
	}{
		{"a consumer reads what is committed", consumer, nil, replication.Grant{Bound: 2}},
		{"and committed transactions likewise", consumer, func(a *replication.Asked) { a.Committed = true }, replication.Grant{Bound: 2}},
		{"a follower reads everything", follower, nil, replication.Grant{Bound: 4}},
		{"below the start", consumer, func(a *replication.Asked) { a.Next = 0 }, replication.Grant{Err: kerr.OffsetOutOfRange}},
		{"above the end", consumer, func(a *replication.Asked) { a.Next = 5 }, replication.Grant{Err: kerr.OffsetOutOfRange}},
		{"an older epoch", follower, func(a *replication.Asked) { a.Epoch = 0 }, replication.Grant{Err: kerr.FencedLeaderEpoch}},
		{"a newer epoch", follower, func(a *replication.Asked) { a.Epoch = 2 }, replication.Grant{Err: kerr.UnknownLeaderEpoch}},
		{"no replica", follower, func(a *replication.Asked) { a.Follower = 9 }, replication.Grant{Err: kerr.UnknownLeaderEpoch}},
		{"no replica, of old", follower, func(a *replication.Asked) { a.Follower, a.Epoch = 9, wire.NoEpoch }, replication.Grant{Err: kerr.NotLeaderForPartition}},
		{"an epoch we never had", follower, func(a *replication.Asked) { a.LastEpoch = 5 }, replication.Grant{Err: kerr.OffsetOutOfRange}},
		{"below the start, and diverging", follower, func(a *replication.Asked) { a.Next, a.LastEpoch = 0, 0 }, replication.Grant{Err: kerr.OffsetOutOfRange}},
		{"longer than we are", follower, func(a *replication.Asked) { a.Next = 6 }, replication.Grant{Diverges: true}},
	} {
		a := c.base
		if c.with != nil {
			c.with(&a)
		}
		before := l.String()
		g := l.Grant(a)
		if c.want.Diverges {
			require.True(t, g.Diverges, c.what)
			require.EqualValues(t, 1, g.Mark.Epoch)
			require.EqualValues(t, 4, g.Mark.End)
		} else {
			require.Equal(t, c.want, g, c.what)
		}
		if a.Follower != wire.NoNode && (g.Err != nil || g.Diverges) {
			news, err := l.Partition.Fetched(a, g, 5)
			require.False(t, news, c.what)
			require.Nil(t, err)
			l.Advance(5)
		}
		require.Equal(t, before, l.String(), "%s: what is refused changes nothing", c.what)
	}
	l.become(2, 2, 1, 0, 1, 2)
	require.Equal(t, kerr.NotLeaderForPartition, l.Grant(consumer).Err, "it leads no more")
}

// A request that an earlier incarnation of a follower sent and that comes late says nothing about the one that is there.
func TestALateFetchOfAnEarlierIncarnationIsRefused(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a")
	l.brokers[2] = 9
	a := replication.Asked{Follower: 2, BrokerEpoch: 7, Next: 1, LastEpoch: wire.NoEpoch}
	_, err := l.Partition.Fetched(a, l.Grant(a), 1)
	require.Equal(t, kerr.NotLeaderForPartition, err)
	l.Advance(1)
	require.Zero(t, l.HW())
	a.BrokerEpoch = 9
	_, err = l.Partition.Fetched(a, l.Grant(a), 1)
	require.Nil(t, err)
	l.Advance(1)
	require.EqualValues(t, 1, l.HW())
}

func TestDeleteBefore(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a", "b", "c")
	l.Fetched(2, 7, 2, 1)
	for _, c := range []struct {
		to   wire.Offset
		want *kerr.Error
	}{{3, kerr.OffsetOutOfRange}, {-2, kerr.OffsetOutOfRange}} {
		_, err := l.DeleteBefore(l.d, c.to)
		require.ErrorIs(t, err, c.want)
		require.Zero(t, l.Log().Start())
	}
	to, err := l.DeleteBefore(l.d, -1)
	require.NoError(t, err)
	require.EqualValues(t, 2, to, "-1 is the high watermark")
	require.EqualValues(t, -1, l.LowWatermark(), "3, which is up, has never fetched")
	a := replication.Asked{Follower: 2, BrokerEpoch: 7, Next: 3, Start: 2, LastEpoch: wire.NoEpoch}
	_, kerror := l.Partition.Fetched(a, l.Grant(a), 2)
	require.Nil(t, kerror)
	require.EqualValues(t, -1, l.LowWatermark(), "3 still has not")
	l.brokers[3] = 0
	require.EqualValues(t, 2, l.LowWatermark(), "who is down is not waited for")
}

// DeleteRecords may cut inside a batch; a follower that is empty and begins there takes the whole batch.
func TestAnEmptyFollowerBeginsInsideABatch(t *testing.T) {
	l, f := newNode(t, 2), newNode(t, 3)
	l.become(2, 0, 0, 0, 2, 3)
	b, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: 1}, {Offset: 1, Timestamp: 1}, {Offset: 2, Timestamp: 1}})
	require.NoError(t, err)
	_, err = l.Append(l.d, replication.ClientAppend(b, 1, 0), 1)
	require.NoError(t, err)
	f.become(2, 0, 0, 0, 2, 3)
	require.NoError(t, f.Restart(f.d, 1))
	data, err := l.Log().Read(l.d, 1, l.Log().End(), 1<<20, true)
	require.NoError(t, err)
	require.NoError(t, f.Replicate(f.d, data.Bytes, 3, 1))
	require.EqualValues(t, 1, f.Log().Start())
	require.EqualValues(t, 3, f.Log().End())
	require.EqualValues(t, 3, f.HW())
}
