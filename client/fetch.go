package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// fetch asks one broker for more of the partitions that it leads. There are no fetch sessions.
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
	f := &fetching{n: c.next}
	for _, p := range parts {
		l, _ := c.leader(p.tp)
		i := slices.IndexFunc(req.Topics, func(t kmsg.FetchRequestTopic) bool { return wire.TopicID(t.TopicID) == l.id })
		if i < 0 {
			i = len(req.Topics)
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = p.tp.Topic, l.id
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.CurrentLeaderEpoch = p.tp.Partition, int64(p.next), int32(l.epoch)
		rp.PartitionMaxBytes = c.cfg.FetchBytes
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
		f.parts = append(f.parts, fetched{p, p.turn, p.next})
	}
	c.fetches[node] = f
	e.Call(c.link(e, c.nodes[node]), c.cfg.RequestTimeout, req, env.Token{Kind: tokFetch, A: int64(node), B: f.n})
}

// answered takes one broker's answer in.
func (c *Consumer) answered(e env.Env, tok env.Token, req env.Request, resp env.Response, err error) {
	node := wire.NodeID(tok.A)
	f := c.fetches[node]
	delete(c.fetches, node)
	r, _ := resp.(*kmsg.FetchResponse)
	if err != nil || r.ErrorCode != 0 {
		for _, q := range f.parts {
			if q.turn == q.p.turn && !q.p.given {
				c.failed(e, c.cursorOf(q.p))
			}
		}
		c.pump(e)
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
			k := slices.IndexFunc(f.parts, func(q fetched) bool { return q.p.tp == tp })
			if k < 0 {
				continue
			}
			if q := f.parts[k]; q.turn == q.p.turn && !q.p.given && q.next == q.p.next {
				c.partition(e, q.p, r, r.Topics[i].TopicID, rp)
			}
		}
	}
	c.pump(e)
}

// partition takes one partition's answer in.
func (c *Consumer) partition(e env.Env, p *cursor, r *kmsg.FetchResponse, topic wire.TopicID, rp *kmsg.FetchResponseTopicPartition) {
	switch rp.ErrorCode {
	case 0:
		p.tries = 0
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
		c.hint(p.tp, topic, wire.NodeID(rp.CurrentLeader.LeaderID), wire.Epoch(rp.CurrentLeader.LeaderEpoch), host)
		c.failed(e, c.cursorOf(p))
	}
}

// deliver hands records to the workload. A batch that is cut off by the size limit comes whole next time. One that is not
// sound is read again: Kafka raises CorruptRecordException, and that is what an application does then.
func (c *Consumer) deliver(e env.Env, p *cursor, topic wire.TopicID, rp *kmsg.FetchResponseTopicPartition) {
	out := Polled{Partition: p.tp, Topic: topic, HW: wire.Offset(rp.HighWatermark)}
	p.moves()
	drop := dropping{aborted: rp.AbortedTransactions}
	if c.cfg.Committed {
		out.HW = wire.Offset(rp.LastStableOffset)
	}
	for b, err := range wire.Batches(rp.RecordBatches) {
		if err != nil {
			break
		}
		if err := b.Validate(); err != nil {
			c.failed(e, c.cursorOf(p))
			break
		}
		if !c.cfg.Committed || drop.keeps(b) {
			out.Records = appendRecords(out.Records, b, p.next)
		}
		p.next, p.last = max(p.next, b.NextOffset()), b.LeaderEpoch()
	}
	out.Next = p.next
	c.Read(e, out)
}

// appendRecords adds the records of a batch from an offset on. Control records are not for applications.
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

// dropping leaves aborted transactions out of what a fetch brought (CompletedFetch): the answer names the producer and
// the first offset of each, and the transaction ends with its marker.
type dropping struct {
	aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction // that have not begun yet
	inside  []int64                                              // producers in the middle of one
}

// keeps tells whether a batch is for the application; batches come in offset order.
func (d *dropping) keeps(b wire.Batch) bool {
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
