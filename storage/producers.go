package storage

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Origin is the source of an append. It determines which checks are made (AppendOrigin).
type Origin uint8

const (
	OriginClient      Origin = iota // a producer; everything is checked
	OriginCoordinator               // a group or transaction coordinator; epochs are checked, but sequence numbers are not
	OriginRaft                      // the leader of a KRaft quorum; the batches already have offsets and an epoch
	OriginReplication               // a follower; the leader has already checked the batches
)

// String returns the origin in Kafka's words.
func (o Origin) String() string {
	if o <= OriginReplication {
		return [...]string{"client", "coordinator", "raft leader", "replication"}[o]
	}
	return "origin?"
}

// ProducerTable is a partition's state of the idempotent and transactional producers that wrote to it
// (ProducerStateManager, KIP-98). It depends only on the last snapshot and the log after it.
//
//	append ──▶ prepareUpdate ──▶ (log) ──▶ update     the batch is in the log before the table changes (KAFKA-6683)
//	                                        │
//	     open transactions ◀────────────────┤ first transactional batch
//	     ended, marker above hw ◀───────────┘ marker          ──high watermark──▶ removed
//
// The first unstable offset, which bounds read_committed fetches, is the lowest first offset of the transactions in the
// lists open and ended.
type ProducerTable struct {
	producers map[wire.ProducerID]*Producer
	open      []transaction // by first offset, rising
	ended     []transaction // completed, with a marker at or above the high watermark; in the same order
	end       wire.Offset   // the end of the part of the log that the table reflects

	guards    map[wire.ProducerID]verification
	lastGuard VerificationGuard

	snapshots []wire.Offset // offsets that have a snapshot file, rising
	unsynced  []wire.Offset // snapshots that are not durable yet
	taken     wire.Offset   // the offset of the newest snapshot, or the start of the table
}

// transaction is a producer's transaction in this partition.
type transaction struct {
	producer wire.ProducerID
	first    wire.Offset // the offset of its first batch
	last     wire.Offset // the offset of its marker; -1 while the transaction is open
}

// Producer is one producer's entry.
type Producer struct {
	ID               wire.ProducerID
	Epoch            wire.ProducerEpoch
	CoordinatorEpoch wire.Epoch     // the epoch in its last marker; it fences older coordinators
	LastTimestamp    wire.Timestamp // the time of its last batch or marker, from which producer.id.expiration.ms counts
	TxnFirst         wire.Offset    // the first offset of its open transaction, or -1
	Batches          []Sequence     // its last batches under Epoch, oldest first, at most 5; after a restart only one
}

// Sequence has the sequence numbers and offsets of one of a producer's batches in the log.
type Sequence struct {
	Last       int32       // the sequence number of the batch's last record, or NoSequence
	LastOffset wire.Offset // the offset of the batch's last record
	Delta      int32       // the last offset minus the first offset
	Timestamp  wire.Timestamp
}

// First returns the sequence number of the batch's first record.
func (s Sequence) First() int32 { return decrement(s.Last, s.Delta) }

// FirstOffset returns the offset of the batch's first record.
func (s Sequence) FirstOffset() wire.Offset { return s.LastOffset - wire.Offset(s.Delta) }

// decrement returns seq - n; below 0 it wraps around to MaxInt32 (DefaultRecordBatch.decrementSequence).
func decrement(seq, n int32) int32 {
	if seq < n {
		return 1<<31 - 1 - (n - seq) + 1
	}
	return seq - n
}

// keptBatches is the number of batches stored for each producer: the most that a client may have in flight.
const keptBatches = 5

// lateTransactionGrace is added to the greatest transaction timeout. A transaction that is older than the sum is
// considered to be hanging (LATE_TRANSACTION_BUFFER_MS).
const lateTransactionGrace = 5 * env.Minute

