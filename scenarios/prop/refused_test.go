package prop

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"samsa/scenarios/explore"
)

// If code runs differently each time, the test says so and names the first event that differs, and saves no file. It does not
// matter what differs: every run, only the first of them, or nothing but the failure.
func TestCodeThatIsNotDeterministic(t *testing.T) {
	t.Chdir(t.TempDir())
	calls := 0
	for name, c := range map[string]struct {
		work  func(*Client)
		wants []string
	}{
		"each run": {func(c *Client) {
			c.Sleep(time.Duration(calls) * time.Millisecond)
			c.Send("payments-0", "a")
			c.Fail("always", "call %d", calls)
		}, []string{"the first event that differs is event ", "first run ", "second run "}},
		"only the first run": {func(c *Client) {
			if calls == 1 {
				c.Send("payments-0", "a")
			}
			c.Fail("always", "call %d", calls)
		}, []string{"the first event that differs is event ", "first run ", "second run "}},
		"only the failure": {func(c *Client) {
			c.Send("payments-0", "a")
			c.Fail([]string{"lost", "twice"}[calls%2], "call %d", calls)
		}, []string{"all events are the same, and the failures are not", "first run twice", "second run lost"}},
		"only the panic": {func(c *Client) {
			c.Send("payments-0", "a")
			if calls == 1 {
				fall()
			}
			panic("mine")
		}, []string{"all events are the same, and the failures are not", "first run panic: in prop.fall of refused_test.go", "second run panic: in prop.TestCode"}},
		"it holds again": {func(c *Client) {
			if calls == 1 {
				c.Fail("once", "call 1")
			}
		}, []string{"all events are the same, and the failures are not", "second run it holds"}},
		"the third run": {func(c *Client) {
			if calls < 3 {
				c.Fail("twice", "call %d", calls)
			}
		}, []string{"all events are the same, and the failures are not", "first run twice", "second run it holds"}},
		"one run in two": {func(c *Client) {
			if calls != 3 {
				c.Fail("often", "call %d", calls)
			}
		}, []string{"It failed in two runs and held in the third."}},
	} {
		calls = 0
		said, failed := try(t, Test{Topics: payments.Topics, Faults: []string{}}, 1, 1, func(client *Client) { calls++; c.work(client) })
		files, _ := filepath.Glob(saved + "/*")
		if !failed || len(files) > 0 && calls < 3 { // which was saved before it was shrunk
			t.Errorf("%s: failed %v, files %v", name, failed, files)
		}
		contains(t, said, append(c.wants, "draw 1", "the workload is not deterministic", "state that an earlier run has left")...)
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Error(err)
			}
		}
	}
}

// A panic of the code is a failure of its own. Its place is its fingerprint, and the report has the line too.
func TestAPanicOfTheCode(t *testing.T) {
	t.Chdir(t.TempDir())
	var none map[string]int
	said, failed := tryWith(t, payments, 1, 1, func(c *Client) {
		c.Send("payments-0", "a")
		none["a"]++
	}, sparing(20))
	if !failed {
		t.Error("it passes")
	}
	contains(t, said, "panic: the code panicked: assignment to entry in nil map, at refused_test.go:", `found own:panic `, `kind="in prop.TestAPanicOfTheCode.func1 of refused_test.go"`,
		"TestAPanicOfTheCode-panic.txt")
}

func fall() { panic("fell") }

// Two panics have two fingerprints, wherever they are: in the code, in a function that it calls, or in a package of Go.
func TestPanicsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for want, work := range map[string]func(*Client){
		"in prop.fall of refused_test.go":                                                    func(*Client) { fall() },
		"in prop.TestPanicsDiffer.func2 of refused_test.go":                                  func(*Client) { panic("mine") },
		"in strings.Repeat of strings.go, in prop.TestPanicsDiffer.func3 of refused_test.go": func(c *Client) { _ = strings.Repeat("a", -1) },
		"in prop.TestPanicsDiffer.func4.1 of refused_test.go": func(c *Client) {
			c.Go("second", func(*Client) { panic("mine") })
		},
	} {
		r := newRunner(&tester{TB: t, name: t.Name()}, payments, work, homeOf(1))
		res, err := r.try(load(smallest(t)), events)
		if err != nil || !res.failed() {
			t.Fatal(res, err)
		}
		f := res.failures[0]
		if f.Check != "own:panic" || f.Kind != want || seen[f.Kind] || !strings.Contains(f.Text, "at refused_test.go:") {
			t.Errorf("%+v, not %s", f, want)
		}
		seen[f.Kind] = true
	}
}

