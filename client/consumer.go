package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Consumer reads partitions that are assigned manually, without a group.
//
//	Assign ─▶ find the position ─▶ fetch ─▶ Read … ─▶ fetch …
//	            (ListOffsets)       │  ▲
//	                 ▲              │  └─ validate (OffsetForLeaderEpoch), after every change of the leader
//	                 │              ▼                 │
//	                 └── out of range, truncated ◀────┘     by auto.offset.reset
//
// At most one fetch per broker is in flight, with all partitions that the broker leads, as in Kafka.
type Consumer struct {
	*metadataCache
	// Read is called with each result: the records of one partition of a fetch response, or an error.
	Read func(e env.Env, r Polled)

	parts   []*cursor // in the order of their first use
	index   map[wire.TopicPartition]int
	fetches map[wire.NodeID]*fetchInFlight // the fetch in flight to each broker
	next    int64                          // numbers fetches
}

// Polled has the records of one partition of a fetch response, or the error that ended the reading of the partition.
type Polled struct {
	Partition wire.TopicPartition
	Topic     wire.TopicID  // the topic id of the request; zero with an error
	From      wire.Offset   // the position of the request
	FromStart bool          // From is the log start that the consumer asked for, and nothing was read since
	Records   []wire.Record // in offset order, none below From
	Batches   []wire.Batch  // the batches of the records, in the same order
	Next      wire.Offset   // the new position
	HW        wire.Offset   // the high watermark, or with read_committed the last stable offset
	Err       *kerr.Error   // set if the position is out of range or truncated and auto.offset.reset is none
}

// Reset is auto.offset.reset.
type Reset uint8

const (
	ResetLatest Reset = iota
	ResetEarliest
	ResetNone
	ResetByDuration // reset to the first record that is no older than Config.ResetBack (KIP-1106)
)

// Earliest is the position of the log start, for Assign.
const Earliest wire.Offset = -2

// Latest is the position of the high watermark, for Assign.
const Latest wire.Offset = -1

// byTime is the position of a cursor that resets to a time. It is not a special timestamp of ListOffsets.
const byTime wire.Offset = -100

// cursor is one assigned partition. Its position consists of an offset, the leader epoch of the record before that offset,
// and the leader epoch up to which the position is validated (KIP-320).
type cursor struct {
	tp             wire.TopicPartition
	position       wire.Offset // Earliest, Latest or byTime until the response of ListOffsets has the offset
	offsetEpoch    wire.Epoch  // NoEpoch if it is not known; then the position cannot be validated
	validatedEpoch wire.Epoch
	fromStart      bool  // the position is the answer to Earliest
	generation     int64 // a response to an earlier generation is dropped

	busy     bool // ListOffsets, a validation or a backoff is under way
	failures int  // number of attempts that failed in a row
	paused   bool
	dropped  bool // unassigned, or the consumer gave up
}

// invalidate makes every response about the old position stale, and ends a backoff.
func (p *cursor) invalidate() {
	p.generation++
	p.busy = false
}

// fetchInFlight is one fetch in flight.
type fetchInFlight struct {
	n     int64
	parts []fetchedPartition
}

type fetchedPartition struct {
	p          *cursor
	generation int64
	position   wire.Offset
}

func newConsumer(c *metadataCache) Consumer {
	return Consumer{metadataCache: c, index: map[wire.TopicPartition]int{}, fetches: map[wire.NodeID]*fetchInFlight{}}
}

// Assign assigns a partition with a position, or moves the position of a partition that is assigned already.
func (c *Consumer) Assign(e env.Env, tp wire.TopicPartition, from wire.Offset) {
	c.Seek(e, tp, from, wire.NoEpoch)
}

// Seek does the same as Assign, and the caller also passes the leader epoch of the record before the position. A committed
// offset has this epoch too. The consumer validates the position before the first fetch.
func (c *Consumer) Seek(e env.Env, tp wire.TopicPartition, to wire.Offset, epoch wire.Epoch) {
	i, ok := c.index[tp]
	if !ok {
		i = len(c.parts)
		c.index[tp] = i
		c.parts = append(c.parts, &cursor{tp: tp})
	}
	p := c.parts[i]
	*p = cursor{tp: tp, position: to, offsetEpoch: epoch, validatedEpoch: wire.NoEpoch, generation: p.generation + 1, paused: p.paused}
	c.addTopic(e, tp.Topic)
	c.poll(e)
}

