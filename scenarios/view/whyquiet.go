package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// quiet explains why the cluster of a session that has ended did not become quiet. It begins with what is not quiet, and goes
// back to the requests that hang, the machines that are down and the faults.
//
//	step 9         orders-0 has no leader                                             the symptom
//	Why has it no leader?
//	step 7   c1    leaves orders-0 without a leader: the ISR is b1                    the decision
//	         b1    is fenced: its last heartbeat has not arrived                      the request that hangs
//	               line 11, cut b1 -> c1                                              the fault
//
// The first obstacle is the symptom, because most others are its consequences.
func (w explainer) quiet() {
	end, all := w.end(), w.obstacles
	l := Link{Kind: LinkSymptom, Event: end, Time: w.time(end), Sentence: all[0].Text}
	if w.waited != nil {
		l.Line = w.waited.Num
		l.Sentence = fmt.Sprintf("line %d waits in vain: %s", l.Line, l.Sentence)
	}
	w.add(l)
	w.also(all[1:])
	w.obstacle(all[0])
	if !w.namesFault() {
		w.ask("Which faults are still active?")
		w.active(w.time(end))
	}
	w.question = ""
	if all[0].Kind < scenarios.OperatorWaits || !w.namesFault() { // a client that the scenario has paused waits under any rule
		w.unmentioned()
	}
}

// late explains the violation of a liveness check: something did not happen. If a request has no response, the chain
// follows the request. If an obstacle is about the partition or machine of the finding, the chain explains it.
// Otherwise the chain shows what happened last.
func (w explainer) late(f check.Finding) {
	if f.Check.Name == "requests-answered" && w.forgotten(f) {
		return
	}
	for _, o := range w.obstacles {
		if name := f.Fact.Subject.Name; name != "" && (name == string(o.Machine) || name == o.Partition.String() && o.Partition.Topic != "") {
			w.obstacle(o)
			return
		}
	}
	w.latest(f.Fact.Subject)
}

// also adds the other obstacles as one link. The link spells out the first three.
func (w explainer) also(others []scenarios.Obstacle) {
	const most = 3
	var texts []string
	for _, o := range others[:min(len(others), most)] {
		texts = append(texts, o.Text)
	}
	if n := len(others) - most; n > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", n))
	}
	if len(texts) > 0 {
		w.at(LinkState, w.end(), "and: %s", strings.Join(texts, "; "))
		w.setMachine("")
	}
}

// namesFault reports whether the chain names a fault or another line of the scenario.
func (w *why) namesFault() bool {
	return slices.ContainsFunc(w.links, func(l Link) bool { return l.Kind == LinkFault })
}

// end returns the last event of the run.
func (h *history) end() uint64 { return uint64(max(len(h.Events), 1) - 1) }

// obstacle explains one obstacle.
func (w explainer) obstacle(o scenarios.Obstacle) {
	machine, tp := string(o.Machine), o.Partition.String()
	switch o.Kind {
	case scenarios.NoController:
		w.ask("Why is no controller active?")
		w.noController()
	case scenarios.BrokerFenced:
		w.ask("Why is %s fenced?", machine)
		w.fenced(machine)
	case scenarios.NoLeader:
		w.ask("Why has %s no leader?", tp)
		w.leaderless(o.Partition)
	case scenarios.OtherEpoch, scenarios.OtherEnd, scenarios.FollowerLowHW:
		w.ask("Why does %s not follow?", machine)
		w.stalled(o.Partition, machine)
	case scenarios.NotInSync:
		w.ask("Why is %s not in the ISR?", machine)
		w.outOfSync(o.Partition, machine)
	case scenarios.LowHW:
		w.ask("For which replica does the high watermark wait?")
		w.waits(o.Partition)
	case scenarios.NoPartition:
		w.ask("Why does %s not exist?", tp)
		w.missing(o.Partition)
	case scenarios.NodeDown:
		w.ask("Why is %s down?", machine)
		w.isDown(machine)
	case scenarios.OperatorWaits, scenarios.ProducerWaits, scenarios.ConsumerWaits:
		w.ask("Why does %s get no answer?", cmp.Or(machine, "it"))
		w.hanging(machine)
	default:
		w.ask("What happened last?")
		w.messages(w.end(), 3)
	}
}

