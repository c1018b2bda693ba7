package prop

import (
	"cmp"
	"flag"
	"os"
	"testing"
	"time"

	"samsa/scenarios/explore"
)

// Test is the setting of a workload. The zero value has a cluster of at least three brokers, and no topic that the code can
// name.
type Test struct {
	// Each element of Topics is a topic: its name and settings, as in the topic line of a scenario file. An example is
	// "payments partitions=2 replicas=3 min.insync.replicas=2".
	Topics []string
	// Configs are configs of the clients, such as "acks=1". The default is acks=all and auto.offset.reset=earliest.
	Configs []string
	// Brokers is the number of brokers. If it is 0, the number is drawn: three to five, or more if a topic has more
	// replicas.
	Brokers int
	// Faults are the families of faults that may occur. Nil allows those after which no acknowledged record is missing, if the
	// topic has replicas=3 and min.insync.replicas=2: crash, die-inside, stop, pause, cut, slow, links, clients, processor and
	// slow-disk. Others are power, clocks, disk-errors and disk-lies. An empty list allows none.
	Faults []string
	// Operations are the requests that an operator may send meanwhile. No acknowledged record is missing after "elect" and
	// "grow". Records may be missing after min-isr, unclean, configs, delete-records, features and recreate. The default
	// is none.
	Operations []string
	// Rules enables old rules of Kafka, such as "M1", to try whether the test would find them.
	Rules []string
	// Sometimes has, for each mark, the smallest share of runs, in percent, that must reach it. A mark is a note of
	// `samsa list notes` or a mark of Client.Reached. If fewer runs reach it, the test fails, because its runs do not do
	// what it is about.
	Sometimes map[string]int
}

// These flags of `go test` are for all tests that use this package.
var (
	fileFlag = flag.String("samsa.file", "", "replays `FILE` only, in the test that its workload line names")
	runsFlag = flag.Int("samsa.runs", 0, "draws `N` plans; 0 is 100, or 25 with -short")
	seedFlag = flag.Int("samsa.seed", 1, "draws from seed `N` on")
)

// Check runs code in drawn plans, each with a cluster and faults of its own, and fails the test for the first run that
// fails. It calls the code once in each run. The same seed gives the same runs. A test calls Check once, because its
// files have the name of the test.
func Check(t *testing.T, test Test, work func(*Client)) {
	t.Helper()
	runs := cmp.Or(*runsFlag, 100)
	if *runsFlag == 0 && testing.Short() {
		runs = 25
	}
	newRunner(t, test, work).check(t, runs, *seedFlag)
}

// check replays the saved files of a test and then draws plans.
func (r *runner) check(t testing.TB, runs, seed int) {
	t.Helper()
	if r.replayFlag(t) || r.replaySaved(t) {
		return
	}
	m, running := &marks{seed: seed}, &draw{}
	t.Cleanup(func() { r.ended(t, running) })
	for i := range runs {
		if r.late(drawing) {
			t.Logf("%d of %d draws: the deadline of the test is near", i, runs)
			break
		}
		text := r.plans().Example(seed + i).Text()
		running.seed, running.text = seed+i, text
		res := r.play(t, load(text))
		running.text = ""
		m.add(res)
		if res.failed() {
			r.fail(t, text, res, seed+i)
		}
	}
	m.report(t, r.test.Sometimes)
}

// draw is a drawn plan.
type draw struct {
	seed int
	text string // empty if it does not run
}

// ended saves the draw that was running when the code itself ended the test, as t.Fatal does. Its run never returned.
func (r *runner) ended(t testing.TB, running *draw) {
	if running.text == "" {
		return
	}
	path := r.path("ended")
	if err := write(path, running.text); err != nil {
		t.Logf("draw %d cannot be saved: %v", running.seed, err)
		return
	}
	t.Logf("draw %d: the code has ended the test, so nothing was shrunk; Client.Fail would have. The draw is %s", running.seed, path)
}

// runner runs the code of one test.
type runner struct {
	test  Test
	needs explore.Needs
	work  func(*Client)
	name  string
	began time.Time
	until time.Time // the deadline; zero if there is none

	shrinkFor time.Duration // bounds the time for shrinking one failure
}

// newRunner returns a runner for a test, and checks the words of the test.
func newRunner(t testing.TB, test Test, work func(*Client)) *runner {
	t.Helper()
	r := &runner{test: test, work: work, name: t.Name(), began: time.Now(), shrinkFor: time.Minute}
	if r.needs = needsOf("", test); work != nil {
		r.needs.Test = t.Name()
	}
	if own, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		r.until, _ = own.Deadline()
	}
	for mark, least := range test.Sometimes { //order: the first that is refused ends the test, whichever it is
		if least < 0 || least > 100 {
			t.Fatalf("prop.Test: Sometimes of %s is a share in percent, from 0 to 100, and not %d", mark, least)
		}
	}
	p, err := explore.Compose(explore.Parts{}, r.needs)
	if err != nil {
		t.Fatalf("prop.Test: %v", err)
	}
	if _, err := parse(p.Text()); err != nil {
		t.Fatalf("prop.Test: %v", err)
	}
	return r
}

// needsOf returns the needs of a test. Without a name, the clients are drawn.
func needsOf(name string, test Test) explore.Needs {
	return explore.Needs{Test: name, Topics: test.Topics, Configs: test.Configs, Brokers: test.Brokers, Faults: test.Faults,
		Operations: test.Operations, Rules: test.Rules}
}

// What must still fit before the deadline, in percent of the time that the test had at first.
const (
	drawing   = 40 // another draw: if it fails, it must also be shrunk
	shrinking = 15 // the next trial of the shrinker
)

// late reports whether less than a share of the time before the deadline is left.
func (r *runner) late(percent time.Duration) bool {
	return !r.until.IsZero() && time.Until(r.until) < r.until.Sub(r.began)*percent/100
}

// shrinkStop returns a function that reports whether shrinking must end.
func (r *runner) shrinkStop() func() bool {
	end := time.Now().Add(r.shrinkFor)
	return func() bool { return time.Now().After(end) || r.late(shrinking) }
}

// exists reports whether there is a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
