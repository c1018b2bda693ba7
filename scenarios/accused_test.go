package scenarios

import (
	"strings"
	"testing"

	"samsa/check"
)

// finding runs a scenario and returns its verdict and what one check found.
func finding(t *testing.T, src, name string) (*Verdict, check.Finding) {
	t.Helper()
	v, err := New(load(t, src), RunOptions{}).Finish()
	if err != nil || v.Unsound != nil {
		t.Fatal(err, v.Unsound)
	}
	for _, f := range v.Findings {
		if f.Check.Name == name {
			return v, f
		}
	}
	t.Fatalf("no check %s", name)
	return nil, check.Finding{}
}

// mustBeOK fails if a scenario does not end with the verdict ok.
func mustBeOK(t *testing.T, src string) {
	t.Helper()
	v, _ := finding(t, src, "acked-durable")
	for _, f := range v.Findings {
		if f.Status == check.Violated || f.Status == check.Unknown {
			t.Errorf("%s is %s: %s", f.Check.Name, f.Status, f.Explanation)
		}
	}
	for _, c := range v.Claims {
		if !c.OK {
			t.Error(c.Text)
		}
	}
	if v.Status != check.Held || v.Stopped != "" {
		t.Errorf("the verdict is %s, %s; wanted held", v.Status, v.Stopped)
	}
}

// A send has no outcome while the file keeps its client from learning it. That is no fault of a client.
func TestTheFileStopsAClient(t *testing.T) {
	for what, lines := range map[string]string{
		"it is down when it has to send":      "stop p1\nproduce p1 orders-0 b\nwait 10m",
		"it crashed before":                   "crash p1\nproduce p1 orders-0 b\nwait 10m",
		"it is stopped while it sends":        "crash b1\nsend p1 orders-0 b\nwait 1s\nstop p1\nwait 10m\nstart b1",
		"it is paused while it sends":         "send p1 orders-0 b\npause p1\nwait 10m",
		"its clock is slow":                   "crash b1\nclock p1 monotonic-drift -500000ppm\nsend p1 orders-0 b\nwait 170s\nstart b1",
		"its delivery timeout is not over":    "crash b1\nsend p2 orders-0 delivery.timeout.ms=600000 b\nwait 5m\nstart b1",
		"it starts again and sends once more": "stop p1\nsend p1 orders-0 b\nstart p1\nproduce p1 orders-0 c\nwait 10m",
	} {
		t.Run(what, func(t *testing.T) {
			mustBeOK(t, "cluster brokers=1 controllers=1 seed=7\ntopic orders\nproduce p1 orders-0 a\n"+lines+"\n")
		})
	}
}

// The story says that the client is down, and the outcome is unknown.
func TestTheStorySaysThatAClientIsDown(t *testing.T) {
	s := New(load(t, "cluster brokers=1 controllers=1 seed=7\ntopic orders\nproduce p1 orders-0 a\nstop p1\nproduce p1 orders-0 b\nconsume r1 orders-0\n"), RunOptions{})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if out := strings.Join(s.outputs, ""); !strings.Contains(out, `p1: orders-0 unknown because p1 is down  "b"`) || !strings.Contains(out, `r1: orders-0  0 "a"`) {
		t.Errorf("the outputs are %q", out)
	}
}

// Readers begin anywhere, and records have equal values. A healthy cluster is not accused of that.
func TestAHealthyClusterIsNotAccused(t *testing.T) {
	for what, lines := range map[string]string{
		"a reader begins in the middle":      "produce p1 orders-0 acks=all a1..a10\nconsume r1 orders-0 from 3..7",
		"a reader begins at the end":         "produce p1 orders-0 a1..a10\nconsume r1 orders-0 from 10",
		"a reader begins above the end":      "produce p1 orders-0 a1..a3\nconsume r1 orders-0 from 9\nconsume r2 orders-0 from 9 auto.offset.reset=earliest",
		"a reader of an empty log":           "consume r1 orders-0 from 5..7\nproduce p1 orders-0 a1..a9\nconsume r1 orders-0",
		"records of one value":               "produce p1 orders-0 a a a\nproduce p2 orders-0 a a\nconsume r1 orders-0",
		"values in turn":                     "produce p1 orders-0 a b a b a\nproduce p1 orders-0 b a\nconsume r1 orders-0",
		"one value in two partitions":        "grow orders to 2\nproduce p1 orders-0 a\nproduce p1 orders-1 a\nconsume r1 orders-0\nconsume r1 orders-1",
		"one value in two topics":            "topic bills\nproduce p1 orders-0 a\nproduce p1 bills-0 a\nconsume r1 orders-0\nconsume r1 bills-0",
		"one value before and after":         "produce p1 orders-0 a b\nconsume r1 orders-0\ndelete topic orders\ntopic orders\nproduce p1 orders-0 a b a\nconsume r1 orders-0",
		"a position of a deleted topic":      "produce p1 orders-0 a1..a9\ndelete topic orders\ntopic orders\nproduce p1 orders-0 b\nconsume r1 orders-0 from 7\nconsume r1 orders-0",
		"deleted records, and the middle":    "produce p1 orders-0 a1..a9\ndelete records orders-0 before 4\nconsume r1 orders-0 from 2..6\nconsume r2 orders-0 from 6..8",
		"all records deleted":                "produce p1 orders-0 a a a\ndelete records orders-0\nconsume r1 orders-0 from 1 auto.offset.reset=latest\nproduce p1 orders-0 a\nconsume r1 orders-0",
		"a value again after it was deleted": "produce p1 orders-0 a b\ndelete records orders-0 before 1\nproduce p1 orders-0 a\nconsume r1 orders-0",
	} {
		t.Run(what, func(t *testing.T) {
			mustBeOK(t, "cluster brokers=3 controllers=1 seed=7\ntopic orders\n"+lines+"\n")
		})
	}
}

