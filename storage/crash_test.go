package storage

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/sim/env"
	"samsa/wire"
)

// These tests crash a workload after every disk operation, with a process crash and several kinds of power loss, and
// then recover the log. The recovered log must consist of whole batches of the log before, and reach at least its
// flushed end. All state derived from the log must match the batches.

// world uses one log as a broker does: it opens the log and saves its checkpoints.
type world struct {
	d    *memDisk
	dir  Dir
	l    *Log
	cfg  Config
	seqs map[wire.ProducerID]int32
	ts   wire.Timestamp
	le   wire.Epoch
	r    Recovered

	saved wire.Offset // the recovery point that was found at the start
}

// start runs the start of a broker: it reads the marker and the checkpoints, and opens the log.
func start(d *memDisk, cfg Config) (*world, error) {
	w := &world{d: d, dir: Dir{Rules: cfg.Rules}, cfg: cfg, seqs: map[wire.ProducerID]int32{}, ts: wire.Timestamp(testWall.Millis())}
	clean, _, err := w.dir.TakeCleanMarker(d)
	if err != nil {
		return w, err
	}
	points, err := w.dir.LoadRecoveryPoints(d)
	if err != nil {
		return w, err
	}
	starts, err := w.dir.LoadLogStarts(d)
	if err != nil {
		return w, err
	}
	w.saved = points[testPartition]
	o := OpenOptions{Clean: clean, RecoveryPoint: points[testPartition], LogStart: starts[testPartition], Wall: testWall}
	if w.l, w.r, err = Open(d, testDir, cfg, o); err != nil {
		return w, err
	}
	return w, w.save()
}

// save writes the checkpoints of the directory.
func (w *world) save() error {
	if err := w.dir.SaveRecoveryPoints(w.d, Offsets{testPartition: w.l.RecoveryPoint()}); err != nil {
		return err
	}
	return w.dir.SaveLogStarts(w.d, Offsets{testPartition: w.l.Start()})
}

// stop runs a clean shutdown.
func (w *world) stop() error {
	if err := w.l.Close(w.d); err != nil {
		return err
	}
	if err := w.save(); err != nil {
		return err
	}
	return w.dir.SaveCleanMarker(w.d, 7)
}

func (w *world) lead(s batchSpec, origin Origin) error {
	w.ts += 10
	s.ts = w.ts
	if s.idempote || s.txn {
		s.seq = w.seqs[s.pid]
		w.seqs[s.pid] += int32(max(s.n, 1))
	}
	a, err := w.l.AppendAsLeader(w.d, s.bytes(), w.le, origin, testWall)
	if err == nil && a.Rolled {
		err = w.l.Flush(w.d, w.l.ActiveBase())
	}
	return err
}

func (w *world) mark(pid wire.ProducerID, commit bool) error {
	w.ts += 10
	_, err := w.l.AppendAsLeader(w.d, markerBytes(pid, 0, commit, 3, w.ts), w.le, OriginCoordinator, testWall)
	return err
}

func (w *world) follow(n int, codec wire.Codec) error {
	var p []byte
	base := w.l.End()
	for i := range n {
		w.ts += 10
		p = append(p, batchSpec{n: 2, size: 20 + i, ts: w.ts, base: base, leader: w.le, codec: codec}.bytes()...)
		base += 2
	}
	_, err := w.l.AppendAsFollower(w.d, p, w.le)
	return err
}

func (w *world) truncate(to wire.Offset) error {
	if err := w.l.TruncateTo(w.d, to); err != nil {
		return err
	}
	return w.save()
}

// startOver is the name of the step that empties the log.
const startOver = "start over"

// step is one action of a broker on its log.
type step struct {
	name string
	do   func(w *world) error
}

