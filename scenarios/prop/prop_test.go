package prop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// tester is a testing.TB that records what a test says. A call that ends the test panics.
type tester struct {
	testing.TB
	name    string
	said    strings.Builder
	failed  bool
	skipped bool
	cleanup []func()
}

// over is the panic that ends a tester's test.
type over struct{}

func (t *tester) Helper()          {}
func (t *tester) Name() string     { return t.name }
func (t *tester) Failed() bool     { return t.failed }
func (t *tester) Cleanup(f func()) { t.cleanup = append(t.cleanup, f) }
func (t *tester) Log(args ...any)  { t.said.WriteString(fmt.Sprintln(args...)) }
func (t *tester) Logf(format string, args ...any) {
	t.said.WriteString(fmt.Sprintf(format, args...) + "\n")
}
func (t *tester) Errorf(format string, args ...any) { t.Logf(format, args...); t.failed = true }
func (t *tester) Fatalf(format string, args ...any) { t.Errorf(format, args...); panic(over{}) }
func (t *tester) FailNow()                          { t.failed = true; panic(over{}) }
func (t *tester) Skipf(format string, args ...any) {
	t.Logf(format, args...)
	t.skipped = true
	panic(over{})
}

// try checks code with a tester in the current directory.
func try(t *testing.T, test Test, runs, seed int, work func(*Client)) (said string, failed bool) {
	t.Helper()
	return tryWith(t, test, runs, seed, work, func(*runner) {})
}

// tryWith is try with a change of the runner.
func tryWith(t *testing.T, test Test, runs, seed int, work func(*Client), change func(*runner)) (said string, failed bool) {
	t.Helper()
	tb := &tester{TB: t, name: t.Name()}
	tb.run(func() {
		r := newRunner(tb, test, work, homeOf(1))
		change(r)
		r.check(tb, runs, seed)
	})
	return tb.said.String(), tb.failed
}

// run runs a test to its end, and then its cleanups.
func (t *tester) run(test func()) {
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(over{}) {
				panic(p)
			}
		}()
		test()
	}()
	for _, f := range t.cleanup {
		f()
	}
}

// sparing stops the shrinker after so many trials, for tests that are about something else.
func sparing(trials int) func(*runner) {
	return func(r *runner) {
		r.stop = func() bool { trials--; return trials < 0 }
	}
}

var payments = Test{Topics: []string{"payments replicas=3 min.insync.replicas=2"}}

// crashes is payments with a client that dies, which finds the flaw of code that counts unknown outcomes at the least expense.
var crashes = Test{Topics: payments.Topics, Brokers: 3, Faults: []string{"clients"}}

// pay sends payments while there are faults, and counts those that count says are acknowledged. It fails if fewer are there.
func pay(counts func(error) bool) func(*Client) {
	return func(c *Client) {
		sent := 0
		for i := 0; c.Faulty(); i++ {
			if counts(c.Send("payments-0", fmt.Sprint("payment-", i))) {
				sent++
			}
			c.Sleep(50 * time.Millisecond)
		}
		c.Settle()
		if read, _ := c.Read("payments-0", 0); len(read) < sent {
			c.Fail("payment-lost", "%d payments were acknowledged, and %d are there", sent, len(read))
		}
	}
}

