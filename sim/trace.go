package sim

import "samsa/sim/env"

// Kind is the kind of an event.
type Kind uint8

const (
	Started  Kind = iota + 1 // a process begins: Node.Start
	Received                 // a request: Node.Receive
	Returned                 // an answer or a finished flush: Node.Returned
	Lost                     // a link is gone: Node.Lost
	Fired                    // a timer: Node.Fire
	Stopping                 // SIGTERM: Node.Stop
	Died                     // a process ended; no method of the node is called
	Asked                    // a scenario made a node act: World.Do
	Control                  // a scenario acted on the world: World.At
	kinds
)

// String returns the kind in one word.
func (k Kind) String() string {
	if k > 0 && k < kinds {
		return [...]string{"", "start", "receive", "return", "lost", "fire", "stop", "died", "ask", "control"}[k]
	}
	return "kind?"
}

// NoCause is the cause of an event that nothing in the world caused.
const NoCause = ^uint64(0)

// Event is one event of a run: a node handled it, or it was a control action. The kind decides which fields are set. It is
// valid only until the next event; to keep it, copy it and its notes.
type Event struct {
	Seq   uint64 // counts events from 0
	Cause uint64 // the event that scheduled this one, or NoCause
	Step  uint64 // counts steps from 0; meaningful only if Story is set
	Story bool   // a note of this event belongs to the story, so the event is a step
	Kind  Kind
	Time  Time

	Node        env.Addr // "" for Control
	Incarnation uint32   // of the node
	Lane        env.Lane
	Cost        env.Duration // how long the lane is busy with the event

	Waited      env.Duration // Received: how long the request waited for a request handler after it was read
	Link        env.Link     // Received, Returned, Lost: in this machine's numbering
	Peer        env.Addr     // the machine at the other end of the link
	Correlation int32        // Received, Returned
	Key         int16        // Received, Returned: Kafka api key; -1 for a flush
	Version     int16        // Received, Returned
	Size        int32        // Received, Returned: bytes on the wire
	Request     env.Request  // Received, Returned: read-only
	Response    env.Response // Returned: read-only
	Timer       env.Timer    // Fired
	Token       env.Token    // Returned
	Err         error        // Returned, Lost; Died: the reason given to Exit
	Power       bool         // Died: by loss of power
	Label       string       // Control, Asked: the label of the action

	Notes []Noted // what the node noted, in order
}

// Noted is one note.
type Noted struct {
	Kind  *env.NoteKind
	Field [4]int64
	At    Time // when the note takes effect: the event's time plus the cost before the note
}

// TraceSink gets every event when its handler has returned.
// The struct is reused for the next event, so a trace that is not kept costs no memory.
type TraceSink interface {
	Event(*Event)
}

// begin opens an event.
func (w *World) begin(kind Kind, m *machine, cause uint64) {
	e := &w.event
	if w.observed {
		*e = Event{Notes: e.Notes[:0]}
		if m != nil {
			e.Node, e.Incarnation = m.addr, m.incarnation
		}
	}
	e.Seq, e.Cause, e.Kind, e.Time, e.Story, e.Notes = w.events, cause, kind, w.now, false, e.Notes[:0]
	// This event is the cause of everything that is scheduled until its end.
	w.cause = w.events
	w.events++
	w.identity.mixBoth(uint64(w.now))
	if m != nil {
		w.identity.mixBoth(uint64(kind) | uint64(m.index)<<8 | uint64(m.incarnation)<<32)
	} else {
		w.identity.mixBoth(uint64(kind))
	}
}

// finish ends the event: it adds the cost to the hash, and calls the trace, the feeds and the hooks.
func (w *World) finish() {
	e := &w.event
	// The cost is part of the hash, so two runs with different disk speeds differ at the first event that uses the disk.
	w.identity.mixBoth(uint64(e.Cost)<<1 | 1)
	if e.Story {
		e.Step = w.steps
		w.steps++
		w.chance.overrides.reached(w.steps, w.now)
	}
	if w.config.Trace != nil {
		w.config.Trace.Event(e)
	}
	if len(w.feeds) > 0 {
		w.complete(w.now)
	}
	for _, after := range w.after {
		after(e)
	}
}

// Note implements env.Env.
func (m *machine) Note(kind *env.NoteKind, a, b, c, d int64) {
	if m.silent() {
		return
	}
	w := m.world
	w.identity.mix(hashString(kind.Name))
	w.identity.mix(uint64(a))
	w.identity.mix(uint64(b))
	w.identity.mix(uint64(c))
	w.identity.mix(uint64(d))
	if kind.Story {
		w.event.Story = true
	}
	n := Noted{Kind: kind, Field: [4]int64{a, b, c, d}, At: w.now + Time(m.cost)}
	if w.observed {
		w.event.Notes = append(w.event.Notes, n)
	}
	if len(w.feeds) > 0 {
		w.effect(Effect{Kind: EffectNote, At: n.At, Node: m.addr, Note: n})
	}
}
