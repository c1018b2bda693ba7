package shrink

import (
	"errors"
	"fmt"
	"slices"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// Shrinker makes failing scenarios small. Try and Target must be set.
type Shrinker struct {
	Try    Trial
	Target explore.Failure // its verdict and fingerprint are kept; its text is ignored
	Jobs   int             // the number of trials that run at once; 0 means one
	First  *Tried          // the run of the original scenario, if the caller has it

	// Noise, if not nil, returns the faults that chance has begun in a run. If it is nil, a scenario keeps noise that
	// matters.
	Noise func(p *scenarios.Program, events uint64) []Decision

	// Confirm has more trials, such as runs in other message modes. The result must fail in the same way in all of them.
	Confirm []Confirmation

	// Stop, if not nil, is called between trials. If it returns true, the search ends with the smallest scenario so far. An
	// abandoned trial (Tried.Abandoned) also ends the search. So Try can end a long trial at once by abandoning it.
	Stop func() bool
	// Progress, if not nil, is called after each trial.
	Progress func(Progress)
}

// Confirmation is a trial that the result of a search must pass.
type Confirmation struct {
	Where string // the words after "it fails", such as "in wire mode"
	Try   Trial
}

// Progress is the state of a search.
type Progress struct {
	Pass  string // the pass that is running, as words that follow "shrinking: "
	Tries int    // the number of runs so far
	Lines int    // the number of lines of the smallest scenario so far
	From  int    // the number of lines of the original scenario
}

// Small is the result of a search.
type Small struct {
	Text      []byte            // the scenario, without a comment
	Failure   explore.Failure   // the failure of its run that has the fingerprint of the target
	Failures  []explore.Failure // all failures of its run
	Hash      uint64            // the hash of its run
	Tries     int
	Stopped   bool     // the search was ended early, so more lines may be unnecessary
	Confirmed bool     // it fails in the same way in all trials of Confirm; false if Stop or an abandoned trial came first
	Differs   []string // the trials of Confirm in which it does not, see Confirmation.Where; this is a bug in Samsa
}

// FoundLines returns the found lines for the file of the result, one for each fingerprint of a failure. The first line is
// of the failure that the search kept.
func (m *Small) FoundLines(version string) []string {
	seen := map[string]bool{}
	var lines []string
	for _, f := range append([]explore.Failure{m.Failure}, m.Failures...) {
		if print := f.Fingerprint(); !seen[print] {
			seen[print] = true
			lines = append(lines, f.FoundLine(m.Hash, firstBudget, version))
		}
	}
	return lines
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

// Shrink makes a scenario small. It returns an error if the scenario cannot be read, a NotFailingError if the scenario does
// not fail with the target, and ErrAbandoned if its first run was abandoned.
func (s *Shrinker) Shrink(src []byte) (Small, error) {
	program, err := scenarios.Load("scenario", src)
	if err != nil {
		return Small{}, err
	}
	first := s.First
	if first == nil {
		t := s.Try(program, firstBudget)
		first = &t
	}
	switch {
	case first.Abandoned:
		return Small{}, ErrAbandoned
	case !first.has(s.Target):
		return Small{}, &NotFailingError{s.Target, first.Failures}
	}
	r := search{
		Shrinker: s, best: draftOf(program), last: *first, budget: first.Events*budgetFactor + budgetSlack, tries: 1,
		known: map[string]bool{}, passed: map[string]Tried{}, asked: map[string]bool{}, allowed: map[explore.Verdict]bool{},
	}
	for _, f := range first.Failures {
		r.allowed[f.Verdict] = true
	}
	r.from = len(r.best.lines)
	r.owe()
	r.passes()
	return r.result()
}

// ErrAbandoned is returned if the first run of a scenario was abandoned, so it is not known whether the scenario fails.
var ErrAbandoned = errors.New("the first run was ended before it was over") //immutable: an error to compare with

// result describes the smallest scenario of a search.
func (r *search) result() (Small, error) {
	small := Small{Text: []byte(r.best.text()), Tries: r.tries, Stopped: r.stopped}
	program, err := scenarios.Load("small", small.Text)
	if err != nil {
		return Small{}, err
	}
	last := r.last
	spent := func(f explore.Failure) bool { return f.Verdict == explore.Unknown }
	if !r.ran || slices.ContainsFunc(last.Failures, spent) { // the verdict may differ with the budget of a user's run
		if t := r.Try(program, firstBudget); !t.Abandoned {
			last = t
		}
	}
	small.Hash, small.Failures = last.Hash, last.Failures
	small.Failure, _ = last.failure(r.Target)
	for _, c := range r.Confirm {
		t := c.Try(program, firstBudget)
		if t.Abandoned {
			return small, nil
		}
		if !t.has(r.Target) {
			small.Differs = append(small.Differs, c.Where)
		}
	}
	small.Confirmed = len(small.Differs) == 0
	return small, nil
}

// pass is one kind of proposals. The function run reports whether a proposal was accepted.
type pass struct {
	name  string
	run   func(*search) bool
	salts uint64 // each proposal that does not fail is tried under so many other salts
}

// passes runs all passes, the coarse ones first, again and again until none of them finds a smaller scenario. The first
// round does not try salts, because most of the lines that it drops have no part in the failure.
func (r *search) passes() {
	all := [...]pass{
		{"old rules", (*search).dropRules, someSalts},
		{"the noise", (*search).calm, manySalts},
		{"groups of lines", func(r *search) bool { return r.dropGroups(r.look().pairs()) }, someSalts},
		{"topics and partitions", (*search).dropTopics, manySalts},
		{"clients", (*search).dropClients, manySalts},
		{"machines", (*search).dropMachines, manySalts},
		{"replicas", (*search).dropReplicas, manySalts},
		{"words", (*search).dropWords, someSalts},
		{"roles and lists of machines", (*search).narrow, someSalts},
		{"sends", (*search).mergeSends, someSalts},
		{"numbers and spans", (*search).shortenSpans, someSalts},
		{"times", (*search).shortenTimes, someSalts},
		{"order", (*search).untime, someSalts},
		{"lines that take a while", (*search).waitInstead, someSalts},
		{"the last line", (*search).endInTime, someSalts},
		{"neighbours", (*search).gather, someSalts},
		{"places", (*search).place, manySalts},
		{"names", (*search).tidy, manySalts},
		{"round times", (*search).roundTimes, someSalts},
		{"single lines", func(r *search) bool { return r.dropGroups(r.look().singles()) }, someSalts},
	}
	for round, changed := 0, true; (changed || round < 2) && round < maxRounds; round++ {
		changed = false
		for _, p := range all {
			if r.stopped {
				return
			}
			r.pass, r.salts = p.name, 0
			if round > 0 {
				r.salts = p.salts
			}
			changed = p.run(r) || changed
		}
	}
}

// More salts find smaller scenarios, but each salt costs one more run for each proposal that cannot fail. The random
// times of a machine depend on its name. So a pass that renames or removes machines changes these times, and needs more
// salts.
const (
	someSalts = 6
	manySalts = 16
)

// maxRounds bounds the rounds. Each round that changes something makes a scenario smaller, and a search rarely needs
// four.
const maxRounds = 12

// singles returns a group for each line that may be dropped.
func (v view) singles() (groups [][]int) {
	for i, l := range v.lines {
		if i > 0 && (!l.owed || v.idle(i)) {
			groups = append(groups, []int{l.id})
		}
	}
	return groups
}
