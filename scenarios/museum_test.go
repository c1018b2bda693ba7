package scenarios

import (
	"slices"
	"strings"
	"testing"

	"samsa/check"
)

// Every exhibit that has a scenario violates its check there. TestLibrary shows that the scenario holds without the exhibit.
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
				for _, half := range OldRules() { // an exhibit may consist of rules of two packages, each with its judge
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

// Every exhibit is described, names an existing check, and has an id that is unique in its package.
func TestOldRulesAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range OldRules() {
		if r.ID == "" || r.Source == "" || r.Versions == "" || len(strings.Fields(r.Symptom)) < 5 {
			t.Errorf("%s of %s is not described: %+v", r.ID, r.Package, r)
		}
		if !slices.ContainsFunc(check.All(), func(c *check.Check) bool { return c.Name == r.Check }) {
			t.Errorf("%s of %s names the check %q, which does not exist", r.ID, r.Package, r.Check)
		}
		if seen[r.Package+" "+r.ID] {
			t.Errorf("%s has two exhibits %s", r.Package, r.ID)
		}
		seen[r.Package+" "+r.ID] = true
	}
}
