package storage

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// open creates a log on an empty disk.
func open(t *testing.T, cfg Config) (*memDisk, *Log) {
	t.Helper()
	d := newMemDisk()
	l, _, err := Open(d, testDir, cfg, OpenOptions{Wall: testWall})
	require.NoError(t, err)
	return d, l
}

// reopen starts the log after a process crash without a checkpoint.
func reopen(t *testing.T, d *memDisk, cfg Config) (*memDisk, *Log, Recovered) {
	t.Helper()
	c := d.crash()
	l, r, err := Open(c, testDir, cfg, OpenOptions{Wall: testWall})
	require.NoError(t, err)
	return c, l, r
}

func now() wire.Timestamp { return wire.Timestamp(testWall.Millis()) }

func TestLeaderGivesOffsetsAndEpochInACopy(t *testing.T) {
	d, l := open(t, DefaultConfig())
	for i := range 3 {
		p := batchSpec{n: 4, size: 9, ts: now()}.bytes()
		before := slices.Clone(p)
		a, err := l.AppendAsLeader(d, p, 7, OriginClient, testWall)
		require.NoError(t, err)
		require.Equal(t, before, p, "the bytes came off a link")
		require.Equal(t, wire.Offset(4*i), a.First)
		require.Equal(t, wire.Offset(4*i+3), a.Last)
		require.Equal(t, wire.NoTimestamp, a.LogAppendTime)
	}
	data, err := l.Read(d, 5, l.End(), 1<<20, true)
	require.NoError(t, err)
	b, _, err := wire.Next(data.Bytes)
	require.NoError(t, err)
	require.NoError(t, b.Validate())
	require.Equal(t, wire.Offset(4), b.BaseOffset(), "the batch that holds the offset comes whole")
	require.Equal(t, wire.Epoch(7), b.LeaderEpoch())
	require.Equal(t, wire.Offset(12), data.Next)
	require.Equal(t, []EpochStart{{7, 0}}, l.Epochs().Entries())
}

func TestLeaderStampsTime(t *testing.T) {
	cfg := DefaultConfig()
	cfg.TimestampType = wire.LogAppendTime
	d, l := open(t, cfg)
	a, err := l.AppendAsLeader(d, batchSpec{n: 2, ts: 5}.bytes(), 0, OriginClient, testWall)
	require.NoError(t, err)
	require.Equal(t, now(), a.LogAppendTime)
	data, err := l.Read(d, 0, 2, 100, true)
	require.NoError(t, err)
	b := wire.Batch(data.Bytes)
	require.NoError(t, b.Validate())
	require.Equal(t, wire.LogAppendTime, b.TimestampType())
	require.Equal(t, now(), b.MaxTimestamp())
}

