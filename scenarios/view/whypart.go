package view

import (
	"slices"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// copies asks why a replica does not have a record. The record was removed or never arrived, or another record is in its
// place.
type copies struct{ commits }

// it returns the pronoun for the records of a batch: "it" or "them".
func it(b check.Batch) string {
	if b.Next > b.Base+1 {
		return "them"
	}
	return "it"
}

// partition explains a finding about a partition's replicas.
func (w copies) partition(f check.Finding, i int) {
	c := &w.Changes[i]
	p := c.Partition
	switch c.Kind {
	case check.BatchAppended:
		if f.Check.Name == "logs-match" || f.Check.Name == "epochs-in-order" {
			w.differs(f, i)
		} else {
			w.leading(f, i)
		}
		return
	case check.BatchesRemoved:
		w.truncationSymptom(f, i)
		return
	case check.ControllerReplied:
		w.accepted(f, i)
		return
	case check.PartitionChanged:
		if f.Fact.Offset < 0 {
			w.changed(f, i)
			return
		}
	}
	x, promise := w.promised(p, f.Fact.Offset, i)
	lacking, as := w.lacking(i, x)
	if f.Check.Name == hwJustified {
		x, lacking, as = w.unjustified(i)
		promise = i
	}
	switch {
	case f.Check.Name == "one-leader-per-epoch":
		w.leading(f, i)
		return
	case promise < 0 || lacking == wire.NoNode:
		w.plain(f, i)
		return
	}
	who := w.node(lacking)
	switch as {
	case "leads":
		w.symptom(f, i, who, "leads %s in epoch %d without %s", p.TP, c.State.Epoch, w.record(p, x))
	case "serves":
		w.symptom(f, i, who, "serves readers of %s without %s, which others have read", p.TP, w.record(p, x))
	default:
		w.symptom(f, i, who, "is %s of %s without %s, and may be elected", as, p.TP, w.record(p, x))
	}
	w.ask("Why does %s not have %s?", who, it(x))
	w.lacks(part{p, lacking}, x, i)
	w.acknowledged(p, x, i, lacking)
	if as == "leads" || as == "serves" {
		w.ask("Why was %s elected?", who)
		w.elected(p, lacking, i)
	} else {
		w.ask("Why is %s %s?", who, as)
		w.member(p, lacking, i)
	}
}

// hwJustified is the name of a check. Its findings name a high watermark and no record.
const hwJustified = "hw-justified"

// unjustified returns the first batch below a leader's high watermark that an electable replica lacks. It also returns the
// node of this replica, and why the replica is electable, such as "in the ISR".
func (w copies) unjustified(i int) (check.Batch, wire.NodeID, string) {
	c := &w.Changes[i]
	leader := c.Node
	if c.Kind != check.ReplicaChanged || !c.State.Leads {
		leader = c.Assigned.Leader
	}
	k := w.state(part{c.Partition, leader}, i)
	if k < 0 {
		return check.Batch{}, wire.NoNode, ""
	}
	for _, b := range w.log(part{c.Partition, leader}, i) {
		if b.Next > w.Changes[k].State.HW {
			break
		}
		for _, g := range w.eligible(i) {
			for _, id := range g.ids {
				if id != leader && !w.has(part{c.Partition, id}, b.Batch, i) {
					return b.Batch, id, g.as
				}
			}
		}
	}
	return check.Batch{}, wire.NoNode, ""
}

// promised returns the batch at the offset o, and the index of the change that promised the batch. It prefers the last
// promise before the change at the index i.
func (w copies) promised(p *check.Partition, o wire.Offset, i int) (check.Batch, int) {
	c := &w.Changes[i]
	own := c.Replica != nil && (c.Kind == check.ReplicaChanged && c.State.Leads || c.Kind == check.FetchAnswered)
	is := func(exact, lacking bool) int {
		return w.last(i-1, func(c *scenarios.CausedChange) bool {
			if c.Partition != p || c.Kind != check.Promised && c.Kind != check.ProduceAnswered || c.Batch.Epoch == wire.NoEpoch {
				return false
			}
			if lacking && w.has(part{p, w.Changes[i].Node}, c.Batch, i) {
				return false
			}
			return c.Batch.Base <= o && o < c.Batch.Next || !exact && c.Batch.Next == o
		})
	}
	k := -1
	if own {
		k = is(true, true)
	}
	if k < 0 {
		k = is(true, false)
	}
	if k < 0 && (c.Kind == check.Promised || c.Kind == check.ProduceAnswered) {
		return c.Batch, i
	}
	if k < 0 {
		k = is(false, false) // a finding of hw-justified names the high watermark, which is the end of the promised batch
	}
	if k < 0 {
		// The leader has committed the batch, and no response has promised it yet.
		if c.Kind == check.ReplicaChanged && c.State.Leads {
			if b, ok := at(w.log(part{p, c.Node}, i), o-1); ok {
				return b.Batch, i
			}
		}
		return check.Batch{}, -1
	}
	return w.Changes[k].Batch, k
}

// lacking returns the replica that a finding is about and that does not have the batch x. It also returns the role of the
// replica, such as "leads".
func (w copies) lacking(i int, x check.Batch) (wire.NodeID, string) {
	c := &w.Changes[i]
	if c.Replica != nil && !w.has(part{c.Partition, c.Node}, x, i) {
		switch {
		case c.Kind == check.ReplicaChanged && c.State.Leads:
			return c.Node, "leads"
		case c.Kind == check.FetchAnswered:
			return c.Node, "serves"
		}
	}
	for _, g := range w.eligible(i) {
		for _, id := range g.ids {
			if !w.has(part{c.Partition, id}, x, i) {
				return id, g.as
			}
		}
	}
	return wire.NoNode, ""
}

// group is a set of replicas that may be elected. The field "as" says why, such as "in the ISR".
type group struct {
	ids []wire.NodeID
	as  string
}

// eligible returns the replicas that may be elected after a change.
func (w copies) eligible(i int) []group {
	c := &w.Changes[i]
	groups := []group{{c.Assigned.ISR, "in the ISR"}, {c.Assigned.ELR, "in the ELR"}}
	if k := w.state(part{c.Partition, c.Assigned.Leader}, i); k >= 0 {
		groups = append(groups, group{w.Changes[k].State.Pending, "proposed for the ISR"})
	}
	return groups
}

// term is the time in which one broker led a partition.
type term struct {
	leader      wire.NodeID
	since, till int64
}

// keptFrom adds the faults that kept a replica from fetching a batch between two changes. It considers only leaders that
// had the batch.
func (w copies) keptFrom(r part, x check.Batch, from, to int) bool {
	since, until := w.time(w.Changes[from].Event), w.time(w.Changes[to].Event)
	who, found := w.node(r.node), false
	for _, t := range w.terms(r.p, from, to) {
		if t.leader == r.node || !w.has(part{r.p, t.leader}, x, to) && w.origin(r.p, x) != from {
			continue
		}
		a, b := max(t.since, since), min(t.till, until)
		leader := w.node(t.leader)
		if a > b {
			continue
		}
		if w.paths(leader, who, a, b) || w.paths(who, leader, a, b) {
			found = true
		}
	}
	if w.fault(w.down(who, since, until)) || !found && w.fault(w.hampered(who, since, until)) {
		found = true
	}
	return found
}

// lacks explains why a replica does not have a batch just after the change at the index i.
func (w copies) lacks(r part, x check.Batch, i int) {
	if k := w.removal(r, x, i); k >= 0 {
		w.removed(r, x, k)
		if w.Changes[k].By == "" && !w.diverged(k) {
			w.ask("Why has %s not fetched %s again?", w.node(r.node), it(x))
			w.keptFrom(r, x, k, i)
		}
		return
	}
	who, log := w.node(r.node), w.log(r, i)
	born := w.origin(r.p, x)
	if born < 0 || w.foreign(r, x, i) {
		return
	}
	if y, ok := at(log, x.Base); ok {
		w.other(r, y, x, i)
		return
	}
	then := end(w.log(r, born))
	w.at(LinkEvent, w.Changes[born].Event, "appends %s in epoch %d, when the log of %s ends at %d", it(x), x.Epoch, who, then)
	w.stale(r, x, i)
	before := len(w.links)
	w.undelivered(r.p, w.node(w.Changes[born].Node), who, x, w.time(w.Changes[i].Event))
	if k := w.last(i, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.BatchesRemoved && c.Partition == r.p && c.Node == r.node && c.Removed[0].Base <= x.Base && x.Base < c.Removed[len(c.Removed)-1].Next
	}); k >= 0 {
		w.removedLine(r, k) // another record was at that offset
	}
	if !w.keptFrom(r, x, born, i) && len(w.links) == before {
		w.at(LinkState, w.Changes[i].Event, "has not fetched %s by then: its log ends at %d", it(x), end(log))
		w.setMachine(who)
	}
}

