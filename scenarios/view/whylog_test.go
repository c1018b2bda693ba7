package view

import (
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// ledger returns a history with these faults, one per second.
func ledger(faults ...scenarios.CausedFault) *history {
	for i := range faults {
		faults[i].Time, faults[i].Line = int64(i+1)*second, i+1
		if faults[i].To == "" {
			faults[i].To = faults[i].From
		}
	}
	return &history{&scenarios.Causes{Faults: faults}}
}

// A fault lasts until the verb that ends it, on the same machine or path, or for its time.
func TestSpansOfFaults(t *testing.T) {
	h := ledger(
		scenarios.CausedFault{Kind: "cut", From: "b1", To: "b2"},
		scenarios.CausedFault{Kind: "crash", From: "b1"},
		scenarios.CausedFault{Kind: "slow", From: "b2", To: "b1", By: 4_000_000_000},
		scenarios.CausedFault{Kind: "pause", From: "b3"},
		scenarios.CausedFault{Kind: "heal", From: "b2", To: "b1"},
		scenarios.CausedFault{Kind: "start", From: "b1"},
		scenarios.CausedFault{Kind: "crash", From: "b3"},
		scenarios.CausedFault{Kind: "disk stalled", From: "b2", For: 3_000_000_000},
		scenarios.CausedFault{Kind: "link reset", From: "b1", To: "b3"},
		scenarios.CausedFault{Kind: "link half-open", From: "b1", To: "b3"},
		scenarios.CausedFault{Kind: "slow cpu", From: "b2"},
		scenarios.CausedFault{Kind: "fast cpu", From: "b2"},
	)
	for i, want := range []int64{after, 6 * second, 5 * second, 7 * second, after, after, after, 11 * second, 9*second + 1, 40 * second, 12 * second, after} {
		if from, to := h.span(i); from != int64(i+1)*second || to != want {
			t.Errorf("%+v lasts from %d to %d, want to %d", h.Faults[i], from, to, want)
		}
	}
}

// A path is blocked by a fault of its direction, and by a fault of connections in both.
func TestFaultsOfPaths(t *testing.T) {
	h := ledger(
		scenarios.CausedFault{Kind: "cut", From: "b1", To: "b2"},
		scenarios.CausedFault{Kind: "heal", From: "b1", To: "b2"},
		scenarios.CausedFault{Kind: "slow", From: "b1", To: "b2", By: 2_000_000_000},
		scenarios.CausedFault{Kind: "slow", From: "b1", To: "b2"},
		scenarios.CausedFault{Kind: "link stalled", From: "b3", To: "b2", For: 1_000_000_000},
	)
	for _, c := range []struct {
		from, to     string
		since, until int64
		want         int
	}{
		{"b1", "b2", 0, second, 0},
		{"b1", "b2", 0, second - 1, -1},
		{"b2", "b1", 0, 10 * second, -1},
		{"b1", "b2", 5 * second / 2, 3 * second, 2},
		{"b1", "b2", 5 * second, 5 * second, 2}, // a message that was slowed arrives up to two seconds after the end
		{"b1", "b2", 13 * second / 2, 7 * second, -1},
		{"b1", "b2", 0, 10 * second, 2},
		{"b2", "b3", 6 * second, 6 * second, 4},
		{"b3", "b2", 6 * second, 6 * second, 4},
		{"b3", "b2", 9 * second, 9 * second, -1},
	} {
		if got := h.path(c.from, c.to, c.since, c.until); got != c.want {
			t.Errorf("from %s to %s between %d and %d: fault %d, want %d", c.from, c.to, c.since, c.until, got, c.want)
		}
	}
	h = ledger(
		scenarios.CausedFault{Kind: "stop", From: "b1"},
		scenarios.CausedFault{Kind: "start", From: "b1"},
		scenarios.CausedFault{Kind: "power", From: "b1"},
		scenarios.CausedFault{Kind: "disk slow", From: "b1"},
	)
	for at, want := range []int{-1, 0, -1, 2, 2} {
		if got := h.down("b1", int64(at)*second, int64(at)*second); got != want {
			t.Errorf("at %d s b1 is down by fault %d, want %d", at, got, want)
		}
	}
	if got := h.lastDown("b1", 10*second); got != 2 {
		t.Errorf("the last crash is fault %d", got)
	}
	if h.hampered("b1", 0, 3*second) != -1 || h.hampered("b1", 0, 4*second) != 3 {
		t.Error("a slow disk does not hamper, or does so too early")
	}
}

// Every old rule belongs to a question of the table, and every question has today's answer.
func TestQuestionsNameEveryOldRule(t *testing.T) {
	named := map[string]bool{}
	for name, q := range questions {
		if !strings.HasPrefix(q.today, "today ") || strings.HasSuffix(q.today, ".") || len(q.today) > 120 {
			t.Errorf("the answer to %s is %q", name, q.today)
		}
		for _, id := range q.rules {
			named[id] = true
		}
	}
	for _, r := range scenarios.OldRules() {
		if !named[r.ID] {
			t.Errorf("no question names the old rule %s", r.ID)
		}
	}
}

// Names and values in words.
func TestWordsOfChains(t *testing.T) {
	for want, names := range map[string][]string{"none": nil, "b1": {"b1"}, "b1 and b2": {"b2", "b1"}, "b1, b2 and b3": {"b3", "b1", "b2"}} {
		if got := inWords(names); got != want {
			t.Errorf("%v in words is %q, want %q", names, got, want)
		}
	}
	for want, values := range map[string][]string{"": nil, `"a"`: {"a"}, `"a" and "b"`: {"a", "b"}, `"a" to "d"`: {"a", "b", "c", "d"}} {
		if got := quote(values); got != want {
			t.Errorf("%v quoted is %s, want %s", values, got, want)
		}
	}
}

// The text of a report has the changes that help first, then those that help and end the run early, then the rest by status.
func TestChangesInWords(t *testing.T) {
	r := WhyReport{
		Finding: Property{Name: "acked-durable", Status: "violated", Step: 3}, Promise: "an acknowledged record stays",
		Links: []Link{{Kind: LinkSymptom, Step: 3, Time: 1_500_000_000, Machine: "b1", Sentence: "loses it"}},
		Tried: []Tried{
			{Kind: "fault", Line: 7, Text: "without line 7 (crash b1)", Status: "held", Passes: true, Stopped: "line 8: run until leader: not so"},
			{Kind: "rule", Text: "without --rule M1", Status: "held", Passes: true},
			{Kind: "fault", Line: 9, Text: "without line 9 (cut b1 -> b2)", Status: "unexercised", Passes: true},
			{Kind: "fault", Line: 4, Text: "without line 4 (stop b3)", Status: "violated"},
			{Kind: "config", Line: 2, Text: "with acks=all on line 2", Status: "priced"},
			{Kind: "operation", Line: 5, Text: "without line 5 (send)", Status: "unexercised"},
		},
		Untried: 2, Others: []string{"hw-justified"},
	}
	want := `acked-durable is VIOLATED at step 3
promise   an acknowledged record stays

 step      time  node
    3    1.500s  b1  loses it

acked-durable holds
  without --rule M1
  without line 9 (cut b1 -> b2); nothing exercises it then
  without line 7 (crash b1); line 8 then waits in vain
still violated: without line 4
priced: with acks=all on line 2
not exercised: without line 5
6 changes tried, one at a time; the runs are long, so 2 are not tried
also violated: hw-justified
again     samsa why mine.txt
`
	if got := r.Text("samsa why mine.txt"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Tried = slices.DeleteFunc(r.Tried, func(c Tried) bool { return c.Passes })
	r.Interrupted = true
	if got := r.Text("samsa why mine.txt"); !strings.Contains(got, "\nwith no single change that was tried does it hold\n") || !strings.Contains(got, "3 changes tried, one at a time; interrupted, 2 not tried\n") {
		t.Errorf("interrupted, and nothing helps:\n%s", got)
	}
}