func acked(err error) bool { return err == nil }
func tried(err error) bool { return true } // the planted flaw: an unknown outcome is taken for an ack
func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants { // a report may be wrapped anywhere
		if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Code without a flaw passes. It is called anew for each draw, the draws are the same each time, and faults did happen.
func TestCheckPasses(t *testing.T) {
	t.Chdir(t.TempDir())
	var times [2][]time.Duration
	for i := range times {
		said, failed := try(t, payments, 8, 1, func(c *Client) {
			pay(acked)(c)
			times[i] = append(times[i], c.Now())
		})
		if failed {
			t.Fatal(said)
		}
		contains(t, said, "8 draws from seed 1 held", "records acknowledged", "partition.leads 100%", "broker.fenced ")
	}
	if len(times[0]) != 8 || !slices.Equal(times[0], times[1]) {
		t.Errorf("the code ended at %v, then at %v", times[0], times[1])
	}
	if left, _ := filepath.Glob("testdata/samsa/*"); len(left) > 0 {
		t.Errorf("files of a test that passes: %v", left)
	}
}

// A flaw of the code fails the test with a small file. The file is replayed first by the next run, and holds when the flaw is
// gone.
func TestAFlawOfTheCode(t *testing.T) {
	t.Chdir(t.TempDir())
	said, failed := try(t, crashes, 100, 17, pay(tried))
	if !failed {
		t.Fatal("the flaw was not found")
	}
	path := "testdata/samsa/TestAFlawOfTheCode-payment-lost.txt"
	contains(t, said, "payment-lost: ", " payments were acknowledged, and ", "shrunk from ", "file    "+path, "go test -run '^TestAFlawOfTheCode$' -samsa.file "+path)
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := scenarios.Load(path, src)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(src), "topic payments replicas=3 min.insync.replicas=2\n", "workload TestAFlawOfTheCode as app", "found own:payment-lost ", "# Shrunk from ")
	if n := len(p.Commands()); n > 9 {
		t.Errorf("the file has %d lines:\n%s", n, src)
	}

	calls := 0
	said, failed = try(t, crashes, 100, 17, func(c *Client) { calls++; pay(tried)(c) })
	if !failed || calls != 2 { // once, and once more to see that it is deterministic
		t.Errorf("the code ran %d times:\n%s", calls, said)
	}
	contains(t, said, path+": payment-lost: ")
	said, failed = try(t, crashes, 2, 1, pay(acked))
	if failed {
		t.Error(said)
	}
	contains(t, said, path+": held; gone: own:payment-lost", "2 draws from seed 1 held")

	old := *fileFlag
	t.Cleanup(func() { *fileFlag = old })
	*fileFlag = path
	said, failed = try(t, crashes, 100, 1, pay(tried))
	contains(t, said, " step       time  node  what happened\n", "> workload TestAFlawOfTheCode as app", path+": payment-lost: ")
	if !failed || strings.Contains(said, "draws from seed") {
		t.Errorf("-samsa.file: failed %v:\n%s", failed, said)
	}
}

// An old rule of Kafka's is found by Samsa's own checks or by the code's invariant, and the file enables it.
func TestAFlawOfKafka(t *testing.T) {
	t.Chdir(t.TempDir())
	test := payments
	test.Rules = []string{"M1"}
	said, failed := try(t, test, 50, 1, pay(acked))
	if !failed {
		t.Fatal("M1 was not found")
	}
	contains(t, said, "shrunk from ", "rule M1\n", "found ")
	said, failed = try(t, payments, 1, 1, pay(acked))
	if !failed {
		t.Errorf("the file has the rule, and holds without Test.Rules:\n%s", said)
	}
}

// The marks that were reached are reported with their share, and a demand that is not met fails the test.
func TestMarks(t *testing.T) {
	t.Chdir(t.TempDir())
	test := payments
	test.Sometimes = map[string]int{"even": 50, "evne": 1, "partition.leads": 100, "raft.resigned": 100}
	draw := 0
	said, failed := try(t, test, 6, 1, func(c *Client) {
		if draw++; draw%2 == 0 {
			c.Reached("even")
		}
		c.Go("second", func(c *Client) { c.Reached("by-" + c.Name()) })
		c.Settle()
	})
	if !failed {
		t.Error("it passes")
	}
	contains(t, said, "own marks, and the share of draws that reached them: by-second 100%, even 50%",
		`evne was reached in 0 of 6 draws, and Test.Sometimes demands 1% (did you mean "even"?)`, "raft.resigned was reached in ")
	if strings.Contains(said, "Test.Sometimes demands 50%") || strings.Contains(said, "partition.leads was reached") {
		t.Error(said)
	}
}

