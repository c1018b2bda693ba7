package explore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"samsa/scenarios"
	"samsa/scenarios/view"
)

// Rewind finds the step at which a failure was decided.
//
//	the run     ──●────●────●────●────✗        steps of the story, up to the failure
//	                   │    │    └─ futures: 20 of 20 fail      each keeps the run up to that step
//	                   │    └────── futures: 20 of 20 fail      and has other noise after it
//	                   └─────────── futures:  3 of 20 fail  ──▶ decided in between
//
// The noise only changes the times of events, and the lines of the file stay the same. So a future is another possible
// continuation of the same run.
type Rewind struct {
	Name    string // of the scenario
	Source  []byte
	Options scenarios.RunOptions
	Check   string // the check of the failure; empty for the one that scenarios.Program.Subject chooses
	Futures int    // the number of futures of a rewind point; 0 is DefaultFutures

	// Stop, if not nil, is called before each run. If it returns true, the search ends with the results so far.
	Stop func() bool
	// Tick, if not nil, is called after each run with the number of runs so far and the most runs that the search may need.
	Tick func(done, most int)
}

// DefaultFutures is the number of futures for each rewind point.
const DefaultFutures = 20

// rungs is the number of equal intervals into which the search first divides the run. It measures a rewind point at both
// ends of each, and then searches the interval in which the probability rises most.
const rungs = 8

// These limits are in thousandths of all futures. If at least "always" of the futures from the start fail, the lines of
// the file decide the failure. A step decides the failure if its probability rises there by at least "jump", and by at
// least half of the share of futures from the start that do not fail.
const always, jump = 900, 200

// RewindError says why the cause of a failure cannot be found.
type RewindError struct {
	Check    string                  // the requested check; empty for any check
	Failures []string                // the checks of the failures that the run has
	Budget   bool                    // the run spent its budget of events
	Gone     *scenarios.SubjectError // the failures that the file was saved for are gone, and others are there; nil otherwise
}

// Error implements error.
func (e *RewindError) Error() string {
	switch {
	case e.Gone != nil:
		return e.Gone.Error()
	case e.Budget:
		return "the run spends its budget of events, so it has no end to trace back from"
	case len(e.Failures) > 0:
		return fmt.Sprintf("the run has no failure of %s; it has %s", e.Check, list(e.Failures))
	case e.Check != "":
		return "the run has no failure of " + e.Check + ", and no other failure"
	}
	return "the run does not fail: no check is violated, and every line came to its end"
}

// list joins words as in "a, b and c".
func list(words []string) string {
	text := words[0]
	for i, w := range words[1:] {
		if i == len(words)-2 {
			text += " and " + w
		} else {
			text += ", " + w
		}
	}
	return text
}

// search is a Rewind with its measurements so far.
type search struct {
	Rewind
	cause  *Cause
	checks []string // the checks of the failures of the run
	notes  map[uint64][]view.Line
	runs   int
	most   int
	over   bool // Stop returned true
}

// Find runs the scenario, and then its futures. It returns a RewindError if the run does not have the failure, and another
// error if the scenario cannot be run.
func (r Rewind) Find() (*Cause, error) {
	r.Futures = cmp.Or(r.Futures, DefaultFutures)
	s := &search{Rewind: r, notes: map[uint64][]view.Line{}}
	if err := s.begin(); err != nil {
		return nil, err
	}
	last := s.cause.Failed.Step
	s.most = 1 + r.Futures*(rungs+1)
	for gap := last / rungs; gap > 0; gap /= 2 {
		s.most += r.Futures
	}
	s.measure(0)
	if p := s.point(0); p != nil && p.permille() >= always {
		s.measure(last)
		s.conclude(0, last)
		return s.cause, nil
	}
	for i := range uint64(rungs + 1) {
		s.measure(last * i / rungs)
	}
	lo, hi := s.steepest()
	for hi-lo > 1 && !s.over {
		mid := lo + (hi-lo)/2
		s.measure(mid)
		if s.rise(lo, mid) >= s.rise(mid, hi) {
			hi = mid
		} else {
			lo = mid
		}
	}
	s.conclude(lo, hi)
	return s.cause, nil
}

// begin runs the scenario as it is, and finds the failure.
func (s *search) begin() error {
	base, v, err := s.play("")
	if err != nil {
		return err
	}
	s.runs++
	c := &Cause{Schema: "samsa.cause/1", Scenario: s.Name, Seed: strconv.FormatUint(v.Seed, 10), Rules: append([]string{}, v.Rules...),
		Futures: s.Futures, Points: []RewindPoint{}}
	s.cause = c
	if v.Reason == scenarios.StopBudget {
		return &RewindError{Budget: true}
	}
	c.Lines = len(base.Program().Commands())
	f, err := base.Program().Subject(v.Failures, v.Rules, s.Check)
	var none *scenarios.SubjectError
	if errors.As(err, &none) {
		e := &RewindError{Check: s.Check, Failures: none.Checks()}
		if len(none.Gone) > 0 {
			e.Gone = none
		}
		return e
	}
	c.Check, c.Failure, c.Class = f.Check, f.Text, f.Verdict
	last := v.Steps
	if f.Step > 0 {
		last = min(f.Step, last)
	}
	for _, l := range view.Story(base) {
		if l.Step > 0 {
			s.notes[l.Step] = append(s.notes[l.Step], l)
		}
	}
	c.Failed = s.moment(last)
	return nil
}

