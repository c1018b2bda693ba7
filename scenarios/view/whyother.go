package view

import (
	"fmt"
	"slices"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// differs explains a batch that does not fit: two logs differ, or a log is out of order.
func (w copies) differs(f check.Finding, i int) {
	c := &w.Changes[i]
	p, r := c.Partition, part{c.Partition, c.Node}
	who := w.node(c.Node)
	m := w.message(c.Event)
	from := ""
	if m != nil && m.Response != nil {
		from = ", from " + m.From
	}
	log := w.log(r, i)
	y, z, other := w.conflict(r, log, f.Fact.Offset, i)
	if n := len(log); other == wire.NoNode && n > 1 {
		y = log[n-2]
	}
	above := ""
	if y.Next > 0 && !y.Same(c.Batch) {
		above = fmt.Sprintf(", above %s of epoch %d", w.short(p, y.Batch), y.Epoch)
	}
	w.symptom(f, i, who, "appends %s of %s, of epoch %d%s%s", w.record(p, c.Batch), p.TP, c.Batch.Epoch, from, above)
	if above == "" {
		if other != wire.NoNode {
			w.instead(r, z, other, i)
		}
		return
	}
	if from != "" {
		w.ask("Why has %s not truncated %s?", who, w.short(p, y.Batch))
		w.untruncated(r, y, m.From, c.Event)
	}
	w.ask("Where does %s come from?", w.short(p, y.Batch))
	w.cameFrom(r, y)
	w.leaderOf(p, y.Epoch, i)
	if other != wire.NoNode {
		w.ask("What does %s have there?", w.node(other))
		w.cameFrom(part{p, other}, z)
	}
	if from != "" {
		w.ask("Why does %s lead?", m.From)
		w.leads(p, w.nodeOf(m.From, p), i)
	}
}

// conflict finds the first batch of a log that differs from the batch at the same offset of another replica's log. It
// returns both batches, and the node of the other replica.
func (w copies) conflict(r part, log []held, o wire.Offset, i int) (y, z held, other wire.NodeID) {
	for _, id := range w.replicas(r.p, i) {
		if id == r.node {
			continue
		}
		their := w.log(part{r.p, id}, i)
		for _, b := range log {
			if t, ok := at(their, b.Base); ok && !t.Same(b.Batch) && (o < 0 || b.Base <= o) {
				return b, t, id
			}
		}
	}
	return held{}, held{}, wire.NoNode
}

// replicas returns the nodes that have had a log of a partition.
func (w copies) replicas(p *check.Partition, i int) (all []wire.NodeID) {
	seen := map[wire.NodeID]bool{}
	for k := 0; k <= i && k < len(w.Changes); k++ {
		if c := &w.Changes[k]; c.Partition == p && c.Replica != nil && !seen[c.Node] {
			seen[c.Node] = true
			all = append(all, c.Node)
		}
	}
	return all
}

// leaderOf adds the election that began an epoch, unless the epoch is the first one.
func (w copies) leaderOf(p *check.Partition, epoch wire.Epoch, i int) {
	k := w.last(i, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && c.Assigned.Epoch == epoch && c.Was.Epoch != epoch && c.Was.PartitionEpoch >= 0
	})
	if k >= 0 {
		w.election(p, k)
	}
}

// untruncated explains why a follower kept a batch that its leader does not have. It shows how the leader answered the
// follower's fetch.
func (w copies) untruncated(r part, y held, leader string, event uint64) {
	var asked *fetched
	w.fetches(r.p, w.node(r.node), leader, func(f *fetched) {
		if f.response >= 0 && w.Messages[f.response].Got >= 0 && uint64(w.Messages[f.response].Got) <= event && asked == nil {
			if w.Messages[f.request].Sent > w.Changes[y.change].Event {
				c := *f
				asked = &c
			}
		}
	})
	if asked == nil {
		return
	}
	m := &w.Messages[asked.request]
	answer := "no divergence"
	if a := asked.answer; a != nil && a.DivergingEpoch.EndOffset >= 0 {
		answer = "that epoch " + itoa(int64(a.DivergingEpoch.Epoch)) + " ends at " + itoa(a.DivergingEpoch.EndOffset)
	}
	w.at(LinkMessage, uint64(m.Got), "answers %s, whose last record is of epoch %d and whose log ends at %d: %s", w.node(r.node), asked.lastEpoch, asked.offset, answer)
	w.ruled(uint64(m.Got), "EpochEnd", "Admit")
	w.at(LinkEvent, uint64(w.Messages[asked.response].Got), "so keeps its log up to %d, and fetches on from there", min(asked.offset, endOr(asked)))
	w.setMachine(w.node(r.node))
}

