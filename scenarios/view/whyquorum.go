package view

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// voters asks why a voter does not have a record of the metadata log, why a voter leads, and why a record was committed.
type voters struct{ copies }

// quorum explains a finding about the metadata log and its voters.
func (w voters) quorum(f check.Finding, i int) {
	c := &w.Changes[i]
	p, who := c.Partition, w.node(c.Node)
	r := part{p, c.Node}
	switch {
	case c.Kind == check.BatchesRemoved:
		x := c.Removed[0]
		w.symptom(f, i, who, "truncates its metadata log from %d to %d, below what is committed", c.Removed[len(c.Removed)-1].Next, x.Base)
		w.ask("Why?")
		w.metadataRemoved(r, x, i)
		w.ask("Why was offset %d committed?", x.Base)
		w.metadataCommitted(p, x, i)
	case c.Kind == check.BatchAppended:
		w.symptom(f, i, who, "appends offset %d of the metadata log in epoch %d", c.Batch.Base, c.Batch.Epoch)
		log := w.log(r, i)
		if y, z, other := w.conflict(r, log, -1, i); other != wire.NoNode {
			w.ask("What differs?")
			w.metadataAppend(r, y)
			w.metadataAppend(part{p, other}, z)
			w.ask("Why does %s not have that of %s?", who, w.node(other))
			w.metadataLacks(r, z.Batch, i)
			w.standing("FlushFirst")
		}
		w.ask("Why does %s lead?", who)
		w.metadataLeads(c.Node, i)
	case c.Kind == check.VoterChanged && c.Quorum.Leads:
		x, committed := w.missingMetadata(r, f.Fact.Offset, i)
		if !committed {
			w.symptom(f, i, who, "leads epoch %d of the metadata quorum again, after its process had ended", c.Quorum.Epoch)
		} else {
			w.symptom(f, i, who, "leads the metadata quorum in epoch %d without offset %d, which is committed", c.Quorum.Epoch, x.Base)
			w.ask("Why does %s not have it?", who)
			w.metadataLacks(r, x, i)
		}
		w.ask("Why does %s lead?", who)
		w.metadataLeads(c.Node, i)
		if committed {
			w.ask("Why was it committed?")
			w.metadataCommitted(p, x, i)
		}
	default:
		w.plain(f, i)
	}
}

// images explains why two nodes that have both applied the metadata below an offset have different images. It shows where
// their metadata logs differ, and why. It also shows why the record in one of the logs was committed. It returns false if
// no two logs differ.
func (w voters) images(f check.Finding, i int) bool {
	p := w.metadata()
	if p == nil {
		return false
	}
	for k := i; k >= 0; k-- { // a voter whose log differs may truncate it later
		if w.Changes[k].Partition != p || w.Changes[k].Kind != check.BatchAppended && w.Changes[k].Kind != check.BatchesRemoved && k < i {
			continue
		}
		for _, id := range w.replicas(p, i) {
			r := part{p, id}
			log := w.log(r, k)
			y, z, other := w.conflict(r, log, -1, k)
			if other == wire.NoNode || y.Epoch < z.Epoch { // z is the record that was committed first and lost
				continue
			}
			w.ask("What differs?")
			w.metadataAppend(r, y)
			w.metadataAppend(part{p, other}, z)
			w.ask("Why does %s not have that of %s?", w.node(id), w.node(other))
			w.metadataLacks(r, z.Batch, k)
			w.ask("Why does %s lead?", w.node(id))
			w.metadataLeads(id, k)
			w.ask("Why was offset %d, of epoch %d, committed?", z.Base, z.Epoch)
			w.metadataCommitted(p, z.Batch, i)
			return true
		}
	}
	return false
}

// missingMetadata returns a batch at an offset that a voter does not have. If there are several, it returns the one that
// was appended last.
func (w voters) missingMetadata(r part, o wire.Offset, i int) (check.Batch, bool) {
	log := w.log(r, i)
	k := w.last(i, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.BatchAppended && c.Partition == r.p && c.Batch.Base <= o && o < c.Batch.Next &&
			!slices.ContainsFunc(log, func(b held) bool { return b.Same(c.Batch) })
	})
	if k < 0 {
		return check.Batch{}, false
	}
	return w.Changes[k].Batch, true
}