// smallest returns the smallest plan of a test.
func smallest(t *testing.T) string {
	return "cluster brokers=1 controllers=1\ntopic payments replicas=1\nworkload " + t.Name() + " as app\n"
}

// A test refuses what cannot mean anything, in words and without a file: such a run says nothing about the code.
func TestRefusals(t *testing.T) {
	t.Chdir(t.TempDir())
	draw := 0
	for want, work := range map[string]func(*Client){
		`Client.Fail: the key of an invariant: "" is no name: up to 32 letters, digits, - and _, a letter first (the text was "3 lost")`: func(c *Client) { c.Fail("", "%d lost", 3) },
		`Client.Fail: the key of an invariant: "it is lost" is no name`:                                                                  func(c *Client) { c.Fail("it is lost", "") },
		`Client.Go: "b1" is a machine of the cluster; a client needs a name of its own`:                                                  func(c *Client) { c.Go("b1", func(*Client) {}) },
		`Client.Go: there is no code for the client "second"`:                                                                            func(c *Client) { c.Go("second", nil) },
		`Client.Faulty: the code has called the client 100000 times, and it is still `: func(c *Client) {
			for c.Faulty() || true {
			}
		},
		`Client.Send: the code has called the client 100000 times, and it is still 2s of virtual time: no call in its loop waits. Let it call Sleep`: func(c *Client) {
			for c.Send("payments", "a") != nil { // no partition
			}
		},
		`the keys "lost-1" and "lost-2" come from one place: a key names an invariant`: func(c *Client) {
			draw++
			c.Fail(fmt.Sprint("lost-", draw), "")
		},
		"the function is nil": nil,
	} {
		said, failed := try(t, Test{Topics: payments.Topics, Faults: []string{}}, 1, 1, work)
		if !failed || exists(saved) {
			t.Errorf("failed %v, files %v: %s", failed, exists(saved), want)
		}
		contains(t, said, want)
	}
	said, failed := try(t, payments, -3, 1, func(*Client) {})
	if !failed {
		t.Error("no draws, and it passes")
	}
	contains(t, said, "-samsa.runs=-3 draws nothing")
	if _, _, err := Play(smallest(t), func(c *Client) { c.Fail("a b", "") }); err == nil || !strings.Contains(err.Error(), `"a b" is no name`) {
		t.Error(err)
	}
	if _, _, err := Play(smallest(t), func(c *Client) { draw++; c.Fail([]string{"even", "odd"}[draw%2], "") }); err == nil || !strings.Contains(err.Error(), "not deterministic") {
		t.Error(err)
	}
}

// Keys that differ only in their numbers are refused, even if only the shrinker meets the second.
func TestKeysThatAreNotStable(t *testing.T) {
	t.Chdir(t.TempDir())
	said, failed := tryWith(t, payments, 1, 1, func(c *Client) {
		for ; c.Faulty(); c.Sleep(time.Second) {
		}
		c.Fail(fmt.Sprint("late-", c.Now()/time.Second), "")
	}, sparing(50))
	if !failed {
		t.Error("it passes")
	}
	contains(t, said, `Client.Fail: the keys "late-`, "come from one place", "TestKeysThatAreNotStable-late-")
}