// The words of a test are checked before anything runs.
func TestWordsOfATest(t *testing.T) {
	for _, c := range []struct {
		test Test
		want string
	}{
		{Test{Faults: []string{"crsh"}}, `prop.Test: no family of faults "crsh" (did you mean "crash"?)`},
		{Test{Topics: []string{"a replcas=3"}}, `(did you mean "replicas"?)`},
		{Test{Configs: []string{"akcs=all"}}, `(did you mean "acks"?)`},
		{Test{Rules: []string{"M0"}}, `no old rule "M0"`},
	} {
		said, failed := try(t, c.test, 1, 1, func(*Client) { t.Error("it runs") })
		if !failed {
			t.Errorf("%+v passes", c.test)
		}
		contains(t, said, c.want)
	}
	for file, want := range map[string]string{
		"none.txt":  "no such file or directory (the path begins in the directory of the test)",
		"other.txt": "other.txt is a file of TestOther",
		"plain.txt": "plain.txt has no workload line, so it needs no test: samsa run plain.txt",
		"bad.txt":   `no verb "cutt"`,
	} {
		t.Chdir(t.TempDir())
		for name, text := range map[string]string{"other.txt": "cluster\nworkload TestOther as app\n", "plain.txt": "cluster\n", "bad.txt": "cutt\n"} {
			if err := write(name, text); err != nil {
				t.Fatal(err)
			}
		}
		old := *fileFlag
		*fileFlag = file
		said, failed := try(t, payments, 1, 1, func(*Client) { t.Error("it runs") })
		*fileFlag = old
		if failed == (file == "other.txt") {
			t.Errorf("%s: failed %v", file, failed)
		}
		contains(t, said, want)
	}
}

// The errors of a client say what is known.
func TestErrorsOfAClient(t *testing.T) {
	t.Chdir(t.TempDir())
	test := payments
	test.Faults = []string{}
	said, failed := try(t, test, 1, 1, func(c *Client) {
		for _, err := range []error{
			c.CreateTopic("audit partitions=2"), c.Send("audit-1", "a", "b", "c"), c.SetConfig("audit", "retention.ms=-1"), c.DeleteRecords("audit-1", 1), c.Send("audit-1"),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		if got, err := c.Read("audit-1", 0); err != nil || !slices.Equal(got, []Record{{1, "b"}, {2, "c"}}) {
			t.Error(got, err)
		}
		if got, err := c.Read("audit-1", 2); err != nil || !slices.Equal(got, []Record{{2, "c"}}) {
			t.Error(got, err)
		}
		began := c.Now()
		if err := c.Send("none-0", "a"); err == nil || !strings.HasPrefix(err.Error(), "send to none-0: ") || errors.Is(err, ErrUnknown) || c.Now() == began {
			t.Error(err)
		}
		for _, err := range []error{c.Send("payments", "a"), c.Send("-1", "a"), c.Send("payments-x", "a"), c.DeleteRecords("payments", 1), c.CreateTopic("a b")} {
			if err == nil {
				t.Error("a mistake is no error")
			}
		}
		if err := c.DeleteTopic("audit"); err != nil {
			t.Error(err)
		}
		if read, err := c.Read("none-0", 0); len(read) > 0 || err == nil || errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "read of none-0: a timeout: no metadata") {
			t.Error(read, err)
		}
		if err := c.DeleteTopic("audit"); err == nil || !strings.Contains(err.Error(), "UNKNOWN_TOPIC_OR_PARTITION") {
			t.Error(err)
		}
	})
	if failed {
		t.Error(said)
	}
}

// A test near its deadline draws no more, and shrinks no more.
func TestDeadline(t *testing.T) {
	t.Chdir(t.TempDir())
	tb := &tester{TB: t, name: t.Name()}
	r := newRunner(tb, payments, pay(acked), homeOf(1))
	r.began, r.until = time.Now().Add(-time.Minute), time.Now().Add(10*time.Second)
	tb.run(func() { r.check(tb, 5, 1) })
	contains(t, tb.said.String(), "0 of 5 draws: the deadline of the test is near (go test -timeout)")
	if !tb.failed {
		t.Error("a test that has drawn nothing passes")
	}
	tb = &tester{TB: t, name: t.Name()}
	if r.tooLate(tb, 3, 5); tb.failed || !strings.Contains(tb.said.String(), "3 of 5 draws: the deadline") {
		t.Errorf("failed %v: %s", tb.failed, tb.said.String())
	}
	if r.shrinkStop()() != r.late(shrinking) || !r.late(shrinking) {
		t.Error("it goes on shrinking")
	}
	r.until = time.Now().Add(time.Hour)
	if r.late(drawing) || r.shrinkStop()() {
		t.Error("it is late an hour before the deadline")
	}
	r.until = time.Time{}
	if r.late(drawing) {
		t.Error("it is late without a deadline")
	}
}

