package client

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Producer sends records, one batch in flight per partition (so that retries keep the order without idempotence).
//
//	Send ─▶ open batch ─linger or full─▶ queue ─leader known─▶ in flight ─▶ Done
//	                                       ▲                      │
//	                                       └── retriable error ───┘   until delivery.timeout.ms
type Producer struct {
	*cluster
	// Done is told what came of each record, within the event that decides it.
	Done func(e env.Env, s Sent)

	parts []*outbox // by first use
	index map[wire.TopicPartition]int
}

// Sent is the end of one record.
type Sent struct {
	ID        int64 // as given to Send
	Partition wire.TopicPartition
	Acks      int16
	Outcome   Outcome
	Err       *kerr.Error // the last error Kafka answered, if it did
	Offset    wire.Offset // OK with acks other than 0: where the record is
	Base      wire.Offset // OK: where its batch begins
	CRC       uint32      // of the batch as sent
	Attempts  int
}

// outbox is one partition's way out.
type outbox struct {
	tp     wire.TopicPartition
	queue  []*batch // unsent batches, oldest first; the last may still be open
	flight *batch   // sent and not answered, or waiting for its retry
	wait   bool     // flight waits for its retry backoff or for a leader
}

// batch is the unit of sending: it is retried with the same bytes.
type batch struct {
	records  []wire.Record
	ids      []int64
	size     int
	born     env.Instant
	bytes    []byte // set when it is closed
	attempts int
	unknown  bool // an attempt ended without proof that it changed nothing
	err      *kerr.Error
}

func newProducer(c *cluster) Producer {
	return Producer{cluster: c, index: map[wire.TopicPartition]int{}}
}

// Send takes one record. The id comes back in Done.
func (p *Producer) Send(e env.Env, tp wire.TopicPartition, id int64, key, value []byte) {
	i, ok := p.index[tp]
	if !ok {
		i = len(p.parts)
		p.index[tp] = i
		p.parts = append(p.parts, &outbox{tp: tp})
		p.want(e, tp.Topic)
	}
	o := p.parts[i]
	b := o.open()
	if b != nil && b.size+len(key)+len(value) > p.cfg.BatchBytes {
		p.drain(e, i)
		b = nil
	}
	if b == nil {
		b = &batch{born: e.Now()}
		o.queue = append(o.queue, b)
		e.Arm(env.Timer{Kind: timLinger, Lane: env.LaneClient, A: int64(i)}, p.cfg.Linger)
	}
	b.records = append(b.records, wire.Record{Offset: wire.Offset(len(b.records)), Timestamp: wire.Timestamp(e.Wall().Millis()), Key: key, Value: value})
	b.ids = append(b.ids, id)
	b.size += len(key) + len(value)
	if b.size >= p.cfg.BatchBytes {
		p.drain(e, i)
	}
}

// open is the batch that still takes records.
func (o *outbox) open() *batch {
	if n := len(o.queue); n > 0 && o.queue[n-1].bytes == nil {
		return o.queue[n-1]
	}
	return nil
}

// drain closes the open batch and sends what may be sent.
func (p *Producer) drain(e env.Env, i int) {
	o := p.parts[i]
	if b := o.open(); b != nil {
		bytes, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), b.records)
		if err != nil {
			panic("client: a batch that cannot be encoded: " + err.Error())
		}
		b.bytes = bytes
	}
	p.pump(e, i)
}

// pump sends the next batch if none is in flight and a leader is known.
func (p *Producer) pump(e env.Env, i int) {
	o := p.parts[i]
	if o.flight == nil {
		if len(o.queue) == 0 || o.queue[0].bytes == nil {
			return
		}
		o.flight, o.queue, o.wait = o.queue[0], o.queue[1:], true
	}
	if !o.wait {
		return
	}
	if e.Now().Sub(o.flight.born) >= p.cfg.DeliveryTimeout {
		p.expire(e, i)
		return
	}
	link, _, ok := p.leaderOf(e, o.tp)
	if !ok {
		p.refresh(e)
		p.retryLater(e, i)
		return
	}
	o.wait = false
	o.flight.attempts++
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(11)
	req.Acks = p.cfg.Acks
	req.TimeoutMillis = int32(p.cfg.RequestTimeout / env.Millisecond)
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Partition, rp.Records = o.tp.Partition, o.flight.bytes
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = o.tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	e.Call(link, p.cfg.RequestTimeout, req, env.Token{Kind: tokProduce, A: int64(i), B: int64(o.flight.attempts)})
}

func (p *Producer) retryLater(e env.Env, i int) {
	e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneClient, A: int64(i)}, p.cfg.RetryBackoff)
}

// answered judges one attempt: done, given up, or once more.
func (p *Producer) answered(e env.Env, i int, resp env.Response, err error) {
	o := p.parts[i]
	b := o.flight
	o.wait = true
	var code int16
	switch {
	case err != nil:
		b.unknown = true // it may have been read before the connection went
		b.err = kerr.NetworkException
		if err == env.ErrTimeout {
			b.err = kerr.RequestTimedOut
		}
		code = b.err.Code
	case resp == nil: // acks=0: written is all we know
		p.finish(e, i, OK, -1)
		return
	default:
		r := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if code = r.ErrorCode; code == 0 {
			p.finish(e, i, OK, wire.Offset(r.BaseOffset))
			return
		}
		b.err = kerr.TypedErrorForCode(code)
		b.unknown = b.unknown || !provesNothingApplied(code)
	}
	if !retriable(code) {
		p.giveUp(e, i)
		return
	}
	p.refresh(e)
	p.retryLater(e, i)
}

// expire gives a batch up whose delivery.timeout.ms is over.
func (p *Producer) expire(e env.Env, i int) {
	if p.parts[i].flight.err == nil {
		p.parts[i].flight.err = kerr.RequestTimedOut
	}
	p.giveUp(e, i)
}

func (p *Producer) giveUp(e env.Env, i int) {
	if p.parts[i].flight.unknown {
		p.finish(e, i, Unknown, -1)
		return
	}
	p.finish(e, i, Failed, -1)
}

// finish tells the workload and takes the next batch.
func (p *Producer) finish(e env.Env, i int, outcome Outcome, base wire.Offset) {
	o := p.parts[i]
	b := o.flight
	o.flight = nil
	p.tell(e, o, b, outcome, base)
	crc := wire.Batch(b.bytes).CRC()
	for n, id := range b.ids {
		s := Sent{ID: id, Partition: o.tp, Acks: p.cfg.Acks, Outcome: outcome, Err: b.err, Offset: -1, Base: base, CRC: crc, Attempts: b.attempts}
		if outcome == OK {
			s.Err = nil
			if base >= 0 {
				s.Offset = base + wire.Offset(n)
			}
		}
		p.Done(e, s)
	}
	p.pump(e, i)
}

// tell notes what the producer was told about a batch.
func (p *Producer) tell(e env.Env, o *outbox, b *batch, outcome Outcome, base wire.Offset) {
	topic, partition, n := p.leaders[o.tp].id.Short(), int64(o.tp.Partition), int64(len(b.ids))
	var code int64
	if b.err != nil {
		code = int64(b.err.Code)
	}
	switch {
	case outcome == OK && base < 0:
		e.Note(noteWritten, topic, partition, n, 0)
	case outcome == OK:
		e.Note(noteAcked, topic, partition, int64(base), n)
	case outcome == Failed:
		e.Note(noteFailed, topic, partition, n, code)
	default:
		e.Note(noteUnknown, topic, partition, n, code)
	}
}
