package storage

import (
	"math"

	"samsa/sim/env"
	"samsa/wire"
)

// Recovery trusts some files and recovers or rebuilds others:
//
//	                     clean shutdown      unclean: below the        unclean: the segment holding
//	                                         recovery point            the recovery point and later ones
//	log                  trusted             trusted                   recovered, ends at the first invalid batch
//	offset, time index   checked when used   checked when used         rebuilt
//	transaction index    checked             checked                   rebuilt
//	producer snapshots   checked by CRC      checked by CRC            removed and rebuilt
//	epochs               trusted             trusted                   completed from the batches
//
// An index that fails its check is rebuilt from the log; the log itself does not change.

// recover makes the segments consistent. Below the recovery point, and everywhere after a clean shutdown, it rebuilds
// only missing or invalid indexes. Above the recovery point, it recovers every segment and stops at the first invalid
// batch.
func (l *Log) recover(d env.Disk, o OpenOptions, r *Recovered) error {
	first := len(l.segments)
	if !o.Clean {
		first = max(l.floorSegment(o.RecoveryPoint), 0)
	}
	for i := 0; i < min(first, len(l.segments)); i++ {
		s := l.segments[i]
		if !s.lost && s.txns.check(s.limit()) == nil {
			continue
		}
		r.Indexes++
		if err := l.reindex(d, i, o.Wall); err != nil {
			return err
		}
	}
	if err := l.recoverFrom(d, first, o, r); err != nil {
		return err
	}
	return l.findEnd(d, o, r)
}

// limit returns an offset above all batches of the segment: its end, or the greatest offset if the end is not known
// without reading the file.
func (s *segment) limit() wire.Offset {
	if s.end > s.base {
		return s.end
	}
	return math.MaxInt64
}

// reindex rebuilds all indexes of a segment with a trusted log.
func (l *Log) reindex(d env.Disk, i int, wall env.Time) error {
	table, err := l.tableAt(d, i, wall)
	if err != nil {
		return err
	}
	s := l.segments[i]
	limit, end := s.size, s.end
	if _, _, err := l.recoverSegment(d, s, table); err != nil {
		return err
	}
	s.size, s.end = limit, max(end, s.end)
	return nil
}

// tableAt returns the producer table at the base of segment i. It rebuilds the table from a snapshot and the segments
// before i.
func (l *Log) tableAt(d env.Disk, i int, wall env.Time) (*ProducerTable, error) {
	table := newProducerTable(l.start)
	table.snapshots = l.producers.snapshots
	mine := Log{dir: l.dir, cfg: l.cfg, segments: l.segments[:i], start: l.start, end: l.segments[i].base, producers: table}
	err := mine.rebuildProducers(d, max(l.segments[i].base, l.start), true, wall)
	l.producers.snapshots, l.producers.unsynced = table.snapshots, append(l.producers.unsynced, table.unsynced...)
	l.namesChanged = l.namesChanged || mine.namesChanged
	return table, err
}

// wideGap is larger than any range of offsets that a power loss can remove from a file. It is smaller than a gap at which
// maybeRoll (append.go) starts a new segment beyond the end of the previous segment. Compaction leaves gaps too, but
// compacted segments are below the recovery point.
const wideGap = 1 << 30

// recoverFrom recovers the given segment and all later ones, and ends the log at the first invalid batch.
func (l *Log) recoverFrom(d env.Disk, first int, o OpenOptions, r *Recovered) error {
	if first >= len(l.segments) {
		return nil
	}
	table, err := l.tableAt(d, first, o.Wall)
	if err != nil {
		return err
	}
	running := l.producers
	l.producers = table
	defer func() {
		running.snapshots, running.unsynced = table.snapshots, table.unsynced
		l.producers = running
	}()
	for i := first; i < len(l.segments); i++ {
		s := l.segments[i]
		if hole := s.base - l.segments[max(i-1, 0)].end; i > first && hole != 0 && hole < wideGap {
			// The previous segment's file lost its tail.
			r.Bad = &UnexpectedOffset{First: s.base, Last: s.base, End: l.segments[i-1].end}
			return l.dropFrom(d, i, r)
		}
		total := s.size
		n, bad, err := l.recoverSegment(d, s, table)
		if err != nil {
			return err
		}
		r.Segments++
		r.Batches += n
		r.Bytes += s.size
		table.end = max(table.end, s.end)
		if err := l.takeSnapshot(d); err != nil {
			return err
		}
		if bad == nil {
			continue
		}
		r.Bad, r.Truncated = bad, total-s.size
		if err := l.dropFrom(d, i+1, r); err != nil {
			return err
		}
		return l.truncateFile(d, s)
	}
	return nil
}

// dropFrom deletes segment i and all later ones, the newest first.
func (l *Log) dropFrom(d env.Disk, i int, r *Recovered) error {
	for n := len(l.segments) - 1; n >= i; n-- {
		if err := l.deleteSegment(d, l.segments[n]); err != nil {
			return err
		}
		l.segments = l.segments[:n]
		r.Dropped++
	}
	return nil
}

// truncateFile truncates the log file after its valid batches.
func (l *Log) truncateFile(d env.Disk, s *segment) error {
	s.written = true
	if err := d.Truncate(s.log, s.size); err != nil {
		return onFile(s.path(suffixLog), err)
	}
	if !l.cfg.Rules.DurableNames {
		return nil
	}
	return s.sync(d)
}

