package storage

import (
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Appended says what became of an append.
type Appended struct {
	First, Last wire.Offset // of the records; Last is First-1 if there were none
	Batches     int         // that were appended
	Bytes       int         // likewise
	Skipped     int         // bytes at the end of a follower's append that are of a leader it does not know yet

	MaxTimestamp  wire.Timestamp // of the appended batches
	LogAppendTime wire.Timestamp // what the leader stamped them with, or NoTimestamp where producers' times stand
	Duplicate     bool           // nothing was appended: the offsets are those of the first time (KIP-98)
	Rolled        bool           // a segment was completed: flush up to ActiveBase in the background soon
	LogStart      wire.Offset
}

// Refused is a leader's append that was turned down record by record. Its Kafka error is that of the first.
type Refused struct {
	Records []*wire.CorruptError
}

// Error is what is wrong with the first record.
func (r *Refused) Error() string { return r.Records[0].Error() }

// Unwrap is Kafka's error.
func (r *Refused) Unwrap() error { return r.Records[0] }

// AppendAsLeader appends what a client or a coordinator hands to this leader: one batch, whose offsets and epoch are given
// here, in a copy of the bytes. The bytes may come off a link and are not touched. With OriginRaft there may be several
// batches, and they already have their offsets and the epoch.
//
// Errors are Kafka's (kerr, *Refused, *wire.CorruptError), and then nothing has changed; or *Offline, and then how much of
// the append is on the disk is unknown until the log is opened again.
func (l *Log) AppendAsLeader(d env.Disk, records []byte, epoch wire.Epoch, origin Origin, wall env.Time) (Appended, error) {
	return l.AppendVerified(d, records, epoch, origin, wall, Verification{})
}

// AppendVerified is AppendAsLeader for a producer whose transaction was verified, and for markers.
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
	stamp, err := l.place(b, epoch, origin, wall)
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
		if c, err = l.producers.admit(b, origin, v); err != nil {
			return Appended{}, err
		}
	}
	out := Appended{First: b.BaseOffset(), Last: b.LastOffset(), MaxTimestamp: b.MaxTimestamp(), LogAppendTime: stamp}
	out.Batches = 1
	if out.Rolled, err = l.room(d, b, wall); err != nil {
		return Appended{}, err
	}
	if err := l.write(d, b, &c); err != nil {
		return Appended{}, err
	}
	return l.finish(d, out, len(b))
}

// leaderBatch is the one batch of a leader's append, sound and not too large. Bytes behind it that are no batch are
// ignored, as Kafka does.
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

// place gives a batch its offsets, its epoch and, where the topic wants the leader's time, that (LogValidator).
func (l *Log) place(b wire.Batch, epoch wire.Epoch, origin Origin, wall env.Time) (stamp wire.Timestamp, err error) {
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

// duplicate is the answer to a batch that is already in the log.
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

// AppendAsFollower appends what the leader sent: offsets as given, at or above the log's end. Batches of a newer leader
// than leaderEpoch, under which they were fetched, are skipped with all that follows them (KAFKA-18723); so is a batch
// that the response cut short. An unsound batch is CORRUPT_MESSAGE, and then nothing is appended; a first offset below
// the end is *UnexpectedOffset.
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

// appendPlaced appends sound batches that have their offsets. It splits the bytes where a segment ends: Kafka puts one
// fetch's batches into one segment, and refuses more than fits (a segment is at least 1 MiB there).
func (l *Log) appendPlaced(d env.Disk, records []byte, epoch wire.Epoch, wall env.Time) (Appended, error) {
	out := Appended{First: l.end, Last: l.end - 1, MaxTimestamp: wire.NoTimestamp, LogAppendTime: wire.NoTimestamp, LogStart: l.start}
	if len(records) == 0 {
		return out, nil
	}
	first, last, err := l.inOrder(records)
	if err != nil {
		return out, err
	}
	out.First, out.Last = first, last

	from, to := 0, 0 // the batches that go into the active segment together: a stretch of records
	for b, err := range wire.Batches(records) {
		if err != nil {
			return out, err
		}
		if l.full(b, int64(to-from+len(b)), wall) {
			if err := l.write(d, records[from:to], nil); err != nil {
				return out, err
			}
			from = to
			rolled, err := l.room(d, b, wall)
			if err != nil {
				return out, err
			}
			out.Rolled = out.Rolled || rolled
		}
		to += len(b)
		out.Batches++
		out.MaxTimestamp = max(out.MaxTimestamp, b.MaxTimestamp())
	}
	if err := l.write(d, records[from:to], nil); err != nil {
		return out, err
	}
	return l.finish(d, out, to)
}

// inOrder checks what an append with given offsets must fulfil before the first byte of it is written: it starts at or
// above the end, its offsets rise, and its markers can be read.
func (l *Log) inOrder(records []byte) (first, last wire.Offset, err error) {
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
		if _, err := l.producers.admit(b, OriginReplication, Verification{}); err != nil {
			return 0, 0, err
		}
	}
	return first, last, nil
}