// foreign explains a replica that takes the log of a deleted topic for its own log. Such a replica never fetches the
// records that it seems to have.
func (w copies) foreign(r part, x check.Batch, i int) bool {
	who := w.node(r.node)
	for k := len(w.Decisions) - 1; k >= 0; k-- {
		d := &w.Decisions[k]
		if d.Question != "Owner" || d.Event > w.Changes[i].Event || w.Events[d.Event].Machine != who {
			continue
		}
		ends := wire.Offset(0)
		if s := w.first(i, func(o *scenarios.CausedChange) bool {
			return o.Kind == check.ReplicaChanged && o.Partition == r.p && o.Node == r.node && o.Event >= d.Event
		}); s >= 0 {
			ends = w.Changes[s].State.End
		}
		w.at(LinkEvent, d.Event, "takes the log of the deleted topic %s, of another topic id, for that of the new one: it ends at %d, so %s fetches from there on and never gets %s",
			r.p.TP.Topic, ends, who, w.short(r.p, x))
		w.rule("Owner", d.Event)
		w.at(LinkEvent, w.Changes[w.origin(r.p, x)].Event, "appends %s in epoch %d", it(x), x.Epoch)
		w.begunWith(" delete ", d.Event)
		w.fault(w.lastDown(who, w.time(d.Event)))
		return true
	}
	return false
}

