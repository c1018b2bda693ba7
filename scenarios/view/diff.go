package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"samsa/check"
	"samsa/scenarios"
)

// Diff is the comparison of two runs as one object, for --json, text and screens. New versions may add fields but never
// remove one.
type Diff struct {
	Schema      string        `json:"schema"` // "samsa.diff/1"
	Equal       bool          `json:"equal"`
	Runs        [2]DiffRun    `json:"runs"`
	First       *DiffMoment   `json:"first,omitempty"`   // the first event that notes, changes or sends something else
	Visible     *DiffMoment   `json:"visible,omitempty"` // the first event that differs in its time, machine or message
	Machines    []DiffMachine `json:"machines"`          // each machine's first note that differs, sorted by time
	Findings    []DiffFinding `json:"findings"`          // the checks with different statuses in the two runs
	Interrupted bool          `json:"interrupted,omitempty"`
}

// DiffRun is one of the two runs.
type DiffRun struct {
	Name      string   `json:"name"`
	Scenario  string   `json:"scenario"`
	Seed      string   `json:"seed"` // decimal; a string because JSON numbers are exact only up to 2^53
	Rules     []string `json:"rules"`
	Settings  []string `json:"settings"`
	Verdict   string   `json:"verdict"` // "ok", "violated", "unknown"
	Stopped   string   `json:"stopped,omitempty"`
	Hash      string   `json:"hash"`
	Events    uint64   `json:"events"`
	Steps     uint64   `json:"steps"`
	VirtualNS int64    `json:"virtual_ns"`
}

// DiffMoment holds two events with the same index, one of each run. A or B is nil if its run has ended before that index.
type DiffMoment struct {
	A *DiffEvent `json:"a"`
	B *DiffEvent `json:"b"`
}

// DiffEvent is one event.
type DiffEvent struct {
	Event     uint64   `json:"event"`
	Step      uint64   `json:"step,omitempty"`
	VirtualNS int64    `json:"virtual_ns"`
	Machine   string   `json:"machine"` // empty for a line of the scenario
	Text      string   `json:"text"`
	Lines     []string `json:"lines,omitempty"` // the lines of the scenario that started since the previous event
	Notes     []string `json:"notes"`
	Effects   []string `json:"effects,omitempty"` // of Diff.First: what the event changes or sends in this run alone
}

// DiffMachine holds the first two notes of a machine that differ, one from each run. A or B is nil if the machine makes
// no more notes in that run.
type DiffMachine struct {
	Machine string    `json:"machine"`
	InStory bool      `json:"in_story"` // whether the notes are in the story; if not, the machine's story is the same
	A       *DiffNote `json:"a"`
	B       *DiffNote `json:"b"`
}

// DiffNote is one note.
type DiffNote struct {
	Event     uint64 `json:"event"`
	Step      uint64 `json:"step,omitempty"`
	VirtualNS int64  `json:"virtual_ns"`
	Text      string `json:"text"`
}

// DiffFinding is a check with different statuses in the two runs.
type DiffFinding struct {
	Check string   `json:"check"`
	A     Property `json:"a"`
	B     Property `json:"b"`
}

// at returns the time of the earlier note.
func (m DiffMachine) at() int64 {
	at := int64(math.MaxInt64)
	for _, n := range [2]*DiffNote{m.A, m.B} {
		if n != nil {
			at = min(at, n.VirtualNS)
		}
	}
	return at
}

// diffRun returns one run of the comparison.
func diffRun(r *differRun, v *scenarios.Verdict) DiffRun {
	out := DiffRun{Name: r.Name, Scenario: r.Program.File.Name, Seed: strconv.FormatUint(r.session.Seed(), 10), Rules: []string{}, Settings: []string{}}
	for _, s := range r.Options.Set {
		out.Settings = append(out.Settings, s.Name+"="+s.Value)
	}
	if v != nil {
		out.Rules = append(out.Rules, v.Rules...)
		out.Verdict, out.Stopped, out.Hash = verdictWord(v.Conclude(nil)), v.Stopped, fmt.Sprintf("%016x", v.Hash)
		out.Events, out.Steps, out.VirtualNS = v.Events, v.Steps, int64(v.Time)
	}
	return out
}

