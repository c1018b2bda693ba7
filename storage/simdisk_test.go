package storage_test

import (
	"encoding/binary"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// These tests use the simulated machine's disk. After every disk operation of a workload, they open every state that a
// power loss could leave. crash_test.go draws some of these states at random; here all of them are tried, by the
// simulation's rules of a device (it keeps or loses each sector of a file separately, and keeps the changes of a
// directory up to one of them).

// watched is a disk with an observer of each change.
type watched struct {
	*disk.Disk
	changed func()
}

func (w watched) then(err error) error {
	if err == nil {
		w.changed()
	}
	return err
}

func (w watched) Mkdir(p string) error              { return w.then(w.Disk.Mkdir(p)) }
func (w watched) Append(f env.File, p []byte) error { return w.then(w.Disk.Append(f, p)) }
func (w watched) WriteAt(f env.File, off int64, p []byte) error {
	return w.then(w.Disk.WriteAt(f, off, p))
}
func (w watched) Truncate(f env.File, size int64) error { return w.then(w.Disk.Truncate(f, size)) }
func (w watched) Sync(f env.File) error                 { return w.then(w.Disk.Sync(f)) }
func (w watched) Rename(from, to string) error          { return w.then(w.Disk.Rename(from, to)) }
func (w watched) Remove(p string) error                 { return w.then(w.Disk.Remove(p)) }
func (w watched) SyncDir(p string) error                { return w.then(w.Disk.SyncDir(p)) }
func (w watched) Open(p string, create bool) (env.File, error) {
	f, err := w.Disk.Open(p, create)
	if create {
		err = w.then(err)
	}
	return f, err
}

// moment is the state of a log between two steps.
type moment struct {
	ledger  []batch
	flushed wire.Offset // the recovery point
	end     wire.Offset
}

func (s *scribe) moment() moment {
	return moment{slices.Clone(s.ledger), s.l.RecoveryPoint(), s.l.End()}
}

// tinySegments hold two or three batches, so that few sectors are dirty at the same time. A segment crosses the border
// of a sector, so that a batch can be torn.
func tinySegments() storage.Config {
	c := storage.DefaultConfig()
	c.SegmentBytes = 760
	c.IndexIntervalBytes = 90
	return c
}

// Every crash state after every operation must be a prefix of the log that consists of whole batches and has all
// flushed ones. All state derived from it must match the batches, and using and reopening the log must work.
func TestEveryPowerLossIsSurvived(t *testing.T) {
	n, err := losePowerEverywhere(t, tinySegments(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d different states", n)
	if n < 5_000 {
		t.Errorf("only %d different states: too few to judge", n)
	}
}

// The checks must be able to fail: a truncation that does not make directory entries and lengths durable must leave
// invalid logs.
func TestPowerLossWithoutDurableNamesIsNotSurvived(t *testing.T) {
	cfg := tinySegments()
	cfg.Rules.DurableNames = false
	n, err := losePowerEverywhere(t, cfg, truncateStep)
	if err == nil {
		t.Fatalf("%d states, and nothing was wrong with any", n)
	}
	t.Logf("after %d states: %v", n, err)
}

// tooMany is more states than any step of the workload has: their number is exponential in the unsynced changes.
const tooMany = 100_000

const truncateStep = "truncate over a segment's start"

// losePowerEverywhere runs the workload and opens the states after each of its disk operations, until one is wrong. n is the
// number of different states. It begins at the step called from; "" is the first.
func losePowerEverywhere(t *testing.T, cfg storage.Config, from string) (n int, err error) {
	device := disk.New(disk.Profile{})
	s := newScribe(t, device, "orders-0", cfg)
	s.must(s.save())
	flushed := func() { s.must(s.l.Flush(s.d, s.l.ActiveBase())); s.must(s.save()) }
	steps := []struct {
		name string
		do   func()
	}{
		{"lead", func() { s.lead(0) }},
		{"append", func() { s.append(plainProducer, wire.CodecNone, words(2, 150, "a")...) }},
		{"append", func() { s.append(careful, wire.CodecNone, words(2, 72, "b")...) }},
		{"begin", func() { s.append(bob, wire.CodecLz4, words(1, 150, "c")...) }},
		{"flush", s.flush},
		{"roll", func() { s.append(careful, wire.CodecNone, words(1, 222, "d")...) }},
		{"flush what rolled", flushed},
		{"abort", func() { s.end(bob, false) }},
		{"append behind the marker", func() { s.append(plainProducer, wire.CodecGzip, words(2, 48, "e")...) }},
		{"flush", s.flush},
		{"follow", func() { s.follow(1, plainProducer, wire.CodecNone, words(1, 96, "f"), words(1, 222, "g")) }},
		{"flush", s.flush},
		{truncateStep, func() { s.truncate(1, s.l.ActiveBase()-1) }},
		{"lead again", func() { s.lead(3) }},
		{"append in another epoch", func() { s.append(alice, wire.CodecZstd, words(2, 150, "h")...) }},
		{"roll", func() { s.append(careful, wire.CodecNone, words(2, 150, "i")...) }},
		{"flush what rolled", flushed},
		{"stop", s.stop},
	}
	before := s.moment()
	var pending []*disk.Disk // after the operations of the step under way: its end is not known yet
	seen := map[uint64]bool{}
	listed := 0 // for this step
	look := func() {
		device.CrashStates(func(d *disk.Disk) bool {
			if listed++; listed > tooMany {
				return false
			}
			if h := d.Digest(); !seen[h] {
				seen[h] = true
				pending = append(pending, d)
			}
			return true
		})
	}
	for _, step := range steps {
		if from == "" || step.name == from {
			from = ""
			s.d = watched{device, look}
		}
		step.do()
		if listed > tooMany {
			return n, fmt.Errorf("%s: more than %d states: what should be synced is not", step.name, tooMany)
		}
		after := s.moment()
		for _, d := range pending {
			n++
			if err := s.on(d).survives(before, after); err != nil {
				return n, fmt.Errorf("%s, state %d: %w", step.name, n, err)
			}
		}
		pending, before = pending[:0], after
		listed = 0
		clear(seen)
	}
	return n, nil
}

// survives opens a disk that a power loss left, as it was somewhere between two moments.
func (s *scribe) survives(before, after moment) error {
	cfg := s.l.Config()
	points, err := storage.Dir{Rules: cfg.Rules}.LoadRecoveryPoints(s.d)
	if err != nil {
		return err
	}
	if err := s.open(cfg); err != nil {
		return err
	}
	if s.r.Clean && s.l.End() != after.end {
		return fmt.Errorf("S92: marked as clean, and ends at %d of %d", s.l.End(), after.end)
	}
	// A truncation moves the end down first, and the checkpoint before anything is appended again.
	if bound := max(s.l.End(), before.end); points[s.tp] > s.l.End() && (after.end >= before.end || points[s.tp] > bound) {
		return fmt.Errorf("S91: the checkpoint says %d, the log ends at %d", points[s.tp], s.l.End())
	}
	if err := s.checkBetween(before, after); err != nil {
		return fmt.Errorf("%w; recovery said %+v", err, s.r)
	}
	// Again, after a crash: nothing is left to repair.
	again := s.on(s.device)
	if err := again.open(cfg); err != nil {
		return err
	}
	r := again.r
	if s.r.Dropped > 0 {
		r.Removed = 0 // deleted files have another name
	}
	if r.Bad != nil || r.Truncated+int64(r.Dropped+r.Indexes+r.Removed) != 0 || r.End != s.r.End {
		return fmt.Errorf("opened again, it found %+v, and before that %+v", r, s.r)
	}
	return again.checkBetween(before, after)
}

// checkBetween checks a log whose state was between two moments.
func (s *scribe) checkBetween(before, after moment) error {
	files, err := s.readBack()
	if err != nil {
		return err
	}
	if flushed := min(before.flushed, after.flushed); s.l.End() < flushed {
		return fmt.Errorf("ends at %d, flushed was [0, %d)", s.l.End(), flushed)
	}
	var got []batch
	for _, p := range sorted(files) {
		got = append(got, files[p].Batches...)
	}
	prefixOf := func(m moment) bool {
		return len(got) <= len(m.ledger) && reflect.DeepEqual(got, headers(m.ledger[:len(got)]))
	}
	switch {
	case prefixOf(after):
		s.ledger = after.ledger[:len(got)]
	case prefixOf(before):
		s.ledger = before.ledger[:len(got)]
	default:
		return fmt.Errorf("holds %+v, neither a prefix of what was there before nor after", got)
	}
	if n := len(got); n > 0 && got[n-1].Last+1 != s.l.End() || n == 0 && s.l.End() != 0 {
		return fmt.Errorf("ends at %d, behind %d batches %+v", s.l.End(), n, got)
	}
	if err := s.derived(files); err != nil {
		return err
	}
	return s.indexesSay(s.dir, files, files)
}

// headers is the headers of batches.
func headers(list []batch) []batch {
	var bare []batch
	for _, b := range list {
		b.Records = nil
		bare = append(bare, b)
	}
	return bare
}

// derived compares epochs, producers and aborted transactions with the ledger.
func (s *scribe) derived(files map[string]*dump) error {
	var epochs []storage.EpochStart
	for _, b := range s.ledger {
		if n := len(epochs); n == 0 || epochs[n-1].Epoch != b.Leader {
			epochs = append(epochs, storage.EpochStart{Epoch: b.Leader, Start: b.Base})
		}
	}
	known := s.l.Epochs().Entries()
	if n := len(known); n > len(epochs) && known[n-1].Start == s.l.End() {
		known = known[:n-1] // of a leader that has not written
	}
	if !slices.Equal(known, epochs) {
		return fmt.Errorf("epochs are %v, the log says %v", known, epochs)
	}
	producers := map[wire.ProducerID]state{}
	for _, p := range s.l.Producers().Producers() {
		x := state{ID: p.ID, Epoch: p.Epoch, CoordinatorEpoch: p.CoordinatorEpoch, TxnFirst: p.TxnFirst, LastTimestamp: p.LastTimestamp}
		if n := len(p.Batches); n > 0 {
			b := p.Batches[n-1]
			x.FirstSeq, x.LastSeq, x.LastOffset, x.OffsetDelta = b.First(), b.Last, b.LastOffset, wire.Offset(b.Delta)
		}
		producers[p.ID] = x
	}
	if want := s.producersAt(s.l.End()); !reflect.DeepEqual(producers, want) {
		return fmt.Errorf("producers are %v, the log says %v", producers, want)
	}
	var aborted []storage.Aborted
	for _, p := range sorted(files) {
		aborted = append(aborted, files[p].Aborted...)
	}
	if want := s.aborted(); !slices.Equal(aborted, want) {
		return fmt.Errorf("aborted transactions are %v, the log says %v", aborted, want)
	}
	return nil
}

// readBack reads the log to its end, which makes every index ready, and then the files: in the shape of the tool's dump.
func (s *scribe) readBack() (map[string]*dump, error) {
	for at := s.l.Start(); at < s.l.End(); {
		data, err := s.l.Read(s.d, at, s.l.End(), 1, true)
		if err != nil || data.Next <= at {
			return nil, fmt.Errorf("read at %d of %d: next is %d, %v", at, s.l.End(), data.Next, err)
		}
		at = data.Next
	}
	files := map[string]*dump{}
	for _, f := range s.device.Files() {
		if path.Dir(f.Path) != s.dir {
			continue
		}
		d := &dump{}
		p := f.Bytes()
		base, _ := strconv.ParseInt(strings.SplitN(path.Base(f.Path), ".", 2)[0], 10, 64)
		switch path.Ext(f.Path) {
		case ".log":
			at := int64(0)
			for b, err := range wire.Batches(p) {
				if err == nil {
					err = b.Validate()
				}
				if err != nil {
					return nil, fmt.Errorf("%s at %d: %w", f.Path, at, err)
				}
				d.Batches = append(d.Batches, headerOf(b))
				d.Positions = append(d.Positions, at)
				at += int64(len(b))
			}
		case ".index":
			for ; len(p) >= 8; p = p[8:] {
				d.Index = append(d.Index, [2]int64{base + int64(binary.BigEndian.Uint32(p)), int64(binary.BigEndian.Uint32(p[4:]))})
			}
		case ".timeindex":
			for ; len(p) >= 12; p = p[12:] {
				d.Times = append(d.Times, [2]int64{int64(binary.BigEndian.Uint64(p)), base + int64(binary.BigEndian.Uint32(p[8:]))})
			}
		case ".txnindex":
			for ; len(p) >= 34; p = p[34:] {
				d.Aborted = append(d.Aborted, storage.Aborted{Producer: wire.ProducerID(binary.BigEndian.Uint64(p[2:])), First: wire.Offset(binary.BigEndian.Uint64(p[10:])),
					Last: wire.Offset(binary.BigEndian.Uint64(p[18:])), LastStable: wire.Offset(binary.BigEndian.Uint64(p[26:]))})
			}
		default:
			continue
		}
		if path.Ext(f.Path) != ".log" && len(p) > 0 {
			return nil, fmt.Errorf("%s ends in %d bytes that are no entry", f.Path, len(p))
		}
		files[f.Path] = d
	}
	return files, nil
}

// headerOf is a batch in the ledger's words, without its records.
func headerOf(b wire.Batch) batch {
	types := map[wire.TimestampType]string{wire.CreateTime: "CreateTime", wire.LogAppendTime: "LogAppendTime"}
	return batch{Base: b.BaseOffset(), Last: b.LastOffset(), Count: int(b.Count()), BaseSeq: b.BaseSequence(), LastSeq: b.LastSequence(), Producer: b.ProducerID(),
		ProducerEpoch: b.ProducerEpoch(), Leader: b.LeaderEpoch(), Txn: b.IsTransactional(), Control: b.IsControl(), TimestampType: types[b.TimestampType()],
		MaxTimestamp: b.MaxTimestamp(), Codec: b.Codec().String(), Valid: true}
}
