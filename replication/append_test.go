package replication_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// A producer of transaction version 1, in the epoch of its last InitProducerId.
const (
	producer = wire.ProducerID(9)
	session  = wire.ProducerEpoch(3)
)

// batch returns a batch with one record of the producer, in a transaction or not.
func batch(t *testing.T, epoch wire.ProducerEpoch, sequence int32, transactional bool) wire.Batch {
	o := wire.PlainBatch(0, wire.NoEpoch)
	o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = producer, epoch, sequence, transactional
	b, err := wire.AppendBatch(nil, o, []wire.Record{{Timestamp: 1, Value: []byte("v")}})
	require.NoError(t, err)
	return b
}

// marker ends the producer's transaction in session.
func marker(coordinator wire.Epoch, commit bool) replication.Marker {
	return replication.Marker{ProducerID: producer, ProducerEpoch: session, CoordinatorEpoch: coordinator, TransactionVersion: 1, Commit: commit}
}

// transactional makes a leader that verifies transactions and is alone in the ISR.
func transactional(t *testing.T) *node {
	l := newNode(t, 1)
	require.True(t, storage.DefaultConfig().VerifyTransactions)
	l.become(1, 4, 0, 0, 1, 2)
	return l
}

func (n *node) append(a replication.LeaderAppend) error {
	_, err := n.Append(n.d, a, env.Time(env.Second))
	return err
}

// verify returns the guard of a producer's batch that the transaction coordinator has verified.
func (n *node) verify(b wire.Batch) storage.VerificationGuard {
	g, err := n.VerifyTransaction(b, false, 1)
	require.NoError(n.t, err)
	return g
}

func TestATransactionIsVerifiedAppendedAndEnded(t *testing.T) {
	l := transactional(t)
	first := batch(t, session, 0, true)
	g := l.verify(first)
	require.NotZero(t, g, "the coordinator must be asked")
	require.ErrorIs(t, l.append(replication.ClientAppend(first, 1, 0)), kerr.InvalidTxnState, "without the guard")
	require.NoError(t, l.append(replication.ClientAppend(first, 1, g)))
	second := batch(t, session, 1, true)
	require.Zero(t, l.verify(second), "the transaction is open here")
	require.NoError(t, l.append(replication.ClientAppend(second, 1, 0)))
	require.EqualValues(t, 0, l.LastStableOffset())

	require.NoError(t, l.append(replication.MarkerAppend(marker(7, true), env.Time(env.Second))))
	l.Fetched(2, 7, 3, 1)
	require.EqualValues(t, 3, l.HW())
	require.EqualValues(t, 3, l.LastStableOffset(), "the marker is committed")
	data, err := l.Log().Read(l.d, 2, 3, 1<<20, true)
	require.NoError(t, err)
	end, _, err := wire.Next(data.Bytes)
	require.NoError(t, err)
	require.True(t, end.IsControl() && end.IsTransactional())
	require.EqualValues(t, 1000, end.MaxTimestamp(), "of the broker's clock")
	require.EqualValues(t, 4, end.LeaderEpoch())
	c, err := end.Control()
	require.NoError(t, err)
	value, err := c.Decode()
	require.NoError(t, err)
	require.Equal(t, wire.EndTxnMarker{Commit: true, CoordinatorEpoch: 7}, value)

	require.ErrorIs(t, l.append(replication.ClientAppend(batch(t, session, 2, true), 1, g)), kerr.InvalidTxnState,
		"the guard was for the transaction that has ended (KAFKA-14884)")
	require.ErrorIs(t, l.append(replication.MarkerAppend(marker(6, false), env.Time(env.Second))), kerr.TransactionCoordinatorFenced)
}

