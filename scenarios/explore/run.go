package explore

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios"
)

// Options apply to all runs of a campaign.
type Options struct {
	Profile Profile // "" means Mixed
	Rules   []string
	Mode    scenarios.Mode
	Events  uint64 // the budget of a run; 0 means a million
	Version string // the version of Samsa, for the found lines of saved files; may be empty
	// Decisions, if not nil, receives every random decision that is not 0. It serves a single run, not a campaign.
	Decisions scenarios.Decisions
	// Judge, if not nil, adds failures to a run that has ended. Tests use it.
	Judge func(*scenarios.Session) []Failure
	// Abandon, if not nil, is called again and again during a run. If it returns true, the run ends there and has no
	// failures, and Result.Abandoned is set. Several runs may call it at once.
	Abandon func() bool

	decided   func(question string, always bool) // see scenarios.RunOptions.Decided
	otherwise func(id string)                    // see scenarios.RunOptions.Otherwise
}

// budget is the limit of events per run. Most runs have about ten thousand events. A run with Kafka's own timeouts has
// several hundred thousand.
const budget = 1_000_000

// Verdict is the class of one seed's worst failure.
type Verdict = scenarios.Class

// The verdicts.
const (
	Held     = scenarios.NoFailure
	Violated = scenarios.ClassViolated
	Stuck    = scenarios.ClassStuck
	Unknown  = scenarios.ClassUndecided
	Internal = scenarios.ClassInternal
)

// verdicts are all verdicts, in the order of a report.
var verdicts = [...]Verdict{Held, Violated, Stuck, Unknown, Internal}

// Failure is one failure of a run.
type Failure = scenarios.Failure

// violates reports whether a check is violated, and no finding about Kafka explains it.
func (r *Result) violates(check string) bool {
	return slices.ContainsFunc(r.Failures, func(f Failure) bool {
		return f.Check == check && f.Known == "" && (f.Verdict == Violated || f.Verdict == Stuck)
	})
}

// Result is the result of one seed's run.
type Result struct {
	Seed     uint64
	Profile  Profile
	Verdict  Verdict
	Failures []Failure
	Text     string  // the scenario file with its found lines; set by Run only, and only if the run failed
	Known    []Known // the findings about Kafka that happened, in the order of their first failures
	Checks   []Judged
	Priced   bool
	Core     Core
	Tally    scenarios.Tally
	Events   uint64
	Time     int64    // virtual nanoseconds
	Decided  []string // the questions to which an old rule gave another answer than today's; set by Run only
	Hash     uint64
	Shape    uint64 // a second hash, which does not depend on the names of notes

	Abandoned bool // Options.Abandon ended the run, so nothing else is known about it

	limit uint64 // the budget of events
}

// Judged is the status of one check.
type Judged struct {
	Check  string
	Status check.Status
	Known  bool // it is violated, and a finding about Kafka explains it
}

// Known is a finding about Kafka that happened in a run, with the checks that met it. The finding has the name of its scenario
// (FINDINGS.md).
type Known struct {
	Finding string
	Checks  []string
}

// Run explores one seed. If a node panics, the panic is the result of the seed.
func Run(seed uint64, o Options) Result {
	p := Draw(seed, o.Profile)
	p.Rules = o.Rules
	text := p.Text()
	program, err := scenarios.Load(fmt.Sprintf("seed-%d.txt", seed), []byte(text))
	if err != nil {
		return Result{Seed: seed, Verdict: Internal, Text: text, Failures: []Failure{{Verdict: Internal, Check: scenarios.OfPanic, Text: "a plan that cannot be read: " + err.Error()}}}
	}
	var decided []string
	if len(o.Rules) > 0 {
		o.decided = func(question string, _ bool) {
			if !slices.Contains(decided, question) {
				decided = append(decided, question)
			}
		}
	}
	r, err := Replay(program, o)
	r.Decided = decided
	if err != nil {
		r.Failures, r.Verdict = []Failure{{Verdict: Internal, Check: scenarios.OfPanic, Text: "a plan that cannot be run: " + err.Error()}}, Internal
	}
	r.Profile, r.Core = p.Profile, p.core.kind()
	if r.Verdict != Held {
		r.Text = text + "\n" + strings.Join(r.FoundLines(o.Version), "\n") + "\n"
	}
	return r
}

