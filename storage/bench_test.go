package storage

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The disk is in memory, so these benchmarks measure only the package's own share of an append, a read or a recovery.

// bigLog returns a log of a given size with Kafka's default segments. It is never flushed.
func bigLog(b *testing.B, size int64) *memDisk {
	b.Helper()
	d := newMemDisk()
	cfg := DefaultConfig()
	cfg.SegmentBytes = 256 << 20
	l, _, err := Open(d, testDir, cfg, OpenOptions{Wall: testWall})
	require.NoError(b, err)
	p := batchSpec{n: 16, size: 1000, ts: now(), idempote: true}.bytes()
	for seq := int32(0); l.Bytes() < size; seq += 16 {
		wire.Batch(p).Patch(l.End(), 0)
		_, err := l.AppendAsFollower(d, p, 0)
		require.NoError(b, err)
	}
	return d
}

func BenchmarkAppendAsLeader(b *testing.B) {
	for _, c := range []struct {
		name string
		spec batchSpec
	}{
		{"1x100", batchSpec{n: 1, size: 100}},
		{"16x1000", batchSpec{n: 16, size: 1000}},
		{"idempotent/1x100", batchSpec{n: 1, size: 100, idempote: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.spec.ts = now()
			cfg := DefaultConfig()
			cfg.SegmentBytes, cfg.RetentionBytes = 16<<20, 16<<20
			d := newMemDisk()
			l, _, err := Open(d, testDir, cfg, OpenOptions{Wall: testWall})
			require.NoError(b, err)
			batches := make([][]byte, 64)
			for i := range batches {
				c.spec.epoch = wire.ProducerEpoch(i) // a new epoch starts at 0 again
				batches[i] = c.spec.bytes()
			}
			b.SetBytes(int64(len(batches[0])))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if c.spec.idempote && i%64 == 0 {
					l.producers.clear(l.end)
				}
				a, err := l.AppendAsLeader(d, batches[i%64], 0, OriginClient, testWall)
				if err != nil {
					b.Fatal(err)
				}
				if a.Rolled {
					keepShort(b, d, l)
				}
			}
		})
	}
}

// keepShort prevents a benchmark's log from filling the memory.
func keepShort(b *testing.B, d *memDisk, l *Log) {
	if _, err := l.Retain(d, testWall, l.End()); err != nil {
		b.Fatal(err)
	}
	if err := l.PurgeDeleted(d, l.PendingDelete()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkAppendAsFollower(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d batches of 16x1000", n), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.SegmentBytes, cfg.RetentionBytes = 16<<20, 16<<20
			d := newMemDisk()
			l, _, err := Open(d, testDir, cfg, OpenOptions{Wall: testWall})
			require.NoError(b, err)
			one := batchSpec{n: 16, size: 1000, ts: now()}.bytes()
			var p []byte
			for range n {
				p = append(p, one...)
			}
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				at := l.End()
				for i := range n {
					wire.Batch(p[i*len(one):]).Patch(at+wire.Offset(16*i), 0)
				}
				a, err := l.AppendAsFollower(d, p, 0)
				if err != nil {
					b.Fatal(err)
				}
				if a.Rolled {
					keepShort(b, d, l)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name string
		max  int
		tail bool
	}{{"tail/1 MiB", 1 << 20, true}, {"random/1 MiB", 1 << 20, false}, {"random/1 batch", 1, false}} {
		b.Run(c.name, func(b *testing.B) {
			d := bigLog(b, 64<<20)
			l, _, err := Open(d, testDir, DefaultConfig(), OpenOptions{Wall: testWall})
			require.NoError(b, err)
			b.ReportAllocs()
			at := wire.Offset(0)
			bytes := int64(0)
			for b.Loop() {
				if at = (at*31 + 17) % l.End(); c.tail {
					at = l.End() - 16
				}
				data, err := l.Read(d, at, l.End(), c.max, true)
				if err != nil || len(data.Bytes) == 0 {
					b.Fatal(err)
				}
				bytes += int64(len(data.Bytes))
			}
			b.SetBytes(bytes / int64(b.N))
		})
	}
}

// BenchmarkRecover reads a whole log again after an unclean shutdown. Use -bench 'Recover/1GiB' for the log of 1 GiB.
func BenchmarkRecover(b *testing.B) {
	for _, c := range []struct {
		name string
		size int64
		long bool
	}{{"64MiB", 64 << 20, false}, {"1GiB", 1 << 30, true}} {
		b.Run(c.name, func(b *testing.B) {
			if c.long && testing.Short() {
				b.Skip("-short")
			}
			d := bigLog(b, c.size)
			b.SetBytes(c.size)
			for b.Loop() {
				if _, r, err := Open(d.crash(), testDir, DefaultConfig(), OpenOptions{Wall: testWall}); err != nil || r.Bad != nil {
					b.Fatal(err, r.Bad)
				}
			}
		})
	}
}

// BenchmarkOpenClean opens a log after a clean shutdown.
func BenchmarkOpenClean(b *testing.B) {
	d := bigLog(b, 64<<20)
	l, _, err := Open(d, testDir, DefaultConfig(), OpenOptions{Wall: testWall})
	require.NoError(b, err)
	require.NoError(b, l.Close(d))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Open(d.crash(), testDir, DefaultConfig(), OpenOptions{Clean: true, Wall: testWall}); err != nil {
			b.Fatal(err)
		}
	}
}
