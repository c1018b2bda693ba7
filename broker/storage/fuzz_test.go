package storage

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// Whatever bytes a file holds: no panic, no allocation beyond their size, and what is accepted makes sense.

// fileOf is a disk with one file.
func fileOf(t testing.TB, path string, content []byte) *memDisk {
	d := newMemDisk()
	require.NoError(t, writeFile(d, path, content, true))
	return d
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte{}, int64(0), int64(100))
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 90}, int64(7), int64(100))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, int64(7), int64(100))
	f.Fuzz(func(t *testing.T, content []byte, base, size int64) {
		if base < 0 || base > 1<<40 {
			return
		}
		d := fileOf(t, "x", content)
		x := newOffsetIndex("x", wire.Offset(base))
		if err := x.open(d, false); err != nil {
			require.ErrorIs(t, err, errIndex)
			return
		}
		if x.check(size) != nil {
			return
		}
		for i := range x.len() {
			require.Equal(t, x.position(i), x.lookup(x.offset(i)))
			require.Less(t, x.position(i), size)
		}
		require.NoError(t, x.truncateTo(d, wire.Offset(base)+3))
		require.LessOrEqual(t, x.len(), 3)
		require.NoError(t, x.check(size))
	})
}

func FuzzTimeIndex(f *testing.F) {
	entry := func(ts uint64, at uint32) []byte {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, ts), at)
	}
	f.Add([]byte{}, int64(0))
	f.Add(slices.Concat(entry(5, 0), entry(9, 2), entry(10, 2)), int64(40))
	f.Fuzz(func(t *testing.T, content []byte, base int64) {
		if base < 0 || base > 1<<40 {
			return
		}
		d := fileOf(t, "x", content)
		x := newTimeIndex("x", wire.Offset(base))
		if err := x.open(d, false); err != nil {
			require.ErrorIs(t, err, errIndex)
			return
		}
		if x.check(wire.Offset(base)+1000) != nil {
			return
		}
		for i := range x.len() {
			require.Equal(t, x.offset(i), x.lookup(x.timestamp(i)))
		}
		ts, last := x.last()
		require.NoError(t, x.maybeAdd(d, ts, last))
		require.Equal(t, len(content)/timeEntrySize, x.len(), "no news")
		require.NoError(t, x.truncateTo(d, wire.Offset(base)+2))
		_, last = x.last()
		require.Less(t, last, wire.Offset(base)+2)
	})
}

func FuzzTxnIndex(f *testing.F) {
	f.Add(appendAborted(nil, Aborted{1, 2, 3, 4}), int64(0))
	f.Add(appendAborted(appendAborted(nil, Aborted{1, 2, 3, 4}), Aborted{5, 1, 9, 10}), int64(3))
	f.Fuzz(func(t *testing.T, content []byte, base int64) {
		if base < 0 || base > 1<<40 {
			return
		}
		d := fileOf(t, "x", content)
		x := newTxnIndex("x", wire.Offset(base))
		if err := x.open(d, false); err != nil {
			require.ErrorIs(t, err, errIndex)
			return
		}
		if x.check(1<<50) != nil {
			return
		}
		var again []byte
		for i := range x.len() {
			again = appendAborted(again, x.aborted(i))
		}
		require.Equal(t, string(content), string(again))
		all, _ := x.collect(nil, 0, 1<<62)
		require.LessOrEqual(t, len(all), x.len())
		require.NoError(t, x.truncateTo(d, wire.Offset(base)+10))
		require.NoError(t, x.check(wire.Offset(base)+10))
	})
}

func FuzzCheckpoint(f *testing.F) {
	for _, s := range []string{"", "0\n", "0\n0\n", "0\n2\n3 0\n5 40\n", "0\n1\norders 0 7\n", "0\n2147483647\n", "1\n0\n", "0\n1\n\n",
		`{"version":0,"brokerEpoch":5}`, "version: 0\ntopic_id: CQgHAAAAAAAAAAAAAAAAAA", "cluster.id=x\nnode.id=4\nversion=1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if c, err := decodeEpochs(content); err == nil {
			again, err := decodeEpochs(encodeEpochs(c.entries))
			require.NoError(t, err)
			require.Equal(t, c, again)
			for i := 1; i < len(c.entries); i++ {
				require.Less(t, c.entries[i-1].Epoch, c.entries[i].Epoch)
				require.Less(t, c.entries[i-1].Start, c.entries[i].Start)
			}
		}
		if o, err := decodeOffsets(content); err == nil {
			again, err := decodeOffsets(encodeOffsets(o))
			require.NoError(t, err)
			require.Equal(t, o, again)
		}
		decodeCleanMarker(content)
		if id, err := decodeTopicID(content); err == nil {
			again, err := decodeTopicID([]byte("version: 0\ntopic_id: " + formatUUID(wire.UUID(id))))
			require.NoError(t, err)
			require.Equal(t, id, again)
		}
		_, _ = decodeMeta(content)
	})
}

