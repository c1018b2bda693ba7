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

// trail explains the findings for which there are no better questions. It only follows the messages that led to an event.
type trail struct{ *why }

// plain explains a finding by the messages that led to its event, each with the event that sent it.
func (w trail) plain(f check.Finding, i int) {
	c := &w.Changes[i]
	machine := ""
	if c.Event < uint64(len(w.Events)) {
		machine = w.Events[c.Event].Machine
	}
	sentence, ok := strings.CutPrefix(f.Explanation, machine+" ")
	if !ok {
		machine = ""
	}
	w.symptom(f, i, machine, "%s", sentence)
	if c.Kind == check.ControllerReplied && f.Check.Name == "reply-after-commit" {
		w.uncommitted(c)
		w.standing("AnswerCommitted")
		w.answeredEarly(c)
	}
	w.ask("What led to it?")
	w.messages(c.Event, 5)
	w.ask("Which faults were active?")
	w.active(w.time(c.Event))
}

// uncommitted adds how far a controller's metadata log is committed when the controller answers.
func (w trail) uncommitted(c *scenarios.CausedChange) {
	p := w.metadata()
	k := w.last(len(w.Changes), func(o *scenarios.CausedChange) bool {
		return o.Kind == check.VoterChanged && o.Node == c.Reply.From && o.Event <= c.Event
	})
	if p == nil || k < 0 {
		return
	}
	log := w.log(part{p, c.Reply.From}, w.changeAt(c.Event))
	w.ask("Why is it not committed?")
	w.at(LinkState, c.Event, "answers with a log that ends at %d and a high watermark of %d", end(log), w.Changes[k].Quorum.HW)
	w.setMachine(w.node(c.Reply.From))
}

// answeredEarly adds what became of a change that a controller answered before it was committed: which voters had it at that
// time, and when it was committed or lost. If it was committed, the first such change of the run that was lost follows.
func (w trail) answeredEarly(c *scenarios.CausedChange) {
	p := w.metadata()
	if p == nil {
		return
	}
	at := w.changeAt(c.Event)
	log := w.log(part{p, c.Reply.From}, at)
	if len(log) == 0 {
		return
	}
	x, who := log[len(log)-1], w.node(c.Reply.From)
	w.ask("What does that break?")
	w.at(LinkEvent, c.Event, "has answered, and %s has offset %d: it may be lost if %s fails", w.copiesOf(p, x.Batch, at), x.Base, who)
	w.setMachine(who)
	if k := w.removal(part{p, c.Reply.From}, x.Batch, len(w.Changes)); k >= 0 {
		w.forgets(p, k, x.Batch)
		return
	}
	if k := w.first(len(w.Changes), func(o *scenarios.CausedChange) bool {
		return o.Kind == check.VoterChanged && o.Node == c.Reply.From && o.Event >= c.Event && o.Quorum.HW >= x.Next
	}); k >= 0 {
		w.at(LinkEvent, w.Changes[k].Event, "commits it %s after the answer", shortSpan(w.time(w.Changes[k].Event)-w.time(c.Event)))
		w.setMachine(who)
	}
	for k := at; k < len(w.Changes); k++ {
		if o := &w.Changes[k]; o.Kind == check.BatchesRemoved && o.Partition == p {
			for _, b := range o.Removed {
				if m := w.answeredIn(p, b, o.Node); m != nil {
					w.ask("Was an answered change lost?")
					w.at(LinkMessage, m.Sent, "answers the %s of %s, and %s has offset %d", strings.TrimSuffix(apiName(m), " response"), m.To, w.copiesOf(p, b, w.changeAt(m.Sent)), b.Base)
					w.setMachine(m.From)
					w.forgets(p, k, b)
					return
				}
			}
		}
	}
}

// forgets adds the change at the index k, in which a voter lost a batch of the metadata log.
func (w trail) forgets(p *check.Partition, k int, b check.Batch) {
	o := &w.Changes[k]
	how := "truncates its log to " + itoa(int64(o.Removed[0].Base))
	if o.By != "" {
		how = "loses it by the " + o.By
	}
	w.at(LinkLost, o.Event, "%s: the answered change is lost", how)
	w.setMachine(w.node(o.Node))
}

