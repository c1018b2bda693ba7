package shrink

import (
	"slices"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// search is one search for a small scenario.
type search struct {
	*Shrinker
	best   draft
	budget uint64 // the events of a trial; the same for all, so that the answers do not depend on the number of jobs
	salts  uint64 // a draft that does not fail is tried under so many other salts

	known   map[string]bool  // the answer for each text that was run
	passed  map[string]Tried // the runs of the texts with the answer true
	last    Tried            // the run of the best draft; as long as ran is false, of the original scenario
	ran     bool             // the best draft was tried
	asked   map[string]bool  // the texts for which the answer was used; tries counts them
	tries   int
	from    int    // the number of lines of the original scenario
	pass    string // see Progress
	stopped bool
	allowed map[explore.Verdict]bool // the verdicts of other failures that the original had
	broken  []string                 // the verbs of the faults that the original does not end; see owe
	core    bool                     // the original leaves a core that can become quiet alone
}

// A trial may run this many events.
const (
	firstBudget  = 50_000_000 // for the original scenario
	budgetFactor = 2          // for a smaller scenario: this multiple of the events of the original, plus budgetSlack
	budgetSlack  = 20_000
)

// fails reports whether a run fails as wanted. The run must have a failure with the target's fingerprint. Any other failure
// must be found by a check, or have a verdict (such as a spent budget or a panic) that a failure of the original also had.
func (r *search) fails(t Tried) bool {
	return t.has(r.Target) && !slices.ContainsFunc(t.Failures, func(f explore.Failure) bool {
		found := f.Verdict == explore.Violated || f.Verdict == explore.Stuck && f.Check != scenarios.OfRest
		return !found && f.Fingerprint() != r.Target.Fingerprint() && !r.allowed[f.Verdict]
	})
}

// accept makes a draft the best one if it fails as wanted, with its own salt or, if salts is set, with another salt.
func (r *search) accept(d draft) bool { return r.acceptOne([]draft{d}) }

// acceptOne looks for the first draft of a list that fails as wanted, and makes it the best draft.
func (r *search) acceptOne(list []draft) bool {
	list = slices.DeleteFunc(list, func(d draft) bool { return !r.sound(d) })
	if r.first(list) {
		return true
	}
	if r.salts == 0 {
		return false
	}
	var again []draft
	for _, d := range list {
		for salt := range r.salts + 1 {
			if salt != d.salt {
				again = append(again, d.salted(salt))
			}
		}
	}
	return r.first(again)
}

// first looks for the first draft of a list that fails as wanted, and makes it the best draft. It runs several drafts at
// once, but its choice does not depend on the number of jobs.
func (r *search) first(list []draft) bool {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.text()
	}
	for i, text := range texts {
		if r.stopped = r.stopped || r.Stop != nil && r.Stop(); r.stopped {
			return false
		}
		if _, known := r.known[text]; !known {
			if r.run(r.next(texts[i:])); r.stopped {
				return false
			}
		}
		if !r.asked[text] {
			r.asked[text] = true
			r.tries++
			r.report()
		}
		if r.known[text] {
			r.best, r.last, r.ran = list[i], r.passed[text], true
			return true
		}
	}
	return false
}

// next returns the texts that run together with the first one.
func (r *search) next(texts []string) (batch []string) {
	for _, text := range texts {
		if _, known := r.known[text]; !known && !slices.Contains(batch, text) {
			if batch = append(batch, text); len(batch) >= max(1, r.Jobs) {
				break
			}
		}
	}
	return batch
}

// run runs texts, all at once, and remembers the answers. Scenarios share nothing, so each answer depends on its text only. An
// abandoned run has no answer and ends the search.
func (r *search) run(texts []string) {
	answers := make([]Tried, len(texts))
	one := func(i int) {
		if p, err := scenarios.Load("draft", []byte(texts[i])); err == nil {
			answers[i] = r.Try(p, r.budget)
		}
	}
	if len(texts) == 1 {
		one(0)
	} else {
		//goroutine: each goroutine runs its own world and writes its own element
		over := make(chan bool, len(texts))
		for i := range texts {
			//goroutine: the answer of a scenario depends on nothing else
			go func() {
				one(i)
				over <- true //goroutine: the answer is written
			}()
		}
		for range texts {
			<-over //goroutine: all answers are needed, in any order
		}
	}
	for i, text := range texts {
		switch t := answers[i]; {
		case t.Abandoned:
			r.stopped = true
		case r.fails(t):
			r.known[text], r.passed[text] = true, t
		default:
			r.known[text] = false
		}
	}
}

// report tells the caller about the progress of the search.
func (r *search) report() {
	if r.Progress != nil {
		r.Progress(Progress{r.pass, r.tries, len(r.best.lines), r.from})
	}
}

// look returns the best draft with the meaning of its words.
func (r *search) look() view {
	v, ok := r.best.look()
	if !ok {
		panic("shrink: a draft that ran cannot be read")
	}
	return v
}

// dropGroups drops groups of lines. It first tries to drop all groups, then halves, and so on down to single groups, until
// no group can be dropped. A group is a set of the ids of lines.
func (r *search) dropGroups(groups [][]int) (changed bool) {
	for size := len(groups); size > 0; {
		dropped := false
		for to := len(groups); to > 0; {
			from := max(0, to-size)
			ids := map[int]bool{}
			for _, group := range groups[from:to] {
				for _, id := range group {
					ids[id] = true
				}
			}
			if v := r.look(); r.accept(v.without(ids)) {
				groups = slices.Delete(slices.Clone(groups), from, to)
				dropped = true
			}
			to = from
		}
		changed = changed || dropped
		switch {
		case r.stopped:
			return changed
		case size > 1:
			size = min((size+1)/2, len(groups))
		case !dropped:
			return changed
		}
	}
	return changed
}
