package shrink

import (
	"fmt"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// Shrinker makes scenarios that fail small. Try and Target must be set.
type Shrinker struct {
	Try    Trial
	Target explore.Failure // its verdict and fingerprint are kept; its text is ignored
	Jobs   int             // the number of trials that run at once; 0 means one

	// Stop is called between trials. If it returns true, the search ends with the smallest scenario so far. Nil never stops.
	Stop func() bool
	// Progress, if not nil, is called after each trial.
	Progress func(Progress)
}

// Progress is the state of a search.
type Progress struct {
	Pass  string // the pass that is running, as words that follow "shrinking: "
	Tries int    // the number of runs so far
	Lines int    // of the smallest scenario so far
	From  int    // the lines of the original scenario
}

// Small is the result of a search.
type Small struct {
	Text    []byte          // the scenario, without a comment
	Failure explore.Failure // of its run
	Tries   int
	Stopped bool // Stop ended the search, so a line may be left that could go
}

// NotFailingError is returned for a scenario that does not fail with the target.
type NotFailingError struct {
	Target   explore.Failure
	Failures []explore.Failure // the failures that it has instead
}

// Error implements error.
func (e *NotFailingError) Error() string {
	return fmt.Sprintf("the scenario does not fail with %s", e.Target.Fingerprint())
}

// Shrink makes a scenario small. The error is that of a scenario that cannot be read, or a NotFailingError.
func (s *Shrinker) Shrink(src []byte) (Small, error) {
	program, err := scenarios.Load("scenario", src)
	if err != nil {
		return Small{}, err
	}
	r := search{Shrinker: s, best: draftOf(program), budget: firstBudget, cache: map[string]bool{}}
	r.from = len(r.best.lines)
	first := r.run(r.best.text())
	if !first.has(s.Target) {
		return Small{}, &NotFailingError{s.Target, first.Failures}
	}
	r.budget = first.Events*budgetFactor + budgetSlack
	r.passes()
	last := r.run(r.best.text())
	small := Small{Text: []byte(r.best.text()), Tries: r.tries, Stopped: r.stopped}
	small.Failure, _ = last.failure(s.Target)
	return small, nil
}

// A trial may take this many events.
const (
	firstBudget  = 50_000_000 // of the original scenario
	budgetFactor = 2          // of a smaller one: as a multiple of the original's events
	budgetSlack  = 20_000     // and in addition
)

// search is one search for a small scenario.
type search struct {
	*Shrinker
	best    draft
	budget  uint64 // of events, for each trial
	cache   map[string]bool
	tries   int
	from    int    // lines
	pass    string // see Progress
	stopped bool
}

// passes runs all passes.
func (r *search) passes() {
	r.pass = "lines"
	r.dropLines()
}

// run tries a text without the cache.
func (r *search) run(text string) Tried {
	program, err := scenarios.Load("scenario", []byte(text))
	if err != nil {
		return Tried{}
	}
	r.tries++
	t := r.Try(program, r.budget)
	if r.Progress != nil {
		r.Progress(Progress{r.pass, r.tries, len(r.best.lines), r.from})
	}
	return t
}

// accept makes a draft the best one if it fails with the target.
func (r *search) accept(d draft) bool {
	if r.stopped = r.stopped || r.Stop != nil && r.Stop(); r.stopped {
		return false
	}
	text := d.text()
	fails, known := r.cache[text]
	if !known {
		fails = r.run(text).has(r.Target)
		r.cache[text] = fails
	}
	if fails {
		r.best = d
	}
	return fails
}

// dropLines drops lines, half of them at first and single ones at last, until no single line can go.
func (r *search) dropLines() {
	for size := len(r.best.lines) / 2; size > 0; size /= 2 {
		for changed := true; changed; {
			changed = false
			for from := len(r.best.lines) - size; from >= 1; from -= size {
				drop := map[int]bool{}
				for i := range size {
					drop[from+i] = true
				}
				changed = r.accept(r.best.without(drop)) || changed
				from = min(from, len(r.best.lines))
			}
			changed = changed && size == 1
		}
	}
}
