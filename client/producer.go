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
// With one request in flight for each connection, the records of a partition stay in order. With more requests in
// flight, and without idempotence, a retry may change the order, as in Kafka.
type Producer struct {
	*metadataCache
	// Done is called with the result of each record, as soon as the producer knows it.
	Done func(e env.Env, s Sent)
	// Sending, if set, is called with the batches of each Produce request before the client sends it.
	Sending func(req *kmsg.ProduceRequest, all []Sending)

	queues  []*queue // in the order of their first use
	index   map[wire.TopicPartition]int
	sticky  map[string]*stickyPartition
	blocked []blocked // records that wait for their topic's metadata, in order of Send

	batches  map[int64]*batch          // the batches that are not done, by id
	requests map[int64]*produceRequest // by id
	inFlight map[wire.NodeID]int
	drain    map[wire.NodeID]int // by node: the index of the partition with which the next request begins (nodesDrainIndex)
	next     int64               // numbers batches, requests and blocked records
}

// Sent is the result of one record.
type Sent struct {
	ID        int64 // as given to Send
	Partition wire.TopicPartition
	Acks      int16
	Outcome   Outcome
	Err       *kerr.Error // the error of the last attempt, or nil
	Offset    wire.Offset // offset of the record, if the outcome is OK and acks is not 0; otherwise -1
	Base      wire.Offset // base offset of the record's batch, under the same conditions
	CRC       uint32      // checksum of the batch as sent
	// Topic is the topic id of the last attempt, zero if there was none. Earlier has the topic ids of the earlier
	// attempts that had another one. The topics with those ids had the same name and have since been deleted. They may have got the record.
	Topic    wire.TopicID
	Earlier  []wire.TopicID
	Attempts int
}

// Sending is one batch of a Produce request.
type Sending struct {
	Partition wire.TopicPartition
	Topic     wire.TopicID
	IDs       []int64 // as given to Send, in the order of the records
	Attempt   int     // counts the requests with this batch, from 1
}

// blocked is a record that waits for its topic's metadata.
type blocked struct {
	n  int64
	tp wire.TopicPartition // tp.Partition may be AnyPartition
	id int64
	r  wire.Record
}

// produceRequest is one Produce request in flight.
type produceRequest struct {
	node    wire.NodeID
	batches []*batch
}

func newProducer(c *metadataCache) Producer {
	return Producer{
		metadataCache: c, index: map[wire.TopicPartition]int{}, sticky: map[string]*stickyPartition{},
		batches: map[int64]*batch{}, requests: map[int64]*produceRequest{}, inFlight: map[wire.NodeID]int{},
		drain: map[wire.NodeID]int{},
	}
}

// Send sends one record with the time of the client's wall clock, to a partition or to AnyPartition of a topic. Done is called
// with the same id.
func (p *Producer) Send(e env.Env, tp wire.TopicPartition, id int64, key, value []byte) {
	p.SendRecord(e, tp, id, wire.Record{Timestamp: wire.Timestamp(e.Wall().Millis()), Key: key, Value: value})
}

// SendRecord does the same as Send, with the timestamp and the headers of the record.
func (p *Producer) SendRecord(e env.Env, tp wire.TopicPartition, id int64, r wire.Record) {
	p.addTopic(e, tp.Topic)
	if recordSize(r)+wire.BatchHeaderSize > p.cfg.RequestBytes {
		p.Done(e, Sent{ID: id, Partition: tp, Acks: p.cfg.Acks, Outcome: Failed, Err: kerr.MessageTooLarge, Offset: -1, Base: -1})
		return
	}
	// In Kafka, Send blocks its thread while the partition of a record is not known. Here later records of the same topic
	// wait, even if their sender has chosen a partition.
	if after := p.blockedTopic(tp.Topic); after || tp.Partition == AnyPartition {
		partition, ok := tp.Partition, false
		if !after {
			partition, ok = p.partition(e, tp.Topic, r.Key, recordSize(r))
		}
		if !ok {
			p.next++
			p.blocked = append(p.blocked, blocked{p.next, tp, id, r})
			e.Arm(env.Timer{Kind: timBlock, Lane: env.LaneClient, A: p.next}, p.cfg.MaxBlock)
			return
		}
		tp.Partition = partition
	}
	if p.add(e, tp, id, r) {
		p.sendReady(e)
	}
}