// partitionNamed returns the last partition with this name that had an assignment, or nil. If a topic was created again,
// several partitions have the same name.
func (h *history) partitionNamed(tp wire.TopicPartition) *check.Partition {
	i := h.last(len(h.Changes), func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition != nil && c.Partition.TP == tp
	})
	if i < 0 {
		return nil
	}
	return h.Changes[i].Partition
}

// isDown adds the fault or the exit because of which a machine is down, and reports whether there is one.
func (w explainer) isDown(machine string) bool {
	now := w.time(w.end())
	if w.fault(w.down(machine, now, now)) {
		return true
	}
	died, started := -1, -1
	for i := range w.Events {
		if e := &w.Events[i]; e.Machine == machine && e.Kind == "died" {
			died = i
		} else if e.Machine == machine && e.Kind == "start" {
			started = i
		}
	}
	if died < 0 || died < started {
		return false
	}
	cause, why := w.Events[died].Cause, ""
	if m := w.message(cause); m != nil {
		why = fmt.Sprintf(", while it handles the %s of %s", apiName(m), m.From)
	}
	if cause < uint64(len(w.Events)) && w.Events[cause].Machine == machine {
		for _, n := range w.Events[cause].Notes { // the notes of the event give the reason
			why = ": " + Sentence(scenarios.Note{Kind: n.Kind, Args: n.Field}, w.names)
		}
	}
	w.at(LinkEvent, uint64(died), "exits%s", why)
	w.setMachine(machine)
	w.diskFault(machine, now)
	return true
}

// noController explains why the quorum has no leader. It shows the last leader, the controllers that are down or cut off,
// and the votes.
func (w explainer) noController() {
	since := int64(0)
	if k := w.last(len(w.Changes), func(c *scenarios.CausedChange) bool { return c.Kind == check.VoterChanged && c.Quorum.Leads }); k >= 0 {
		c := &w.Changes[k]
		since = w.time(c.Event)
		w.at(LinkEvent, c.Event, "is the last leader of the metadata quorum: in epoch %d, with high watermark %d", c.Quorum.Epoch, c.Quorum.HW)
		w.setMachine(w.node(c.Node))
	}
	w.cutOff('c')
	w.votesSince(since)
	for i := w.end() + 1; i > 0; i-- {
		for _, n := range w.Events[i-1].Notes {
			if name := n.Kind.Name; (name == "raft.prospective" || name == "raft.candidate") && w.Events[i-1].Time > since {
				w.at(LinkEvent, i-1, "%s, and gets no majority", Sentence(scenarios.Note{Kind: n.Kind, Args: n.Field}, w.names))
				return
			}
		}
	}
}

// cutOff adds the faults by which machines of one kind ("b" or "c") are down or cut off from each other at the end.
func (w explainer) cutOff(kind byte) {
	now, said := w.time(w.end()), map[int]bool{}
	for i := len(w.Faults) - 1; i >= 0; i-- {
		f := &w.Faults[i]
		begun, over := w.span(i)
		if begun > now || over < now || isEnd(f.Kind) || f.From == "" || f.From[0] != kind || f.To == "" || f.To[0] != kind || said[f.Line] {
			continue
		}
		said[f.Line] = true
		w.fault(i)
	}
}