// An end offset of a deleted topic arrives when the name stands for another topic, whose first leader epoch is the same. Both
// topics have their own ends.
func TestAnEndOfADeletedTopicArrivesLate(t *testing.T) {
	src := `cluster brokers=3 controllers=1 seed=7
topic orders on=1,2,3
produce p1 orders-0 a b c d e
consume r1 orders-0
slow brokers -> r1 by 3s
at 5s consume r1 orders-0 from 100
at 9s delete topic orders
at 9500ms topic orders on=1,2,3
at 16s consume r2 orders-0 from 100
at 17s consume r3 orders-0 from 100
run until time 30s
heal
`
	mustBeOK(t, src)
	if _, f := finding(t, src, "end-offsets-monotone"); f.Status != check.Held {
		t.Errorf("end-offsets-monotone is %s, wanted held: r2 and r3 both learned the end of the new topic", f.Status)
	}
}

// A producer sends "a" twice, and the second is acknowledged and lost. Later another producer sends "a", which takes the
// offset of the lost one. Readers find "a" at both offsets, and yet a record is lost.
const secondIsLost = `cluster brokers=3 controllers=1 seed=21
topic orders on=1,2,3 min.insync.replicas=1
produce p1 orders-0 acks=all a
run until quiet within 60s
cut b2 -> b3
produce p1 orders-0 a
crash b1
run until leader orders-0 is b2 within 30s
wait 500ms
crash b2
run until leader orders-0 is b3 within 30s
heal
start brokers
run until isr orders-0 1,2,3 within 120s
produce p2 orders-0 a
consume r1 orders-0
`

func TestARealLossAmongEqualValuesIsFound(t *testing.T) {
	mustBeOK(t, secondIsLost)
	program := load(t, secondIsLost)
	v, err := New(program, RunOptions{Rules: []string{"M1"}}).Finish()
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{"acked-durable": `Acknowledged and lost: "a" of p1. `, "lost-write": `"a" of p1 was acknowledged at offset 1 of orders-0; readers have passed`}
	for _, f := range v.Findings {
		if want, ok := wanted[f.Check.Name]; ok && (f.Status != check.Violated || !strings.Contains(f.Explanation, want)) {
			t.Errorf("%s is %s: %s; wanted it violated: %s", f.Check.Name, f.Status, f.Explanation, want)
		}
	}
}

// A response does not reach the producer, which sends its records again: they are stored twice. The values are equal, so
// only what was sent tells a copy from the next record.
func TestARealDuplicateAmongEqualValuesIsFound(t *testing.T) {
	program := load(t, `cluster brokers=1 controllers=1 seed=7
topic orders
produce p1 orders-0 request.timeout.ms=1000 linger.ms=0 a
cut b1 -> p1
send p1 orders-0 a
wait 3s
heal
wait 5s
produce p1 orders-0 a
consume r1 orders-0
`)
	for _, mode := range []Mode{ModePointer, ModeWire, ModeGuard} {
		v, err := New(program, RunOptions{Mode: mode}).Finish()
		if err != nil || v.Unsound != nil {
			t.Fatal(mode, err, v.Unsound)
		}
		for _, f := range v.Findings {
			if f.Check.Name == "no-duplicate" && (f.Status != check.Priced || f.Explanation != `r1 read "a" of p1 at offsets 1 and 2 of orders-0`) {
				t.Errorf("mode %s: no-duplicate is %s: %s", mode, f.Status, f.Explanation)
			}
		}
	}
}