// Otherwise runs a seed without old rules, and returns the result and the old rules that would have decided otherwise in it. A run
// of the seed with any other old rule has the same result.
func Otherwise(seed uint64, o Options) (r Result, ids []string) {
	seen := map[string]bool{}
	o.otherwise = func(id string) { seen[id] = true }
	r = Run(seed, o)
	return r, slices.Sorted(maps.Keys(seen))
}

// Replay runs any scenario and judges it as Run judges a seed. If a node panics, the panic is the result. Replay returns an
// error if no cluster can be assembled. The profile of the options has no effect.
func Replay(program *scenarios.Program, o Options) (r Result, err error) {
	if o.Events == 0 {
		o.Events = budget
	}
	r = Result{Seed: program.Seed(), limit: o.Events}
	defer func() {
		if bad := recover(); bad != nil {
			r.Failures = append(r.Failures, Failure{Verdict: Internal, Check: scenarios.OfPanic, Kind: panicked(), Text: fmt.Sprint(bad)})
		}
		r.Verdict = worst(r.Failures)
	}()
	s := scenarios.New(program, scenarios.RunOptions{Rules: o.Rules, Mode: o.Mode, Events: o.Events, Decisions: o.Decisions, Decided: o.decided, Otherwise: o.otherwise})
	defer s.Close()
	if r.Abandoned, err = advance(s, o.Abandon); err != nil || r.Abandoned {
		return r, err
	}
	r.look(s, s.Verdict())
	if o.Judge != nil {
		r.Failures = append(r.Failures, o.Judge(s)...)
	}
	return r, nil
}

// quantum is the number of ticks between two calls of Options.Abandon. They take a few milliseconds.
const quantum = 1 << 12

// advance runs a session to its end, or until the function abandon, if there is one, returns true.
func advance(s *scenarios.Session, abandon func() bool) (abandoned bool, err error) {
	for more := true; more && err == nil; more, err = s.Advance(quantum) {
		if abandon != nil && abandon() {
			return true, nil
		}
	}
	return false, err
}

// look reads the result from a session that has ended.
func (r *Result) look(s *scenarios.Session, v *scenarios.Verdict) {
	r.Tally, r.Events, r.Time, r.Hash, r.Shape = s.Tally(), v.Events, int64(v.Time), v.Hash, v.Shape
	r.Failures = append(r.Failures, v.Failures...)
	for _, f := range v.Findings {
		r.Checks = append(r.Checks, Judged{f.Check.Name, f.Status, f.Known != ""})
		if f.Known != "" {
			r.meet(f.Known, f.Check.Name)
		}
		r.Priced = r.Priced || f.Status == check.Priced
	}
}

// meet adds a check that met a finding.
func (r *Result) meet(finding, check string) {
	i := slices.IndexFunc(r.Known, func(k Known) bool { return k.Finding == finding })
	if i < 0 {
		i = len(r.Known)
		r.Known = append(r.Known, Known{Finding: finding})
	}
	r.Known[i].Checks = append(r.Known[i].Checks, check)
}

// FoundLines returns the lines that say in a file which failures the run had, one for each fingerprint.
func (r *Result) FoundLines(version string) (lines []string) {
	seen := map[string]bool{}
	for _, f := range r.Failures {
		if print := f.Fingerprint(); !seen[print] {
			seen[print] = true
			lines = append(lines, f.FoundLine(r.Hash, r.limit, version))
		}
	}
	return lines
}

// worst returns the class of the worst failure. A known failure does not count.
func worst(failures []Failure) Verdict {
	all := Held
	for _, class := range []Verdict{Unknown, Stuck, Violated, Internal} {
		if slices.ContainsFunc(failures, func(f Failure) bool { return f.Verdict == class && f.Known == "" }) {
			all = class
		}
	}
	return all
}
