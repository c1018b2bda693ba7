package storage

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"samsa/sim/env"
	"samsa/wire"
)

// The model is a log in a slice. The test applies random actions to the log and to the model, and every result must
// match.
type model struct {
	batches    []wire.Batch
	start, end wire.Offset
	segments   []wire.Offset
}

func (m *model) truncate(to wire.Offset) {
	for len(m.batches) > 0 && m.batches[len(m.batches)-1].NextOffset() > to {
		to = min(to, m.batches[len(m.batches)-1].BaseOffset())
		m.batches = m.batches[:len(m.batches)-1]
	}
	m.end = min(m.end, to)
	m.start = min(m.start, m.end)
}

// read is the expected result of a fetch.
func (m *model) read(from, bound wire.Offset, maxBytes int, atLeastOne bool, segmentEnd func(wire.Offset) wire.Offset) (p []byte) {
	limit := wire.Offset(-1)
	for _, b := range m.batches {
		if b.NextOffset() <= from {
			continue
		}
		if limit < 0 {
			limit = segmentEnd(b.BaseOffset())
		}
		if b.NextOffset() > bound || b.BaseOffset() >= limit || len(p)+len(b) > maxBytes && !(atLeastOne && len(p) == 0) {
			break
		}
		p = append(p, b...)
	}
	return p
}

func TestLogIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := smallConfig()
		cfg.SegmentBytes = rapid.Int32Range(150, 2000).Draw(t, "segment bytes")
		cfg.IndexIntervalBytes = rapid.Int32Range(0, 400).Draw(t, "index interval")
		cfg.RetentionMs = -1
		d := newMemDisk()
		l, _, err := Open(d, testDir, cfg, OpenOptions{Wall: testWall})
		require.NoError(t, err)
		m := &model{}
		epoch, ts := wire.Epoch(0), wire.Timestamp(1000)
		seqs := map[wire.ProducerID]int32{}

		append1 := func(s batchSpec) {
			s.size = rapid.IntRange(0, 120).Draw(t, "size")
			s.n = rapid.IntRange(1, 4).Draw(t, "records")
			ts += wire.Timestamp(rapid.IntRange(-3, 5).Draw(t, "time"))
			s.ts = ts
			a, err := l.AppendAsLeader(d, s.bytes(), epoch, OriginClient, env.Time(ts)*env.Time(env.Millisecond))
			if len(s.bytes()) > int(cfg.SegmentBytes) {
				require.ErrorIs(t, err, kerr.RecordListTooLarge)
				return
			}
			require.NoError(t, err)
			require.Equal(t, m.end, a.First)
			s.base, s.leader = m.end, epoch
			m.batches = append(m.batches, s.bytes())
			m.end += wire.Offset(s.n)
			if s.idempote {
				seqs[s.pid] += int32(s.n)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"lead": func(t *rapid.T) { append1(batchSpec{}) },
			"lead by a producer": func(t *rapid.T) {
				pid := wire.ProducerID(rapid.IntRange(1, 3).Draw(t, "producer"))
				if p, known := l.Producers().Producer(pid); known && len(p.Batches) > 0 {
					seqs[pid] = p.Batches[len(p.Batches)-1].Last + 1
				}
				append1(batchSpec{pid: pid, seq: seqs[pid], idempote: true})
			},
			"follow": func(t *rapid.T) {
				var p []byte
				for range rapid.IntRange(1, 6).Draw(t, "batches") {
					m.end += wire.Offset(rapid.SampledFrom([]int{0, 0, 0, 1, 7}).Draw(t, "gap"))
					b := wire.Batch(batchSpec{n: rapid.IntRange(1, 3).Draw(t, "records"), size: rapid.IntRange(0, 90).Draw(t, "size"), ts: ts, base: m.end, leader: epoch}.bytes())
					p = append(p, b...)
					m.batches = append(m.batches, b)
					m.end = b.NextOffset()
				}
				a, err := l.AppendAsFollower(d, p, epoch)
				require.NoError(t, err)
				require.Equal(t, m.end-1, a.Last)
			},
			"new epoch": func(t *rapid.T) {
				epoch++
				require.NoError(t, l.AssignEpoch(d, epoch, l.End()))
			},
			"truncate": func(t *rapid.T) {
				to := rapid.Int64Range(int64(m.start), int64(m.end)+3).Draw(t, "to")
				require.NoError(t, l.TruncateTo(d, wire.Offset(to)))
				m.truncate(wire.Offset(to))
				if end := l.End(); end < m.end { // the offset was in a gap
					require.True(t, len(m.batches) == 0 || m.batches[len(m.batches)-1].NextOffset() == end)
					m.end, m.start = end, min(m.start, end)
				}
				require.NoError(t, readImage(d, testDir).checkFiles(int64(cfg.IndexIntervalBytes), l.ActiveBase()))
				clear(seqs)
			},
			"delete records": func(t *rapid.T) {
				to := wire.Offset(rapid.Int64Range(int64(m.start), int64(m.end)).Draw(t, "to"))
				_, err := l.AdvanceStart(d, to, m.end)
				require.NoError(t, err)
				m.start = to
			},
			"retain": func(t *rapid.T) {
				cfg.RetentionBytes = rapid.Int64Range(-1, 3000).Draw(t, "retention")
				l.Configure(cfg)
				gone, err := l.Retain(d, testWall, m.end)
				require.NoError(t, err)
				for _, g := range gone {
					for len(m.batches) > 0 && m.batches[0].BaseOffset() < g.Next {
						m.batches = m.batches[1:]
					}
				}
				if len(gone) > 0 {
					m.start = max(m.start, l.Segments()[0])
				}
			},
			"start over": func(t *rapid.T) {
				at := wire.Offset(rapid.Int64Range(0, int64(m.end)+20).Draw(t, "at"))
				require.NoError(t, l.TruncateFullyAndStartAt(d, at))
				*m = model{start: at, end: at}
				clear(seqs)
			},
			"flush": func(t *rapid.T) { require.NoError(t, l.Flush(d, l.End())) },
			"purge": func(t *rapid.T) { require.NoError(t, l.PurgeDeleted(d, l.PendingDelete())) },
			"restart": func(t *rapid.T) {
				o := OpenOptions{LogStart: l.Start(), RecoveryPoint: l.RecoveryPoint(), Wall: testWall}
				o.Clean = rapid.Bool().Draw(t, "clean")
				if o.Clean {
					require.NoError(t, l.Close(d))
				}
				d = d.crash()
				l, _, err = Open(d, testDir, cfg, o)
				require.NoError(t, err)
				require.Equal(t, m.end, l.End())
				clear(seqs)
			},
			"": func(t *rapid.T) {
				require.Equal(t, m.end, l.End())
				require.Equal(t, m.start, l.Start())
				if m.start == m.end {
					return
				}
				from := wire.Offset(rapid.Int64Range(int64(m.start), int64(m.end)).Draw(t, "from"))
				bound := wire.Offset(rapid.Int64Range(int64(m.start), int64(m.end)).Draw(t, "bound"))
				maxBytes := rapid.SampledFrom([]int{0, 1, 200, 1000, 1 << 20}).Draw(t, "max bytes")
				if i := rapid.IntRange(0, len(m.batches)).Draw(t, "exactly"); i+1 < len(m.batches) && m.batches[i].BaseOffset() >= m.start {
					from, maxBytes = m.batches[i].BaseOffset(), len(m.batches[i])+len(m.batches[i+1])
				}
				one := rapid.Bool().Draw(t, "at least one")
				data, err := l.Read(d, from, bound, maxBytes, one)
				require.NoError(t, err)
				segments := l.Segments()
				want := m.read(from, bound, maxBytes, one, func(at wire.Offset) wire.Offset {
					for i, base := range segments {
						if base > at {
							return segments[i]
						}
					}
					return 1 << 62
				})
				if from >= bound {
					want = nil
				}
				require.Equal(t, string(want), string(data.Bytes))
				_, err = l.Read(d, m.end+1, m.end+1, 1, true)
				require.ErrorIs(t, err, kerr.OffsetOutOfRange)
			},
		})
	})
}