// Many runs leave no goroutine, whether they hold, fail or panic.
func TestGoroutinesAreFlat(t *testing.T) {
	turn := 0
	r := newRunner(&tester{TB: t, name: t.Name()}, payments, func(c *Client) {
		c.Go("other", func(c *Client) {
			for {
				c.Sleep(time.Second)
			}
		})
		switch turn % 3 {
		case 0:
			c.Fail("always", "at %s", c.Now())
		case 1:
			panic("mine")
		}
	}, homeOf(1))
	p := load("cluster brokers=1 controllers=1\ntopic payments replicas=1\nworkload TestGoroutinesAreFlat as app\n")
	before := runtime.NumGoroutine()
	for turn = range 300 {
		if res, err := r.try(p, 2000); err != nil || res.failed() != (turn%3 < 2) {
			t.Fatal(turn, res, err)
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Fatalf("%d goroutines, %d before", n, before)
		}
	}
}

// The generators draw lines that make a file together, and a plan is the same for the same draw.
func TestGenerators(t *testing.T) {
	test := payments
	test.Operations = []string{"elect"}
	faults, operations, sends := 0, 0, 0
	for i := range 20 {
		cluster, load, ops, hurt := Clusters(test).Example(i), Workloads(test).Example(i), Operations(test).Example(i), Faults(test).Example(i)
		for _, f := range hurt {
			if !strings.Contains(f, " p2") && !strings.Contains(f, " p3") { // clients of another draw
				cluster = append(cluster, strings.ReplaceAll(f, "at ", "at 1h"))
				faults++
			}
		}
		operations, sends = operations+len(ops), sends+len(load)
		text := strings.Join(slices.Concat(cluster[:2], load, ops), "\n")
		if _, err := scenarios.Load("drawn", []byte(text)); err != nil {
			t.Errorf("draw %d: %v\n%s", i, err, text)
		}
		if a, b := Plans("TestX", test).Example(i), Plans("TestX", test).Example(i); a != b || !strings.Contains(a, "workload TestX as app") {
			t.Errorf("draw %d: %s\n%s", i, a, b)
		}
	}
	if faults < 20 || operations < 5 || sends < 200 {
		t.Errorf("%d lines of faults, %d of operations, %d of clients", faults, operations, sends)
	}
}

// A property of rapid's draws a plan, or puts one together, and plays it. It fails for one key.
func TestPlansInRapid(t *testing.T) {
	held, lost := 0, 0
	for i := range 6 {
		for _, work := range []func(*Client){pay(acked), pay(tried)} {
			key, text, err := Play(Plans(t.Name(), payments).Example(20+i), work)
			switch {
			case err != nil || key != "" && !strings.Contains(text, " payments were acknowledged"):
				t.Error(key, text, err)
			case key == "payment-lost":
				lost++
			default:
				held++
			}
		}
	}
	if held < 6 || lost == 0 {
		t.Errorf("%d held, %d lost a payment", held, lost)
	}
	lines := append(Clusters(payments).Example(1), "workload TestX as app", "crash leader:payments-0 power")
	if key, text, err := Play(strings.Join(lines, "\n"), func(c *Client) { c.Fail("mine", "at once") }); key != "mine" || text != "at once" || err != nil {
		t.Error(key, text, err)
	}
	if _, _, err := Play("cutt", nil); err == nil {
		t.Error("a plan that cannot be read is played")
	}
	if _, _, err := Play("cluster\nworkload TestX as app\n", nil); err == nil {
		t.Error("a plan is played without its code")
	}
	if key, _, err := Play(Plans("", Test{}).Example(3), nil); key != "" || err != nil {
		t.Errorf("a plan whose clients are drawn: %q %v", key, err)
	}
}

