package prop

import (
	"cmp"
	"fmt"
	"path"
	"runtime"
	"strings"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/view"
)

// events is the budget of a run. A run usually has about ten thousand events. A run with a hundred times as many events
// most likely never ends.
const events = 1_000_000

// remembered is the number of events of a first run that are kept, so that a second run can be compared with them.
const remembered = 200_000

// result is a run that has ended.
type result struct {
	verdict  *scenarios.Verdict // nil if the run panicked
	failures []scenarios.Failure
	priced   []string // losses that a setting or the faults allow, with the clause
	marks    map[string]bool
	tally    scenarios.Tally
	trail    []scenarios.Event // the first events, if they were kept
}

// failed reports whether the run failed, other than in the way that the file of the run expects.
func (r result) failed() bool { return len(r.failures) > 0 }

// worst returns the failure to report: the first failure of one of the code's own invariants, or else the first failure.
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

// record is what the code of one run has told the test.
type record struct {
	runner *runner
	marks  map[string]bool
	misuse error // the first call that prop refuses; such a run says nothing about the code
}

// refused is the panic that ends the code of a client after a call that prop refuses.
type refused struct{ err error }

// refuse ends the code after a call that prop refuses.
func (r *record) refuse(call string, err error) { panic(refused{fmt.Errorf("%s: %w", call, err)}) }

// options returns the options with which the test runs a file.
func (r *runner) options(of *record) scenarios.RunOptions {
	o := scenarios.RunOptions{Events: events}
	if r.work != nil {
		o.Work = func(h *scenarios.Hand) { guard(h, of, r.work) }
	}
	return o
}

// ofPanic is the key of the failure of a run in which the code panicked.
const ofPanic = "panic"

// guard runs the code of one client. If the code panics, the run fails with the key panic. The kind of this failure names
// the function that panicked and the function of the test's package that called it, so that the shrinker does not take one
// panic for another. The kind has no line numbers, because they change with each edit.
func guard(h *scenarios.Hand, of *record, work func(*Client)) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if scenarios.Unwinds(p) {
			panic(p)
		}
		text, kind := "", ""
		if no, ok := p.(refused); ok {
			of.misuse, text = cmp.Or(of.misuse, no.err), no.err.Error()
		} else {
			in := panicked(of.runner.home)
			kind, text = in.kind(), fmt.Sprintf("the code panicked: %v%s", p, in)
		}
		if err := h.Fail(ofPanic, kind, text); err != nil {
			panic(err)
		}
	}()
	work(&Client{hand: h, run: of})
}

// place is the place of a panic: the function that panicked, and the first function of the test's own package that called it,
// from the inside out. Both may be the same. The zero value is an unknown place.
type place struct{ inner, own runtime.Frame }

// panicked returns the place of the panic that is being handled. The function home reports whether a function belongs to
// the test's package.
func panicked(home func(string) bool) (p place) {
	stack := make([]uintptr, 256)
	frames := runtime.CallersFrames(stack[:runtime.Callers(1, stack)])
	for inside := false; ; {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			inside = true
		case !inside || strings.HasPrefix(f.Function, "runtime."):
		case p.inner.Function == "":
			p.inner = f
			fallthrough
		default:
			if p.own.Function == "" && home(f.Function) {
				p.own = f
			}
		}
		if !more {
			return p
		}
	}
}

// kind returns the place without its lines.
func (p place) kind() string {
	if p.inner.Function == "" {
		return ""
	}
	name := func(f runtime.Frame) string { return "in " + path.Base(f.Function) + " of " + path.Base(f.File) }
	if p.own.Function == "" || p.own.Function == p.inner.Function {
		return name(p.inner)
	}
	return name(p.inner) + ", " + name(p.own)
}

// String returns the place as the end of a sentence, "" if it is not known.
func (p place) String() string {
	line := func(f runtime.Frame) string { return fmt.Sprintf("%s:%d", path.Base(f.File), f.Line) }
	switch {
	case p.inner.Function == "":
		return ""
	case p.own.Function == "" || p.own == p.inner:
		return ", at " + line(p.inner)
	}
	return ", at " + line(p.own) + " (in " + line(p.inner) + ")"
}