// full says whether a batch must go into a new segment, if size bytes with it at their end would be added. An empty
// segment takes any batch: a new one could be no better.
func (l *Log) full(b wire.Batch, size int64, wall env.Time) bool {
	s := l.active()
	if s.size == 0 && size == int64(len(b)) && (s.base == b.BaseOffset() || s.fits(b.LastOffset())) {
		return false
	}
	return s.shouldRoll(&l.cfg, size, b.MaxTimestamp(), b.LastOffset(), wall)
}

// room makes the active segment one that takes a batch.
func (l *Log) room(d env.Disk, b wire.Batch, wall env.Time) (rolled bool, err error) {
	if !l.full(b, int64(len(b)), wall) {
		return false, nil
	}
	base := l.end
	if b.LastOffset()-base > math.MaxInt32 {
		base = b.BaseOffset() // a gap too wide for the indexes lies before it
	}
	if err := l.roll(d, base, wall); err != nil {
		return false, l.fail("roll", err)
	}
	return true, nil
}

// roll completes the active segment and starts one at an offset. The new segment's base gets a snapshot of the producer
// table.
//
// The base is the log's end, where Kafka takes the first batch's offset: so segments that were never compacted border on
// each other, and recovery knows a hole between them for what it is, a loss (see wideGap).
func (l *Log) roll(d env.Disk, base wire.Offset, wall env.Time) error {
	if err := l.active().seal(d); err != nil {
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

// write puts sound batches at the end of the active segment, which has room for them, and enters them everywhere else.
// For a leader's batch the change to the producer table was decided before; a follower's batches are entered as found.
//
//	epochs' file ─▶ log file ─▶ end offset ─▶ indexes ─▶ producer table ─▶ transaction index
//	└── failure: nothing was appended ──┘    └── failure: appended; the log is offline ──┘
//
// The order matters. Epochs first: a batch whose epoch is not on the device could not be compared with a leader's. Then
// the batches, and at once the end: if anything behind that fails, their offsets are taken (KAFKA-7866).
func (l *Log) write(d env.Disk, records []byte, decided *change) error {
	if len(records) == 0 {
		return nil
	}
	if err := l.enterEpochs(d, records); err != nil {
		return l.fail("write the epochs of", err)
	}
	s := l.active()
	if err := s.append(d, records); err != nil {
		return l.fail("append to", err)
	}
	err := l.enter(d, s, records, decided)
	if err != nil && l.cfg.Rules.FailOnIndexError {
		return l.fail("index", err)
	}
	return nil
}

// enterEpochs notes the epochs that begin in these batches.
func (l *Log) enterEpochs(d env.Disk, records []byte) error {
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

// enter takes batches into account that have just been written: in the end offset, the indexes and the producer table.
// It does all of it, and returns the first error.
func (l *Log) enter(d env.Disk, s *segment, records []byte, decided *change) (first error) {
	keep := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for b, err := range wire.Batches(records) {
		keep(err)
		keep(s.note(d, b, int64(len(b)), l.cfg.IndexIntervalBytes))
		l.end = b.NextOffset()
		if b.ProducerID() == wire.NoProducerID {
			continue
		}
		var c change
		if decided != nil {
			c = *decided
		} else if c, err = l.producers.admit(b, OriginReplication, Verification{}); err != nil {
			keep(err)
			continue
		}
		l.producers.apply(c)
		keep(l.completeTxn(d, s, c))
	}
	if first == nil {
		l.producers.end = l.end
	}
	return first
}

// completeTxn ends a transaction whose marker was written: an aborted one in the index first, so that the last stable
// offset cannot pass it before readers can be told.
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
	l.producers.complete(c.txn)
	return nil
}

// finish is the end of every append: the result, and a flush if flush.messages asks for one.
func (l *Log) finish(d env.Disk, out Appended, size int) (Appended, error) {
	out.Bytes, out.LogStart = size, l.start
	if int64(l.end-l.recovery) >= l.cfg.FlushMessages {
		return out, l.Flush(d, l.end)
	}
	return out, nil
}