func TestLeaderRefuses(t *testing.T) {
	good := func() wire.Batch { return batchSpec{n: 1, size: 10, ts: now()}.bytes() }
	corrupt := good()
	corrupt[len(corrupt)-1] ^= 1
	old := good()
	old[16] = 1
	compact := DefaultConfig()
	compact.Compact = true
	keyless, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: now(), Value: []byte("v")}})
	require.NoError(t, err)
	small := DefaultConfig()
	small.SegmentBytes = 100
	tiny := DefaultConfig()
	tiny.MaxMessageBytes = 70
	for _, c := range []struct {
		name  string
		cfg   Config
		bytes []byte
		from  Origin
		want  error
	}{
		{"nothing", DefaultConfig(), nil, OriginClient, kerr.InvalidRecord},
		{"half a batch", DefaultConfig(), good()[:40], OriginClient, kerr.InvalidRecord},
		{"two batches", DefaultConfig(), append(good(), good()...), OriginClient, kerr.InvalidRecord},
		{"a base offset", DefaultConfig(), batchSpec{n: 1, base: 3, ts: now()}.bytes(), OriginClient, kerr.InvalidRecord},
		{"a bad CRC", DefaultConfig(), corrupt, OriginClient, kerr.CorruptMessage},
		{"an old format", DefaultConfig(), old, OriginClient, kerr.InvalidRecord},
		{"a marker from a client", DefaultConfig(), markerBytes(1, 0, true, 0, now()), OriginClient, kerr.InvalidRecord},
		{"no key on a compacted topic", compact, keyless, OriginClient, kerr.InvalidRecord},
		{"a time in the future", DefaultConfig(), batchSpec{n: 1, ts: now() + 3_600_001}.bytes(), OriginClient, kerr.InvalidTimestamp},
		{"more than max.message.bytes", tiny, good(), OriginClient, kerr.MessageTooLarge},
		{"more than a segment", small, batchSpec{n: 1, size: 100, ts: now()}.bytes(), OriginClient, kerr.RecordListTooLarge},
		{"another epoch's batch in a quorum", DefaultConfig(), batchSpec{n: 1, leader: 4}.bytes(), OriginRaft, kerr.InvalidRecord},
		{"a transaction without verification", DefaultConfig(), batchSpec{n: 1, pid: 9, txn: true, ts: now()}.bytes(), OriginClient, kerr.InvalidTxnState},
	} {
		d, l := open(t, c.cfg)
		ops := d.ops
		_, err := l.AppendAsLeader(d, c.bytes, 5, c.from, testWall)
		require.ErrorIs(t, err, c.want, c.name)
		require.Zero(t, l.End(), c.name)
		require.Equal(t, ops, d.ops, "%s: it touched the disk", c.name)
	}
}

// The checks of a client's batch depend on the log's state of its producer.
func TestSequences(t *testing.T) {
	type batch struct {
		epoch wire.ProducerEpoch
		seq   int32
		n     int
	}
	for _, c := range []struct {
		name   string
		past   []batch
		next   batch
		want   error
		offset wire.Offset // of a duplicate, or -1
	}{
		{"unknown producer starts anywhere", nil, batch{0, 17, 1}, nil, -1},
		{"next in sequence", []batch{{0, 0, 3}}, batch{0, 3, 1}, nil, -1},
		{"a gap", []batch{{0, 0, 3}}, batch{0, 4, 1}, kerr.OutOfOrderSequenceNumber, -1},
		{"a retry of the last", []batch{{0, 0, 3}, {0, 3, 2}}, batch{0, 3, 2}, nil, 3},
		{"a retry of the fifth before", []batch{{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}}, batch{0, 0, 1}, nil, 0},
		{"a retry of the sixth before", []batch{{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}, {0, 5, 1}}, batch{0, 0, 1}, kerr.OutOfOrderSequenceNumber, -1},
		{"half of the last", []batch{{0, 0, 4}}, batch{0, 0, 2}, kerr.OutOfOrderSequenceNumber, -1},
		{"an older epoch", []batch{{2, 0, 1}}, batch{1, 1, 1}, kerr.InvalidProducerEpoch, -1},
		{"a newer epoch from 0", []batch{{2, 0, 5}}, batch{3, 0, 1}, nil, -1},
		{"a newer epoch from elsewhere", []batch{{2, 0, 5}}, batch{3, 5, 1}, kerr.OutOfOrderSequenceNumber, -1},
		{"the same numbers in a newer epoch are no retry", []batch{{2, 0, 1}}, batch{3, 0, 1}, nil, -1},
		{"the wrap", []batch{{0, math.MaxInt32, 1}}, batch{0, 0, 1}, nil, -1},
		{"over the wrap", []batch{{0, math.MaxInt32 - 1, 4}}, batch{0, 2, 1}, nil, -1},
		{"a retry over the wrap", []batch{{0, math.MaxInt32 - 1, 4}}, batch{0, math.MaxInt32 - 1, 4}, nil, 0},
	} {
		d, l := open(t, DefaultConfig())
		put := func(b batch) (Appended, error) {
			return l.AppendAsLeader(d, batchSpec{n: b.n, ts: now(), pid: 8, epoch: b.epoch, seq: b.seq, idempote: true}.bytes(), 0, OriginClient, testWall)
		}
		for _, b := range c.past {
			_, err := put(b)
			require.NoError(t, err, c.name)
		}
		end := l.End()
		a, err := put(c.next)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, c.name)
			require.Equal(t, end, l.End(), c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, c.offset >= 0, a.Duplicate, c.name)
		if a.Duplicate {
			require.Equal(t, c.offset, a.First, c.name)
			require.Equal(t, c.offset+wire.Offset(c.next.n)-1, a.Last, c.name)
			require.Equal(t, end, l.End(), c.name)
		} else {
			require.Equal(t, end, a.First, c.name)
		}
	}
}