// newProducerTable returns an empty table for a log that starts at an offset.
func newProducerTable(at wire.Offset) *ProducerTable {
	return &ProducerTable{
		producers: map[wire.ProducerID]*Producer{},
		guards:    map[wire.ProducerID]verification{},
		end:       at,
		taken:     at,
	}
}

// End returns the end of the log that the table reflects.
func (t *ProducerTable) End() wire.Offset { return t.end }

// Producers returns copies of all entries, in rising order of producer ids.
func (t *ProducerTable) Producers() []Producer {
	all := make([]Producer, 0, len(t.producers))
	for _, id := range slices.Sorted(maps.Keys(t.producers)) {
		all = append(all, t.producers[id].clone())
	}
	return all
}

// Producer returns one entry.
func (t *ProducerTable) Producer(id wire.ProducerID) (p Producer, ok bool) {
	if e := t.producers[id]; e != nil {
		return e.clone(), true
	}
	return Producer{}, false
}

// clone returns a copy that shares no memory with the table.
func (p *Producer) clone() Producer {
	c := *p
	c.Batches = slices.Clone(p.Batches)
	return c
}

// FirstUnstableOffset returns the first offset of the oldest transaction that is open or has its marker at or above the
// high watermark. ok is false if there is none; the last stable offset is then the high watermark.
func (t *ProducerTable) FirstUnstableOffset() (at wire.Offset, ok bool) {
	if len(t.open) > 0 {
		at, ok = t.open[0].first, true
	}
	if len(t.ended) > 0 && (!ok || t.ended[0].first < at) {
		at, ok = t.ended[0].first, true
	}
	return at, ok
}

// FirstUndecidedOffset returns the first offset of the oldest open transaction.
func (t *ProducerTable) FirstUndecidedOffset() (at wire.Offset, ok bool) {
	if len(t.open) == 0 {
		return 0, false
	}
	return t.open[0].first, true
}

// HasOngoingTransaction reports whether a producer has an open transaction in this partition under the given epoch. A
// batch of another epoch needs its own verification, because the open transaction may belong to a fenced instance of
// the producer.
func (t *ProducerTable) HasOngoingTransaction(id wire.ProducerID, epoch wire.ProducerEpoch) bool {
	p := t.producers[id]
	return p != nil && p.TxnFirst >= 0 && p.Epoch == epoch
}

// HasLateTransaction reports whether the oldest open transaction is hanging, which means that it is older than any
// coordinator allows (KIP-664).
func (t *ProducerTable) HasLateTransaction(cfg *Config, wall env.Time) bool {
	if len(t.open) == 0 {
		return false
	}
	p := t.producers[t.open[0].producer]
	return p != nil && p.LastTimestamp > 0 &&
		millis(wire.Timestamp(wall.Millis())-p.LastTimestamp) > cfg.MaxTransactionTime+lateTransactionGrace
}

// OnHighWatermarkUpdated removes the ended transactions with a marker below the high watermark.
func (t *ProducerTable) OnHighWatermarkUpdated(hw wire.Offset) {
	t.ended = slices.DeleteFunc(t.ended, func(x transaction) bool { return x.last < hw })
}

// RemoveExpired removes the producers that have not written for producer.id.expiration.ms and have no open transaction.
// It also removes verifications of that age. It returns the number of removed producers.
func (t *ProducerTable) RemoveExpired(cfg *Config, wall env.Time) int {
	before := len(t.producers)
	maps.DeleteFunc(t.producers, func(_ wire.ProducerID, p *Producer) bool { return p.expired(cfg, wall) })
	maps.DeleteFunc(t.guards, func(_ wire.ProducerID, v verification) bool {
		return env.Duration(wall-v.started) >= cfg.ProducerIDExpiration
	})
	return before - len(t.producers)
}

// expired reports whether a producer has expired. Its next batch is then treated as its first. A producer with an open
// transaction does not expire before the transaction ends.
func (p *Producer) expired(cfg *Config, wall env.Time) bool {
	return p.TxnFirst < 0 && millis(wire.Timestamp(wall.Millis())-p.LastTimestamp) >= cfg.ProducerIDExpiration
}

