package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// elections asks why a replica was elected: what the ISR was, and how the replica came into it.
type elections struct{ trail }

// elected explains the last election of a leader.
func (w elections) elected(p *check.Partition, leader wire.NodeID, upTo int) {
	a := w.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && c.Assigned.Leader == leader && c.Was.Epoch != c.Assigned.Epoch
	})
	if a < 0 {
		return
	}
	w.election(p, a)
	w.member(p, leader, a-1)
}

// election adds an election, the committed change at the index a, and why the previous leader could not stay.
func (w elections) election(p *check.Partition, a int) {
	c := &w.Changes[a]
	event, how := w.electionEvent(p, &c.Assigned, c.Event)
	if c.Was.PartitionEpoch < 0 {
		w.at(LinkEvent, event, "creates %s with %s as the leader of epoch %d", p.TP, w.node(c.Assigned.Leader), c.Assigned.Epoch)
		w.fromTheStart()
		return
	}
	eligible := slices.Clone(c.Was.ISR)
	where := "the ISR was empty"
	if len(c.Was.ISR) > 0 {
		where = "the ISR was " + w.nodes(c.Was.ISR)
	}
	if len(c.Was.ELR) > 0 {
		where += " and the ELR " + w.nodes(c.Was.ELR)
		eligible = append(eligible, c.Was.ELR...)
	}
	switch {
	case len(eligible) == 0 && slices.Contains(c.Was.LastELR, c.Assigned.Leader):
		where = "ISR and ELR were empty, and it was the last known leader"
	case how == "unclean" && slices.Contains(c.Was.LastELR, c.Assigned.Leader):
		where += ", and it was the last known leader"
		eligible = slices.DeleteFunc(eligible, func(id wire.NodeID) bool {
			return !slices.Contains(c.Assigned.ISR, id) && !slices.Contains(c.Assigned.ELR, id)
		})
	case how == "unclean":
		where += ", without it, so that is an unclean election"
	}
	if gone := w.gone(eligible, c.Assigned.Leader, event); gone != "" {
		where += "; " + gone
	} else {
		where += strings.Replace(w.isrReason(p, a, event), ", since ", "; ", 1)
	}
	asked := -1
	if how == "" && !strings.Contains(where, ";") {
		asked = w.electLine(p, a, event)
	}
	if asked >= 0 {
		w.at(LinkEvent, event, "makes %s leader of %s in epoch %d, as line %d asks", w.node(c.Assigned.Leader), p.TP, c.Assigned.Epoch, w.Began[asked].Line)
	} else {
		w.at(LinkEvent, event, "makes %s leader of %s in epoch %d: %s", w.node(c.Assigned.Leader), p.TP, c.Assigned.Epoch, where)
	}
	if k := w.assignment(p, a-1); k >= 0 {
		w.ruledWithin(w.Changes[k].Event, event, "MayLeadLastKnown", "CleanRestart")
	}
	if how == "unclean" {
		w.lineWith("unclean.leader.election.enable=true")
	}
	if len(eligible) == 0 {
		w.emptied(p, a)
		return
	}
	now := w.time(event)
	said := map[int]bool{}
	for _, id := range eligible {
		if id == c.Assigned.Leader {
			continue
		}
		if i := w.down(w.node(id), now, now); i >= 0 && !said[w.Faults[i].Line] {
			said[w.Faults[i].Line] = true
			w.fault(i)
		}
	}
	if asked >= 0 {
		b := &w.Began[asked]
		w.add(Link{Kind: LinkFault, Event: b.Event, Time: w.time(b.Event), Line: b.Line, Sentence: fmt.Sprintf("line %d: %s", b.Line, w.lineText(b.Line))})
	} else if len(said) == 0 && c.Was.Leader != wire.NoNode && c.Was.Leader != c.Assigned.Leader {
		w.isolated(w.node(c.Was.Leader), now)
	}
}

// gone returns, in words, which of these replicas are down or paused at an event. It leaves out the leader.
func (w elections) gone(ids []wire.NodeID, leader wire.NodeID, event uint64) string {
	names := map[string][]string{}
	for _, id := range ids {
		i := w.down(w.node(id), w.time(event), w.time(event))
		if id == leader || i < 0 {
			continue
		}
		how := "down"
		if w.Faults[i].Kind == "pause" {
			how = "paused"
		}
		names[how] = append(names[how], w.node(id))
	}
	var all []string
	for _, how := range [...]string{"down", "paused"} {
		switch n := names[how]; len(n) {
		case 0:
		case 1:
			all = append(all, n[0]+" is "+how)
		default:
			all = append(all, inWords(n)+" are "+how)
		}
	}
	return strings.Join(all, ", and ")
}

