package check

import (
	"cmp"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"samsa/wire"
)

const (
	windowOps  = 10_000 // operations searched at once
	openOps    = 6      // the highest number of operations that never returned; with more, a search may take too long
	stepsPerOp = 400    // steps of the search for each operation
)

// forever is the return time of an operation that never returned.
const forever = math.MaxInt64

// search looks for a sequential order, window by window. A window ends where all its operations returned before the next
// operation was called. carry computes the state at the start of the next window.
func search(model porcupine.Model, ops []porcupine.Operation, carry func(state any, window []porcupine.Operation) any) Status {
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	state := model.Init()
	for len(ops) > 0 {
		n, ends, open := 0, int64(math.MinInt64), 0
		for n < len(ops) && (n < windowOps || ops[n].Call <= ends) {
			if ops[n].Return == forever {
				open++
			}
			ends = max(ends, ops[n].Return)
			n++
		}
		if open > openOps || n > 2*windowOps {
			return Unknown
		}
		steps, step := 0, model.Step
		cut := model
		cut.Init = func() any { return state }
		cut.Step = func(s, in, out any) (bool, any) {
			if steps++; steps > stepsPerOp*n+10_000 {
				return false, s
			}
			return step(s, in, out)
		}
		if !porcupine.CheckOperations(cut, ops[:n]) {
			if steps > stepsPerOp*n+10_000 {
				return Unknown
			}
			return Violated
		}
		state = carry(state, ops[:n])
		ops = ops[n:]
	}
	return Held
}

// logState models the log of one partition (P1): the number of records in it, and a hash of them. Records are numbered by
// rank and not by offset, because some offsets have no record (control batches, and appends that no reader saw).
type logState struct {
	next int64
	hash uint64
}

// logOp appends the record of a rank, or reads all records below a rank.
type logOp struct {
	appends bool
	rank    int64
	value   uint64 // for an append, the hash of its record; for a read, the hash of all records below the rank
}

var logModel = porcupine.Model{ //immutable: functions of their arguments
	Init: func() any { return logState{} },
	Step: func(state, input, _ any) (bool, any) {
		s, op := state.(logState), input.(logOp)
		if op.appends {
			return op.rank == s.next, logState{s.next + 1, chain(s.hash, op.value)}
		}
		return op.rank < s.next || op.rank == s.next && op.value == s.hash, s
	},
	Hash: func(state any) uint64 {
		s := state.(logState)
		return s.hash ^ uint64(s.next)*0x9e3779b97f4a7c15
	},
}

// chain adds one record to the hash of a log.
func chain(h, value uint64) uint64 {
	h = (h ^ value) * 0x100000001b3
	return h ^ h>>29
}

// hashOf returns the FNV-1a hash of a string.
func hashOf(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

var logLinearizable = &Check{
	Name: "log-linearizable", Numbers: "P1",
	Doc: "sends and reads of a partition are linearizable: one order of them explains all responses",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		for _, log := range c.logs() {
			ops, early := log.ops()
			if len(ops) < 2 {
				continue
			}
			s.seen += int64(len(ops))
			clause := c.View.gone(log.TopicPartition, 0)
			if early != nil { // two operations contradict each other
				s.decide(early.Produce, log.fact(ByLeader, early.at, "two operations"), clause, "no order of the operations on "+log.String()+" explains "+early.Client+"'s "+quote(early.Value)+
					" at offset "+itoa(early.at)+": an operation that returned before this one began has a higher offset, or the record was read before it was sent")
				continue
			}
			switch search(logModel, ops, func(state any, window []porcupine.Operation) any {
				st := state.(logState)
				var appends []logOp
				for _, o := range window {
					if op := o.Input.(logOp); op.appends {
						appends = append(appends, op)
					}
				}
				slices.SortStableFunc(appends, func(a, b logOp) int { return cmp.Compare(a.rank, b.rank) })
				for _, op := range appends {
					st = logState{op.rank + 1, chain(st.hash, op.value)}
				}
				return st
			}) {
			case Violated:
				s.decide(c.History[len(c.History)-1], log.fact(ByLeader, -1, "many operations"), clause, "no order of the "+itoa(len(ops))+" operations on "+log.String()+" explains what clients saw")
			case Unknown:
				if s.result == nil {
					s.result = &Result{Status: Unknown, Explanation: "too many operations on " + log.String() + " overlap to search all orders"}
				}
			}
		}
		return s.answer("operation", "operations, in an order that one log could have had")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1), sent("p1", "c", 3), polled("c1", "c", 3))
	},
	Reject: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), sent("p1", "b", 1), sent("p2", "c", 1)) },
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