func TestTransactionsBoundTheStableOffset(t *testing.T) {
	cfg := DefaultConfig()
	cfg.VerifyTransactions = false
	d, l := open(t, cfg)
	put := func(p []byte, from Origin) error {
		_, err := l.AppendAsLeader(d, p, 0, from, testWall)
		return err
	}
	unstable := func(want wire.Offset) {
		t.Helper()
		at, ok := l.Producers().FirstUnstableOffset()
		require.Equal(t, want >= 0, ok)
		if ok {
			require.Equal(t, want, at)
		}
	}
	txn := func(pid wire.ProducerID, seq int32) []byte {
		return batchSpec{n: 1, ts: now(), pid: pid, seq: seq, txn: true}.bytes()
	}
	unstable(-1)
	require.NoError(t, put(batchSpec{n: 1, ts: now()}.bytes(), OriginClient)) // 0
	require.NoError(t, put(txn(1, 0), OriginClient))                          // 1
	require.NoError(t, put(txn(2, 0), OriginClient))                          // 2
	require.NoError(t, put(txn(1, 1), OriginClient))                          // 3
	unstable(1)
	require.ErrorIs(t, put(batchSpec{n: 1, ts: now(), pid: 2, seq: 1, idempote: true}.bytes(), OriginClient), kerr.InvalidTxnState)
	require.NoError(t, put(markerBytes(1, 0, false, 4, now()), OriginCoordinator)) // 4
	unstable(1)                                                                    // ended, but the marker is not replicated
	l.Producers().OnHighWatermarkUpdated(4)
	unstable(1)
	l.Producers().OnHighWatermarkUpdated(5)
	unstable(2)
	require.ErrorIs(t, put(markerBytes(2, 0, false, 3, now()), OriginCoordinator), nil) // another producer: no fence
	require.ErrorIs(t, put(markerBytes(1, 0, true, 3, now()), OriginCoordinator), kerr.TransactionCoordinatorFenced)
	l.Producers().OnHighWatermarkUpdated(6)
	unstable(-1)
	got, err := l.CollectAborted(d, 0, l.End())
	require.NoError(t, err)
	require.Equal(t, []Aborted{{1, 1, 4, 2}, {2, 2, 5, 6}}, got)
	got, err = l.CollectAborted(d, 0, 2)
	require.NoError(t, err)
	require.Equal(t, []Aborted{{1, 1, 4, 2}}, got, "a search ends where no later marker can matter")
	got, err = l.CollectAborted(d, 5, 6)
	require.NoError(t, err)
	require.Equal(t, []Aborted{{2, 2, 5, 6}}, got)
}

