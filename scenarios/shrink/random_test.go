package shrink

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// found is a failing seed that was drawn at random.
type found struct {
	n      int
	rule   string
	result explore.Result
	target explore.Failure
}

// name names the seed in logs and in the state file.
func (f found) name() string {
	return fmt.Sprintf("%d rule %s seed %d %s", f.n, f.rule, f.result.Seed, strings.ReplaceAll(f.target.Fingerprint(), " ", "_"))
}

// lookahead is the number of seeds that are explored for one failing seed of a rule. If none of them fails, another rule is
// drawn.
const lookahead = 30

// drawFailing draws an old rule and a seed that fails under it, and one of its failures. It depends on the arguments only. A
// seed with more events than most is skipped.
func drawFailing(n int, rules []string, most uint64) found {
	draw := func(site string, ordinal, n2 int) int {
		return int(scenarios.Draw(uint64(n), "failing."+site, "", uint64(ordinal), uint64(n2)))
	}
	for i := 0; ; i++ {
		rule := rules[draw("rule", i, len(rules))]
		first := uint64(draw("seed", i, 1_000_000))
		for seed := first; seed < first+lookahead; seed++ {
			r := explore.Run(seed, explore.Options{Profile: explore.Compressed, Rules: []string{rule}, Events: most + 1})
			if r.Events <= most && (r.Verdict == explore.Violated || r.Verdict == explore.Stuck) {
				return found{n, rule, r, r.Failures[draw("failure", i, len(r.Failures))]}
			}
		}
	}
}

// shrinkFound shrinks a failing seed with a limit of tries, 0 for none, and reports whatever is wrong with the result.
func shrinkFound(t *testing.T, f found, limit int) Small {
	t.Helper()
	tries := 0
	s := &Shrinker{Try: Replaying(explore.Options{}), Noise: Deciding(explore.Options{}), Target: f.target}
	s.First = &Tried{Failures: f.result.Failures, Events: f.result.Events, Hash: f.result.Hash}
	s.Progress = func(p Progress) { tries = p.Tries }
	s.Stop = func() bool { return limit > 0 && tries >= limit }
	for _, m := range []scenarios.Mode{scenarios.ModeWire, scenarios.ModeGuard} {
		s.Confirm = append(s.Confirm, Confirmation{"in " + m.String() + " mode", Replaying(explore.Options{Mode: m})})
	}
	small, err := s.Shrink([]byte(f.result.Text))
	if err != nil {
		t.Errorf("%s: %v", f.name(), err)
		return small
	}
	if !small.Confirmed {
		t.Errorf("%s: %s\n%s", f.name(), small.Bug(), small.Text)
	}
	p, err := scenarios.Load("large", []byte(f.result.Text))
	if err != nil {
		t.Fatal(err)
	}
	// The file as a user has it: with its comment and its found line.
	file := small.File(About{From: "x.txt", Was: SizeOf(p), Again: "samsa run x-small.txt", Found: small.FoundLines("")})
	p, err = scenarios.Load("small", file)
	if err != nil {
		t.Errorf("%s: the result cannot be read: %v\n%s", f.name(), err, file)
		return small
	}
	again := Replaying(explore.Options{})(p, firstBudget)
	if got, ok := again.failure(f.target); !ok || again.Hash != small.Hash || got != small.Failure {
		t.Errorf("%s: the result fails with %v and hash %x, wanted %v and %x\n%s", f.name(), again.Failures, again.Hash, small.Failure, small.Hash, file)
	}
	return small
}

// few are the rules that most seeds show. The failing seeds of go test are drawn from them.
var few = []string{"K1", "K2", "K22", "M30", "M39", "M43"}

// whole are the failing seeds of go test that are shrunk to the end of the search, of three rules.
var whole = [...]int{4, 6, 12}