// watch runs a file and keeps its events.
func (r *runner) watch(p *scenarios.Program) (result, error) {
	var trail []scenarios.Event
	res, err := r.run(p, events, func(e scenarios.Event) {
		if len(trail) < remembered {
			trail = append(trail, e)
		}
	})
	res.trail = trail
	return res, err
}

// try runs a file with a budget of events.
func (r *runner) try(p *scenarios.Program, limit uint64) (result, error) { return r.run(p, limit, nil) }

// run runs a file with a budget of events, and calls a function for each event if there is one. The error says why the file
// cannot be run, or which call of the code is refused.
func (r *runner) run(p *scenarios.Program, limit uint64, each func(scenarios.Event)) (res result, err error) {
	of := &record{runner: r, marks: map[string]bool{}}
	res.marks = of.marks
	defer func() {
		if bad := recover(); bad != nil {
			in := panicked(r.home)
			res.failures = append(res.failures, scenarios.Failure{Verdict: scenarios.ClassInternal, Check: scenarios.OfPanic, Kind: in.kind(),
				Text: fmt.Sprintf("a bug of Samsa's: %v%s", bad, in)})
		}
	}()
	o := r.options(of)
	o.Events, o.Each = limit, each
	o.Heard = func(n scenarios.Note) { of.marks[n.Kind.Name] = true }
	s := scenarios.New(p, o)
	defer s.Close()
	v, err := s.Finish()
	if err := cmp.Or(err, of.misuse); err != nil {
		return res, err
	}
	res.verdict, res.tally = v, s.Tally()
	for _, f := range v.Failures {
		if f.Known == "" && !v.Expects(f.Check, nil) {
			res.failures = append(res.failures, f)
		}
	}
	for _, f := range v.Findings {
		if f.Known != "" { // Kafka's flaw and not one of the user's code
			res.priced = append(res.priced, f.Check.Name+": "+f.Explanation+" (known: "+f.Known+" of FINDINGS.md)")
		}
		if f.Status == check.Priced {
			res.priced = append(res.priced, f.Check.Name+": "+f.Explanation+" (allowed by: "+f.Clause+")")
		}
	}
	return res, nil
}

// differs runs a file again, and says how this run differs from the file's first run. It returns "" if the two runs are the
// same.
func (r *runner) differs(text string, first result) (how string) {
	var number int
	again, err := r.run(load(text), events, func(e scenarios.Event) {
		if number < len(first.trail) && how == "" {
			if was := first.trail[number]; was != e { // the hash of an event covers all events before it
				how = fmt.Sprintf("the first event that differs is event %d\n%s%s", e.Number, eventLine("first run", was), eventLine("second run", e))
			}
		}
		number++
	})
	switch {
	case how != "":
		return how
	case err != nil:
		return "the second run: " + err.Error()
	case number < len(first.trail):
		return fmt.Sprintf("the second run ends before event %d\n%s", number, eventLine("first run", first.trail[number]))
	case first.hash() != again.hash():
		return fmt.Sprintf("the first %d events are the same; then the runs differ: hash %016x and hash %016x", len(first.trail), first.hash(), again.hash())
	case first.prints() != again.prints():
		return fmt.Sprintf("all events are the same, and the failures are not\n  first run   %s\n  second run  %s\n", first.prints(), again.prints())
	}
	return ""
}

// eventLine returns an event as lines of a report.
func eventLine(run string, e scenarios.Event) string {
	head := fmt.Sprintf("  %-10s  %10s  %-5s ", run, view.Seconds(int64(e.Time)), e.Who)
	return hang(head, e.Text)
}

// prints returns the fingerprints of all failures.
func (r result) prints() string {
	var all []string
	for _, f := range r.failures {
		all = append(all, strings.TrimPrefix(f.Fingerprint(), scenarios.Own))
	}
	if len(all) == 0 {
		return "it holds"
	}
	return strings.Join(all, "; ")
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
