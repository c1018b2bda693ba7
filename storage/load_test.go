package storage

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/sim/env"
	"samsa/wire"
)

// filled returns a closed log of many segments with transactions.
func filled(t *testing.T) (*memDisk, image) {
	t.Helper()
	d := newMemDisk()
	w, err := start(d, smallConfig())
	require.NoError(t, err)
	for i := range 12 {
		require.NoError(t, w.lead(batchSpec{n: 2, size: 40}, OriginClient))
		require.NoError(t, w.lead(batchSpec{n: 1, size: 20, pid: 5, txn: true}, OriginClient))
		if i%3 == 2 {
			require.NoError(t, w.mark(5, i%2 == 0))
		}
	}
	require.NoError(t, w.stop())
	return d, readImage(d, testDir)
}

// After a clean shutdown no segment is recovered, whatever the recovery point. After a crash the segment that holds the
// recovery point and all later ones are recovered.
func TestWhatACleanShutdownSaves(t *testing.T) {
	d, im := filled(t)
	open := func(o OpenOptions) Recovered {
		o.Wall = testWall
		_, r, err := Open(d.crash(), testDir, smallConfig(), o)
		require.NoError(t, err)
		return r
	}
	for _, point := range []wire.Offset{0, 7, im.batches[len(im.batches)-1].NextOffset()} {
		r := open(OpenOptions{Clean: true, RecoveryPoint: point})
		require.Zero(t, r.Segments+r.Batches+r.Indexes, "recovery point %d", point)
	}
	all := open(OpenOptions{})
	require.Equal(t, len(im.batches), all.Batches)
	rest := open(OpenOptions{RecoveryPoint: 7})
	require.Less(t, rest.Segments, all.Segments)
	require.Positive(t, rest.Segments)
}

// Any file of a cleanly closed log except the logs may be missing, empty, truncated or changed. It must then be
// rebuilt.
func TestEveryDerivedFileIsMadeAgain(t *testing.T) {
	d, im := filled(t)
	bends := map[string]func(p []byte) []byte{
		"lost":  nil,
		"empty": func(p []byte) []byte { return nil },
		"torn":  func(p []byte) []byte { return p[:len(p)-1] },
		"zeros": func(p []byte) []byte { return make([]byte, len(p)) },
		"ones": func(p []byte) []byte {
			return slices.Collect(func(yield func(byte) bool) {
				for range p {
					if !yield(0xff) {
						return
					}
				}
			})
		},
		"doubled": func(p []byte) []byte { return slices.Concat(p, p) },
	}
	for name, content := range im.files {
		_, suffix, ok := offsetOf(name)
		if !ok || suffix == suffixLog || len(content) == 0 {
			continue
		}
		for bend, f := range bends {
			if suffix == suffixTxns && bend == "empty" || suffix == suffixTxns && bend == "lost" {
				continue // that there were entries, only the log knows: not looked for after a clean shutdown
			}
			if bend == "empty" && suffix != suffixSnapshot {
				continue // an index may be empty
			}
			c := d.crash()
			if f == nil {
				require.NoError(t, c.Remove(join(testDir, name)))
			} else {
				require.NoError(t, writeFile(c, join(testDir, name), f(content), true))
			}
			w, err := start(c, smallConfig())
			require.NoError(t, err, "%s %s", name, bend)
			require.True(t, w.r.Clean)
			m := moment{step: bend, batches: im.batches, history: im.batches, recovery: im.end(), end: im.end()}
			require.NoError(t, checkRecovered(w, m, m), "%s %s", name, bend)
		}
	}
}

// After an unclean shutdown a missing transaction index must be rebuilt too.
func TestALostTransactionIndexIsMadeAgain(t *testing.T) {
	d, im := filled(t)
	require.NoError(t, d.Remove(cleanFile))
	require.NoError(t, Dir{}.SaveRecoveryPoints(d, Offsets{}))
	for name := range im.files {
		if _, suffix, ok := offsetOf(name); ok && suffix == suffixTxns {
			require.NoError(t, d.Remove(join(testDir, name)))
		}
	}
	w, err := start(d, smallConfig())
	require.NoError(t, err)
	m := moment{batches: im.batches, history: im.batches, recovery: im.end(), end: im.end()}
	require.NoError(t, checkRecovered(w, m, m))
}

