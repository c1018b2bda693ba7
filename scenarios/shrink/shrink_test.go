package shrink

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// planted returns the plan of a planted rule and a shrinker for the failure that its found line names.
func planted(t *testing.T, rule string) ([]byte, *Shrinker) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "explore", "testdata", "planted", rule+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	try := Replaying(explore.Options{})
	program, err := scenarios.Load(rule, src)
	if err != nil {
		t.Fatal(err)
	}
	found := program.Found()[0]
	for _, f := range try(program, firstBudget).Failures {
		if f.Fingerprint() == found.Fingerprint() {
			return src, &Shrinker{Try: try, Target: f}
		}
	}
	t.Fatalf("the plan of %s does not fail with %s", rule, found.Fingerprint())
	return nil, nil
}

// A scenario that does not fail is refused, and the error says how it fails instead.
func TestScenarioMustFail(t *testing.T) {
	src, s := planted(t, "K22")
	s.Target.Kind = "another"
	_, err := s.Shrink(src)
	var not *NotFailingError
	if !errors.As(err, &not) || len(not.Failures) == 0 {
		t.Errorf("got %v, wanted a NotFailingError with the failures that the scenario has", err)
	}
}