// endOr returns the diverging end offset of a fetch response, or the offset of the fetch.
func endOr(f *fetched) wire.Offset {
	if a := f.answer; a != nil && a.DivergingEpoch.EndOffset >= 0 {
		return wire.Offset(a.DivergingEpoch.EndOffset)
	}
	return f.offset
}

// leading explains a broker that acts as a leader and should not: its election, and its last start.
func (w copies) leading(f check.Finding, i int) {
	c := &w.Changes[i]
	w.symptom(f, i, "", "%s", f.Explanation)
	w.ask("Why does %s lead?", w.node(c.Node))
	w.leads(c.Partition, c.Node, i)
	born := w.started(w.node(c.Node), c.Event)
	if k := w.changeAt(born); born > 0 && k >= 0 {
		w.at(LinkEvent, born, "starts again")
		w.fault(w.lastDown(w.node(c.Node), w.time(born)))
		w.stays(part{c.Partition, c.Node}, k)
	}
}

// instead explains why a replica appends a batch at an offset where another replica has the batch z. It shows why the first
// replica does not have z, and why that replica leads.
func (w copies) instead(r part, z held, other wire.NodeID, i int) {
	c, who := &w.Changes[i], w.node(r.node)
	w.ask("What does %s have there?", w.node(other))
	w.cameFrom(part{r.p, other}, z)
	w.ask("Why does %s not have that?", who)
	w.lacks(r, z.Batch, i)
	if m := w.message(c.Event); m == nil || m.Response == nil {
		w.ask("Why does %s append?", who)
		w.at(LinkState, c.Event, "leads %s in epoch %d", r.p.TP, c.Batch.Epoch)
		w.leads(r.p, r.node, i)
	}
}

// changed explains a finding about a committed change of a partition: an election, or an ISR change.
func (w copies) changed(f check.Finding, i int) {
	c := &w.Changes[i]
	w.symptom(f, i, "", "%s", f.Explanation)
	if c.Was.Epoch != c.Assigned.Epoch && c.Assigned.Leader != wire.NoNode {
		w.ask("Why was %s elected?", w.node(c.Assigned.Leader))
		w.election(c.Partition, i)
		w.inactive(w.node(c.Assigned.Leader), c.Event)
		return
	}
	w.ask("Why did the ISR change?")
	w.isrChange(c.Partition, i, "")
	for _, id := range c.Assigned.ISR {
		if !slices.Contains(c.Was.ISR, id) {
			w.proposal(c.Partition, id, i)
		}
	}
}

// inactive explains why a broker is not active when it is elected. The broker is down, or it has registered and was not
// unfenced after that.
func (w copies) inactive(broker string, event uint64) {
	w.ask("Why is %s not active?", broker)
	for i := int64(event); i >= 0; i-- {
		is := func(name string) bool {
			n := w.note(uint64(i), name)
			return n != nil && w.node(wire.NodeID(n[0])) == broker
		}
		switch {
		case is("broker.unfenced"):
			return
		case is("broker.fenced"):
			w.at(LinkEvent, uint64(i), "fences %s", broker)
		case is("broker.registered"):
			w.at(LinkEvent, uint64(i), "registers a new incarnation of %s, which is fenced until it has caught up", broker)
		default:
			continue
		}
		w.fault(w.down(broker, w.time(event), w.time(event)))
		return
	}
}

