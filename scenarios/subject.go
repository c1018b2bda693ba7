package scenarios

import (
	"slices"
	"strings"
)

// SubjectError says why Subject finds no failure.
type SubjectError struct {
	Check string    // the check that was asked for; "" for any
	Gone  []Found   // the found lines of the file, if the run fails with none of their failures; nil otherwise
	Have  []Failure // the failures of the run, one for each fingerprint
}

// Error implements error.
func (e *SubjectError) Error() string {
	var have []string
	for _, f := range e.Have {
		have = append(have, f.Fingerprint())
	}
	switch {
	case len(e.Have) == 0 && e.Check == "":
		return "the run does not fail"
	case len(e.Have) == 0:
		return "the run has no failure of " + e.Check + ", and no other failure"
	case len(e.Gone) == 0:
		return "the run has no failure of " + e.Check + "; it fails with " + strings.Join(have, "; ")
	}
	var gone []string
	for _, f := range e.Gone {
		gone = append(gone, f.Fingerprint())
	}
	return "the failure of its found line is gone: " + strings.Join(gone, "; ") + ". It fails with " + strings.Join(have, "; ") + " instead"
}

// Checks returns the names of the checks that fail instead.
func (e *SubjectError) Checks() (all []string) {
	for _, f := range e.Have {
		if !slices.Contains(all, f.Check) {
			all = append(all, f.Check)
		}
	}
	return all
}

// Subject chooses one failure of a run of this program, for a command that is about one failure, such as shrink, why and
// cause. The first of these that there is:
//
//  1. a failure that a found line names: the file was saved for it
//  2. a bug of Samsa's
//  3. a failure of the check that an enabled old rule is known for
//  4. the worst other failure: a violation, then a cluster that does not become quiet, then a budget that was spent
//
// With a check, only its failures count. Without one, a file whose found failures are all gone has no subject, because
// another failure in their place would be taken for them. The error is then a *SubjectError.
func (p *Program) Subject(failures []Failure, rules []string, name string) (Failure, error) {
	e := &SubjectError{Check: name}
	var all []Failure // that may be chosen
	for _, f := range failures {
		if !slices.ContainsFunc(e.Have, func(x Failure) bool { return x.Fingerprint() == f.Fingerprint() }) {
			e.Have = append(e.Have, f)
		}
		if name == "" || f.Check == name {
			all = append(all, f)
		}
	}
	for _, found := range p.found {
		if i := slices.IndexFunc(all, found.Names); i >= 0 {
			return all[i], nil
		}
	}
	if name == "" && len(p.found) > 0 && len(all) > 0 {
		e.Gone = p.Found()
		return Failure{}, e
	}
	if f, ok := worstOf(all, rules); ok {
		return f, nil
	}
	return Failure{}, e
}

// worstOf returns the failure that comes first when no found line names one, see Subject.
func worstOf(all []Failure, rules []string) (Failure, bool) {
	first := []func(Failure) bool{func(f Failure) bool { return f.Verdict == ClassInternal }}
	for _, r := range OldRules() {
		if slices.Contains(rules, r.ID) {
			first = append(first, func(f Failure) bool { return f.Check == r.Check })
		}
	}
	for _, class := range [...]Class{ClassViolated, ClassStuck, ClassUndecided} {
		first = append(first, func(f Failure) bool { return f.Verdict == class })
	}
	for _, is := range first {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], true
		}
	}
	return Failure{}, false
}
