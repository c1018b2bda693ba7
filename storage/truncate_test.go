package storage

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// OffsetForLeaderEpoch returns the ends of epochs.
func TestEpochCache(t *testing.T) {
	var c EpochCache
	mark := func(e wire.Epoch, want EpochEndOffset, known bool) {
		t.Helper()
		got, ok := c.EndOffsetFor(e, 90)
		require.Equal(t, known, ok)
		require.Equal(t, want, got)
	}
	none := EpochEndOffset{wire.NoEpoch, -1}
	mark(3, none, false)
	require.True(t, c.assign(2, 0))
	require.True(t, c.assign(5, 40))
	require.True(t, c.assign(6, 61))
	mark(wire.NoEpoch, none, false)
	mark(1, EpochEndOffset{1, 0}, true)  // before everything: the first start
	mark(2, EpochEndOffset{2, 40}, true) // an old one ends where the next begins
	mark(4, EpochEndOffset{2, 40}, true) // nothing of it: the greatest below
	mark(5, EpochEndOffset{5, 61}, true)
	mark(6, EpochEndOffset{6, 90}, true) // the latest ends with the log
	mark(7, none, false)

	require.False(t, c.assign(6, 80), "it has started already")
	require.True(t, c.assign(6, 50), "it started earlier than was known")
	require.Equal(t, []EpochStart{{2, 0}, {5, 40}, {6, 50}}, c.Entries())
	require.True(t, c.assign(7, 45), "entries behind it were never right")
	require.Equal(t, []EpochStart{{2, 0}, {5, 40}, {7, 45}}, c.Entries())
	require.True(t, c.assign(4, 60), "an older epoch cannot follow a newer one")
	require.Equal(t, []EpochStart{{2, 0}, {4, 60}}, c.Entries())

	require.Equal(t, wire.Epoch(2), c.At(59))
	require.Equal(t, wire.Epoch(4), c.At(60))
	require.Equal(t, wire.Epoch(2), c.Previous(4))
	require.Equal(t, wire.NoEpoch, c.Previous(2))

	require.True(t, c.truncateFromStart(10))
	require.Equal(t, []EpochStart{{2, 10}, {4, 60}}, c.Entries())
	require.False(t, c.truncateFromStart(10))
	require.True(t, c.truncateFromStart(60))
	require.Equal(t, []EpochStart{{4, 60}}, c.Entries())
	require.Equal(t, wire.NoEpoch, c.At(59))
	require.False(t, c.truncateFromEnd(61))
	require.True(t, c.truncateFromEnd(60))
	require.Empty(t, c.Entries())
	require.False(t, c.truncateFromStart(70))
}

// A new leader's epoch must be in the cache and on the disk before it appends (KAFKA-7415). A restart removes the
// epoch, because it has no batch.
func TestAnEpochWithoutABatch(t *testing.T) {
	d, l := open(t, smallConfig())
	_, err := l.AppendAsFollower(d, batchSpec{n: 3, leader: 1}.bytes(), 1)
	require.NoError(t, err)
	require.NoError(t, l.AssignEpoch(d, 4, l.End()))
	m, ok := l.EndOffsetFor(1)
	require.True(t, ok)
	require.Equal(t, EpochEndOffset{1, 3}, m)
	content, err := readFile(d, join(testDir, epochsFile))
	require.NoError(t, err)
	require.Equal(t, "0\n2\n1 0\n4 3\n", string(content))
	_, l, _ = reopen(t, d, smallConfig())
	require.Equal(t, wire.Epoch(1), l.Epochs().Latest())
}

// An epochs file that is older than the log must be updated. No crash can leave such a file, but a faulty device can.
func TestRecoveryLearnsEpochs(t *testing.T) {
	d, l := open(t, smallConfig())
	for i := range 12 {
		_, err := l.AppendAsFollower(d, batchSpec{n: 2, size: 60, base: l.End(), leader: wire.Epoch(i / 3), ts: now()}.bytes(), 9)
		require.NoError(t, err)
	}
	want := l.Epochs().Entries()
	require.NoError(t, writeFile(d, join(testDir, epochsFile), encodeEpochs(want[:1]), true))
	_, l, _ = reopen(t, d, smallConfig())
	require.Equal(t, want, l.Epochs().Entries())
}

