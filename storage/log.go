package storage

import (
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Log is the log of one partition on one disk (UnifiedLog and LocalLog). It exists from Open until Close, or until its
// process ends. It keeps file handles, but not the disk: every method that needs the disk has it as an argument.
//
//	Start             RecoveryPoint            End
//	  │ segment │ segment │ segment │ active     │
//	  [─────────────────────────┤├──────────────)
//	       on the device          perhaps in the page cache only
//
// The high watermark belongs to package replication, which passes it to the methods that need it.
//
// After a failed disk operation the log is offline: every method that changes it returns the same *Offline.
type Log struct {
	dir string
	cfg Config

	segments  []*segment  // by base, rising; never empty; the last segment is the active one
	start     wire.Offset // in [0, end]; moves up with retention and DeleteRecords
	end       wire.Offset // the next offset: the end of the active segment
	recovery  wire.Offset // all records below it are on the device; in [0, end]
	epochs    EpochCache  // its file is written before the batches of a new epoch
	producers *ProducerTable

	offline          *Offline        // the failure after which the log refuses every change, or nil
	namesChanged     bool            // a directory entry has changed since the directory was last synced
	pendingDeletes   []pendingDelete // renamed files that will be removed
	deletesScheduled int64           // the number of the last pending delete
}

// pendingDelete is a renamed file that will be removed after file.delete.delay.ms.
type pendingDelete struct {
	path   string
	number int64
}

// Dir returns the log's directory.
func (l *Log) Dir() string { return l.dir }

// Start returns the first offset that a fetch may request. It may be inside a batch.
func (l *Log) Start() wire.Offset { return l.start }

// End returns the offset that the next record gets (the log end offset).
func (l *Log) End() wire.Offset { return l.end }

// RecoveryPoint returns the end of the records that are known to be on the device. The caller saves it in the log
// directory's checkpoint periodically. If a truncation or Open has lowered it, the caller saves it before the next append.
func (l *Log) RecoveryPoint() wire.Offset { return l.recovery }

// ActiveBase returns the base offset of the active segment. Records below it no longer change.
// Only truncation and retention remove them.
func (l *Log) ActiveBase() wire.Offset { return l.active().base }

// Bytes returns the size of all segments.
func (l *Log) Bytes() int64 {
	var n int64
	for _, s := range l.segments {
		n += s.size
	}
	return n
}

// Segments returns the base offsets of all segments, rising.
func (l *Log) Segments() []wire.Offset {
	bases := make([]wire.Offset, len(l.segments))
	for i, s := range l.segments {
		bases[i] = s.base
	}
	return bases
}

// Epochs returns the leader epoch cache. The cache changes with the log, so the caller must not keep it beyond the
// current event.
func (l *Log) Epochs() *EpochCache { return &l.epochs }

// EndOffsetFor returns the end of an epoch in this log; see EpochCache.EndOffsetFor.
func (l *Log) EndOffsetFor(e wire.Epoch) (EpochEndOffset, bool) {
	return l.epochs.EndOffsetFor(e, l.end)
}

// Producers returns the table of idempotent and transactional producers.
func (l *Log) Producers() *ProducerTable { return l.producers }

// Config returns the configuration in force.
func (l *Log) Config() Config { return l.cfg }

// Configure sets the configuration. It does not change written data.
func (l *Log) Configure(cfg Config) { l.cfg = cfg }

// Offline returns the error of a log that is offline, or nil.
func (l *Log) Offline() error {
	if l.offline == nil {
		return nil
	}
	return l.offline
}

// active returns the active segment.
func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// floorSegment returns the index of the last segment with a base at or below an offset, or -1.
func (l *Log) floorSegment(at wire.Offset) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > at }) - 1
}

// AssignEpoch durably assigns the start of an epoch. A new leader calls it with its log end before its first append
// (KAFKA-7415); appends assign the epochs of their batches themselves.
func (l *Log) AssignEpoch(d env.Disk, e wire.Epoch, start wire.Offset) error {
	if l.offline != nil {
		return l.offline
	}
	if e < 0 || start < 0 {
		return kerr.InvalidRequest
	}
	if !l.epochs.assign(e, start) {
		return nil
	}
	if err := l.saveEpochs(d); err != nil {
		return l.fail("write the epochs of", err)
	}
	return nil
}

// loadIndexes reads and checks a segment's indexes at their first use, and rebuilds them from the log if the check
// fails.
func (l *Log) loadIndexes(d env.Disk, s *segment) error {
	if s.indexesLoaded {
		return nil
	}
	sound, err := s.openIndexes(d)
	if err != nil {
		return err
	}
	if sound {
		limit := s.size
		err = s.readExtremes(d)
		s.size = limit
	} else {
		l.namesChanged = true
		err = s.rebuildIndexes(d, l.cfg.IndexIntervalBytes)
	}
	if err != nil && isDisk(err) {
		return err
	}
	s.indexesLoaded = true
	return nil
}

// syncNames makes the directory entries durable.
func (l *Log) syncNames(d env.Disk) error {
	if !l.namesChanged {
		return nil
	}
	if err := d.SyncDir(l.dir); err != nil {
		return onFile(l.dir, err)
	}
	l.namesChanged = false
	return nil
}