// lives is the workload. It has one list of steps for each life of the broker; each life ends in a clean shutdown.
func lives() [][]step {
	plain := func(n, size int) step {
		return step{fmt.Sprintf("append %dx%d", n, size), func(w *world) error { return w.lead(batchSpec{n: n, size: size}, OriginClient) }}
	}
	idem := func(pid wire.ProducerID, n int) step {
		return step{fmt.Sprintf("append by %d", pid), func(w *world) error {
			return w.lead(batchSpec{n: n, size: 10, pid: pid, idempote: true}, OriginClient)
		}}
	}
	txn := func(pid wire.ProducerID, n int) step {
		return step{fmt.Sprintf("transactional append by %d", pid), func(w *world) error {
			return w.lead(batchSpec{n: n, size: 10, pid: pid, txn: true}, OriginClient)
		}}
	}
	mark := func(pid wire.ProducerID, commit bool) step {
		return step{fmt.Sprintf("marker of %d, commit %v", pid, commit), func(w *world) error { return w.mark(pid, commit) }}
	}
	leader := func(e wire.Epoch) step {
		return step{fmt.Sprintf("lead in epoch %d", e), func(w *world) error {
			w.le = e
			return w.l.AssignEpoch(w.d, e, w.l.End())
		}}
	}
	follower := func(e wire.Epoch, n int, codec wire.Codec) step {
		return step{fmt.Sprintf("follow in epoch %d", e), func(w *world) error { w.le = e; return w.follow(n, codec) }}
	}
	back := func(n wire.Offset) step {
		return step{fmt.Sprintf("truncate %d back", n), func(w *world) error { return w.truncate(max(w.l.Start(), w.l.End()-n)) }}
	}
	flush := step{"flush", func(w *world) error { return w.l.Flush(w.d, w.l.End()) }}
	flushActive := step{"flush to the active segment", func(w *world) error { return w.l.Flush(w.d, w.l.ActiveBase()) }}
	save := step{"save checkpoints", func(w *world) error { return w.save() }}
	purge := step{"purge", func(w *world) error { return w.l.PurgeDeleted(w.d, w.l.PendingDelete()) }}
	advance := func(n wire.Offset) step {
		return step{"delete records", func(w *world) error {
			_, err := w.l.AdvanceStart(w.d, min(w.l.Start()+n, w.l.End()), w.l.End())
			return err
		}}
	}
	retain := func(bytes int64) step {
		return step{"retain", func(w *world) error {
			c := w.l.Config()
			c.RetentionBytes = bytes
			w.l.Configure(c)
			_, err := w.l.Retain(w.d, testWall, w.l.End())
			return err
		}}
	}
	over := func(at wire.Offset) step {
		return step{startOver, func(w *world) error {
			if err := w.l.TruncateFullyAndStartAt(w.d, w.l.End()+at); err != nil {
				return err
			}
			return w.save()
		}}
	}
	stop := step{"stop", func(w *world) error { return w.stop() }}

	return [][]step{
		{
			leader(0), plain(1, 30), idem(1, 2), plain(3, 50), txn(2, 2), idem(1, 1), txn(3, 1), flush, save,
			plain(2, 80), mark(2, false), txn(2, 1), plain(1, 90), idem(1, 3), flushActive, save, mark(3, true), mark(2, true),
			follower(1, 3, wire.CodecNone), follower(1, 8, wire.CodecNone), back(5), follower(3, 2, wire.CodecNone), back(12),
			// A leader of an older epoch appends at offsets where a newer epoch had begun.
			follower(4, 1, wire.CodecNone), back(3), follower(1, 6, wire.CodecNone),
			leader(5), txn(4, 2), plain(4, 60), mark(4, false), plain(1, 100), retain(1500), plain(1, 1), purge, stop,
		},
		{
			leader(6), txn(5, 1), plain(2, 120), plain(2, 120), plain(2, 120), flushActive, save, plain(2, 120), mark(5, false), back(30), txn(6, 1),
			leader(7), back(0), plain(2, 44), advance(6), retain(-1), save, plain(5, 70), idem(1, 1), retain(400), plain(1, 5), save, retain(0),
			txn(6, 2), over(3), leader(8), idem(1, 1), txn(7, 2), plain(1, 60), mark(7, false), flush, plain(1, 77), stop,
		},
	}
}

// moment is the state of the log after a step.
type moment struct {
	step     string
	ops      int // of the disk, so far in this life
	batches  []wire.Batch
	history  []wire.Batch // and those that retention took before them
	start    wire.Offset
	recovery wire.Offset
	end      wire.Offset
}

func observe(w *world, name string, before moment) moment {
	im := readImage(w.d, testDir)
	m := moment{step: name, ops: w.d.ops, batches: im.batches}
	if w.l != nil {
		m.start, m.recovery, m.end = w.l.Start(), w.l.RecoveryPoint(), w.l.End()
	}
	first := m.end
	if len(im.batches) > 0 {
		first = im.batches[0].BaseOffset()
	}
	for _, b := range before.history {
		if b.BaseOffset() < first {
			m.history = append(m.history, b)
		}
	}
	if name == startOver {
		m.history = nil
	}
	m.history = append(m.history, m.batches...)
	return m
}

