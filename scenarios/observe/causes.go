package observe

import (
	"slices"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/env"
)

// Causes is a ledger with the facts that explain a run. The trace of a run has only one cause of an event: the earlier event
// that scheduled it. Causes adds two more. For each value that a check looks at (log end, high watermark, ISR, leader,
// epochs, image offset, vote, …), it has the event that changed the value. For each event, it has the message that the event
// handled, and the event that sent the message.
//
//	check.View ──every change──▶ Changes ──Event──▶ Events ──Message──▶ Messages ──Sent──▶ Events ──▶ …
//	            ──first finding─▶ Found
//	scenario   ──────────────────▶ Faults and Sends, with the line of the file
//	old rules  ──────────────────▶ Decisions
//
// A message that was never handled may be a cause too; its Got is None. Keeping the ledger changes neither the hash nor the
// findings of a run, and a run without a ledger has no additional cost.
type Causes struct {
	Events    []Event   // by number
	Messages  []Message // in the order in which they left their senders
	Changes   []Change  // in the order in which the judges saw them
	Found     []Found   // the first violation and the first priced finding of each invariant
	Faults    []Fault   // in the order in which they began
	Sends     []Send    // the records that a line gave to a producer
	Began     []Began   // the lines in the order in which they began
	Decisions []Decision
	Rules     []string // the enabled old rules
	Standing  []string // the enabled old rules without arguments, which apply to every event; compare Decision

	line     int // the current line of the scenario, 0 before the first line
	world    *sim.World
	observer *observer
	handled  map[messageKey]int  // the last message of each key, an index of Messages
	asked    map[endOfLink]int32 // the request that a server handles on a link
}

// None is the index if there is no message, and the number if there is no event.
const None = -1

// Event is one event of the run.
type Event struct {
	Cause   uint64 // the event that scheduled it, or cluster.NoCause
	Step    uint64 // of the story, from 1; 0 if it is not a step
	Time    int64
	Machine string // "" for an action on the world
	Kind    string // as sim.Kind writes it: "start", "receive", "return", "fire", "died", …
	Message int    // the message that it handled, an index of Causes.Messages; None for other events
	Power   bool   // if Kind is "died": the machine lost power
	Notes   []sim.Noted
}

// Message is a request or a response that left its sender.
type Message struct {
	From, To string
	Sent     uint64 // the event that made it
	SentAt   int64  // when it left
	Got      int64  // the event that handled it, or None
	GotAt    int64
	Request  env.Request // either Request or Response is set
	Response env.Response
	Of       int // for a response: its request, an index of Causes.Messages, or None
}

// Change is one change of the View, with the event that made it. Partition, Replica and Voter point into the View, so they
// have the state at the end of the run. State, Quorum and Assigned are copies of the state at the time of the change.
type Change struct {
	check.Change
	Event    uint64
	State    check.State
	Quorum   check.VoterState
	Assigned check.Assignment
}

// Found is the first violation or the first priced finding of an invariant, and the change that decided it.
type Found struct {
	Check  string
	Result check.Result
	Change int // an index of Causes.Changes
}

// Fault is one call of a method of cluster.Faults. From and To are equal for a fault of one machine.
type Fault struct {
	Kind     string // "cut", "slow", "heal", "link reset", "crash", "power", "stop", "start", "pause", "resume", "disk full", …
	From, To string
	By, For  env.Duration
	Event    uint64 // the number of the next event
	Time     int64
	Line     int // of the scenario
}

// Send is a record that a line gave to a producer.
type Send struct {
	Client, Value string
	Partition     string
	Event         uint64
	Line          int
}

// Began is a line of the scenario that began.
type Began struct {
	Line  int
	Event uint64 // the number of the next event
}

// Decision is an answer of an old rule that the current rule would not have given.
type Decision struct {
	Question string // the name of the rule, a field of a type Rules: "TruncateOnFollow"
	Event    uint64
}

type messageKey struct {
	what     any // the pointer to the request or the response
	from, to env.Addr
}

