package prop

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/view"
)

// events is the budget of a run. A run usually has about ten thousand events. A run with a hundred times as many does not
// end.
const events = 1_000_000

// result is a run that has ended.
type result struct {
	verdict  *scenarios.Verdict // nil if the run panicked
	failures []scenarios.Failure
	priced   []string // losses that a setting or the faults allow, with the clause
	marks    map[string]bool
	tally    scenarios.Tally
}

// failed reports whether the run failed, other than in the way that the file of the run expects.
func (r result) failed() bool { return len(r.failures) > 0 }

// worst returns the failure to report: one of the code's own invariants if there is one.
func (r result) worst() scenarios.Failure {
	for _, f := range r.failures {
		if strings.HasPrefix(f.Check, scenarios.Own) {
			return f
		}
	}
	return r.failures[0]
}

// of returns the failure with the fingerprint of the target, or else the worst failure.
func (r result) of(target scenarios.Failure) scenarios.Failure {
	for _, f := range r.failures {
		if f.Fingerprint() == target.Fingerprint() {
			return f
		}
	}
	return r.worst()
}

// hash returns the hash of the run, 0 if it has none.
func (r result) hash() uint64 {
	if r.verdict == nil {
		return 0
	}
	return r.verdict.Hash
}

// options returns the options with which the test runs a file. The code adds its marks to the given map.
func (r *runner) options(marks map[string]bool) scenarios.RunOptions {
	o := scenarios.RunOptions{Events: events}
	if r.work != nil {
		o.Work = func(h *scenarios.Hand) { guard(h, marks, r.work) }
	}
	return o
}

// guard runs the code of one client. If the code panics, the run fails with the key panic.
func guard(h *scenarios.Hand, marks map[string]bool, work func(*Client)) {
	defer func() {
		if p := recover(); p != nil {
			if scenarios.Unwinds(p) {
				panic(p)
			}
			h.Fail("panic", fmt.Sprintf("the code panicked: %v%s", p, where(string(debug.Stack()))))
		}
	}()
	work(&Client{h, marks})
}

// where returns the place of a panic from a stack: the first function after the runtime's.
func where(stack string) string {
	_, after, ok := strings.Cut(stack, "\npanic(")
	lines := strings.Split(after, "\n")
	for i := 2; ok && i+1 < len(lines); i += 2 {
		if !strings.HasPrefix(lines[i], "runtime.") {
			place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " ")
			return ", at " + place[strings.LastIndexByte(place, '/')+1:]
		}
	}
	return ""
}

// play runs a file to its end.
func (r *runner) play(t testing.TB, p *scenarios.Program) (res result) {
	t.Helper()
	res, err := r.try(p, events)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return res
}

// try runs a file with a budget of events. The error says why it cannot be run.
func (r *runner) try(p *scenarios.Program, limit uint64) (res result, err error) {
	res.marks = map[string]bool{}
	defer func() {
		if bad := recover(); bad != nil {
			res.failures = append(res.failures, scenarios.Failure{Verdict: scenarios.ClassInternal, Check: scenarios.OfPanic,
				Text: fmt.Sprintf("a bug of Samsa's: %v%s", bad, where(string(debug.Stack())))})
		}
	}()
	o := r.options(res.marks)
	o.Events = limit
	o.Heard = func(n scenarios.Note) { res.marks[n.Kind.Name] = true }
	s := scenarios.New(p, o)
	defer s.Close()
	v, err := s.Finish()
	if err != nil {
		return res, err
	}
	res.verdict, res.tally = v, s.Tally()
	for _, f := range v.Failures {
		if !v.Expects(f.Check, nil) {
			res.failures = append(res.failures, f)
		}
	}
	for _, f := range v.Findings {
		if f.Status == check.Priced {
			res.priced = append(res.priced, f.Check.Name+": "+f.Explanation+" (allowed by: "+f.Clause+")")
		}
	}
	return res, nil
}

// differs runs a file twice more, and returns the comparison if the runs are not the same, or not the same as the first.
func (r *runner) differs(text string, first uint64) (how string) {
	defer func() {
		if p := recover(); p != nil {
			how = "" // a panic ends both runs; it is reported as it is
		}
	}()
	one := func(name string) view.Diffed {
		return view.Diffed{Name: name, Program: load(text), Options: r.options(map[string]bool{})}
	}
	d := view.NewDiffer(one("the second run"), one("the third run"))
	defer d.Close()
	for more := true; more; {
		var err error
		if more, err = d.Advance(1 << 12); err != nil {
			return err.Error()
		}
	}
	out := d.Diff()
	switch {
	case !out.Equal:
		return out.Text()
	case out.Runs[0].Hash != fmt.Sprintf("%016x", first):
		return fmt.Sprintf("the first run has hash %016x, and the next two have %s", first, out.Runs[0].Hash)
	}
	return ""
}

// parse reads the text of a plan or a file.
func parse(text string) (*scenarios.Program, error) { return scenarios.Load("draw", []byte(text)) }

// load reads the text of a plan, which is known to be valid.
func load(text string) *scenarios.Program {
	p, err := parse(text)
	if err != nil {
		panic("prop: a plan that cannot be read: " + err.Error())
	}
	return p
}
