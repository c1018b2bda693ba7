package storage

import (
	"samsa/sim/env"
	"samsa/wire"
)

// Flush makes the records below an offset durable, with their indexes, snapshots and directory entries, and moves the
// recovery point to that offset. Kafka flushes for flush.messages and flush.ms, in the background after a roll, and at
// a clean shutdown. A leader acknowledges records long before they are flushed, because replication protects them. In a
// KRaft log, records are flushed before they are acknowledged.
func (l *Log) Flush(d env.Disk, upTo wire.Offset) error {
	if l.offline != nil {
		return l.offline
	}
	upTo = min(upTo, l.end)
	if upTo <= l.recovery {
		return nil
	}
	if err := l.flush(d, upTo); err != nil {
		return l.fail("flush", err)
	}
	return nil
}

// flush does the work of Flush and returns the disk's own error. The order of the syncs does not matter, because the
// recovery point moves last, and until then nothing relies on the synced files. A part of the active segment beyond
// upTo may become durable too, which is harmless.
func (l *Log) flush(d env.Disk, upTo wire.Offset) error {
	for i, s := range l.segments {
		if i+1 < len(l.segments) && l.segments[i+1].base <= l.recovery {
			continue // durable already
		}
		if s.base < upTo || upTo == l.end {
			if err := s.sync(d); err != nil {
				return err
			}
		}
	}
	if err := l.syncSnapshots(d); err != nil {
		return err
	}
	if err := l.syncNames(d); err != nil {
		return err
	}
	l.recovery = max(l.recovery, upTo)
	return nil
}

// Close takes a producer snapshot, flushes the log and closes its files. The clean-shutdown marker may be written only
// if Close succeeds for every log of the directory (KAFKA-15375). A log that is offline only closes its files.
func (l *Log) Close(d env.Disk) error {
	if l.offline != nil {
		l.release(d)
		return l.offline
	}
	err := l.takeSnapshot(d)
	if err == nil {
		if s := l.active(); s.indexesLoaded {
			err = s.onBecomeInactive(d)
		}
	}
	if err == nil {
		err = l.flush(d, l.end)
	}
	if err != nil {
		err = l.fail("close", err)
		l.release(d)
		return err
	}
	if err := l.release(d); err != nil {
		return l.fail("close", err)
	}
	return nil
}

// release closes every file.
func (l *Log) release(d env.Disk) (first error) {
	for _, s := range l.segments {
		if err := s.close(d); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Delete removes the log's files and its directory, after Close or instead of it. Kafka first renames the directory (see
// DirDeleted) and deletes it later.
func (l *Log) Delete(d env.Disk) error {
	l.release(d)
	l.segments = l.segments[:0]
	l.offline = &Offline{Doing: "use " + l.dir, Cause: env.ErrNotExist}
	return RemoveLog(d, l.dir)
}

// RemoveLog removes a log's directory and all files in it.
func RemoveLog(d env.Disk, dir string) error {
	entries, err := d.List(dir)
	if err == env.ErrNotExist {
		return nil
	}
	if err != nil {
		return onFile(dir, err)
	}
	for _, e := range entries {
		path := join(dir, e.Name)
		if err := d.Remove(path); err != nil && err != env.ErrNotExist {
			return onFile(path, err)
		}
	}
	if err := d.Remove(dir); err != nil && err != env.ErrNotExist {
		return onFile(dir, err)
	}
	return onFile(parent(dir), d.SyncDir(parent(dir)))
}

// Rename renames the directory of an open log to a name that marks it for deletion.
func (l *Log) Rename(d env.Disk, to string) error {
	if l.offline != nil {
		return l.offline
	}
	if err := d.Rename(l.dir, to); err != nil {
		return l.fail("rename", err)
	}
	if err := d.SyncDir(parent(to)); err != nil {
		return l.fail("rename", err)
	}
	for i := range l.pendingDeletes {
		l.pendingDeletes[i].path = to + l.pendingDeletes[i].path[len(l.dir):]
	}
	l.dir = to
	for _, s := range l.segments {
		s.moveTo(to)
	}
	return nil
}
