package scenarios

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

var orders0 = wire.TopicPartition{Topic: "orders"}

const worked = "cluster brokers=3 controllers=1 seed=5\ntopic orders partitions=1 replicas=3 min.insync.replicas=2\n"

// program runs a file whose workload is a function.
func program(t *testing.T, src string, o RunOptions, code func(*Hand)) (*Session, *Verdict) {
	t.Helper()
	o.Work = code
	s := New(load(t, src), o)
	t.Cleanup(s.Close)
	v, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// A workload reads as a program does: each call returns with its outcome, and virtual time passes only in calls.
func TestAWorkloadIsStraightLineCode(t *testing.T) {
	var sent, read cluster.Outcome
	var times []env.Duration
	_, v := program(t, worked+"workload TestX as app acks=all\n", RunOptions{}, func(h *Hand) {
		times = append(times, h.Now())
		sent = h.Produce(orders0, []string{"a", "b"})
		times = append(times, h.Now())
		h.Sleep(3 * env.Second)
		times = append(times, h.Now())
		read = h.Consume(orders0, -1)
		if h.Client() != "app" {
			t.Errorf("the client is %q", h.Client())
		}
	})
	if v.Status != check.Held || v.Reason != NotStopped || len(v.Failures) > 0 {
		t.Errorf("%+v", v)
	}
	if sent.Status != cluster.OutcomeOK || len(sent.Records) != 2 || len(read.Records) != 2 || read.Records[1].Value != "b" {
		t.Errorf("sent %+v, read %+v", sent, read)
	}
	if len(times) != 3 || times[1] <= times[0] || times[2] != times[1]+3*env.Second {
		t.Errorf("times %v", times)
	}
	for _, f := range v.Findings {
		if f.Check.Name == "acked-durable" && f.Status != check.Held {
			t.Errorf("the judges do not see the workload's records: %+v", f)
		}
	}
}

// Two clients of one workload take turns, and the run is the same each time.
func TestClientsOfAWorkload(t *testing.T) {
	run := func() (string, uint64) {
		said := ""
		_, v := program(t, worked+"workload TestX as app\n", RunOptions{}, func(h *Hand) {
			if err := h.Start("other", func(h *Hand) {
				for i := range 3 {
					h.Produce(orders0, []string{fmt.Sprint(h.Client(), i)})
					said += "o"
				}
			}); err != nil {
				t.Error(err)
			}
			for i := range 3 {
				h.Produce(orders0, []string{fmt.Sprint(h.Client(), i)})
				said += "a"
			}
			h.Wait(func() bool { return len(said) == 6 }) // the run ends with this code, even if the other client is not done
			for _, name := range []string{"not a name", "", "b1", "c1", "b77", "brokers", "op"} {
				if h.Start(name, nil) == nil {
					t.Errorf("a client may have the name %q", name)
				}
			}
		})
		return said, v.Hash
	}
	said, hash := run()
	if len(said) != 6 || said == "aaaooo" || said == "oooaaa" {
		t.Errorf("the clients went in the order %s", said)
	}
	if again, other := run(); again != said || other != hash {
		t.Errorf("%s %x, then %s %x", said, hash, again, other)
	}
}

// A broken invariant is a failure with its key. It ends the code, and no check has to find anything.
func TestAnInvariantOfTheUser(t *testing.T) {
	after := false
	s, v := program(t, worked+"workload TestX as app\nfound own:balance\nfound own:other\n", RunOptions{}, func(h *Hand) {
		h.Produce(orders0, []string{"a"})
		_ = h.Fail("balance", "", "the sum is 3")
		after = true
	})
	if after || len(v.Failures) != 1 || v.Status != check.Violated || v.Conclude(nil) != Unsafe {
		t.Fatalf("went on: %v; %+v", after, v)
	}
	f := v.Failures[0]
	if f.Check != "own:balance" || f.Fingerprint() != "own:balance" || f.Verdict != ClassViolated || f.Step == 0 || f.Text != "the sum is 3" {
		t.Errorf("%+v", f)
	}
	if v.Found[0].State != StillThere || v.Found[1].State != Gone {
		t.Errorf("%+v", v.Found)
	}
	if s.Program().Workload() != "TestX" {
		t.Errorf("the workload is %q", s.Program().Workload())
	}
	program(t, worked+"workload TestX as app\n", RunOptions{}, func(h *Hand) {
		for _, key := range []string{"not a key", "", "1st", strings.Repeat("a", 33)} {
			if err := h.Fail(key, "", ""); err == nil || !strings.Contains(err.Error(), "is no name") {
				t.Errorf("%q: %v", key, err)
			}
		}
	})
	_, v = program(t, worked+"workload TestX as app\n", RunOptions{}, func(h *Hand) { _ = h.Fail("balance", "twice", "") })
	if got := v.Failures[0].Fingerprint(); got != "own:balance: twice" {
		t.Errorf("the fingerprint is %s", got)
	}
}

// Faulty holds as long as faults may come, and Settle waits until all lines are over and the cluster is quiet.
func TestAWorkloadWaitsForTheFaults(t *testing.T) {
	sent, faulty := 0, false
	var settled env.Duration
	_, v := program(t, worked+"workload TestX as app request.timeout.ms=1000 delivery.timeout.ms=3000\nat 2s crash leader:orders-0\nrun until time 4s\nheal\nstart brokers\nrun until quiet\n",
		RunOptions{}, func(h *Hand) {
			for faulty = h.Faulty(); h.Faulty(); h.Sleep(100 * env.Millisecond) {
				h.Produce(orders0, []string{fmt.Sprint(sent)})
				sent++
			}
			h.Settle()
			settled = h.Now()
			if n := len(h.Consume(orders0, 0).Records); n < 10 {
				t.Errorf("%d records", n)
			}
		})
	if !faulty || sent < 10 || sent > 41 || settled < 9*env.Second || v.Reason != NotStopped {
		t.Errorf("faulty %v, %d records sent, settled at %s: %+v", faulty, sent, formatDuration(settled), v)
	}
}

// A crash of the client costs the outcome of its requests, and the program goes on when the machine is up again.
func TestAWorkloadOutlivesItsMachine(t *testing.T) {
	var outcomes []cluster.OutcomeStatus
	_, v := program(t, worked+"workload TestX as app\nwait 100ms\ncut app -> brokers\nwait 1s\ncrash app\nheal\nwait 1s\nstart app\n", RunOptions{}, func(h *Hand) {
		h.Sleep(200 * env.Millisecond)
		for _, value := range []string{"a", "b"} {
			outcomes = append(outcomes, h.Produce(orders0, []string{value}).Status)
		}
	})
	if !slices.Equal(outcomes, []cluster.OutcomeStatus{cluster.OutcomeUnknown, cluster.OutcomeOK}) || v.Reason != NotStopped {
		t.Errorf("outcomes %v: %+v", outcomes, v)
	}
}

// An admin call waits for the controller.
func TestAWorkloadIsAnOperator(t *testing.T) {
	_, v := program(t, worked+"workload TestX as app\n", RunOptions{}, func(h *Hand) {
		audit := wire.TopicPartition{Topic: "audit"}
		for _, o := range []cluster.Outcome{
			h.CreateTopic(cluster.TopicSpec{Name: "audit", Partitions: 1, Replicas: 3}),
			h.Produce(audit, []string{"a", "b"}),
			h.SetConfig("audit", []Setting{{Name: "retention.ms", Value: "-1"}}),
			h.DeleteRecords(audit, 1),
		} {
			if o.Status != cluster.OutcomeOK {
				t.Errorf("%+v", o)
			}
		}
		if got := h.Consume(audit, -1).Records; len(got) != 1 || got[0].Value != "b" {
			t.Errorf("%+v", got)
		}
		if o := h.DeleteTopic("audit"); o.Status != cluster.OutcomeOK {
			t.Errorf("%+v", o)
		}
		if o := h.DeleteTopic("none"); o.Status != cluster.OutcomeFailed || o.Error != "UNKNOWN_TOPIC_OR_PARTITION" {
			t.Errorf("%+v", o)
		}
	})
	if v.Status != check.Held {
		t.Errorf("%+v", v)
	}
}

// Without its code, a file with a workload line does not run, and says which test has the code.
func TestAWorkloadNeedsItsTest(t *testing.T) {
	s := New(load(t, worked+"workload TestX as app\n"), RunOptions{})
	_, err := s.Finish()
	var needs *NeedsTest
	if !errors.As(err, &needs) || needs.Test != "TestX" || !strings.Contains(err.Error(), "go test -run '^TestX$' -samsa.file") {
		t.Errorf("%v", err)
	}
	for line, want := range map[string]string{
		"workload":                          "workload needs the name of a Go test here; usage: workload TEST as CLIENT",
		"workload TestX":                    "workload needs as here",
		"workload TestX as b1":              `"b1" is a machine of the cluster`,
		"workload TestX as app acks=some":   "acks",
		"workload TestX as app\nproduce p9": "produce needs a partition",
	} {
		if _, err := Load("x", []byte(worked+line+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Code that waits for ever ends the run as a line that waits in vain does, and a run over its budget ends too.
func TestAWorkloadThatNeverReturns(t *testing.T) {
	unwoundAt := 0
	wait := func(h *Hand) {
		defer func() { unwoundAt++ }()
		h.Wait(func() bool { return false })
	}
	_, v := program(t, worked+"workload TestX as app\n", RunOptions{Build: buildFake}, wait)
	if unwoundAt != 1 {
		t.Errorf("a world without events: unwound %d times, %v", unwoundAt, v.Reason)
	}
	_, v = program(t, worked+"workload TestX as app\n", RunOptions{Events: 500}, wait)
	if v.Reason != StopBudget || unwoundAt != 2 {
		t.Errorf("unwound %d times, stopped because of %v: %s", unwoundAt, v.Reason, v.Stopped)
	}
	_, v = program(t, worked+"workload TestX as app\n", RunOptions{}, wait)
	if v.Reason != StopPatience || !strings.Contains(v.Stopped, "the workload TestX has not returned after 600s") || unwoundAt != 3 {
		t.Errorf("unwound %d times, stopped because of %v: %s", unwoundAt, v.Reason, v.Stopped)
	}
	_, v = program(t, worked+"workload TestX as app\n", RunOptions{}, func(h *Hand) {
		for {
			h.Sleep(env.Minute)
		}
	})
	if f := v.Failures; len(f) != 1 || f[0].Fingerprint() != "quiet: the code of a test has not returned" ||
		!strings.Contains(f[0].Text, "the code of TestX has not returned: app waits in Sleep") {
		t.Errorf("%+v", f)
	}
}

// A read ends when Kafka's own consumer would throw a TimeoutException, and the next read of the client is not disturbed.
func TestAReadEndsInTime(t *testing.T) {
	for line, want := range map[string]env.Duration{
		"workload TestX as app\n": env.Minute,
		"workload TestX as app default.api.timeout.ms=5000 linger.ms=1\n": 5 * env.Second,
	} {
		_, v := program(t, worked+line, RunOptions{}, func(h *Hand) {
			for _, tp := range []wire.TopicPartition{{Topic: "none"}, {Topic: "orders", Partition: 7}} {
				began := h.Now()
				o := h.Consume(tp, -1)
				if took := h.Now() - began; o.Status != cluster.OutcomeFailed || !strings.Contains(o.Error, "no metadata of the partition") || took != want {
					t.Errorf("%s: %+v after %s, not %s", tp, o, formatDuration(took), formatDuration(want))
				}
			}
			h.Produce(orders0, []string{"a"})
			if o := h.Consume(orders0, 0); o.Status != cluster.OutcomeOK || len(o.Records) != 1 {
				t.Errorf("%+v", o)
			}
			h.Sleep(2 * want) // beyond the timeout of the read that has ended
		})
		if v.Status != check.Held || len(v.Failures) > 0 {
			t.Errorf("%+v", v)
		}
	}
	_, v := program(t, worked+"workload TestX as app default.api.timeout.ms=5000\nwait 100ms\ncut app -> brokers\nwait 20s\nheal\nrun until quiet\n", RunOptions{}, func(h *Hand) {
		h.Sleep(200 * env.Millisecond)
		if o := h.Consume(orders0, 0); o.Status != cluster.OutcomeFailed || !strings.Contains(o.Error, "has not reached the high watermark after 5000 ms") {
			t.Errorf("a reader that is cut off: %+v", o)
		}
	})
	if v.Status != check.Held || len(v.Failures) > 0 {
		t.Errorf("%+v", v)
	}
}

// Many runs leave no coroutine behind, whether they end, are closed in the middle, or panic.
func TestGoroutinesOfWorkloadsAreFlat(t *testing.T) {
	p := load(t, "cluster brokers=1 controllers=1\ntopic orders partitions=1 replicas=1\nworkload TestX as app\nwait 1s\n")
	before := runtime.NumGoroutine()
	for i := range 2000 {
		code := func(h *Hand) {
			_ = h.Start("other", func(h *Hand) { h.Wait(func() bool { return false }) })
			h.Sleep(env.Millisecond)
			if i%3 == 2 {
				panic("mine")
			}
			h.Wait(func() bool { return false })
		}
		func() {
			s := New(p, RunOptions{Build: buildFake, Work: code})
			defer func() {
				if r := recover(); (r == any("mine")) != (i%3 == 2) {
					t.Errorf("run %d: %v", i, r)
				}
			}()
			defer s.Close()
			if i%3 == 1 {
				_, _ = s.Advance(7)
				return
			}
			_, _ = s.Finish()
		}()
		if n := runtime.NumGoroutine(); n > before {
			t.Fatalf("run %d leaves %d goroutines", i, n-before)
		}
	}
}
