package view

import (
	"fmt"
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// Chain is the explanation of one finding: from the symptom back to its causes, across machines. Questions divide the chain
// into parts. In each part, a link is the reason for the link before it.
//
//	step 14  b3    leads orders-0 in epoch 2 without offset 0, "a" of p1                   the symptom
//	Why does b3 not have it?
//	step 11  b3    truncates its log from 1 to 0: its own high watermark                   the reason
//	               M1: today a follower does not truncate before its first fetch           the rule
//	step 10  c1    makes b2 leader in epoch 1                                              the reason of that
//	               line 11, crash b1                                                       the fault
type Chain struct {
	Check  string `json:"check"`
	Status string `json:"status"` // "violated" or "priced"
	Step   uint64 `json:"step"`   // at which the check decided
	Links  []Link `json:"links"`
}

// Link is one cause.
type Link struct {
	Question string `json:"question,omitempty"` // the question that this link and the links after it answer
	Kind     string `json:"kind"`               // one of LinkKinds
	Event    uint64 `json:"event"`              // the event that this link is about
	Step     uint64 `json:"step"`               // the step of this event in the story; 0 if the event is not a step
	After    uint64 `json:"after_step"`         // if the event is not a step: the last step before it, 0 if there is none
	Time     int64  `json:"virtual_ns"`
	Machine  string `json:"machine,omitempty"`
	Sentence string `json:"sentence"`       // the sentence without its subject, which is the machine
	Line     int    `json:"line,omitempty"` // the line of the scenario that caused it; 0 if none did

	initial bool // since the topic was created, nothing has changed what the link says
}

// The kinds of links.
const (
	LinkSymptom = "symptom" // what the check found
	LinkEvent   = "event"   // a machine did something
	LinkState   = "state"   // a machine's state, with the event that last changed it
	LinkMessage = "message" // a message that arrived
	LinkLost    = "lost"    // a message that did not arrive, or bytes that were not synced
	LinkFault   = "fault"   // a fault of the scenario
	LinkRule    = "rule"    // an old rule decided otherwise than today's rule
	LinkPrice   = "price"   // the setting or the fault that allows what happened
)

// NewChain explains one finding of a session. The session may be at any point of its run, and does not move. The scenario
// runs a second time to record a ledger of causes.
func NewChain(s *scenarios.Session, f check.Finding) (*Chain, error) {
	ledger, err := scenarios.CausesOf(s)
	if err != nil {
		return nil, err
	}
	w := newWhy(s, ledger)
	x := explainer{voters: voters{copies{commits{elections{trail{w}}}}}}
	x.obstacles, x.waited = scenarios.Obstacles(s)
	if f.Check.Name == scenarios.OfRest {
		x.quiet()
	} else {
		x.explain(f)
	}
	return &Chain{Check: f.Check.Name, Status: f.Status.String(), Step: f.Step, Links: shorten(w.links)}, nil
}

// why builds one chain.
type why struct {
	*history
	names   scenarios.Names
	program *scenarios.Program

	links    []Link
	question string // the question of the next link
	said     map[string]bool
}

func newWhy(s *scenarios.Session, l *scenarios.Causes) *why {
	return &why{history: &history{l}, names: s.Names(), program: s.Program(), said: map[string]bool{}}
}

// ask begins a part of the chain. A question without an answer is left out.
func (w *why) ask(format string, args ...any) { w.question = fmt.Sprintf(format, args...) }

// add adds a link, unless the chain has it already.
func (w *why) add(l Link) {
	key := l.key()
	if w.said[key] {
		return
	}
	w.said[key] = true
	l.Question, w.question = w.question, ""
	l.Step, l.After = w.position(l.Event)
	w.links = append(w.links, l)
}

// key is equal for two links that say the same.
func (l *Link) key() string { return fmt.Sprint(l.Machine, l.Sentence, l.Line, l.Event) }

// at adds a link for an event. The format and its arguments make the sentence; its subject is the machine of the event.
func (w *why) at(kind string, event uint64, format string, args ...any) {
	l := Link{Kind: kind, Event: event, Sentence: fmt.Sprintf(format, args...)}
	if event < uint64(len(w.Events)) {
		e := &w.Events[event]
		l.Time, l.Machine = e.Time, e.Machine
	}
	w.add(l)
}

// symptom adds the first link: a sentence about a machine. The change at the index i decided the finding.
func (w *why) symptom(f check.Finding, i int, machine, format string, args ...any) {
	c := &w.Changes[i]
	l := Link{Kind: LinkSymptom, Event: c.Event, Machine: machine, Sentence: fmt.Sprintf(format, args...)}
	if c.Event < uint64(len(w.Events)) {
		l.Time = w.Events[c.Event].Time
	}
	w.add(l)
}

// fromTheStart marks the last link: what it says has been so since the topic was created.
func (w *why) fromTheStart() {
	if n := len(w.links); n > 0 {
		w.links[n-1].initial = true
	}
}

// setMachine sets the machine of the last link. It is called if the event of that link ran on another machine.
func (w *why) setMachine(name string) {
	if n := len(w.links); n > 0 {
		w.links[n-1].Machine = name
	}
}

// quote returns values in words: "a" and "b", or "a1" to "a9".
func quote(values []string) string {
	switch n := len(values); {
	case n == 0:
		return ""
	case n == 1:
		return `"` + values[0] + `"`
	case n == 2:
		return `"` + values[0] + `" and "` + values[1] + `"`
	default:
		return `"` + values[0] + `" to "` + values[n-1] + `"`
	}
}

// inWords returns names in words: b1, b2 and b3.
func inWords(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	switch n := len(names); n {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// explainer finds the questions that a finding raises.
type explainer struct {
	voters
	obstacles []scenarios.Obstacle // the obstacles that the cluster has now
	waited    *scenarios.Line      // the line that waited in vain, or nil
}

// explain builds the chain of a finding.
func (w explainer) explain(f check.Finding) {
	switch i := w.decided(f); {
	case i >= 0:
		w.invariant(f, i)
	default:
		w.operations(f)
	}
	w.question = ""
	w.unmentioned()
	if f.Status == check.Priced && f.Clause != "" {
		w.ask("Why is that a price and no violation?")
		w.add(Link{Kind: LinkPrice, Event: w.links[0].Event, Time: w.links[0].Time, Sentence: f.Clause})
	}
}

// decided returns the index of the change that decided a finding, or -1 if the check of the finding is not an invariant.
func (w explainer) decided(f check.Finding) int {
	for _, found := range w.Found {
		if found.Check == f.Check.Name && found.Result.Status == f.Status {
			return found.Change
		}
	}
	return -1
}

// invariant explains the finding of an invariant. The change at the index i decided the finding.
func (w explainer) invariant(f check.Finding, i int) {
	c := &w.Changes[i]
	switch {
	case c.Kind == check.ImageAt:
		if w.symptom(f, i, "", "%s", f.Explanation); !w.images(f, i) && !w.followsFrom(f) {
			w.active(w.time(c.Event))
		}
	case c.Partition == nil:
		w.plain(f, i)
	case c.Voter != nil || c.Partition.ID == wire.MetadataTopicID:
		w.quorum(f, i)
	default:
		w.partition(f, i)
	}
}

// operations explains a finding about liveness or about the operations of clients. An invariant may have found a loss
// before a client sees it. In this case the chain explains the finding of the invariant.
func (w explainer) operations(f check.Finding) {
	w.add(Link{Kind: LinkSymptom, Event: w.lastEvent(f.Step), Time: w.time(w.lastEvent(f.Step)), Sentence: f.Explanation})
	if f.Check.Liveness {
		w.late(f)
	}
	if w.followsFrom(f) || f.Check.Liveness && w.namesFault() {
		return
	}
	if f.Check.Name == "no-duplicate" && w.storedTwice(f) || w.lostRecord(f) {
		return
	}
	w.ask("Which faults were active?")
	w.active(w.time(w.lastEvent(f.Step)))
}

// followsFrom explains a finding by an earlier violation of an invariant with the same subject. It takes the violation of
// the check acked-durable if there is one, or else the last violation.
func (w explainer) followsFrom(f check.Finding) bool {
	best := -1
	for i, found := range w.Found {
		if found.Check == f.Check.Name || found.Result.Status != check.Violated || found.Result.Step > f.Step && f.Step > 0 {
			continue
		}
		if found.Result.Fact.Subject == f.Fact.Subject && (best < 0 || w.Found[best].Check != check.AckedDurable.Name) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	found, before := w.Found[best], len(w.links)
	w.ask("How did it come to that?")
	w.invariant(check.Finding{Check: check.Named(found.Check), Result: found.Result}, found.Change)
	if len(w.links) > before {
		w.links[before].Kind = LinkEvent
	}
	return true
}

// lostRecord explains an acknowledged record that the leader does not have at the end of the run.
func (w explainer) lostRecord(f check.Finding) bool {
	i := len(w.Changes) - 1
	for k := i; k >= 0; k-- {
		c := &w.Changes[k]
		if c.Kind != check.ProduceAnswered || c.Partition.TP.String() != f.Fact.Subject.Name || f.Fact.Offset < c.Batch.Base || f.Fact.Offset >= c.Batch.Next {
			continue
		}
		if client, _ := w.values(c.Partition, c.Batch); client != "" && client != c.Given.Client {
			w.misplaced(k)
			return true
		}
		a := w.assignment(c.Partition, i)
		if a < 0 || w.Changes[a].Assigned.Leader == wire.NoNode || w.has(part{c.Partition, w.Changes[a].Assigned.Leader}, c.Batch, i) {
			continue
		}
		leader := w.Changes[a].Assigned.Leader
		w.ask("Why does %s, the leader, not have it?", w.node(leader))
		w.lacks(part{c.Partition, leader}, c.Batch, i)
		w.acknowledged(c.Partition, c.Batch, i, leader)
		return true
	}
	return false
}

// misplaced explains an acknowledgement for an offset at which the broker, at that time, has the record of another client.
func (w explainer) misplaced(k int) {
	c := &w.Changes[k]
	p := c.Partition
	w.ask("Why was it acknowledged?")
	w.at(LinkEvent, c.Event, "acknowledges offset %d to %s, and has %s there by then", c.Batch.Base, c.Given.Client, w.record(p, c.Batch))
	w.setMachine(w.node(c.Node))
	w.ruled(c.Event, "Outcome", "FailWaiting")
	w.standing("FailWaiting")
	cut := w.last(k, func(o *scenarios.CausedChange) bool {
		return o.Kind == check.BatchesRemoved && o.Partition == p && o.Node == c.Node && o.Removed[0].Base <= c.Batch.Base
	})
	if cut < 0 {
		return
	}
	for _, b := range w.Changes[cut].Removed {
		if b.Base <= c.Batch.Base && c.Batch.Base < b.Next {
			w.ask("Where is the record of %s?", c.Given.Client)
			w.removed(part{p, c.Node}, b, cut)
		}
	}
}
