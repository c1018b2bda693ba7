package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// TruncateTo truncates the log to whole batches below an offset, and updates epochs, producers and transactions. If the
// offset is at or above the log end, it only removes epochs that start there (KAFKA-10706).
//
// The new log end is the end of the last remaining batch. It is lower than the given offset if that is inside a batch
// or in a gap. Kafka uses the given offset as its log end until the next restart.
//
// If TruncateTo moves RecoveryPoint down, the caller must save the new value before the next append.
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

// truncate truncates the log to an offset inside it. It deletes segments from the newest to the oldest, and each
// deletion is durable before the next, so that a power loss leaves no gap.
func (l *Log) truncate(d env.Disk, end wire.Offset) error {
	for n := len(l.segments) - 1; l.segments[n].base > end; n-- {
		if err := l.deleteSegment(d, l.segments[n]); err != nil {
			return err
		}
		l.segments = l.segments[:n]
	}
	s := l.active()
	if err := l.loadIndexes(d, s); err != nil {
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

// afterTruncation updates the log's bounds, epochs and producers.
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

// TruncateFullyAndStartAt empties the log and restarts it at an offset. A follower uses it if its log end is below its
// leader's log start.
func (l *Log) TruncateFullyAndStartAt(d env.Disk, at wire.Offset) error {
	if l.offline != nil {
		return l.offline
	}
	if at < 0 {
		return kerr.OffsetOutOfRange
	}
	if err := l.truncateFully(d, at); err != nil {
		return l.fail("start over", err)
	}
	return nil
}

// truncateFully does the work of TruncateFullyAndStartAt and returns the disk's own error. It durably deletes the old
// segments before it creates the new one; otherwise a power loss could leave both, with a gap between them.
func (l *Log) truncateFully(d env.Disk, at wire.Offset) error {
	wall := l.active().created
	for n := len(l.segments) - 1; n >= 0; n-- {
		if err := l.deleteSegment(d, l.segments[n]); err != nil {
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

// deleteSegment renames a segment's files; PurgeDeleted removes them later. It durably renames the log file first,
// because the next load removes index files that have no log file.
func (l *Log) deleteSegment(d env.Disk, s *segment) error {
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
		l.deletesScheduled++
		l.pendingDeletes = append(l.pendingDeletes, pendingDelete{path + suffixDeleted, l.deletesScheduled})
		if i == 0 && l.cfg.Rules.DurableNames {
			if err := l.syncNames(d); err != nil {
				return err
			}
		}
	}
	return l.dropSnapshots(d, func(at wire.Offset) bool { return at == s.base })
}

// PendingDelete returns the argument for a call of PurgeDeleted after FileDeleteDelay: the number of the last deleted
// file, or 0 if there is none.
func (l *Log) PendingDelete() int64 {
	if n := len(l.pendingDeletes); n > 0 {
		return l.pendingDeletes[n-1].number
	}
	return 0
}

// PurgeDeleted removes the deleted files up to a number that PendingDelete returned. Kafka waits file.delete.delay.ms
// first, because reads may still use the files; the caller has that timer.
func (l *Log) PurgeDeleted(d env.Disk, through int64) error {
	if l.offline != nil {
		return l.offline
	}
	for len(l.pendingDeletes) > 0 && l.pendingDeletes[0].number <= through {
		x := l.pendingDeletes[0]
		l.pendingDeletes = l.pendingDeletes[1:]
		if l.isPendingDelete(x.path) {
			continue // a later deleted file has the same name
		}
		if err := d.Remove(x.path); err != nil && err != env.ErrNotExist {
			return l.fail("remove files of", onFile(x.path, err))
		}
		l.namesChanged = true
	}
	return nil
}

// isPendingDelete reports whether a path is in the list of pending deletes.
func (l *Log) isPendingDelete(path string) bool {
	for _, x := range l.pendingDeletes {
		if x.path == path {
			return true
		}
	}
	return false
}