// Transaction version 2 bumps the epoch with every transaction, so a marker with an equal epoch is only a retry.
func TestMarkerEpochs(t *testing.T) {
	const greatest = math.MaxInt16
	for _, c := range []struct {
		name         string
		open         bool
		last, marker wire.ProducerEpoch // of the producer's last batch, and of the marker
		version      int16
		want         error
	}{
		{"version 1, equal", true, 5, 5, 1, nil},
		{"version 1, older", true, 5, 4, 1, kerr.InvalidProducerEpoch},
		{"version 2, equal with an open transaction", true, 5, 5, 2, kerr.InvalidProducerEpoch},
		{"version 2, bumped", true, 5, 6, 2, nil},
		{"version 2, equal and nothing open", false, 5, 5, 2, nil},
		{"version 2, older and nothing open", false, 5, 4, 2, kerr.InvalidProducerEpoch},
		{"version 2, a transaction of the greatest epoch", true, greatest, greatest, 2, nil},
	} {
		cfg := DefaultConfig()
		cfg.VerifyTransactions = false
		d, l := open(t, cfg)
		_, err := l.AppendAsLeader(d, batchSpec{n: 1, ts: now(), pid: 1, epoch: c.last, txn: c.open, idempote: true}.bytes(), 0, OriginClient, testWall)
		require.NoError(t, err)
		_, err = l.AppendVerified(d, markerBytes(1, c.marker, true, 0, now()), 0, OriginCoordinator, testWall, Verification{TransactionVersion: c.version})
		require.ErrorIs(t, err, c.want, c.name)
	}
}

func TestVerification(t *testing.T) {
	d, l := open(t, DefaultConfig())
	verify := func(id wire.ProducerID, seq int32, epochBump bool) VerificationGuard {
		g, err := l.Producers().Verify(id, 0, seq, epochBump, testWall)
		require.NoError(t, err)
		return g
	}
	put := func(seq int32, g VerificationGuard) error {
		_, err := l.AppendVerified(d, batchSpec{n: 1, ts: now(), pid: 1, seq: seq, txn: true}.bytes(), 0, OriginClient, testWall, Verification{Guard: g})
		return err
	}
	require.ErrorIs(t, put(0, 0), kerr.InvalidTxnState, "no verification")
	g := verify(1, 3, false)
	require.Equal(t, g, verify(1, 2, false), "a second batch waits for the same verification")
	require.ErrorIs(t, put(3, g), kerr.OutOfOrderSequenceNumber, "2 was seen and must come first")
	require.ErrorIs(t, put(2, g+1), kerr.InvalidTxnState, "another guard")
	require.NoError(t, put(2, g))
	require.Zero(t, verify(1, 3, false), "an open transaction needs no guard")
	require.NoError(t, put(3, 0))
	_, err := l.AppendAsLeader(d, markerBytes(1, 0, true, 0, now()), 0, OriginCoordinator, testWall)
	require.NoError(t, err)
	require.ErrorIs(t, put(4, g), kerr.InvalidTxnState, "the guard was for the transaction before (KAFKA-14884)")
	require.NotEqual(t, g, verify(1, 4, false))

	fresh := verify(2, 1, true)
	_, err = l.AppendVerified(d, batchSpec{n: 1, ts: now(), pid: 2, seq: 1, txn: true}.bytes(), 0, OriginClient, testWall, Verification{Guard: fresh})
	require.ErrorIs(t, err, kerr.OutOfOrderSequenceNumber, "version 2 starts at 0 (KAFKA-18202)")
}