type endOfLink struct {
	node env.Addr
	link env.Link
}

// AssembleWithCauses builds a cluster as Assemble does, and keeps a ledger of causes. Messages must travel by pointer,
// because the ledger identifies a message by its pointer.
func AssembleWithCauses(o cluster.Options) (Cluster, *Causes, error) {
	l := &Causes{Rules: o.Rules, handled: map[messageKey]int{}, asked: map[endOfLink]int32{}}
	o.Mode, o.Decided = cluster.ModePointer, l.decided
	c := judged{}
	var err error
	c.Cluster, err = cluster.Assemble(o, func(in cluster.Inside) cluster.Observer {
		l.world = in.World()
		c.observer = newObserver(in)
		l.observer, c.observer.causes = c.observer, l
		check.Watch(c.observer.view, l)
		return c.observer
	})
	if err != nil {
		return nil, nil, err
	}
	return &tapped{c, l}, l, nil
}

// At says that a line of the scenario begins. The faults and sends that follow belong to it.
func (l *Causes) At(line int) {
	l.line = line
	l.Began = append(l.Began, Began{line, l.world.Events()})
}

// decided implements Options.Decided.
func (l *Causes) decided(question string, always bool) {
	if always {
		l.Standing = append(l.Standing, question)
		return
	}
	at := l.world.Events() - 1
	if n := len(l.Decisions); n == 0 || l.Decisions[n-1] != (Decision{question, at}) {
		l.Decisions = append(l.Decisions, Decision{question, at})
	}
}

// happened adds an event. Events may arrive out of order, because the death of a process in the middle of an event arrives
// before that event.
func (l *Causes) happened(e *sim.Event) {
	for uint64(len(l.Events)) <= e.Seq {
		l.Events = append(l.Events, Event{Cause: cluster.NoCause, Message: None})
	}
	h := Event{Cause: e.Cause, Time: int64(e.Time), Machine: string(e.Node), Kind: e.Kind.String(), Message: None, Power: e.Power, Notes: slices.Clone(e.Notes)}
	if e.Story {
		h.Step = e.Step + 1
	}
	var what any
	switch e.Kind {
	case sim.Received:
		what = e.Request
	case sim.Returned:
		if what = e.Response; e.Response == nil {
			what = nil
		}
	}
	if what != nil {
		if i, ok := l.handled[messageKey{what, e.Peer, e.Node}]; ok {
			h.Message = i
			l.Messages[i].Got, l.Messages[i].GotAt = int64(e.Seq), int64(e.Time)
			if e.Kind == sim.Received {
				l.asked[endOfLink{e.Node, e.Link}] = int32(i)
			}
		}
	}
	l.Events[e.Seq] = h
}

// left adds a message that leaves its sender.
func (l *Causes) left(f *sim.Effect) {
	m := Message{From: string(f.Node), To: string(f.Peer), Sent: f.Cause, SentAt: int64(f.At), Got: None, Request: f.Request, Response: f.Response, Of: None}
	var what any = f.Request
	if f.Request == nil {
		what = f.Response
		if i, ok := l.asked[endOfLink{f.Node, f.Link}]; ok {
			m.Of = int(i)
		}
	}
	l.handled[messageKey{what, f.Node, f.Peer}] = len(l.Messages)
	l.Messages = append(l.Messages, m)
}

// Changed implements check.Watcher.
func (l *Causes) Changed(c *check.Change) {
	k := Change{Change: *c, Event: l.observer.cause}
	if c.Replica != nil {
		k.State = c.Replica.State
	}
	if c.Voter != nil {
		k.Quorum = c.Voter.VoterState
	}
	if c.Partition != nil {
		k.Assigned = c.Partition.Assigned()
	}
	l.Changes = append(l.Changes, k)
}

// FoundBy implements check.Watcher.
func (l *Causes) FoundBy(name string, r check.Result) {
	l.Found = append(l.Found, Found{name, r, len(l.Changes) - 1})
}
