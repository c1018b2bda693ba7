package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"samsa/scenarios/view"
)

// Each mistake gets words that say what is wrong and what to try.
func TestWhyCodes(t *testing.T) {
	mine := scenario(t, "cluster brokers=1 controllers=1 seed=3\ntopic orders partitions=1 replicas=1\nproduce p1 orders-0 a\n")
	ruled := scenario(t, "# Needs M22.\ncluster brokers=2 controllers=1 seed=22 replica.lag.time.max.ms=2000\nrule M22\ntopic orders on=1,2 min.insync.replicas=1\n"+
		"cut b1 <-> b2,c1\nsend p1 orders-0 b\nwait 5s\ncrash p1\ncrash b1\nrun until leader orders-0 is b2 within 30s\nfound hw-justified\n")
	stuck := scenario(t, "cluster brokers=1 controllers=1 seed=3\ntopic orders partitions=1 replicas=1\ncrash b1\nrun until leader orders-0 is b1 within 3s\n")
	for _, c := range []struct {
		args []string
		code code
		says string // on stdout, or for code 2 on stderr
	}{
		{[]string{"why", "museum-m1", "--rule", "M1"}, exitOK, "acked-durable is VIOLATED at step 15\n"},
		{[]string{"why", "museum-m1", "--rule", "M1"}, exitOK, "\n Why does b3 not have it?\n"},
		{[]string{"why", "museum-m1", "--rule", "M1"}, exitOK, "  without line 9 (cut b2 -> b3)\n"},
		{[]string{"why", "museum-m1", "--rule", "M1"}, exitOK, "\nagain     samsa why museum-m1 --seed 21 --rule M1\n"},
		{[]string{"why", "museum-m29", "--rule", "M29"}, exitOK, "reads-stable is VIOLATED"},
		{[]string{"why", "museum-m29", "acked-durable", "--rule", "M29"}, exitOK, "acked-durable is VIOLATED"},
		{[]string{"why", "acks-one", "acked-durable"}, exitOK, "acked-durable is PRICED"},
		{[]string{"why", ruled}, exitOK, "! old rule M22: today"},
		{[]string{"why", ruled}, exitOK, "hw-justified is VIOLATED"},
		{[]string{"why", ruled}, exitOK, "  without line 3 (rule M22)"},

		{[]string{"why", stuck}, exitOK, "the run does not become quiet: it is STUCK at step "},
		{[]string{"why", stuck, "quiet"}, exitOK, "line 4 waits in vain: "},
		{[]string{"why", stuck}, exitOK, "\nthe run becomes quiet\n  without line 3 (crash b1)\n"},
		{[]string{"why", mine, "quiet"}, exitUsage, "does not fail"},
		{[]string{"why", "museum-m1", "quiet", "--rule", "M1"}, exitUsage, "quiet is unexercised in museum-m1"},

		{[]string{"why", "museum-m1"}, exitUsage, "museum-m1 does not fail: no check is violated; its comment names the old rule M1, which is not enabled\n  try: samsa why museum-m1 --rule M1\n"},
		{[]string{"why", mine}, exitUsage, "does not fail: no check is violated; if its failure needs an old rule or another seed, name it with --rule or --seed"},
		{[]string{"why", "acks-one"}, exitUsage, "no check is violated in acks-one, but a promise has its price: acked-durable\n  try: samsa why acks-one acked-durable\n"},
		{[]string{"why", "museum-m1", "hw-monotone", "--rule", "M1"}, exitUsage, "hw-monotone is held in museum-m1: there is nothing to explain; what failed there is acked-durable, acked-electable"},
		{[]string{"why", "museum-m1", "acked-durabel", "--rule", "M1"}, exitUsage, `no check "acked-durabel" (did you mean "acked-durable"?)`},
		{[]string{"why", "museum-m0"}, exitUsage, "try: samsa why museum-m"},
		{[]string{"why"}, exitUsage, "samsa why needs a scenario, and at most one check"},
		{[]string{"why", "a", "b", "c"}, exitUsage, "samsa why takes a scenario, and at most one check, not: a b c"},
		{[]string{"why", "museum-m1", "--rule", "M0"}, exitUsage, "--rule M0: there is no such old rule"},
	} {
		r := samsa(t, c.args...)
		out := r.out
		if c.code == exitUsage {
			out = r.err
		}
		if r.code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("samsa %s: exit %d, want %d and %q\n%s%s", strings.Join(c.args, " "), r.code, c.code, c.says, r.out, r.err)
		}
		for line := range strings.Lines(r.out) {
			if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
				t.Errorf("samsa %s: %q is wider than 80 columns", strings.Join(c.args, " "), line)
			}
		}
	}
}

