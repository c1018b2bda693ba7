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
