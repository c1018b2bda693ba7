package shrink

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

var all = flag.Bool("all", false, "shrink every large scenario, compare the results with the small scenarios, and report the median time; this takes minutes")

// smallPath is the file of a small scenario.
func (f failing) smallPath() string { return filepath.Join("testdata", "small", f.name+".txt") }

// shrink makes the large scenario small and returns the result as a file.
func (f failing) shrink(t *testing.T, jobs int) (Small, []byte) {
	t.Helper()
	src := f.large(t)
	s := &Shrinker{Try: Replaying(explore.Options{}), Noise: Deciding(explore.Options{}), Target: target(t, f.name, src), Jobs: jobs}
	small, err := s.Shrink(src)
	if err != nil {
		t.Fatal(err)
	}
	p, err := scenarios.Load(f.name, src)
	if err != nil {
		t.Fatal(err)
	}
	about := About{From: f.name + ".txt", Was: SizeOf(p), Again: "samsa run scenarios/shrink/" + f.smallPath(), Found: small.FoundLines("")}
	about.Fails, about.Salts = s.Salted(&small, 20)
	return small, small.File(about)
}

// cheap are the failures that every go test shrinks anew.
var cheap = [...]string{"K22", "K1"}

// median is the most time that half of the known failures may take to shrink on one core.
const median = time.Minute

// The small scenarios are, byte for byte, as the shrinker makes them today. They were made by two jobs at once, and the result and
// the number of tries depend neither on the number of jobs nor on the order in which trials end. With -all every large scenario
// is shrunk, by one job, and the times are reported.
func TestSmallScenariosAreAsMadeToday(t *testing.T) {
	var spent []time.Duration
	for i, f := range known {
		if !*all && !slices.Contains(cheap[:], f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			jobs := 1
			if !*all {
				jobs += i % 2 * 2 // K1 by three, K22 by one
			}
			began := time.Now()
			small, file := f.shrink(t, jobs)
			spent = append(spent, time.Since(began))
			t.Logf("%s by %s after %s", spent[len(spent)-1].Round(time.Second/10), some(jobs, "job"), some(small.Tries, "run"))
			if want := readFile(t, f.smallPath()); string(file) != string(want) {
				t.Errorf("-rewrite makes the small scenario anew; it is\n%swanted\n%s", file, want)
			}
			if f.name == "K22" {
				if again, _ := f.shrink(t, 4-jobs); again.Tries != small.Tries || string(again.Text) != string(small.Text) {
					t.Errorf("with %s it is, after %s,\n%swith %s, after %s,\n%s", some(4-jobs, "job"), some(again.Tries, "run"), again.Text, some(jobs, "job"), some(small.Tries, "run"), small.Text)
				}
			}
		})
	}
	if *all {
		slices.Sort(spent)
		t.Logf("the median of %d searches is %s; all took %s", len(spent), spent[len(spent)/2].Round(time.Second/10), spent)
		if len(spent) == len(known) && spent[len(spent)/2] > median {
			t.Errorf("the median is more than %s", median)
		}
	}
}

// Each small scenario fails as the large one does, in every message mode, and none of its lines can go. Half of them have at most
// five faults and twenty operations, none has more than nine and forty, and each has at most twice the lines of the scenario
// that a person wrote for the same failure. With -rewrite they are made anew.
func TestSmallScenarios(t *testing.T) {
	var faults, operations []int
	for _, f := range known {
		t.Run(f.name, func(t *testing.T) {
			if *rewrite {
				_, file := f.shrink(t, 2)
				if err := os.WriteFile(f.smallPath(), file, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			large, small := f.large(t), readFile(t, f.smallPath())
			was, is := target(t, f.name, large), target(t, f.name, small)
			if was.Fingerprint() != is.Fingerprint() || was.Verdict != is.Verdict {
				t.Errorf("the failure was %s and is %s", was.Fingerprint(), is.Fingerprint())
			}
			p, err := scenarios.Load(f.name, small)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []scenarios.Mode{scenarios.ModeWire, scenarios.ModeGuard} {
				if tried := Replaying(explore.Options{Mode: m})(p, firstBudget); !tried.has(is) {
					t.Errorf("in %s mode it fails with %v", m, tried.Failures)
				}
			}
			story, err := scenarios.Load(f.story, f.written(t))
			if err != nil {
				t.Fatal(err)
			}
			size, written := SizeOf(p), SizeOf(story)
			t.Logf("%s, by hand %s", size, written)
			if size.Lines > 2*written.Lines || size.Faults > 9 || size.Operations > 40 {
				t.Errorf("it has %s; the one that a person wrote has %s", size, written)
			}
			faults, operations = append(faults, size.Faults), append(operations, size.Operations)
			f.minimal(t, p, is)
		})
	}
	slices.Sort(faults)
	slices.Sort(operations)
	t.Logf("faults %v, operations %v", faults, operations)
	if n := len(known); len(faults) < n || faults[n/2] > 5 || operations[n/2] > 20 {
		t.Errorf("the faults are %v and the operations %v", faults, operations)
	}
}

// minimal reports each line without which the scenario still fails.
func (f failing) minimal(t *testing.T, p *scenarios.Program, want explore.Failure) {
	t.Helper()
	v, ok := draftOf(p).look()
	if !ok {
		t.Fatal("it cannot be read")
	}
	for _, l := range v.lines[1:] {
		text := v.without(map[int]bool{l.id: true}).text()
		less, err := scenarios.Load(f.name, []byte(text))
		if err != nil {
			continue
		}
		tried := Replaying(explore.Options{})(less, firstBudget)
		if tried.has(want) && !slices.ContainsFunc(tried.Failures, func(x explore.Failure) bool { return x.Verdict == explore.Stuck }) {
			t.Errorf("it also fails without %q", strings.TrimSpace(l.String()))
		}
	}
}
