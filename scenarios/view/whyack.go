package view

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// commits asks why a record was committed and acknowledged: which replicas the leader waited for, and what it knew of them.
type commits struct{ elections }

// acknowledged explains why a batch was acknowledged, or shown to readers, although a replica does not have it.
func (w commits) acknowledged(p *check.Partition, x check.Batch, i int, lacking wire.NodeID) {
	k := w.last(i, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.ProduceAnswered && c.Partition == p && c.Batch.Same(x)
	})
	h := w.advance(p, x, i)
	were := "was it"
	if x.Next > x.Base+1 {
		were = "were they"
	}
	num := 0
	if client, values := w.values(p, x); len(values) > 0 {
		num = w.line(client, values[0])
	}
	if k >= 0 && w.Changes[k].Acks != 1 && h < 0 {
		w.ask("Why %s acknowledged?", were)
		w.at(LinkEvent, w.Changes[k].Event, "acknowledges %s (acks=all%s), and no leader that has %s had a high watermark above %s", w.short(p, x), lineOf(num), it(x), it(x))
		w.links[len(w.links)-1].Line = num
		w.ruled(w.Changes[k].Event, "Outcome", "FailWaiting")
		w.standing("FailWaiting")
		return
	}
	if k >= 0 && w.Changes[k].Acks == 1 {
		w.ask("Why %s acknowledged?", were)
		w.at(LinkEvent, w.Changes[k].Event, "acknowledges %s after its own append (acks=1%s): no follower needs to have %s", w.short(p, x), lineOf(num), it(x))
		w.links[len(w.links)-1].Line = num
	}
	if h < 0 {
		return
	}
	also := ""
	if k >= 0 && w.Changes[k].Acks != 1 {
		w.ask("Why %s acknowledged?", were)
		also = fmt.Sprintf(" and acknowledges %s (acks=all%s)", w.short(p, x), lineOf(num))
	} else {
		w.ask("Why %s committed?", were)
	}
	w.highWatermark(p, x, h, lacking, also, num)
}

// lineOf returns a line number as the end of a remark in brackets.
func lineOf(num int) string {
	if num == 0 {
		return ""
	}
	return fmt.Sprintf(", line %d", num)
}

// highWatermark explains why a leader's high watermark passed a batch that a replica does not have. The text "also" names
// another effect of the new high watermark, or is empty.
func (w commits) highWatermark(p *check.Partition, x check.Batch, h int, lacking wire.NodeID, also string, num int) {
	c := &w.Changes[h]
	leader, who := w.node(c.Node), w.node(lacking)
	isr, pending := c.State.ISR, c.State.Pending
	f := w.counted(p, who, leader, x.Next, c.Event)
	raises := func(reason string) {
		w.at(LinkEvent, c.Event, "raises its high watermark to %d%s: %s", c.State.HW, also, reason)
		w.links[len(w.links)-1].Line = num
		w.ruled(c.Event, "MaximalISR", "MayAdvanceHW")
	}
	switch counts := slices.Contains(isr, lacking); {
	case lacking == c.Node:
		raises("its ISR, " + w.nodes(isr) + ", has " + it(x))
	case f != nil && counts && (pending == nil || slices.Contains(pending, lacking)):
		raises("it counts all of its ISR, " + w.nodes(isr) + ", as having " + it(x))
		w.position(p, x, c, lacking, f)
	case counts && pending != nil && !slices.Contains(pending, lacking):
		raises("it does not wait for " + who + ", which it wants out of the ISR")
		w.uncounted(p, c, h, lacking)
	case counts:
		raises("it does not wait for " + who + ", which is in its ISR")
	default:
		raises("its ISR is " + w.nodes(isr) + ", without " + who)
		w.uncounted(p, c, h, lacking)
	}
}

// position explains a fetch that a leader counted: what the follower had when it sent the fetch.
func (w commits) position(p *check.Partition, x check.Batch, c *scenarios.CausedChange, lacking wire.NodeID, f *fetched) {
	leader, who := w.node(c.Node), w.node(lacking)
	m := &w.Messages[f.request]
	sent := w.changeAt(m.Sent)
	y, ok := at(w.log(part{p, lacking}, sent), x.Base)
	switch {
	case ok && y.Same(x) && f.epoch == c.State.Epoch:
		w.at(LinkMessage, m.Sent, "sends %s a Fetch from offset %d, and has %s at that time", leader, f.offset, w.short(p, x))
		return
	case ok && y.Same(x):
		w.at(LinkMessage, m.Sent, "sends %s a Fetch from offset %d in epoch %d, and has %s at that time", leader, f.offset, f.epoch, w.short(p, x))
		w.ruled(uint64(m.Got), "Admit", "PositionCounts")
		w.keeps(p, c, f)
		w.newer(p, x, c, f, who, leader)
		return
	case ok:
		w.at(LinkMessage, uint64(m.Got), "counts the Fetch of %s from offset %d in epoch %d", who, f.offset, f.epoch)
		w.ruled(uint64(m.Got), "Admit", "PositionCounts")
		w.at(LinkMessage, m.Sent, "sends that Fetch; what it has at offset %d is %s, of epoch %d", x.Base, w.short(p, y.Batch), y.Epoch)
	default:
		w.at(LinkMessage, uint64(m.Got), "counts the Fetch of %s from offset %d in epoch %d", who, f.offset, f.epoch)
		w.ruled(uint64(m.Got), "Admit", "PositionCounts")
	}
	if m.GotAt-m.SentAt > tooLong {
		w.fault(w.path(who, leader, m.SentAt, m.SentAt))
		return
	}
	w.newer(p, x, c, f, who, leader)
}

