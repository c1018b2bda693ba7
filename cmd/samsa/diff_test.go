package main

import (
	"encoding/json"
	"strings"
	"testing"

	"samsa/scenarios/view"
)

// The exit code is that of diff(1): 0 the same, 1 different, 2 trouble. What the judges found does not change it.
func TestDiffCodes(t *testing.T) {
	mine := scenario(t, "cluster brokers=1 controllers=1 seed=3\ntopic orders partitions=1 replicas=1\nproduce p1 orders-0 a\n")
	for _, c := range []struct {
		args []string
		code code
		says string // on stdout, or for code 2 on stderr
	}{
		{[]string{"diff", "museum-m1", "--rule", "M1"}, exitViolated, "b  samsa run museum-m1 --rule M1"},
		{[]string{"diff", "museum-m1", "museum-m1", "--rule", "M1"}, exitOK, "a  samsa run museum-m1 --rule M1"},
		{[]string{"diff", "leader-failover", "--seed", "7"}, exitOK, "the runs are the same: "},
		{[]string{"diff", "leader-failover", "--seed", "8"}, exitViolated, "b  samsa run leader-failover --seed 8"},
		{[]string{"diff", mine, mine}, exitOK, "the runs are the same: "},
		{[]string{"diff", mine, "leader-failover"}, exitViolated, "the first event that differs is event 0"},
		{[]string{"diff", "leader-failover"}, exitUsage, "samsa diff needs a second scenario, or a --rule, --set or --seed to compare leader-failover with"},
		{[]string{"diff"}, exitUsage, "samsa diff needs one or two scenarios"},
		{[]string{"diff", "a", "b", "c"}, exitUsage, "samsa diff takes one or two scenarios, not: a b c"},
		{[]string{"diff", "leader-failover", "museum-m0"}, exitUsage, "samsa diff museum-m"},
		{[]string{"diff", "museum-m1", "--rule", "M0"}, exitUsage, "--rule M0: there is no such old rule"},
	} {
		r := samsa(t, c.args...)
		out := r.out
		if c.code == exitUsage {
			out = r.err
		}
		if r.code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("samsa %s: exit %d, want %d and %q\n%s%s", strings.Join(c.args, " "), r.code, c.code, c.says, r.out, r.err)
		}
	}
}

func TestDiffJSON(t *testing.T) {
	r := samsa(t, "diff", "museum-m1", "--rule", "M1", "--json")
	var d view.Diff
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || strings.Count(r.out, "\n") != 1 {
		t.Fatalf("%v: %s", err, r.out)
	}
	if d.Schema != "samsa.diff/1" || d.Equal || r.code != exitViolated || d.First == nil || d.Runs[1].Rules[0] != "M1" || len(d.Machines) == 0 || len(d.Findings) == 0 {
		t.Errorf("exit %d: %+v", r.code, d)
	}
	bad := samsa(t, "diff", "--json")
	if !strings.Contains(bad.out, `"schema":"samsa.error/1"`) || bad.code != exitUsage {
		t.Errorf("exit %d: %s%s", bad.code, bad.out, bad.err)
	}
}
