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
	First, Last wire.Offset // the offsets of the first and last appended records; Last is First-1 if there were none
	Batches     int         // the number of appended batches
	Bytes       int         // the size of the appended batches
	Skipped     int         // trailing bytes that a follower did not append: a newer leader's batches, or a partial batch

	MaxTimestamp  wire.Timestamp // the largest timestamp of the appended batches
	LogAppendTime wire.Timestamp // the leader's time, or NoTimestamp if the producers' timestamps are kept
	Duplicate     bool           // nothing was appended: the offsets are those of the original append (KIP-98)
	Rolled        bool           // a segment was completed; the caller should soon flush up to ActiveBase in the background
	LogStart      wire.Offset
}

// Refused is the error of AppendAsLeader if records are invalid. Its Kafka error is the error of the first invalid record.
type Refused struct {
	Records []*wire.CorruptError
}

// Error returns the error of the first invalid record.
func (r *Refused) Error() string { return r.Records[0].Error() }

// Unwrap returns Kafka's error for the first invalid record.
func (r *Refused) Unwrap() error { return r.Records[0] }

// AppendAsLeader appends one batch of a client or a coordinator. It assigns the offsets and leader epoch in a copy of
// the bytes, because bytes that were received from another machine are read-only. With OriginRaft there may be several
// batches, which already have offsets and an epoch.
//
// After an error of Kafka (kerr, *Refused, *wire.CorruptError) nothing has changed. After *Offline it is unknown how
// much of the append is on the disk until the log is opened again.
func (l *Log) AppendAsLeader(d env.Disk, records []byte, epoch wire.Epoch, origin Origin, wall env.Time) (Appended, error) {
	return l.AppendVerified(d, records, epoch, origin, wall, Verification{})
}

// AppendVerified is AppendAsLeader with a Verification, which a transactional batch or a marker needs.
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

// leaderBatch returns the one batch of a leader's append after checking its validity and size. As in Kafka, trailing
// bytes that are not a batch are ignored.
func (l *Log) leaderBatch(records []byte, origin Origin) (wire.Batch, error) {
	b, rest, err := wire.Next(records)
	if err == wire.ErrShortBatch {
		return nil, kerr.InvalidRecord // there must be a batch
	}
	if err != nil {
		return nil, err
	}
	if _, _, err := wire.Next(rest); err == nil {
		return nil, kerr.InvalidRecord // there must be only one batch
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

// assignOffsets sets a batch's offsets, its leader epoch and, with LogAppendTime, its timestamp (LogValidator).
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

// duplicate returns the result for a batch that is already in the log.
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

// AppendAsFollower appends the records of a fetch response with the offsets that they already have. It skips a partial
// batch at the end. The argument leaderEpoch is the epoch of the fetch. AppendAsFollower also skips the first batch with a
// leader epoch above leaderEpoch, and all batches after it (KAFKA-18723). If a batch is invalid it appends nothing and
// returns CORRUPT_MESSAGE. If the first offset is below the log end it returns *UnexpectedOffset.
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

// appendPlaced appends valid batches that already have offsets. It may spread them over several segments. Kafka appends
// the batches of one fetch to one segment, which is at least 1 MiB there, and refuses batches that do not fit into it.
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

	from, to := 0, 0 // the bytes of the batches that go into the active segment together
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

// checkOffsets checks an append with given offsets before its first byte is written. The append must start at or above the
// log end, its offsets must rise, and its markers must be readable.
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

// mustRoll reports whether a batch must go into a new segment; size counts the bytes to be added, up to and including
// this batch. Any batch may go into an empty segment, because a new segment would have no more room.
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
		base = b.BaseOffset() // the gap is too wide for the indexes
	}
	if err := l.roll(d, base, wall); err != nil {
		return false, l.fail("roll", err)
	}
	return true, nil
}

// roll completes the active segment and starts a new one with the given base. It takes a snapshot of the producer table
// at that base.
//
// The base is normally the log end; in Kafka it is the offset of the first batch. Therefore there is no small gap
// between segments that were never compacted, and recovery knows that such a gap means lost batches (see wideGap in
// recover.go).
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
// producers. For a leader's batch, decided is the prepared update of the producer table. For a follower's batch, decided
// is nil, and the update is not checked.
//
//	epochs' file ─▶ log file ─▶ end offset ─▶ indexes ─▶ producer table ─▶ transaction index
//	└── failure: nothing was appended ──┘    └── failure: appended; the log is offline ──┘
//
// The order matters. Epochs come first. Otherwise a power loss could leave a log with a batch but without the epoch of
// that batch, and such a log could not be compared with a leader's log. Then the batches are written, and the log end
// moves at once, because their offsets are used even if a later step fails (KAFKA-7866).
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

// indexBatches updates the log end, the indexes and the producer table with batches that were just written. After an
// error it continues with the other batches, and returns the first error.
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

// completeTxn ends a transaction after its marker was written. It adds an aborted transaction to the index first;
// otherwise the last stable offset could pass the transaction before a fetch response can list it.
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

// maybeFlush ends every append. It flushes the log if flush.messages is reached.
func (l *Log) maybeFlush(d env.Disk, out Appended, size int) (Appended, error) {
	out.Bytes, out.LogStart = size, l.start
	if int64(l.end-l.recovery) >= l.cfg.FlushMessages {
		return out, l.Flush(d, l.end)
	}
	return out, nil
}
