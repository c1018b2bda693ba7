package view

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// A chain mentions the time that a message travelled if the time is longer than tooLong, in nanoseconds.
const tooLong = 500_000_000

// history answers questions about the past of a run from its ledger of causes. A moment is an index of Changes: the state
// just after that change.
type history struct{ *scenarios.Causes }

// part is the key of one replica.
type part struct {
	p    *check.Partition
	node wire.NodeID
}

// held is a batch of a log, with the change that appended it.
type held struct {
	check.Batch
	change int
}

// log returns the log of a replica just after the change at an index.
func (h *history) log(r part, at int) []held {
	var all []held
	for i := 0; i <= at && i < len(h.Changes); i++ {
		c := &h.Changes[i]
		if c.Partition != r.p || c.Node != r.node {
			continue
		}
		switch c.Kind {
		case check.BatchAppended:
			all = append(all, held{c.Batch, i})
		case check.BatchesRemoved:
			low := c.Removed[0].Base
			all = slices.DeleteFunc(all, func(b held) bool { return b.Base >= low })
		}
	}
	return all
}

// end returns the log end offset of a log.
func end(log []held) wire.Offset {
	if n := len(log); n > 0 {
		return log[n-1].Next
	}
	return 0
}

// has reports whether a replica had a batch just after the change at an index.
func (h *history) has(r part, b check.Batch, at int) bool {
	return slices.ContainsFunc(h.log(r, at), func(o held) bool { return o.Same(b) })
}

// at returns the batch at an offset of a log.
func at(log []held, o wire.Offset) (held, bool) {
	for _, b := range log {
		if b.Base <= o && o < b.Next {
			return b, true
		}
	}
	return held{}, false
}

// last returns the index of the last change that matches, or -1 if there is none. Changes after the index upTo are not
// considered.
func (h *history) last(upTo int, matches func(*scenarios.CausedChange) bool) int {
	for i := min(upTo, len(h.Changes)-1); i >= 0; i-- {
		if matches(&h.Changes[i]) {
			return i
		}
	}
	return -1
}

// state returns the index of the last change of a replica's observed state, or -1 if there is none. Changes after the index
// upTo are not considered.
func (h *history) state(r part, upTo int) int {
	return h.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.ReplicaChanged && c.Partition == r.p && c.Node == r.node
	})
}

// assignment returns the index of the last committed change of a partition, or -1 if there is none. Changes after the index
// upTo are not considered.
func (h *history) assignment(p *check.Partition, upTo int) int {
	return h.last(upTo, func(c *scenarios.CausedChange) bool { return c.Kind == check.PartitionChanged && c.Partition == p })
}

// origin returns the index of the change that first appended a batch to any log, or -1 if there is none.
func (h *history) origin(p *check.Partition, b check.Batch) int {
	for i := range h.Changes {
		if c := &h.Changes[i]; c.Kind == check.BatchAppended && c.Partition == p && c.Batch.Same(b) {
			return i
		}
	}
	return -1
}

// removal returns the index of the last change that removed a batch from a replica's log, or -1 if there is none. Changes
// after the index upTo are not considered.
func (h *history) removal(r part, b check.Batch, upTo int) int {
	return h.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.BatchesRemoved && c.Partition == r.p && c.Node == r.node &&
			slices.ContainsFunc(c.Removed, func(o check.Batch) bool { return o.Same(b) })
	})
}

// message returns the message that an event handled, or nil.
func (h *history) message(event uint64) *scenarios.CausedMessage {
	if event >= uint64(len(h.Events)) || h.Events[event].Message < 0 {
		return nil
	}
	return &h.Messages[h.Events[event].Message]
}

// time returns the time of an event.
func (h *history) time(event uint64) int64 {
	if event < uint64(len(h.Events)) {
		return h.Events[event].Time
	}
	return 0
}

