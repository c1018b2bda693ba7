package explore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios"
)

// unclaimed reads a scenario and drops its claims, as an explored plan has none.
func unclaimed(t *testing.T, path string) *scenarios.Program {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(l, "expect ") && !strings.HasPrefix(l, "saw ") {
			lines = append(lines, l)
		}
	}
	p, err := scenarios.Load(path, []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A run with nothing but a finding about Kafka holds, and the report counts the finding on a line of its own. duplicate-id is a
// finding too; exploration draws no second process with the id of a broker, so no check looks for its mark, and it is a failure.
func TestAFindingIsKnown(t *testing.T) {
	for name, checks := range map[string][]string{
		"skipped-epoch":        {"ack-honest", "acked-durable", "acked-electable", "hw-justified"},
		"elr-off-and-on":       {"acked-durable", "acked-electable", "hw-justified"},
		"recreated-while-away": {"acked-durable", "acked-electable", "deletion-licensed", "lost-write"},
		"duplicate-id":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			x, err := Replay(unclaimed(t, filepath.Join("..", name+".txt")), Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := NewReport(Campaign{Seed: 3})
			r.Add(x)
			r.Finish()
			if checks == nil {
				if x.Verdict != Violated || len(x.Known) > 0 || len(r.Kinds) == 0 {
					t.Errorf("%s, known %v, %d kinds of failure", x.Verdict, x.Known, len(r.Kinds))
				}
				return
			}
			if x.Verdict != Held || len(r.Kinds) > 0 || r.Count(Held) != 1 || x.violates(checks[0]) {
				t.Errorf("%s, failures %v", x.Verdict, x.Failures)
			}
			if len(r.Known) != 1 || r.Known[0].Finding != name || r.Known[0].Runs != 1 || !slices.Equal(r.Known[0].Checks, checks) {
				t.Errorf("known %+v, want %s met by %v", r.Known, name, checks)
			}
			for _, c := range r.Checks {
				if met := slices.Contains(checks, c.Check); c.Violated != 0 || (c.Known == 1) != met {
					t.Errorf("%+v", c)
				}
			}
			if text := r.Text(); !strings.HasPrefix(text, "known: "+name+", 1 run\n          met by "+checks[0]) {
				t.Errorf("the report begins otherwise:\n%s", text)
			}
		})
	}
}

// A planted rule breaks the same promises as a finding, and is no known finding: the mark is missing.
func TestAPlantedRuleIsNotKnown(t *testing.T) {
	broken := map[string]bool{}
	paths, err := filepath.Glob("../museum-*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, path := range paths {
		p := unclaimed(t, path)
		id := strings.ToUpper(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "museum-"), ".txt"))
		x, err := Replay(p, Options{Rules: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Known) > 0 {
			t.Errorf("%s: known %v", id, x.Known)
		}
		for _, f := range x.Failures {
			broken[f.Check] = true
		}
	}
	for _, name := range []string{"ack-honest", "acked-durable", "acked-electable", "hw-justified", "lost-write"} {
		if !broken[name] {
			t.Errorf("no planted rule violates %s, so nothing was tested", name)
		}
	}
}

// A run that has a known violation and another one is a failure, and its file names the other.
func TestNewsBesideAFinding(t *testing.T) {
	known := Failure{Verdict: Violated, Check: "acked-durable", Kind: "leader of a partition; known: skipped-epoch", Known: "skipped-epoch", Text: "v is gone"}
	news := Failure{Verdict: Violated, Check: "acked-durable", Kind: "leader of a partition", Text: "w is gone"}
	if got := worst([]Failure{known}); got != Held {
		t.Errorf("only a known failure: %s", got)
	}
	if got := worst([]Failure{known, news}); got != Violated {
		t.Errorf("beside a known failure: %s", got)
	}
	r := NewReport(Campaign{Seed: 5})
	for seed := uint64(5); seed < 30; seed++ {
		r.Add(Result{Seed: seed, Verdict: Held, Failures: []Failure{known}, Known: []Known{{"skipped-epoch", []string{"acked-durable"}}, {"elr-off-and-on", []string{"hw-justified"}}},
			Checks: []Judged{{"acked-durable", check.Violated, true}}})
	}
	r.Add(Result{Seed: 30, Verdict: Violated, Failures: []Failure{known, news}, Checks: []Judged{{"acked-durable", check.Violated, false}}})
	r.Finish()
	if len(r.Kinds) != 1 || r.Kinds[0].Fingerprint != news.Fingerprint() || r.Kinds[0].Seeds[0] != "30" {
		t.Errorf("kinds %+v", r.Kinds)
	}
	if len(r.Known) != 2 || r.Known[0].Finding != "elr-off-and-on" || r.Known[1].Runs != 25 || len(r.Known[1].Seeds) != maxSeeds {
		t.Errorf("known %+v", r.Known)
	}
	text := r.Text()
	for _, want := range []string{"VIOLATED  acked-durable: w is gone", "known: elr-off-and-on, 25 runs", "known: skipped-epoch, 25 runs", "1 violated, 25 known"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 80 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}
