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

// Origin says who appends, and so how far a batch is trusted (AppendOrigin).
type Origin uint8

const (
	OriginClient      Origin = iota // a producer: everything is checked
	OriginCoordinator               // a coordinator on this broker, or a transaction marker: epochs are checked, sequences are not
	OriginRaft                      // the leader of a KRaft quorum: offsets and epoch are already in the batch
	OriginReplication               // a follower: the leader has checked
)

// String is the origin in Kafka's words.
func (o Origin) String() string {
	if o <= OriginReplication {
		return [...]string{"client", "coordinator", "raft leader", "replication"}[o]
	}
	return "origin?"
}

// ProducerTable is what a partition remembers of the idempotent and transactional producers that wrote to it
// (ProducerStateManager, KIP-98). It is a function of the log from the last snapshot on, and of the snapshot.
//
//	append ──▶ admit ──▶ (log) ──▶ apply        admit only looks; nothing changes before the batch is in the log (KAFKA-6683)
//	                                │
//	     open transactions ◀────────┤ first transactional batch
//	     ended, marker above hw ◀───┘ marker          ──high watermark──▶ forgotten
//
// The first unstable offset, which bounds what committed readers see, is the least first offset in either set.
type ProducerTable struct {
	producers map[wire.ProducerID]*Producer
	open      []transaction // by first offset, rising
	ended     []transaction // likewise: completed, and the marker is at or above the high watermark
	end       wire.Offset   // everything below it is in the table

	guards    map[wire.ProducerID]verification
	lastGuard Guard

	snapshots []wire.Offset // for which there is a file, rising
	unsynced  []wire.Offset // of these, the ones that are not durable yet
	taken     wire.Offset   // of the newest snapshot, or where the table started
}

// transaction is a producer's transaction in this partition.
type transaction struct {
	producer wire.ProducerID
	first    wire.Offset // of its first batch
	last     wire.Offset // of its marker; -1 while it is open
}

// Producer is one producer's entry.
type Producer struct {
	ID               wire.ProducerID
	Epoch            wire.ProducerEpoch
	CoordinatorEpoch wire.Epoch     // of the last marker; older coordinators are fenced
	LastTimestamp    wire.Timestamp // of its last batch or marker: expiry counts from here
	TxnFirst         wire.Offset    // of its open transaction, or -1
	Batches          []Sequence     // its last batches under Epoch, oldest first, at most 5; after a restart only the last
}

// Sequence is the place of one of a producer's batches in the log.
type Sequence struct {
	Last       int32       // sequence number of its last record, or NoSequence
	LastOffset wire.Offset // of its last record
	Delta      int32       // from its first offset to its last
	Timestamp  wire.Timestamp
}

// First is the sequence number of the batch's first record.
func (s Sequence) First() int32 { return decrement(s.Last, s.Delta) }

// FirstOffset is the offset of the batch's first record.
func (s Sequence) FirstOffset() wire.Offset { return s.LastOffset - wire.Offset(s.Delta) }

// decrement is a sequence number n before seq; below 0 it wraps to MaxInt32 (DefaultRecordBatch.decrementSequence).
func decrement(seq, n int32) int32 {
	if seq < n {
		return 1<<31 - 1 - (n - seq) + 1
	}
	return seq - n
}

// keptBatches is how many batches of a producer are remembered: as many as a client may have in flight.
const keptBatches = 5

// lateTransactionGrace is what a coordinator gets on top of the greatest transaction timeout before a transaction is
// called hanging (LATE_TRANSACTION_BUFFER_MS).
const lateTransactionGrace = 5 * env.Minute

// newProducerTable is an empty table for a log that is known up to an offset.
func newProducerTable(at wire.Offset) *ProducerTable {
	return &ProducerTable{
		producers: map[wire.ProducerID]*Producer{},
		guards:    map[wire.ProducerID]verification{},
		end:       at,
		taken:     at,
	}
}

// End is the offset up to which the log is in the table.
func (t *ProducerTable) End() wire.Offset { return t.end }

// Producers is every entry by producer id, rising. The entries are copies.
func (t *ProducerTable) Producers() []Producer {
	all := make([]Producer, 0, len(t.producers))
	for _, id := range slices.Sorted(maps.Keys(t.producers)) {
		all = append(all, t.producers[id].clone())
	}
	return all
}

