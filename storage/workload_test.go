package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// These are the helpers of all tests: batches, a log with small segments, and a simple reader of a log's files.

const (
	testDir  = "orders-0"
	testWall = env.Time(1_700_000_000_000) * env.Time(env.Millisecond)
)

var testPartition = wire.TopicPartition{Topic: "orders", Partition: 0}

// smallConfig rolls every few batches and indexes almost every one.
func smallConfig() Config {
	c := DefaultConfig()
	c.SegmentBytes = 600
	c.IndexIntervalBytes = 100
	c.VerifyTransactions = false
	return c
}

// batchSpec is a batch in a test.
type batchSpec struct {
	n        int // records
	size     int // of each value
	ts       wire.Timestamp
	pid      wire.ProducerID // with epoch 0 or more it is idempotent
	epoch    wire.ProducerEpoch
	seq      int32
	txn      bool
	base     wire.Offset
	leader   wire.Epoch
	codec    wire.Codec
	idempote bool
}

func (s batchSpec) bytes() []byte {
	o := wire.PlainBatch(s.base, s.leader)
	o.Codec = s.codec
	if s.idempote || s.txn {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = s.pid, s.epoch, s.seq, s.txn
	}
	records := make([]wire.Record, max(s.n, 1))
	for i := range records {
		records[i] = wire.Record{Timestamp: s.ts + wire.Timestamp(i), Key: []byte{byte(i)}, Value: bytes.Repeat([]byte{byte('a' + i%26)}, s.size)}
	}
	p, err := wire.AppendBatch(nil, o, records)
	if err != nil {
		panic(err)
	}
	return p
}

func markerBytes(pid wire.ProducerID, epoch wire.ProducerEpoch, commit bool, coordinator wire.Epoch, ts wire.Timestamp) []byte {
	o := wire.PlainBatch(0, wire.NoEpoch)
	o.ProducerID, o.ProducerEpoch = pid, epoch
	p, err := wire.AppendControl(nil, o, ts, wire.EndTxnMarker{Commit: commit, CoordinatorEpoch: coordinator})
	if err != nil {
		panic(err)
	}
	return p
}

// image has the contents of a log's files: every batch of every .log file in order, read without the package.
type image struct {
	batches []wire.Batch
	bases   []wire.Offset // of the segments
	files   map[string][]byte
}

// readImage parses the .log files of a directory. It omits garbage after the last batch of the last segment.
func readImage(d *memDisk, dir string) image {
	im := image{files: map[string][]byte{}}
	n := d.find(dir)
	if n == nil {
		return im
	}
	entries, _ := d.List(dir)
	for _, e := range entries {
		p := n.entries[e.Name].data
		im.files[e.Name] = p
		if !strings.HasSuffix(e.Name, suffixLog) {
			continue
		}
		at, _, _ := offsetOf(e.Name)
		im.bases = append(im.bases, at)
		for len(p) >= wire.BatchHeaderSize {
			size := 12 + int(int32(binary.BigEndian.Uint32(p[8:])))
			if size < wire.BatchHeaderSize || size > len(p) {
				break
			}
			im.batches = append(im.batches, wire.Batch(p[:size]))
			p = p[size:]
		}
	}
	return im
}

func (im image) end() wire.Offset {
	if n := len(im.batches); n > 0 {
		return im.batches[n-1].NextOffset()
	}
	return -1
}