// A missing or invalid epochs file must be rebuilt from the batches.
func TestEpochsComeBackFromTheLog(t *testing.T) {
	for _, garbage := range []string{"", "7\n", "0\n9\n1 1\n", "0\n1\nx y\n", "0\n1\n-1 4\n"} {
		d, l := open(t, smallConfig())
		for i := range 12 {
			_, err := l.AppendAsFollower(d, batchSpec{n: 2, size: 60, base: l.End(), leader: wire.Epoch(i / 3), ts: now()}.bytes(), 9)
			require.NoError(t, err)
		}
		want := l.Epochs().Entries()
		require.NoError(t, l.Close(d))
		d = d.crash()
		require.NoError(t, writeFile(d, join(testDir, epochsFile), []byte(garbage), true))
		l, _, err := Open(d, testDir, smallConfig(), OpenOptions{Clean: true, Wall: testWall})
		require.NoError(t, err)
		require.Equal(t, want, l.Epochs().Entries())
	}
}

func TestTruncateInsideABatchTakesTheBatch(t *testing.T) {
	d, l := open(t, smallConfig())
	w := &world{d: d, l: l, cfg: smallConfig(), seqs: map[wire.ProducerID]int32{}}
	require.NoError(t, w.follow(8, wire.CodecNone)) // two offsets each
	require.NoError(t, l.TruncateTo(d, 7))
	require.Equal(t, wire.Offset(6), l.End())
	require.NoError(t, l.TruncateTo(d, 9), "nothing is there to cut")
	require.Equal(t, wire.Offset(6), l.End())
	require.NoError(t, l.TruncateTo(d, 0))
	require.Zero(t, l.End())
	require.ErrorIs(t, l.TruncateTo(d, -1), kerr.OffsetOutOfRange)
}