// The fuzzer's first draw that fails is saved at once; later ones name the file and save nothing. The next run of the test makes
// the file small, once.
func TestFuzzSaves(t *testing.T) {
	t.Chdir(t.TempDir())
	calls := 0
	r := newRunner(&tester{TB: t, name: t.Name()}, crashes, func(c *Client) { calls++; pay(tried)(c) }, homeOf(1))
	sparing(150)(r)
	text := r.plans().Example(17).Text()
	path := "testdata/samsa/TestFuzzSaves-payment-lost.txt"
	contains(t, r.fuzz(text), "payment-lost: ", "file    "+path)
	if !exists(path) || calls != 2 { // twice the same
		t.Fatalf("no %s after %d runs", path, calls)
	}
	calls = 0
	contains(t, r.fuzz(text), "payment-lost: ", "file    "+path)
	if files, _ := filepath.Glob("testdata/samsa/*"); len(files) != 1 {
		t.Errorf("files %v", files)
	}
	if calls != 2 {
		t.Errorf("%d runs of a failure that has its file", calls)
	}
	whole, _ := os.ReadFile(path)
	for _, runs := range [][2]int{{20, 1 << 30}, {2, 2}} { // the second replay finds a small file
		calls = 0
		tb := &tester{TB: t, name: t.Name()}
		if r.replaySaved(tb); !tb.failed || calls < runs[0] || calls > runs[1] {
			t.Errorf("failed %v after %d runs:\n%s", tb.failed, calls, tb.said.String())
		}
		contains(t, tb.said.String(), path+": payment-lost: ")
	}
	small, _ := os.ReadFile(path)
	contains(t, string(whole), "# Not shrunk yet.")
	contains(t, string(small), "# Shrunk from ", "found own:payment-lost ")
	if len(small) >= len(whole) || strings.Count(string(small), "found ") != 1 {
		t.Errorf("%s\n%s", whole, small)
	}
	r.work = pay(acked)
	if report := r.fuzz(text); report != "" {
		t.Error(report)
	}
	if files, _ := filepath.Glob("testdata/samsa/*"); len(files) != 1 {
		t.Errorf("files %v", files)
	}
}

// FuzzPayments is the bridge at work: `go test ./scenarios/prop -fuzz Payments`.
func FuzzPayments(f *testing.F) {
	f.Add([]byte("a draw of some length, which rapid reads as numbers of eight bytes each, one for each decision"))
	f.Add([]byte{})
	Fuzz(f, payments, pay(acked))
}

// The example of the package doc is a test like any other.
func TestExample(t *testing.T) {
	if *runsFlag == 0 {
		*runsFlag = 30
		t.Cleanup(func() { *runsFlag = 0 })
	}
	Check(t, payments, pay(acked))
}

// A file keeps what its test decides: its topics, its client and the configs of that.
func TestShrinkingKeepsTheTest(t *testing.T) {
	test := payments
	test.Configs = []string{"acks=1"}
	r := newRunner(&tester{TB: t, name: t.Name()}, test, pay(acked), homeOf(1))
	const head, work = "cluster brokers=3 controllers=1\n", "workload TestShrinkingKeepsTheTest as app acks=1\n"
	for text, want := range map[string]bool{
		head + "topic payments replicas=3 min.insync.replicas=2\n" + work:                                                  true,
		head + "topic payments replicas=3 min.insync.replicas=2\nat 1s " + work + "crash b1\n":                             true,
		head + "topic payments replicas=3\n" + work:                                                                        false,
		head + "topic payments replicas=3 min.insync.replicas=2\nworkload TestX as app\n":                                  false,
		head + "topic payments replicas=3 min.insync.replicas=2\nworkload TestX as p1 acks=1\n":                            false,
		head + "topic payments replicas=3 min.insync.replicas=2\n":                                                         false,
		head + "topic payments replicas=3 min.insync.replicas=2\nproduce " + explore.TestClient + " payments-0 acks=1 a\n": false,
	} {
		if got := r.keeps(load(text)); got != want {
			t.Errorf("%v for\n%s", got, text)
		}
	}
}