// metadataAppend adds how a batch came into a voter's log.
func (w voters) metadataAppend(r part, y held) {
	c := &w.Changes[y.change]
	if m := w.message(c.Event); m != nil {
		if _, ok := m.Response.(*kmsg.FetchResponse); ok {
			w.at(LinkEvent, c.Event, "fetches offset %d, of epoch %d, from %s", y.Base, y.Epoch, m.From)
			return
		}
	}
	w.at(LinkEvent, c.Event, "appends offset %d as the leader of epoch %d", y.Base, y.Epoch)
}

// metadataLacks explains why a voter does not have a batch of the metadata log.
func (w voters) metadataLacks(r part, x check.Batch, i int) {
	who := w.node(r.node)
	if k := w.removal(r, x, i); k >= 0 {
		w.metadataRemoved(r, x, k)
		return
	}
	if y, ok := at(w.log(r, i), x.Base); ok {
		w.at(LinkEvent, w.Changes[y.change].Event, "has another record at offset %d, which it appends as the leader of epoch %d", y.Base, y.Epoch)
		if m := w.message(w.Changes[y.change].Event); m != nil && w.origin(r.p, y.Batch) != y.change {
			w.links[len(w.links)-1].Sentence = fmt.Sprintf("has another record at offset %d, of epoch %d, from %s", y.Base, y.Epoch, m.From)
		}
		if w.origin(r.p, y.Batch) == y.change {
			w.metadataLeads(r.node, y.change)
		}
	}
	born := w.origin(r.p, x)
	if born < 0 {
		return
	}
	c := &w.Changes[born]
	leader := w.node(c.Node)
	if leader != who {
		w.at(LinkEvent, c.Event, "appends the missing one as the leader of epoch %d", x.Epoch)
		since, until := w.time(c.Event), w.time(w.Changes[i].Event)
		if !w.paths(leader, who, since, until) {
			w.paths(who, leader, since, until)
		}
		w.fault(w.down(who, since, until))
	}
}

// metadataRemoved explains why a batch is no longer in a voter's log.
func (w voters) metadataRemoved(r part, x check.Batch, k int) {
	c := &w.Changes[k]
	who := w.node(r.node)
	low, high := c.Removed[0].Base, c.Removed[len(c.Removed)-1].Next
	if c.By != "" {
		w.at(LinkLost, c.Event, "had [%d,%d) of its metadata log in its page cache alone, and the %s destroys it", low, high, c.By)
		w.setMachine(who)
		w.standing("FlushFirst")
		w.fault(w.down(who, w.time(c.Event)-1, w.time(c.Event)))
		return
	}
	m := w.message(c.Event)
	if m == nil || m.Response == nil {
		w.at(LinkEvent, c.Event, "truncates its metadata log from %d to %d", high, low)
		return
	}
	w.at(LinkEvent, c.Event, "truncates its metadata log from %d to %d, where it diverges from that of %s", high, low, m.From)
	leader := w.nodeOf(m.From, r.p)
	w.ask("Why does %s lead?", m.From)
	w.metadataLeads(leader, k)
	if !w.has(part{r.p, leader}, x, k) {
		w.ask("Why does %s not have offset %d?", m.From, x.Base)
		w.metadataLacks(part{r.p, leader}, x, k)
	}
}

// metadataLeads explains why a controller leads the quorum at a change.
func (w voters) metadataLeads(node wire.NodeID, i int) {
	event := w.Changes[i].Event
	k := w.last(len(w.Changes), func(c *scenarios.CausedChange) bool {
		return c.Kind == check.VoterChanged && c.Node == node && c.Quorum.Leads && !c.Rule.Leads && c.Event <= event
	})
	if k < 0 {
		return
	}
	c := &w.Changes[k]
	who := w.node(node)
	votes, born := 0, w.started(who, c.Event)
	for j := k; j >= 0 && votes == 0; j-- {
		v := &w.Changes[j]
		if v.Kind != check.VoteCast || v.Vote.Candidate != node || v.Vote.Epoch != c.Quorum.Epoch || v.Node == node || v.Event < born {
			continue
		}
		votes++
		w.at(LinkEvent, v.Event, "votes for %s in epoch %d: %s", who, v.Vote.Epoch, w.voteReason(v))
	}
	if votes > 0 {
		w.deposed(c, node)
		return
	}
	if !slices.Contains(w.Standing, "ResumeLead") {
		w.at(LinkEvent, c.Event, "elects itself in epoch %d: it needs no other vote", c.Quorum.Epoch)
		w.deposed(c, node)
		return
	}
	w.at(LinkEvent, c.Event, "starts, and goes on as leader of epoch %d, as its quorum-state file says", c.Quorum.Epoch)
	w.standing("ResumeLead")
	for j := len(w.Faults) - 1; j >= 0; j-- { // the line that started the controller
		if f := &w.Faults[j]; f.From == who && f.To == who && f.Time <= w.time(c.Event) && f.Kind == "start" {
			w.fault(j)
			return
		}
	}
}

