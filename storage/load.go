package storage

import (
	"slices"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// OpenOptions is what the log directory knows about a log that is about to be loaded.
type OpenOptions struct {
	Clean         bool        // the clean-shutdown marker was there: nothing needs to be recovered
	RecoveryPoint wire.Offset // from recovery-point-offset-checkpoint; 0 if it has none for this log
	LogStart      wire.Offset // from log-start-offset-checkpoint, likewise
	Wall          env.Time    // for the expiry of producers, and for segments whose records have no timestamps
}

// Recovered says what loading a log found and did.
type Recovered struct {
	Clean     bool        // no recovery was needed
	Segments  int         // that were read again, batch by batch
	Batches   int         // in them, that were sound
	Bytes     int64       // likewise
	Truncated int64       // bytes cut off behind the first batch that was not
	Dropped   int         // segments behind that, discarded
	Indexes   int         // segments below the recovery point that were read again for their indexes
	Removed   int         // left-over files that were removed
	End       wire.Offset // of the log
	Bad       error       // what was wrong with the first bad batch, or nil
}

// Open loads a log from its directory, or makes a new one (LogLoader). Without a clean shutdown every segment from the one
// that holds the recovery point on is read again: at the first batch that is short, fails its CRC or is out of order the
// log ends, and what lies behind is discarded. Indexes, epochs and producers are rebuilt from what is left.
//
// An error is the disk's, or an epoch checkpoint that cannot be read and cannot be rebuilt; there is no log then.
func Open(d env.Disk, dir string, cfg Config, o OpenOptions) (*Log, Recovered, error) {
	l := &Log{dir: dir, cfg: cfg, start: o.LogStart, producers: newProducerTable(o.LogStart)}
	r := Recovered{Clean: o.Clean}
	if err := l.load(d, o, &r); err != nil {
		off := l.fail("load", err)
		l.release(d)
		return nil, r, off
	}
	r.End = l.end
	return l, r, nil
}

// load is Open's steps in order.
//
//	names ─▶ leftovers ─▶ epochs ─▶ segments ─▶ recover ─▶ settle ─▶ producers ─▶ names
//	 sync    .deleted     file      open logs   from the    start,    snapshot    sync
//	         .cleaned               and txn     recovery    end,      and the
//	         .swap                  indexes     point on    epochs    rest
//
// Every step may be the last of an incarnation. Each therefore leaves a directory that the next load understands, and
// none believes what a later one may take back.
func (l *Log) load(d env.Disk, o OpenOptions, r *Recovered) error {
	names, err := l.list(d)
	if err != nil {
		return err
	}
	if !o.Clean && l.cfg.Rules.DurableNames {
		// What the names say now decides what is read again and what is believed. If a power loss during recovery
		// could bring older names back, the next recovery might believe what this one took apart.
		l.namesChanged = true
		if err := l.syncNames(d); err != nil {
			return err
		}
	}
	if names, err = l.finishSwaps(d, names, r); err != nil {
		return err
	}
	if err := l.loadEpochs(d); err != nil {
		return err
	}
	if err := l.loadSegments(d, names, o, r); err != nil {
		return err
	}
	if err := l.recover(d, o, r); err != nil {
		return err
	}
	if err := l.settle(d, o); err != nil {
		return err
	}
	if err := l.rebuildProducers(d, l.end, true, o.Wall); err != nil {
		return err
	}
	return l.settleNames(d)
}

// list is the names of the files in the log's directory, in byte order, which for segments is the order of offsets. A
// directory that is not there is made.
func (l *Log) list(d env.Disk) ([]string, error) {
	entries, err := d.List(l.dir)
	if err == env.ErrNotExist {
		if err := d.Mkdir(l.dir); err != nil {
			return nil, onFile(l.dir, err)
		}
		return nil, onFile(parent(l.dir), d.SyncDir(parent(l.dir)))
	}
	if err != nil {
		return nil, onFile(l.dir, err)
	}
	var names []string
	for _, e := range entries {
		if !e.Dir {
			names = append(names, e.Name)
		}
	}
	return names, nil
}

// remove removes a left-over file.
func (l *Log) remove(d env.Disk, name string, r *Recovered) error {
	path := join(l.dir, name)
	if err := d.Remove(path); err != nil && err != env.ErrNotExist {
		return onFile(path, err)
	}
	l.namesChanged = true
	r.Removed++
	return nil
}

// finishSwaps removes what a crash left and brings an interrupted compaction to its end. Its output is complete once it
// is called .swap: then the segments it was made from go, and it takes their place. Output called .cleaned is not, and
// neither is a .swap at or above it, which belongs to the same interrupted split (KAFKA-6264).
func (l *Log) finishSwaps(d env.Disk, names []string, r *Recovered) ([]string, error) {
	var kept, swaps []string
	minCleaned := wire.Offset(1<<63 - 1)
	for _, name := range names {
		at, _, ok := offsetOf(name)
		if ok && strings.HasSuffix(name, suffixCleaned) {
			minCleaned = min(minCleaned, at)
		}
	}
	for _, name := range names {
		at, _, ok := offsetOf(name)
		switch {
		case strings.HasSuffix(name, suffixDeleted), strings.HasSuffix(name, tmpSuffix),
			ok && strings.HasSuffix(name, suffixCleaned),
			ok && strings.HasSuffix(name, suffixSwap) && at >= minCleaned:
			if err := l.remove(d, name, r); err != nil {
				return nil, err
			}
		case ok && strings.HasSuffix(name, suffixSwap):
			swaps = append(swaps, name)
		default:
			kept = append(kept, name)
		}
	}
	if len(swaps) == 0 {
		return kept, nil
	}
	from, to, err := l.swapRange(d, swaps)
	if err != nil {
		return nil, err
	}
	kept = slices.DeleteFunc(kept, func(name string) bool {
		at, _, ok := offsetOf(name)
		if !ok || at < from || at >= to || err != nil {
			return false
		}
		err = l.remove(d, name, r)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if err := l.syncNames(d); err != nil {
		return nil, err // the old must not come back beside the new
	}
	for _, name := range swaps {
		final := strings.TrimSuffix(name, suffixSwap)
		if err := d.Rename(join(l.dir, name), join(l.dir, final)); err != nil {
			return nil, onFile(join(l.dir, name), err)
		}
		l.namesChanged = true
		kept = append(kept, final)
	}
	slices.Sort(kept)
	return slices.Compact(kept), nil
}

// swapRange is the offsets that finished compaction output stands for: from its lowest base to its highest end.
func (l *Log) swapRange(d env.Disk, swaps []string) (from, to wire.Offset, err error) {
	from, to = 1<<63-1, -1
	for _, name := range swaps {
		at, suffix, _ := offsetOf(name)
		if suffix != suffixLog+suffixSwap {
			continue
		}
		path := join(l.dir, name)
		f, err := d.Open(path, false)
		if err != nil {
			return 0, 0, onFile(path, err)
		}
		size, err := d.Size(f)
		end := at
		c := scanner{disk: d, path: path, file: f, end: size, window: scanWindow}
		for err == nil && c.more() {
			var h wire.Batch
			var n int64
			if h, n, err = c.header(); err == nil {
				end = h.NextOffset()
				c.skip(n)
			}
		}
		if e := d.Close(f); e != nil {
			err = e
		}
		if err != nil && isDisk(err) {
			return 0, 0, onFile(path, err)
		}
		from, to = min(from, at), max(to, end)
	}
	return from, to, nil
}

// loadEpochs reads the epoch cache. One that cannot be read is taken for empty, and settle fills it from the log; Kafka
// takes the directory offline.
func (l *Log) loadEpochs(d env.Disk) error {
	content, err := readFile(d, join(l.dir, epochsFile))
	if err == env.ErrNotExist {
		return nil
	}
	if err != nil {
		return err
	}
	if c, err := decodeEpochs(content); err == nil {
		l.epochs = c
	}
	return nil
}

// loadSegments opens every segment's log and transaction index, and removes indexes without a log.
func (l *Log) loadSegments(d env.Disk, names []string, o OpenOptions, r *Recovered) error {
	for _, name := range names {
		at, suffix, ok := offsetOf(name)
		if !ok || name != fileName(at, suffix) {
			continue
		}
		_, hasLog := slices.BinarySearch(names, fileName(at, suffixLog))
		switch suffix {
		case suffixLog:
			if err := l.loadSegment(d, at, names, o.Wall); err != nil {
				return err
			}
		case suffixIndex, suffixTimes, suffixTxns:
			if !hasLog {
				if err := l.remove(d, name, r); err != nil {
					return err
				}
			}
		case suffixSnapshot:
			l.producers.snapshots = append(l.producers.snapshots, at)
		}
	}
	for i, s := range l.segments {
		if i+1 < len(l.segments) {
			s.end = l.segments[i+1].base // near enough until somebody reads it
		}
	}
	return l.dropStraySnapshots(d)
}

// loadSegment opens the log file of one segment, and its transaction index if there is one.
func (l *Log) loadSegment(d env.Disk, base wire.Offset, names []string, wall env.Time) error {
	s := newSegment(l.dir, base, wall)
	l.segments = append(l.segments, s)
	f, err := d.Open(s.path(suffixLog), false)
	if err != nil {
		return onFile(s.path(suffixLog), err)
	}
	s.log = f
	if s.size, err = d.Size(f); err != nil {
		return onFile(s.path(suffixLog), err)
	}
	if _, has := slices.BinarySearch(names, fileName(base, suffixTxns)); has {
		if err := s.txns.open(d, false); err != nil && isDisk(err) {
			return err
		} else if err != nil {
			s.txns.data = nil
			s.lost = true
		}
	}
	for _, suffix := range []string{suffixIndex, suffixTimes} {
		if _, has := slices.BinarySearch(names, fileName(base, suffix)); !has {
			s.lost = true
		}
	}
	return nil
}

// dropStraySnapshots removes the snapshots that belong to no segment, except the newest if it is above all of them: that
// one a clean shutdown left (removeStraySnapshots).
func (l *Log) dropStraySnapshots(d env.Disk) error {
	if len(l.segments) == 0 {
		return nil
	}
	all := l.producers.snapshots
	last := l.active().base
	return l.dropSnapshots(d, func(at wire.Offset) bool {
		i := l.floor(at)
		if i >= 0 && l.segments[i].base == at {
			return false
		}
		return at < last || at != all[len(all)-1]
	})
}

// settle brings the bounds and the epochs of a log in line whose segments are what they will be.
func (l *Log) settle(d env.Disk, o OpenOptions) error {
	l.start = min(max(o.LogStart, l.segments[0].base), l.end)
	before := slices.Clone(l.epochs.entries)
	l.epochs.truncateFromEnd(l.end)
	l.epochs.truncateFromStart(l.start)
	if err := l.fillEpochs(d); err != nil {
		return err
	}
	if slices.Equal(before, l.epochs.entries) {
		return nil
	}
	return l.saveEpochs(d)
}

// fillEpochs completes the epochs from the log's start up to the first one known. One is missing when the start that was
// saved is older than the epochs that were: then the file was trimmed to a start that is forgotten.
func (l *Log) fillEpochs(d env.Disk) error {
	first, ok := l.epochs.Earliest()
	if !ok {
		first.Start = l.end
	}
	if first.Start <= l.start {
		return nil
	}
	var missing EpochCache
	for _, s := range l.segments {
		if s.base >= first.Start || s.end <= l.start || s.size == 0 {
			continue
		}
		for c := s.scan(d, 0, s.size); c.more(); {
			h, size, err := c.header()
			if err != nil && isDisk(err) {
				return err
			}
			if err != nil || h.BaseOffset() >= first.Start {
				break
			}
			if e := h.LeaderEpoch(); e > missing.Latest() && h.LastOffset() >= l.start {
				missing.assign(e, max(h.BaseOffset(), l.start))
			}
			c.skip(size)
		}
	}
	for _, e := range l.epochs.entries {
		missing.assign(e.Epoch, e.Start)
	}
	l.epochs = missing
	return nil
}

// settleNames makes durable what loading changed, so that nothing it removed or cut off can come back later, beside what
// was written since.
func (l *Log) settleNames(d env.Disk) error {
	if l.cfg.Rules.DurableNames {
		return l.syncNames(d)
	}
	return nil
}
