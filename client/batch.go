package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// queue has one partition's batches (the deque of RecordAccumulator).
type queue struct {
	tp       wire.TopicPartition
	batches  []*batch // not in flight, oldest first; the last may be open
	inFlight int      // number of batches in flight
}

// batch is the unit of sending. A closed batch is retried with the same bytes.
//
//	open ──full, lingered or drained──▶ closed ──▶ in flight ──▶ done
//	                                       ▲          │
//	                                       └─ retry ──┘   until delivery.timeout.ms, counted from the first record
type batch struct {
	id        int64
	queue     *queue
	records   []wire.Record
	ids       []int64
	size      int // upper bound of the encoded, uncompressed size
	createdAt env.Instant
	bytes     []byte // the encoded batch; nil while the batch is open
	attempts  int
	notBefore env.Instant    // the end of its retry backoff
	epoch     wire.Epoch     // the leader epoch of the last attempt
	topic     wire.TopicID   // the topic id of the last attempt
	earlier   []wire.TopicID // the other topic ids of earlier attempts
	unknown   bool           // a broker may have appended the batch in an earlier attempt
	done      bool           // Producer.Done was called
	err       *kerr.Error    // the error of the last attempt
}

// setTopic records the topic id of an attempt. A topic that was deleted and created again has another id.
func (b *batch) setTopic(at wire.TopicID) {
	if b.attempts > 1 && b.topic != at && !slices.Contains(b.earlier, b.topic) {
		b.earlier = append(b.earlier, b.topic)
	}
	b.topic = at
}

// recordOverhead is the maximal number of bytes that a record without headers has in addition to its key and value. They
// encode lengths, deltas and attributes.
const recordOverhead = 21

// headerOverhead is the maximal number of bytes that a header has in addition to its key and value.
const headerOverhead = 10

func recordSize(r wire.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += headerOverhead + len(h.Key) + len(h.Value)
	}
	return n
}

// openBatch returns the batch that accepts more records, or nil.
func (o *queue) openBatch() *batch {
	if n := len(o.batches); n > 0 && o.batches[n-1].bytes == nil && o.batches[n-1].attempts == 0 {
		return o.batches[n-1]
	}
	return nil
}

// add appends a record to the open batch, or to a new batch if the record does not fit. It returns the batch if the batch is
// new, and reports whether a batch is full.
func (o *queue) add(r wire.Record, id int64, limit int, next func() *batch) (fresh *batch, full bool) {
	size := recordSize(r)
	b := o.openBatch()
	if b != nil && b.size+size > limit {
		b.close()
		b, full = nil, true
	}
	if b == nil {
		b = next()
		b.queue, b.size = o, wire.BatchHeaderSize
		o.batches = append(o.batches, b)
		fresh = b
	}
	r.Offset = wire.Offset(len(b.records))
	b.records, b.ids, b.size = append(b.records, r), append(b.ids, id), b.size+size
	return fresh, full || b.size >= limit
}

// close encodes a batch.
func (b *batch) close() {
	if b.bytes != nil {
		return
	}
	bytes, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), b.records)
	if err != nil {
		panic("client: a batch that cannot be encoded: " + err.Error())
	}
	b.bytes = bytes
}

// ready reports whether a batch may be sent now. A retry may be sent when its backoff is over. The first attempt may be sent
// when the batch is closed or its linger.ms is over.
func (b *batch) ready(now env.Instant, linger env.Duration) bool {
	if b.attempts > 0 {
		return now >= b.notBefore
	}
	return b.bytes != nil || now.Sub(b.createdAt) >= linger
}

// split divides a batch that is too large for the broker into two batches. The two keep the order of the records and the age
// of the batch (RecordAccumulator.splitAndReenqueue).
func (b *batch) split(next func() *batch) [2]*batch {
	var halves [2]*batch
	half := len(b.records) / 2
	for i, part := range [2][2]int{{0, half}, {half, len(b.records)}} {
		n := next()
		n.queue, n.createdAt, n.size = b.queue, b.createdAt, wire.BatchHeaderSize
		n.unknown, n.attempts, n.err = b.unknown, b.attempts, b.err
		n.topic, n.earlier = b.topic, b.earlier
		for j := part[0]; j < part[1]; j++ {
			r := b.records[j]
			r.Offset = wire.Offset(len(n.records))
			n.records, n.ids = append(n.records, r), append(n.ids, b.ids[j])
			n.size += recordSize(r)
		}
		n.close()
		halves[i] = n
	}
	return halves
}
