package scenarios

import (
	"strings"
	"testing"

	"samsa/check"
)

// Every exhibit with a scenario of its own fails there, by the judge that its history names; that the scenario holds
// without it is TestLibrary's to show.
func TestMuseum(t *testing.T) {
	shown := 0
	for _, r := range OldRules() {
		name := "museum-" + strings.ToLower(r.ID)
		src, ok := Source(name)
		if !ok {
			continue
		}
		shown++
		t.Run(r.ID, func(t *testing.T) {
			p, err := Load(name, src)
			if err != nil {
				t.Fatal(err)
			}
			v, err := New(p, RunOptions{Rules: []string{r.ID}}).Finish()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range v.Findings {
				for _, half := range OldRules() { // an exhibit may be rules of two packages, each with its judge
					if half.ID == r.ID && f.Check.Name == half.Check && f.Status == check.Violated {
						return
					}
				}
			}
			t.Errorf("%s did not notice %s (stopped: %q)\nsee it: samsa run %s --rule %s", r.Check, r.ID, v.Stopped, name, r.ID)
		})
	}
	if shown < 9 {
		t.Errorf("only %d exhibits have a scenario", shown)
	}
}