func TestRetention(t *testing.T) {
	fill := func(cfg Config) (*memDisk, *Log) {
		d, l := open(t, cfg)
		w := &world{d: d, l: l, cfg: cfg, seqs: map[wire.ProducerID]int32{}, ts: now()}
		require.NoError(t, w.follow(24, wire.CodecNone))
		require.Greater(t, len(l.Segments()), 4)
		return d, l
	}
	t.Run("by size, not below the limit", func(t *testing.T) {
		cfg := smallConfig()
		cfg.RetentionBytes = 1300
		d, l := fill(cfg)
		gone, err := l.Retain(d, testWall, l.End())
		require.NoError(t, err)
		require.NotEmpty(t, gone)
		require.GreaterOrEqual(t, l.Bytes(), int64(1300))
		require.Less(t, l.Bytes()-l.segments[0].size, int64(1300), "one more would have been too many")
		require.Equal(t, gone[len(gone)-1].Next, l.Start())
		require.Equal(t, ReasonSize, gone[0].Reason)
		_, err = l.Read(d, l.Start()-1, l.End(), 1, true)
		require.ErrorIs(t, err, kerr.OffsetOutOfRange)
	})
	t.Run("by time, of the newest record", func(t *testing.T) {
		cfg := smallConfig()
		cfg.RetentionMs = 1000 * env.Millisecond
		d, l := fill(cfg)
		newest := l.segments[1].maxTime
		at := env.Time(newest+1000) * env.Time(env.Millisecond)
		gone, err := l.Retain(d, at, l.End())
		require.NoError(t, err)
		require.Len(t, gone, 1, "exactly the limit is not beyond it")
		gone, err = l.Retain(d, at+env.Time(env.Millisecond), l.End())
		require.NoError(t, err)
		require.Len(t, gone, 1)
		require.Equal(t, ReasonTime, gone[0].Reason)
	})
	t.Run("all of it: an empty segment takes over", func(t *testing.T) {
		cfg := smallConfig()
		cfg.RetentionMs = 0
		d, l := fill(cfg)
		end := l.End()
		gone, err := l.Retain(d, testWall+env.Time(env.Hour), end)
		require.NoError(t, err)
		require.NotEmpty(t, gone)
		require.Equal(t, []wire.Offset{end}, l.Segments())
		require.Equal(t, end, l.Start())
		gone, err = l.Retain(d, testWall+env.Time(env.Hour), end)
		require.NoError(t, err)
		require.Empty(t, gone, "an empty segment stays")
		_, l, _ = reopen(t, d, cfg)
		require.Equal(t, end, l.End(), "the end survives although nothing is left")
	})
	t.Run("S85: never above the high watermark", func(t *testing.T) {
		cfg := smallConfig()
		cfg.RetentionBytes = 0
		d, l := fill(cfg)
		third := l.Segments()[2]
		hw := third - 1
		_, err := l.Retain(d, testWall, hw)
		require.NoError(t, err)
		require.Equal(t, third, l.Segments()[1], "the one that ends behind it stays")
		require.Equal(t, l.Segments()[0], l.Start())
		require.LessOrEqual(t, l.Start(), hw)
		require.Greater(t, len(l.Segments()), 2)
	})
	t.Run("no deletion without the policy", func(t *testing.T) {
		cfg := smallConfig()
		cfg.Delete, cfg.RetentionBytes, cfg.RetentionMs = false, 0, 0
		d, l := fill(cfg)
		gone, err := l.Retain(d, testWall+env.Time(env.Hour), l.End())
		require.NoError(t, err)
		require.Empty(t, gone)
	})
	t.Run("delete records, then the segments below", func(t *testing.T) {
		cfg := smallConfig()
		cfg.Delete = false
		d, l := fill(cfg)
		to := l.Segments()[2] + 1
		moved, err := l.AdvanceStart(d, to, l.End())
		require.NoError(t, err)
		require.True(t, moved)
		require.Equal(t, to, l.Start())
		_, err = l.Read(d, to-1, l.End(), 1, true)
		require.ErrorIs(t, err, kerr.OffsetOutOfRange)
		gone, err := l.Retain(d, testWall, l.End())
		require.NoError(t, err)
		require.Len(t, gone, 2)
		require.Equal(t, to, l.Start(), "the start stays inside its segment")
		moved, err = l.AdvanceStart(d, to-1, l.End())
		require.NoError(t, err)
		require.False(t, moved)
		_, err = l.AdvanceStart(d, l.End(), l.End()-1)
		require.ErrorIs(t, err, kerr.OffsetOutOfRange)
	})
	t.Run("files wait for the purge", func(t *testing.T) {
		cfg := smallConfig()
		cfg.RetentionBytes = 1300
		d, l := fill(cfg)
		require.Zero(t, l.PendingDelete())
		_, err := l.Retain(d, testWall, l.End())
		require.NoError(t, err)
		first := l.PendingDelete()
		require.NoError(t, l.TruncateTo(d, l.Segments()[1]))
		require.Greater(t, l.PendingDelete(), first)
		count := func() (n int) {
			for name := range readImage(d, testDir).files {
				if at, suffix, ok := offsetOf(name); ok && at >= 0 && len(suffix) > len(suffixDeleted) && suffix[len(suffix)-len(suffixDeleted):] == suffixDeleted {
					n++
				}
			}
			return n
		}
		before := count()
		require.NoError(t, l.PurgeDeleted(d, first))
		require.Less(t, count(), before)
		require.Positive(t, count())
		require.NoError(t, l.PurgeDeleted(d, l.PendingDelete()))
		require.Zero(t, count())
		require.Zero(t, l.PendingDelete())
	})
}

