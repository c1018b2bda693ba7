package scenarios

import (
	"slices"
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
				if f.Check.Name == r.Check && f.Status == check.Violated {
					return
				}
			}
			if !slices.ContainsFunc(check.All(), func(c *check.Check) bool { return c.Name == r.Check }) {
				for _, c := range v.Claims { // its judge is not there yet: the file's own claims must do
					if !c.OK {
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
