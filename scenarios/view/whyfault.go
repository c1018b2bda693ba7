package view

import (
	"fmt"
	"strings"

	"samsa/scenarios"
)

// after is the end time of a fault that the run did not end.
const after = int64(1) << 62

const second = int64(1_000_000_000)

// span returns the time in which a fault has an effect.
func (h *history) span(i int) (from, to int64) {
	f := &h.Faults[i]
	from, to = f.Time, after
	if f.For > 0 {
		to = f.Time + int64(f.For)
	}
	switch f.Kind {
	case "link reset", "link prefix":
		return from, from + 1
	case "link half-open": // until the client's requests time out
		return from, from + 30*second
	case "link stalled":
		to = from + max(int64(f.For), 2*second)
	}
	for k := i + 1; k < len(h.Faults); k++ {
		if e := &h.Faults[k]; e.From == f.From && e.To == f.To && ends(f, e) {
			return from, min(to, e.Time)
		}
	}
	return from, to
}

// ends reports whether a later fault of the same machine or path ends an earlier one.
func ends(f, later *scenarios.CausedFault) bool {
	switch f.Kind {
	case "crash", "power", "stop":
		return later.Kind == "start"
	case "pause":
		return later.Kind == "resume" || later.Kind == "crash" || later.Kind == "power"
	case "slow cpu":
		return later.Kind == "fast cpu"
	case "slow":
		return later.Kind == "heal" || later.Kind == "slow"
	}
	if strings.HasPrefix(f.Kind, "disk ") {
		return later.Kind == "disk heal"
	}
	return later.Kind == "heal"
}

// paths adds the last fault of the path from one machine to another in a span of time, and an earlier fault if there is
// one.
func (w *why) paths(from, to string, since, until int64) bool {
	i := w.path(from, to, since, until)
	if i < 0 {
		return false
	}
	w.fault(i)
	if begun, _ := w.span(i); begun > since {
		w.fault(w.path(from, to, since, begun-1))
	}
	return true
}

// path returns the last fault that held messages back on the path from one machine to another during a span of time, or
// -1 if there is none.
func (h *history) path(from, to string, since, until int64) int {
	for i := len(h.Faults) - 1; i >= 0; i-- {
		f := &h.Faults[i]
		if from == to || f.Kind == "heal" || f.Kind == "slow" && f.By == 0 {
			continue
		}
		// A fault of connections hits the connections that From has opened, in both directions.
		if there := f.From == from && f.To == to; !there && !(strings.HasPrefix(f.Kind, "link ") && f.From == to && f.To == from) {
			continue
		}
		begun, over := h.span(i)
		if f.Kind == "slow" {
			over += int64(f.By)
		}
		if begun <= until && over >= since && begun < over {
			return i
		}
	}
	return -1
}

// down returns the index of the last fault that kept a machine down at some time of a span, or -1 if there is none.
func (h *history) down(machine string, since, until int64) int {
	for i := len(h.Faults) - 1; i >= 0; i-- {
		f := &h.Faults[i]
		if f.From != machine || f.To != machine || f.Kind != "crash" && f.Kind != "power" && f.Kind != "stop" && f.Kind != "pause" {
			continue
		}
		if begun, over := h.span(i); begun <= until && over > since {
			return i
		}
	}
	return -1
}

// hampered returns the index of the last fault that slowed a machine or its disk at some time of a span, or -1 if there is
// none.
func (h *history) hampered(machine string, since, until int64) int {
	for i := len(h.Faults) - 1; i >= 0; i-- {
		f := &h.Faults[i]
		if f.From != machine || f.To != machine || f.Kind != "slow cpu" && f.Kind != "disk slow" && f.Kind != "disk stalled" {
			continue
		}
		if begun, over := h.span(i); begun <= until && over > since {
			return i
		}
	}
	return -1
}

// fault adds a fault of the scenario with its line.
func (w *why) fault(i int) bool {
	if i < 0 {
		return false
	}
	f := &w.Faults[i]
	text, effect := w.lineText(f.Line), w.effect(f)
	if text == "" {
		text = strings.TrimSpace(f.Kind + " " + f.From)
	}
	if f.Line > 0 {
		text = fmt.Sprintf("line %d: %s", f.Line, text)
	}
	l := Link{Kind: LinkFault, Event: f.Event, Time: f.Time, Sentence: text + effect, Line: f.Line}
	if w.said[l.key()] && f.Line > 0 {
		w.again(f.Line)
		return true
	}
	w.add(l)
	return true
}

// again adds a line number to the last event of the chain. The chain has the line with this number already.
func (w *why) again(num int) {
	n := len(w.links) - 1
	for n >= 0 && w.links[n].Kind == LinkRule {
		n--
	}
	if n >= 0 && w.links[n].Kind != LinkFault && w.links[n].Line == 0 {
		w.links[n].Sentence += fmt.Sprintf(" (line %d)", num)
		w.links[n].Line = num
	}
}

// effect returns what a fault does, as the end of a sentence.
func (w *why) effect(f *scenarios.CausedFault) string {
	switch f.Kind {
	case "link half-open":
		return "; the connection forgets its packets"
	case "disk sync-lies":
		return "; a sync is reported complete and is not"
	case "disk lost-write":
		return "; a write does not reach the disk"
	}
	return ""
}

// lineText returns a line of the scenario, "" if there is none with that number.
func (w *why) lineText(num int) string {
	for _, b := range w.program.File.Blocks {
		for _, l := range b.Lines {
			if l.Num == num {
				return l.String()
			}
		}
	}
	return ""
}

// lost adds why a message has not arrived by a time.
func (w *why) lost(m *scenarios.CausedMessage, until int64) {
	if w.fault(w.path(m.From, m.To, m.SentAt, until)) {
		return
	}
	if w.fault(w.down(m.To, m.SentAt, until)) {
		return
	}
	w.fault(w.down(m.From, m.SentAt-1, until))
}

// late says how much later than its event a message arrives. A machine without a connection opens one first, which takes as long
// as another message on that path.
func (w *why) late(m *scenarios.CausedMessage) string {
	made := w.time(m.Sent)
	text := Seconds(m.GotAt-made) + " later"
	if m.SentAt-made > tooLong {
		text += fmt.Sprintf(": it waits %s for a connection, and is %s on its way", Seconds(m.SentAt-made), Seconds(m.GotAt-m.SentAt))
	}
	return text
}

// unheard adds the last fault that held metadata back from a broker.
func (w *why) unheard(broker string, until int64) bool {
	for n := len(w.Faults) - 1; n >= 0; n-- {
		if f := &w.Faults[n]; (f.Kind == "cut" || f.Kind == "slow" && f.By > 0) && f.To == broker && f.From[0] == 'c' && f.Time <= until {
			return w.fault(n)
		}
	}
	return false
}

// diskFault adds the last fault of a machine's disk before a time.
func (w *why) diskFault(machine string, until int64) {
	for i := len(w.Faults) - 1; i >= 0; i-- {
		if f := &w.Faults[i]; f.From == machine && len(f.Kind) > 5 && f.Kind[:5] == "disk " && f.Kind != "disk heal" && f.Time <= until {
			w.fault(i)
			return
		}
	}
}
