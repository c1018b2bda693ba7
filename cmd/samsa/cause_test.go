package main

import (
	"encoding/json"
	"strings"
	"testing"

	"samsa/scenarios/explore"
)

func TestCauseCommand(t *testing.T) {
	for _, c := range []struct {
		args []string
		code code
		says string // on stdout, or for code 2 on stderr
	}{
		{[]string{"cause", "museum-m1", "--rule", "M1", "--futures", "2"}, exitOK, "decided by the lines of the file: 2 of 2 futures fail"},
		{[]string{"cause", "museum-m1", "--rule", "M1", "--futures", "1"}, exitOK, "Its 16 lines are few; which of them it needs, says samsa why museum-m1 acked-durable"},
		{[]string{"cause", "museum-m1", "acked-electable", "--rule", "M1", "--futures", "1"}, exitOK, "acked-electable is violated"},
		{[]string{"cause", "museum-m1"}, exitUsage, "museum-m1: the run does not fail: no check is violated"},
		{[]string{"cause", "museum-m1", "quiet", "--rule", "M1"}, exitUsage, "try: samsa cause museum-m1 acked-durable --rule M1"},
		{[]string{"cause", "museum-m1", "acked-durble"}, exitUsage, `no check "acked-durble" (did you mean "acked-durable"?)`},
		{[]string{"cause", "museum-m9x"}, exitUsage, `no scenario "museum-m9x"`},
		{[]string{"cause"}, exitUsage, "samsa cause needs a scenario, and at most one check"},
		{[]string{"cause", "museum-m1", "--futures", "0"}, exitUsage, "--futures must be a number from 1 to 10000, not 0"},
		{[]string{"cause", "museum-m1", "--futures", "many"}, exitUsage, `--futures must be a number, not "many"`},
		{[]string{"cause", "../../scenarios/shrink/testdata/small/M22.txt", "--futures", "1"}, exitOK, "hw-justified is violated"},
	} {
		r := samsa(t, c.args...)
		out := r.out
		if c.code == exitUsage {
			out = r.err
		}
		if r.code != c.code || !strings.Contains(strings.Join(strings.Fields(out), " "), c.says) {
			t.Errorf("samsa %s: exit %d, want %d and %q\n%s%s", strings.Join(c.args, " "), r.code, c.code, c.says, r.out, r.err)
		}
	}
}

func TestCauseJSON(t *testing.T) {
	r := samsa(t, "cause", "museum-m1", "--rule", "M1", "--futures", "2", "--json")
	var c explore.Cause
	if err := json.Unmarshal([]byte(r.out), &c); err != nil || strings.Count(r.out, "\n") != 1 {
		t.Fatalf("%v: %s", err, r.out)
	}
	if c.Schema != "samsa.cause/1" || c.Check != "acked-durable" || c.By != explore.ByLines || len(c.Points) != 2 || c.Rules[0] != "M1" {
		t.Errorf("%+v", c)
	}
	bad := samsa(t, "cause", "museum-m1", "--json")
	if !strings.Contains(bad.out, `"schema":"samsa.error/1"`) || bad.code != exitUsage {
		t.Errorf("exit %d: %s%s", bad.code, bad.out, bad.err)
	}
}
