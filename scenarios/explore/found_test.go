package explore

import (
	"os"
	"path/filepath"
	"testing"

	"samsa/scenarios"
)

// These plans are of seeds that failed once and have held since. Their first lines give the cause, and their found lines the
// checks that failed, if it was a check. They are kept as files, because drawing changes.
func TestFoundSeedsHold(t *testing.T) {
	paths, err := filepath.Glob("testdata/found/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no seeds: %v", err)
	}
	named := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		program, err := scenarios.Load(path, text)
		if err != nil {
			t.Fatal(err)
		}
		named += len(program.Found())
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			r, err := Replay(program, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Failures {
				t.Errorf("%v %s: %s", f.Verdict, f.Check, f.Text)
			}
		})
	}
	if named < len(paths)/3 {
		t.Errorf("only %d found lines in %d files", named, len(paths))
	}
}
