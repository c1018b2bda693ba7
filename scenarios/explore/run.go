package explore

import (
	"fmt"
	"slices"

	"samsa/check"
	"samsa/scenarios"
)

// Options apply to all runs of a campaign.
type Options struct {
	Profile Profile // "" means Mixed
	Rules   []string
	Mode    scenarios.Mode
	Events  uint64 // the budget of a run; 0 means a million
	// Judge, if not nil, adds failures to a run that has ended. Tests use it.
	Judge func(*scenarios.Session) []Failure
}

// budget is the limit of events per run. Most runs have about ten thousand events. A run with Kafka's own timeouts has
// several hundred thousand.
const budget = 1_000_000

// Verdict is the result of one seed.
type Verdict string

const (
	Held     Verdict = "held"     // no violation; prices are allowed
	Violated Verdict = "violated" // a check is violated
	Stuck    Verdict = "stuck"    // no violation, but the cluster did not become quiet in time
	Unknown  Verdict = "unknown"  // the run spent its budget
	Internal Verdict = "internal" // a bug in Samsa itself, such as a panic or a message that was changed after it was sent
)

// verdicts are all verdicts, in the order of a report.
var verdicts = [...]Verdict{Held, Violated, Stuck, Unknown, Internal}

// Failure is one failure of a run.
type Failure struct {
	Verdict Verdict // Violated, Stuck, Unknown or Internal
	Check   string  // the name of the check, or ofRest, ofBudget, ofPanic, ofSoundness
	Kind    string  // for a check, check.Fact.Kind; otherwise another constant
	Text    string  // a description with the names and numbers of this seed
}

// These values of Failure.Check are for failures that no check found.
const (
	ofRest      = "quiet"   // the cluster did not become quiet
	ofBudget    = "budget"  // the run spent its budget of events
	ofPanic     = "panic"   // a node or the world panicked
	ofSoundness = "unsound" // the world detected a bug in Samsa itself
)

// violates reports whether a check is violated.
func (r *Result) violates(check string) bool {
	return slices.ContainsFunc(r.Failures, func(f Failure) bool { return f.Verdict == Violated && f.Check == check })
}

// Fingerprint returns the check and the kind, which are the same for one failure on different seeds.
func (f Failure) Fingerprint() string {
	if f.Kind == "" {
		return f.Check
	}
	return f.Check + ": " + f.Kind
}

// Result is the result of one seed's run.
type Result struct {
	Seed     uint64
	Profile  Profile
	Verdict  Verdict
	Failures []Failure
	Text     string // the scenario file, only if the run failed
	Checks   []Judged
	Priced   bool
	Core     Core
	Tally    scenarios.Tally
	Events   uint64
	Time     int64 // virtual nanoseconds
	Hash     uint64
	Shape    uint64 // a second hash, which does not depend on the names of notes
}

// Judged is the status of one check.
type Judged struct {
	Check  string
	Status check.Status
}

// Run explores one seed. If a node panics, the panic is the result of the seed.
func Run(seed uint64, o Options) (r Result) {
	p := Draw(seed, o.Profile)
	p.Rules = o.Rules
	text := p.Text()
	program, err := scenarios.Load(fmt.Sprintf("seed-%d.txt", seed), []byte(text))
	if err != nil {
		panic("explore: a plan that cannot be read: " + err.Error())
	}
	r, err = Replay(program, o)
	if err != nil {
		panic("explore: a plan that cannot be run: " + err.Error())
	}
	r.Profile, r.Core = p.Profile, p.core.kind()
	r.finish(text)
	return r
}

// Replay runs a scenario, drawn or written by hand, and judges it as a seed is judged. If a node panics, the panic is its
// result. The error says why no cluster can be assembled. The profile of the options has no effect.
func Replay(program *scenarios.Program, o Options) (r Result, err error) {
	if o.Events == 0 {
		o.Events = budget
	}
	r.Seed = program.Seed()
	defer func() {
		if bad := recover(); bad != nil {
			r.Failures = append(r.Failures, Failure{Internal, ofPanic, panicked(), fmt.Sprint(bad)})
		}
		r.finish(program.File.String())
	}()
	s := scenarios.New(program, scenarios.RunOptions{Rules: o.Rules, Mode: o.Mode, Events: o.Events})
	defer s.Close()
	v, err := s.Finish()
	if err != nil {
		return r, err
	}
	r.look(s, v)
	if o.Judge != nil {
		r.Failures = append(r.Failures, o.Judge(s)...)
	}
	return r, nil
}

// look reads the result from a session that has ended.
func (r *Result) look(s *scenarios.Session, v *scenarios.Verdict) {
	r.Tally, r.Events, r.Time, r.Hash, r.Shape = s.Tally(), v.Events, int64(v.Time), v.Hash, v.Shape
	for _, f := range v.Findings {
		r.Checks = append(r.Checks, Judged{f.Check.Name, f.Status})
		switch f.Status {
		case check.Violated:
			r.Failures = append(r.Failures, Failure{Violated, f.Check.Name, f.Fact.Kind(), f.Explanation})
		case check.Priced:
			r.Priced = true
		}
	}
	if v.Unsound != nil {
		kind := ""
		if u, ok := v.Unsound.(*scenarios.Unsound); ok {
			kind = u.Fingerprint()
		}
		r.Failures = append(r.Failures, Failure{Internal, ofSoundness, kind, v.Unsound.Error()})
	}
	switch v.Reason {
	case scenarios.NotStopped:
	case scenarios.StopBudget:
		kind, text := unrest(s)
		r.Failures = append(r.Failures, Failure{Unknown, ofBudget, kind, v.Stopped + "; " + text})
	default:
		kind, text := unrest(s)
		r.Failures = append(r.Failures, Failure{Stuck, ofRest, kind, text})
	}
}

// finish sets the verdict to that of the worst failure.
func (r *Result) finish(text string) {
	r.Verdict = Held
	for _, worse := range []Verdict{Unknown, Stuck, Violated, Internal} {
		if slices.ContainsFunc(r.Failures, func(f Failure) bool { return f.Verdict == worse }) {
			r.Verdict = worse
		}
	}
	if r.Verdict != Held {
		r.Text = text
	}
}
