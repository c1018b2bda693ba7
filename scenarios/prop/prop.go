package prop

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
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
	// Faults are the families of faults that may occur. Nil allows the families that lose no acknowledged record of a topic
	// with replicas=3 and min.insync.replicas=2: crash, die-inside, stop, pause, cut, slow, links, clients, processor and
	// slow-disk. The others are:
	//   - restart, lane (one kind of connection is cut or slow), deposed (a leader does not hear that it leads no more), late
	//     (messages of a dead process arrive), answers (to a producer, lost or late) and votes (elections of a controller fail);
	//   - stranded (the active controller is cut off from the other controllers), rejoins (a broker dies again as it joins an
	//     ISR), reboots (a broker dies while it starts), missed (a follower hears of no election) and voters (controllers lose
	//     power during an election);
	//   - power, power-inside (in the middle of an event), clocks and disk-errors;
	//   - disk-lies, disk-rot, index-rot and wipe. These destroy synced bytes, so the cluster need not become quiet after them, and
	//     a test refuses them.
	//
	// An empty list allows none.
	Faults []string
	// Operations are the requests that an operator may send meanwhile. The default is none. No acknowledged record is missing
	// after elect, grow, questions (of end offsets), handover (questions while the leader moves) and config-deletes. Records
	// may be missing after min-isr, below-min-isr, burst (many changes of one config), unclean, configs, broker-configs,
	// compacts (which sets cleanup.policy for a while), delete-records, features, recreate and away (a broker is away while a
	// topic is recreated). The last kind, come-and-go, creates and deletes topics of its own, so it is for tests without Topics.
	Operations []string
	// Rules enables old rules of Kafka, such as "M1", to try whether the test would find them.
	Rules []string
	// Sometimes has, for each mark, the smallest share of runs, in percent, that must reach it. A mark is a note of
	// `samsa list notes` or a mark of Client.Reached. If fewer runs reach a mark, the test fails, because too few runs
	// test what the mark stands for.
	Sometimes map[string]int
}

// These flags of `go test` are for all tests that use this package.
var (
	fileFlag = flag.String("samsa.file", "", "replays `FILE` only, in the test that its workload line names")
	runsFlag = flag.Int("samsa.runs", 0, "draws `N` plans; 0 is 100, or 25 with -short")
	seedFlag = flag.Int("samsa.seed", 1, "draws from seed `N` on")
)

// Check runs code in drawn plans, each with a cluster and faults of its own. If a run fails, Check
// fails the test and draws no more plans. It calls the code once in each run. The same seed gives the same runs. A test
// calls Check only once, because the files of its failures have the name of the test.
func Check(t *testing.T, test Test, work func(*Client)) {
	t.Helper()
	runs := cmp.Or(*runsFlag, 100)
	if *runsFlag == 0 && testing.Short() {
		runs = 25
	}
	newRunner(t, test, work, homeOf(2)).check(t, runs, *seedFlag)
}

// check replays the saved files of a test and then draws plans.
func (r *runner) check(t testing.TB, runs, seed int) {
	t.Helper()
	if runs < 1 {
		t.Fatalf("-samsa.runs=%d draws nothing: the number of draws is at least 1", runs)
	}
	if r.replayFlag(t) {
		return
	}
	r.unclaimed(t)
	if r.replaySaved(t) {
		return
	}
	m, running := &marks{seed: seed}, &draw{}
	t.Cleanup(func() {
		t.Helper()
		r.ended(t, running)
	})
	failed := t.Failed()
	for i := range runs {
		if r.late(drawing) {
			r.tooLate(t, i, runs)
			break
		}
		text := r.plans().Example(seed + i).Text()
		running.seed, running.text = seed+i, text
		res, err := r.watch(load(text))
		if t.Failed() && !failed { // the code has called t.Errorf
			t.FailNow()
		}
		running.text = ""
		if err != nil {
			t.Fatalf("draw %d: %v", seed+i, err)
		}
		m.add(res)
		if res.failed() {
			r.fail(t, text, res, seed+i)
		}
	}
	m.report(t, r.test.Sometimes)
}

