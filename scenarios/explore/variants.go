package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/view"
)

// A Variants search finds the single changes with which a failing scenario keeps the promise that it breaks: one old rule
// off, one config changed, one fault or one operation dropped. It runs the scenario once for each change.
//
//	line 11: crash b1      "#"                    ──run──▶ acked-durable held      a change that makes it pass
//	line 14: crash b2      "#"                    ──run──▶ acked-durable violated  one that does not
//	line 8:  acks=1        acks=all               ──run──▶ …
type Variants struct {
	check  string
	budget uint64   // the events of one run
	left   uint64   // the events of all runs together
	src    []string // the lines of the file, and the clock
	clock  string   // the line after which a changed run lasts as long as the failed one, "" if there is none
	failed string   // the status of the check in the failed run
	run    scenarios.RunOptions
	queue  []variant
	Tried  []view.Tried // in the order of the tries
}

// variant is one change that was not tried yet.
type variant struct {
	view.Tried
	lines []string
	run   scenarios.RunOptions
}

// maxVariants bounds the number of changes that a search tries, and maxEvents bounds the events of all its runs together.
const (
	maxVariants = 60
	maxEvents   = 10_000_000
)

// NewVariants begins a search. The check is violated or priced in a run of the program with these options, which ended with
// the verdict failed. Among changes of one kind, those of the lines in first are tried first. Every changed run lasts at
// least as long as that run; otherwise a run without its last line could hold only because it ends earlier.
func NewVariants(src []byte, p *scenarios.Program, run scenarios.RunOptions, check string, failed *scenarios.Verdict, first []int) *Variants {
	v := &Variants{check: check, budget: 4*failed.Events + 20_000, left: maxEvents, src: strings.Split(string(src), "\n"), run: run}
	v.failed = v.status(failed)
	if failed.Time > 0 {
		v.clock = "run until time " + scenarios.FormatSpan(failed.Time)
		v.src = append(v.src, "", v.clock)
	}
	v.run.Heard, v.run.Each = nil, nil
	for _, id := range run.Rules {
		without := v.run
		without.Rules = slices.DeleteFunc(slices.Clone(run.Rules), func(r string) bool { return r == id })
		v.queue = append(v.queue, variant{view.Tried{Kind: "rule", Text: "without --rule " + id}, v.src, without})
	}
	cmds := p.Commands()
	for i := range cmds {
		v.change(&cmds[i])
	}
	order := map[string]int{"rule": 0, "config": 1, "fault": 2, "operation": 3}
	slices.SortStableFunc(v.queue, func(a, b variant) int {
		return cmp.Or(cmp.Compare(order[a.Kind], order[b.Kind]), compareBool(slices.Contains(first, a.Line), slices.Contains(first, b.Line)))
	})
	v.queue = v.queue[:min(len(v.queue), maxVariants)]
	return v
}

// compareBool orders true before false.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// change adds the changes of one line.
func (v *Variants) change(c *scenarios.Command) {
	kind := ""
	switch {
	case c.Verb.Name == "rule":
		kind = "rule"
	case c.Verb.IsFault() && c.Verb.Name != "heal" && c.Verb.Name != "resume":
		kind = "fault"
	case c.Verb.Name == "config":
		kind = "config"
	case c.Verb.Name == "produce" || c.Verb.Name == "send" || c.Verb.Name == "elect" || c.Verb.Name == "delete" || c.Verb.Name == "grow":
		kind = "operation"
	}
	if kind != "" {
		lines := slices.Clone(v.src)
		lines[c.Line.Num-1] = "#"
		v.queue = append(v.queue, variant{view.Tried{Kind: kind, Line: c.Line.Num, Text: fmt.Sprintf("without line %d (%s)", c.Line.Num, c.Line)}, lines, v.run})
	}
	for _, part := range c.Parts() {
		if part.Kind != scenarios.KindConfig || c.Verb.Name == "config" {
			continue
		}
		value := part.Word.Value
		other, ok := safer[part.Name]
		switch {
		case ok && other != value:
			v.configure(c, part, part.Name+"="+other, fmt.Sprintf("with %s=%s on line %d, instead of %s", part.Name, other, c.Line.Num, value))
		case part.Name == "min.insync.replicas" && value == "1":
			v.configure(c, part, part.Name+"=2", fmt.Sprintf("with %s=2 on line %d, instead of 1", part.Name, c.Line.Num))
		default:
			v.configure(c, part, "", fmt.Sprintf("with the default of %s, instead of %s on line %d", part.Name, value, c.Line.Num))
		}
	}
}

