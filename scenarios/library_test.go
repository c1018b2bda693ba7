package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"samsa/check"
)

// On its own seed, every scenario of the library prints the expected outputs and all its claims hold. On 20 derived seeds,
// all its claims hold too.
func TestLibrary(t *testing.T) {
	for _, name := range Library() {
		t.Run(name, func(t *testing.T) {
			s := compareFile(t, name+".txt", nil)
			program := s.Program()
			if program.File.Title == "" {
				t.Error("the file begins with no story")
			}
			mustHold(t, name, s)
			for _, seed := range DerivedSeeds(program.Seed(), 20) {
				derived := New(program, RunOptions{Seed: &seed})
				if _, err := derived.Finish(); err != nil {
					t.Fatal(err)
				}
				mustHold(t, name, derived)
			}
		})
	}
}

// mustHold fails for every claim of a file that does not hold, with the command that repeats the run.
func mustHold(t *testing.T, name string, s *Session) {
	t.Helper()
	v := s.Verdict()
	var wrong []string
	for _, c := range v.Claims {
		if !c.OK {
			wrong = append(wrong, fmt.Sprintf("line %d: %s", c.Line.Num, c.Text))
		}
	}
	for _, f := range v.Findings {
		if f.Status == check.Violated && !expected(v, f.Check.Name) {
			wrong = append(wrong, fmt.Sprintf("%s is violated: %s", f.Check.Name, f.Explanation))
		}
	}
	if v.Unsound != nil {
		wrong = append(wrong, v.Unsound.Error())
	}
	if len(wrong) > 0 || v.Stopped != "" {
		t.Errorf("seed %d: %s\n%s\nsee it: samsa run %s --seed %d", v.Seed, v.Stopped, strings.Join(wrong, "\n"), name, v.Seed)
	}
}

// expected reports whether a file expects a check to be violated.
func expected(v *Verdict, name string) bool {
	for _, c := range v.Claims {
		if strings.HasPrefix(c.Text, "VIOLATED "+name) {
			return true
		}
	}
	return false
}