// A transaction is open in one producer epoch. A newer epoch needs its own verification; an older one is fenced.
func TestVerificationIsPerEpoch(t *testing.T) {
	d, l := open(t, DefaultConfig())
	put := func(epoch wire.ProducerEpoch, from Origin, g VerificationGuard) error {
		_, err := l.AppendVerified(d, batchSpec{n: 1, ts: now(), pid: 1, epoch: epoch, txn: true}.bytes(), 0, from, testWall, Verification{Guard: g})
		return err
	}
	g, err := l.Producers().Verify(1, 5, 0, false, testWall)
	require.NoError(t, err)
	require.NoError(t, put(5, OriginClient, g))
	require.True(t, l.Producers().HasOngoingTransaction(1, 5))
	require.False(t, l.Producers().HasOngoingTransaction(1, 6))
	require.False(t, l.Producers().HasOngoingTransaction(2, 5))
	for _, from := range []Origin{OriginClient, OriginCoordinator} {
		require.ErrorIs(t, put(4, from, 0), kerr.InvalidProducerEpoch, "a fenced producer is fenced before it is unverified")
		require.ErrorIs(t, put(6, from, 0), kerr.InvalidTxnState, "the open transaction is of epoch 5")
	}
	_, err = l.Producers().Verify(1, 4, 0, false, testWall)
	require.ErrorIs(t, err, kerr.InvalidProducerEpoch, "no verification is sent for a fenced producer")
	g, err = l.Producers().Verify(1, 6, 0, false, testWall)
	require.NoError(t, err)
	require.NotZero(t, g)
	require.NoError(t, put(6, OriginCoordinator, g))
}

func TestFollowerTakesOffsetsAsGiven(t *testing.T) {
	cfg := smallConfig()
	d, l := open(t, cfg)
	var p []byte
	for i := range 20 {
		p = append(p, batchSpec{n: 2, size: 30, ts: now() + wire.Timestamp(i), base: wire.Offset(10 + 3*i), leader: wire.Epoch(i / 7)}.bytes()...)
	}
	a, err := l.AppendAsFollower(d, p, 2)
	require.NoError(t, err)
	require.Equal(t, Appended{First: 10, Last: 68, Batches: 20, Bytes: len(p), MaxTimestamp: now() + 20, LogAppendTime: -1, Rolled: true}, a)
	require.Equal(t, wire.Offset(69), l.End())
	require.Greater(t, len(l.Segments()), 3, "one fetch fills several segments")
	require.Equal(t, []EpochStart{{0, 10}, {1, 31}, {2, 52}}, l.Epochs().Entries())

	var u *UnexpectedOffset
	_, err = l.AppendAsFollower(d, batchSpec{n: 1, base: 68, leader: 2}.bytes(), 2)
	require.ErrorAs(t, err, &u)
	require.Equal(t, UnexpectedOffset{68, 68, 69}, *u)

	cut := append(batchSpec{n: 1, base: 69, leader: 2}.bytes(), batchSpec{n: 1, base: 70, leader: 2}.bytes()[:50]...)
	a, err = l.AppendAsFollower(d, cut, 2)
	require.NoError(t, err)
	require.Equal(t, 50, a.Skipped, "a response may end inside a batch")
	require.Equal(t, wire.Offset(70), l.End())

	newer := append(batchSpec{n: 1, base: 70, leader: 2}.bytes(), batchSpec{n: 1, base: 71, leader: 3}.bytes()...)
	a, err = l.AppendAsFollower(d, newer, 2)
	require.NoError(t, err)
	require.Equal(t, 1, a.Batches, "of a leader that this follower does not know yet (KAFKA-18723)")
	require.Equal(t, wire.Offset(71), l.End())

	a, err = l.AppendAsFollower(d, nil, 2)
	require.NoError(t, err)
	require.Equal(t, a.First, a.Last+1)
}

// A corrupt replica must never overwrite a good one: a batch with a bad CRC is refused at any position in the fetch.
func TestFollowerRefusesCorruption(t *testing.T) {
	d, l := open(t, DefaultConfig())
	p := batchSpec{n: 1, size: 50, base: 0}.bytes()
	whole := append(slices.Clone(p), batchSpec{n: 1, size: 50, base: 1}.bytes()...)
	for i := range whole {
		bad := slices.Clone(whole)
		bad[i] ^= 0x40
		a, err := l.AppendAsFollower(d, bad, 1<<30)
		switch {
		case err == nil && a.Batches < 2: // a length that points after the end: a short tail
			require.NoError(t, l.TruncateFullyAndStartAt(d, 0))
		case err == nil: // offset and epoch lie outside the CRC
			at := i % len(p)
			require.True(t, at < 8 || at >= 12 && at < 16, "byte %d", i)
			require.NoError(t, l.TruncateFullyAndStartAt(d, 0))
		default:
			require.False(t, isDisk(err))
			require.Zero(t, l.End(), "byte %d", i)
		}
	}
}

