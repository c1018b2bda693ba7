package shrink

import (
	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// Trial runs a scenario with a budget of events and returns its failures. It must give the same answer each time. Several
// trials may run at once.
type Trial func(p *scenarios.Program, events uint64) Tried

// Tried is the result of a trial.
type Tried struct {
	Failures  []explore.Failure // none if the run held or could not be run
	Events    uint64
	Hash      uint64 // the identity of the run
	Abandoned bool   // the run was ended from outside, so it has no answer; the search ends too
}

// Replaying returns the trial that runs a scenario as exploration and `samsa run` do.
func Replaying(o explore.Options) Trial {
	return func(p *scenarios.Program, events uint64) Tried {
		o := o
		o.Events = events
		r, err := explore.Replay(p, o)
		if err != nil {
			return Tried{}
		}
		return Tried{Failures: r.Failures, Events: r.Events, Hash: r.Hash, Abandoned: r.Abandoned}
	}
}

// has reports whether one of the failures has the fingerprint of the target.
func (t Tried) has(target explore.Failure) bool {
	_, ok := t.failure(target)
	return ok
}

// failure returns the failure that has the fingerprint of the target.
func (t Tried) failure(target explore.Failure) (explore.Failure, bool) {
	for _, f := range t.Failures {
		if f.Verdict == target.Verdict && f.Fingerprint() == target.Fingerprint() {
			return f, true
		}
	}
	return explore.Failure{}, false
}