// drawnPath is the file with the failing seeds that were drawn from few rules, one line with a number, a rule and a seed for
// each. Most drawn seeds do not fail, so go test runs those that did when the file was written, and draws anew only where
// one of them does not fail any more.
const drawnPath = "testdata/failing.txt"

// remembered returns the failing seed of the file with this number, or draws one.
func remembered(t *testing.T, n int) found {
	t.Helper()
	const most = 8_000 // events
	for line := range strings.Lines(string(readFile(t, drawnPath))) {
		f := found{}
		if fmt.Sscan(line, &f.n, &f.rule, &f.result.Seed); f.n != n || f.rule == "" {
			continue
		}
		f.result = explore.Run(f.result.Seed, explore.Options{Profile: explore.Compressed, Rules: []string{f.rule}})
		if len(f.result.Failures) > 0 && f.result.Events <= most {
			f.target = f.result.Failures[n%len(f.result.Failures)]
			return f
		}
	}
	t.Logf("%s has no failing seed number %d; -rewrite writes it anew", drawnPath, n)
	return drawFailing(n, few, most)
}

// Failing seeds of planted rules, drawn at random, shrink without a panic, a slide to another failure, or a result that does
// not replay. go test shrinks twenty of them, of the rules that most seeds show: a few to the end of the search, and the
// others for the first tries. The others:
//
//	SAMSA_SHRINK_SEEDS=300 SAMSA_SHRINK_STATE=$PWD/shrunk.txt go test ./scenarios/shrink -run RandomFailures -timeout 0 -v
//
// The file has one line per seed that is done, so that the command can be interrupted and goes on where it was.
func TestRandomFailuresShrink(t *testing.T) {
	if n, err := strconv.Atoi(os.Getenv("SAMSA_SHRINK_SEEDS")); err == nil {
		shrinkMany(t, n, os.Getenv("SAMSA_SHRINK_STATE"))
		return
	}
	const seeds = 20
	if *rewrite {
		var b strings.Builder
		for n := range seeds {
			f := drawFailing(n, few, 8_000)
			fmt.Fprintln(&b, n, f.rule, f.result.Seed)
		}
		if err := os.WriteFile(drawnPath, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for n := range seeds {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			f, limit := remembered(t, n), 8
			if slices.Contains(whole[:], n) {
				limit = 0
			}
			small := shrinkFound(t, f, limit)
			if lines := strings.Count(string(small.Text), "\n"); lines >= strings.Count(f.result.Text, "\n") {
				t.Errorf("%s: %d lines are left\n%s", f.name(), lines, small.Text)
			}
			if small.Stopped != (limit > 0) {
				t.Errorf("%s: stopped is %v after %d tries of %d", f.name(), small.Stopped, small.Tries, limit)
			}
		})
	}
}

// shrinkMany shrinks failing seeds of all rules to the end and writes a line to a file for each that is done.
func shrinkMany(t *testing.T, n int, state string) {
	var rules []string
	for _, r := range scenarios.OldRules() {
		if !slices.Contains(rules, r.ID) {
			rules = append(rules, r.ID)
		}
	}
	file, err := os.OpenFile(state, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		t.Fatalf("SAMSA_SHRINK_STATE must name a file for the seeds that are done: %v", err)
	}
	defer file.Close()
	done := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		first, _, _ := strings.Cut(lines.Text(), " ")
		done[first] = true
	}
	for i := range n {
		if done[strconv.Itoa(i)] {
			continue
		}
		f := drawFailing(i, rules, 1_000_000)
		small := shrinkFound(t, f, 0)
		is, err := scenarios.Load("small", small.Text)
		if err != nil || t.Failed() {
			t.Fatalf("%s: %v", f.name(), err) // the seed is not done, so the next call begins with it
		}
		line := fmt.Sprintf("%s: %s in %d runs", f.name(), SizeOf(is), small.Tries)
		t.Log(line)
		if _, err := fmt.Fprintln(file, line); err != nil {
			t.Fatal(err)
		}
	}
}
