package view

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
)

// answer returns the response to the request with the given index, or nil.
func (h *history) answer(request int) *scenarios.CausedMessage {
	for i := range h.Messages {
		if h.Messages[i].Of == request {
			return &h.Messages[i]
		}
	}
	return nil
}

// lastRequest returns the index of the last request of a kind that a machine sent, or -1. If to is not empty, only requests
// to that machine are considered.
func (h *history) lastRequest(from, to string, is func(*scenarios.CausedMessage) bool) int {
	for i := len(h.Messages) - 1; i >= 0; i-- {
		if m := &h.Messages[i]; m.Request != nil && m.From == from && (to == "" || m.To == to) && is(m) {
			return i
		}
	}
	return -1
}

// fate adds a request and what happened to it. The request did not arrive, or has no response, or its response did not
// arrive. Otherwise fate adds the response.
func (w explainer) fate(request int, sentence string) {
	m, now := &w.Messages[request], w.time(w.end())
	a := w.answer(request)
	switch {
	case m.Got < 0:
		w.at(LinkLost, m.Sent, "%s; it has not arrived", sentence)
		w.setMachine(m.From)
		w.lost(m, now)
	case a == nil:
		w.at(LinkLost, m.Sent, "%s; %s has it and has not answered", sentence, m.To)
		w.setMachine(m.From)
		w.silent(m)
	case a.Got < 0:
		w.at(LinkLost, a.Sent, "answers the %s of %s; the response has not arrived", apiName(m), m.From)
		w.setMachine(m.To)
		w.lost(a, now)
	default:
		w.at(LinkMessage, m.Sent, "%s; %s answers %s", sentence, m.To, answerInWords(a.Response))
		w.setMachine(m.From)
	}
}

// silent explains why a server has not answered a request that it has received. The server is down or slow, or it is a
// controller and its writes are not committed.
func (w explainer) silent(m *scenarios.CausedMessage) {
	now := w.time(w.end())
	if w.fault(w.down(m.To, m.GotAt, now)) || w.fault(w.hampered(m.To, m.GotAt, now)) {
		return
	}
	k := w.last(len(w.Changes), func(c *scenarios.CausedChange) bool { return c.Kind == check.VoterChanged && w.node(c.Node) == m.To })
	if k < 0 {
		return
	}
	c := &w.Changes[k]
	_, ends := w.metadataEnd(m.To, w.end())
	if c.Quorum.Leads {
		w.at(LinkState, c.Event, "leads the metadata quorum in epoch %d: its log ends at %d, and %d is committed", c.Quorum.Epoch, ends, c.Quorum.HW)
		w.setMachine(m.To)
		w.standing("CheckQuorum")
		w.ruledWithin(uint64(max(m.Got, 0)), w.end(), "CheckQuorum")
		w.isolatedFrom(m.To, 'c')
	}
}

// isolatedFrom adds the last fault that still keeps a machine from machines of one kind.
func (w explainer) isolatedFrom(machine string, kind byte) {
	now := w.time(w.end())
	for i := len(w.Faults) - 1; i >= 0; i-- {
		f := &w.Faults[i]
		begun, over := w.span(i)
		if begun > now || over < now || isEnd(f.Kind) || f.From == "" || f.To == "" {
			continue
		}
		if f.From == machine && f.To != machine && f.To[0] == kind || f.To == machine && f.From != machine && f.From[0] == kind {
			w.fault(i)
			return
		}
	}
}

// forgotten explains the request that a finding names. A server has received this request and has not answered it.
func (w explainer) forgotten(f check.Finding) bool {
	for i := range w.Messages {
		m := &w.Messages[i]
		if m.Request == nil || m.Got < 0 || kmsg.NameForKey(m.Request.Key()) != f.Fact.Subject.Name || w.answer(i) != nil ||
			!strings.HasPrefix(f.Explanation, m.To+" ") || !strings.Contains(f.Explanation, " of "+m.From+" ") {
			continue
		}
		w.ask("Why does %s not answer?", m.To)
		w.fate(i, "sends the "+apiName(m)+" to "+m.To)
		return true
	}
	return false
}

// hanging explains why a client gets no answer: it is paused or down, its last request of a kind hangs, or it sends none.
func (w explainer) hanging(client string) {
	end := w.end()
	if i := w.down(client, w.time(end), w.time(end)); i >= 0 {
		for k := i; k >= 0 && w.Faults[i].Kind == "pause"; k-- { // several lines may pause it
			if _, over := w.span(k); w.Faults[k].From == client && w.Faults[k].Kind == "pause" && over > w.time(end) {
				i = k
			}
		}
		how := "is down"
		if w.Faults[i].Kind == "pause" {
			how = "is paused"
		}
		w.at(LinkState, end, "%s when the run ends%s", how, w.unsent(client, w.Faults[i].Event))
		w.setMachine(client)
		w.fault(i)
		return
	}
	i := w.lastRequest(client, "", func(m *scenarios.CausedMessage) bool { return true })
	if i < 0 {
		w.at(LinkState, end, "has sent no request%s", w.unsent(client, 0))
		w.setMachine(client)
		return
	}
	if k := w.pending(client); k >= 0 {
		m := &w.Messages[k]
		w.fate(k, "sends its last "+apiName(m)+" to "+m.To)
		return
	}
	m := &w.Messages[i]
	w.at(LinkState, m.Sent, "sends its last request, the %s to %s; %s answers %s, and no request follows%s",
		strings.TrimSuffix(apiName(m), " request"), m.To, m.To, answerInWords(w.answer(i).Response), w.unsent(client, m.Sent))
	w.setMachine(client)
}

// pending returns the last request of a client that has no answer and that no later request of its kind has followed, or -1.
func (w explainer) pending(client string) int {
	later := map[int16]bool{}
	for i := len(w.Messages) - 1; i >= 0; i-- {
		m := &w.Messages[i]
		if m.Request == nil || m.From != client || later[m.Request.Key()] {
			continue
		}
		later[m.Request.Key()] = true
		if a := w.answer(i); a == nil || a.Got < 0 {
			return i
		}
	}
	return -1
}

// unsent says which record a line gave to a client after an event, as the end of a sentence, or "".
func (w explainer) unsent(client string, since uint64) string {
	for _, s := range w.Sends {
		if s.Client == client && s.Event >= since {
			return fmt.Sprintf(", with %s to send (line %d)", quote([]string{s.Value}), s.Line)
		}
	}
	return ""
}

// answerInWords returns a response in words: its first error, or that it has none.
func answerInWords(r any) string {
	switch r := r.(type) {
	case *kmsg.BrokerHeartbeatResponse:
		if r.ErrorCode == 0 {
			return fmt.Sprintf("fenced %v, caught up %v", r.IsFenced, r.IsCaughtUp)
		}
		return ErrorName(r.ErrorCode)
	case *kmsg.BrokerRegistrationResponse:
		return ErrorName(r.ErrorCode)
	case *kmsg.ProduceResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				return ErrorName(p.ErrorCode)
			}
		}
	case *kmsg.AlterPartitionResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					return fmt.Sprintf("with partition epoch %d", p.PartitionEpoch)
				}
				return ErrorName(p.ErrorCode)
			}
		}
		return ErrorName(r.ErrorCode)
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			return ErrorName(t.ErrorCode)
		}
	}
	return "it"
}
