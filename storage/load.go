package storage

import (
	"slices"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// OpenOptions has a log's state from the files of the log directory.
type OpenOptions struct {
	Clean         bool        // the clean-shutdown marker was present, so nothing needs to be recovered
	RecoveryPoint wire.Offset // from recovery-point-offset-checkpoint; 0 if the file has no entry for this log
	LogStart      wire.Offset // from log-start-offset-checkpoint; 0 if the file has no entry for this log
	Wall          env.Time    // for the expiry of producers, and for segments without timestamps
}

// Recovered is the result of loading a log.
type Recovered struct {
	Clean     bool        // no recovery was needed
	Segments  int         // the number of segments that were recovered
	Batches   int         // valid batches in these segments
	Bytes     int64       // the size of these batches
	Truncated int64       // bytes truncated at the first invalid batch
	Dropped   int         // segments after the first invalid batch, which were deleted
	Indexes   int         // segments below the recovery point with rebuilt indexes
	Removed   int         // leftover files that were removed
	End       wire.Offset // the log end
	Bad       error       // the error of the first invalid batch, or nil
}

// Open loads a log from its directory, or creates a new one (LogLoader). After an unclean shutdown it recovers the
// segment that holds the recovery point and all later ones. The log ends at the first batch that is short, fails its
// CRC or is out of order. Open deletes the rest, and rebuilds indexes, epochs and producers from the log.
//
// If the disk fails, Open returns *Offline and no log.
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

// load runs Open's steps in order.
//
//	names ─▶ leftovers ─▶ epochs ─▶ segments ─▶ recover ─▶ align  ─▶ producers ─▶ names
//	 sync    .deleted     file      open logs   from the    start,    snapshot    sync
//	         .cleaned               and txn     recovery    end,      and the
//	         .swap                  indexes     point       epochs    rest
//
// The incarnation may end after any step. Each step therefore leaves a directory that the next load can read, and does
// not rely on anything that a power loss may undo.
func (l *Log) load(d env.Disk, o OpenOptions, r *Recovered) error {
	names, err := l.list(d)
	if err != nil {
		return err
	}
	if !o.Clean && l.cfg.Rules.DurableNames {
		// The directory entries decide which segments are recovered. If a power loss during recovery could bring back
		// older entries, the next recovery might trust a file that this recovery has replaced.
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
	if err := l.alignWithSegments(d, o); err != nil {
		return err
	}
	if err := l.rebuildProducers(d, l.end, true, o.Wall); err != nil {
		return err
	}
	return l.syncLoadedNames(d)
}

// list returns the names of the files in the log's directory, in byte order, which for segments is the order of
// offsets. It creates a missing directory.
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

// remove removes a leftover file.
func (l *Log) remove(d env.Disk, name string, r *Recovered) error {
	path := join(l.dir, name)
	if err := d.Remove(path); err != nil && err != env.ErrNotExist {
		return onFile(path, err)
	}
	l.namesChanged = true
	r.Removed++
	return nil
}

// finishSwaps removes the leftovers of a crash and finishes an interrupted compaction. Compaction output with the
// suffix .swap is complete and replaces the segments that it was made from. Output with the suffix .cleaned is
// incomplete. A .swap file at or above the offset of a .cleaned file is incomplete too, because both belong to the same
// interrupted split (KAFKA-6264).
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
		return nil, err // without this sync the old segments could come back beside the new one
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

// swapRange returns the range of offsets that the finished compaction output replaces: from its lowest base to its
// highest end.
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

// loadEpochs reads the epoch cache. If the file cannot be read, alignWithSegments fills the cache from the log; Kafka
// takes the directory offline instead.
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

// loadSegments opens each segment's log and transaction index. It removes indexes that have no log.
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
			s.end = l.segments[i+1].base // approximate until the segment is read
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

// dropStraySnapshots removes the snapshots that are not at the base of a segment. It keeps the newest one if that is
// above the base of the last segment, because a clean shutdown wrote it (removeStraySnapshots).
func (l *Log) dropStraySnapshots(d env.Disk) error {
	if len(l.segments) == 0 {
		return nil
	}
	all := l.producers.snapshots
	last := l.active().base
	return l.dropSnapshots(d, func(at wire.Offset) bool {
		i := l.floorSegment(at)
		if i >= 0 && l.segments[i].base == at {
			return false
		}
		return at < last || at != all[len(all)-1]
	})
}

// alignWithSegments sets the log start and truncates the epoch cache to match the loaded segments.
func (l *Log) alignWithSegments(d env.Disk, o OpenOptions) error {
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

// fillEpochs adds the epochs between the log start and the first known epoch. They are missing if the epochs file was
// written after the log start had moved up, and the process crashed before it saved the new log start.
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

// syncLoadedNames makes the changes of loading durable, so that no removed file comes back after a power loss.
func (l *Log) syncLoadedNames(d env.Disk) error {
	if l.cfg.Rules.DurableNames {
		return l.syncNames(d)
	}
	return nil
}
