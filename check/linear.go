package check

import (
	"cmp"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
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

// hashOf returns the FNV-1a hash of a string.
func hashOf(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
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