// safer has the values that keep more promises.
var safer = map[string]string{"acks": "all", "unclean.leader.election.enable": "false"} //immutable: a table

// configure adds a change of one word of a line.
func (v *Variants) configure(c *scenarios.Command, part scenarios.Part, word, text string) {
	lines := slices.Clone(v.src)
	line := []rune(lines[c.Line.Num-1])
	at := part.Word.Col - 1
	old := []rune(part.Word.Raw)
	if at < 0 || at+len(old) > len(line) || string(line[at:at+len(old)]) != part.Word.Raw {
		return
	}
	lines[c.Line.Num-1] = string(line[:at]) + word + string(line[at+len(old):])
	v.queue = append(v.queue, variant{view.Tried{Kind: "config", Line: c.Line.Num, Text: text}, lines, v.run})
}

// Left returns the number of changes that were not tried yet.
func (v *Variants) Left() int { return len(v.queue) }

// Next tries one change. It returns false when no change or no budget is left. If the file cannot be read after a change,
// Next skips the change, because another line may need the dropped one.
func (v *Variants) Next() bool {
	if len(v.queue) == 0 || v.left == 0 {
		return false
	}
	next := v.queue[0]
	v.queue = v.queue[1:]
	program, err := scenarios.Load("variant", []byte(strings.Join(next.lines, "\n")))
	if err != nil {
		return len(v.queue) > 0
	}
	if v.try(program, &next) {
		v.needsClock(&next)
		v.Tried = append(v.Tried, next.Tried)
	}
	return len(v.queue) > 0
}

// needsClock tries a change that does not help again without the clock. If the check then has another status, the dropped line was
// the only one that let time pass, and the text says that the clock stands in for it.
func (v *Variants) needsClock(next *variant) {
	if v.clock == "" || next.Status != v.failed || next.Kind == "rule" || next.Kind == "config" || v.left == 0 {
		return
	}
	program, err := scenarios.Load("variant", []byte(strings.Join(next.lines[:len(next.lines)-2], "\n")))
	if err != nil {
		return
	}
	if plain := *next; v.try(program, &plain) && plain.Status != next.Status {
		next.Clock = v.clock
	}
}

// status returns the status of the check in a run, for which a cluster that becomes quiet counts as held.
func (v *Variants) status(verdict *scenarios.Verdict) string {
	if v.check == scenarios.OfRest {
		if _, stuck := scenarios.Quiet(verdict); stuck {
			return check.Violated.String()
		}
		return check.Held.String()
	}
	for _, f := range verdict.Findings {
		if f.Check.Name == v.check {
			return f.Status.String()
		}
	}
	return ""
}

// try runs one change. It returns false if the run panics or cannot begin.
func (v *Variants) try(program *scenarios.Program, next *variant) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	next.run.Events = min(v.budget, v.left)
	s := scenarios.New(program, next.run)
	defer s.Close()
	verdict, err := s.Finish()
	ran, _ := s.Progress()
	v.left -= min(v.left, ran)
	if err != nil {
		return false
	}
	next.Status = v.status(verdict)
	if verdict.Reason != scenarios.NotStopped {
		next.Stopped = verdict.Stopped
	}
	// If an operation was dropped, an unexercised check says nothing. If a rule or a fault was dropped, it is a result.
	next.Passes = next.Status == check.Held.String() || next.Status == check.Unexercised.String() && next.Kind != "operation"
	return true
}
