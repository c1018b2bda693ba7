package explore

import (
	"os"
	"path/filepath"
	"testing"

	"samsa/scenarios"
)

// These plans are of seeds that failed once and have held since. Their first lines give the cause. They are kept as files,
// because drawing changes.
func TestFoundSeedsHold(t *testing.T) {
	paths, err := filepath.Glob("testdata/found/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no seeds: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			program, err := scenarios.Load(path, text)
			if err != nil {
				t.Fatal(err)
			}
			s := scenarios.New(program, scenarios.RunOptions{Events: budget})
			v, err := s.Finish()
			if err != nil {
				t.Fatal(err)
			}
			r := Result{Seed: program.Seed()}
			r.look(s, v)
			for _, f := range r.Failures {
				t.Errorf("%v %s: %s", f.Verdict, f.Check, f.Text)
			}
		})
	}
}
