package storage

import (
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Appended is the result of an append (LogAppendInfo).
type Appended struct {
	First, Last wire.Offset // of the records; Last is First-1 if there were none
	Batches     int         // that were appended
	Bytes       int         // likewise
	Skipped     int         // bytes at the end of a follower's append: of a newer leader's epoch, or a partial batch

	MaxTimestamp  wire.Timestamp // of the appended batches
	LogAppendTime wire.Timestamp // of the leader's clock, or NoTimestamp if the producers' timestamps stay
	Duplicate     bool           // nothing was appended: the offsets are those of the first append (KIP-98)
	Rolled        bool           // a segment was completed: flush up to ActiveBase in the background soon
	LogStart      wire.Offset
}

// Refused is a leader's append with errors of single records. Its Kafka error is that of the first.
type Refused struct {
	Records []*wire.CorruptError
}

// Error is the error of the first record.
func (r *Refused) Error() string { return r.Records[0].Error() }

// Unwrap returns Kafka's error.
func (r *Refused) Unwrap() error { return r.Records[0] }

// AppendAsLeader appends one batch of a client or a coordinator. It assigns the offsets and leader epoch in a copy of
// the bytes, because bytes from a link are read-only. With OriginRaft there may be several batches, which have offsets
// and epoch already.
//
// Errors are Kafka's (kerr, *Refused, *wire.CorruptError), and then nothing has changed; or *Offline, and then how much of
// the append is on the disk is unknown until the log is opened again.
func (l *Log) AppendAsLeader(d env.Disk, records []byte, epoch wire.Epoch, origin Origin, wall env.Time) (Appended, error) {
	return l.AppendVerified(d, records, epoch, origin, wall, Verification{})
}

// AppendVerified is AppendAsLeader with a verification: for transactional batches and for markers.
func (l *Log) AppendVerified(d env.Disk, records []byte, epoch wire.Epoch, origin Origin, wall env.Time, v Verification) (Appended, error) {
	if l.offline != nil {
		return Appended{}, l.offline
	}
	if origin == OriginRaft {
		return l.appendRaft(d, records, epoch, wall)
	}
	b, err := l.leaderBatch(records, origin)
	if err != nil {
		return Appended{}, err
	}
	b = slices.Clone(b)
	stamp, err := l.assignOffsets(b, epoch, origin, wall)
	if err != nil {
		return Appended{}, err
	}
	var c change
	if b.ProducerID() != wire.NoProducerID {
		if origin == OriginClient {
			if s, ok := l.producers.duplicate(b); ok {
				return l.duplicate(s), nil
			}
		}
		if b.IsTransactional() {
			if err := l.producers.checkTransaction(b, l.cfg.VerifyTransactions, v.Guard); err != nil {
				return Appended{}, err
			}
		}
		if c, err = l.producers.prepareUpdate(b, origin, v); err != nil {
			return Appended{}, err
		}
	}
	out := Appended{First: b.BaseOffset(), Last: b.LastOffset(), MaxTimestamp: b.MaxTimestamp(), LogAppendTime: stamp}
	out.Batches = 1
	if out.Rolled, err = l.maybeRoll(d, b, wall); err != nil {
		return Appended{}, err
	}
	if err := l.appendBatches(d, b, &c); err != nil {
		return Appended{}, err
	}
	return l.maybeFlush(d, out, len(b))
}

// leaderBatch returns the one batch of a leader's append, after it checked validity and size. Bytes after it that are no
// batch are ignored, as in Kafka.
func (l *Log) leaderBatch(records []byte, origin Origin) (wire.Batch, error) {
	b, rest, err := wire.Next(records)
	if err == wire.ErrShortBatch {
		return nil, kerr.InvalidRecord // there must be one
	}
	if err != nil {
		return nil, err
	}
	if _, _, err := wire.Next(rest); err == nil {
		return nil, kerr.InvalidRecord // and no more
	}
	if origin == OriginClient && b.BaseOffset() != 0 {
		return nil, kerr.InvalidRecord
	}
	if len(b) > int(l.cfg.MaxMessageBytes) {
		return nil, kerr.MessageTooLarge
	}
	if err := b.Validate(); err != nil {
		return nil, err
	}
	if len(b) > int(l.cfg.SegmentBytes) {
		return nil, kerr.RecordListTooLarge
	}
	return b, nil
}

// assignOffsets gives a batch its offsets, its leader epoch and, with LogAppendTime, the leader's timestamp (LogValidator).
func (l *Log) assignOffsets(b wire.Batch, epoch wire.Epoch, origin Origin, wall env.Time) (stamp wire.Timestamp, err error) {
	now := wire.Timestamp(wall.Millis())
	if origin == OriginClient {
		rules := wire.ClientRules{
			Compacted:     l.cfg.Compact,
			TimestampType: l.cfg.TimestampType,
			Now:           now,
			Before:        wire.Timestamp(l.cfg.TimestampBeforeMax / env.Millisecond),
			After:         wire.Timestamp(l.cfg.TimestampAfterMax / env.Millisecond),
		}
		newest, wrong := rules.Check(b)
		if len(wrong) > 0 {
			return 0, &Refused{wrong}
		}
		if l.cfg.TimestampType == wire.CreateTime {
			b.SetMaxTimestamp(newest)
		}
	}
	b.Patch(l.end, epoch)
	if l.cfg.TimestampType != wire.LogAppendTime {
		return wire.NoTimestamp, nil
	}
	b.SetLogAppendTime(now)
	return now, nil
}

// duplicate is the result for a batch that is in the log already.
func (l *Log) duplicate(s Sequence) Appended {
	return Appended{
		First: s.FirstOffset(), Last: s.LastOffset,
		MaxTimestamp: s.Timestamp, LogAppendTime: s.Timestamp,
		Duplicate: true, LogStart: l.start,
	}
}

// appendRaft appends the batches of a quorum leader.
func (l *Log) appendRaft(d env.Disk, records []byte, epoch wire.Epoch, wall env.Time) (Appended, error) {
	for b, err := range wire.Batches(records) {
		if err == nil {
			err = b.Validate()
		}
		if err != nil {
			return Appended{}, err
		}
		if b.LeaderEpoch() != epoch {
			return Appended{}, kerr.InvalidRecord
		}
		if len(b) > int(l.cfg.MaxMessageBytes) {
			return Appended{}, kerr.MessageTooLarge
		}
	}
	return l.appendPlaced(d, records, epoch, wall)
}

// AppendAsFollower appends the records of a fetch response with their offsets, at or above the log end. The first batch of a
// newer leader than leaderEpoch, the epoch of the fetch, is skipped with all batches after it (KAFKA-18723). A partial
// batch at the end is skipped too. An invalid batch is CORRUPT_MESSAGE, and then nothing is appended; a first offset below the
// end is *UnexpectedOffset.
func (l *Log) AppendAsFollower(d env.Disk, records []byte, leaderEpoch wire.Epoch) (Appended, error) {
	if l.offline != nil {
		return Appended{}, l.offline
	}
	whole := 0
	for b, err := range wire.Batches(records) {
		if err == wire.ErrShortBatch {
			break
		}
		if err != nil {
			return Appended{}, err
		}
		if l.cfg.Rules.BoundFollowerEpoch && b.LeaderEpoch() > leaderEpoch {
			break
		}
		if err := b.Validate(); err != nil {
			return Appended{}, err
		}
		whole += len(b)
	}
	out, err := l.appendPlaced(d, records[:whole], leaderEpoch, l.active().created)
	out.Skipped = len(records) - whole
	return out, err
}

// appendPlaced appends valid batches that have their offsets. It splits the bytes at the end of a segment: Kafka appends the
// batches of one fetch to one segment, and refuses more than fits (a segment is at least 1 MiB there).
func (l *Log) appendPlaced(d env.Disk, records []byte, epoch wire.Epoch, wall env.Time) (Appended, error) {
	out := Appended{First: l.end, Last: l.end - 1, MaxTimestamp: wire.NoTimestamp, LogAppendTime: wire.NoTimestamp, LogStart: l.start}
	if len(records) == 0 {
		return out, nil
	}
	first, last, err := l.checkOffsets(records)
	if err != nil {
		return out, err
	}
	out.First, out.Last = first, last

	from, to := 0, 0 // the range of batches that go into the active segment together
	for b, err := range wire.Batches(records) {
		if err != nil {
			return out, err
		}
		if l.mustRoll(b, int64(to-from+len(b)), wall) {
			if err := l.appendBatches(d, records[from:to], nil); err != nil {
				return out, err
			}
			from = to
			rolled, err := l.maybeRoll(d, b, wall)
			if err != nil {
				return out, err
			}
			out.Rolled = out.Rolled || rolled
		}
		to += len(b)
		out.Batches++
		out.MaxTimestamp = max(out.MaxTimestamp, b.MaxTimestamp())
	}
	if err := l.appendBatches(d, records[from:to], nil); err != nil {
		return out, err
	}
	return l.maybeFlush(d, out, to)
}

// checkOffsets checks an append with given offsets before its first byte is written: it starts at or above the end, its
// offsets rise, and its markers can be read.
func (l *Log) checkOffsets(records []byte) (first, last wire.Offset, err error) {
	first, last = -1, l.end-1
	for b, err := range wire.Batches(records) {
		if err != nil {
			return 0, 0, err
		}
		if first < 0 {
			first = b.BaseOffset()
		}
		if b.BaseOffset() <= last {
			return 0, 0, &UnexpectedOffset{First: b.BaseOffset(), Last: b.LastOffset(), End: last + 1}
		}
		last = b.LastOffset()
		if b.ProducerID() == wire.NoProducerID {
			continue
		}
		if _, err := l.producers.prepareUpdate(b, OriginReplication, Verification{}); err != nil {
			return 0, 0, err
		}
	}
	return first, last, nil
}

// mustRoll reports whether a batch must go into a new segment, if it is the last of size bytes to be added. An empty segment
// takes any batch: a new one would be no better.
func (l *Log) mustRoll(b wire.Batch, size int64, wall env.Time) bool {
	s := l.active()
	if s.size == 0 && size == int64(len(b)) && (s.base == b.BaseOffset() || s.fits(b.LastOffset())) {
		return false
	}
	return s.shouldRoll(&l.cfg, size, b.MaxTimestamp(), b.LastOffset(), wall)
}

// maybeRoll rolls the log if a batch does not fit into the active segment.
func (l *Log) maybeRoll(d env.Disk, b wire.Batch, wall env.Time) (rolled bool, err error) {
	if !l.mustRoll(b, int64(len(b)), wall) {
		return false, nil
	}
	base := l.end
	if b.LastOffset()-base > math.MaxInt32 {
		base = b.BaseOffset() // after a gap too wide for the indexes
	}
	if err := l.roll(d, base, wall); err != nil {
		return false, l.fail("roll", err)
	}
	return true, nil
}

// roll completes the active segment and starts one at an offset. The new segment's base gets a snapshot of the producer
// table.
//
// The base is the log's end; Kafka takes the first batch's offset. So segments that were never compacted have no gap between
// them, and recovery knows that a gap is a loss (see wideGap).
func (l *Log) roll(d env.Disk, base wire.Offset, wall env.Time) error {
	if err := l.active().onBecomeInactive(d); err != nil {
		return err
	}
	l.namesChanged = true
	s, err := createSegment(d, l.dir, base, wall)
	l.segments = append(l.segments, s)
	if err != nil {
		return err
	}
	l.producers.end = base
	return l.takeSnapshot(d)
}

// appendBatches appends valid batches to the active segment, which has room for them, and updates indexes, epochs and
// producers. The update of the producer table by a leader's batch was prepared before; that of a follower's is not checked.
//
//	epochs' file ─▶ log file ─▶ end offset ─▶ indexes ─▶ producer table ─▶ transaction index
//	└── failure: nothing was appended ──┘    └── failure: appended; the log is offline ──┘
//
// The order matters. Epochs first: a batch without its epoch on the device could not be compared with a leader's. Then the
// batches, and at once the log end: if a later step fails, their offsets are used (KAFKA-7866).
func (l *Log) appendBatches(d env.Disk, records []byte, decided *change) error {
	if len(records) == 0 {
		return nil
	}
	if err := l.assignEpochs(d, records); err != nil {
		return l.fail("write the epochs of", err)
	}
	s := l.active()
	if err := s.append(d, records); err != nil {
		return l.fail("append to", err)
	}
	err := l.indexBatches(d, s, records, decided)
	if err != nil && l.cfg.Rules.FailOnIndexError {
		return l.fail("index", err)
	}
	return nil
}

// assignEpochs assigns the epochs that begin in these batches.
func (l *Log) assignEpochs(d env.Disk, records []byte) error {
	changed := false
	for b, err := range wire.Batches(records) {
		if err != nil {
			return err
		}
		if e := b.LeaderEpoch(); e >= 0 {
			changed = l.epochs.assign(e, b.BaseOffset()) || changed
		}
	}
	if !changed {
		return nil
	}
	return l.saveEpochs(d)
}

// indexBatches updates the log end, the indexes and the producer table with batches that were just written. It does all of
// it, and returns the first error.
func (l *Log) indexBatches(d env.Disk, s *segment, records []byte, decided *change) (first error) {
	keep := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for b, err := range wire.Batches(records) {
		keep(err)
		keep(s.indexBatch(d, b, int64(len(b)), l.cfg.IndexIntervalBytes))
		l.end = b.NextOffset()
		if b.ProducerID() == wire.NoProducerID {
			continue
		}
		var c change
		if decided != nil {
			c = *decided
		} else if c, err = l.producers.prepareUpdate(b, OriginReplication, Verification{}); err != nil {
			keep(err)
			continue
		}
		l.producers.update(c)
		keep(l.completeTxn(d, s, c))
	}
	if first == nil {
		l.producers.end = l.end
	}
	return first
}

// completeTxn ends a transaction after its marker was written. An aborted one is added to the index first: the last stable
// offset must not pass it before a fetch can name it.
func (l *Log) completeTxn(d env.Disk, s *segment, c change) error {
	if !c.completed {
		return nil
	}
	if c.aborted {
		made, err := s.txns.add(d, Aborted{Producer: c.txn.producer, First: c.txn.first, Last: c.txn.last, LastStable: l.producers.lastStable(c.txn)})
		l.namesChanged = l.namesChanged || made
		if err != nil {
			return err
		}
	}
	l.producers.completeTxn(c.txn)
	return nil
}

// maybeFlush ends every append: it flushes if flush.messages is reached.
func (l *Log) maybeFlush(d env.Disk, out Appended, size int) (Appended, error) {
	out.Bytes, out.LogStart = size, l.start
	if int64(l.end-l.recovery) >= l.cfg.FlushMessages {
		return out, l.Flush(d, l.end)
	}
	return out, nil
}
