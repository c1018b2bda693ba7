package explore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsa/scenarios"
)

// Each planted rule runs in a plan with which exploration once found it. The file names the rule. All that its found lines say
// must still be there, and without its rule line the plan must hold.
//
// A plan may stop failing when the code changes the run. In that case, .ci/run search draws new plans.
func TestPlantedRulesAreFound(t *testing.T) {
	paths, err := filepath.Glob("testdata/planted/*.txt")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d plans with a planted rule, error %v; wanted at least ten", len(paths), err)
	}
	for _, path := range paths {
		rule := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before, after, ok := strings.Cut(string(text), "\nrule "+rule+"\n")
			if !ok {
				t.Fatalf("%s has no line: rule %s", path, rule)
			}
			with := played(t, path, string(text))
			if len(with.Found) == 0 {
				t.Fatalf("%s has no found line", path)
			}
			for _, f := range with.Found {
				if f.State != scenarios.StillThere {
					t.Errorf("with %s it is %s: %s; .ci/run search %s draws another plan", rule, f.State, f.Fingerprint(), rule)
				}
			}
			without := played(t, path, before+"\n"+after)
			for _, f := range without.Failures {
				t.Errorf("without %s: %s: %s", rule, f.Fingerprint(), f.Text)
			}
			for _, f := range without.Found {
				if f.State != scenarios.Gone {
					t.Errorf("without %s it is %s: %s", rule, f.State, f.Fingerprint())
				}
			}
		})
	}
}

// played runs a scenario file as a user would, with the budget of exploration.
func played(t *testing.T, path, text string) *scenarios.Verdict {
	t.Helper()
	program, err := scenarios.Load(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := scenarios.New(program, scenarios.RunOptions{Events: budget}).Finish()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