// duplicate finds a batch with the same producer, epoch and sequence numbers among the last batches.
func (t *ProducerTable) duplicate(b wire.Batch) (Sequence, bool) {
	p := t.producers[b.ProducerID()]
	if p == nil || p.Epoch != b.ProducerEpoch() {
		return Sequence{}, false
	}
	for _, s := range p.Batches {
		if s.First() == b.BaseSequence() && s.Last == b.LastSequence() {
			return s, true
		}
	}
	return Sequence{}, false
}

// change is the update of the table by one batch (ProducerAppendInfo).
type change struct {
	next          Producer
	transactional bool
	started       bool
	completed     bool
	txn           transaction // the transaction that was started or completed
	aborted       bool        // the transaction was completed by an abort marker
}

// prepareUpdate returns the table's update for a producer's batch, or Kafka's error. It changes nothing.
func (t *ProducerTable) prepareUpdate(b wire.Batch, from Origin, v Verification) (c change, err error) {
	id := b.ProducerID()
	c.transactional = b.IsTransactional()
	c.next = Producer{ID: id, Epoch: wire.NoProducerEpoch, CoordinatorEpoch: wire.NoEpoch, LastTimestamp: wire.NoTimestamp, TxnFirst: -1}
	if p := t.producers[id]; p != nil {
		c.next = p.clone()
	}
	if b.IsControl() {
		return c, c.marker(b, from, v)
	}
	return c, c.data(b, from, t.guards[id])
}

// data prepares the update for a batch of records.
func (c *change) data(b wire.Batch, from Origin, v verification) error {
	p := &c.next
	if from != OriginReplication && b.ProducerEpoch() < p.Epoch {
		return kerr.InvalidProducerEpoch
	}
	if from == OriginClient && !p.inSequence(b, v) {
		return kerr.OutOfOrderSequenceNumber
	}
	if p.TxnFirst >= 0 && !b.IsTransactional() {
		return kerr.InvalidTxnState
	}
	p.setEpoch(b.ProducerEpoch())
	if len(p.Batches) == keptBatches {
		p.Batches = slices.Delete(p.Batches, 0, 1)
	}
	p.Batches = append(p.Batches, Sequence{Last: b.LastSequence(), LastOffset: b.LastOffset(), Delta: b.LastOffsetDelta(), Timestamp: b.MaxTimestamp()})
	p.LastTimestamp = b.MaxTimestamp()
	if p.TxnFirst < 0 && b.IsTransactional() {
		p.TxnFirst = b.BaseOffset()
		c.started, c.txn = true, transaction{producer: p.ID, first: b.BaseOffset(), last: -1}
	}
	return nil
}

// inSequence reports whether a client's batch is the next in its producer's sequence.
func (p *Producer) inSequence(b wire.Batch, v verification) bool {
	first := b.BaseSequence()
	switch {
	case v.guard != 0 && first > v.lowest:
		return false // the broker has seen an earlier batch of the transaction, which must come first (KIP-890)
	case v.guard != 0 && v.epochBump && len(p.Batches) == 0 && first != 0:
		return false // with transaction version 2 each transaction has a new epoch, which starts at 0 (KAFKA-18202)
	case b.ProducerEpoch() != p.Epoch:
		return first == 0 || p.Epoch == wire.NoProducerEpoch
	case len(p.Batches) == 0:
		return first == 0 // the only batch of this epoch is a marker
	}
	last := p.Batches[len(p.Batches)-1].Last
	return int64(first) == int64(last)+1 || first == 0 && last == 1<<31-1
}

// setEpoch sets a new epoch, in which sequence numbers start at 0 again.
func (p *Producer) setEpoch(e wire.ProducerEpoch) {
	if p.Epoch != e {
		p.Epoch, p.Batches = e, nil
	}
}