// newer adds the first Fetch after the counted one that would have shown the leader that the follower does not have the batch x,
// if it was lost or held until the high watermark had passed x.
func (w commits) newer(p *check.Partition, x check.Batch, c *scenarios.CausedChange, counted *fetched, who, leader string) {
	now, found := w.time(c.Event), false
	w.fetches(p, who, leader, func(f *fetched) {
		m := &w.Messages[f.request]
		if found || f.request <= counted.request || m.SentAt > now || m.Got >= 0 && uint64(m.Got) <= c.Event || f.offset >= x.Next {
			return
		}
		found = true
		w.at(LinkLost, m.Sent, "sends %s a newer Fetch, from offset %d; it has not arrived", leader, f.offset)
		w.lost(m, now)
	})
}

// keeps adds that a leader still counts the position that a follower had in an earlier epoch of the same leader.
func (w commits) keeps(p *check.Partition, c *scenarios.CausedChange, f *fetched) {
	k := w.first(len(w.Changes), func(o *scenarios.CausedChange) bool {
		return o.Kind == check.ReplicaChanged && o.Partition == p && o.Node == c.Node && o.State.Leads && o.State.Epoch == c.State.Epoch
	})
	if k < 0 {
		return
	}
	o := &w.Changes[k]
	if !o.Before.Leads {
		return
	}
	w.at(LinkState, o.Event, "learns of epoch %d as the leader of epoch %d, so it goes on counting what its followers had", o.State.Epoch, o.Before.Epoch)
	w.unheard(w.node(c.Node), w.time(o.Event))
	w.leads(p, c.Node, w.changeAt(o.Event))
}

// uncounted explains why a leader did not count a replica that may be elected.
func (w commits) uncounted(p *check.Partition, c *scenarios.CausedChange, h int, lacking wire.NodeID) {
	leader, who := w.node(c.Node), w.node(lacking)
	a := w.assignment(p, h)
	member := a >= 0 && slices.Contains(w.Changes[a].Assigned.ISR, lacking)
	if !member {
		if !slices.Contains(c.State.Pending, lacking) && !w.fault(w.down(who, w.time(c.Event), w.time(c.Event))) {
			w.left(p, lacking, h)
		}
		return
	}
	if pending := c.State.Pending; pending != nil {
		k := w.first(h, func(o *scenarios.CausedChange) bool {
			return o.Kind == check.ReplicaChanged && o.Partition == p && o.Node == c.Node && slices.Equal(o.State.Pending, pending) &&
				o.State.Epoch == c.State.Epoch && o.State.PartitionEpoch == c.State.PartitionEpoch
		})
		if k >= 0 {
			w.at(LinkState, w.Changes[k].Event, "proposes the ISR %s, and gets no answer from the controller", w.nodes(pending))
			w.ruled(w.Changes[k].Event, "MaximalISR")
		}
	}
	if !slices.Contains(c.State.ISR, lacking) {
		w.isrChange(p, a, ": from now on "+who+" may be elected")
	}
	w.noAnswer(leader, w.time(c.Event))
}

// noAnswer adds a leader's AlterPartition request, or the response to it, if the message has not arrived at the time now.
// If there is no such message, it adds a fault between the leader and a controller.
func (w commits) noAnswer(leader string, now int64) {
	for i := range w.Messages {
		m := &w.Messages[i]
		if m.SentAt > now || m.Got >= 0 && m.GotAt <= now {
			continue
		}
		_, asks := m.Request.(*kmsg.AlterPartitionRequest)
		_, answers := m.Response.(*kmsg.AlterPartitionResponse)
		switch {
		case asks && m.From == leader:
			w.at(LinkLost, m.Sent, "sends AlterPartition to %s; the request has not arrived", m.To)
			w.lost(m, now)
			return
		case answers && m.To == leader:
			w.at(LinkLost, m.Sent, "answers the AlterPartition of %s; the response has not arrived", leader)
			w.lost(m, now)
			return
		}
	}
	for _, out := range []bool{true, false} {
		for n := len(w.Faults) - 1; n >= 0; n-- {
			f := &w.Faults[n]
			begun, over := w.span(n)
			if f.Kind == "heal" || begun > now || over < now {
				continue
			}
			if out && f.From == leader && f.To[0] == 'c' || !out && f.To == leader && f.From[0] == 'c' {
				w.fault(n)
				return
			}
		}
	}
}

// left adds the last change in which a replica left the ISR.
func (w commits) left(p *check.Partition, id wire.NodeID, upTo int) {
	k := w.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && slices.Contains(c.Was.ISR, id) && !slices.Contains(c.Assigned.ISR, id)
	})
	if k < 0 {
		return
	}
	c := &w.Changes[k]
	w.isrChange(p, k, "")
	now := w.time(c.Event)
	who, leader := w.node(id), w.node(c.Assigned.Leader)
	if !w.fault(w.path(leader, who, now, now)) {
		w.fault(w.path(who, leader, now, now))
	}
}
