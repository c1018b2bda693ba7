package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Consumer reads partitions it was assigned, by hand and not through a group.
//
//	Assign ─▶ find the position ─▶ fetch ─▶ Read … ─▶ fetch …
//	            (ListOffsets)       │  ▲
//	                 ▲              │  └─ validate (OffsetForLeaderEpoch), whenever another leader is heard of
//	                 │              ▼                 │
//	                 └── out of range, truncated ◀────┘     by auto.offset.reset
//
// One fetch is under way for each broker, with all partitions that it leads, as in Kafka.
type Consumer struct {
	*cluster
	// Read is told what one answered fetch brought of one partition.
	Read func(e env.Env, r Polled)

	parts   []*cursor // by first use
	index   map[wire.TopicPartition]int
	fetches map[wire.NodeID]*fetching // under way
	next    int64                     // numbers fetches
}

// Polled is what one answered fetch brought of one partition.
type Polled struct {
	Partition wire.TopicPartition
	Topic     wire.TopicID  // of that name, the one that was asked for; zero with an error
	Records   []wire.Record // in offset order, none below the position
	Next      wire.Offset   // the position now
	HW        wire.Offset   // up to where the answer let us read: the high watermark, or the last stable offset
	Err       *kerr.Error   // the consumer gave the partition up: it is out of range, or was truncated, and nobody said what to do then
}

// Reset is auto.offset.reset.
type Reset uint8

const (
	ResetLatest Reset = iota
	ResetEarliest
	ResetNone
	ResetByDuration // to the first record that is no older than Config.ResetBack (KIP-1106)
)

// Earliest asks Assign for the log's start.
const Earliest wire.Offset = -2

// Latest asks Assign for the high watermark.
const Latest wire.Offset = -1

// byTime is the position of a cursor that looks for a time. It is no special timestamp of ListOffsets.
const byTime wire.Offset = -100

// cursor is one assigned partition. Its position is (next, last, heard): where it goes on, in which epoch the record
// before was written, and up to which leader's epoch that is known to be still so (KIP-320).
type cursor struct {
	tp    wire.TopicPartition
	next  wire.Offset // Earliest, Latest or byTime while it must be looked up
	last  wire.Epoch  // NoEpoch if it is not known: then there is nothing to validate
	heard wire.Epoch
	turn  int64 // an answer to an earlier turn is dropped

	asking bool // a question for or about the position is under way, or a backoff
	tries  int  // failures in a row
	paused bool
	given  bool // unassigned, or given up
}

// moves makes every answer to the old position stale, and with it the end of a backoff: there is none any more.
func (p *cursor) moves() {
	p.turn++
	p.asking = false
}

// fetching is one fetch under way.
type fetching struct {
	n     int64
	parts []fetched
}

type fetched struct {
	p    *cursor
	turn int64
	next wire.Offset
}

func newConsumer(c *cluster) Consumer {
	return Consumer{cluster: c, index: map[wire.TopicPartition]int{}, fetches: map[wire.NodeID]*fetching{}}
}

// Assign reads a partition from a position, or moves the position of one that is being read.
func (c *Consumer) Assign(e env.Env, tp wire.TopicPartition, from wire.Offset) {
	c.Seek(e, tp, from, wire.NoEpoch)
}

// Seek is Assign with the epoch of the record before the position, as a committed offset carries it: it is validated
// before the first fetch.
func (c *Consumer) Seek(e env.Env, tp wire.TopicPartition, to wire.Offset, epoch wire.Epoch) {
	i, ok := c.index[tp]
	if !ok {
		i = len(c.parts)
		c.index[tp] = i
		c.parts = append(c.parts, &cursor{tp: tp})
	}
	p := c.parts[i]
	*p = cursor{tp: tp, next: to, last: epoch, heard: wire.NoEpoch, turn: p.turn + 1, paused: p.paused}
	c.want(e, tp.Topic)
	c.pump(e)
}

// Unassign stops reading a partition.
func (c *Consumer) Unassign(tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].given = true
		c.parts[i].turn++
	}
}

// Pause keeps a partition and its position, and reads nothing.
func (c *Consumer) Pause(tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].paused = true
		c.parts[i].moves()
	}
}

// Resume reads on after Pause.
func (c *Consumer) Resume(e env.Env, tp wire.TopicPartition) {
	if i, ok := c.index[tp]; ok {
		c.parts[i].paused = false
		c.pump(e)
	}
}

// Position is where a partition is being read; ok is false if it is not, or not known yet.
func (c *Consumer) Position(tp wire.TopicPartition) (next wire.Offset, ok bool) {
	i, ok := c.index[tp]
	if !ok || c.parts[i].given || c.parts[i].next < 0 {
		return 0, false
	}
	return c.parts[i].next, true
}

// pump asks whatever can be asked now.
func (c *Consumer) pump(e env.Env) {
	ready := map[wire.NodeID][]*cursor{}
	for i, p := range c.parts {
		if p.given || p.asking {
			continue
		}
		l, ok := c.leader(p.tp)
		switch {
		case !ok:
			c.refresh(e)
			c.later(e, i)
		case p.next < 0:
			c.find(e, i, l)
		case p.last != wire.NoEpoch && l.epoch > p.heard:
			c.validate(e, i, l)
		case !p.paused:
			p.heard = max(p.heard, l.epoch)
			ready[l.node] = append(ready[l.node], p)
		}
	}
	for _, node := range sortedNodes(ready) {
		if c.fetches[node] == nil {
			c.fetch(e, node, ready[node])
		}
	}
}

