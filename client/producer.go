package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Producer sends records (KafkaProducer with its Sender).
//
//	Send ─▶ partition ─▶ open batch ─linger or full─▶ request to the partition's leader ─▶ Done
//	                                     ▲               (one batch for each of its partitions)
//	                                     └── retriable error, with a backoff ──┘
//
// With one request in flight for each connection a partition's records stay in order. With more, and without
// idempotence, a retry may overtake or be overtaken, as in Kafka.
type Producer struct {
	*cluster
	// Done is told what came of each record, within the event that decides it.
	Done func(e env.Env, s Sent)

	parts   []*outbox // by first use
	index   map[wire.TopicPartition]int
	sticky  map[string]*sticky
	blocked []blocked // records whose topic is not known yet, in order

	batches map[int64]*batch  // not done, by id
	flights map[int64]*flight // by id
	flying  map[wire.NodeID]int
	next    int64 // numbers batches, flights and blocked records
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
	// Topic is the topic of that name that the last attempt was sent to, zero if there was none; Earlier are others of that
	// name, deleted since, that an attempt was sent to and that may have the record.
	Topic    wire.TopicID
	Earlier  []wire.TopicID
	Attempts int
}

// blocked is a record that waits for its topic's metadata.
type blocked struct {
	n     int64
	topic string
	id    int64
	r     wire.Record
}

// flight is one Produce request under way.
type flight struct {
	node    wire.NodeID
	batches []*batch
}

func newProducer(c *cluster) Producer {
	return Producer{
		cluster: c, index: map[wire.TopicPartition]int{}, sticky: map[string]*sticky{},
		batches: map[int64]*batch{}, flights: map[int64]*flight{}, flying: map[wire.NodeID]int{},
	}
}

// Send takes one record, for a partition or for AnyPartition of a topic. The id comes back in Done.
func (p *Producer) Send(e env.Env, tp wire.TopicPartition, id int64, key, value []byte) {
	r := wire.Record{Timestamp: wire.Timestamp(e.Wall().Millis()), Key: key, Value: value}
	p.want(e, tp.Topic)
	if recordSize(key, value)+wire.BatchHeaderSize > p.cfg.RequestBytes {
		p.Done(e, Sent{ID: id, Partition: tp, Acks: p.cfg.Acks, Outcome: Failed, Err: kerr.MessageTooLarge, Offset: -1, Base: -1})
		return
	}
	if tp.Partition == AnyPartition {
		partition, ok := p.place(e, tp.Topic, key, recordSize(key, value))
		if !ok {
			p.next++
			p.blocked = append(p.blocked, blocked{p.next, tp.Topic, id, r})
			e.Arm(env.Timer{Kind: timBlock, Lane: env.LaneClient, A: p.next}, p.cfg.MaxBlock)
			return
		}
		tp.Partition = partition
	}
	if p.add(e, tp, id, r) {
		p.pump(e)
	}
}

// add puts a record into its outbox, and says whether there is something to send at once.
func (p *Producer) add(e env.Env, tp wire.TopicPartition, id int64, r wire.Record) (full bool) {
	i, ok := p.index[tp]
	if !ok {
		i = len(p.parts)
		p.index[tp] = i
		p.parts = append(p.parts, &outbox{tp: tp})
	}
	fresh, full := p.parts[i].add(r, id, p.cfg.BatchBytes, func() *batch { return p.newBatch(e) })
	if fresh != nil {
		e.Arm(env.Timer{Kind: timLinger, Lane: env.LaneClient, A: int64(i)}, p.cfg.Linger)
	}
	return full
}

func (p *Producer) newBatch(e env.Env) *batch {
	p.next++
	b := &batch{id: p.next, born: e.Now(), epoch: wire.NoEpoch}
	p.batches[b.id] = b
	e.Arm(env.Timer{Kind: timDelivery, Lane: env.LaneClient, A: b.id}, p.cfg.DeliveryTimeout)
	return b
}

// known is due after news of the cluster: records that waited for their topic find their partitions, and batches their
// leaders.
func (p *Producer) known(e env.Env) {
	waiting := p.blocked
	p.blocked = nil
	for _, w := range waiting {
		if t := p.topics[w.topic]; t.err != nil && !retriable(t.err.Code) {
			p.unblock(e, w, t.err)
		} else if partition, ok := p.place(e, w.topic, w.r.Key, recordSize(w.r.Key, w.r.Value)); !ok {
			p.blocked = append(p.blocked, w)
		} else {
			e.Disarm(env.Timer{Kind: timBlock, Lane: env.LaneClient, A: w.n})
			p.add(e, wire.TopicPartition{Topic: w.topic, Partition: partition}, w.id, w.r)
		}
	}
	p.send(e, true)
}

// stuck ends a record whose topic did not become known in max.block.ms. It was never sent.
func (p *Producer) stuck(e env.Env, n int64) {
	if i := slices.IndexFunc(p.blocked, func(w blocked) bool { return w.n == n }); i >= 0 {
		w := p.blocked[i]
		p.blocked = slices.Delete(p.blocked, i, i+1)
		err := p.topics[w.topic].err
		if err == nil {
			err = kerr.RequestTimedOut
		}
		p.unblock(e, w, err)
	}
}