// add adds a record to its queue, and reports whether a batch is full.
func (p *Producer) add(e env.Env, tp wire.TopicPartition, id int64, r wire.Record) (full bool) {
	i, ok := p.index[tp]
	if !ok {
		i = len(p.queues)
		p.index[tp] = i
		p.queues = append(p.queues, &queue{tp: tp})
	}
	fresh, full := p.queues[i].add(r, id, p.cfg.BatchBytes, func() *batch { return p.newBatch(e) })
	if fresh != nil {
		e.Arm(env.Timer{Kind: timLinger, Lane: env.LaneClient, A: int64(i)}, p.cfg.Linger)
	}
	return full
}

func (p *Producer) newBatch(e env.Env) *batch {
	p.next++
	b := &batch{id: p.next, createdAt: e.Now(), epoch: wire.NoEpoch}
	p.batches[b.id] = b
	e.Arm(env.Timer{Kind: timDelivery, Lane: env.LaneClient, A: b.id}, p.cfg.DeliveryTimeout)
	return b
}

// blockedTopic reports whether a record of a topic waits for the topic's metadata.
func (p *Producer) blockedTopic(name string) bool {
	return slices.ContainsFunc(p.blocked, func(w blocked) bool { return w.tp.Topic == name })
}

// onMetadata handles a metadata update. It chooses the partitions of the blocked records and sends batches to the leaders.
func (p *Producer) onMetadata(e env.Env) {
	waiting := p.blocked
	p.blocked = nil
	for _, w := range waiting {
		partition, ok := w.tp.Partition, !p.blockedTopic(w.tp.Topic)
		if ok && partition == AnyPartition {
			partition, ok = p.partition(e, w.tp.Topic, w.r.Key, recordSize(w.r))
		}
		if t := p.topics[w.tp.Topic]; t.err != nil && !retriable(t.err.Code) {
			p.unblock(e, w, t.err)
		} else if !ok {
			p.blocked = append(p.blocked, w)
		} else {
			e.Disarm(env.Timer{Kind: timBlock, Lane: env.LaneClient, A: w.n})
			p.add(e, wire.TopicPartition{Topic: w.tp.Topic, Partition: partition}, w.id, w.r)
		}
	}
	p.sendProducerData(e, true)
}

// expireBlocked fails a record that has waited max.block.ms for the metadata of its topic. The record was never sent.
func (p *Producer) expireBlocked(e env.Env, n int64) {
	if i := slices.IndexFunc(p.blocked, func(w blocked) bool { return w.n == n }); i >= 0 {
		w := p.blocked[i]
		p.blocked = slices.Delete(p.blocked, i, i+1)
		err := p.topics[w.tp.Topic].err
		if err == nil {
			err = kerr.RequestTimedOut
		}
		p.unblock(e, w, err)
	}
}

func (p *Producer) unblock(e env.Env, w blocked, err *kerr.Error) {
	e.Disarm(env.Timer{Kind: timBlock, Lane: env.LaneClient, A: w.n})
	e.Note(noteFailed, p.topicID(w.tp.Topic), int64(w.tp.Partition), 1, int64(err.Code))
	p.Done(e, Sent{ID: w.id, Partition: w.tp, Acks: p.cfg.Acks, Outcome: Failed, Err: err, Offset: -1, Base: -1})
}

// sendReady sends a request to each leader that has a ready batch, up to the limit of requests in flight
// (Sender.sendProducerData). The request has one batch of each of that leader's partitions, even if that batch is not ready.
func (p *Producer) sendReady(e env.Env) { p.sendProducerData(e, false) }

// sendProducerData does the work of sendReady. updated means that the metadata has just been updated. If the metadata
// still lacks a leader, the next update waits for a backoff. Otherwise a producer to a partition that does not exist would
// request metadata without a pause (Metadata.timeToAllowUpdate).
func (p *Producer) sendProducerData(e env.Env, updated bool) {
	byNode := map[wire.NodeID][]*queue{}
	for i, o := range p.queues {
		if b := p.nextBatch(o); b == nil || !b.ready(e.Now(), p.cfg.Linger) {
			continue
		}
		l, ok := p.leader(o.tp)
		if !ok {
			if !updated {
				p.refresh(e)
			}
			e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneClient, A: int64(i)}, p.cfg.RetryBackoff)
			continue
		}
		byNode[l.node] = nil
	}
	for _, o := range p.queues {
		if l, ok := p.leader(o.tp); ok {
			if _, ready := byNode[l.node]; ready {
				byNode[l.node] = append(byNode[l.node], o)
			}
		}
	}
	for _, node := range sortedNodes(byNode) {
		for p.inFlight[node] < p.cfg.MaxInFlight && p.sendRequest(e, node, byNode[node]) {
		}
	}
}