// This test checks the appends that are allowed for each origin, by the table of LeaderAppend.
func TestOrigins(t *testing.T) {
	end := replication.MarkerAppend(marker(0, true), env.Time(env.Second))
	control, err := wire.AppendControl(nil, wire.BatchOptions{ProducerID: producer, ProducerEpoch: session}, 1, wire.EndTxnMarker{Commit: true})
	require.NoError(t, err)
	placed, err := wire.AppendBatch(nil, wire.PlainBatch(5, wire.NoEpoch), []wire.Record{{Timestamp: 1}})
	require.NoError(t, err)
	corrupt := batch(t, session, 0, false)
	corrupt[len(corrupt)-1]++
	jump, old, bare := batch(t, session, 8, false), batch(t, session-1, 0, false), batch(t, session, 1, true)
	for _, c := range []struct {
		what   string
		append replication.LeaderAppend
		want   error
	}{
		{"a client's control batch", replication.ClientAppend(control, 1, 0), kerr.InvalidRecord},
		{"a marker", end, nil},
		{"a client's batch with an offset", replication.ClientAppend(placed, 1, 0), kerr.InvalidRecord},
		{"a coordinator's batch with an offset", replication.CoordinatorAppend(placed, 0), nil},
		{"a client's gap in the sequence", replication.ClientAppend(jump, 1, 0), kerr.OutOfOrderSequenceNumber},
		{"a coordinator's batch without a sequence", replication.CoordinatorAppend(jump, 0), nil},
		{"a client of an older epoch", replication.ClientAppend(old, 1, 0), kerr.InvalidProducerEpoch},
		{"offsets of an older epoch", replication.CoordinatorAppend(old, 0), kerr.InvalidProducerEpoch},
		{"a client's transaction, unverified", replication.ClientAppend(bare, 1, 0), kerr.InvalidTxnState},
		{"a transaction's offsets, unverified", replication.CoordinatorAppend(bare, 0), kerr.InvalidTxnState},
		{"a client's corrupt batch", replication.ClientAppend(corrupt, 1, 0), kerr.CorruptMessage},
		{"a coordinator's corrupt batch", replication.CoordinatorAppend(corrupt, 0), kerr.CorruptMessage},
	} {
		l := transactional(t)
		require.NoError(t, l.append(replication.ClientAppend(batch(t, session, 0, false), 1, 0)))
		before := l.Log().End()
		err := l.append(c.append)
		if c.want == nil {
			require.NoError(t, err, c.what)
			require.Equal(t, before+1, l.Log().End(), c.what)
			continue
		}
		require.ErrorIs(t, err, c.want, c.what)
		require.Equal(t, before, l.Log().End(), c.what)
	}
	l := transactional(t)
	retry := replication.CoordinatorAppend(batch(t, session, 0, false), 0)
	require.NoError(t, l.append(retry))
	require.NoError(t, l.append(retry))
	require.EqualValues(t, 2, l.Log().End(), "only a client's batch is a duplicate of another")
}

// The appends of a coordinator and of a marker have acks=all, so they are refused below min.insync.replicas.
func TestACoordinatorAppendsNothingBelowMinISR(t *testing.T) {
	l := transactional(t)
	l.become(1, 4, 1, 0, 1) // min.insync.replicas is 2
	for _, a := range []replication.LeaderAppend{
		replication.CoordinatorAppend(batch(t, session, 0, false), 0), replication.MarkerAppend(marker(0, true), 1),
	} {
		require.ErrorIs(t, l.append(a), kerr.NotEnoughReplicas)
	}
	require.Zero(t, l.Log().End())
}

func TestOnlyALeaderAppendsAndVerifies(t *testing.T) {
	l := transactional(t)
	l.become(2, 5, 1, 0, 1, 2)
	b := batch(t, session, 0, true)
	for _, a := range []replication.LeaderAppend{
		replication.ClientAppend(b, 1, 0), replication.CoordinatorAppend(b, 0), replication.MarkerAppend(marker(0, true), 1),
	} {
		require.ErrorIs(t, l.append(a), kerr.NotLeaderForPartition)
	}
	_, err := l.VerifyTransaction(b, false, 1)
	require.ErrorIs(t, err, kerr.NotLeaderForPartition)
	require.Zero(t, l.Log().End())
}