// recoverSegment reads a segment batch by batch, rebuilds its indexes, and updates epochs and producers
// (LogSegment.recover). It stops at the first invalid batch: the segment ends there, and bad is the reason.
func (l *Log) recoverSegment(d env.Disk, s *segment, table *ProducerTable) (n int, bad, err error) {
	if s.txns.file == 0 && s.lost {
		if err := d.Remove(s.txns.path); err != nil && err != env.ErrNotExist {
			return 0, nil, onFile(s.txns.path, err)
		}
	}
	if err := s.txns.reset(d); err != nil {
		return 0, nil, err
	}
	if err := s.resetIndexes(d); err != nil {
		return 0, nil, err
	}
	l.namesChanged = l.namesChanged || s.lost
	s.lost, s.indexesLoaded = false, true
	limit := s.size
	s.size, s.end = 0, s.base
	c := s.scan(d, 0, limit)
	for c.more() {
		b, err := c.batch()
		if err == nil {
			err = l.checkRecovered(s, b)
		}
		var done change
		if err == nil {
			done, err = table.replay(b)
		}
		if err != nil && isDisk(err) {
			return n, nil, err
		}
		if err != nil {
			bad = err
			break
		}
		if e := b.LeaderEpoch(); e > l.epochs.Latest() {
			l.epochs.assign(e, b.BaseOffset())
		}
		if err := s.indexBatch(d, b, int64(len(b)), l.cfg.IndexIntervalBytes); err != nil {
			return n, nil, err
		}
		if err := l.reindexTxn(d, s, table, done); err != nil {
			return n, nil, err
		}
		n++
		c.skip(int64(len(b)))
	}
	return n, bad, s.onBecomeInactive(d)
}

// checkRecovered checks the next batch of a segment that is being recovered. Kafka compares no offsets there. No checksum
// covers the base offset, so Kafka keeps a batch with a torn base offset unless the offset index refuses its last offset
// (LogSegment.recover).
func (l *Log) checkRecovered(s *segment, b wire.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if b.BaseOffset() < s.end || !s.fits(b.LastOffset()) {
		return &UnexpectedOffset{First: b.BaseOffset(), Last: b.LastOffset(), End: s.end}
	}
	return nil
}

// reindexTxn ends a transaction after its marker was recovered.
func (l *Log) reindexTxn(d env.Disk, s *segment, table *ProducerTable, c change) error {
	if !c.completed {
		return nil
	}
	if c.aborted {
		made, err := s.txns.add(d, Aborted{Producer: c.txn.producer, First: c.txn.first, Last: c.txn.last, LastStable: table.lastStable(c.txn)})
		if err != nil {
			return err
		}
		l.namesChanged = l.namesChanged || made
	}
	table.completeTxn(c.txn)
	return nil
}

// markUnflushed marks segments above the recovery point as unsynced. After an unclean shutdown it also marks the
// directory entries as unsynced, because a process that crashed may have left them in the page cache only.
func (l *Log) markUnflushed(o OpenOptions) {
	l.namesChanged = l.namesChanged || !o.Clean
	for i, s := range l.segments {
		if i+1 == len(l.segments) || l.segments[i+1].base > l.recovery {
			s.written = true
		}
	}
}

// syncLoadedLength makes the log end durable before the first append. The process may have crashed between a truncation
// and its sync. The file is then short in the page cache only, and a power loss would bring back the truncated batches.
// But the epoch cache would already hold the epochs of the batches that replaced them. A truncation ends in the active
// segment, so syncing that segment is enough.
func (l *Log) syncLoadedLength(d env.Disk, o OpenOptions) error {
	if o.Clean || !l.cfg.Rules.DurableNames {
		return nil
	}
	return l.active().sync(d)
}

// findEnd finds the log end and ensures that there is an active segment. If the log ends below the saved log start, it
// has lost files, and findEnd restarts it at that log start.
func (l *Log) findEnd(d env.Disk, o OpenOptions, r *Recovered) error {
	if len(l.segments) > 0 {
		s := l.active()
		if err := l.openActive(d, s, r); err != nil {
			return err
		}
		l.end = max(s.end, s.base)
		if l.end >= o.LogStart {
			l.recovery = min(o.RecoveryPoint, l.end)
			if o.Clean && r.Bad == nil {
				l.recovery = l.end
			}
			l.markUnflushed(o)
			return l.syncLoadedLength(d, o)
		}
		if err := l.dropFrom(d, 0, r); err != nil {
			return err
		}
		l.epochs.clear()
	}
	l.namesChanged = true
	s, err := createSegment(d, l.dir, o.LogStart, o.Wall)
	l.segments = append(l.segments, s)
	l.end, l.recovery = o.LogStart, min(o.RecoveryPoint, o.LogStart)
	return err
}

// openActive prepares the active segment for appends. It truncates invalid bytes at the segment's end, which a failing
// device may leave even after a clean shutdown.
func (l *Log) openActive(d env.Disk, s *segment, r *Recovered) error {
	total := s.size
	if !s.indexesLoaded {
		s.end = math.MaxInt64
		sound, err := s.openIndexes(d)
		if err != nil {
			return err
		}
		s.end = s.base
		if !sound {
			l.namesChanged = true
			if err := s.rebuildIndexes(d, l.cfg.IndexIntervalBytes); err != nil {
				return err
			}
		}
		s.indexesLoaded = true
	}
	err := s.readExtremes(d)
	if err != nil && isDisk(err) {
		return err
	}
	if err == nil {
		return nil
	}
	r.Bad, r.Truncated = err, total-s.size
	if err := l.truncateFile(d, s); err != nil {
		return err
	}
	return s.times.truncateTo(d, s.end)
}