// Producer is one entry.
func (t *ProducerTable) Producer(id wire.ProducerID) (p Producer, ok bool) {
	if e := t.producers[id]; e != nil {
		return e.clone(), true
	}
	return Producer{}, false
}

// clone is a copy that shares nothing with the table.
func (p *Producer) clone() Producer {
	c := *p
	c.Batches = slices.Clone(p.Batches)
	return c
}

// FirstUnstable is the first offset whose fate is not known everywhere: of the oldest transaction that is open, or whose
// marker the high watermark has not passed. ok is false when there is none: then the last stable offset is the high
// watermark.
func (t *ProducerTable) FirstUnstable() (at wire.Offset, ok bool) {
	if len(t.open) > 0 {
		at, ok = t.open[0].first, true
	}
	if len(t.ended) > 0 && (!ok || t.ended[0].first < at) {
		at, ok = t.ended[0].first, true
	}
	return at, ok
}

// FirstUndecided is the first offset of the oldest open transaction.
func (t *ProducerTable) FirstUndecided() (at wire.Offset, ok bool) {
	if len(t.open) == 0 {
		return 0, false
	}
	return t.open[0].first, true
}

// HasOngoingTransaction reports whether a producer has a transaction open in this partition, in this epoch. In another
// epoch it needs a verification of its own: the transaction that is open may be of an instance that was fenced.
func (t *ProducerTable) HasOngoingTransaction(id wire.ProducerID, epoch wire.ProducerEpoch) bool {
	p := t.producers[id]
	return p != nil && p.TxnFirst >= 0 && p.Epoch == epoch
}

// Late says that the oldest open transaction is older than a coordinator would let it become: it hangs (KIP-664).
func (t *ProducerTable) Late(cfg *Config, wall env.Time) bool {
	if len(t.open) == 0 {
		return false
	}
	p := t.producers[t.open[0].producer]
	return p != nil && p.LastTimestamp > 0 &&
		millis(wire.Timestamp(wall.Millis())-p.LastTimestamp) > cfg.MaxTransactionTime+lateTransactionGrace
}

// HighWatermark forgets the ended transactions whose marker is below it: they are decided everywhere.
func (t *ProducerTable) HighWatermark(hw wire.Offset) {
	t.ended = slices.DeleteFunc(t.ended, func(x transaction) bool { return x.last < hw })
}

// Expire forgets producers that have not written for producer.id.expiration.ms and have no transaction open, and
// verifications that came to nothing. It says how many producers went.
func (t *ProducerTable) Expire(cfg *Config, wall env.Time) int {
	before := len(t.producers)
	maps.DeleteFunc(t.producers, func(_ wire.ProducerID, p *Producer) bool { return p.expired(cfg, wall) })
	maps.DeleteFunc(t.guards, func(_ wire.ProducerID, v verification) bool {
		return env.Duration(wall-v.started) >= cfg.ProducerIDExpiration
	})
	return before - len(t.producers)
}

// expired says that the producer was idle for so long that its next batch may be taken for a first one. An open
// transaction keeps it: its marker is still to come.
func (p *Producer) expired(cfg *Config, wall env.Time) bool {
	return p.TxnFirst < 0 && millis(wire.Timestamp(wall.Millis())-p.LastTimestamp) >= cfg.ProducerIDExpiration
}

// duplicate finds a batch of the same producer, epoch and sequence numbers among those remembered.
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

// change is what one batch does to the table.
type change struct {
	next          Producer
	transactional bool
	started       bool
	completed     bool
	txn           transaction // the one that was started or completed
	aborted       bool        // completed, by an abort marker
}