// property returns a finding as a Property, its form in a report.
func property(f check.Finding) Property {
	return Property{Name: f.Check.Name, Status: f.Status.String(), Step: f.Step, Explanation: f.Explanation, Clause: f.Clause, Known: f.Known}
}

// Text returns the comparison as text, at most 80 columns wide.
func (d Diff) Text() string {
	var b strings.Builder
	for i, r := range d.Runs {
		b.WriteString(fill(clean(r.Name), string(rune('a'+i))+"  ", "   ") + "\n")
	}
	b.WriteString("\n")
	switch {
	case d.Equal && d.Interrupted:
		fmt.Fprintf(&b, "interrupted; the runs are the same so far, up to event %s at %s\n", thousands(d.Runs[0].Events), Seconds(d.Runs[0].VirtualNS))
		return b.String()
	case d.Equal:
		fmt.Fprintf(&b, "the runs are the same: %s events, hash %s, verdict %s\n", thousands(d.Runs[0].Events), d.Runs[0].Hash, d.Runs[0].Verdict)
		return b.String()
	}
	if d.First != nil {
		d.moments(&b)
	}
	if len(d.Machines) > 0 {
		b.WriteString("\nwhat each machine notes first that the other run does not\n node      step       time  note\n")
		for _, m := range d.Machines {
			m.text(&b)
		}
	} else if d.First != nil {
		b.WriteString("\n" + fill("every machine notes the same in both runs; only times and messages differ", "", "") + "\n")
	}
	d.findings(&b)
	b.WriteString("\n")
	for i, r := range d.Runs {
		fmt.Fprintf(&b, "%c         verdict %-9s %s events   %s   hash %s\n", 'a'+i, r.Verdict, thousands(r.Events), Seconds(r.VirtualNS), r.Hash)
		if r.Stopped != "" {
			b.WriteString(fill(clean(r.Stopped), "          ended: ", "          ") + "\n")
		}
	}
	if d.Interrupted {
		b.WriteString("interrupted: what follows was not compared\n")
	}
	return b.String()
}

// findings writes the checks with different statuses in the two runs. Checks that found nothing in either run share a
// line if they have the same statuses.
func (d Diff) findings(b *strings.Builder) {
	b.WriteString("\nwhat the judges say differently\n")
	var order []string
	quiet := map[string][]string{}
	for _, f := range d.Findings {
		statuses := fmt.Sprintf("a %s, b %s", strings.ToUpper(f.A.Status), strings.ToUpper(f.B.Status))
		if f.A.found()+f.B.found() == "" {
			if quiet[statuses] == nil {
				order = append(order, statuses)
			}
			quiet[statuses] = append(quiet[statuses], f.Check)
			continue
		}
		fmt.Fprintf(b, "  %-26s %s\n", f.Check, statuses)
		if text := f.A.found(); text != "" && text == f.B.found() {
			b.WriteString(fill(clean(text), "    both  ", "          ") + "\n")
			continue
		}
		for i, p := range [2]Property{f.A, f.B} {
			if text := p.found(); text != "" {
				b.WriteString(fill(clean(text), fmt.Sprintf("    %c  ", 'a'+i), "       ") + "\n")
			}
		}
	}
	for _, statuses := range order {
		b.WriteString(fill(strings.Join(quiet[statuses], ", "), "  "+statuses+": ", "    ") + "\n")
	}
	if len(d.Findings) == 0 {
		b.WriteString("  nothing: every check has the same status in both runs\n")
	}
}

// found returns the explanation of a finding, unless its check held or was not exercised.
func (p Property) found() string {
	if p.Status == "held" || p.Status == "unexercised" {
		return ""
	}
	return p.Explanation
}

