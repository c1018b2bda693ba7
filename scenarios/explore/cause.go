package explore

import (
	"fmt"
	"strings"

	"samsa/scenarios/view"
)

// Cause is the result of a Rewind, which finds the step at which a failure was decided. It is one object for --json, text
// and screens. New versions may add fields but never remove one.
type Cause struct {
	Schema      string        `json:"schema"` // "samsa.cause/1"
	Scenario    string        `json:"scenario"`
	Seed        string        `json:"seed"`
	Rules       []string      `json:"rules"`
	Check       string        `json:"check"`   // the check that fails, or quiet
	Class       Verdict       `json:"class"`   // "violated" or "stuck"
	Failure     string        `json:"failure"` // in words
	Failed      RewindMoment  `json:"failed_at"`
	Futures     int           `json:"futures"` // the number of futures of each rewind point
	Points      []RewindPoint `json:"points"`  // in the order of their steps
	Decided     *Decided      `json:"decided,omitempty"`
	By          By            `json:"by,omitempty"`
	Runs        int           `json:"runs"`
	Interrupted bool          `json:"interrupted"`
	Lines       int           `json:"lines"` // of the file that run
}

// By names what decided a failure.
type By string

const (
	ByStep  By = "step"  // the noise decided it at one step
	ByLines By = "lines" // the lines of the file decided it, because the run fails with almost any noise
	ByMany  By = "many"  // the noise decided it gradually, at many steps
	ByEnd   By = "end"   // the noise decided it after the last step before the failure
)

// RewindMoment is a step of the run with its time. Step 0 is the start.
type RewindMoment struct {
	Step      uint64 `json:"step"`
	VirtualNS int64  `json:"virtual_ns"`
}

// RewindPoint is a step with its futures. A future is a run that is the same as the original run up to that step.
type RewindPoint struct {
	RewindMoment
	Futures   int    `json:"futures"`
	Failed    int    `json:"failed"`
	Undecided int    `json:"undecided,omitempty"` // futures that spent the budget of events, or panicked
	Escape    string `json:"escape,omitempty"`    // a line that, added to the file, gives a future without the failure
}

// Decided is the interval of steps in which the probability of the failure rises most.
type Decided struct {
	Before RewindPoint  `json:"before"`
	After  RewindPoint  `json:"after"`
	Notes  []RewindNote `json:"notes"` // the notes of the step After
}

// RewindNote is a note of the step at which a failure was decided.
type RewindNote struct {
	Machine string `json:"machine"`
	Text    string `json:"text"`
}

// permille returns the share of futures that fail, in thousandths.
func (p *RewindPoint) permille() int {
	if decided := p.Futures - p.Undecided; decided > 0 {
		return p.Failed * 1000 / decided
	}
	return 0
}

// share returns the share of futures that fail, as in "3 of 20".
func (p *RewindPoint) share() string { return fmt.Sprintf("%d of %d", p.Failed, p.Futures-p.Undecided) }

// name returns the moment as in "step 41 (9.620s)".
func (m RewindMoment) name() string {
	if m.Step == 0 {
		return "the start"
	}
	return fmt.Sprintf("step %d (%s)", m.Step, view.Seconds(m.VirtualNS))
}

// Text returns the cause as text, 80 columns wide.
func (c *Cause) Text() string {
	var b strings.Builder
	what := c.Check + " is violated"
	if c.Class == Stuck {
		what = "the cluster does not become quiet"
	}
	b.WriteString(hang("", fmt.Sprintf("%s, seed %s: %s, at %s", c.Scenario, c.Seed, what, c.Failed.name())))
	b.WriteString(hang("  ", c.Failure))
	b.WriteString("\n" + hang("", fmt.Sprintf("Each rewind point keeps the run up to its step, and draws the noise after it %d times anew.", c.Futures)))
	b.WriteString("\n   after       time     futures that fail\n")
	for i := range c.Points {
		p := &c.Points[i]
		step := "start"
		if p.Step > 0 {
			step = fmt.Sprint(p.Step)
		}
		line := fmt.Sprintf("  %6s %10s  %9s  %s", step, view.Seconds(p.VirtualNS), p.share(), strings.Repeat("#", p.permille()*40/1000))
		if p.Undecided > 0 {
			line += fmt.Sprintf("  (%d undecided)", p.Undecided)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n")
	c.conclusion(&b)
	return b.String()
}

// fewLines is the number of lines up to which samsa shrink has little to drop, and samsa why tries each line.
const fewLines = 20

// next says how to find the lines that decided.
func (c *Cause) next() string {
	if c.Lines <= fewLines {
		return fmt.Sprintf("Its %s are few; which of them it needs, says samsa why %s %s", plural(c.Lines, "line"), view.ShellWord(c.Scenario), c.Check)
	}
	return "To find which lines: samsa shrink " + view.ShellWord(c.Scenario)
}

// conclusion writes when and by what the failure was decided.
func (c *Cause) conclusion(b *strings.Builder) {
	if c.Interrupted {
		b.WriteString(hang("", fmt.Sprintf("interrupted after %s; the figures so far:", plural(c.Runs, "run"))))
	}
	d := c.Decided
	if d == nil {
		b.WriteString(hang("", "There are too few rewind points to say where it was decided."))
		return
	}
	where := "at " + d.After.name()
	if d.After.Step-d.Before.Step > 1 {
		where = fmt.Sprintf("after %s and by %s", d.Before.name(), d.After.name())
	}
	counts := fmt.Sprintf("before it %s futures fail, after it %s", d.Before.share(), d.After.share())
	switch c.By {
	case ByLines:
		b.WriteString(hang("", fmt.Sprintf("decided by the lines of the file: %s futures fail even if all noise is drawn anew. %s", c.Points[0].share(), c.next())))
		return
	case ByEnd:
		b.WriteString(hang("", fmt.Sprintf("decided after %s, the last step before the failure: from there %s futures fail, and this run did",
			d.Before.name(), d.Before.share())))
	case ByMany:
		b.WriteString(hang("", fmt.Sprintf("decided at no single step: the largest rise is %s; %s", where, counts)))
	default:
		b.WriteString(hang("", fmt.Sprintf("decided %s: %s", where, counts)))
	}
	for _, n := range d.Notes {
		b.WriteString(hang(fmt.Sprintf("  %-5s ", n.Machine), n.Text))
	}
	if d.Before.Escape != "" {
		b.WriteString(hang("", "Without the failure: the same file with one more line, "+d.Before.Escape))
	}
}