// emptied adds the changes that left a partition without any eligible replica.
func (w elections) emptied(p *check.Partition, a int) {
	said := 0
	for i := a - 1; i >= 0 && said < 2; i-- {
		c := &w.Changes[i]
		if c.Kind != check.PartitionChanged || c.Partition != p || len(c.Was.ISR)+len(c.Was.ELR) <= len(c.Assigned.ISR)+len(c.Assigned.ELR) {
			continue
		}
		said++
		event := w.isrEvent(p, i)
		to := "leaves the ISR and the ELR empty"
		if len(c.Assigned.ISR)+len(c.Assigned.ELR) > 0 {
			to = fmt.Sprintf("sets the ISR to %s and the ELR to %s", w.nodes(c.Assigned.ISR), w.nodes(c.Assigned.ELR))
		}
		w.at(LinkEvent, event, "%s%s", to, w.isrReason(p, i, event))
		for _, id := range append(slices.Clone(c.Was.ISR), c.Was.ELR...) {
			if !slices.Contains(c.Assigned.ISR, id) && !slices.Contains(c.Assigned.ELR, id) {
				w.fault(w.lastDown(w.node(id), w.time(event)))
			}
		}
	}
}

// isolated adds the fault that kept a broker from its controller.
func (w elections) isolated(broker string, now int64) {
	for n := len(w.Faults) - 1; n >= 0; n-- {
		f := &w.Faults[n]
		begun, over := w.span(n)
		if f.From == broker && f.To[0] == 'c' && begun <= now && over >= now && f.Kind != "heal" {
			w.fault(n)
			return
		}
	}
}

// electLine returns the index in Began of the line that asked for an election, if such a line began after the previous change of the
// partition, or -1.
func (w elections) electLine(p *check.Partition, a int, event uint64) int {
	since := uint64(0)
	if k := w.assignment(p, a-1); k >= 0 {
		since = w.Changes[k].Event
	}
	for i := len(w.Began) - 1; i >= 0; i-- {
		b := &w.Began[i]
		if b.Event <= event && b.Event > since && strings.Contains(" "+w.lineText(b.Line), " elect ") {
			return i
		}
	}
	return -1
}

// electionEvent returns the event in which a controller decided an election. The argument committed is the event in which
// the election was committed.
func (w elections) electionEvent(p *check.Partition, a *check.Assignment, committed uint64) (event uint64, how string) {
	is := func(f [4]int64) bool {
		return f[0] == p.ID.Short() && f[1] == int64(p.TP.Partition) && f[2] == int64(a.Leader) && f[3] == int64(a.Epoch)
	}
	if e, ok := w.noted(committed, "partition.elected", is); ok {
		return e, ""
	}
	if e, ok := w.noted(committed, "partition.elected-uncleanly", is); ok {
		return e, "unclean"
	}
	return committed, ""
}

// member explains why a replica is in the ISR or the ELR after the change at an index.
func (w elections) member(p *check.Partition, id wire.NodeID, upTo int) {
	joined := w.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && slices.Contains(c.Assigned.ISR, id) && !slices.Contains(c.Was.ISR, id)
	})
	a := w.assignment(p, upTo)
	switch {
	case a < 0:
	case slices.Contains(w.Changes[a].Assigned.ELR, id):
		w.eligible(p, id, upTo)
	case slices.Contains(w.Changes[a].Assigned.ISR, id) && w.Changes[joined].Was.PartitionEpoch < 0:
		w.at(LinkState, w.Changes[joined].Event, "has had %s in the ISR since the topic was created", w.node(id))
		w.fromTheStart()
	case slices.Contains(w.Changes[a].Assigned.ISR, id) && w.Changes[joined].Assigned.Leader == id && w.Changes[joined].Was.Leader != id:
		w.election(p, joined)
		w.member(p, id, joined-1)
	case slices.Contains(w.Changes[a].Assigned.ISR, id):
		w.isrChange(p, joined, ": "+w.node(id)+" is in it again")
		w.proposal(p, id, joined)
	default:
		if k := w.state(part{p, w.leaderAt(p, upTo)}, upTo); k >= 0 && slices.Contains(w.Changes[k].State.Pending, id) {
			w.proposed(p, id, k)
		}
	}
}

// eligible explains why a replica is in the ELR. It adds the change in which the replica left the ISR, and the lines of
// the scenario that changed a config or a feature.
func (w elections) eligible(p *check.Partition, id wire.NodeID, upTo int) {
	left := w.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && slices.Contains(c.Assigned.ELR, id) && !slices.Contains(c.Was.ELR, id)
	})
	if left < 0 {
		return
	}
	w.isrChange(p, left, "")
	w.reconfigured(w.Changes[upTo].Event)
}

