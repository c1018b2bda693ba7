package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// TruncateTo cuts off everything at or above an offset, and whole batches. Epochs, producers and transactions are as if
// what was cut off had never been. At or above the end it only drops epochs that start there (KAFKA-10706).
//
// The new end is behind the last batch that is left: lower than asked if the offset lies inside a batch or in a gap. Kafka
// says the offset that was asked for, until a restart teaches it better.
//
// If it moved RecoveryPoint down, the caller saves that before the next append.
func (l *Log) TruncateTo(d env.Disk, end wire.Offset) error {
	if l.offline != nil {
		return l.offline
	}
	if end < 0 {
		return kerr.OffsetOutOfRange
	}
	if end >= l.end {
		if !l.cfg.Rules.TrimEpochsAtEnd || !l.epochs.truncateFromEnd(l.end) {
			return nil
		}
		if err := l.saveEpochs(d); err != nil {
			return l.fail("write the epochs of", err)
		}
		return nil
	}
	if end < l.segments[0].base {
		return l.TruncateFullyAndStartAt(d, end)
	}
	if err := l.truncate(d, end); err != nil {
		return l.fail("truncate", err)
	}
	return nil
}

// truncate cuts the log to an offset inside it. Segments go from the newest down, each for good before the next, so that
// at no moment there is a hole for a power loss to keep.
func (l *Log) truncate(d env.Disk, end wire.Offset) error {
	for n := len(l.segments) - 1; l.segments[n].base > end; n-- {
		if err := l.discard(d, l.segments[n]); err != nil {
			return err
		}
		l.segments = l.segments[:n]
	}
	s := l.active()
	if err := l.ready(d, s); err != nil {
		return err
	}
	if err := s.truncateTo(d, end); err != nil {
		return err
	}
	if l.cfg.Rules.DurableNames {
		if err := s.sync(d); err != nil {
			return err
		}
	}
	l.end = s.end
	return l.afterTruncation(d)
}

// afterTruncation brings everything in line with a log that became shorter.
func (l *Log) afterTruncation(d env.Disk) error {
	l.start = min(l.start, l.end)
	l.recovery = min(l.recovery, l.end)
	if l.epochs.truncateFromEnd(l.end) {
		if err := l.saveEpochs(d); err != nil {
			return err
		}
	}
	if l.cfg.Rules.ReloadProducers {
		if err := l.rebuildProducers(d, l.end, false, l.active().created); err != nil {
			return err
		}
	}
	if l.cfg.Rules.DurableNames {
		return l.syncNames(d)
	}
	return nil
}

// TruncateFullyAndStartAt throws the whole log away and starts an empty one at an offset: a follower whose leader has
// nothing of what it has.
func (l *Log) TruncateFullyAndStartAt(d env.Disk, at wire.Offset) error {
	if l.offline != nil {
		return l.offline
	}
	if at < 0 {
		return kerr.OffsetOutOfRange
	}
	if err := l.startOver(d, at); err != nil {
		return l.fail("start over", err)
	}
	return nil
}

// startOver is TruncateFullyAndStartAt with the disk's own error. The old segments are gone for good before the new one
// has a name: the other way round a power loss could leave both, with a hole between them.
func (l *Log) startOver(d env.Disk, at wire.Offset) error {
	wall := l.active().created
	for n := len(l.segments) - 1; n >= 0; n-- {
		if err := l.discard(d, l.segments[n]); err != nil {
			return err
		}
	}
	if err := l.dropSnapshots(d, func(wire.Offset) bool { return true }); err != nil {
		return err
	}
	l.namesChanged = true
	s, err := createSegment(d, l.dir, at, wall)
	l.segments = []*segment{s}
	if err != nil {
		return err
	}
	l.start, l.end, l.recovery = at, at, min(l.recovery, at)
	if l.epochs.clear() {
		if err := l.saveEpochs(d); err != nil {
			return err
		}
	}
	l.producers.clear(at)
	l.producers.taken = at
	if l.cfg.Rules.DurableNames {
		return l.syncNames(d)
	}
	return nil
}

// discard takes a segment's files out of the log: they get another name now and are removed later (PurgeDeleted). The
// log file goes first and for good; without it the others are rubbish that the next load sweeps up.
func (l *Log) discard(d env.Disk, s *segment) error {
	if err := s.close(d); err != nil {
		return err
	}
	for i, suffix := range segmentSuffixes {
		path := s.path(suffix)
		err := d.Rename(path, path+suffixDeleted)
		if err == env.ErrNotExist {
			continue
		}
		if err != nil {
			return onFile(path, err)
		}
		l.namesChanged = true
		l.dooms++
		l.doomed = append(l.doomed, doom{path + suffixDeleted, l.dooms})
		if i == 0 && l.cfg.Rules.DurableNames {
			if err := l.syncNames(d); err != nil {
				return err
			}
		}
	}
	return l.dropSnapshots(d, func(at wire.Offset) bool { return at == s.base })
}

// Doomed is a number to hand to PurgeDeleted when FileDeleteDelay has passed: it stands for all files discarded so far.
// 0 says that none waits.
func (l *Log) Doomed() int64 {
	if n := len(l.doomed); n > 0 {
		return l.doomed[n-1].order
	}
	return 0
}

// PurgeDeleted removes the files that were discarded before Doomed said through. Kafka waits file.delete.delay.ms first,
// so that a slow reader is not surprised; the caller owns the timer.
func (l *Log) PurgeDeleted(d env.Disk, through int64) error {
	if l.offline != nil {
		return l.offline
	}
	for len(l.doomed) > 0 && l.doomed[0].order <= through {
		x := l.doomed[0]
		l.doomed = l.doomed[1:]
		if l.doomedAgain(x.path) {
			continue // the name was given to another file since, whose time has not come
		}
		if err := d.Remove(x.path); err != nil && err != env.ErrNotExist {
			return l.fail("remove files of", onFile(x.path, err))
		}
		l.namesChanged = true
	}
	return nil
}

// doomedAgain says whether a path waits in the list.
func (l *Log) doomedAgain(path string) bool {
	for _, x := range l.doomed {
		if x.path == path {
			return true
		}
	}
	return false
}