// position returns the step of an event. If the event is not a step, step is 0 and after is the last step before the event.
// Every chain uses this meaning: what happens between two steps belongs to the first of the two.
func (h *history) position(event uint64) (step, after uint64) {
	for i := int64(min(event, uint64(len(h.Events))-1)); i >= 0 && len(h.Events) > 0; i-- {
		if s := h.Events[i].Step; s > 0 && uint64(i) == event {
			return s, 0
		} else if s > 0 {
			return 0, s
		}
	}
	return 0, 0
}

// note finds the first note of an event that has one of these names, and returns the fields of that note, or nil.
func (h *history) note(event uint64, names ...string) *[4]int64 {
	if event >= uint64(len(h.Events)) {
		return nil
	}
	for i := range h.Events[event].Notes {
		if n := &h.Events[event].Notes[i]; slices.Contains(names, n.Kind.Name) {
			return &n.Field
		}
	}
	return nil
}

// noted returns the last event that has a note with this name for which matches is true. Events after the event upTo are
// not considered.
func (h *history) noted(upTo uint64, name string, matches func([4]int64) bool) (uint64, bool) {
	for i := min(int64(upTo), int64(len(h.Events))-1); i >= 0; i-- {
		for k := range h.Events[i].Notes {
			if n := &h.Events[i].Notes[k]; n.Kind.Name == name && matches(n.Field) {
				return uint64(i), true
			}
		}
	}
	return 0, false
}

// fetched is a fetch of one partition by a follower, and the leader's response.
type fetched struct {
	request, response int // indexes of Messages; -1 if there is none
	follower          wire.NodeID
	offset            wire.Offset
	epoch             wire.Epoch // the leader epoch in the request
	lastEpoch         wire.Epoch // the epoch of the follower's last record
	answer            *kmsg.FetchResponseTopicPartition
}

// fetches visits the fetches of a partition that a follower sent to a leader, oldest first.
func (h *history) fetches(p *check.Partition, from, to string, visit func(*fetched)) {
	answers := map[int]int{}
	for i := range h.Messages {
		if m := &h.Messages[i]; m.Of >= 0 {
			answers[m.Of] = i
		}
	}
	for i := range h.Messages {
		m := &h.Messages[i]
		req, ok := m.Request.(*kmsg.FetchRequest)
		if !ok || m.From != from || m.To != to {
			continue
		}
		f := fetched{request: i, response: -1}
		if f.follower = wire.NodeID(req.ReplicaState.ID); f.follower < 0 {
			f.follower = wire.NodeID(req.ReplicaID)
		}
		found := false
		for _, rt := range req.Topics {
			for k := range rt.Partitions {
				if rp := &rt.Partitions[k]; wire.TopicID(rt.TopicID) == p.ID && rp.Partition == p.TP.Partition {
					f.offset, f.epoch, f.lastEpoch, found = wire.Offset(rp.FetchOffset), wire.Epoch(rp.CurrentLeaderEpoch), wire.Epoch(rp.LastFetchedEpoch), true
				}
			}
		}
		if !found {
			continue
		}
		if a, ok := answers[i]; ok {
			f.response, f.answer = a, answerOf(h.Messages[a].Response, p)
		}
		visit(&f)
	}
}

// answerOf returns the part of a fetch response that is about a partition, or nil.
func answerOf(resp any, p *check.Partition) *kmsg.FetchResponseTopicPartition {
	r, ok := resp.(*kmsg.FetchResponse)
	if !ok {
		return nil
	}
	for i := range r.Topics {
		for k := range r.Topics[i].Partitions {
			if rp := &r.Topics[i].Partitions[k]; wire.TopicID(r.Topics[i].TopicID) == p.ID && rp.Partition == p.TP.Partition {
				return rp
			}
		}
	}
	return nil
}

// counted returns the last fetch of a follower that its leader handled, or nil. Only fetches at or above the offset are
// considered, and only those that the leader handled up to the event.
func (h *history) counted(p *check.Partition, follower, leader string, offset wire.Offset, event uint64) *fetched {
	var found *fetched
	h.fetches(p, follower, leader, func(f *fetched) {
		if got := h.Messages[f.request].Got; got >= 0 && uint64(got) <= event && f.offset >= offset {
			c := *f
			found = &c
		}
	})
	return found
}