// leaderAt returns the committed leader of a partition just after the change at the index upTo.
func (w elections) leaderAt(p *check.Partition, upTo int) wire.NodeID {
	if a := w.assignment(p, upTo); a >= 0 {
		return w.Changes[a].Assigned.Leader
	}
	return wire.NoNode
}

// lineWith adds the last line of the scenario that contains a word.
func (w elections) lineWith(word string) {
	for i := len(w.Began) - 1; i >= 0; i-- {
		b := &w.Began[i]
		if text := w.lineText(b.Line); strings.Contains(text, word) {
			w.add(Link{Kind: LinkFault, Event: b.Event, Time: w.time(b.Event), Line: b.Line, Sentence: fmt.Sprintf("line %d: %s", b.Line, text)})
			return
		}
	}
}

// begunWith adds the last line of the scenario that has a verb. Lines that began after an event are not considered.
func (w elections) begunWith(verb string, event uint64) {
	for i := len(w.Began) - 1; i >= 0; i-- {
		b := &w.Began[i]
		if text := w.lineText(b.Line); b.Event <= event && strings.Contains(" "+text, verb) {
			w.add(Link{Kind: LinkFault, Event: b.Event, Time: w.time(b.Event), Line: b.Line, Sentence: fmt.Sprintf("line %d: %s", b.Line, text)})
			return
		}
	}
}

// reconfigured adds the lines that changed a config or a feature. Lines that began after an event are not considered.
// Such a line may change which replicas may be elected.
func (w elections) reconfigured(to uint64) {
	for i := len(w.Began) - 1; i >= 0; i-- {
		b := &w.Began[i]
		text := " " + w.lineText(b.Line)
		if b.Event > to || !strings.Contains(text, " config ") && !strings.Contains(text, " finalise ") {
			continue
		}
		w.add(Link{Kind: LinkFault, Event: b.Event, Time: w.time(b.Event), Line: b.Line, Sentence: fmt.Sprintf("line %d:%s", b.Line, text)})
	}
}

// isrChange adds the event in which a controller decided a committed ISR change, unless the chain has it already.
func (w elections) isrChange(p *check.Partition, a int, so string) {
	c := &w.Changes[a]
	event := w.isrEvent(p, a)
	if w.said[fmt.Sprint("isr ", event)] {
		return
	}
	w.said[fmt.Sprint("isr ", event)] = true
	elr := ""
	if len(c.Assigned.ELR) > 0 {
		elr = " and the ELR to " + w.nodes(c.Assigned.ELR)
	}
	w.at(LinkEvent, event, "sets the ISR to %s%s%s%s", w.nodes(c.Assigned.ISR), elr, w.isrReason(p, a, event), so)
}

// isrEvent returns the event in which a controller decided a committed ISR change.
func (w elections) isrEvent(p *check.Partition, a int) uint64 {
	c := &w.Changes[a]
	if e, ok := w.noted(c.Event, "partition.isr", func(f [4]int64) bool {
		return f[0] == p.ID.Short() && f[1] == int64(p.TP.Partition) && f[3] == int64(c.Assigned.PartitionEpoch)
	}); ok {
		return e
	}
	return c.Event
}

// isrReason returns why a controller changed an ISR, as a part of a sentence.
func (w elections) isrReason(p *check.Partition, a int, event uint64) string {
	if n := w.note(event, "broker.shutting-down"); n != nil {
		return ", since " + w.node(wire.NodeID(n[0])) + " shuts down"
	}
	if n := w.note(event, "broker.fenced"); n != nil {
		return ", since it fences " + w.node(wire.NodeID(n[0]))
	}
	if n := w.note(event, "broker.registered"); n != nil {
		return ", since a new incarnation of " + w.node(wire.NodeID(n[0])) + " registers"
	}
	if m := w.alteration(p, a); m != nil && w.Changes[a].Was.Epoch == w.Changes[a].Assigned.Epoch {
		return ", as " + m.From + " proposed"
	}
	return ""
}

// alteration returns the AlterPartition request behind a committed ISR change, or nil.
func (w elections) alteration(p *check.Partition, a int) *scenarios.CausedMessage {
	c := &w.Changes[a]
	for i := len(w.Messages) - 1; i >= 0; i-- {
		m := &w.Messages[i]
		req, ok := m.Request.(*kmsg.AlterPartitionRequest)
		if !ok || m.Got < 0 || uint64(m.Got) > c.Event {
			continue
		}
		for _, rt := range req.Topics {
			for _, rp := range rt.Partitions {
				if rt.TopicID == p.ID && rp.Partition == p.TP.Partition && wire.PartitionEpoch(rp.PartitionEpoch) < c.Assigned.PartitionEpoch {
					return m
				}
			}
		}
	}
	return nil
}