// find asks for the offset of a special position.
func (c *Consumer) find(e env.Env, i int, l leader) {
	p := c.parts[i]
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(8)
	req.ReplicaID = -1
	if c.cfg.Committed {
		req.IsolationLevel = 1
	}
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.Timestamp = p.tp.Partition, int32(l.epoch), int64(p.next)
	if p.next == byTime {
		rp.Timestamp = max(e.Wall().Millis()-int64(c.cfg.ResetBack/env.Millisecond), 0)
	}
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = p.tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	c.ask(e, i, l, req, 0)
}

// validate asks whether the record before the position is still what it was (KIP-320). Without it a consumer reads on in
// the new leader's history as if it were its own, and misses what stands in the place of what it has read.
func (c *Consumer) validate(e env.Env, i int, l leader) {
	p := c.parts[i]
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.SetVersion(4)
	req.ReplicaID = -1
	rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.LeaderEpoch = p.tp.Partition, int32(l.epoch), int32(p.last)
	rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
	rt.Topic, rt.Partitions = p.tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	c.ask(e, i, l, req, int64(l.epoch))
}

func (c *Consumer) ask(e env.Env, i int, l leader, req env.Request, epoch int64) {
	p := c.parts[i]
	p.asking = true
	p.turn++
	e.Call(c.link(e, c.nodes[l.node]), c.cfg.RequestTimeout, req, env.Token{Kind: tokPosition, A: int64(i), B: p.turn, C: epoch})
}

// positioned takes an answer about a position in.
func (c *Consumer) positioned(e env.Env, tok env.Token, resp env.Response, err error) {
	i := int(tok.A)
	p := c.parts[i]
	if tok.B != p.turn || p.given {
		return // moved meanwhile
	}
	p.asking = false
	if err != nil {
		c.failed(e, i)
		return
	}
	switch r := resp.(type) {
	case *kmsg.ListOffsetsResponse:
		rp := r.Topics[0].Partitions[0]
		if rp.ErrorCode == 0 && rp.Offset < 0 && p.next == byTime { // nothing is that young
			p.next = Latest
			c.pump(e)
			return
		}
		if rp.ErrorCode != 0 || rp.Offset < 0 {
			c.failed(e, i)
			return
		}
		p.next, p.last, p.tries = wire.Offset(rp.Offset), wire.Epoch(rp.LeaderEpoch), 0
		if l, ok := c.leader(p.tp); ok {
			p.heard = l.epoch
		}
	case *kmsg.OffsetForLeaderEpochResponse:
		rp := r.Topics[0].Partitions[0]
		if rp.ErrorCode != 0 {
			c.failed(e, i)
			return
		}
		p.tries = 0
		c.validated(e, p, wire.Epoch(tok.C), wire.Epoch(rp.LeaderEpoch), wire.Offset(rp.EndOffset))
	}
	c.pump(e)
}

// validated compares a position with where its epoch ends at the leader (SubscriptionState.maybeCompleteValidation). What
// was read beyond that was cut off since. With a reset policy the consumer goes on there, where the logs part; without
// one it gives up, so that somebody may decide.
func (c *Consumer) validated(e env.Env, p *cursor, heard, epoch wire.Epoch, end wire.Offset) {
	p.heard = heard
	switch {
	case epoch == wire.NoEpoch || end < 0: // the leader does not know the epoch at all
		e.Note(noteTruncated, c.id(p.tp.Topic), int64(p.tp.Partition), int64(p.next), -1)
		c.reset(e, p)
	case end >= p.next:
	case c.cfg.Reset == ResetNone:
		e.Note(noteTruncated, c.id(p.tp.Topic), int64(p.tp.Partition), int64(p.next), int64(end))
		c.giveUp(e, p)
	default:
		e.Note(noteTruncated, c.id(p.tp.Topic), int64(p.tp.Partition), int64(p.next), int64(end))
		p.next, p.last = end, epoch
		p.moves()
	}
}

// later tries again after a backoff.
func (c *Consumer) later(e env.Env, i int) {
	p := c.parts[i]
	p.asking = true
	p.tries++
	e.Arm(env.Timer{Kind: timFetch, Lane: env.LaneClient, A: int64(i), B: p.turn}, c.cfg.backoff(e, p.tries))
}

// failed tries again after a backoff, with fresher metadata.
func (c *Consumer) failed(e env.Env, i int) {
	c.refresh(e)
	c.later(e, i)
}

// awake ends the backoff of a cursor.
func (c *Consumer) awake(e env.Env, i int, turn int64) {
	if p := c.parts[i]; p.turn == turn {
		p.asking = false
		c.pump(e)
	}
}

// reset follows auto.offset.reset (by_duration since KIP-1106): the largest single source of silent loss in practice, so
// the story tells it.
func (c *Consumer) reset(e env.Env, p *cursor) {
	e.Note(noteReset, c.id(p.tp.Topic), int64(p.tp.Partition), int64(p.next), 0)
	p.moves()
	p.last = wire.NoEpoch
	switch c.cfg.Reset {
	case ResetEarliest:
		p.next = Earliest
	case ResetLatest:
		p.next = Latest
	case ResetByDuration:
		p.next = byTime
	case ResetNone:
		c.giveUp(e, p)
	}
}

func (c *Consumer) giveUp(e env.Env, p *cursor) {
	p.given = true
	c.Read(e, Polled{Partition: p.tp, Next: p.next, Err: kerr.OffsetOutOfRange})
}

// cursorOf is the place of a cursor.
func (c *Consumer) cursorOf(p *cursor) int { return slices.Index(c.parts, p) }