// tooLate says that no more plans are drawn. A test that has drawn none has tested nothing.
func (r *runner) tooLate(t testing.TB, drawn, runs int) {
	t.Helper()
	if text := fmt.Sprintf("%d of %d draws: the deadline of the test is near (go test -timeout)", drawn, runs); drawn == 0 {
		t.Fatalf("%s", text)
	} else {
		t.Log(text)
	}
}

// draw is a drawn plan.
type draw struct {
	seed int
	text string // the plan that is running; empty if none is running
}

// ended saves the draw that was running when the code itself failed or ended the test, as t.Errorf and t.Fatal do.
func (r *runner) ended(t testing.TB, running *draw) {
	t.Helper()
	if running.text == "" {
		return
	}
	path := r.path("ended")
	if err := write(path, running.text); err != nil {
		t.Logf("draw %d cannot be saved: %v", running.seed, err)
		return
	}
	t.Logf("draw %d: the code has failed or ended the test itself, so nothing was shrunk; Client.Fail would have. The draw is %s", running.seed, path)
}

// runner runs the code of one test.
type runner struct {
	test  Test
	needs explore.Needs
	work  func(*Client)
	name  string
	began time.Time
	until time.Time // the deadline; zero if there is none

	home  func(function string) bool // reports whether a function is of the test's package
	keys  map[string]string          // the keys of Client.Fail, by the place of the call and the key without its digits
	twoAs error                      // the first error of the method unstable
	flaky string                     // how a run differed from a later one of the same file, noticed when shrinking

	shrinkFor time.Duration // bounds the time for shrinking one failure
	stop      func() bool   // ends the shrinking of a failure earlier, if it is not nil
}

// newRunner returns a runner for a test, and checks the words of the test.
func newRunner(t testing.TB, test Test, work func(*Client), home func(string) bool) *runner {
	t.Helper()
	if work == nil {
		t.Fatalf("prop: there is no code to run, the function is nil (samsa explore draws the clients too)")
	}
	r := &runner{test: test, needs: needsOf(t.Name(), test), work: work, home: home, name: t.Name(), began: time.Now(), shrinkFor: time.Minute}
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

// homeOf returns a function that reports whether a function is of the same package as a caller of homeOf. The argument says
// how many calls up the stack this caller is.
func homeOf(above int) func(string) bool {
	name := "?"
	if pc, _, _, ok := runtime.Caller(above); ok {
		name = runtime.FuncForPC(pc).Name()
	}
	dir, base := path.Split(name)
	of, _, _ := strings.Cut(base, ".")
	return func(function string) bool { return strings.HasPrefix(function, dir+of+".") }
}

// unstable returns an error if the same call of Client.Fail has used another key that differs only in digits. If a key has
// numbers of its run, the shrinker cannot find the same failure in another run.
func (r *runner) unstable(key string) error {
	stack := make([]uintptr, 64)
	place := fmt.Sprint(stack[:runtime.Callers(2, stack)], strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return -1
		}
		return c
	}, key))
	was, ok := r.keys[place]
	if !ok {
		if r.keys == nil {
			r.keys = map[string]string{}
		}
		r.keys[place], was = key, key
	}
	if was == key {
		return nil
	}
	err := fmt.Errorf("the keys %q and %q come from one place: a key names an invariant and is the same in every run; numbers belong into the text", was, key)
	r.twoAs = cmp.Or(r.twoAs, err)
	return err
}

// needsOf returns the needs of a test. Without a name, the clients are drawn.
func needsOf(name string, test Test) explore.Needs {
	return explore.Needs{Test: name, Topics: test.Topics, Configs: test.Configs, Brokers: test.Brokers, Faults: test.Faults,
		Operations: test.Operations, Rules: test.Rules}
}

// The time that must be left before the deadline, in percent of the time that the test had at first.
const (
	drawing   = 40 // for another draw, which must also be shrunk if it fails
	shrinking = 15 // for the next trial of the shrinker
)

// late reports whether less than a share of the time before the deadline is left.
func (r *runner) late(percent time.Duration) bool {
	return !r.until.IsZero() && time.Until(r.until) < r.until.Sub(r.began)*percent/100
}

// shrinkStop returns a function that reports whether shrinking must end.
func (r *runner) shrinkStop() func() bool {
	end := time.Now().Add(r.shrinkFor)
	return func() bool { return time.Now().After(end) || r.late(shrinking) || r.stop != nil && r.stop() }
}

// exists reports whether there is a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