func FuzzProducerSnapshot(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeSnapshot(nil))
	f.Add(encodeSnapshot([]Producer{
		{ID: 1, Epoch: 2, CoordinatorEpoch: 3, LastTimestamp: 4, TxnFirst: -1},
		{ID: 2, TxnFirst: 9, Batches: []Sequence{{Last: 7, LastOffset: 12, Delta: 3, Timestamp: 0}}},
	}))
	f.Fuzz(func(t *testing.T, content []byte) {
		producers, err := decodeSnapshot(content)
		if err != nil {
			require.ErrorIs(t, err, errSnapshot)
			return
		}
		again, err := decodeSnapshot(encodeSnapshot(producers))
		require.NoError(t, err)
		require.Equal(t, producers, again)
	})
}

// FuzzOpen loads a log whose files hold anything, cleanly and not, and uses it.
func FuzzOpen(f *testing.F) {
	var sound []byte
	for i := range 5 {
		sound = append(sound, batchSpec{n: 2, size: 30, base: wire.Offset(2 * i), ts: wire.Timestamp(i)}.bytes()...)
	}
	index := []byte{0, 0, 0, 3, 0, 0, 0, 120}
	f.Add(sound, index, []byte{}, []byte{}, []byte("0\n1\n0 0\n"), true)
	f.Add(sound[:200], []byte{1}, []byte{2}, []byte{3}, []byte("x"), false)
	f.Add(sound, []byte{}, []byte{}, appendAborted(nil, Aborted{1, 0, 3, 4}), []byte{}, true)
	f.Add(make([]byte, 300), []byte{}, []byte{}, []byte{}, []byte{}, true)
	bent := slices.Clone(sound)
	bent[130] ^= 1
	f.Add(bent, []byte{}, []byte{}, []byte{}, []byte{}, false)
	f.Fuzz(func(t *testing.T, log, index, times, txns, epochs []byte, clean bool) {
		d := newMemDisk()
		require.NoError(t, d.Mkdir(testDir))
		for suffix, p := range map[string][]byte{suffixLog: log, suffixIndex: index, suffixTimes: times, suffixTxns: txns, suffixSnapshot: txns} {
			require.NoError(t, writeFile(d, join(testDir, fileName(0, suffix)), p, true))
			if suffix != suffixSnapshot {
				require.NoError(t, writeFile(d, join(testDir, fileName(4, suffix)), p, true))
			}
		}
		require.NoError(t, writeFile(d, join(testDir, epochsFile), epochs, true))
		l, r, err := Open(d, testDir, smallConfig(), OpenOptions{Clean: clean, RecoveryPoint: 2, Wall: testWall})
		if err != nil {
			return // refused: fine
		}
		require.Equal(t, r.End, l.End())
		require.LessOrEqual(t, l.Start(), l.End())
		for at, n := l.Start(), 0; at < l.End() && n < 50; n++ {
			data, err := l.Read(d, at, l.End(), 200, true)
			if err != nil || len(data.Bytes) == 0 {
				require.False(t, err != nil && isDisk(err), "%v", err)
				break
			}
			require.Greater(t, data.Next, at)
			at = data.Next
		}
		_, _, _ = l.OffsetForTimestamp(d, 3)
		_, _ = l.CollectAborted(d, 0, l.End())
		if l.End() < 1<<40 {
			_, err = l.AppendAsFollower(d, batchSpec{n: 1, base: l.End()}.bytes(), 1<<30)
			require.NoError(t, err)
		}
		_ = l.TruncateTo(d, l.Start()+1)
		_ = l.Close(d)
	})
}
