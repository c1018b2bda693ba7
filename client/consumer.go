package client

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Consumer reads partitions it was assigned, by hand and not through a group.
//
//	Assign ─▶ find the position (ListOffsets) ─▶ Fetch ─▶ Read … ─▶ Fetch …
//	                   ▲                           │
//	                   └── OFFSET_OUT_OF_RANGE ────┘  by auto.offset.reset
type Consumer struct {
	*cluster
	// Read is told what one answered fetch brought.
	Read func(e env.Env, r Polled)

	parts []*cursor // by first use
	index map[wire.TopicPartition]int
}

// Polled is what one answered fetch brought.
type Polled struct {
	Partition wire.TopicPartition
	Records   []wire.Record // in offset order, none below the position
	Next      wire.Offset   // the position now
	HW        wire.Offset   // the high watermark that the answer named
	Err       *kerr.Error   // the consumer gave the partition up (auto.offset.reset=none)
}

// Reset is auto.offset.reset.
type Reset uint8

const (
	ResetLatest Reset = iota
	ResetEarliest
	ResetNone
)

// Earliest asks Assign for the log's start.
const Earliest wire.Offset = -2

// Latest asks Assign for the high watermark.
const Latest wire.Offset = -1

// cursor is one assigned partition.
type cursor struct {
	tp    wire.TopicPartition
	next  wire.Offset // position; Earliest or Latest while it must be looked up
	turn  int64       // attempt number: an answer of an earlier one is dropped
	busy  bool        // a request or a backoff is under way
	given bool        // unassigned, or given up
}

func newConsumer(c *cluster) Consumer {
	return Consumer{cluster: c, index: map[wire.TopicPartition]int{}}
}

// Assign reads a partition from a position, or moves the position of one that is being read.
func (c *Consumer) Assign(e env.Env, tp wire.TopicPartition, from wire.Offset) {
	i, ok := c.index[tp]
	if !ok {
		i = len(c.parts)
		c.index[tp] = i
		c.parts = append(c.parts, &cursor{tp: tp})
	}
	p := c.parts[i]
	p.next, p.given, p.busy = from, false, false
	p.turn++
	c.want(e, tp.Topic)
	c.pump(e, i)
}

// Unassign stops reading a partition.
func (c *Consumer) Unassign(tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].given = true
		c.parts[i].turn++
	}
}

// pump sends the next request of a cursor.
func (c *Consumer) pump(e env.Env, i int) {
	p := c.parts[i]
	if p.busy || p.given {
		return
	}
	link, l, ok := c.leaderOf(e, p.tp)
	if !ok {
		c.refresh(e)
		c.retryLater(e, i)
		return
	}
	p.busy = true
	p.turn++
	tok := env.Token{Kind: tokFetch, A: int64(i), B: p.turn}
	if p.next < 0 {
		tok.Kind = tokListOffsets
		e.Call(link, c.cfg.RequestTimeout, c.whereIs(p, l), tok)
		return
	}
	e.Call(link, c.cfg.RequestTimeout, c.fetch(p, l), tok)
}

// whereIs asks for the offset of a special position.
func (c *Consumer) whereIs(p *cursor, l leader) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(7)
	req.ReplicaID = -1
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.Timestamp = p.tp.Partition, int32(l.epoch), int64(p.next)
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = p.tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func (c *Consumer) fetch(p *cursor, l leader) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.MaxWaitMillis = int32(c.cfg.FetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes = 1, 50<<20
	req.SessionEpoch = -1 // no fetch session
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.CurrentLeaderEpoch = p.tp.Partition, int64(p.next), int32(l.epoch)
	rp.PartitionMaxBytes = c.cfg.FetchBytes
	rt := kmsg.NewFetchRequestTopic()
	rt.TopicID, rt.Partitions = l.id, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func (c *Consumer) retryLater(e env.Env, i int) {
	c.parts[i].busy = true
	e.Arm(env.Timer{Kind: timFetch, Lane: env.LaneClient, A: int64(i)}, c.cfg.RetryBackoff)
}

// answered is the answer to a position or a fetch.
func (c *Consumer) answered(e env.Env, tok env.Token, resp env.Response, err error) {
	i := int(tok.A)
	p := c.parts[i]
	if tok.B != p.turn || p.given {
		return // reassigned meanwhile
	}
	p.busy = false
	if err != nil {
		c.failed(e, i)
		return
	}
	switch r := resp.(type) {
	case *kmsg.ListOffsetsResponse:
		rp := r.Topics[0].Partitions[0]
		if rp.ErrorCode != 0 {
			c.failed(e, i)
			return
		}
		p.next = wire.Offset(rp.Offset)
		c.pump(e, i)
	case *kmsg.FetchResponse:
		c.polled(e, i, r)
	}
}

// failed tries again after a backoff, with fresher metadata.
func (c *Consumer) failed(e env.Env, i int) {
	c.refresh(e)
	c.retryLater(e, i)
}

// polled takes one fetch answer in.
func (c *Consumer) polled(e env.Env, i int, r *kmsg.FetchResponse) {
	p := c.parts[i]
	if r.ErrorCode != 0 || len(r.Topics) == 0 {
		c.failed(e, i)
		return
	}
	rp := r.Topics[0].Partitions[0]
	switch rp.ErrorCode {
	case 0:
	case kerr.OffsetOutOfRange.Code:
		c.reset(e, i)
		return
	default:
		c.failed(e, i)
		return
	}
	out := Polled{Partition: p.tp, HW: wire.Offset(rp.HighWatermark)}
	for b, err := range wire.Batches(rp.RecordBatches) {
		if err != nil {
			break // a batch cut off by the size limit: it comes whole next time
		}
		if err := b.Validate(); err != nil {
			c.failed(e, i) // Kafka raises CorruptRecordException here; reading again is what an application does then
			return
		}
		if !b.IsControl() {
			for rec, err := range b.Records() {
				if err != nil {
					c.failed(e, i)
					return
				}
				if rec.Offset >= p.next {
					out.Records = append(out.Records, rec)
				}
			}
		}
		p.next = max(p.next, b.NextOffset())
	}
	out.Next = p.next
	c.Read(e, out)
	c.pump(e, i)
}

// reset follows auto.offset.reset: the largest single source of silent loss in practice, so the story tells it.
func (c *Consumer) reset(e env.Env, i int) {
	p := c.parts[i]
	e.Note(noteReset, c.leaders[p.tp].id.Short(), int64(p.tp.Partition), int64(p.next), 0)
	switch c.cfg.Reset {
	case ResetEarliest:
		p.next = Earliest
	case ResetLatest:
		p.next = Latest
	case ResetNone:
		p.given = true
		c.Read(e, Polled{Partition: p.tp, Next: p.next, Err: kerr.OffsetOutOfRange})
		return
	}
	c.pump(e, i)
}

// awake ends the backoff of a cursor.
func (c *Consumer) awake(e env.Env, i int) {
	c.parts[i].busy = false
	c.pump(e, i)
}
