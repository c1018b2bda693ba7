package storage

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// For any bytes in a file there must be no panic and no allocation larger than the file, and accepted contents must be
// valid.

// fileOf returns a disk with one file.
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
		if id, err := ParseTopicID(content); err == nil {
			again, err := ParseTopicID([]byte("version: 0\ntopic_id: " + formatUUID(wire.UUID(id))))
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

// signed gives every batch with a valid frame its correct CRC, so that the fuzzer finds more than bad CRCs.
func signed(p []byte) []byte {
	p = slices.Clone(p)
	for rest := p; len(rest) >= wire.BatchHeaderSize; {
		size := int64(int32(binary.BigEndian.Uint32(rest[8:]))) + 12
		if size < wire.BatchHeaderSize || size > int64(len(rest)) {
			break
		}
		rest[16] = 2
		binary.BigEndian.PutUint32(rest[17:], crc32.Checksum(rest[21:size], castagnoli))
		rest = rest[size:]
	}
	return p
}

// FuzzOpen loads a log of two segments with any bytes in its files, after a clean and after an unclean shutdown, and
// uses the log. other is the content of one of the files that are not logs.
func FuzzOpen(f *testing.F) {
	var sound []byte
	for i := range 5 {
		sound = append(sound, batchSpec{n: 2, size: 30, base: wire.Offset(2 * i), ts: wire.Timestamp(i), leader: wire.Epoch(i / 2)}.bytes()...)
	}
	txn := batchSpec{n: 2, size: 30, pid: 3, txn: true}.bytes()
	txn = append(txn, markerBytes(3, 0, false, 1, 9)...)
	wire.Batch(txn[len(txn)-78:]).Patch(2, 0)
	others := []string{suffixIndex, suffixTimes, suffixTxns, suffixSnapshot, epochsFile}
	f.Add(sound, sound, []byte{0, 0, 0, 3, 0, 0, 0, 120}, uint8(0), true, false)
	f.Add(sound[:200], []byte{}, []byte{1}, uint8(1), false, true)
	f.Add(txn, sound[117:], appendAborted(nil, Aborted{1, 0, 3, 4}), uint8(2), false, true)
	f.Add(make([]byte, 300), sound, encodeSnapshot([]Producer{{ID: 3, TxnFirst: 0}}), uint8(3), true, true)
	f.Add(sound, txn, []byte("0\n1\n0 0\n"), uint8(4), false, true)
	f.Fuzz(func(t *testing.T, first, second, other []byte, which uint8, clean, sign bool) {
		if sign {
			first, second = signed(first), signed(second)
		}
		d := newMemDisk()
		require.NoError(t, d.Mkdir(testDir))
		require.NoError(t, writeFile(d, join(testDir, fileName(0, suffixLog)), first, true))
		require.NoError(t, writeFile(d, join(testDir, fileName(4, suffixLog)), second, true))
		if name := others[int(which)%len(others)]; name == epochsFile {
			require.NoError(t, writeFile(d, join(testDir, name), other, true))
		} else {
			require.NoError(t, writeFile(d, join(testDir, fileName(4, name)), other, true))
		}
		l, r, err := Open(d, testDir, smallConfig(), OpenOptions{Clean: clean, RecoveryPoint: 2, Wall: testWall})
		require.NoError(t, err)
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