// marker prepares the update for a transaction marker.
func (c *change) marker(b wire.Batch, from Origin, v Verification) error {
	r, err := b.Control()
	if b.Count() == 0 {
		return nil // compaction has removed the transaction and then the marker
	}
	if err != nil {
		return err
	}
	value, err := r.Decode()
	if err != nil {
		return err
	}
	m, ok := value.(wire.EndTxnMarker)
	if !ok {
		return kerr.InvalidRecord
	}
	p := &c.next
	if from != OriginReplication {
		if p.fencesMarker(b.ProducerEpoch(), v.TransactionVersion) {
			return kerr.InvalidProducerEpoch
		}
		if p.CoordinatorEpoch > m.CoordinatorEpoch {
			return kerr.TransactionCoordinatorFenced
		}
	}
	if p.TxnFirst >= 0 {
		c.completed, c.aborted = true, !m.Commit
		c.txn = transaction{producer: p.ID, first: p.TxnFirst, last: b.BaseOffset()}
	}
	p.setEpoch(b.ProducerEpoch())
	p.CoordinatorEpoch, p.LastTimestamp, p.TxnFirst = m.CoordinatorEpoch, r.Timestamp, -1
	return nil
}

// fencesMarker reports whether a marker's epoch is too old. Under transaction version 2 every transaction ends with a new
// epoch. So a marker of the current epoch can only be a retry, and the marker itself is already in the log (KIP-1228,
// KAFKA-19999). The greatest epoch is the exception: a transaction that began with it cannot end with a greater one.
func (p *Producer) fencesMarker(marker wire.ProducerEpoch, version int16) bool {
	if version >= 2 && !(marker == p.Epoch && (p.TxnFirst < 0 || marker == math.MaxInt16)) {
		return marker <= p.Epoch
	}
	return marker < p.Epoch
}

// update applies the update for a batch that is in the log. A completed transaction stays open until completeTxn, which
// runs after the transaction index has its entry.
func (t *ProducerTable) update(c change) {
	p := c.next
	t.producers[p.ID] = &p
	if c.transactional {
		delete(t.guards, p.ID) // a guard is used only once
	}
	if c.started {
		t.open = insert(t.open, c.txn)
	}
}

// lastStable returns the last stable offset as it will be when the transaction is complete and its marker is below the
// high watermark.
func (t *ProducerTable) lastStable(done transaction) wire.Offset {
	for _, x := range t.open {
		if x.producer != done.producer {
			return x.first
		}
	}
	return done.last + 1
}

// completeTxn moves an open transaction to the ended ones, where it stays until the high watermark passes its marker.
func (t *ProducerTable) completeTxn(done transaction) {
	t.open = slices.DeleteFunc(t.open, func(x transaction) bool { return x.first == done.first })
	t.ended = insert(t.ended, done)
}

// insert adds a transaction to a list that is sorted by first offset.
func insert(list []transaction, x transaction) []transaction {
	i, _ := slices.BinarySearchFunc(list, x, func(a, b transaction) int { return cmp.Compare(a.first, b.first) })
	return slices.Insert(list, i, x)
}

// replay updates the table with a batch of the log. If the batch ends a transaction, the returned change has that
// transaction.
func (t *ProducerTable) replay(b wire.Batch) (c change, err error) {
	if b.ProducerID() != wire.NoProducerID {
		if c, err = t.prepareUpdate(b, OriginReplication, Verification{}); err != nil {
			return c, err
		}
		t.update(c)
	}
	t.end = b.NextOffset()
	return c, nil
}

// clear removes every producer and transaction. The table then starts at the given offset.
func (t *ProducerTable) clear(at wire.Offset) {
	clear(t.producers)
	t.open, t.ended, t.end = nil, nil, at
}

// startAt moves the table to a new log start, and removes the transactions that ended before it.
func (t *ProducerTable) startAt(start wire.Offset) {
	t.OnHighWatermarkUpdated(start)
	t.end = max(t.end, start)
}
