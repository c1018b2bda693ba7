package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatchRoundTrip(t *testing.T) {
	want := []Record{
		{Offset: 7, Timestamp: 1000, Key: []byte("k"), Value: []byte("v")},
		{Offset: 8, Timestamp: 999, Value: []byte{}, Headers: []Header{{Key: "h"}, {Key: "h", Value: []byte{1}}}},
		{Offset: 11, Timestamp: 1001, Key: []byte{}},
	}
	b, err := AppendBatch(nil, PlainBatch(7, 3), want)
	require.NoError(t, err)
	batch, rest, err := Next(b)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.NoError(t, batch.Validate())
	got, err := batch.AppendRecords(nil)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, Offset(12), batch.NextOffset())
	require.Equal(t, Timestamp(1001), batch.MaxTimestamp())

	batch.Patch(1<<40, 9)
	require.NoError(t, batch.Validate())
	require.Equal(t, Offset(1<<40+4), batch.LastOffset())
	require.Equal(t, Epoch(9), batch.LeaderEpoch())

	_, _, err = Next(b[:len(b)-1])
	require.ErrorIs(t, err, ErrShortBatch)
}

func TestControlRoundTrip(t *testing.T) {
	values := []ControlValue{
		LeaderChange{Version: 1, LeaderID: 3, Voters: []LeaderChangeVoter{{VoterID: 3, DirectoryID: UUID{7}}}, GrantingVoters: []LeaderChangeVoter{{VoterID: 3}}},
		SnapshotHeader{5}, SnapshotFooter{}, KRaftVersion{1},
		KRaftVoters{[]KRaftVoter{{ID: 1, DirectoryID: UUID{1}, Endpoints: []KRaftEndpoint{{"C", "h", 9093}}, MaxVersion: 1}}},
	}
	b, err := AppendControl(nil, PlainBatch(0, 1), 77, values...)
	require.NoError(t, err)
	require.NoError(t, Batch(b).Validate())
	i := 0
	for c, err := range Batch(b).Controls() {
		require.NoError(t, err)
		v, err := c.Decode()
		require.NoError(t, err)
		require.Equal(t, values[i], v)
		require.Equal(t, Offset(i), c.Offset)
		i++
	}
	require.Equal(t, len(values), i)

	b, err = AppendControl(nil, BatchOptions{ProducerID: 4, ProducerEpoch: 2, BaseOffset: 9}, 77, EndTxnMarker{Commit: true, CoordinatorEpoch: 6})
	require.NoError(t, err)
	c, err := Batch(b).Control()
	require.NoError(t, err)
	v, err := c.Decode()
	require.NoError(t, err)
	require.Equal(t, EndTxnMarker{Commit: true, CoordinatorEpoch: 6}, v)
	require.True(t, Batch(b).IsTransactional())
	require.Equal(t, NoSequence, Batch(b).LastSequence())
}