// accepted explains an ISR change that a controller should have refused.
func (w copies) accepted(f check.Finding, i int) {
	c := &w.Changes[i]
	p := c.Partition
	w.symptom(f, i, "", "%s", f.Explanation)
	m := w.alteration(p, i)
	if m == nil {
		return
	}
	w.ask("Why was it so old?")
	w.at(LinkMessage, m.Sent, "sends that AlterPartition request, which arrives %s", w.late(m))
	w.setMachine(m.From)
	w.fault(w.path(m.From, m.To, m.SentAt, m.SentAt))
	w.ask("What changed meanwhile?")
	for k := 0; k < i; k++ {
		o := &w.Changes[k]
		if o.Kind == check.PartitionChanged && o.Partition == p && o.Event > m.Sent && o.Assigned.PartitionEpoch < c.Reply.PartitionEpoch {
			w.isrChange(p, k, "")
			for _, id := range o.Was.ISR {
				if !slices.Contains(o.Assigned.ISR, id) {
					w.fault(w.down(w.node(id), w.time(o.Event), w.time(o.Event)))
				}
			}
		}
	}
	w.ask("Why was it accepted?")
	w.at(LinkEvent, uint64(m.Got), "accepts the ISR %s", w.nodes(c.Assigned.ISR))
	w.ruled(uint64(m.Got), "Outdated", "SameIncarnation", "MayJoinISR")
}

// truncationSymptom explains a truncation.
func (w copies) truncationSymptom(f check.Finding, i int) {
	c := &w.Changes[i]
	p, r := c.Partition, part{c.Partition, c.Node}
	x := c.Removed[0]
	for _, b := range c.Removed {
		if b.Base <= f.Fact.Offset && f.Fact.Offset < b.Next {
			x = b
		}
	}
	who := w.node(c.Node)
	w.symptom(f, i, who, "loses %s of %s from its log", w.record(p, x), p.TP)
	w.ask("Why?")
	w.removed(r, x, i)
	w.ask("Why was it acknowledged?")
	w.acknowledged(p, x, i, c.Node)
}

// storedTwice explains a record that is stored at two offsets. The producer sent the record again, because the first
// response did not reach the producer.
func (w copies) storedTwice(f check.Finding) bool {
	var appends []int // the changes in which a leader appended a batch of a producer
	for i := range w.Changes {
		c := &w.Changes[i]
		if c.Kind != check.BatchAppended || c.Partition.TP.String() != f.Fact.Subject.Name {
			continue
		}
		if m := w.message(c.Event); m != nil && m.Request != nil {
			appends = append(appends, i)
		}
	}
	at := slices.IndexFunc(appends, func(i int) bool {
		return w.Changes[i].Batch.Base <= f.Fact.Offset && f.Fact.Offset < w.Changes[i].Batch.Next
	})
	if at < 0 {
		return false
	}
	sent := w.Changes[appends[at]].Batch.CRC
	appends = slices.DeleteFunc(appends, func(i int) bool { return w.Changes[i].Batch.CRC != sent })
	if len(appends) < 2 {
		return false
	}
	w.ask("Why is it stored twice?")
	for n, i := range appends[:2] {
		c := &w.Changes[i]
		m := w.message(c.Event)
		w.at(LinkEvent, c.Event, "appends %s of %s", w.record(c.Partition, c.Batch), c.Partition.TP)
		again := ""
		if n > 0 {
			again = " again"
		}
		w.at(LinkMessage, m.Sent, "sends it to %s%s", m.To, again)
		if n == 0 {
			w.unanswered(w.Events[c.Event].Message, w.time(w.message(w.Changes[appends[1]].Event).Sent))
		}
	}
	return true
}

// unanswered adds what happened, up to a time, to the response to a request.
func (w copies) unanswered(request int, until int64) {
	for i := range w.Messages {
		m := &w.Messages[i]
		if m.Of != request {
			continue
		}
		if m.Got < 0 || m.GotAt > until {
			w.at(LinkLost, m.Sent, "answers; the response has not arrived when %s sends it again", m.To)
			w.slowed(m, until)
		}
		return
	}
	m := &w.Messages[request]
	w.at(LinkState, uint64(max(m.Got, 0)), "has not answered when %s sends it again", m.From)
	w.setMachine(m.To)
	if !w.fault(w.down(m.To, m.GotAt, until)) {
		w.fault(w.hampered(m.To, m.GotAt, until))
	}
}
