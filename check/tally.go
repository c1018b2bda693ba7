package check

import (
	"strings"

	"samsa/wire"
)

// Tally is one invariant's result so far in a run. It keeps only the first violation and the first priced finding, because
// later ones mostly follow from them.
type Tally struct {
	seen     uint64  // the number of tests of the promise
	violated *Result // the first violation
	known    *Result // the first violation with the mark of a finding, see flaw.go
	priced   *Result // the first priced finding
}

// exercised counts one test of the promise.
func (d *Tally) exercised() { d.seen++ }

// broken reports whether there is a violation already, so that a check may skip a costly explanation.
func (d *Tally) broken() bool { return d.violated != nil }

// violate records a violation.
func (d *Tally) violate(v *View, f Fact, words ...string) {
	if d.violated == nil {
		d.violated = &Result{Status: Violated, Step: v.made, Explanation: strings.Join(words, ""), Fact: f}
	}
}

// decide records a violation, or a priced finding if a clause allows what happened. If the clause names a finding about Kafka, the
// violation is a known one, and the check goes on to look for others.
func (d *Tally) decide(v *View, f Fact, clause string, words ...string) {
	switch {
	case clause == "":
		d.violate(v, f, words...)
	case findingIn(clause) != "":
		if d.known == nil {
			d.known = &Result{Status: Violated, Step: v.step, Explanation: strings.Join(words, ""), Clause: clause, Fact: f}
			d.known.mark()
		}
	case d.priced == nil:
		d.priced = &Result{Status: Priced, Step: v.made, Explanation: strings.Join(words, ""), Clause: clause, Fact: f}
	}
}

func (d *Tally) result(of [2]string) Result {
	switch {
	case d.violated != nil:
		return *d.violated
	case d.known != nil:
		return *d.known
	case d.priced != nil:
		return *d.priced
	case d.seen == 0:
		return Result{Status: Unexercised}
	}
	if of[0] != "" {
		return Result{Status: Held, Explanation: plural(int64(d.seen), of[0], of[1])}
	}
	return Result{Status: Held, Explanation: "tested " + plural(int64(d.seen), "time", "times")}
}

// historyTally holds the result of one history check so far. The result is the first violation. If there is none, it is the
// first violation with the mark of a finding, and if there is none either, the first priced finding.
type historyTally struct {
	c      *Case
	seen   int64
	result *Result
}

// decide records a finding at the step in which an operation ended. The finding is priced if a clause allows it; otherwise
// it is a violation.
func (s *historyTally) decide(op Op, f Fact, clause string, words string) {
	r := Result{Status: Violated, Step: op.Common().Step, Explanation: words, Clause: clause, Fact: f}
	if r.mark(); clause != "" && r.Known == "" {
		r.Status = Priced
	}
	if s.result == nil || r.weight() > s.result.weight() {
		s.result = &r
	}
}

// weight orders the findings of one check: a violation outweighs a known one, and that a priced finding.
func (r *Result) weight() int {
	switch {
	case r.Status == Violated && r.Known == "":
		return 2
	case r.Status == Violated:
		return 1
	}
	return 0
}

func (s *historyTally) answer(one, many string) Result {
	switch {
	case s.result != nil:
		return *s.result
	case s.seen == 0:
		return Result{Status: Unexercised}
	}
	return Result{Status: Held, Explanation: plural(s.seen, one, many)}
}

// licensed returns the ledger's clause for the loss of a record at an offset, or "" if there is none.
func (s *historyTally) licensed(p place, at wire.Offset) string {
	clause, _ := s.c.View.licensedIn(p, at)
	return clause
}