// Unassign ends the assignment of a partition.
func (c *Consumer) Unassign(tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].dropped = true
		c.parts[i].generation++
	}
}

// Pause stops fetching a partition and keeps its position.
func (c *Consumer) Pause(tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].paused = true
		c.parts[i].invalidate()
	}
}

// Resume fetches a partition again after Pause.
func (c *Consumer) Resume(e env.Env, tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].paused = false
		c.poll(e)
	}
}

// Position returns the position of a partition; ok is false if the partition is not assigned, or its position is not known.
func (c *Consumer) Position(tp wire.TopicPartition) (next wire.Offset, ok bool) {
	i, ok := c.index[tp]
	if !ok || c.parts[i].dropped || c.parts[i].position < 0 {
		return 0, false
	}
	return c.parts[i].position, true
}

// poll sends every request that may be sent now.
func (c *Consumer) poll(e env.Env) {
	ready := map[wire.NodeID][]*cursor{}
	for i, p := range c.parts {
		if p.dropped || p.busy {
			continue
		}
		l, ok := c.leader(p.tp)
		switch {
		case !ok:
			c.refresh(e)
			c.backOff(e, i)
		case p.position < 0:
			c.lookUpPosition(e, i, l)
		case p.offsetEpoch != wire.NoEpoch && l.epoch > p.validatedEpoch:
			c.validate(e, i, l)
		case !p.paused:
			p.validatedEpoch = max(p.validatedEpoch, l.epoch)
			ready[l.node] = append(ready[l.node], p)
		}
	}
	for _, node := range sortedNodes(ready) {
		if c.fetches[node] == nil {
			c.fetch(e, node, ready[node])
		}
	}
}

// lookUpPosition requests the offset of a special position (ListOffsets).
func (c *Consumer) lookUpPosition(e env.Env, i int, l leader) {
	p := c.parts[i]
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(8)
	req.ReplicaID = -1
	if c.cfg.Committed {
		req.IsolationLevel = 1
	}
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.Timestamp = p.tp.Partition, int32(l.epoch), int64(p.position)
	if p.position == byTime {
		rp.Timestamp = max(e.Wall().Millis()-int64(c.cfg.ResetBack/env.Millisecond), 0)
	}
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = p.tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	c.askPosition(e, i, l, req, 0)
}

// validate asks the leader where the epoch of the last read record ends (KIP-320). Without validation a consumer would
// continue in the new leader's log as if it were the old log. It would miss the records that replaced those it has read.
func (c *Consumer) validate(e env.Env, i int, l leader) {
	p := c.parts[i]
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.SetVersion(4)
	req.ReplicaID = -1
	rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.LeaderEpoch = p.tp.Partition, int32(l.epoch), int32(p.offsetEpoch)
	rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
	rt.Topic, rt.Partitions = p.tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	c.askPosition(e, i, l, req, int64(l.epoch))
}

func (c *Consumer) askPosition(e env.Env, i int, l leader, req env.Request, epoch int64) {
	p := c.parts[i]
	p.busy = true
	p.generation++
	e.Call(c.link(e, c.nodes[l.node]), c.cfg.RequestTimeout, req, env.Token{Kind: tokPosition, A: int64(i), B: p.generation, C: epoch})
}

