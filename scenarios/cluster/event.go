package cluster

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim"
	"samsa/sim/env"
)

// Event is one event of a run, for a viewer that follows every event and not only the notes.
type Event struct {
	Number uint64
	Cause  uint64 // the event that scheduled this one, or NoCause
	Step   uint64 // of the story, from 1; 0 if the event is not a step
	Time   env.Duration
	Who    env.Addr // the machine; empty if the event is a line of the scenario
	Hash   uint64   // the hash of the run up to and including this event
	Text   string   // the event in words, without its machine: "receives a Fetch request from b2, version 17, 98 bytes"
}

// happened returns an event of the world for viewers.
func happened(e *sim.Event, hash uint64) Event {
	out := Event{Number: e.Seq, Cause: e.Cause, Time: env.Duration(e.Time), Who: e.Node, Hash: hash, Text: eventText(e)}
	if e.Story {
		out.Step = e.Step + 1
	}
	return out
}

// eventText returns an event in words.
func eventText(e *sim.Event) string {
	switch e.Kind {
	case sim.Started:
		return "starts its process"
	case sim.Received:
		return "receives " + message(e, "request") + " from " + string(e.Peer) + extent(e)
	case sim.Returned:
		switch {
		case e.Key < 0:
			return "ends a flush of its disk"
		case e.Err != nil:
			return "gets no response to its " + kmsg.NameForKey(e.Key) + " request to " + string(e.Peer) + ": " + e.Err.Error()
		}
		return "receives " + message(e, "response") + " from " + string(e.Peer) + extent(e)
	case sim.Lost:
		return "loses a connection with " + string(e.Peer)
	case sim.Fired:
		return "reaches the end of a timer"
	case sim.Stopping:
		return "begins a clean shutdown"
	case sim.Died:
		if e.Power {
			return "loses power"
		}
		return "ends its process"
	}
	return "runs a line of the scenario: " + e.Label
}

// message names a message, as in "a Fetch request".
func message(e *sim.Event, what string) string {
	name, article := kmsg.NameForKey(e.Key), "a "
	switch name[0] {
	case 'A', 'E', 'I', 'O':
		article = "an "
	}
	return article + name + " " + what
}

// extent returns the version and the size of a message.
func extent(e *sim.Event) string {
	return ", version " + strconv.Itoa(int(e.Version)) + ", " + strconv.Itoa(int(e.Size)) + " bytes"
}
