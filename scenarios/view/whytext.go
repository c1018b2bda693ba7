package view

import (
	"fmt"
	"strings"

	"samsa/scenarios"
)

// Text returns the chain as text, at most 80 columns wide, in the columns of a story:
//
//	step      time  node
//	  14   17.632s  b3  leads orders-0 in epoch 2 without offset 0 ("a" of p1)
//	Why does b3 not have it?
//	  11    9.622s  b3  truncates its log from 1 to 0: to its own high watermark
//	  8+    0.641s  b3  sends b1 a Fetch from offset 1, and has "a" at that time
func (c *Chain) Text() string {
	var b strings.Builder
	b.WriteString(" step      time  node\n")
	for _, l := range c.Links {
		if l.Question != "" {
			b.WriteString(fill(clean(l.Question), " ", "   ") + "\n")
		}
		step, who := "", clean(l.Machine)
		switch {
		case l.Step > 0:
			step = fmt.Sprint(l.Step)
		case l.After > 0:
			step = fmt.Sprintf("%d+", l.After)
		}
		switch l.Kind {
		case LinkFault:
			step, who = "", "  >" // a story shows a line of the scenario in this form
		case LinkPrice:
			who = "  ="
		case LinkRule:
			step, who = "", "  !"
		}
		head := fmt.Sprintf("%5s %9s  %-3s ", step, Seconds(l.Time), who)
		if l.Kind == LinkRule || l.Kind == LinkPrice {
			head = fmt.Sprintf("%5s %9s  %-3s ", "", "", who)
		}
		b.WriteString(fill(clean(l.Sentence), head, strings.Repeat(" ", len(head))) + "\n")
	}
	return b.String()
}

// WhyReport is the explanation of a finding as one object, for --json and for the text. New versions may add fields but
// never remove one.
type WhyReport struct {
	Schema      string   `json:"schema"` // "samsa.why/1"
	Scenario    string   `json:"scenario"`
	Seed        string   `json:"seed"` // decimal; a string because JSON numbers are exact only up to 2^53
	Rules       []string `json:"rules"`
	Hash        string   `json:"hash"`
	Finding     Property `json:"finding"`
	Promise     string   `json:"promise"` // what the check demands, in one sentence
	Links       []Link   `json:"links"`
	Others      []string `json:"others"` // the other checks that are violated
	Tried       []Tried  `json:"tried"`
	Untried     int      `json:"untried"` // the changes that were not tried, because of an interrupt or the limit of events
	Interrupted bool     `json:"interrupted,omitempty"`
}

// Tried is one change of the scenario, and the status that the check has with this change.
type Tried struct {
	Kind    string `json:"kind"`           // "rule", "config", "fault", "operation"
	Line    int    `json:"line,omitempty"` // the line that changes, 0 for a flag
	Text    string `json:"text"`           // "without line 11 (crash b1)"
	Status  string `json:"status"`         // the status of the check in the changed run
	Passes  bool   `json:"passes"`
	Stopped string `json:"stopped,omitempty"` // why the changed run ended early
	Clock   string `json:"clock,omitempty"`   // the line that was added at the end, if the run would otherwise have ended before the failure
}

// Text returns the report as text, at most 80 columns wide. The parameter "again" is the command that repeats the run.
func (r *WhyReport) Text(again string) string {
	var b strings.Builder
	word := strings.ToUpper(r.Finding.Status)
	if r.Finding.Step > 0 {
		word += fmt.Sprintf(" at step %d", r.Finding.Step)
	}
	if r.Finding.Name == scenarios.OfRest {
		b.WriteString(strings.Replace(word, "VIOLATED", "the run does not become quiet: it is STUCK", 1) + "\n")
	} else {
		fmt.Fprintf(&b, "%s is %s\n", r.Finding.Name, word)
	}
	b.WriteString(fill(clean(r.Promise), "promise   ", "          ") + "\n\n")
	b.WriteString((&Chain{Links: r.Links}).Text())
	for _, l := range r.Links {
		if l.After > 0 && l.Kind != LinkFault && l.Kind != LinkRule {
			fmt.Fprintf(&b, " %d+ is after step %d of the story, and before step %d\n", l.After, l.After, l.After+1)
			break
		}
	}
	b.WriteString("\n")
	r.changes(&b)
	if len(r.Others) > 0 {
		b.WriteString(fill(strings.Join(r.Others, ", "), "also violated: ", "  ") + "\n")
	}
	b.WriteString(keep("again     "+again, "") + "\n")
	return b.String()
}

// holds says that the finding is gone.
func (r *WhyReport) holds() string {
	if r.Finding.Name == scenarios.OfRest {
		return "the run becomes quiet"
	}
	return r.Finding.Name + " holds"
}

// changes writes the changes that were tried: those with which the check holds, one per line, and the others by their
// status.
func (r *WhyReport) changes(b *strings.Builder) {
	if len(r.Tried) == 0 && !r.Interrupted {
		return
	}
	var whole, early []string
	rest := map[string][]string{}
	for _, t := range r.Tried {
		if t.Passes && t.Status == "unexercised" {
			t.Text += "; nothing exercises it then"
		}
		switch {
		case t.Passes && t.Stopped == "":
			whole = append(whole, t.Text)
		case t.Passes:
			early = append(early, t.Text+waits(t.Stopped))
		default:
			rest[t.Status] = append(rest[t.Status], brief(t))
		}
	}
	switch {
	case len(r.Tried) == 0:
	case len(whole)+len(early) == 0:
		b.WriteString(fill("with no single change that was tried does it hold", "", "") + "\n")
	default:
		fmt.Fprintf(b, "%s\n", r.holds())
	}
	for _, text := range append(whole, early...) {
		b.WriteString(fill(clean(text), "  ", "    ") + "\n")
	}
	for _, status := range [...]string{"violated", "priced", "unknown", "unexercised"} {
		label := status
		switch status {
		case r.Finding.Status:
			label = "still " + status
			if r.Finding.Name == scenarios.OfRest {
				label = "still stuck"
			}
		case "unexercised":
			label = "not exercised"
		}
		if len(rest[status]) > 0 {
			b.WriteString(fill(clean(strings.Join(rest[status], ", ")), label+": ", "  ") + "\n")
		}
	}
	fmt.Fprintf(b, "%d changes tried, one at a time", len(r.Tried))
	switch {
	case r.Interrupted:
		fmt.Fprintf(b, "; interrupted, %d not tried", r.Untried)
	case r.Untried > 0:
		fmt.Fprintf(b, "; the runs are long, so %d are not tried", r.Untried)
	}
	b.WriteString("\n")
}

// waits says where a changed run ends early.
func waits(stopped string) string {
	if line, _, ok := strings.Cut(stopped, ":"); ok && strings.HasPrefix(line, "line ") {
		return "; " + line + " then waits in vain"
	}
	return "; the run then ends early"
}

// brief returns, in few words, a change that does not help.
func brief(t Tried) string {
	text := t.Text
	if t.Line > 0 && t.Kind != "config" {
		text = fmt.Sprintf("without line %d", t.Line)
	}
	if t.Clock != "" {
		text += " (and with `" + t.Clock + "` at the end)"
	}
	return text
}