// Code that never returns, and code that fails or ends the test, are reported too.
func TestCodeThatDoesNotReturn(t *testing.T) {
	t.Chdir(t.TempDir())
	said, failed := tryWith(t, Test{Topics: []string{"payments replicas=1"}, Brokers: 1, Faults: []string{}}, 1, 1, func(c *Client) {
		for {
			c.Sleep(time.Hour)
		}
	}, sparing(0))
	if !failed {
		t.Error("it passes")
	}
	contains(t, said, "quiet: the code of TestCodeThatDoesNotReturn has not returned: app waits in Sleep", "TestCodeThatDoesNotReturn-quiet.txt", ", when its time was over")

	for name, work := range map[string]func(t *tester, c *Client){
		"TestEnds":  func(*tester, *Client) { runtime.Goexit() },
		"TestFails": func(t *tester, _ *Client) { t.Errorf("mine") },
	} {
		tb := &tester{TB: t, name: name}
		done := make(chan bool)
		go func() {
			defer close(done)
			tb.run(func() { newRunner(tb, payments, func(c *Client) { work(tb, c) }, homeOf(1)).check(tb, 3, 1) })
		}()
		<-done
		if name == "TestEnds" {
			for _, f := range tb.cleanup { // testing runs them, and Goexit has skipped them here
				f()
			}
		}
		contains(t, tb.said.String(), "draw 1: the code has failed or ended the test itself, so nothing was shrunk", "testdata/samsa/"+name+"-ended.txt")
	}
}

// A saved file of a test that was renamed fails the tests that are left, and -samsa.file with it too.
func TestFilesOfNoTest(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		saved + "/TestGone-lost.txt":      "cluster\nworkload TestGone as app\n",
		saved + "/TestOther-lost.txt":     "cluster\nworkload TestOther/sub as app\n",
		saved + "/TestOthers-lost.txt":    "cluster\nworkload TestOthe as app\n",
		saved + "/without-a-workload.txt": "cluster\n",
		"my_test.go":                      "package my\n\nfunc TestOther(t *testing.T) {}\nfunc TestFilesOfNoTest(t *testing.T) {}\n",
	} {
		if err := write(name, text); err != nil {
			t.Fatal(err)
		}
	}
	said, failed := try(t, payments, 1, 1, func(*Client) {})
	if !failed || strings.Contains(said, "TestOther/") || strings.Contains(said, "without-a") {
		t.Errorf("failed %v:\n%s", failed, said)
	}
	contains(t, said, saved+"/TestGone-lost.txt is a file of TestGone, and no test of this directory has that name: nothing replays it",
		saved+"/TestOthers-lost.txt is a file of TestOthe, and", "1 draws from seed 1 held")
	old := *fileFlag
	t.Cleanup(func() { *fileFlag = old })
	*fileFlag = saved + "/TestGone-lost.txt"
	if said, failed = try(t, payments, 1, 1, nil2); !failed {
		t.Error("-samsa.file of no test passes")
	}
	contains(t, said, "TestGone-lost.txt is a file of TestGone, and no test of this directory has that name")
}

func nil2(*Client) {}

// The comment of Test names every family of faults and every kind of operation.
func TestDocsNameEveryFaultAndOperation(t *testing.T) {
	src, err := os.ReadFile("prop.go")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(src), "\n\t// Faults are")
	faults, after, _ := strings.Cut(after, "\n\tFaults []string")
	_, operations, _ := strings.Cut(after, "\n\t// Operations are")
	operations, _, ok := strings.Cut(operations, "\n\tOperations []string")
	if !ok {
		t.Fatal("no comments of Faults and Operations")
	}
	words := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') })
	}
	for doc, all := range map[string][]string{faults: explore.FaultFamilies(), operations: explore.OperationKinds()} {
		for _, name := range all {
			if !slices.Contains(words(doc), name) {
				t.Errorf("%q is not in the comment:\n%s", name, doc)
			}
		}
	}
	survive, _, _ := strings.Cut(faults, "The others are")
	for _, name := range explore.FaultFamilies() {
		if slices.Contains(words(survive), name) != slices.Contains(explore.Survivable(), name) {
			t.Errorf("the comment is wrong about the default, for %s:%s", name, survive)
		}
	}
}