// values returns the values of a batch's records, and the client that sent them. It finds both in the request that the
// leader appended.
func (h *history) values(p *check.Partition, b check.Batch) (client string, values []string) {
	i := h.origin(p, b)
	if i < 0 {
		return "", nil
	}
	m := h.message(h.Changes[i].Event)
	if m == nil {
		return "", nil
	}
	req, ok := m.Request.(*kmsg.ProduceRequest)
	if !ok {
		return "", nil
	}
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			for sent, err := range wire.Batches(rp.Records) {
				if err != nil || sent.CRC() != b.CRC && sent.CRC() != b.Origin {
					continue
				}
				for r, err := range sent.Records() {
					if err != nil {
						break
					}
					values = append(values, string(r.Value))
				}
				return m.From, values
			}
		}
	}
	return m.From, nil
}

// line returns the line of the scenario that gave a record to a producer, 0 if none is known.
func (h *history) line(client, value string) int {
	for i := len(h.Sends) - 1; i >= 0; i-- {
		if s := &h.Sends[i]; s.Client == client && s.Value == value {
			return s.Line
		}
	}
	return 0
}

// advance returns the index of the first change in which a leader's high watermark passed the batch x, or -1 if there is
// none. Leaders without the batch and changes after the index upTo are not considered.
func (h *history) advance(p *check.Partition, x check.Batch, upTo int) int {
	for i := 0; i <= upTo && i < len(h.Changes); i++ {
		c := &h.Changes[i]
		if c.Kind == check.ReplicaChanged && c.Partition == p && c.State.Leads && c.State.HW >= x.Next && c.Before.HW < x.Next &&
			c.State.Epoch >= x.Epoch && h.has(part{p, c.Node}, x, i) {
			return i
		}
	}
	return -1
}

// first returns the index of the first change that matches, or -1 if there is none. Changes after the index upTo are not
// considered.
func (h *history) first(upTo int, matches func(*scenarios.CausedChange) bool) int {
	for i := 0; i <= upTo && i < len(h.Changes); i++ {
		if matches(&h.Changes[i]) {
			return i
		}
	}
	return -1
}

// terms returns the terms of the leaders of a partition between two changes, the latest first.
func (h *history) terms(p *check.Partition, from, to int) (all []term) {
	until := h.time(h.Changes[to].Event)
	for i := to; i >= 0; i-- {
		c := &h.Changes[i]
		if c.Kind != check.PartitionChanged || c.Partition != p || c.Was.Epoch == c.Assigned.Epoch && c.Was.PartitionEpoch >= 0 {
			continue
		}
		now := h.time(c.Event)
		if c.Assigned.Leader != wire.NoNode {
			all = append(all, term{c.Assigned.Leader, now, until})
		}
		if until = now; i < from {
			break
		}
	}
	return all
}

// changeAt returns the index of the last change that was made by an event or before it, or -1 if there is none.
func (h *history) changeAt(event uint64) int {
	return h.last(len(h.Changes), func(c *scenarios.CausedChange) bool { return c.Event <= event })
}

// lastDown returns the index of a machine's last crash or power failure up to a time, or -1 if there is none.
func (h *history) lastDown(machine string, now int64) int {
	for i := len(h.Faults) - 1; i >= 0; i-- {
		if f := &h.Faults[i]; f.From == machine && f.To == machine && (f.Kind == "crash" || f.Kind == "power") && f.Time <= now {
			return i
		}
	}
	return -1
}

// started returns the event in which a machine started last. Events after the given event are not considered.
func (h *history) started(machine string, event uint64) uint64 {
	for i := int64(event); i >= 0; i-- {
		if e := &h.Events[i]; e.Machine == machine && e.Kind == "start" {
			return uint64(i)
		}
	}
	return 0
}

// metadata returns the metadata log, nil if nothing was appended to it.
func (h *history) metadata() *check.Partition {
	for i := range h.Changes {
		if p := h.Changes[i].Partition; p != nil && p.ID == wire.MetadataTopicID {
			return p
		}
	}
	return nil
}