// play runs the scenario with one more line. The session that it returns is closed, so only its story can be read.
func (s *search) play(line string) (*scenarios.Session, *scenarios.Verdict, error) {
	src := slices.Concat(s.Source, []byte("\n\n"+line+"\n"))
	p, err := scenarios.Load(s.Name, src)
	if err != nil {
		return nil, nil, err
	}
	run := scenarios.New(p, s.Options)
	defer run.Close()
	v, err := run.Finish()
	return run, v, err
}

// fails runs a future and reports whether it has the failure. A future that panics or spends its budget is undecided.
func (s *search) fails(line string) (failed, undecided bool) {
	defer func() {
		if recover() != nil {
			failed, undecided = false, true
		}
	}()
	_, v, err := s.play(line)
	if err != nil {
		return false, true
	}
	failed = slices.ContainsFunc(v.Failures, func(f Failure) bool { return f.Check == s.cause.Check })
	return failed, !failed && v.Reason == scenarios.StopBudget
}

// saltAfter returns the line that changes the noise after a step.
func saltAfter(salt, step uint64) string {
	if step == 0 {
		return fmt.Sprintf("salt %d", salt)
	}
	return fmt.Sprintf("salt %d from step %d", salt, step)
}

// measure runs the futures of a rewind point, unless it has run them before.
func (s *search) measure(step uint64) {
	if s.over || s.point(step) != nil {
		return
	}
	p := RewindPoint{RewindMoment: s.moment(step)}
	for salt := range uint64(s.Futures) {
		if s.over = s.over || s.Stop != nil && s.Stop(); s.over {
			break
		}
		line := saltAfter(salt+1, step)
		failed, undecided := s.fails(line)
		switch {
		case failed:
			p.Failed++
		case undecided:
			p.Undecided++
		case p.Escape == "":
			p.Escape = line
		}
		p.Futures++
		if s.runs++; s.Tick != nil {
			s.Tick(s.runs, s.most)
		}
	}
	if p.Futures == 0 {
		return
	}
	s.cause.Points = append(s.cause.Points, p)
	slices.SortFunc(s.cause.Points, func(a, b RewindPoint) int { return cmp.Compare(a.Step, b.Step) }) //total: a step is measured once
}

// moment returns a step with its time.
func (s *search) moment(step uint64) RewindMoment {
	m := RewindMoment{Step: step}
	if n := s.notes[step]; len(n) > 0 {
		m.VirtualNS = n[0].Time
	}
	return m
}

// point returns the measured point of a step, or nil.
func (s *search) point(step uint64) *RewindPoint {
	for i := range s.cause.Points {
		if p := &s.cause.Points[i]; p.Step == step {
			return p
		}
	}
	return nil
}

// rise returns the increase of the probability of the failure from one step to another, in thousandths.
func (s *search) rise(from, to uint64) int {
	a, b := s.point(from), s.point(to)
	if a == nil || b == nil {
		return 0
	}
	return b.permille() - a.permille()
}

// steepest returns the neighbouring points between which the probability rises most.
func (s *search) steepest() (lo, hi uint64) {
	most := -1
	for i := range max(0, len(s.cause.Points)-1) {
		a, b := s.cause.Points[i].Step, s.cause.Points[i+1].Step
		if rise := s.rise(a, b); rise > most {
			lo, hi, most = a, b, rise
		}
	}
	return lo, hi
}

// conclude determines when and by what the failure was decided.
func (s *search) conclude(lo, hi uint64) {
	c := s.cause
	c.Runs, c.Interrupted = s.runs, s.over
	before, after := s.point(lo), s.point(hi)
	if before == nil || after == nil || lo == hi {
		return
	}
	start, last := c.Points[0], c.Points[len(c.Points)-1]
	c.Decided = &Decided{Before: *before, After: *after, Notes: []RewindNote{}}
	for _, l := range s.notes[hi] {
		c.Decided.Notes = append(c.Decided.Notes, RewindNote{l.Who, l.Text})
	}
	switch {
	case start.permille() >= always && start.Step == 0:
		c.By = ByLines
	case last.Step == c.Failed.Step && 1000-last.permille() > s.rise(lo, hi):
		c.By = ByEnd
		c.Decided = &Decided{Before: last, After: RewindPoint{RewindMoment: c.Failed, Futures: 1, Failed: 1}, Notes: []RewindNote{}}
	case s.rise(lo, hi) >= max(jump, (1000-start.permille())/2):
		c.By = ByStep
	default:
		c.By = ByMany
	}
}