// votesSince adds the last vote requests after a time, at most three, with the ends of both logs. A voter refuses a
// candidate if the candidate's log is shorter than its own.
func (w explainer) votesSince(since int64) {
	said := map[string]bool{}
	for i := len(w.Messages) - 1; i >= 0 && len(said) < 3 && w.Messages[i].SentAt > since; i-- {
		m := &w.Messages[i]
		req, ok := m.Request.(*kmsg.VoteRequest)
		if !ok || said[m.From+m.To] || len(req.Topics) == 0 || len(req.Topics[0].Partitions) == 0 {
			continue
		}
		said[m.From+m.To] = true
		rp := &req.Topics[0].Partitions[0]
		ask := fmt.Sprintf("asks %s for its vote in epoch %d, with a log that ends at %d in epoch %d", m.To, rp.CandidateEpoch, rp.LastOffset, rp.LastOffsetEpoch)
		if m.Got < 0 {
			w.at(LinkLost, m.Sent, "%s; the request has not arrived", ask)
			w.setMachine(m.From)
			w.lost(m, w.time(w.end()))
			continue
		}
		w.at(LinkMessage, m.Sent, "%s; %s", ask, w.voteAnswer(i, m))
		w.setMachine(m.From)
	}
}

// voteAnswer returns the answer to a vote request in words.
func (w explainer) voteAnswer(request int, m *scenarios.CausedMessage) string {
	a := w.answer(request)
	var vote *kmsg.VoteResponse
	if a != nil {
		vote, _ = a.Response.(*kmsg.VoteResponse)
	}
	if vote == nil || len(vote.Topics) == 0 || len(vote.Topics[0].Partitions) == 0 {
		return m.To + " does not answer"
	}
	epoch, ends := w.metadataEnd(m.To, uint64(m.Got))
	if vote.Topics[0].Partitions[0].VoteGranted {
		return m.To + " grants it"
	}
	return fmt.Sprintf("%s refuses: its own log ends at %d in epoch %d", m.To, ends, epoch)
}

// metadataEnd returns the last epoch and the end of a voter's metadata log after an event.
func (w voters) metadataEnd(machine string, event uint64) (wire.Epoch, wire.Offset) {
	p := w.metadata()
	if p == nil {
		return 0, 0
	}
	log := w.log(part{p, w.nodeOf(machine, p)}, w.changeAt(event))
	if len(log) == 0 {
		return 0, 0
	}
	return log[len(log)-1].Epoch, end(log)
}

// fenced explains why a broker is fenced: its last heartbeat, or else its registration.
func (w explainer) fenced(machine string) {
	for i := w.end() + 1; i > 0; i-- {
		if n := w.note(i-1, "broker.fenced"); n != nil && w.node(wire.NodeID(n[0])) == machine {
			w.at(LinkEvent, i-1, "fences %s", machine)
			break
		}
	}
	if w.isDown(machine) {
		return
	}
	i := w.lastRequest(machine, "", func(m *scenarios.CausedMessage) bool { _, ok := m.Request.(*kmsg.BrokerHeartbeatRequest); return ok })
	if i < 0 {
		i = w.lastRequest(machine, "", func(m *scenarios.CausedMessage) bool {
			_, ok := m.Request.(*kmsg.BrokerRegistrationRequest)
			return ok
		})
	}
	if i < 0 {
		w.at(LinkState, w.started(machine, w.end()), "has sent no controller a registration since it started")
		w.setMachine(machine)
		w.isolated(machine, w.time(w.end()))
		return
	}
	m := &w.Messages[i]
	sentence := "sends its last " + apiName(m) + " to " + m.To
	if req, ok := m.Request.(*kmsg.BrokerHeartbeatRequest); ok {
		sentence += fmt.Sprintf(", with metadata up to offset %d", req.CurrentMetadataOffset)
	}
	w.fate(i, sentence)
}