// The whole output: the finding and its promise, the chain, and the changes that were tried.
func TestWhyText(t *testing.T) {
	golden(t, "why-museum-m1.txt", samsa(t, "why", "museum-m1", "--rule", "M1").out)
	golden(t, "why-acks-one.txt", samsa(t, "why", "acks-one", "acked-durable").out)
}

// The object has the schema, the chain with its events and lines, and the changes that were tried.
func TestWhyJSON(t *testing.T) {
	r := samsa(t, "why", "museum-m22", "--rule", "M22", "--json")
	var w view.WhyReport
	if err := json.Unmarshal([]byte(r.out), &w); err != nil || strings.Count(r.out, "\n") != 1 {
		t.Fatalf("%v: %s", err, r.out)
	}
	if w.Schema != "samsa.why/1" || r.code != exitOK || w.Finding.Name != "acked-durable" || w.Rules[0] != "M22" || len(w.Others) == 0 || w.Promise == "" {
		t.Errorf("exit %d: %+v", r.code, w)
	}
	kinds := map[string]bool{}
	for _, l := range w.Links {
		kinds[l.Kind] = true
		if l.Kind == view.LinkFault && l.Line == 0 {
			t.Errorf("a fault without a line: %+v", l)
		}
	}
	for _, kind := range []string{view.LinkSymptom, view.LinkEvent, view.LinkState, view.LinkFault, view.LinkRule} {
		if !kinds[kind] {
			t.Errorf("the chain has no link of the kind %s: %+v", kind, w.Links)
		}
	}
	passes := 0
	for _, c := range w.Tried {
		if c.Passes {
			passes++
		}
	}
	if passes < 2 || passes == len(w.Tried) {
		t.Errorf("%d of %d changes help: %+v", passes, len(w.Tried), w.Tried)
	}
	if quiet := samsa(t, "why", "museum-m22", "--rule", "M22", "--no-try"); strings.Contains(quiet.out, "changes tried") || !strings.Contains(quiet.out, "Why was b2 elected?") {
		t.Errorf("with --no-try:\n%s", quiet.out)
	}
	bad := samsa(t, "why", "museum-m22", "--json")
	if !strings.Contains(bad.out, `"schema":"samsa.error/1"`) || !strings.Contains(bad.out, `"next":"samsa why museum-m22 --rule M22"`) || bad.code != exitUsage {
		t.Errorf("exit %d: %s%s", bad.code, bad.out, bad.err)
	}
}

// Ctrl-C during the search ends it: the chain and the changes so far are printed. Ctrl-C before the end of the run leaves
// nothing to explain.
func TestWhyInterrupted(t *testing.T) {
	// why runs the command. The user presses Ctrl-C at a reading of the clock; 0 is never.
	why := func(at int, flags ...string) (out string, readings int, end code) {
		var all strings.Builder
		a := &app{out: &all, err: &all, interrupt: make(chan os.Signal, 2)}
		a.now = func() time.Time {
			if readings++; readings == at {
				a.interrupt <- os.Interrupt
			}
			return time.Unix(0, 0)
		}
		end = a.main(append([]string{"why", "museum-m1", "--rule", "M1"}, flags...))
		return all.String(), readings, end
	}
	_, run, _ := why(0, "--no-try") // the readings of the run; those after it are of the search
	for _, c := range []struct {
		flags  []string
		search bool
		says   string
	}{
		{nil, true, "0 changes tried, one at a time; interrupted, "},
		{[]string{"--json"}, true, `"interrupted":true`},
		{nil, false, "interrupted before the run ended"},
		{[]string{"--json"}, false, `"code":130,"message":"interrupted before the run ended"`},
	} {
		at := 1
		if c.search {
			at = run + 1
		}
		out, _, code := why(at, c.flags...)
		if code != exitInterrupted || !strings.Contains(out, c.says) {
			t.Errorf("Ctrl-C at reading %d: exit %d, want 130 and %q\n%s", at, code, c.says, out)
		}
		if explains := strings.Contains(out, "truncates its log from 1 to 0"); explains != c.search {
			t.Errorf("Ctrl-C at reading %d: the chain is printed: %v", at, explains)
		}
	}
}