func (p *Producer) unblock(e env.Env, w blocked, err *kerr.Error) {
	e.Disarm(env.Timer{Kind: timBlock, Lane: env.LaneClient, A: w.n})
	tp := wire.TopicPartition{Topic: w.topic, Partition: AnyPartition}
	e.Note(noteFailed, p.id(w.topic), int64(tp.Partition), 1, int64(err.Code))
	p.Done(e, Sent{ID: w.id, Partition: tp, Acks: p.cfg.Acks, Outcome: Failed, Err: err, Offset: -1, Base: -1})
}

// pump sends every request that may be sent (Sender.sendProducerData): to each leader that has a batch ready, one batch
// for each of its partitions, ready or not, as long as requests may be in flight to it.
func (p *Producer) pump(e env.Env) { p.send(e, false) }

// send is pump. With news the metadata have just come: what they do not know is asked for again after a backoff and not at
// once, or who writes to a partition that does not exist would do nothing else (Metadata.timeToAllowUpdate).
func (p *Producer) send(e env.Env, news bool) {
	byNode := map[wire.NodeID][]*outbox{}
	for i, o := range p.parts {
		if b := p.head(o); b == nil || !b.ready(e.Now(), p.cfg.Linger) {
			continue
		}
		l, ok := p.leader(o.tp)
		if !ok {
			if !news {
				p.refresh(e)
			}
			e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneClient, A: int64(i)}, p.cfg.RetryBackoff)
			continue
		}
		byNode[l.node] = nil
	}
	for _, o := range p.parts {
		if l, ok := p.leader(o.tp); ok {
			if _, ready := byNode[l.node]; ready {
				byNode[l.node] = append(byNode[l.node], o)
			}
		}
	}
	for _, node := range sortedNodes(byNode) {
		for p.flying[node] < p.cfg.MaxInFlight && p.launch(e, node, byNode[node]) {
		}
	}
}

// head is the batch of an outbox that goes next, or nil. While requests are to stay in order a partition has one batch
// in flight.
func (p *Producer) head(o *outbox) *batch {
	if len(o.queue) == 0 || p.cfg.MaxInFlight == 1 && o.inFlight > 0 {
		return nil
	}
	return o.queue[0]
}

// launch sends one request to a node; false says that there was nothing to send.
func (p *Producer) launch(e env.Env, node wire.NodeID, outs []*outbox) bool {
	f := &flight{node: node}
	size := 0
	for _, o := range outs {
		b := p.head(o)
		if b == nil || b.attempts > 0 && !b.ready(e.Now(), p.cfg.Linger) || size > 0 && size+b.size > p.cfg.RequestBytes {
			continue
		}
		b.close()
		o.queue = o.queue[1:]
		o.inFlight++
		b.attempts++
		if l, _ := p.leader(o.tp); true {
			b.epoch = l.epoch
		}
		b.aim(p.topics[o.tp.Topic].id)
		size += b.size
		f.batches = append(f.batches, b)
	}
	if len(f.batches) == 0 {
		return false
	}
	p.next++
	p.flights[p.next] = f
	p.flying[node]++
	e.Call(p.link(e, p.nodes[node]), p.cfg.RequestTimeout, p.request(f), env.Token{Kind: tokProduce, A: p.next})
	return true
}