// checkFiles compares every index file with the log file. active is the base of the active segment, whose time index
// may lack the last entry.
func (im image) checkFiles(interval int64, active wire.Offset) error {
	for i, base := range im.bases {
		var index, times []byte
		pos, lastIndexed := int64(0), int64(0)
		maxTS, maxAt := wire.NoTimestamp, base
		newest := wire.NoTimestamp
		known := map[wire.Timestamp]wire.Offset{}
		for _, b := range im.batches {
			if b.BaseOffset() < base || i+1 < len(im.bases) && b.BaseOffset() >= im.bases[i+1] {
				continue
			}
			if err := b.Validate(); err != nil {
				return fmt.Errorf("segment %d: batch %v: %w", base, b, err)
			}
			if b.MaxTimestamp() > maxTS {
				maxTS, maxAt = b.MaxTimestamp(), b.LastOffset()
				known[maxTS] = maxAt
			}
			if pos-lastIndexed > interval {
				index = binary.BigEndian.AppendUint32(index, uint32(b.LastOffset()-base))
				index = binary.BigEndian.AppendUint32(index, uint32(pos))
				if maxTS > newest {
					times = binary.BigEndian.AppendUint64(times, uint64(maxTS))
					times = binary.BigEndian.AppendUint32(times, uint32(maxAt-base))
					newest = maxTS
				}
				lastIndexed = pos
			}
			pos += int64(len(b))
		}
		if got := im.files[fileName(base, suffixIndex)]; !bytes.Equal(got, index) {
			return fmt.Errorf("segment %d: offset index is %x, want %x", base, got, index)
		}
		got := im.files[fileName(base, suffixTimes)]
		if len(got)%timeEntrySize != 0 {
			return fmt.Errorf("segment %d: time index has %d bytes", base, len(got))
		}
		last := wire.NoTimestamp
		for p := got; len(p) > 0; p = p[timeEntrySize:] {
			ts := wire.Timestamp(binary.BigEndian.Uint64(p))
			at := base + wire.Offset(binary.BigEndian.Uint32(p[8:]))
			if ts <= last || known[ts] != at {
				return fmt.Errorf("segment %d: time index says %d at %d behind %d; the log says %v", base, ts, at, last, known)
			}
			last = ts
		}
		if base != active && last != maxTS {
			return fmt.Errorf("segment %d: time index ends with %d, the newest record is of %d", base, last, maxTS)
		}
		for p := times; len(p) > 0; p = p[timeEntrySize:] {
			if !bytes.Contains(got, p[:timeEntrySize]) {
				return fmt.Errorf("segment %d: time index %x lacks %x", base, got, p[:timeEntrySize])
			}
		}
	}
	return nil
}

// truth has the producers, transactions and epochs by a simple reading of a history: every batch that was ever in the
// log, including those that retention deleted.
type truth struct {
	producers map[wire.ProducerID]Producer
	newestOf  map[wire.ProducerID]wire.Offset // the last offset the producer or its marker has
	dataOf    map[wire.ProducerID]wire.Offset // the last offset of its last batch with data
	open      map[wire.ProducerID]wire.Offset
	aborted   []Aborted
	epochs    []EpochStart
}

func tellTruth(history []wire.Batch) truth {
	t := truth{producers: map[wire.ProducerID]Producer{}, newestOf: map[wire.ProducerID]wire.Offset{}, dataOf: map[wire.ProducerID]wire.Offset{}, open: map[wire.ProducerID]wire.Offset{}}
	for _, b := range history {
		if n := len(t.epochs); n == 0 || t.epochs[n-1].Epoch != b.LeaderEpoch() {
			t.epochs = append(t.epochs, EpochStart{b.LeaderEpoch(), b.BaseOffset()})
		}
		id := b.ProducerID()
		if id == wire.NoProducerID {
			continue
		}
		p, ok := t.producers[id]
		if !ok {
			p = Producer{ID: id, Epoch: -1, CoordinatorEpoch: -1, TxnFirst: -1}
		}
		t.newestOf[id] = b.LastOffset()
		if p.Epoch != b.ProducerEpoch() {
			p.Epoch, p.Batches = b.ProducerEpoch(), nil
		}
		p.LastTimestamp = b.MaxTimestamp()
		if b.IsControl() {
			c, _ := b.Control()
			v, _ := c.Decode()
			m := v.(wire.EndTxnMarker)
			p.CoordinatorEpoch, p.TxnFirst = m.CoordinatorEpoch, -1
			if first, ok := t.open[id]; ok {
				delete(t.open, id)
				if !m.Commit {
					stable := b.LastOffset() + 1
					for _, o := range t.open {
						stable = min(stable, o)
					}
					t.aborted = append(t.aborted, Aborted{id, first, b.BaseOffset(), stable})
				}
			}
		} else {
			t.dataOf[id] = b.LastOffset()
			p.Batches = []Sequence{{Last: b.LastSequence(), LastOffset: b.LastOffset(), Delta: b.LastOffsetDelta(), Timestamp: b.MaxTimestamp()}}
			if b.IsTransactional() {
				if _, ok := t.open[id]; !ok {
					t.open[id] = b.BaseOffset()
					p.TxnFirst = b.BaseOffset()
				}
			}
		}
		t.producers[id] = p
	}
	return t
}