// diverged reports whether a removal was a truncation to where the logs of a leader and a follower diverge.
func (w copies) diverged(k int) bool { return w.note(w.Changes[k].Event, "partition.truncated") != nil }

// stale adds the state of a follower, if its leader epoch is older than the leader epoch of the batch.
func (w copies) stale(r part, x check.Batch, i int) {
	k := w.state(r, w.origin(r.p, x))
	if k < 0 || w.Changes[k].State.Epoch >= x.Epoch || w.Changes[k].State.Leads {
		return
	}
	c := &w.Changes[k]
	w.at(LinkState, c.Event, "follows %s in epoch %d, and does not learn of epoch %d", w.node(c.State.Leader), c.State.Epoch, x.Epoch)
	w.unheard(w.node(r.node), w.time(w.Changes[i].Event))
}

// undelivered adds each fetch response that contains the batch x and had not arrived at a given time.
func (w copies) undelivered(p *check.Partition, leader, follower string, x check.Batch, until int64) {
	w.fetches(p, follower, leader, func(f *fetched) {
		if f.response < 0 || f.answer == nil {
			return
		}
		m := &w.Messages[f.response]
		if m.SentAt > until || m.Got >= 0 && m.GotAt <= until {
			return
		}
		for b, err := range wire.Batches(f.answer.RecordBatches) {
			if err == nil && b.BaseOffset() <= x.Base && x.Base < b.NextOffset() {
				w.at(LinkLost, m.Sent, "sends %s to %s in a Fetch response, which has not arrived", it(x), follower)
				w.lost(m, until)
				return
			}
		}
	})
}