// leaderless explains why a partition has no leader. Either no replica in the ISR or the ELR is active, or the elected
// replica does not lead.
func (w explainer) leaderless(tp wire.TopicPartition) {
	p := w.partitionNamed(tp)
	if p == nil {
		w.missing(tp)
		return
	}
	a := w.assignment(p, len(w.Changes))
	now := &w.Changes[a].Assigned
	if now.Leader != wire.NoNode {
		w.leads(p, now.Leader, a)
		who := w.node(now.Leader)
		w.ask("Why does %s not lead?", who)
		if w.isDown(who) {
			return
		}
		if k := w.state(part{p, now.Leader}, len(w.Changes)); k >= 0 {
			c := &w.Changes[k]
			w.at(LinkState, c.Event, "knows leader epoch %d, in which %s leads, and does not learn of epoch %d", c.State.Epoch, w.node(c.State.Leader), now.Epoch)
			w.setMachine(who)
		}
		w.unheard(who, w.time(w.end()))
		return
	}
	k := w.last(a, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.PartitionChanged && c.Partition == p && c.Was.Leader != wire.NoNode && c.Assigned.Leader == wire.NoNode
	})
	if k >= 0 {
		event := w.isrEvent(p, k)
		w.at(LinkEvent, event, "leaves %s without a leader in epoch %d%s", tp, w.Changes[k].Assigned.Epoch, w.isrReason(p, k, event))
	}
	electable := slices.Concat(now.ISR, now.ELR)
	if len(electable) == 0 {
		w.at(LinkState, w.Changes[a].Event, "has no replica to elect: ISR and ELR are empty")
		w.emptied(p, a+1)
		return
	}
	where := "the ISR is empty"
	if len(now.ISR) > 0 {
		where = "the ISR is " + w.nodes(now.ISR)
	}
	if len(now.ELR) > 0 {
		where += ", and the ELR is " + w.nodes(now.ELR)
	}
	w.at(LinkState, w.Changes[a].Event, "may elect %s alone: %s", w.nodes(electable), where)
	for _, id := range electable {
		if who := w.node(id); !w.isDown(who) {
			w.ask("Why is %s not elected?", who)
			w.fenced(who)
		}
	}
}

// stalled explains why a follower does not follow its leader: its state, and its last fetch.
func (w explainer) stalled(tp wire.TopicPartition, machine string) {
	p := w.partitionNamed(tp)
	if p == nil {
		return
	}
	r := part{p, w.nodeOf(machine, p)}
	a := w.assignment(p, len(w.Changes))
	leader := w.node(w.Changes[a].Assigned.Leader)
	if k := w.state(r, len(w.Changes)); k >= 0 {
		c := &w.Changes[k]
		w.at(LinkState, c.Event, "follows %s in epoch %d: its log ends at %d, and its high watermark is %d", w.node(c.State.Leader), c.State.Epoch, c.State.End, c.State.HW)
		w.setMachine(machine)
		if c.State.Epoch < w.Changes[a].Assigned.Epoch {
			w.leads(p, w.Changes[a].Assigned.Leader, a)
			w.unheard(machine, w.time(w.end()))
		}
	}
	if e, ok := w.noted(w.end(), "partition.failed", func(f [4]int64) bool { return f[0] == p.ID.Short() && f[1] == int64(tp.Partition) }); ok && w.Events[e].Machine == machine {
		for _, n := range w.Events[e].Notes {
			if n.Kind.Name == "partition.failed" {
				w.at(LinkEvent, e, "%s", Sentence(scenarios.Note{Kind: n.Kind, Args: n.Field}, w.names))
			}
		}
	}
	w.lastFetch(p, machine, leader)
}

// lastFetch adds the last fetch of a partition that a follower sent to its leader.
func (w explainer) lastFetch(p *check.Partition, follower, leader string) {
	var f *fetched
	w.fetches(p, follower, leader, func(o *fetched) { c := *o; f = &c })
	if f == nil {
		w.at(LinkState, w.end(), "has sent %s no Fetch of %s", leader, p.TP)
		w.setMachine(follower)
		now := w.time(w.end())
		if !w.fault(w.path(follower, leader, now, now)) {
			w.isDown(leader)
		}
		return
	}
	sentence := fmt.Sprintf("sends %s its last Fetch of %s, from offset %d in epoch %d", leader, p.TP, f.offset, f.epoch)
	if f.answer == nil || f.response >= 0 && w.Messages[f.response].Got < 0 {
		w.fate(f.request, sentence)
		return
	}
	says := fmt.Sprintf("high watermark %d, %d bytes of records", f.answer.HighWatermark, len(f.answer.RecordBatches))
	if d := f.answer.DivergingEpoch; d.EndOffset >= 0 {
		says = fmt.Sprintf("the logs diverge: its epoch %d ends at %d", d.Epoch, d.EndOffset)
	}
	if code := f.answer.ErrorCode; code != 0 {
		says = ErrorName(code)
	}
	w.at(LinkMessage, w.Messages[f.request].Sent, "%s; %s answers: %s", sentence, leader, says)
	w.setMachine(follower)
	if now := w.time(w.end()); !w.fault(w.path(follower, leader, now, now)) {
		w.fault(w.path(leader, follower, now, now))
	}
}