// handlePositionResponse handles the response of ListOffsets or OffsetForLeaderEpoch.
func (c *Consumer) handlePositionResponse(e env.Env, tok env.Token, resp env.Response, err error) {
	i := int(tok.A)
	p := c.parts[i]
	if tok.B != p.generation || p.dropped {
		return // stale
	}
	p.busy = false
	if err != nil {
		c.retryLater(e, i)
		return
	}
	switch r := resp.(type) {
	case *kmsg.ListOffsetsResponse:
		rp := r.Topics[0].Partitions[0]
		if rp.ErrorCode == 0 && rp.Offset < 0 && p.position == byTime { // every record is older than that time
			p.position = Latest
			c.poll(e)
			return
		}
		if rp.ErrorCode != 0 || rp.Offset < 0 {
			c.retryLater(e, i)
			return
		}
		p.fromStart = p.position == Earliest
		p.position, p.offsetEpoch, p.failures = wire.Offset(rp.Offset), wire.Epoch(rp.LeaderEpoch), 0
		if l, ok := c.leader(p.tp); ok {
			p.validatedEpoch = l.epoch
		}
	case *kmsg.OffsetForLeaderEpochResponse:
		rp := r.Topics[0].Partitions[0]
		if rp.ErrorCode != 0 {
			c.retryLater(e, i)
			return
		}
		p.failures = 0
		c.completeValidation(e, p, wire.Epoch(tok.C), wire.Epoch(rp.LeaderEpoch), wire.Offset(rp.EndOffset))
	}
	c.poll(e)
}

// completeValidation compares the position with the end of its epoch in the leader's log
// (SubscriptionState.maybeCompleteValidation). If the position is beyond that end, records that the consumer has read were
// truncated. With a reset policy the consumer continues at that end, where the logs diverge. Without a reset policy it
// stops, and the application decides what to do.
func (c *Consumer) completeValidation(e env.Env, p *cursor, heard, epoch wire.Epoch, end wire.Offset) {
	p.validatedEpoch = heard
	switch {
	case epoch == wire.NoEpoch || end < 0: // the leader does not know the epoch at all
		e.Note(noteTruncated, c.topicID(p.tp.Topic), int64(p.tp.Partition), int64(p.position), -1)
		c.reset(e, p)
	case end >= p.position:
	case c.cfg.Reset == ResetNone:
		e.Note(noteTruncated, c.topicID(p.tp.Topic), int64(p.tp.Partition), int64(p.position), int64(end))
		c.giveUp(e, p)
	default:
		e.Note(noteTruncated, c.topicID(p.tp.Topic), int64(p.tp.Partition), int64(p.position), int64(end))
		p.position, p.offsetEpoch = end, epoch
		p.invalidate()
	}
}

// backOff polls again after a backoff.
func (c *Consumer) backOff(e env.Env, i int) {
	p := c.parts[i]
	p.busy = true
	p.failures++
	e.Arm(env.Timer{Kind: timFetch, Lane: env.LaneClient, A: int64(i), B: p.generation}, c.cfg.backoff(e, p.failures))
}

// retryLater polls again after a backoff, with new metadata.
func (c *Consumer) retryLater(e env.Env, i int) {
	c.refresh(e)
	c.backOff(e, i)
}

// backoffOver ends the backoff of a cursor.
func (c *Consumer) backoffOver(e env.Env, i int, turn int64) {
	if p := c.parts[i]; p.generation == turn {
		p.busy = false
		c.poll(e)
	}
}

// reset resets the position by auto.offset.reset (by_duration since KIP-1106). A reset can skip many records without an
// error, so the story has a note of it.
func (c *Consumer) reset(e env.Env, p *cursor) {
	e.Note(noteReset, c.topicID(p.tp.Topic), int64(p.tp.Partition), int64(p.position), 0)
	p.invalidate()
	p.offsetEpoch, p.fromStart = wire.NoEpoch, false
	switch c.cfg.Reset {
	case ResetEarliest:
		p.position = Earliest
	case ResetLatest:
		p.position = Latest
	case ResetByDuration:
		p.position = byTime
	case ResetNone:
		c.giveUp(e, p)
	}
}

func (c *Consumer) giveUp(e env.Env, p *cursor) {
	p.dropped = true
	c.Read(e, Polled{Partition: p.tp, Next: p.position, Err: kerr.OffsetOutOfRange})
}

// cursorOf returns the index of a cursor.
func (c *Consumer) cursorOf(p *cursor) int { return slices.Index(c.parts, p) }
