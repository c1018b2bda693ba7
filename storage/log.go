package storage

import (
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Log is the log of one partition on one disk (UnifiedLog and LocalLog). It lives from Open to Close, or to the end of
// its process. It keeps file handles, but not the disk: every method gets that as an argument.
//
//	Start             RecoveryPoint            End
//	  │ segment │ segment │ segment │ active     │
//	  [─────────────────────────┤├──────────────)
//	       on the device          perhaps only in the page cache
//
// The high watermark belongs to replication, which passes it where a method needs it.
//
// After a failed disk operation the log is offline: every method that changes it returns the same *Offline.
type Log struct {
	dir string
	cfg Config

	segments  []*segment  // by base, rising; never empty; the last is the active one
	start     wire.Offset // in [0, end]; moves up with retention and DeleteRecords
	end       wire.Offset // the next offset: the end of the active segment
	recovery  wire.Offset // all records below are on the device; in [0, end]
	epochs    EpochCache  // its file is written before the batches of a new epoch
	producers *ProducerTable

	offline          *Offline        // the failure after which the log refuses every change, or nil
	namesChanged     bool            // a name in the directory has changed since it was last synced
	pendingDeletes   []pendingDelete // renamed files that will be removed
	deletesScheduled int64           // the number of the last one
}

// pendingDelete is a renamed file that will be removed after file.delete.delay.ms.
type pendingDelete struct {
	path   string
	number int64
}

// Dir is the log's directory.
func (l *Log) Dir() string { return l.dir }

// Start is the first offset that a fetch may request. It may be inside a batch.
func (l *Log) Start() wire.Offset { return l.start }

// End is the offset that the next record gets (the log end offset).
func (l *Log) End() wire.Offset { return l.end }

// RecoveryPoint is the end of the records that are known to be on the device. The caller saves it in the log directory's
// checkpoint: from time to time, and before the next append after a truncation or a load that moved it down.
func (l *Log) RecoveryPoint() wire.Offset { return l.recovery }

// ActiveBase is the base offset of the active segment. Records below it change only by truncation and retention.
func (l *Log) ActiveBase() wire.Offset { return l.active().base }

// Bytes is the size of all segments.
func (l *Log) Bytes() int64 {
	var n int64
	for _, s := range l.segments {
		n += s.size
	}
	return n
}

// Segments is the base offset of every segment, rising.
func (l *Log) Segments() []wire.Offset {
	bases := make([]wire.Offset, len(l.segments))
	for i, s := range l.segments {
		bases[i] = s.base
	}
	return bases
}

// Epochs is the leader epoch cache. It changes with the log: do not keep it beyond the event.
func (l *Log) Epochs() *EpochCache { return &l.epochs }

// EndOffsetFor is the end of an epoch in this log; see EpochCache.EndOffsetFor.
func (l *Log) EndOffsetFor(e wire.Epoch) (EpochEndOffset, bool) {
	return l.epochs.EndOffsetFor(e, l.end)
}

// Producers is the table of idempotent and transactional producers.
func (l *Log) Producers() *ProducerTable { return l.producers }

// Config is the configuration in force.
func (l *Log) Config() Config { return l.cfg }

// Configure sets the configuration. Written data does not change.
func (l *Log) Configure(cfg Config) { l.cfg = cfg }

// Offline is the error of a log that is offline, or nil.
func (l *Log) Offline() error {
	if l.offline == nil {
		return nil
	}
	return l.offline
}

// active is the active segment.
func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// floorSegment is the index of the last segment with a base at or below an offset, or -1.
func (l *Log) floorSegment(at wire.Offset) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > at }) - 1
}

// AssignEpoch assigns the start of an epoch, durably. A new leader calls it with its log end before it appends (KAFKA-7415);
// appends call it themselves.
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

// loadIndexes reads and checks a segment's indexes at its first use, and rebuilds them from the log if the check fails.
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

// syncNames makes the names in the directory durable.
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
