package cluster

import (
	"errors"
	"testing"

	"samsa/sim"
)

// Every kind of event reads as a sentence whose subject is the machine.
func TestEventsInWords(t *testing.T) {
	for _, c := range []struct {
		event sim.Event
		want  string
	}{
		{sim.Event{Kind: sim.Started}, "starts its process"},
		{sim.Event{Kind: sim.Received, Key: 1, Peer: "b2", Version: 17, Size: 98}, "receives a Fetch request from b2, version 17, 98 bytes"},
		{sim.Event{Kind: sim.Returned, Key: 56, Peer: "c1", Version: 3, Size: 40}, "receives an AlterPartition response from c1, version 3, 40 bytes"},
		{sim.Event{Kind: sim.Returned, Key: 0, Peer: "b1", Err: errors.New("timed out")}, "gets no response to its Produce request to b1: timed out"},
		{sim.Event{Kind: sim.Returned, Key: -1}, "ends a flush of its disk"},
		{sim.Event{Kind: sim.Lost, Peer: "b1"}, "loses a connection with b1"},
		{sim.Event{Kind: sim.Fired}, "reaches the end of a timer"},
		{sim.Event{Kind: sim.Stopping}, "begins a clean shutdown"},
		{sim.Event{Kind: sim.Died}, "ends its process"},
		{sim.Event{Kind: sim.Died, Power: true}, "loses power"},
		{sim.Event{Kind: sim.Control, Label: "crash"}, "runs a line of the scenario: crash"},
	} {
		if got := happened(&c.event, 7); got.Text != c.want || got.Hash != 7 {
			t.Errorf("%+v, want %q", got, c.want)
		}
	}
	if e := happened(&sim.Event{Story: true, Step: 4}, 0); e.Step != 5 {
		t.Errorf("the fifth step has number %d", e.Step)
	}
}