// answeredIn returns the successful response that a controller sent in the event in which it appended a batch to its metadata log
// as the leader, or nil.
func (w trail) answeredIn(p *check.Partition, b check.Batch, voter wire.NodeID) *scenarios.CausedMessage {
	i := w.origin(p, b)
	if i < 0 || w.Changes[i].Node != voter {
		return nil
	}
	for k := range w.Messages {
		m := &w.Messages[k]
		if m.Sent != w.Changes[i].Event || m.Response == nil || m.Of < 0 || m.From != w.node(voter) {
			continue
		}
		switch m.Response.(type) {
		case *kmsg.FetchResponse, *kmsg.VoteResponse, *kmsg.BrokerHeartbeatResponse:
		default:
			return m
		}
	}
	return nil
}

// copiesOf says which voters have a batch of the metadata log after a change.
func (w trail) copiesOf(p *check.Partition, b check.Batch, at int) string {
	var have []string
	seen := map[wire.NodeID]bool{}
	for i := 0; i <= at; i++ {
		if c := &w.Changes[i]; c.Kind == check.BatchAppended && c.Partition == p && !seen[c.Node] {
			seen[c.Node] = true
			if w.has(part{p, c.Node}, b, at) {
				have = append(have, w.node(c.Node))
			}
		}
	}
	if len(have) == 1 {
		return "only " + have[0]
	}
	return inWords(have)
}

// shortSpan formats a time: below a second in milliseconds.
func shortSpan(ns int64) string {
	if ns >= second {
		return Seconds(ns)
	}
	return fmt.Sprintf("%d.%d ms", ns/1_000_000, ns/100_000%10)
}

// messages follows messages back from an event, and adds up to n events. The first added event sent the message that the
// given event handled. Each further event sent the message that the event added before it handled.
func (w trail) messages(event uint64, n int) {
	for range n {
		m := w.message(event)
		if m == nil {
			return
		}
		late := ""
		if m.GotAt-m.SentAt > tooLong {
			late = "; it needs " + Seconds(m.GotAt-m.SentAt)
		}
		w.at(LinkMessage, m.Sent, "sends the %s to %s%s", apiName(m), m.To, late)
		w.setMachine(m.From)
		event = m.Sent
	}
}

// isEnd reports whether a fault verb ends faults.
func isEnd(kind string) bool {
	return slices.Contains([]string{"heal", "start", "resume", "fast cpu", "disk heal"}, kind)
}

// active adds the faults that were active at a time.
func (w trail) active(now int64) {
	said := map[int]bool{}
	for i := len(w.Faults) - 1; i >= 0 && len(said) < 4; i-- {
		f := &w.Faults[i]
		if begun, over := w.span(i); begun > now || over < now || isEnd(f.Kind) || said[f.Line] {
			continue
		}
		said[f.Line] = true
		w.fault(i)
	}
}

// latest adds the last three steps of the story that are about the subject of a finding, the latest first. If a promise
// to recover is broken, something did not happen, so the chain can only show what happened last.
func (w trail) latest(of check.Subject) {
	w.ask("What happened to it last?")
	said := 0
	for i := len(w.Events) - 1; i >= 0 && said < 3; i-- {
		e := &w.Events[i]
		for _, n := range e.Notes {
			text := Sentence(scenarios.Note{Kind: n.Kind, Args: n.Field}, w.names)
			if n.Kind.Story && said < 3 && (e.Machine == of.Name || slices.Contains(strings.FieldsFunc(text, between), of.Name)) {
				said++
				w.at(LinkEvent, uint64(i), "%s", text)
			}
		}
	}
}

// between reports whether a character separates the words of a sentence.
func between(r rune) bool { return r == ' ' || r == ',' || r == ':' }

// lastEvent returns the event of the last step up to the given step. If the given step is 0, there is no such limit.
func (w trail) lastEvent(step uint64) uint64 {
	at := uint64(0)
	for i := range w.Events {
		if s := w.Events[i].Step; s > 0 && (s <= step || step == 0) {
			at = uint64(i)
		}
	}
	return at
}