// deposed adds the fault because of which the previous leader was gone.
func (w voters) deposed(c *scenarios.CausedChange, node wire.NodeID) {
	before := w.last(len(w.Changes), func(o *scenarios.CausedChange) bool {
		return o.Kind == check.VoterChanged && o.Event <= c.Event && o.Node != node && o.Quorum.Leads && o.Quorum.Epoch < c.Quorum.Epoch
	})
	if before < 0 {
		return
	}
	old, now := w.node(w.Changes[before].Node), w.time(c.Event)
	if w.fault(w.down(old, now, now)) {
		return
	}
	for j := len(w.Faults) - 1; j >= 0; j-- {
		f := &w.Faults[j]
		begun, over := w.span(j)
		if f.Kind != "heal" && f.From == old && f.To != old && begun <= now && over >= now {
			w.fault(j)
			return
		}
	}
}

// endOf describes the end of a metadata log. A voter compares the last epochs of two logs first, and then their end
// offsets.
func endOf(end wire.Offset, epoch wire.Epoch) string {
	if end == 0 {
		return "is empty"
	}
	return fmt.Sprintf("ends at %d in epoch %d", end, epoch)
}

// voteReason returns why a voter granted its vote: the ends of the candidate's log and of its own log.
func (w voters) voteReason(v *scenarios.CausedChange) string {
	for i := range w.Messages {
		m := &w.Messages[i]
		req, ok := m.Request.(*kmsg.VoteRequest)
		if !ok || m.To != w.node(v.Node) || m.Got < 0 || uint64(m.Got) != v.Event || len(req.Topics) == 0 || len(req.Topics[0].Partitions) == 0 {
			continue
		}
		rp := &req.Topics[0].Partitions[0]
		log := w.log(part{w.metadata(), v.Node}, len(w.Changes))
		for j := range w.Changes {
			if w.Changes[j].Event > v.Event {
				log = w.log(part{w.metadata(), v.Node}, j-1)
				break
			}
		}
		own := wire.Epoch(0)
		if n := len(log); n > 0 {
			own = log[n-1].Epoch
		}
		return fmt.Sprintf("the log of %s %s, its own %s", w.node(v.Vote.Candidate),
			endOf(wire.Offset(rp.LastOffset), wire.Epoch(rp.LastOffsetEpoch)), endOf(end(log), own))
	}
	return "its log is at least as long"
}

// metadataCommitted explains why a batch of the metadata log counts as committed.
func (w voters) metadataCommitted(p *check.Partition, x check.Batch, i int) {
	k := w.first(i, func(c *scenarios.CausedChange) bool {
		return c.Kind == check.VoterChanged && c.Quorum.HW >= x.Next && c.Quorum.Leads
	})
	if k < 0 {
		return
	}
	c := &w.Changes[k]
	leader := w.node(c.Node)
	w.at(LinkEvent, c.Event, "raises the high watermark to %d in epoch %d: a majority has offset %d, of epoch %d", c.Quorum.HW, c.Quorum.Epoch, x.Base, x.Epoch)
	w.ruled(c.Event, "MayExpose")
	said := 0
	for _, id := range w.replicas(p, len(w.Changes)) {
		if id == c.Node || said > 0 {
			continue
		}
		if f := w.counted(p, w.node(id), leader, x.Next, c.Event); f != nil {
			said++
			w.at(LinkMessage, w.Messages[f.request].Sent, "sends %s a Fetch from offset %d: its log has all below", leader, f.offset)
		}
	}
	w.standing("FlushFirst")
}