// request is a flight's request: by topic ids, which every topic has here.
func (p *Producer) request(f *flight) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(13)
	req.Acks, req.TimeoutMillis = p.cfg.Acks, int32(p.cfg.RequestTimeout/env.Millisecond)
	for _, b := range f.batches {
		id := p.topics[b.out.tp.Topic].id
		i := slices.IndexFunc(req.Topics, func(t kmsg.ProduceRequestTopic) bool { return wire.TopicID(t.TopicID) == id })
		if i < 0 {
			i = len(req.Topics)
			rt := kmsg.NewProduceRequestTopic()
			rt.Topic, rt.TopicID = b.out.tp.Topic, id
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = b.out.tp.Partition, b.bytes
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	return req
}

// landed takes the end of a flight in, batch by batch.
func (p *Producer) landed(e env.Env, id int64, req env.Request, resp env.Response, err error) {
	f := p.flights[id]
	delete(p.flights, id)
	p.flying[f.node]--
	var answers map[wire.TopicPartition]*kmsg.ProduceResponseTopicPartition
	if resp != nil {
		answers = p.answers(f, req.(*kmsg.ProduceRequest), resp.(*kmsg.ProduceResponse))
	}
	for _, b := range f.batches {
		b.out.inFlight--
		switch a := answers[b.out.tp]; {
		case b.done: // given up while it was in flight
		case err != nil:
			b.err, b.unknown = transport(err), b.unknown || err != env.ErrRefused // where nobody listens nothing was read
			p.again(e, b)
		case resp == nil: // acks=0: written is all we know
			p.finish(e, b, OK, -1)
		case a == nil: // a broker that does not answer for what it was sent
			b.err, b.unknown = kerr.UnknownServerError, true
			p.again(e, b)
		case a.ErrorCode == 0 || a.ErrorCode == kerr.DuplicateSequenceNumber.Code:
			p.finish(e, b, OK, wire.Offset(a.BaseOffset))
		default:
			b.err = kerr.TypedErrorForCode(a.ErrorCode)
			b.unknown = b.unknown || !provesNothingApplied(a.ErrorCode)
			p.again(e, b)
		}
	}
	p.pump(e)
}

// answers sorts a response by partition, and takes in what it says of leaders.
func (p *Producer) answers(f *flight, req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) map[wire.TopicPartition]*kmsg.ProduceResponseTopicPartition {
	names := map[wire.TopicID]string{}
	for _, rt := range req.Topics {
		names[rt.TopicID] = rt.Topic
	}
	all := map[wire.TopicPartition]*kmsg.ProduceResponseTopicPartition{}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			a := &resp.Topics[i].Partitions[j]
			tp := wire.TopicPartition{Topic: names[resp.Topics[i].TopicID], Partition: a.Partition}
			all[tp] = a
			host := ""
			for _, b := range resp.Brokers {
				if b.NodeID == a.CurrentLeader.LeaderID {
					host = b.Host
				}
			}
			p.hint(tp, wire.TopicID(resp.Topics[i].TopicID), wire.NodeID(a.CurrentLeader.LeaderID), wire.Epoch(a.CurrentLeader.LeaderEpoch), host)
		}
	}
	return all
}

// again puts a failed batch back in front, to be retried after a backoff, or gives it up. A leader that is new since the
// attempt is tried at once.
func (p *Producer) again(e env.Env, b *batch) {
	if b.err == kerr.MessageTooLarge && len(b.records) > 1 {
		halves := b.split(func() *batch { return p.newBatch(e) })
		p.retire(e, b)
		b.out.queue = slices.Insert(b.out.queue, 0, halves[:]...)
		for _, h := range halves {
			e.Arm(env.Timer{Kind: timDelivery, Lane: env.LaneClient, A: h.id}, max(p.cfg.DeliveryTimeout-e.Now().Sub(h.born), 0))
		}
		return
	}
	if !retriable(b.err.Code) {
		p.giveUp(e, b)
		return
	}
	p.refresh(e)
	wait := p.cfg.backoff(e, b.attempts)
	if l, ok := p.leader(b.out.tp); ok && l.epoch > b.epoch {
		wait = 0
	}
	b.notBefore = e.Now() + env.Instant(wait)
	b.out.queue = slices.Insert(b.out.queue, 0, b)
	e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneClient, A: int64(p.index[b.out.tp])}, wait)
}

// expire gives a batch up whose delivery.timeout.ms is over, wherever it is.
func (p *Producer) expire(e env.Env, id int64) {
	b := p.batches[id]
	if b == nil {
		return
	}
	if i := slices.Index(b.out.queue, b); i >= 0 {
		b.out.queue = slices.Delete(b.out.queue, i, i+1)
		b.close() // for its CRC
	} else {
		b.unknown = true // it is in flight
	}
	if b.err == nil {
		b.err = kerr.RequestTimedOut
	}
	p.giveUp(e, b)
	p.pump(e)
}

// giveUp ends a batch without an acknowledgement.
func (p *Producer) giveUp(e env.Env, b *batch) {
	if b.unknown {
		p.finish(e, b, Unknown, -1)
		return
	}
	p.finish(e, b, Failed, -1)
}

// retire forgets a batch.
func (p *Producer) retire(e env.Env, b *batch) {
	b.done = true
	delete(p.batches, b.id)
	e.Disarm(env.Timer{Kind: timDelivery, Lane: env.LaneClient, A: b.id})
}

// finish tells the workload.
func (p *Producer) finish(e env.Env, b *batch, outcome Outcome, base wire.Offset) {
	p.retire(e, b)
	p.tell(e, b, outcome, base)
	crc := wire.Batch(b.bytes).CRC()
	for n, id := range b.ids {
		s := Sent{ID: id, Partition: b.out.tp, Acks: p.cfg.Acks, Outcome: outcome, Err: b.err, Offset: -1, Base: base, CRC: crc, Attempts: b.attempts,
			Topic: b.topic, Earlier: b.earlier}
		if outcome == OK {
			s.Err = nil
			if base >= 0 {
				s.Offset = base + wire.Offset(n)
			}
		}
		p.Done(e, s)
	}
}

// tell notes what the producer was told about a batch.
func (p *Producer) tell(e env.Env, b *batch, outcome Outcome, base wire.Offset) {
	topic, partition, n := p.id(b.out.tp.Topic), int64(b.out.tp.Partition), int64(len(b.ids))
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

// InFlight is how many Produce requests are under way.
func (p *Producer) InFlight() int { return len(p.flights) }
