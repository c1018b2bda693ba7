package explore

import (
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/view"
)

// tried runs all changes of a scenario of the library.
func tried(t *testing.T, name, check string, rules ...string) (all []view.Tried) {
	t.Helper()
	src, _ := scenarios.Source(name)
	return triedIn(t, string(src), check, rules...)
}

// triedIn runs all changes of a file.
func triedIn(t *testing.T, src, check string, rules ...string) (all []view.Tried) {
	t.Helper()
	p, err := scenarios.Load("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVariants([]byte(src), p, scenarios.RunOptions{Rules: rules}, check, &scenarios.Verdict{Events: 500}, nil)
	for left := v.Left(); v.Next(); left = v.Left() {
		if v.Left() != left-1 {
			t.Fatalf("%d changes were left and then %d", left, v.Left())
		}
	}
	return v.Tried
}

// passes returns the changes of one kind with which the check holds.
func passes(all []view.Tried, kind string) (texts []string) {
	for _, c := range all {
		if c.Kind == kind && c.Passes {
			texts = append(texts, c.Text)
		}
	}
	return texts
}

// A cluster that becomes quiet after a change counts as a check that holds.
func TestVariantsOfAStuckRun(t *testing.T) {
	all := triedIn(t, "cluster brokers=2 controllers=1 seed=3\ntopic orders on=1,2\nproduce p1 orders-0 a\ncrash b1,b2\nrun until quiet\n", scenarios.OfRest)
	if got := passes(all, "fault"); !slices.Equal(got, []string{"without line 4 (crash b1,b2)"}) || len(passes(all, "operation")) > 0 {
		t.Errorf("these faults help: %q, of all changes %+v", got, all)
	}
}

// With today's rule, without the fault that hid the record, and without the crash that made the elections, the record is not
// lost; a change that has nothing to do with the loss does not help.
func TestVariantsFindTheCause(t *testing.T) {
	all := tried(t, "museum-m1", "acked-durable", "M1")
	if got := passes(all, "rule"); !slices.Equal(got, []string{"without --rule M1"}) {
		t.Errorf("of the rules these help: %q", got)
	}
	got := passes(all, "fault")
	for _, want := range []string{"without line 9 (cut b2 -> b3)", "without line 11 (crash b1)", "without line 14 (crash b2)"} {
		if !slices.Contains(got, want) {
			t.Errorf("of the faults these help: %q, and not %s", got, want)
		}
	}
	if i := slices.IndexFunc(all, func(c view.Tried) bool { return c.Line == 18 }); i < 0 || all[i].Passes || all[i].Status != "violated" {
		t.Errorf("without its last start the scenario is %+v", all)
	}
	if i := slices.IndexFunc(all, func(c view.Tried) bool { return c.Line == 11 }); i < 0 || !strings.HasPrefix(all[i].Stopped, "line 12: ") {
		t.Errorf("without the crash, line 12 does not wait in vain: %+v", all[i])
	}
	if len(passes(all, "operation")) != 0 {
		t.Error("a promise holds that was not exercised")
	}
}

// A config is tried with the value that keeps more promises.
func TestVariantsOfConfigs(t *testing.T) {
	all := tried(t, "acks-one", "acked-durable")
	if got := passes(all, "config"); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "with acks=all on line ") }) {
		t.Errorf("of the configs these help: %q; tried %+v", got, all)
	}
}

// A rule line of a file is a change like the flag; a line that others need is none; and the lines of a chain come first.
func TestVariantsOfAFile(t *testing.T) {
	src := `cluster brokers=2 controllers=1 seed=22 replica.lag.time.max.ms=2000
rule M22
topic orders on=1,2 min.insync.replicas=1
produce p1 orders-0 a
run until quiet within 60s
cut b1 <-> b2,c1
send p1 orders-0 b
wait 5s
crash p1
crash b1
run until leader orders-0 is b2 within 30s
`
	all := triedIn(t, src, "acked-durable")
	if got := passes(all, "rule"); !slices.Equal(got, []string{"without line 2 (rule M22)"}) {
		t.Errorf("of the rules these help: %q", got)
	}
	for _, c := range all {
		if c.Line == 3 && c.Kind != "config" || c.Line == 1 && c.Kind != "config" {
			t.Errorf("a file needs its line %d: %+v", c.Line, c)
		}
	}
	p, err := scenarios.Load("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVariants([]byte(src), p, scenarios.RunOptions{}, "acked-durable", &scenarios.Verdict{Events: 300}, []int{10})
	var faults []int
	for _, c := range v.queue {
		if c.Kind == "fault" {
			faults = append(faults, c.Line)
		}
	}
	if !slices.Equal(faults, []int{10, 6, 9}) {
		t.Errorf("the faults are tried in the order %v", faults)
	}
	v.left = 1
	for v.Next() {
		continue
	}
	if len(v.Tried) != 1 || v.Tried[0].Stopped == "" || v.Left() == 0 {
		t.Errorf("with a budget of one event, tried %+v and left %d", v.Tried, v.Left())
	}
}

// A change must not help only because the run ends earlier without its last line. Here the last line does nothing but let
// time pass until the loss.
func TestARunWithoutItsLastLineLastsAsLong(t *testing.T) {
	src, _ := scenarios.Source("museum-m1")
	head, _, _ := strings.Cut(string(src), "consume")
	text := head + "\nat 200s send p1 orders-0 last\n"
	p, err := scenarios.Load("clock", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	run := scenarios.RunOptions{Rules: []string{"M1"}}
	s := scenarios.New(p, run)
	failed, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for v := NewVariants([]byte(text), p, run, "acked-durable", failed, nil); v.Next(); {
		if last := v.Tried[len(v.Tried)-1]; strings.Contains(last.Text, "send p1 orders-0 last") && last.Passes {
			t.Errorf("%s is said to help", last.Text)
		}
	}
}

// If the run needs a dropped line only because time passes until its end, the change names the clock that stands in for the line.
// In a file that has this clock the check has the status of the failed run; in one that has not, it has another.
func TestVariantsNameTheClock(t *testing.T) {
	const src = "rule M1\ncluster brokers=1 controllers=1 seed=6\ntopic orders\n\nsend p1 orders-0 a\nwait 20ms\ncrash b1\nsend p1 orders-0 b\nstart b1\n"
	run := func(src string) *scenarios.Verdict {
		p, err := scenarios.Load("test", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		s := scenarios.New(p, scenarios.RunOptions{})
		defer s.Close()
		v, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p, err := scenarios.Load("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVariants([]byte(src), p, scenarios.RunOptions{}, "acked-durable", run(src), nil)
	for v.Next() {
	}
	clocks := 0
	for _, c := range v.Tried {
		if c.Clock == "" {
			continue
		}
		clocks++
		without := strings.Replace(src, "send p1 orders-0 b\n", "#\n", 1)
		if c.Line != 8 || v.status(run(without)) == v.failed || v.status(run(without+c.Clock+"\n")) != v.failed {
			t.Errorf("the clock is part of %+v", c)
		}
	}
	if clocks != 1 {
		t.Errorf("%d changes need a clock: %+v", clocks, v.Tried)
	}
}