// nextBatch returns the next batch of a queue to send, or nil. With one request in flight for each connection, a partition
// has at most one batch in flight, so its records stay in order.
func (p *Producer) nextBatch(o *queue) *batch {
	if len(o.batches) == 0 || p.cfg.MaxInFlight == 1 && o.inFlight > 0 {
		return nil
	}
	return o.batches[0]
}

// sendRequest sends one request to a node, and reports whether there was a batch to send
// (RecordAccumulator.drainBatchesForOneNode). The first batch that does not fit ends the request. The next
// request begins with the partition that this request looked at last, so that a busy partition does not starve the ones
// after it.
func (p *Producer) sendRequest(e env.Env, node wire.NodeID, queues []*queue) bool {
	f := &produceRequest{node: node}
	size := 0
	first := p.drain[node] % len(queues)
	for n := range queues {
		at := (first + n) % len(queues)
		p.drain[node] = at
		o := queues[at]
		b := p.nextBatch(o)
		if b == nil || b.attempts > 0 && !b.ready(e.Now(), p.cfg.Linger) {
			continue
		}
		if size > 0 && size+b.size > p.cfg.RequestBytes {
			break
		}
		b.close()
		o.batches = o.batches[1:]
		o.inFlight++
		b.attempts++
		if l, _ := p.leader(o.tp); true {
			b.epoch = l.epoch
		}
		b.setTopic(p.topics[o.tp.Topic].id)
		size += b.size
		f.batches = append(f.batches, b)
	}
	if len(f.batches) == 0 {
		return false
	}
	p.next++
	p.requests[p.next] = f
	p.inFlight[node]++
	req := p.request(f)
	if p.Sending != nil {
		p.Sending(req, f.sending())
	}
	e.Call(p.link(e, p.nodes[node]), p.cfg.RequestTimeout, req, env.Token{Kind: tokProduce, A: p.next})
	return true
}

// sending returns the batches of a request for Producer.Sending.
func (f *produceRequest) sending() (all []Sending) {
	for _, b := range f.batches {
		all = append(all, Sending{b.queue.tp, b.topic, b.ids, b.attempts})
	}
	return all
}

// request returns the Produce request with the batches. It names topics by id.
func (p *Producer) request(f *produceRequest) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(13)
	req.Acks, req.TimeoutMillis = p.cfg.Acks, int32(p.cfg.RequestTimeout/env.Millisecond)
	for _, b := range f.batches {
		id := p.topics[b.queue.tp.Topic].id
		i := slices.IndexFunc(req.Topics, func(t kmsg.ProduceRequestTopic) bool { return wire.TopicID(t.TopicID) == id })
		if i < 0 {
			i = len(req.Topics)
			rt := kmsg.NewProduceRequestTopic()
			rt.Topic, rt.TopicID = b.queue.tp.Topic, id
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = b.queue.tp.Partition, b.bytes
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	return req
}

// handleProduceResponse handles a response, or the error of the call, batch by batch.
func (p *Producer) handleProduceResponse(e env.Env, id int64, req env.Request, resp env.Response, err error) {
	f := p.requests[id]
	delete(p.requests, id)
	p.inFlight[f.node]--
	var answers map[wire.TopicPartition]*kmsg.ProduceResponseTopicPartition
	if resp != nil {
		answers = p.answers(f, req.(*kmsg.ProduceRequest), resp.(*kmsg.ProduceResponse))
	}
	for _, b := range f.batches {
		b.queue.inFlight--
		switch a := answers[b.queue.tp]; {
		case b.done: // delivery.timeout.ms ended while the batch was in flight
		case err != nil:
			b.err, b.unknown = transport(err), b.unknown || err != env.ErrRefused // refused: the broker read nothing
			p.retry(e, b)
		case resp == nil: // with acks=0 the producer knows only that the request was sent
			p.complete(e, b, OK, -1)
		case a == nil: // the response lacks a partition of the request
			b.err, b.unknown = kerr.UnknownServerError, true
			p.retry(e, b)
		case a.ErrorCode == 0 || a.ErrorCode == kerr.DuplicateSequenceNumber.Code:
			p.complete(e, b, OK, wire.Offset(a.BaseOffset))
		default:
			b.err = kerr.TypedErrorForCode(a.ErrorCode)
			b.unknown = b.unknown || !provesNotAppended(a)
			p.retry(e, b)
		}
	}
	p.sendReady(e)
}

// answers returns the response's errors and offsets by partition, and updates the leaders that the response names.
func (p *Producer) answers(f *produceRequest, req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) map[wire.TopicPartition]*kmsg.ProduceResponseTopicPartition {
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
			p.updateLeader(tp, wire.TopicID(resp.Topics[i].TopicID), wire.NodeID(a.CurrentLeader.LeaderID), wire.Epoch(a.CurrentLeader.LeaderEpoch), host)
		}
	}
	return all
}

