package view

import (
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios"
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