// replayLife runs one life until its end or its crash and returns the log after each step.
func replayLife(d *memDisk, cfg Config, steps []step, before moment) ([]moment, *world, error) {
	w, err := start(d, cfg)
	if err != nil {
		return nil, w, err
	}
	moments := []moment{before, observe(w, "start", before)}
	moments[0].ops = 0
	for _, s := range steps {
		if err := s.do(w); err != nil {
			return moments, w, fmt.Errorf("%s: %w", s.name, err)
		}
		moments = append(moments, observe(w, s.name, moments[len(moments)-1]))
	}
	return moments, w, nil
}

// checkRecovered checks that a log is an allowed remainder of the log between two steps.
func checkRecovered(w *world, before, after moment) error {
	im := readImage(w.d, testDir)
	history, err := remainder(im.batches, before, after)
	if err != nil {
		return err
	}
	l := w.l
	if w.r.Clean && l.End() != before.end && l.End() != after.end {
		return fmt.Errorf("S92: a clean start at %d, the log ended at %d and %d", l.End(), before.end, after.end)
	}
	if most := max(before.recovery, after.recovery); w.saved > most {
		return fmt.Errorf("S91: the recovery point was saved as %d, the log had flushed [_, %d)", w.saved, most)
	}
	flushed := min(before.recovery, after.recovery)
	if after.step == startOver {
		flushed = 0
	}
	if l.End() < flushed && l.End() < max(before.end, after.end) {
		return fmt.Errorf("log ends at %d, flushed was [_, %d)", l.End(), flushed)
	}
	first := l.End()
	if len(im.batches) > 0 {
		first = im.batches[0].BaseOffset()
	}
	if first > max(before.start, after.start) && first > l.Start() {
		return fmt.Errorf("log begins at %d, its start is %d and was %d and %d", first, l.Start(), before.start, after.start)
	}
	if l.RecoveryPoint() > l.End() || l.Start() > l.End() {
		return fmt.Errorf("start %d, recovery point %d, end %d", l.Start(), l.RecoveryPoint(), l.End())
	}
	for at := l.Start(); at < l.End(); {
		data, err := l.Read(w.d, at, l.End(), 1, true)
		if err != nil {
			return fmt.Errorf("read at %d: %w", at, err)
		}
		if len(data.Bytes) == 0 {
			return fmt.Errorf("read at %d: nothing, and the log ends at %d", at, l.End())
		}
		if err := wire.Batch(data.Bytes).Validate(); err != nil {
			return fmt.Errorf("read at %d: %w", at, err)
		}
		at = data.Next
	}
	// Check derived state only now, after the reads have loaded every index.
	if err := readImage(w.d, testDir).checkFiles(int64(w.cfg.IndexIntervalBytes), l.ActiveBase()); err != nil {
		return err
	}
	return checkDerived(w.d, l, history)
}

// remainder finds the step after which the log had these batches, and returns its history.
func remainder(got []wire.Batch, before, after moment) ([]wire.Batch, error) {
	var wrong error
	for _, m := range []moment{after, before} {
		i := 0
		for i < len(m.history) && len(got) > 0 && m.history[i].BaseOffset() < got[0].BaseOffset() {
			i++
		}
		wrong = nil
		for _, b := range got {
			if i == len(m.history) || !bytes.Equal(m.history[i], b) {
				wrong = fmt.Errorf("recovered %v, which %s had not at this place", b, m.step)
				break
			}
			i++
		}
		if wrong == nil {
			if len(got) == 0 {
				return nil, nil
			}
			return m.history[:i], nil
		}
	}
	return nil, wrong
}

// goOn uses a recovered log: it appends another batch, shuts down cleanly, and starts again.
func goOn(w *world) error {
	w.le = max(w.l.Epochs().Latest(), 0) + 1
	end := w.l.End()
	if err := w.lead(batchSpec{n: 2, size: 33}, OriginClient); err != nil {
		return err
	}
	if err := w.stop(); err != nil {
		return err
	}
	again, err := start(w.d, w.cfg)
	if err != nil {
		return err
	}
	if !again.r.Clean || again.l.End() != end+2 || again.l.RecoveryPoint() != end+2 {
		return fmt.Errorf("reopened %+v: end %d and recovery point %d, want %d", again.r, again.l.End(), again.l.RecoveryPoint(), end+2)
	}
	return checkFilesOf(again)
}

func checkFilesOf(w *world) error {
	return readImage(w.d, testDir).checkFiles(int64(w.cfg.IndexIntervalBytes), -1)
}