// Every byte of the last unflushed segment is changed in turn. The log must then end before the batch with that byte,
// unless no CRC covers the byte.
func TestRecoveryEndsAtTheFirstBadBatch(t *testing.T) {
	d, im := filled(t)
	require.NoError(t, d.Remove(cleanFile))
	base := im.bases[len(im.bases)-2]
	require.NoError(t, Dir{}.SaveRecoveryPoints(d, Offsets{testPartition: base}))
	name := fileName(base, suffixLog)
	for i := range im.files[name] {
		c := d.crash()
		bent := slices.Clone(im.files[name])
		bent[i] ^= 0x10
		require.NoError(t, writeFile(c, join(testDir, name), bent, true))
		w, err := start(c, smallConfig())
		require.NoError(t, err)
		at := 0
		var hit wire.Batch
		for _, b := range im.batches {
			if b.BaseOffset() >= base {
				if i < at+len(b) {
					hit = b
					break
				}
				at += len(b)
			}
		}
		in := i - at
		if in >= 12 && in < 16 {
			continue // the leader epoch: only a comparison with another replica can tell
		}
		require.NotNil(t, w.r.Bad, "byte %d", i)
		if in >= 8 || w.l.End() < hit.NextOffset() {
			require.Equal(t, hit.BaseOffset(), w.l.End(), "byte %d", i)
		}
		require.NoError(t, goOn(w))
	}
}

// Loading handles the leftovers of an interrupted compaction or deletion (LogLoader). It removes .deleted and .cleaned
// files. A .swap replaces the segments that it was made from, unless a .cleaned at or below it shows that the swap was
// not complete.
func TestLeftovers(t *testing.T) {
	d, im := filled(t)
	second, third, fourth := im.bases[1], im.bases[2], im.bases[3]
	var merged []byte
	for _, b := range im.batches {
		if b.BaseOffset() >= second && b.BaseOffset() < fourth {
			merged = append(merged, b...)
		}
	}
	put := func(d *memDisk, name string, p []byte) {
		require.NoError(t, writeFile(d, join(testDir, name), p, true))
	}
	m := moment{batches: im.batches, history: im.batches, recovery: im.end(), end: im.end()}

	swap := d.crash()
	put(swap, fileName(second, ".log.swap"), merged)
	put(swap, fileName(second, ".index.swap"), nil)
	put(swap, fileName(second, ".timeindex.swap"), nil)
	put(swap, fileName(0, ".log.deleted"), []byte("x"))
	w, err := start(swap, smallConfig())
	require.NoError(t, err)
	require.NotContains(t, w.l.Segments(), third)
	require.Contains(t, w.l.Segments(), second)
	require.NoError(t, w.l.loadIndexes(swap, w.l.segments[1]))
	require.Equal(t, int64(len(merged)), w.l.segments[1].size)
	got := readImage(swap, testDir)
	require.Equal(t, im.batches, got.batches)

	split := d.crash()
	put(split, fileName(second, ".log.cleaned"), merged[:100])
	put(split, fileName(third, ".log.swap"), merged)
	w, err = start(split, smallConfig())
	require.NoError(t, err)
	require.NoError(t, checkRecovered(w, m, m))
	require.Equal(t, im.bases, w.l.Segments())
	for name := range readImage(split, testDir).files {
		require.NotContains(t, name, "swap")
		require.NotContains(t, name, "cleaned")
	}

	orphan := d.crash()
	put(orphan, fileName(1<<40, suffixIndex), []byte("12345678"))
	put(orphan, fileName(third+1, suffixSnapshot), encodeSnapshot(nil))
	put(orphan, "README", []byte("not ours"))
	w, err = start(orphan, smallConfig())
	require.NoError(t, err)
	files := readImage(orphan, testDir).files
	require.NotContains(t, files, fileName(1<<40, suffixIndex))
	require.NotContains(t, files, fileName(third+1, suffixSnapshot))
	require.Contains(t, files, "README")
}

// If the files of a log end below its saved start, the log has lost some of them, and restarts at that start.
func TestALogThatEndsBelowItsStart(t *testing.T) {
	d, _ := filled(t)
	w, err := start(d.crash(), smallConfig())
	require.NoError(t, err)
	end := w.l.End()
	l, r, err := Open(d, testDir, smallConfig(), OpenOptions{LogStart: end + 10, RecoveryPoint: end, Wall: testWall})
	require.NoError(t, err)
	require.Equal(t, end+10, l.Start())
	require.Equal(t, end+10, l.End())
	require.Positive(t, r.Dropped)
	require.Empty(t, l.Epochs().Entries())
	require.Empty(t, l.Producers().Producers())
}