func TestRaftLeaderAppendsAsGiven(t *testing.T) {
	d, l := open(t, DefaultConfig())
	p := append(batchSpec{n: 2, base: 0, leader: 3}.bytes(), batchSpec{n: 1, base: 2, leader: 3}.bytes()...)
	a, err := l.AppendAsLeader(d, p, 3, OriginRaft, testWall)
	require.NoError(t, err)
	require.Equal(t, 2, a.Batches)
	require.Equal(t, wire.Offset(3), l.End())
	var u *UnexpectedOffset
	_, err = l.AppendAsLeader(d, p, 3, OriginRaft, testWall)
	require.True(t, errors.As(err, &u))
}

func TestFlushMessages(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FlushMessages = 3
	d, l := open(t, cfg)
	for i := range 7 {
		_, err := l.AppendAsLeader(d, batchSpec{n: 1, ts: now()}.bytes(), 0, OriginClient, testWall)
		require.NoError(t, err)
		require.Equal(t, wire.Offset((i+1)/3*3), l.RecoveryPoint())
	}
	after := d.powerLoss(fateLost, nil)
	again, r, err := Open(after, testDir, cfg, OpenOptions{Wall: testWall})
	require.NoError(t, err)
	require.Equal(t, wire.Offset(6), again.End())
	require.Nil(t, r.Bad)
}

func TestTimeRollsASegment(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SegmentMs = 10 * env.Second
	cfg.TimestampAfterMax = math.MaxInt64
	d, l := open(t, cfg)
	for _, c := range []struct {
		ts   wire.Timestamp
		want int
	}{{0, 1}, {10_000, 1}, {10_001, 2}, {15_000, 2}, {20_001, 2}, {20_002, 3}, {3, 3}} {
		_, err := l.AppendAsLeader(d, batchSpec{n: 1, ts: now() + c.ts}.bytes(), 0, OriginClient, testWall)
		require.NoError(t, err)
		require.Len(t, l.Segments(), c.want, "after %d ms", c.ts)
	}
}

func TestAFullIndexRollsASegment(t *testing.T) {
	cfg := DefaultConfig()
	cfg.IndexIntervalBytes, cfg.IndexMaxBytes = 0, 80
	d, l := open(t, cfg)
	for i := range 40 {
		_, err := l.AppendAsLeader(d, batchSpec{n: 1, ts: now() + wire.Timestamp(i)}.bytes(), 0, OriginClient, testWall)
		require.NoError(t, err)
	}
	require.Greater(t, len(l.Segments()), 3)
	for _, s := range l.segments {
		require.LessOrEqual(t, len(s.index.data), 80)
		require.LessOrEqual(t, len(s.times.data), 84)
	}
}

func TestAWideGapRollsASegment(t *testing.T) {
	d, l := open(t, DefaultConfig())
	for _, base := range []wire.Offset{0, math.MaxInt32, math.MaxInt32 + 1, 1 << 40} {
		_, err := l.AppendAsFollower(d, batchSpec{n: 1, base: base, ts: now()}.bytes(), 0)
		require.NoError(t, err)
	}
	require.Equal(t, []wire.Offset{0, math.MaxInt32 + 1, 1 << 40}, l.Segments())
	d, l, r := reopen(t, d, DefaultConfig())
	require.Nil(t, r.Bad)
	require.Equal(t, wire.Offset(1<<40+1), l.End())
	data, err := l.Read(d, 5000, l.End(), 10, true)
	require.NoError(t, err)
	require.Equal(t, wire.Offset(math.MaxInt32), data.First)
}