// between finds the steps before and after a disk operation.
func between(moments []moment, op int) (before, after moment) {
	for i := range moments {
		if moments[i].ops >= op {
			return moments[max(i-1, 0)], moments[i]
		}
	}
	last := moments[len(moments)-1]
	return last, last
}

// forEachCrash calls visit with the disk after every possible crash of the workload.
func forEachCrash(t *testing.T, cfg Config, visit func(name string, d *memDisk, before, after moment)) {
	t.Helper()
	disk := newMemDisk()
	var past moment
	for life, steps := range lives() {
		whole := disk.crash()
		moments, _, err := replayLife(whole, cfg, steps, past)
		require.NoError(t, err)
		total := whole.ops
		for op := 1; op <= total; op++ {
			d := disk.crash()
			d.dieAfter = op
			_, _, err := replayLife(d, cfg, steps, past)
			if op < total {
				require.ErrorIs(t, err, env.ErrDead)
			}
			before, after := between(moments, op)
			name := fmt.Sprintf("life %d, dead after operation %d of %d, in %q", life, op, total, after.step)
			visit(name+", process crash", d.crash(), before, after)
			for fate := fateLost; fate <= fateMixed; fate++ {
				seeds := 1
				if fate == fateMixed {
					seeds = *powerLosses
				}
				for seed := range int64(seeds) {
					rng := rand.New(rand.NewSource(int64(op)*1000 + seed))
					visit(fmt.Sprintf("%s, power loss %d/%d", name, fate, seed), d.powerLoss(fate, rng), before, after)
				}
			}
		}
		disk = whole.powerLoss(fateLost, nil) // S92: a clean shutdown loses nothing
		past = moments[len(moments)-1]
	}
}

// These numbers determine how many crashes are tried. With stride 1 and 30 power losses the tests take minutes; the
// defaults cover all kinds of crash.
var (
	deathStride = flag.Int("stride", 13, "of how many deaths one is followed by deaths during recovery")
	powerLosses = flag.Int("powerlosses", 5, "how many mixed power losses behind each disk operation")
)

func TestEveryDeathIsSurvived(t *testing.T) {
	n := 0
	forEachCrash(t, smallConfig(), func(name string, d *memDisk, before, after moment) {
		n++
		w, err := start(d, smallConfig())
		require.NoError(t, err, name)
		require.NoError(t, checkRecovered(w, before, after), name)
		require.NoError(t, goOn(w), name)
	})
	t.Logf("%d deaths", n)
}

func TestEveryDeathDuringRecoveryIsSurvived(t *testing.T) {
	n, skip := 0, 0
	forEachCrash(t, smallConfig(), func(name string, d *memDisk, before, after moment) {
		if skip++; skip%*deathStride != 0 {
			return
		}
		probe := d.crash()
		_, err := start(probe, smallConfig())
		require.NoError(t, err, name)
		for op := 1; op <= probe.ops; op++ {
			again := d.crash()
			again.dieAfter = op
			_, _ = start(again, smallConfig())
			rng := rand.New(rand.NewSource(int64(op)))
			for _, third := range []*memDisk{again.crash(), again.powerLoss(fateMixed, rng)} {
				n++
				w, err := start(third, smallConfig())
				require.NoError(t, err, "%s, and again after operation %d", name, op)
				require.NoError(t, checkRecovered(w, before, after), "%s, and again after operation %d", name, op)
			}
		}
	})
	t.Logf("%d deaths", n)
}

// The power fails after every operation of a truncation and of the recovery after its crash. If the power loss brings
// back the older directory entry of a file that recovery has replaced, that file must not be trusted.
func TestDeathsAroundATruncation(t *testing.T) {
	disk := newMemDisk()
	w, err := start(disk, smallConfig())
	require.NoError(t, err)
	w.le = 1
	require.NoError(t, w.lead(batchSpec{n: 1, pid: 1, txn: true}, OriginClient))
	require.NoError(t, w.mark(1, false))
	require.NoError(t, w.follow(14, wire.CodecNone))
	require.NoError(t, w.l.Flush(disk, w.l.End()))
	require.NoError(t, w.save())
	before := observe(w, "filled", moment{})
	ops := disk.ops
	require.NoError(t, w.truncate(5))
	after, total := observe(w, "truncated", before), disk.ops-ops

	for op := 1; op <= total; op++ {
		first := newMemDisk()
		w, err := start(first, smallConfig())
		require.NoError(t, err)
		w.le = 1
		require.NoError(t, w.lead(batchSpec{n: 1, pid: 1, txn: true}, OriginClient))
		require.NoError(t, w.mark(1, false))
		require.NoError(t, w.follow(14, wire.CodecNone))
		require.NoError(t, w.l.Flush(first, w.l.End()))
		require.NoError(t, w.save())
		first.dieAfter = first.ops + op
		_ = w.truncate(5)
		probe := first.crash()
		_, err = start(probe, smallConfig())
		require.NoError(t, err)
		for again := 1; again <= probe.ops; again++ {
			second := first.crash()
			second.dieAfter = again
			_, _ = start(second, smallConfig())
			for seed := range int64(8) {
				third := second.powerLoss(fateMixed, rand.New(rand.NewSource(seed)))
				w, err := start(third, smallConfig())
				require.NoError(t, err)
				require.NoError(t, checkRecovered(w, before, after), "operation %d, then %d, power loss %d", op, again, seed)
			}
		}
	}
}