func TestProducersExpire(t *testing.T) {
	cfg := smallConfig()
	d, l := open(t, cfg)
	for pid := range wire.ProducerID(2) {
		_, err := l.AppendAsLeader(d, batchSpec{n: 1, pid: pid, txn: pid == 1, idempote: true, ts: now()}.bytes(), 0, OriginClient, testWall)
		require.NoError(t, err)
	}
	day := env.Time(env.Day)
	require.NoError(t, l.Close(d))
	again, _, err := Open(d.crash(), testDir, cfg, OpenOptions{Clean: true, Wall: testWall + day})
	require.NoError(t, err)
	require.Len(t, again.Producers().Producers(), 1, "a snapshot's expired producers are not loaded")

	require.Zero(t, l.Producers().RemoveExpired(&cfg, testWall+day-1_000_000))
	require.Equal(t, 1, l.Producers().RemoveExpired(&cfg, testWall+day))
	_, open := l.Producers().Producer(1)
	require.True(t, open, "its transaction is open")
	require.True(t, l.Producers().HasLateTransaction(&cfg, testWall+day))
	require.False(t, l.Producers().HasLateTransaction(&cfg, testWall+env.Time(20*env.Minute)))
}

func TestLogDirectoryFiles(t *testing.T) {
	d := newMemDisk()
	dir := Dir{Rules: CurrentRules()}
	clean, epoch, err := dir.TakeCleanMarker(d)
	require.NoError(t, err)
	require.False(t, clean)
	require.Equal(t, NoBrokerEpoch, epoch)
	require.NoError(t, dir.SaveCleanMarker(d, 42))
	content, err := readFile(d, cleanFile)
	require.NoError(t, err)
	require.JSONEq(t, `{"version":0,"brokerEpoch":42}`, string(content))
	after := d.powerLoss(fateLost, nil)
	clean, epoch, err = dir.TakeCleanMarker(after)
	require.NoError(t, err)
	require.True(t, clean)
	require.Equal(t, wire.BrokerEpoch(42), epoch)
	clean, _, err = dir.TakeCleanMarker(after.powerLoss(fateLost, nil))
	require.NoError(t, err)
	require.False(t, clean, "taken for good")
	require.NoError(t, writeFile(d, cleanFile, nil, true))
	clean, epoch, err = dir.TakeCleanMarker(d)
	require.NoError(t, err)
	require.True(t, clean, "an older broker's marker is empty")
	require.Equal(t, NoBrokerEpoch, epoch)

	hw := Offsets{{Topic: "b", Partition: 2}: 7, {Topic: "a", Partition: 10}: 1, {Topic: "a", Partition: 9}: 1 << 40}
	require.NoError(t, dir.SaveHighWatermarks(d, hw))
	content, err = readFile(d, watermarkFile)
	require.NoError(t, err)
	require.Equal(t, "0\n3\na 9 1099511627776\na 10 1\nb 2 7\n", string(content))
	got, err := dir.LoadHighWatermarks(d)
	require.NoError(t, err)
	require.Equal(t, hw, got)
	require.NoError(t, writeFile(d, watermarkFile, []byte("0\n1\n"), true))
	_, err = dir.LoadHighWatermarks(d)
	require.ErrorIs(t, err, errCheckpoint)
	require.NoError(t, writeFile(d, recoveryFile, []byte("rubbish"), true))
	points, err := dir.LoadRecoveryPoints(d)
	require.NoError(t, err)
	require.Empty(t, points)

	meta := Meta{Cluster: "4L6g3nShT-eMCtK--X86sw", Node: 3, Directory: wire.UUID{0xff, 1, 2}}
	require.NoError(t, dir.SaveMeta(d, meta))
	again, ok, err := dir.LoadMeta(d)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, meta, again)
	_, ok, err = Dir{Path: "nowhere"}.LoadMeta(d)
	require.NoError(t, err)
	require.False(t, ok)

	require.NoError(t, d.Mkdir(testDir))
	id := wire.TopicID{9, 8, 7}
	require.NoError(t, SaveTopicID(d, testDir, id))
	read, ok, err := LoadTopicID(d, testDir)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, id, read)
	content, err = readFile(d, join(testDir, topicFile))
	require.NoError(t, err)
	require.Equal(t, "version: 0\ntopic_id: CQgHAAAAAAAAAAAAAAAAAA", string(content))
}

func TestRenameAndDelete(t *testing.T) {
	d, l := open(t, smallConfig())
	w := &world{d: d, l: l, cfg: smallConfig(), ts: now()}
	require.NoError(t, w.follow(9, wire.CodecNone))
	require.NoError(t, l.TruncateTo(d, 2))
	to := FormatDir(testPartition, DirDeleted, wire.UUID{1})
	require.NoError(t, l.Rename(d, to))
	require.NoError(t, w.follow(9, wire.CodecNone), "it can still be used")
	require.NoError(t, l.PurgeDeleted(d, l.PendingDelete()))
	again, r, err := Open(d.powerLoss(fateKept, nil), to, smallConfig(), OpenOptions{Wall: testWall})
	require.NoError(t, err)
	require.Nil(t, r.Bad)
	require.Equal(t, l.End(), again.End())
	require.NoError(t, l.Delete(d))
	require.Nil(t, d.find(to))
	require.Error(t, w.follow(1, wire.CodecNone))
}
