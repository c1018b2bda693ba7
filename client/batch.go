package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// outbox is one partition's way out (RecordAccumulator's deque).
type outbox struct {
	tp       wire.TopicPartition
	queue    []*batch // not in flight, oldest first; the last may still be open
	inFlight int      // batches
}

// batch is the unit of sending: once closed it is retried with the same bytes.
//
//	open ──full, lingered or drained──▶ closed ──▶ in flight ──▶ done
//	                                       ▲          │
//	                                       └─ retry ──┘   until delivery.timeout.ms, counted from the first record
type batch struct {
	id        int64
	out       *outbox
	records   []wire.Record
	ids       []int64
	size      int // at most, encoded and not compressed
	born      env.Instant
	bytes     []byte // nil while it is open
	attempts  int
	notBefore env.Instant    // end of its retry backoff
	epoch     wire.Epoch     // the leader epoch it was sent under last
	topic     wire.TopicID   // whom the last attempt was sent to
	earlier   []wire.TopicID // whom others were
	unknown   bool           // an attempt ended without proof that it changed nothing
	done      bool           // its workload has been told
	err       *kerr.Error    // of the last attempt
}

// aim notes the topic that an attempt goes to: one that was deleted and made again is another.
func (b *batch) aim(at wire.TopicID) {
	if b.attempts > 1 && b.topic != at && !slices.Contains(b.earlier, b.topic) {
		b.earlier = append(b.earlier, b.topic)
	}
	b.topic = at
}

// recordOverhead is the most that a record takes besides its key and value: lengths, deltas, attributes, no headers.
const recordOverhead = 21

func recordSize(key, value []byte) int { return recordOverhead + len(key) + len(value) }

// open is the batch that still takes records, or nil.
func (o *outbox) open() *batch {
	if n := len(o.queue); n > 0 && o.queue[n-1].bytes == nil && o.queue[n-1].attempts == 0 {
		return o.queue[n-1]
	}
	return nil
}

// add puts a record into the open batch, or into a new one if it does not fit. It says whether the batch is new, and
// whether a batch is full.
func (o *outbox) add(r wire.Record, id int64, limit int, next func() *batch) (fresh *batch, full bool) {
	size := recordSize(r.Key, r.Value)
	b := o.open()
	if b != nil && b.size+size > limit {
		b.close()
		b, full = nil, true
	}
	if b == nil {
		b = next()
		b.out, b.size = o, wire.BatchHeaderSize
		o.queue = append(o.queue, b)
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

// ready tells whether a batch may be sent now: it waited out its backoff, or, the first time, it is closed or lingered
// long enough.
func (b *batch) ready(now env.Instant, linger env.Duration) bool {
	if b.attempts > 0 {
		return now >= b.notBefore
	}
	return b.bytes != nil || now.Sub(b.born) >= linger
}

// split makes two of a batch that is too large for the broker, which keeps both halves' order and age.
func (b *batch) split(next func() *batch) [2]*batch {
	var halves [2]*batch
	half := len(b.records) / 2
	for i, part := range [2][2]int{{0, half}, {half, len(b.records)}} {
		n := next()
		n.out, n.born, n.size = b.out, b.born, wire.BatchHeaderSize
		n.unknown, n.attempts, n.err = b.unknown, b.attempts, b.err
		n.topic, n.earlier = b.topic, b.earlier
		for j := part[0]; j < part[1]; j++ {
			r := b.records[j]
			r.Offset = wire.Offset(len(n.records))
			n.records, n.ids = append(n.records, r), append(n.ids, b.ids[j])
			n.size += recordSize(r.Key, r.Value)
		}
		n.close()
		halves[i] = n
	}
	return halves
}