// A process crash interrupts a truncation, the remaining log is recovered, a leader of a newer epoch appends to it, and
// then the power fails. The page cache had the truncation, but the device may not have it. The epochs must be those of
// the batches in the log.
func TestACutThatOnlyThePageCacheHadIsMadeDurableByRecovery(t *testing.T) {
	fill := func(t *testing.T) *world {
		w, err := start(newMemDisk(), smallConfig())
		require.NoError(t, err)
		require.NoError(t, w.follow(3, wire.CodecNone))
		require.NoError(t, w.l.Flush(w.d, w.l.End()))
		require.NoError(t, w.save())
		return w
	}
	w := fill(t)
	ops := w.d.ops
	require.NoError(t, w.truncate(2))
	total := w.d.ops - ops
	for op := 1; op <= total; op++ {
		w := fill(t)
		w.d.dieAfter = w.d.ops + op
		_ = w.truncate(2)
		w, err := start(w.d.crash(), smallConfig())
		require.NoError(t, err)
		require.NoError(t, w.l.TruncateTo(w.d, 2))
		w.le = 1
		require.NoError(t, w.lead(batchSpec{n: 1}, OriginClient))
		w, err = start(w.d.powerLoss(fateLost, nil), smallConfig())
		require.NoError(t, err)
		require.NoError(t, checkDerived(w.d, w.l, readImage(w.d, testDir).batches), "the process died behind operation %d of the truncation", op)
	}
}

// Every disk operation of the workload fails once. The log must then be offline and change nothing. A restart must
// recover an allowed remainder, and no offset may be used for two different acknowledged batches.
func TestEveryFailureTakesTheLogOffline(t *testing.T) {
	disk := newMemDisk()
	var past moment
	for life, steps := range lives() {
		whole := disk.crash()
		moments, _, err := replayLife(whole, smallConfig(), steps, past)
		require.NoError(t, err)
		for op := 1; op <= whole.ops; op++ {
			for _, all := range []bool{false, true} {
				name := fmt.Sprintf("life %d, failure of operation %d, and after it: %v", life, op, all)
				d := disk.crash()
				d.failAt, d.failAll = op, all
				_, w, err := replayLife(d, smallConfig(), steps, past)
				require.ErrorIs(t, err, env.ErrIO, name)
				before, after := between(moments, op)
				if w.l != nil && w.l.Offline() != nil {
					d.failAt = 0
					end := w.l.End()
					var off *Offline
					require.ErrorAs(t, w.lead(batchSpec{n: 1}, OriginClient), &off, name)
					require.ErrorAs(t, w.l.TruncateTo(d, 0), &off, name)
					require.ErrorAs(t, w.l.Flush(d, end), &off, name)
					require.Equal(t, end, w.l.End(), name)
				}
				again, err := start(d.crash(), smallConfig())
				require.NoError(t, err, name)
				require.NoError(t, checkRecovered(again, before, after), name)
			}
		}
		disk, past = whole, moments[len(moments)-1]
	}
}

// The offline error wraps both Kafka's error and the disk's error.
func TestOfflineTellsBoth(t *testing.T) {
	d := newMemDisk()
	w, err := start(d, smallConfig())
	require.NoError(t, err)
	d.failAt, d.failWith = d.ops+1, env.ErrNoSpace
	err = w.lead(batchSpec{n: 1}, OriginClient)
	require.ErrorIs(t, err, env.ErrNoSpace)
	var off *Offline
	require.True(t, errors.As(err, &off))
	require.Contains(t, err.Error(), testDir)
}