// checkDerived compares a log's producers, aborted transactions and epochs with the simple reading of its history.
func checkDerived(d *memDisk, l *Log, history []wire.Batch) error {
	t := tellTruth(history)
	for id, want := range t.producers {
		got, ok := l.Producers().Producer(id)
		if !ok && t.newestOf[id] < l.Start() {
			continue // forgotten with its last batch
		}
		if n := len(got.Batches); n > 1 {
			got.Batches = got.Batches[n-1:]
		}
		for _, p := range []Producer{got, want} {
			for i := range p.Batches {
				p.Batches[i].Timestamp = 0 // a snapshot has one timestamp for the batch and its marker
			}
		}
		if len(got.Batches) == 0 && t.dataOf[id] < l.Start() {
			want.Batches = nil // only its marker is left
		}
		if want.TxnFirst >= 0 && want.TxnFirst < l.Start() && got.TxnFirst > want.TxnFirst {
			want.TxnFirst = got.TxnFirst // a transaction that began below the start is known from the rest of the log
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("producer %d is %+v, the log says %+v", id, got, want)
		}
	}
	for _, p := range l.Producers().Producers() {
		if _, ok := t.producers[p.ID]; !ok {
			return fmt.Errorf("producer %+v never wrote", p)
		}
	}
	for id, first := range t.open {
		if at, ok := l.Producers().FirstUndecidedOffset(); t.dataOf[id] >= l.Start() && (!ok || at > max(first, l.Start())) {
			return fmt.Errorf("first undecided offset is %d (%v), producer %d has a transaction open from %d", at, ok, id, first)
		}
	}
	if err := checkAborted(d, l, t, history); err != nil {
		return err
	}
	return checkEpochs(l, t.epochs)
}

// checkEpochs compares the epoch cache with the epochs of the batches. A last entry without a batch belongs to a leader
// that has not appended.
func checkEpochs(l *Log, want []EpochStart) error {
	var c EpochCache
	for _, e := range want {
		c.assign(e.Epoch, e.Start)
	}
	c.truncateFromStart(l.Start())
	got := l.Epochs().Entries()
	if n := len(got); n > 0 && got[n-1].Start == l.End() && got[n-1].Epoch > c.Latest() {
		got = got[:n-1]
	}
	wanted := c.entries
	if n := len(wanted); n > 0 && wanted[n-1].Start >= l.End() && len(got) < n {
		wanted = wanted[:n-1] // of an empty log: known or not
	}
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		return fmt.Errorf("epochs are %v, the log says %v", got, wanted)
	}
	return nil
}

// checkAborted compares the transaction indexes. For a transaction that began below the log's start, the index must
// only have the remaining part, and nothing if only the marker remains.
func checkAborted(d *memDisk, l *Log, t truth, history []wire.Batch) error {
	got, err := l.CollectAborted(d, l.Start(), l.End())
	if err != nil {
		return err
	}
	for _, want := range t.aborted {
		if want.Last < l.Start() {
			continue
		}
		from := want.First
		if from < l.Start() {
			from = -1
			for _, b := range history {
				if b.ProducerID() == want.Producer && !b.IsControl() && b.LastOffset() >= l.Start() && b.BaseOffset() < want.Last {
					from = b.BaseOffset()
					break
				}
			}
		}
		switch {
		case len(got) > 0 && got[0] == want:
		case len(got) > 0 && want.First < l.Start() && got[0].Producer == want.Producer && got[0].Last == want.Last && got[0].First <= from:
		case from < 0:
			continue
		default:
			return fmt.Errorf("aborted transactions are %v, the log says %v", got, want)
		}
		got = got[1:]
	}
	if len(got) > 0 {
		return fmt.Errorf("aborted transactions %v, of which the log knows nothing", got)
	}
	return nil
}
