package view

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/scenarios"
	"samsa/wire"
)

// maxRefined is the largest number of events for which a comparison looks for the effects of an event. The second look keeps a
// ledger of all events up to the first difference.
const maxRefined = 100_000

// refine moves Diff.First back to the first event with effects that differ. The hash of a run covers what machines receive and note, so
// a message that only one run sends is in the hash when it arrives, and its sender would not be named.
//
//	event 183  b1  receives a Fetch request      a: answers it      b: raises its high watermark, and answers p1 too    the first effects
//	event 185                                    a: c1, a timer     b: p1 receives the answer                           the first hash
//
// Both runs run a second time, up to the event at which their hashes differ, and keep a ledger of causes. If one of them cannot,
// the first difference stays as it is.
func (d *Differ) refine() {
	f := d.diff.First
	if d.refined || f == nil || f.A == nil || f.B == nil || f.A.Event > maxRefined {
		return
	}
	d.refined = true
	var again [2]*lookBack
	for i, r := range d.runs {
		if again[i] = newLookBack(r, f.A.Event); again[i] == nil {
			return
		}
		defer again[i].session.Close()
	}
	a, b := again[0].effects(f.A.Event), again[1].effects(f.A.Event)
	for n := uint64(0); n <= f.A.Event && n < uint64(min(len(again[0].events), len(again[1].events))); n++ {
		if slices.EqualFunc(a[n], b[n], func(x, y effect) bool { return x.key == y.key }) {
			continue
		}
		m := d.moment(&again[0].events[n], &again[1].events[n])
		if looks(m.A) != looks(m.B) { // not one event with two effects
			return
		}
		m.A.Effects, m.B.Effects = onlyIn(a[n], b[n]), onlyIn(b[n], a[n])
		d.diff.First = m
		return
	}
}

// lookBack is the second run of one side, with its events up to the first hash that differs.
type lookBack struct {
	session *scenarios.Session
	ledger  *scenarios.Causes
	events  []differEvent
}

// newLookBack runs one side again up to an event. A message that leaves its machine after that event is no effect, because the runs
// differ by then. It returns nil if the run or its ledger fails.
func newLookBack(r *differRun, upTo uint64) *lookBack {
	l := &lookBack{}
	again := &differRun{Diffed: r.Diffed}
	again.Options.Heard = func(n scenarios.Note) { again.notes = append(again.notes, n) }
	again.Options.Each = again.event
	again.session = scenarios.New(again.Program, again.Options)
	l.session = again.session
	for uint64(len(again.events)) <= upTo {
		if more, err := again.session.Advance(1); err != nil || !more {
			break
		}
	}
	ledger, err := scenarios.CausesOf(again.session)
	if err != nil {
		again.session.Close()
		return nil
	}
	l.ledger, l.events = ledger, again.events
	return l
}

// effect is what one event changed or sent: a key that two runs have in common if the effects are equal, and words.
type effect struct{ key, text string }

// effects returns the effects of each event up to a number, in their order.
func (l *lookBack) effects(upTo uint64) map[uint64][]effect {
	all := map[uint64][]effect{}
	add := func(event uint64, key, text string) {
		if event <= upTo {
			all[event] = append(all[event], effect{key, text})
		}
	}
	names := l.session.Names()
	for i := range l.ledger.Changes {
		c := &l.ledger.Changes[i]
		var texts []string
		switch c.Kind {
		case check.ReplicaChanged:
			texts = replicaInWords(c, names)
		case check.BatchAppended:
			texts = []string{fmt.Sprintf("appends [%d,%d) to %s", c.Batch.Base, c.Batch.Next, c.Partition.TP)}
		case check.VoterChanged:
			if was := &c.Rule; c.Quorum.HW != was.HW {
				texts = append(texts, fmt.Sprintf("moves its high watermark of the metadata log from %d to %d", was.HW, c.Quorum.HW))
			}
		case check.BatchesRemoved:
			texts = []string{fmt.Sprintf("removes the end of its log of %s, from %d on", c.Partition.TP, c.Removed[0].Base)}
		}
		for _, text := range texts {
			add(c.Event, fmt.Sprint(c.Node, " ", text), text)
		}
	}
	for i := range l.ledger.Messages {
		m := &l.ledger.Messages[i]
		add(m.Sent, fmt.Sprint(m.To, apiName(m), m.SentAt, string(bytesOf(m))), "sends the "+apiName(m)+" to "+m.To)
	}
	return all
}

// bytesOf returns the body of a message.
func bytesOf(m *scenarios.CausedMessage) []byte {
	if r, ok := m.Request.(kmsg.Request); ok {
		return r.AppendTo(nil)
	}
	if r, ok := m.Response.(kmsg.Response); ok {
		return r.AppendTo(nil)
	}
	return nil
}

// replicaInWords returns what a change of a replica's state changed, in words.
func replicaInWords(c *scenarios.CausedChange, names scenarios.Names) (all []string) {
	now, was, tp := &c.State, &c.Before, c.Partition.TP
	say := func(differs bool, format string, args ...any) {
		if differs {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(now.HW != was.HW, "moves its high watermark of %s from %d to %d", tp, was.HW, now.HW)
	say(now.Start != was.Start, "moves its log start of %s from %d to %d", tp, was.Start, now.Start)
	began := now.Epoch != was.Epoch || now.Leads != was.Leads
	say(began && now.Leads, "leads %s in epoch %d", tp, now.Epoch)
	say(began && !now.Leads, "follows in epoch %d of %s", now.Epoch, tp)
	proposed := !slices.Equal(now.Pending, was.Pending)
	say(proposed && now.Pending != nil, "proposes the ISR %s of %s", inWords(nodesOf(now.Pending, names)), tp)
	say(proposed && now.Pending == nil, "has no proposed ISR of %s any more", tp)
	say(!slices.Equal(now.ISR, was.ISR) && now.ISR != nil, "learns of the ISR %s of %s", inWords(nodesOf(now.ISR, names)), tp)
	say(now.PartitionEpoch != was.PartitionEpoch, "learns of partition epoch %d of %s", now.PartitionEpoch, tp)
	return all
}

// nodesOf returns the addresses of nodes.
func nodesOf(ids []wire.NodeID, names scenarios.Names) (all []string) {
	for _, id := range ids {
		all = append(all, names.Node(id))
	}
	return all
}

// onlyIn returns the effects that are in one list and not in the other, in words.
func onlyIn(of, other []effect) []string {
	all := []string{}
	for _, e := range of {
		if !slices.ContainsFunc(other, func(o effect) bool { return o.key == e.key }) && !slices.Contains(all, e.text) {
			all = append(all, e.text)
		}
	}
	return all
}