// A truncation removes a marker and its entry in the index together, and the transaction is open again.
func TestTruncationReopensATransaction(t *testing.T) {
	cfg := DefaultConfig()
	cfg.VerifyTransactions = false
	d, l := open(t, cfg)
	for _, p := range [][]byte{batchSpec{n: 2, pid: 1, txn: true, ts: now()}.bytes(), markerBytes(1, 0, false, 0, now())} {
		_, err := l.AppendAsLeader(d, p, 0, OriginCoordinator, testWall)
		require.NoError(t, err)
	}
	require.NoError(t, l.TruncateTo(d, 2))
	got, err := l.CollectAborted(d, 0, 10)
	require.NoError(t, err)
	require.Empty(t, got)
	at, ok := l.Producers().FirstUndecidedOffset()
	require.True(t, ok)
	require.Zero(t, at)
	_, err = l.AppendAsLeader(d, markerBytes(1, 0, false, 0, now()), 0, OriginCoordinator, testWall)
	require.NoError(t, err)
	got, err = l.CollectAborted(d, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []Aborted{{1, 0, 2, 3}}, got)
}

// A search by time must have the same result as a walk over all records.
func TestTimes(t *testing.T) {
	for _, codec := range []wire.Codec{wire.CodecNone, wire.CodecZstd} {
		cfg := smallConfig()
		d, l := open(t, cfg)
		var all []wire.Record
		ts := []wire.Timestamp{50, 20, 70, 70, 10, 90, 30, 200, 110, 200, 120, 5, 130, 140, 135, 150}
		for i, at := range ts {
			p := batchSpec{n: 3, size: 40, ts: at, base: l.End(), leader: wire.Epoch(i / 4), codec: codec}.bytes()
			_, err := l.AppendAsFollower(d, p, 9)
			require.NoError(t, err)
			all, err = wire.Batch(p).AppendRecords(all)
			require.NoError(t, err)
		}
		check := func() {
			t.Helper()
			for want := wire.Timestamp(0); want < 210; want++ {
				got, ok, err := l.OffsetForTimestamp(d, want)
				require.NoError(t, err)
				found := false
				for _, r := range all {
					if r.Timestamp >= want && r.Offset >= l.Start() {
						require.True(t, ok)
						require.Equal(t, Found{r.Offset, r.Timestamp, l.Epochs().At(r.Offset)}, got)
						found = true
						break
					}
				}
				require.Equal(t, found, ok)
			}
			got, ok, err := l.MaxTimestamp(d)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, wire.Timestamp(202), got.Timestamp)
		}
		check()
		_, err := l.AdvanceStart(d, 4, l.End())
		require.NoError(t, err)
		check()
		require.NoError(t, l.Close(d))
		d = d.crash()
		l, _, err = Open(d, testDir, cfg, OpenOptions{Clean: true, LogStart: 4, Wall: testWall})
		require.NoError(t, err)
		check()
		require.NoError(t, l.TruncateTo(d, 30))
		all = all[:30]
		check()
	}
}

// Names of files and directories must be parsed strictly, and a name that was formatted must be parsed to the same
// values.
func TestNames(t *testing.T) {
	require.Equal(t, "00000000000000000042.log", fileName(42, suffixLog))
	require.Equal(t, "09223372036854775807.index", fileName(1<<63-1, suffixIndex))
	for _, bad := range []string{"", ".log", "x.log", "-1.log", "99999999999999999999.log", "000000000000000000001.log", "+5.log", "42"} {
		_, _, ok := offsetOf(bad)
		require.False(t, ok, bad)
	}
	at, suffix, ok := offsetOf("00000000000000000042.log.swap")
	require.True(t, ok)
	require.Equal(t, wire.Offset(42), at)
	require.Equal(t, ".log.swap", suffix)

	tp := wire.TopicPartition{Topic: "a.b-c", Partition: 12}
	for _, kind := range []DirKind{DirLog, DirDeleted, DirStray, DirFuture} {
		got, k, ok := ParseDir(FormatDir(tp, kind, wire.UUID{1, 2}))
		require.True(t, ok)
		require.Equal(t, tp, got)
		require.Equal(t, kind, k)
	}
	long := FormatDir(wire.TopicPartition{Topic: string(make([]byte, 249)), Partition: 1}, DirDeleted, wire.UUID{})
	require.Len(t, long, 255)
	for _, bad := range []string{"", "orders", "-0", "orders-", "orders-x", "orders-0-delete", "orders-99999999999"} {
		_, _, ok := ParseDir(bad)
		require.False(t, ok, bad)
	}
}
