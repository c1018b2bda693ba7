package check

import (
	"cmp"
	"slices"

	"samsa/wire"
)

// The log of a partition orders its records by construction: an order of all operations exists if and only if each append
// takes effect after the appends at lower offsets, and each fetch takes effect after the appends of all records up to the
// last one that it returned. So no search is needed, and the number of operations has no limit.
//
//	append at 5   ├───────────────┤
//	append at 6        ├────┤               began before the append at 5 had to be done: fine
//	append at 7                        ├──┤
//	append at 4                           ├──┤ began after the append at 6 was done: violated
//
// An operation takes effect between its call and the event at which its offset became known.

var logLinearizable = &Check{
	Name: "log-linearizable", Numbers: "P1",
	Doc: "sends and reads of a partition are linearizable: one order of them explains all responses",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		for _, l := range c.logs() {
			appends, fetches := l.appends(c), l.fetches()
			if len(appends)+len(fetches) < 2 {
				continue
			}
			s.seen += int64(len(appends) + len(fetches))
			if op, at, words := contradiction(appends, fetches); op != nil {
				s.decide(op, l.fact(ByLeader, at, wayOfLoss(c.View, l.place, at)), c.View.gone(l.place, 0), "no order of the operations on "+l.String()+" explains "+words)
			}
		}
		return s.answer("operation", "operations, in an order that one log could have had")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1), sent("p1", "c", 3), polled("c1", "c", 3))
	},
	Reject: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), sent("p1", "b", 1), sent("p2", "c", 1)) },
}

// contradiction looks for an operation that contradicts another one. It returns that operation, its offset and a
// description, or nil if there is none.
func contradiction(appends []placed, fetches []*Consume) (op Op, at wire.Offset, words string) {
	name := func(a *placed) string { return a.Client + "'s " + quote(a.Value) + " at offset " + itoa(a.at) }
	least := -1 // of the appends at higher offsets, the one that was done first
	for i := len(appends) - 1; i >= 0; i-- {
		a := &appends[i]
		switch {
		case i > 0 && appends[i-1].at == a.at:
			return a.Produce, a.at, name(a) + ": " + name(&appends[i-1]) + " is known to be stored there too"
		case least >= 0 && a.Called > appends[least].by:
			return a.Produce, a.at, name(a) + ": it was sent after " + name(&appends[least]) + " was known to be stored"
		}
		if least < 0 || a.by < appends[least].by {
			least = i
		}
	}
	latest := -1 // of the appends up to an offset, the one that was called last
	next := 0
	for _, r := range fetches {
		for ; next < len(appends) && appends[next].at <= r.Offset; next++ {
			if latest < 0 || appends[next].Called > appends[latest].Called {
				latest = next
			}
		}
		if latest >= 0 && appends[latest].Called > r.Returned {
			a := &appends[latest]
			return r, a.at, name(a) + ": " + r.Client + " had read offset " + itoa(r.Offset) + " before it was sent"
		}
	}
	return nil, 0, ""
}

// logHistory holds the operations of one partition.
type logHistory struct {
	place
	sends []*Produce
	reads []*Consume
}

// logs returns the histories of the partitions, in the order of first use.
func (c *Case) logs() []*logHistory {
	var all []*logHistory
	known := map[place]*logHistory{}
	at := func(p place) *logHistory {
		if known[p] == nil {
			known[p] = &logHistory{place: p}
			all = append(all, known[p])
		}
		return known[p]
	}
	for _, op := range c.History {
		switch op := op.(type) {
		case *Produce:
			l := at(c.written(op))
			l.sends = append(l.sends, op)
		case *Consume:
			if op.Kind == RecordRead {
				l := at(c.read(op))
				l.reads = append(l.reads, op)
			}
		}
	}
	return all
}

// fetches returns the last record of each fetch that was answered, in the order of their offsets.
func (l *logHistory) fetches() (all []*Consume) {
	last := map[uint64]int{} // by call
	for _, op := range l.reads {
		if op.Called == 0 {
			continue
		}
		if i, again := last[op.Called]; !again {
			last[op.Called] = len(all)
			all = append(all, op)
		} else if op.Offset > all[i].Offset {
			all[i] = op
		}
	}
	slices.SortStableFunc(all, func(a, b *Consume) int { return cmp.Compare(a.Offset, b.Offset) })
	return all
}

// appends returns the sends that took effect, in the order of their offsets. A send that was acknowledged under acks=all
// took effect before its response. Any other send took effect if a reader found its record, and did so before that read
// returned. If no reader found it, it is left out, because it may be lost.
func (l *logHistory) appends(c *Case) (all []placed) {
	seen := map[spot]*Consume{} // the read of each record that returned first
	for _, op := range l.reads {
		k, _, _ := c.found(op)
		if was := seen[k]; was == nil || op.Returned < was.Returned {
			seen[k] = op
		}
	}
	for _, op := range l.sends {
		if op.Called == 0 || op.Outcome == Failed {
			continue
		}
		if found := seen[c.spot(op)]; op.Outcome == OK && op.Acks == -1 {
			all = append(all, placed{op, op.Offset, op.Returned})
		} else if found != nil {
			all = append(all, placed{op, found.Offset, found.Returned})
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	return all
}

// placed is a send with its offset, and the event at which the offset became known: the response to the send, or the read
// that found the record.
type placed struct {
	*Produce
	at wire.Offset
	by uint64
}
