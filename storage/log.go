package storage

import (
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Log is the log of one partition on one disk (UnifiedLog and LocalLog). It lives from Open to Close or to the death of
// its node, and keeps file handles, but never the disk: every method is handed it.
//
//	Start             RecoveryPoint            End
//	  │ segment │ segment │ segment │ active     │
//	  [─────────────────────────┤├──────────────)
//	       on the device          perhaps only in the page cache
//
// The high watermark is not storage's: replication owns it and says it where it matters.
//
// After a failed disk operation the log is offline: every method that changes it returns the same *Offline.
type Log struct {
	dir string
	cfg Config

	segments  []*segment  // by base, rising; never empty; the last is the active one
	start     wire.Offset // in [0, end]; moves up with retention and DeleteRecords
	end       wire.Offset // the next offset: the end of the active segment
	recovery  wire.Offset // everything below is on the device; in [0, end]
	epochs    EpochCache  // and its file, which is written before the batches it speaks of
	producers *ProducerTable

	offline      *Offline // why nothing can be changed any more, or nil
	namesChanged bool     // a name in the directory, since it was last synced
	doomed       []doom   // files that are renamed away and wait to be removed
	dooms        int64    // how many there ever were
}

// doom is a file that waits for its end.
type doom struct {
	path  string
	order int64
}

// Dir is the log's directory.
func (l *Log) Dir() string { return l.dir }

// Start is the first offset a reader may ask for. It may lie inside a batch.
func (l *Log) Start() wire.Offset { return l.start }

// End is the offset that the next record gets (the log end offset).
func (l *Log) End() wire.Offset { return l.end }

// RecoveryPoint is the end of what is known to be on the device. The caller saves it in the log directory's checkpoint:
// now and then, and always after a truncation or a load that moved it down, before the next append.
func (l *Log) RecoveryPoint() wire.Offset { return l.recovery }

// ActiveBase is the base offset of the active segment: what lies below never changes, but by truncation.
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

// Epochs is which leader epoch wrote which offsets. It changes with the log; do not keep it over an event.
func (l *Log) Epochs() *EpochCache { return &l.epochs }

// EndOffsetFor says where an epoch ends in this log; see EpochCache.EndOffsetFor.
func (l *Log) EndOffsetFor(e wire.Epoch) (Mark, bool) { return l.epochs.EndOffsetFor(e, l.end) }

// Producers is the table of idempotent and transactional producers.
func (l *Log) Producers() *ProducerTable { return l.producers }

// Config is the configuration in force.
func (l *Log) Config() Config { return l.cfg }

// Configure puts another configuration in force. It touches nothing that is written.
func (l *Log) Configure(cfg Config) { l.cfg = cfg }

// Offline is why the log does nothing more, or nil.
func (l *Log) Offline() error {
	if l.offline == nil {
		return nil
	}
	return l.offline
}

// active is the segment that is appended to.
func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// floor is the index of the last segment whose base is at or below an offset, or -1.
func (l *Log) floor(at wire.Offset) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > at }) - 1
}

// AssignEpoch notes, durably, that an epoch starts at an offset. A new leader calls it with its log's end before it
// writes anything (KAFKA-7415); appends call it themselves.
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

// ready makes a segment searchable: its indexes are read and checked, and rebuilt from the log if they cannot be right.
func (l *Log) ready(d env.Disk, s *segment) error {
	if s.ready {
		return nil
	}
	sound, err := s.openIndexes(d)
	if err != nil {
		return err
	}
	if sound {
		limit := s.size
		err = s.measure(d)
		s.size = limit
	} else {
		l.namesChanged = true
		err = s.rebuildIndexes(d, l.cfg.IndexIntervalBytes)
	}
	if err != nil && isDisk(err) {
		return err
	}
	s.ready = true
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
