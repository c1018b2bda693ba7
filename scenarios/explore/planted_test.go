package explore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// Each planted rule runs in a plan with which exploration once found it. The check that the file names must fire, and
// without the rule the plan must hold.
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
			head, _, _ := strings.Cut(string(text), "\n")
			planted, found := strings.CutPrefix(head, "# Planted "+rule+", found by ")
			if !found {
				t.Fatalf("%s begins with %q, wanted # Planted %s, found by CHECK", path, head, rule)
			}
			want := strings.TrimSuffix(planted, ".")
			if violated := violatedChecks(t, path, text, rule); !slices.Contains(violated, want) {
				t.Errorf("with %s the checks %q are violated, wanted %s among them; .ci/run search %s draws another plan", rule, violated, want, rule)
			}
			if violated := violatedChecks(t, path, text); len(violated) > 0 {
				t.Errorf("without %s the checks %q are violated", rule, violated)
			}
		})
	}
}

// violatedChecks runs a plan with old rules and returns the names of the checks that fire.
func violatedChecks(t *testing.T, path string, text []byte, rules ...string) (violated []string) {
	t.Helper()
	program, err := scenarios.Load(path, text)
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(program, scenarios.RunOptions{Rules: rules, Events: budget})
	v, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	r := Result{Seed: program.Seed()}
	r.look(s, v)
	for _, f := range r.Failures {
		violated = append(violated, f.Check)
	}
	return violated
}
