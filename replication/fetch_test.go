package replication_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/wire"
)

// This test checks the leader's decision on each kind of fetch, and that a refused fetch changes nothing.
func TestDecideFetch(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 1, 0, 0, 1, 2, 3)
	l.write("a", "b", "c", "d")
	l.Fetched(2, 7, 2, 1)
	l.Fetched(3, 7, 2, 1)
	require.EqualValues(t, 2, l.HW())
	_, err := l.DeleteRecords(l.d, 1)
	require.NoError(t, err)
	consumer := replication.FetchState{Follower: wire.NoNode, BrokerEpoch: -1, FetchOffset: 2, CurrentLeaderEpoch: wire.NoEpoch, LastFetchedEpoch: wire.NoEpoch}
	follower := replication.FetchState{Follower: 2, BrokerEpoch: 7, FetchOffset: 3, CurrentLeaderEpoch: 1, LastFetchedEpoch: 1}
	for _, c := range []struct {
		what string
		base replication.FetchState
		with func(*replication.FetchState)
		want replication.FetchDecision
	}{
		{"a consumer reads what is committed", consumer, nil, replication.FetchDecision{MaxOffset: 2}},
		{"and committed transactions likewise", consumer, func(a *replication.FetchState) { a.ReadCommitted = true }, replication.FetchDecision{MaxOffset: 2}},
		{"a follower reads everything", follower, nil, replication.FetchDecision{MaxOffset: 4}},
		{"below the start", consumer, func(a *replication.FetchState) { a.FetchOffset = 0 }, replication.FetchDecision{Err: kerr.OffsetOutOfRange}},
		{"above the end", consumer, func(a *replication.FetchState) { a.FetchOffset = 5 }, replication.FetchDecision{Err: kerr.OffsetOutOfRange}},
		{"an older epoch", follower, func(a *replication.FetchState) { a.CurrentLeaderEpoch = 0 }, replication.FetchDecision{Err: kerr.FencedLeaderEpoch}},
		{"a newer epoch", follower, func(a *replication.FetchState) { a.CurrentLeaderEpoch = 2 }, replication.FetchDecision{Err: kerr.UnknownLeaderEpoch}},
		{"no replica", follower, func(a *replication.FetchState) { a.Follower = 9 }, replication.FetchDecision{Err: kerr.UnknownLeaderEpoch}},
		{"no replica, of old", follower, func(a *replication.FetchState) { a.Follower, a.CurrentLeaderEpoch = 9, wire.NoEpoch }, replication.FetchDecision{Err: kerr.NotLeaderForPartition}},
		{"an epoch that the leader never had", follower, func(a *replication.FetchState) { a.LastFetchedEpoch = 5 }, replication.FetchDecision{Err: kerr.OffsetOutOfRange}},
		{"below the start, and diverging", follower, func(a *replication.FetchState) { a.FetchOffset, a.LastFetchedEpoch = 0, 0 }, replication.FetchDecision{Err: kerr.OffsetOutOfRange}},
		{"a longer log than the leader's", follower, func(a *replication.FetchState) { a.FetchOffset = 6 }, replication.FetchDecision{Diverges: true}},
	} {
		a := c.base
		if c.with != nil {
			c.with(&a)
		}
		before := l.String()
		g := l.DecideFetch(a)
		if c.want.Diverges {
			require.True(t, g.Diverges, c.what)
			require.EqualValues(t, 1, g.DivergingEpoch.Epoch)
			require.EqualValues(t, 4, g.DivergingEpoch.End)
		} else {
			require.Equal(t, c.want, g, c.what)
		}
		if a.Follower != wire.NoNode && (g.Err != nil || g.Diverges) {
			news, err := l.Partition.UpdateFollowerFetchState(a, g, 5)
			require.False(t, news, c.what)
			require.Nil(t, err)
			l.Advance(5)
		}
		require.Equal(t, before, l.String(), "%s: a refused fetch changes nothing", c.what)
	}
	l.become(2, 2, 1, 0, 1, 2)
	require.Equal(t, kerr.NotLeaderForPartition, l.DecideFetch(consumer).Err, "it leads no more")
}

// A late request of an earlier incarnation says nothing about the log of the registered one.
func TestALateFetchOfAnEarlierIncarnationIsRefused(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a")
	l.brokers[2] = 9
	a := replication.FetchState{Follower: 2, BrokerEpoch: 7, FetchOffset: 1, LastFetchedEpoch: wire.NoEpoch}
	_, err := l.Partition.UpdateFollowerFetchState(a, l.DecideFetch(a), 1)
	require.Equal(t, kerr.NotLeaderForPartition, err)
	l.Advance(1)
	require.Zero(t, l.HW())
	a.BrokerEpoch = 9
	_, err = l.Partition.UpdateFollowerFetchState(a, l.DecideFetch(a), 1)
	require.Nil(t, err)
	l.Advance(1)
	require.EqualValues(t, 1, l.HW())
}

func TestDeleteRecords(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a", "b", "c")
	l.Fetched(2, 7, 2, 1)
	for _, c := range []struct {
		to   wire.Offset
		want *kerr.Error
	}{{3, kerr.OffsetOutOfRange}, {-2, kerr.OffsetOutOfRange}} {
		_, err := l.DeleteRecords(l.d, c.to)
		require.ErrorIs(t, err, c.want)
		require.Zero(t, l.Log().Start())
	}
	to, err := l.DeleteRecords(l.d, -1)
	require.NoError(t, err)
	require.EqualValues(t, 2, to, "-1 is the high watermark")
	require.EqualValues(t, -1, l.LowWatermark(), "3, which is up, has never fetched")
	a := replication.FetchState{Follower: 2, BrokerEpoch: 7, FetchOffset: 3, LogStartOffset: 2, LastFetchedEpoch: wire.NoEpoch}
	_, kerror := l.Partition.UpdateFollowerFetchState(a, l.DecideFetch(a), 2)
	require.Nil(t, kerror)
	require.EqualValues(t, -1, l.LowWatermark(), "3 still has not")
	l.brokers[3] = 0
	require.EqualValues(t, 2, l.LowWatermark(), "a fenced broker is left out")
}

// DeleteRecords may leave a log start inside a batch; an empty follower that starts there takes the whole batch.
func TestAnEmptyFollowerBeginsInsideABatch(t *testing.T) {
	l, f := newNode(t, 2), newNode(t, 3)
	l.become(2, 0, 0, 0, 2, 3)
	b, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: 1}, {Offset: 1, Timestamp: 1}, {Offset: 2, Timestamp: 1}})
	require.NoError(t, err)
	_, err = l.Append(l.d, replication.ClientAppend(b, 1, 0), 1)
	require.NoError(t, err)
	f.become(2, 0, 0, 0, 2, 3)
	require.NoError(t, f.TruncateFullyAndStartAt(f.d, 1))
	data, err := l.Log().Read(l.d, 1, l.Log().End(), 1<<20, true)
	require.NoError(t, err)
	require.NoError(t, f.Replicate(f.d, data.Bytes, 3, 1))
	require.EqualValues(t, 1, f.Log().Start())
	require.EqualValues(t, 3, f.Log().End())
	require.EqualValues(t, 3, f.HW())
}