// ops returns a partition's operations for the model: acknowledged sends, sends of unknown outcome that a reader found
// (they took effect before that read returned), and reads. A send of unknown outcome that no reader found is dropped,
// because offsets without a record are allowed. The result early is an append that contradicts a single other operation,
// or nil if there is none. One pass over the log finds it.
func (l *logHistory) ops() (ops []porcupine.Operation, early *placed) {
	seen := map[string]*Consume{} // the read of each value that returned first
	for _, op := range l.reads {
		if was := seen[op.Value]; was == nil || op.Returned < was.Returned {
			seen[op.Value] = op
		}
	}
	appends := l.appends(seen)
	fetches := map[uint64]*Consume{} // by call: the last record of each answered fetch
	var calls []uint64
	for _, op := range l.reads {
		if op.Called == 0 {
			continue
		}
		was := fetches[op.Called]
		if was == nil {
			calls = append(calls, op.Called)
		}
		if was == nil || op.Offset > was.Offset {
			fetches[op.Called] = op
		}
	}
	ops = make([]porcupine.Operation, 0, len(appends)+len(calls))
	prefix := make([]uint64, len(appends)+1)
	known := map[string]bool{}
	for i, a := range appends {
		prefix[i+1] = chain(prefix[i], hashOf(a.Value))
		known[a.Value] = true
	}
	least := uint64(math.MaxUint64) // the earliest return of the appends at higher offsets
	for i := len(appends) - 1; i >= 0; i-- {
		a := &appends[i]
		if a.Called > least || i > 0 && appends[i-1].at == a.at || readBefore(seen[a.Value], a.Called) {
			early = a
		}
		least = min(least, a.by)
		ops = append(ops, porcupine.Operation{
			Input: logOp{appends: true, rank: int64(i), value: hashOf(a.Value)}, Call: int64(a.Called), Return: int64(a.by),
		})
	}
	for _, call := range calls {
		op := fetches[call]
		rank, _ := slices.BinarySearchFunc(appends, op.Offset+1, func(a placed, at wire.Offset) int { return cmp.Compare(a.at, at) })
		ops = append(ops, porcupine.Operation{Input: logOp{rank: int64(rank), value: prefix[rank]}, Call: int64(op.Called), Return: int64(op.Returned)})
	}
	// If a read returned a record of no known send, other clients wrote to the log too.
	for value := range seen { //order: any of them will do
		if !known[value] {
			return nil, nil // the model does not cover other sends (acks=0, acks=1, other clients)
		}
	}
	return ops, early
}

// appends returns the sends with acks=all that took effect, in the order of their offsets.
func (l *logHistory) appends(seen map[string]*Consume) []placed {
	var all []placed
	for _, op := range l.sends {
		if op.Called == 0 || op.Acks != -1 || op.Outcome == Failed {
			continue
		}
		if found := seen[op.Value]; op.Outcome == OK {
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

// readBefore reports whether a read returned before a call.
func readBefore(read *Consume, call uint64) bool {
	return read != nil && read.Returned != 0 && read.Returned < call
}

// subjectOp is an operation with its subject: one model runs for each subject.
type subjectOp struct {
	subject string
	op      Op
}

// judgeModel runs a model on operations, one subject at a time.
func judgeModel(c *Case, model porcupine.Model, kind SubjectKind, all []subjectOp) Result {
	s := historyTally{c: c}
	var subjects []string
	ops := map[string][]porcupine.Operation{}
	last := map[string]Op{}
	for _, o := range all {
		h := o.op.Common()
		if h.Called == 0 {
			continue
		}
		if ops[o.subject] == nil {
			subjects = append(subjects, o.subject)
		}
		returned := int64(h.Returned)
		if h.Outcome == Indefinite || h.Outcome == NeverDecided || returned == 0 {
			returned = forever
		}
		ops[o.subject] = append(ops[o.subject], porcupine.Operation{Input: o.op, Call: int64(h.Called), Return: returned})
		last[o.subject] = o.op
	}
	for _, of := range subjects {
		s.seen += int64(len(ops[of]))
		switch search(model, ops[of], func(state any, _ []porcupine.Operation) any { return state }) {
		case Violated:
			s.decide(last[of], factOf(kind, of, ByController, ""), "", "no order of the "+itoa(len(ops[of]))+" requests about "+of+" explains the controllers' answers")
		case Unknown:
			if s.result == nil {
				s.result = &Result{Status: Unknown, Explanation: "too many requests about " + of + " overlap to search all orders"}
			}
		}
	}
	return s.answer("request", "requests, in an order that one controller could have had")
}
