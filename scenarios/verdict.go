package scenarios

import (
	"slices"

	"samsa/check"
)

// verdictOf computes the verdict of a session in its current state.
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
		if v.Status = check.Verdict(v.Findings); len(s.work.failures()) > 0 {
			v.Status = check.Violated
		}
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

// leaveLiveness makes the findings of liveness checks unexercised. If the user stops a run at a step, the run shows which
// safety properties held until then, but not whether the cluster would have recovered later.
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
	Bug       Conclusion = "internal" // the world found a bug in Samsa itself, so the verdict means nothing
	Unsafe    Conclusion = "unsafe"   // a safety property is violated unexpectedly
	Late      Conclusion = "late"     // a liveness property is violated unexpectedly, or a found line "quiet" still applies
	Unmet     Conclusion = "unmet"    // a claim is not met
	Undecided Conclusion = "unknown"  // there is not enough evidence to decide
	Fine      Conclusion = "ok"       // all violations were expected
)

// Conclude returns the conclusion of a verdict. The argument lists the checks that the caller expects to be violated. An
// expected violation does not fail the run, and an expected violation that does not happen counts as a claim that is not
// met. The file's expect lines may expect violations too, but not a violation that a found line of the file names. If the
// caller gave another seed, other settings or more old rules, the file's claims and found lines do not count.
func (v *Verdict) Conclude(expected []string) Conclusion {
	met := map[string]bool{}
	broken, late := slices.ContainsFunc(v.Failures, Failure.isOwn), v.stillThere(OfRest)
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
	case v.Unsound != nil:
		return Bug
	case broken:
		return Unsafe
	case late:
		return Late
	case len(v.UnmetClaims()) > 0, slices.ContainsFunc(expected, func(name string) bool { return !met[name] }):
		return Unmet
	case !v.Altered && slices.ContainsFunc(v.Found, func(f FoundResult) bool { return f.State == NotJudged }):
		return Undecided
	case v.Status == check.Unknown, v.Reason != NotStopped && v.Reason != StopAtStep:
		return Undecided
	}
	return Fine
}

// Expects reports whether the violation of a check is expected. It is expected if the caller expects it, or if the file
// expects it and no found line names it.
func (v *Verdict) Expects(name string, expected []string) bool {
	return slices.Contains(expected, name) || slices.Contains(v.Expected, name) && !v.stillThere(name)
}

// stillThere reports whether the run has a failure of this check that a found line names. Found lines do not count in an
// altered run.
func (v *Verdict) stillThere(check string) bool {
	return !v.Altered && slices.ContainsFunc(v.Found, func(f FoundResult) bool { return f.Check == check && f.State == StillThere })
}

// UnmetClaims returns the claims that do not hold. The claims of a file do not count in an altered run.
func (v *Verdict) UnmetClaims() (all []Claim) {
	if v.Altered {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(v.Claims), func(c Claim) bool { return c.OK })
}