// moments writes the first event after which the hashes differ, and the first event that differs in its time, machine or
// message.
func (d Diff) moments(b *strings.Builder) {
	f := d.First
	if f.A == nil || f.B == nil {
		run, e := "a", f.A
		if e == nil {
			run, e = "b", f.B
		}
		fmt.Fprintf(b, "the other run has ended when %s goes on\n", run)
		e.text(b, run, true)
		return
	}
	fmt.Fprintf(b, "the first event that differs is event %s\n", thousands(f.A.Event))
	if looks(f.A) == looks(f.B) {
		f.A.text(b, "both", false)
		an, bn := f.A.did(), f.B.did()
		if an == bn {
			b.WriteString(fill("It changes the machine in another way, or sends other messages; what it notes is the same.", "  ", "  ") + "\n")
		}
		for i, e := range [2]*DiffEvent{f.A, f.B} {
			if an == bn {
				break
			}
			b.WriteString(fill(clean(cmp.Or(e.did(), f.idle())), fmt.Sprintf("  %-15c  then  ", 'a'+i), strings.Repeat(" ", 25)) + "\n")
		}
	} else {
		f.text(b)
	}
	if v := d.Visible; v != nil && v.A != nil && v.B != nil && v.A.Event != f.A.Event {
		b.WriteString("\nthe first message, timer or line that differs\n")
		v.text(b)
	}
}

// text writes both events. If only their times differ, and by too little to be seen, the second event is written as the
// difference between the times.
func (m *DiffMoment) text(b *strings.Builder) {
	var one, other strings.Builder
	m.A.text(&one, "a", true)
	m.B.text(&other, "a", true)
	b.WriteString(one.String())
	if one.String() != other.String() || m.A.VirtualNS == m.B.VirtualNS {
		m.B.text(b, "b", true)
		return
	}
	by, when := m.B.VirtualNS-m.A.VirtualNS, "later"
	if by < 0 {
		by, when = -by, "earlier"
	}
	fmt.Fprintf(b, "  b    the same, %s %s\n", shortTime(by), when)
}

// shortTime formats a time below one millisecond.
func shortTime(ns int64) string {
	if ns < 1000 {
		return fmt.Sprintf("%d ns", ns)
	}
	return fmt.Sprintf("%d.%03d µs", ns/1000, ns%1000)
}

// did returns what an event notes, changes and sends.
func (e *DiffEvent) did() string { return strings.Join(slices.Concat(e.Notes, e.Effects), "; ") }

// idle says that one of the events does nothing of what the other does.
func (m *DiffMoment) idle() string {
	if len(m.A.Effects)+len(m.B.Effects) > 0 {
		return "does nothing of that"
	}
	return "notes nothing"
}

// looks returns the parts of an event that do not depend on the reaction of its machine.
func looks(e *DiffEvent) string {
	return fmt.Sprint(e.VirtualNS, e.Machine, e.Text, e.Lines)
}

// text writes an event of one run, or of both.
func (e *DiffEvent) text(b *strings.Builder, run string, notes bool) {
	head := fmt.Sprintf("  %-4s %10s  %-5s ", run, Seconds(e.VirtualNS), clean(e.Machine))
	indent := strings.Repeat(" ", len(head))
	for _, l := range e.Lines {
		b.WriteString(fill(clean(l), fmt.Sprintf("  %-4s %10s  > ", run, Seconds(e.VirtualNS)), indent) + "\n")
	}
	text := e.Text
	if notes && len(e.Notes) > 0 {
		text += ": " + strings.Join(e.Notes, "; ")
	}
	b.WriteString(fill(clean(text), head, indent) + "\n")
}

// text writes the notes of both runs.
func (m DiffMachine) text(b *strings.Builder) {
	name := clean(m.Machine)
	for i, n := range [2]*DiffNote{m.A, m.B} {
		head := fmt.Sprintf(" %-5s %c  ", name, 'a'+i)
		name = ""
		if n == nil {
			b.WriteString(head + strings.Repeat(" ", 18) + "notes nothing more\n")
			continue
		}
		step := "-"
		if n.Step > 0 {
			step = fmt.Sprint(n.Step)
		}
		head += fmt.Sprintf("%5s %10s  ", step, Seconds(n.VirtualNS))
		b.WriteString(fill(clean(n.Text), head, strings.Repeat(" ", len(head)+2)) + "\n")
	}
}