// retry puts a failed batch back at the front of its queue for a retry after a backoff, or gives up on it. If the
// partition has a new leader since the attempt, there is no backoff.
func (p *Producer) retry(e env.Env, b *batch) {
	if b.err == kerr.MessageTooLarge && len(b.records) > 1 {
		halves := b.split(func() *batch { return p.newBatch(e) })
		p.remove(e, b)
		b.queue.batches = slices.Insert(b.queue.batches, 0, halves[:]...)
		for _, h := range halves {
			e.Arm(env.Timer{Kind: timDelivery, Lane: env.LaneClient, A: h.id}, max(p.cfg.DeliveryTimeout-e.Now().Sub(h.createdAt), 0))
		}
		return
	}
	if !retriable(b.err.Code) {
		p.giveUp(e, b)
		return
	}
	p.refresh(e)
	wait := p.cfg.backoff(e, b.attempts)
	if l, ok := p.leader(b.queue.tp); ok && l.epoch > b.epoch {
		wait = 0
	}
	b.notBefore = e.Now() + env.Instant(wait)
	b.queue.batches = slices.Insert(b.queue.batches, 0, b)
	e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneClient, A: int64(p.index[b.queue.tp])}, wait)
}

// expire gives up on a batch after delivery.timeout.ms, whether it is queued or in flight.
func (p *Producer) expire(e env.Env, id int64) {
	b := p.batches[id]
	if b == nil {
		return
	}
	if i := slices.Index(b.queue.batches, b); i >= 0 {
		b.queue.batches = slices.Delete(b.queue.batches, i, i+1)
		b.close() // the result of a record has the batch's CRC
	} else {
		b.unknown = true // in flight
	}
	if b.err == nil {
		b.err = kerr.RequestTimedOut
	}
	p.giveUp(e, b)
	p.sendReady(e)
}

// giveUp ends a batch without an acknowledgement.
func (p *Producer) giveUp(e env.Env, b *batch) {
	if b.unknown {
		p.complete(e, b, Unknown, -1)
		return
	}
	p.complete(e, b, Failed, -1)
}

// remove removes a batch from the tables.
func (p *Producer) remove(e env.Env, b *batch) {
	b.done = true
	delete(p.batches, b.id)
	e.Disarm(env.Timer{Kind: timDelivery, Lane: env.LaneClient, A: b.id})
}

// complete calls Done for each record of a batch.
func (p *Producer) complete(e env.Env, b *batch, outcome Outcome, base wire.Offset) {
	p.remove(e, b)
	p.noteOutcome(e, b, outcome, base)
	crc := wire.Batch(b.bytes).CRC()
	for n, id := range b.ids {
		s := Sent{ID: id, Partition: b.queue.tp, Acks: p.cfg.Acks, Outcome: outcome, Err: b.err, Offset: -1, Base: base, CRC: crc, Attempts: b.attempts,
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

// noteOutcome notes the outcome of a batch.
func (p *Producer) noteOutcome(e env.Env, b *batch, outcome Outcome, base wire.Offset) {
	topic, partition, n := p.topicID(b.queue.tp.Topic), int64(b.queue.tp.Partition), int64(len(b.ids))
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

// InFlight returns the number of Produce requests in flight.
func (p *Producer) InFlight() int { return len(p.requests) }