// other explains why a replica has the batch y at the offset of the batch x.
func (w copies) other(r part, y held, x check.Batch, i int) {
	c := &w.Changes[y.change]
	who := w.node(r.node)
	born := w.origin(r.p, x)
	leader := w.Changes[born].Node
	until := w.time(w.Changes[i].Event)
	if born < y.change { // r wrote y as a leader that did not have x
		w.at(LinkEvent, c.Event, "has %s there, of epoch %d", w.short(r.p, y.Batch), y.Epoch)
		w.at(LinkEvent, w.Changes[born].Event, "appends %s in epoch %d, when the log of %s ends at %d", it(x), x.Epoch, who, end(w.log(r, born)))
		w.undelivered(r.p, w.node(leader), who, x, w.time(c.Event))
		w.keptFrom(r, x, born, y.change)
		return
	}
	w.cameFrom(r, y)
	if k := w.removal(part{r.p, leader}, y.Batch, born); k >= 0 {
		w.removedLine(part{r.p, leader}, k)
	}
	w.at(LinkEvent, w.Changes[born].Event, "appends %s at that offset in epoch %d", w.short(r.p, x), x.Epoch)
	// The leader of x may have told the replica r that the logs diverge.
	w.fetches(r.p, who, w.node(leader), func(f *fetched) {
		if f.response < 0 || f.answer == nil || w.Messages[f.request].Sent < c.Event {
			return
		}
		m := &w.Messages[f.response]
		if f.answer.DivergingEpoch.EndOffset >= 0 && m.SentAt <= until && (m.Got < 0 || m.GotAt > until) {
			w.at(LinkLost, m.Sent, "answers a Fetch of %s that the logs diverge; the response has not arrived", who)
			w.slowed(m, until)
		}
	})
	w.stale(r, x, i)
}

// slowed adds the faults that held a message back: one when the message was sent, and one that still held it back later.
func (w copies) slowed(m *scenarios.CausedMessage, until int64) {
	w.fault(w.path(m.From, m.To, m.SentAt, m.SentAt))
	w.lost(m, until)
}

// cameFrom adds how a batch came into a log: from a producer, or from a leader.
func (w copies) cameFrom(r part, y held) {
	c := &w.Changes[y.change]
	m := w.message(c.Event)
	origin := &w.Changes[w.origin(r.p, y.Batch)]
	if origin.Node == r.node {
		w.at(LinkEvent, c.Event, "appends %s as the leader of epoch %d", w.record(r.p, y.Batch), y.Epoch)
		w.unreplicated(c.Event)
		return
	}
	from := w.node(origin.Node)
	if m != nil && m.Response != nil {
		from = m.From
	}
	w.at(LinkEvent, c.Event, "appends %s, of epoch %d, from %s", w.record(r.p, y.Batch), y.Epoch, from)
}

// unreplicated adds the fault that kept a batch on its leader alone.
func (w copies) unreplicated(event uint64) {
	leader := w.Events[event].Machine
	for i := len(w.Faults) - 1; i >= 0; i-- {
		f := &w.Faults[i]
		begun, over := w.span(i)
		if f.From == leader && f.To != leader && f.To[0] == 'b' && begun <= w.time(event) && over > w.time(event) && f.Kind != "heal" {
			w.fault(i)
			return
		}
	}
}

// removedLine adds a truncation without its reasons.
func (w copies) removedLine(r part, k int) {
	c := &w.Changes[k]
	low, high := c.Removed[0].Base, c.Removed[len(c.Removed)-1].Next
	if m := w.message(c.Event); m != nil && m.Response != nil {
		w.at(LinkEvent, c.Event, "truncates its log from %d to %d, where it diverges from the log of %s", high, low, m.From)
		return
	}
	w.at(LinkEvent, c.Event, "truncates its log from %d to %d", high, low)
	w.setMachine(w.node(r.node))
}

// removed explains why a batch is no longer in a log.
func (w copies) removed(r part, x check.Batch, k int) {
	c := &w.Changes[k]
	low, high := c.Removed[0].Base, c.Removed[len(c.Removed)-1].Next
	if c.By != "" {
		w.at(LinkLost, c.Event, "had [%d,%d) in its page cache alone, and the %s destroys it", low, high, c.By)
		w.setMachine(w.node(r.node))
		w.fault(w.down(w.node(r.node), w.time(c.Event)-1, w.time(c.Event)))
		w.diskFault(w.node(r.node), w.time(c.Event))
		w.stays(r, k)
		return
	}
	if n := w.note(c.Event, "partition.cut-blindly"); n != nil {
		w.at(LinkEvent, c.Event, "truncates its log from %d to %d: to its own high watermark", high, low)
		w.ruled(c.Event, "TruncateOnFollow")
		w.behind(r, x, k)
		w.ask("Why did it truncate at all?")
		w.follows(r, c.Event, k)
		return
	}
	w.removedLine(r, k)
	m := w.message(c.Event)
	if m == nil || m.Response == nil {
		return
	}
	w.ruled(c.Event, "IsCurrent")
	w.ruled(m.Sent, "MayServe", "MayLead")
	if m.GotAt-m.SentAt > tooLong {
		w.at(LinkMessage, m.Sent, "sends that response, which arrives %s", w.late(m))
		w.fault(w.path(m.From, m.To, m.SentAt, m.SentAt))
	}
	leader := w.nodeOf(m.From, r.p)
	if leader != wire.NoNode && !w.has(part{r.p, leader}, x, k) {
		w.leads(r.p, leader, k)
		w.lacks(part{r.p, leader}, x, k)
	}
}