// admit decides what a batch of a producer would do to the table, or with which of Kafka's errors it is refused
// (ProducerAppendInfo). It changes nothing.
func (t *ProducerTable) admit(b wire.Batch, from Origin, v Verification) (c change, err error) {
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

// data is admit for a batch of records.
func (c *change) data(b wire.Batch, from Origin, v verification) error {
	p := &c.next
	if from != OriginReplication && b.ProducerEpoch() < p.Epoch {
		return kerr.InvalidProducerEpoch
	}
	if from == OriginClient && !p.follows(b, v) {
		return kerr.OutOfOrderSequenceNumber
	}
	if p.TxnFirst >= 0 && !b.IsTransactional() {
		return kerr.InvalidTxnState
	}
	p.enter(b.ProducerEpoch())
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

// follows says whether a client's batch is next in its producer's sequence.
func (p *Producer) follows(b wire.Batch, v verification) bool {
	first := b.BaseSequence()
	switch {
	case v.guard != 0 && first > v.lowest:
		return false // an earlier batch of the transaction was seen and must come first (KIP-890)
	case v.guard != 0 && v.epochBump && len(p.Batches) == 0 && first != 0:
		return false // transaction version 2 bumps the epoch for each transaction: no state means a new start (KAFKA-18202)
	case b.ProducerEpoch() != p.Epoch:
		return first == 0 || p.Epoch == wire.NoProducerEpoch
	case len(p.Batches) == 0:
		return first == 0 // only a marker was seen under this epoch
	}
	last := p.Batches[len(p.Batches)-1].Last
	return int64(first) == int64(last)+1 || first == 0 && last == 1<<31-1
}

// enter moves to an epoch. Sequences are per epoch: those of another one say nothing.
func (p *Producer) enter(e wire.ProducerEpoch) {
	if p.Epoch != e {
		p.Epoch, p.Batches = e, nil
	}
}

// marker is admit for the end of a transaction.
func (c *change) marker(b wire.Batch, from Origin, v Verification) error {
	r, err := b.Control()
	if b.Count() == 0 {
		return nil // compaction took the marker: nothing is left of its transaction either
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
		if p.fences(b.ProducerEpoch(), v.TransactionVersion) {
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
	p.enter(b.ProducerEpoch())
	p.CoordinatorEpoch, p.LastTimestamp, p.TxnFirst = m.CoordinatorEpoch, r.Timestamp, -1
	return nil
}

// fences reports whether a marker's epoch is too old. Under transaction version 2 every transaction ends with an epoch of
// its own, so a marker of the current epoch can only be the retry of a marker that is in the log already (KIP-1228,
// KAFKA-19999). The greatest epoch is the exception: a transaction that began with it cannot end with a greater one.
func (p *Producer) fences(marker wire.ProducerEpoch, version int16) bool {
	if version >= 2 && !(marker == p.Epoch && (p.TxnFirst < 0 || marker == math.MaxInt16)) {
		return marker <= p.Epoch
	}
	return marker < p.Epoch
}

// apply enters a batch that is in the log. A completed transaction stays open until complete is called: in between
// its line of the transaction index is written.
func (t *ProducerTable) apply(c change) {
	p := c.next
	t.producers[p.ID] = &p
	if c.transactional {
		delete(t.guards, p.ID) // used up, or overtaken
	}
	if c.started {
		t.open = insert(t.open, c.txn)
	}
}

// lastStable is the last stable offset as it will be when the transaction is completed and its marker replicated.
func (t *ProducerTable) lastStable(done transaction) wire.Offset {
	for _, x := range t.open {
		if x.producer != done.producer {
			return x.first
		}
	}
	return done.last + 1
}

// complete moves an open transaction to those that wait for the high watermark.
func (t *ProducerTable) complete(done transaction) {
	t.open = slices.DeleteFunc(t.open, func(x transaction) bool { return x.first == done.first })
	t.ended = insert(t.ended, done)
}

// insert keeps a list of transactions in the order of their first offsets.
func insert(list []transaction, x transaction) []transaction {
	i, _ := slices.BinarySearchFunc(list, x, func(a, b transaction) int { return cmp.Compare(a.first, b.first) })
	return slices.Insert(list, i, x)
}

// replay enters a batch that was found in the log, as far as it concerns producers. The change tells what a transaction
// index should know of it.
func (t *ProducerTable) replay(b wire.Batch) (c change, err error) {
	if b.ProducerID() != wire.NoProducerID {
		if c, err = t.admit(b, OriginReplication, Verification{}); err != nil {
			return c, err
		}
		t.apply(c)
	}
	t.end = b.NextOffset()
	return c, nil
}

// clear forgets every producer and transaction, and starts at an offset.
func (t *ProducerTable) clear(at wire.Offset) {
	clear(t.producers)
	t.open, t.ended, t.end = nil, nil, at
}

// startAt is for a log whose start moved up: what ended before is decided, and the table covers at least that far.
func (t *ProducerTable) startAt(start wire.Offset) {
	t.HighWatermark(start)
	t.end = max(t.end, start)
}
