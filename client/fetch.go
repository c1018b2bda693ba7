package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// fetch fetches the partitions that one broker leads. There are no fetch sessions.
func (c *Consumer) fetch(e env.Env, node wire.NodeID, parts []*cursor) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.MaxWaitMillis = int32(c.cfg.FetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes = c.cfg.FetchMin, c.cfg.FetchMax
	req.SessionEpoch = -1
	if c.cfg.Committed {
		req.IsolationLevel = 1
	}
	c.next++
	f := &fetchInFlight{n: c.next}
	for _, p := range parts {
		l, _ := c.leader(p.tp)
		i := slices.IndexFunc(req.Topics, func(t kmsg.FetchRequestTopic) bool { return wire.TopicID(t.TopicID) == l.topicID })
		if i < 0 {
			i = len(req.Topics)
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = p.tp.Topic, l.topicID
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.CurrentLeaderEpoch = p.tp.Partition, int64(p.position), int32(l.epoch)
		rp.PartitionMaxBytes = c.cfg.FetchBytes
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
		f.parts = append(f.parts, fetchedPartition{p, p.generation, p.position})
	}
	c.fetches[node] = f
	e.Call(c.link(e, c.nodes[node]), c.cfg.RequestTimeout, req, env.Token{Kind: tokFetch, A: int64(node), B: f.n})
}

// handleFetchResponse handles the response of one broker, or the error of the call.
func (c *Consumer) handleFetchResponse(e env.Env, tok env.Token, req env.Request, resp env.Response, err error) {
	node := wire.NodeID(tok.A)
	f := c.fetches[node]
	delete(c.fetches, node)
	r, _ := resp.(*kmsg.FetchResponse)
	if err != nil || r.ErrorCode != 0 {
		for _, q := range f.parts {
			if q.generation == q.p.generation && !q.p.dropped {
				c.retryLater(e, c.cursorOf(q.p))
			}
		}
		c.poll(e)
		return
	}
	names := map[wire.TopicID]string{}
	for _, rt := range req.(*kmsg.FetchRequest).Topics {
		names[rt.TopicID] = rt.Topic
	}
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			rp := &r.Topics[i].Partitions[j]
			tp := wire.TopicPartition{Topic: names[r.Topics[i].TopicID], Partition: rp.Partition}
			k := slices.IndexFunc(f.parts, func(q fetchedPartition) bool { return q.p.tp == tp })
			if k < 0 {
				continue
			}
			if q := f.parts[k]; q.generation == q.p.generation && !q.p.dropped && q.position == q.p.position {
				c.handlePartition(e, q.p, r, r.Topics[i].TopicID, rp)
			}
		}
	}
	c.poll(e)
}

// handlePartition handles one partition of a fetch response.
func (c *Consumer) handlePartition(e env.Env, p *cursor, r *kmsg.FetchResponse, topic wire.TopicID, rp *kmsg.FetchResponseTopicPartition) {
	switch rp.ErrorCode {
	case 0:
		p.failures = 0
		c.deliver(e, p, topic, rp)
	case kerr.OffsetOutOfRange.Code:
		c.reset(e, p)
	default:
		host := ""
		for _, b := range r.Brokers {
			if b.NodeID == rp.CurrentLeader.LeaderID {
				host = b.Host
			}
		}
		c.updateLeader(p.tp, topic, wire.NodeID(rp.CurrentLeader.LeaderID), wire.Epoch(rp.CurrentLeader.LeaderEpoch), host)
		c.retryLater(e, c.cursorOf(p))
	}
}

// deliver calls Read with the records. It ignores a batch that the size limit cut off, because the next response has the
// whole batch. It fetches a corrupt batch again, as an application would after Kafka's CorruptRecordException.
func (c *Consumer) deliver(e env.Env, p *cursor, topic wire.TopicID, rp *kmsg.FetchResponseTopicPartition) {
	out := Polled{Partition: p.tp, Topic: topic, From: p.position, FromStart: p.fromStart, HW: wire.Offset(rp.HighWatermark)}
	p.invalidate()
	drop := abortedFilter{aborted: rp.AbortedTransactions}
	if c.cfg.Committed {
		out.HW = wire.Offset(rp.LastStableOffset)
	}
	for b, err := range wire.Batches(rp.RecordBatches) {
		if err != nil {
			break
		}
		if err := b.Validate(); err != nil {
			c.retryLater(e, c.cursorOf(p))
			break
		}
		if !c.cfg.Committed || drop.keep(b) {
			out.Records, out.Batches = appendRecords(out.Records, b, p.position), append(out.Batches, b)
		}
		p.position, p.offsetEpoch = max(p.position, b.NextOffset()), b.LeaderEpoch()
	}
	p.fromStart = p.fromStart && len(out.Records) == 0
	out.Next = p.position
	c.Read(e, out)
}

// appendRecords appends the records of a batch that are at or above an offset, without control records.
func appendRecords(to []wire.Record, b wire.Batch, from wire.Offset) []wire.Record {
	if b.IsControl() {
		return to
	}
	for rec, err := range b.Records() {
		if err != nil {
			break
		}
		if rec.Offset >= from {
			to = append(to, rec)
		}
	}
	return to
}

// abortedFilter removes the records of aborted transactions (CompletedFetch). For each aborted transaction, a response has
// the producer and the first offset. The transaction ends at the producer's next marker.
type abortedFilter struct {
	aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction // not reached yet
	inside  []int64                                              // producers that are now inside an aborted transaction
}

// keep reports whether the application gets a batch. The caller must pass batches in offset order.
func (d *abortedFilter) keep(b wire.Batch) bool {
	d.aborted = slices.DeleteFunc(slices.Clone(d.aborted), func(a kmsg.FetchResponseTopicPartitionAbortedTransaction) bool {
		begins := a.FirstOffset <= int64(b.LastOffset())
		if begins && !slices.Contains(d.inside, a.ProducerID) {
			d.inside = append(d.inside, a.ProducerID)
		}
		return begins
	})
	id := int64(b.ProducerID())
	switch {
	case b.IsControl():
		if c, err := b.Control(); err == nil && c.Type == wire.ControlAbort {
			d.inside = slices.DeleteFunc(d.inside, func(p int64) bool { return p == id })
		}
		return false
	case b.IsTransactional():
		return !slices.Contains(d.inside, id)
	}
	return true
}
