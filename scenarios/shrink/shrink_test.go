package shrink

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// A small scenario fails as the large one does.
func TestShrunkScenarioFailsTheSameWay(t *testing.T) {
	src, s := planted(t, "K22")
	small, err := s.Shrink(src)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Count(string(src), "\n"), strings.Count(string(small.Text), "\n")
	t.Logf("%d lines became %d in %d tries\n%s", before, after, small.Tries, small.Text)
	if after*2 > before {
		t.Errorf("%d lines became %d", before, after)
	}
	program, err := scenarios.Load("small", small.Text)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Try(program, firstBudget); !got.has(s.Target) || small.Failure.Fingerprint() != s.Target.Fingerprint() {
		t.Errorf("the small scenario fails with %v, wanted %s", got.Failures, s.Target.Fingerprint())
	}
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
