package scenarios

import (
	"slices"

	"samsa/check"
)

// verdictOf computes the verdict of a session as it is.
func verdictOf(s *Session) *Verdict {
	p := s.program
	v := &Verdict{Seed: s.seed, Reason: s.stopped.Reason, Stopped: s.stopped.Text, Claims: s.claims,
		Rules: allRules(p, s.run), Set: s.run.Set, Mode: s.run.Mode, Altered: altered(p, s.run), Expected: p.expected()}
	if s.cluster == nil {
		v.Status = check.Unknown
	} else {
		v.Findings, v.Unsound = s.cluster.Judge(), s.cluster.Sound()
		if v.Reason == StopAtStep {
			leaveLiveness(v.Findings)
		}
		v.Status = check.Verdict(v.Findings)
		if v.Reason != NotStopped && v.Reason != StopAtStep && v.Status == check.Held {
			v.Status = check.Unknown
		}
		v.Events, v.Steps, v.Time, v.Hash = s.cluster.Events(), s.cluster.Steps(), s.cluster.Now(), s.cluster.Hash()
		v.Shape = s.cluster.Shape()
	}
	v.Failures = FailuresOf(s, v)
	v.Found = foundIn(p, v)
	return v
}

// leaveLiveness makes the findings of liveness checks unexercised. A run that its user stops at a step has shown which safety
// properties held until then, and says nothing about what would have happened later.
func leaveLiveness(findings []check.Finding) {
	for i := range findings {
		if f := &findings[i]; f.Check.Liveness {
			f.Result = check.Result{Status: check.Unexercised, Explanation: "the run was stopped before its end"}
		}
	}
}

// altered reports whether the caller gave another seed, settings or old rules that the file does not have.
func altered(p *Program, o RunOptions) bool {
	return o.Seed != nil && *o.Seed != p.Seed() || len(o.Set) > 0 || len(allRules(p, o)) > len(p.rules)
}

// expected returns the checks that the file expects to be violated.
func (p *Program) expected() (all []string) {
	for _, c := range p.code {
		if c.Verb == verbExpect && arg[check.Status](c.Args, "STATUS") == check.Violated {
			all = append(all, arg[string](c.Args, "CHECK"))
		}
	}
	return all
}

// Conclusion is a verdict in one word, and the reason for an exit code.
type Conclusion string

// The conclusions, the worst first.
const (
	Unsafe    Conclusion = "unsafe"  // a safety property is violated, and nothing expected that
	Late      Conclusion = "late"    // a liveness property is violated, or the cluster that a found line calls stuck still is
	Unmet     Conclusion = "unmet"   // a claim is not met
	Undecided Conclusion = "unknown" // the evidence does not decide
	Fine      Conclusion = "ok"      // everything that must hold holds, and what is violated was expected
)

// Conclude returns the conclusion of a verdict. The caller may expect checks to be violated, as the file does with its expect
// lines; such a violation does not fail the run, and a check of the caller's list that is not violated is a claim that is not
// met. A violation that a found line names is never expected. In a run with another seed, other settings or more old rules
// than the file's, neither the file's claims nor its found lines count.
func (v *Verdict) Conclude(expected []string) Conclusion {
	met := map[string]bool{}
	broken, late := false, v.stillThere(OfRest)
	for _, f := range v.Findings {
		if f.Status != check.Violated {
			continue
		}
		met[f.Check.Name] = true
		switch {
		case v.Expects(f.Check.Name, expected):
		case f.Check.Liveness:
			late = true
		default:
			broken = true
		}
	}
	switch {
	case broken:
		return Unsafe
	case late:
		return Late
	case len(v.UnmetClaims()) > 0, slices.ContainsFunc(expected, func(name string) bool { return !met[name] }):
		return Unmet
	case v.Status == check.Unknown, v.Reason != NotStopped && v.Reason != StopAtStep, slices.ContainsFunc(v.Findings, func(f check.Finding) bool { return f.Status == check.Unknown }):
		return Undecided
	}
	return Fine
}

// Expects reports whether the violation of a check is expected: by the caller, or by the file and no found line names it.
func (v *Verdict) Expects(name string, expected []string) bool {
	return slices.Contains(expected, name) || slices.Contains(v.Expected, name) && !v.stillThere(name)
}

// stillThere reports whether a found line that counts names a failure of this check, and the run has it.
func (v *Verdict) stillThere(check string) bool {
	return !v.Altered && slices.ContainsFunc(v.Found, func(f FoundResult) bool { return f.Check == check && f.State == StillThere })
}

// UnmetClaims returns the claims that count and do not hold.
func (v *Verdict) UnmetClaims() (all []Claim) {
	if v.Altered {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(v.Claims), func(c Claim) bool { return c.OK })
}