// outOfSync explains why a follower is out of the ISR. It shows the change in which the follower left the ISR, its last
// fetch, and the leader's last proposal.
func (w explainer) outOfSync(tp wire.TopicPartition, machine string) {
	p := w.partitionNamed(tp)
	if p == nil {
		return
	}
	a := w.assignment(p, len(w.Changes))
	leader := w.node(w.Changes[a].Assigned.Leader)
	w.left(p, w.nodeOf(machine, p), a)
	w.ask("Why does it not come back?")
	w.lastFetch(p, machine, leader)
	i := w.lastRequest(leader, "", func(m *scenarios.CausedMessage) bool { _, ok := m.Request.(*kmsg.AlterPartitionRequest); return ok })
	if i >= 0 && w.Messages[i].SentAt > w.time(w.Changes[a].Event) {
		w.fate(i, "sends its last AlterPartition to "+w.Messages[i].To)
	}
}

// waits explains which replicas hold back a leader's high watermark.
func (w explainer) waits(tp wire.TopicPartition) {
	p := w.partitionNamed(tp)
	if p == nil {
		return
	}
	a := w.assignment(p, len(w.Changes))
	leader := w.Changes[a].Assigned.Leader
	k := w.state(part{p, leader}, len(w.Changes))
	if k < 0 {
		return
	}
	c := &w.Changes[k]
	w.at(LinkState, c.Event, "leads %s in epoch %d: its log ends at %d, its high watermark is %d, and its ISR is %s", tp, c.State.Epoch, c.State.End, c.State.HW, w.nodes(c.State.ISR))
	w.setMachine(w.node(leader))
	for _, id := range c.State.ISR {
		if id != leader && end(w.log(part{p, id}, len(w.Changes))) < c.State.End {
			w.stalled(tp, w.node(id))
			return
		}
	}
}

// missing explains why a partition does not exist: a controller that lost its metadata, or the last request of the operator.
func (w explainer) missing(tp wire.TopicPartition) {
	for i := w.end() + 1; i > 0; i-- {
		for _, n := range w.Events[i-1].Notes {
			if name := n.Kind.Name; (name == "topic.created" || name == "topic.deleted") && w.names.Topic(n.Field[0]) == tp.Topic {
				w.at(LinkEvent, i-1, "%s", Sentence(scenarios.Note{Kind: n.Kind, Args: n.Field}, w.names))
				for _, found := range w.Found {
					if name == "topic.created" && found.Check == "metadata-complete" {
						w.ask("Where is that record?")
						w.quorum(check.Finding{Check: check.Named(found.Check), Result: found.Result}, found.Change)
						w.demote()
					}
				}
				return
			}
		}
	}
	i := w.lastRequest("op", "", func(*scenarios.CausedMessage) bool { return true })
	if i >= 0 {
		w.fate(i, "sends its last "+apiName(&w.Messages[i])+" to "+w.Messages[i].To)
	}
}

// demote turns every symptom except the first into an event. A finding that explains another finding is no symptom.
func (w explainer) demote() {
	for i := range w.links[1:] {
		if l := &w.links[i+1]; l.Kind == LinkSymptom {
			l.Kind = LinkEvent
		}
	}
}
