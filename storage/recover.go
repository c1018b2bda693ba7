package storage

import (
	"math"

	"samsa/sim/env"
	"samsa/wire"
)

// What is read again, and what is believed:
//
//	                     clean shutdown      unclean, below the        unclean, from the segment that
//	                                         recovery point            holds the recovery point on
//	log                  believed            believed                  read again, ends at the first bad batch
//	offset, time index   checked when used   checked when used         made anew
//	transaction index    checked             checked                   made anew
//	producer snapshots   checked by CRC      checked by CRC            dropped and made anew
//	epochs               believed            believed                  completed from the batches
//
// An index that fails its check is made anew from the log; nothing of the log is dropped for it.

// recover makes the segments consistent. Below the recovery point, and everywhere after a clean shutdown, only segments
// that lost an index are read again; above it all of them, until the first bad batch.
func (l *Log) recover(d env.Disk, o OpenOptions, r *Recovered) error {
	first := len(l.segments)
	if !o.Clean {
		first = max(l.floor(o.RecoveryPoint), 0)
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

// limit is an offset that no batch of the segment reaches, as far as is known without reading it.
func (s *segment) limit() wire.Offset {
	if s.end > s.base {
		return s.end
	}
	return math.MaxInt64
}

// reindex makes all indexes of a segment anew whose log is sound as far as anybody knows.
func (l *Log) reindex(d env.Disk, i int, wall env.Time) error {
	table, err := l.tableAt(d, i, wall)
	if err != nil {
		return err
	}
	s := l.segments[i]
	limit, end := s.size, s.end
	if _, _, err := l.readAgain(d, s, table); err != nil {
		return err
	}
	s.size, s.end = limit, max(end, s.end)
	return nil
}

// tableAt is the producer table as of the base of segment i, from a snapshot or the segments before.
func (l *Log) tableAt(d env.Disk, i int, wall env.Time) (*ProducerTable, error) {
	table := newProducerTable(l.start)
	table.snapshots = l.producers.snapshots
	mine := Log{dir: l.dir, cfg: l.cfg, segments: l.segments[:i], start: l.start, end: l.segments[i].base, producers: table}
	err := mine.rebuildProducers(d, max(l.segments[i].base, l.start), true, wall)
	l.producers.snapshots, l.producers.unsynced = table.snapshots, append(l.producers.unsynced, table.unsynced...)
	l.namesChanged = l.namesChanged || mine.namesChanged
	return table, err
}

// wideGap is more offsets than a power loss can take from a file, and less than the gap in a leader's offsets that makes
// a segment start behind the end of the one before it (see roll). The other holes that are no loss are compaction's, and
// what was compacted lies below the recovery point.
const wideGap = 1 << 30

// recoverFrom reads the segments from the given one on again, and ends the log at the first batch that is not sound.
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
			// What was written before this segment is gone, with the end of its file.
			r.Bad = &UnexpectedOffset{First: s.base, Last: s.base, End: l.segments[i-1].end}
			return l.dropFrom(d, i, r)
		}
		total := s.size
		n, bad, err := l.readAgain(d, s, table)
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
		return l.cut(d, s)
	}
	return nil
}

// dropFrom discards the segments from the given one on, the newest first.
func (l *Log) dropFrom(d env.Disk, i int, r *Recovered) error {
	for n := len(l.segments) - 1; n >= i; n-- {
		if err := l.discard(d, l.segments[n]); err != nil {
			return err
		}
		l.segments = l.segments[:n]
		r.Dropped++
	}
	return nil
}

// cut makes the log file as short as its sound batches.
func (l *Log) cut(d env.Disk, s *segment) error {
	s.written = true
	if err := d.Truncate(s.log, s.size); err != nil {
		return onFile(s.path(suffixLog), err)
	}
	if !l.cfg.Rules.DurableNames {
		return nil
	}
	return s.sync(d)
}

// readAgain reads a segment batch by batch, makes its indexes anew, and enters epochs and producers (LogSegment.recover).
// It stops at the first batch that is not sound; the segment's size is then where that begins, and bad says what it is.
func (l *Log) readAgain(d env.Disk, s *segment, table *ProducerTable) (n int, bad, err error) {
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
	s.lost, s.ready = false, true
	limit := s.size
	s.size, s.end = 0, s.base
	c := s.scan(d, 0, limit)
	for c.more() {
		b, err := c.batch()
		if err == nil {
			err = l.checkAgain(s, b)
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
		if err := s.note(d, b, int64(len(b)), l.cfg.IndexIntervalBytes); err != nil {
			return n, nil, err
		}
		if err := l.reindexTxn(d, s, table, done); err != nil {
			return n, nil, err
		}
		n++
		c.skip(int64(len(b)))
	}
	return n, bad, s.seal(d)
}

// checkAgain says what is wrong with a batch that was found behind the segment's batches so far.
func (l *Log) checkAgain(s *segment, b wire.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if b.BaseOffset() < s.end || !s.fits(b.LastOffset()) {
		return &UnexpectedOffset{First: b.BaseOffset(), Last: b.LastOffset(), End: s.end}
	}
	return nil
}

// reindexTxn ends a transaction whose marker was read again.
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
	table.complete(c.txn)
	return nil
}

// suspect takes what lies above the recovery point for unsynced, and names after an unclean shutdown: a process that
// crashed may have left them in the page cache only, and a flush that looked for what was written since would vouch for
// them without a sync.
func (l *Log) suspect(o OpenOptions) {
	l.namesChanged = l.namesChanged || !o.Clean
	for i, s := range l.segments {
		if i+1 == len(l.segments) || l.segments[i+1].base > l.recovery {
			s.written = true
		}
	}
}

// settleLength makes the end that was found durable before anything is built on it. The process may have died in a
// truncation, between the cut and its sync: then the file is short in the page cache only, and a power loss would bring
// back what was cut off, beside an epochs file that speaks of what was written there since. A truncation ends in the
// active segment, so that one is all there is to sync.
func (l *Log) settleLength(d env.Disk, o OpenOptions) error {
	if o.Clean || !l.cfg.Rules.DurableNames {
		return nil
	}
	return l.active().sync(d)
}

// findEnd finds the log's end and makes sure that there is an active segment. A log that ends below its start lost files:
// it is started anew at the start.
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
			l.suspect(o)
			return l.settleLength(d, o)
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

// openActive makes the active segment ready to be appended to. Senseless bytes at its end, which a clean shutdown rules
// out but a failing device does not, are cut off.
func (l *Log) openActive(d env.Disk, s *segment, r *Recovered) error {
	total := s.size
	if !s.ready {
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
		s.ready = true
	}
	err := s.measure(d)
	if err != nil && isDisk(err) {
		return err
	}
	if err == nil {
		return nil
	}
	r.Bad, r.Truncated = err, total-s.size
	if err := l.cut(d, s); err != nil {
		return err
	}
	return s.times.truncateTo(d, s.end)
}