// nodeOf returns the node id of a machine that has a replica of the partition p.
func (w copies) nodeOf(machine string, p *check.Partition) wire.NodeID {
	for i := range w.Changes {
		if c := &w.Changes[i]; c.Partition == p && c.Replica != nil && w.node(c.Node) == machine {
			return c.Node
		}
	}
	return wire.NoNode
}

// stays adds the registration of a broker that lost bytes, if the broker remains eligible although it did not shut down
// cleanly.
func (w copies) stays(r part, k int) {
	who := w.node(r.node)
	for i := w.Changes[k].Event; i < uint64(len(w.Events)); i++ {
		n := w.note(i, "broker.registered")
		if n == nil || w.node(wire.NodeID(n[0])) != who {
			continue
		}
		a := w.assignment(r.p, w.changeAt(i))
		if a < 0 {
			return
		}
		switch now := &w.Changes[a].Assigned; {
		case now.Leader == r.node:
			w.at(LinkEvent, i, "registers its new incarnation, which is still the leader of %s in epoch %d", r.p.TP, now.Epoch)
		case slices.Contains(now.ISR, r.node):
			w.at(LinkEvent, i, "registers its new incarnation, which is still in the ISR of %s", r.p.TP)
		case slices.Contains(now.ELR, r.node):
			w.at(LinkEvent, i, "registers its new incarnation, which is still in the ELR of %s", r.p.TP)
		default:
			return
		}
		w.ruledWithin(w.Changes[k].Event, i, "CleanRestart")
		w.standing("LeaveOnRestart")
		return
	}
}

// behind explains why a follower's high watermark is below a batch that its leader had committed.
func (w copies) behind(r part, x check.Batch, k int) {
	moved := w.advance(r.p, x, k)
	if moved < 0 {
		return
	}
	c := &w.Changes[moved]
	leader, who := w.node(c.Node), w.node(r.node)
	until, told := w.time(w.Changes[k].Event), false
	if leader == who {
		w.at(LinkLost, c.Event, "had raised its high watermark to %d as the leader, and ends before its checkpoint has that", c.State.HW)
		w.fault(w.down(leader, w.time(c.Event), until))
		return
	}
	w.fetches(r.p, who, leader, func(f *fetched) {
		if f.response < 0 || f.answer == nil || f.answer.HighWatermark < int64(x.Next) {
			return
		}
		m := &w.Messages[f.response]
		if m.Got < 0 || uint64(m.Got) > w.Changes[k].Event {
			w.at(LinkLost, m.Sent, "sends its new high watermark %d to %s; the response has not arrived", f.answer.HighWatermark, who)
			w.lost(m, until)
			told = true
		}
	})
	if !told {
		w.at(LinkLost, c.Event, "has raised its high watermark to %d, and dies before a response tells %s", c.State.HW, who)
		w.fault(w.down(leader, w.time(c.Event), until))
	}
}

// follows adds the election of the leader that a replica begins to follow in an event.
func (w copies) follows(r part, event uint64, k int) {
	i := w.state(r, len(w.Changes))
	for i >= 0 && w.Changes[i].Event > event {
		i = w.state(r, i-1)
	}
	if i < 0 || w.Changes[i].State.Leader == wire.NoNode {
		return
	}
	w.leads(r.p, w.Changes[i].State.Leader, max(i, k))
}