// proposal explains the AlterPartition request behind a committed ISR change.
func (w elections) proposal(p *check.Partition, id wire.NodeID, a int) {
	m := w.alteration(p, a)
	if m == nil {
		return
	}
	w.ruled(uint64(m.Got), "SameIncarnation", "MayJoinISR", "Outdated")
	if m.GotAt-m.SentAt > tooLong {
		w.reincarnated(p, id, m)
		w.propose(p, id, m.From, m.Sent, "; the request arrives "+w.late(m))
		w.fault(w.path(m.From, m.To, m.SentAt, m.SentAt))
		return
	}
	w.propose(p, id, m.From, m.Sent, "")
}

// reincarnated adds that a broker registered again while a request that names it was on its way.
func (w elections) reincarnated(p *check.Partition, id wire.NodeID, m *scenarios.CausedMessage) {
	if e, ok := w.noted(uint64(m.Got), "broker.registered", func(f [4]int64) bool { return f[0] == int64(id) }); ok && e > m.Sent {
		w.at(LinkEvent, e, "registers a new incarnation of %s, while the request that adds it is on its way", w.node(id))
	}
}

// proposed explains why a leader proposes a replica for the ISR in a request that no controller has accepted yet.
func (w elections) proposed(p *check.Partition, id wire.NodeID, k int) {
	c := &w.Changes[k]
	first := w.first(k, func(o *scenarios.CausedChange) bool {
		return o.Kind == check.ReplicaChanged && o.Partition == p && o.Node == c.Node && slices.Contains(o.State.Pending, id) && o.State.PartitionEpoch == c.State.PartitionEpoch
	})
	if first >= 0 {
		w.propose(p, id, w.node(c.Node), w.Changes[first].Event, "")
	}
}

// propose adds why a leader proposed a replica for the ISR: the replica's fetch.
func (w elections) propose(p *check.Partition, id wire.NodeID, leader string, event uint64, late string) {
	who := w.node(id)
	k := w.last(len(w.Changes), func(c *scenarios.CausedChange) bool {
		return c.Kind == check.ReplicaChanged && c.Partition == p && w.node(c.Node) == leader && c.Event <= event
	})
	hw, ends := wire.Offset(0), wire.Offset(0)
	if k >= 0 {
		hw, ends = w.Changes[k].State.HW, w.Changes[k].State.End
	}
	f := w.counted(p, who, leader, 0, event)
	if f == nil {
		w.at(LinkMessage, event, "proposes %s for the ISR%s", who, late)
		return
	}
	m := &w.Messages[f.request]
	if f.offset == ends {
		w.at(LinkMessage, event, "proposes %s for the ISR: %s fetches from offset %d, and its own log ends there%s", who, who, f.offset, late)
	} else {
		w.at(LinkMessage, event, "proposes %s for the ISR: %s fetches from offset %d, and its own high watermark is %d, below its log end %d%s", who, who, f.offset, hw, ends, late)
	}
	w.ruled(event, "MayJoin", "SameIncarnation")
	w.ruled(uint64(m.Got), "PositionCounts", "Admit")
	if y, ok := at(w.log(part{p, id}, w.changeAt(m.Sent)), f.offset-1); ok && k >= 0 {
		if mine, ok := at(w.log(part{p, w.Changes[k].Node}, k), f.offset-1); ok && !mine.Same(y.Batch) {
			w.at(LinkMessage, m.Sent, "sends that Fetch, and has %s of epoch %d at offset %d", w.short(p, y.Batch), y.Epoch, f.offset-1)
			return
		}
	}
	if hw < ends && f.offset < ends {
		w.lagging(p, hw, w.Changes[max(k, 0)].Node, event)
	}
}

// lagging explains why the high watermark of a new leader is below its log end.
func (w elections) lagging(p *check.Partition, hw wire.Offset, leader wire.NodeID, event uint64) {
	k := w.last(w.changeAt(event), func(c *scenarios.CausedChange) bool {
		return c.Kind == check.ReplicaChanged && c.Partition == p && c.Node == leader && c.State.Leads && !c.Before.Leads
	})
	if k < 0 || w.Changes[k].State.HW != hw {
		return
	}
	c := &w.Changes[k]
	w.at(LinkState, c.Event, "begins epoch %d with that high watermark, which it had as a follower: its log ends at %d", c.State.Epoch, c.State.End)
}

// leads adds the last election of a leader.
func (w elections) leads(p *check.Partition, leader wire.NodeID, upTo int) {
	a := w.last(upTo, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && c.Assigned.Leader == leader && c.Was.Epoch != c.Assigned.Epoch
	})
	if a >= 0 {
		w.election(p, a)
	}
}
