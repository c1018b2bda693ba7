package check

import (
	"cmp"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"samsa/wire"
)

// linearChecks ask porcupine for an order of the operations, within their times, that one correct machine could have
// had. The search is cut off after a number of steps and never by a clock, so the same history has the same answer.
var linearChecks = []*Check{logLinearizable, metadataLinearizable, registrationLinearizable}

const (
	windowOps  = 10_000 // operations searched at once
	openOps    = 6      // of them without an end: with more a search need not end
	stepsPerOp = 400    // and this many steps for each
)

// forever is the return of an operation that never did.
const forever = math.MaxInt64

// search looks for an order window by window. Windows are cut where everything before has returned before anything
// behind is called. carry takes the state over a cut.
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

// The log of one partition (P1). Its state has constant size: how many records are in it, and a hash of them. Offsets
// count by rank: some stay empty for ever (markers, and appends that nobody ever saw).
type logState struct {
	next int64
	hash uint64
}

// logOp appends the record of a rank, or has read all those below one.
type logOp struct {
	appends bool
	rank    int64
	value   uint64 // appends: of the record; reads: the hash of all records below, as every reader found them
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

// chain takes one more record into the hash of a log.
func chain(h, value uint64) uint64 {
	h = (h ^ value) * 0x100000001b3
	return h ^ h>>29
}

// hashOf is FNV-1a.
func hashOf(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

var logLinearizable = &Check{
	Name: "log-linearizable", Numbers: "P1",
	Doc: "sends and reads of a partition could have happened one after the other, each within its own time",
	Judge: func(c *Case) Result {
		s := said{c: c}
		for _, tp := range partitionsOf(c.History) {
			ops, early := logOps(c.History, tp)
			if len(ops) < 2 {
				continue
			}
			s.seen += int64(len(ops))
			clause := c.View.gone(tp, 0)
			if early != nil { // two operations that tell it in words
				s.decide(*early, "leader", early.Offset, clause, "no order of the operations on "+tp.String()+" explains "+early.Client+"'s "+quote(early.Value)+
					" at offset "+itoa(early.Offset)+": what returned before it began lies behind it, or it was read before it was sent")
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
				s.decide(Op{Partition: tp, Step: c.History[len(c.History)-1].Step}, "leader", -1, clause, "no order of the "+itoa(len(ops))+" operations on "+tp.String()+" explains what clients saw")
			case Unknown:
				if s.result == nil {
					s.result = &Result{Status: Unknown, Explanation: "too many operations on " + tp.String() + " overlap to search all orders"}
				}
			}
		}
		return s.answer("operation", "operations, in an order that one log could have had")
	},
	Accept: func(v *View) *Case {
		return told(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1), sent("p1", "c", 3), polled("c1", "c", 3))
	},
	Reject: func(v *View) *Case { return told(v, sent("p1", "a", 0), sent("p1", "b", 1), sent("p2", "c", 1)) },
}

func partitionsOf(history []Op) []wire.TopicPartition {
	var all []wire.TopicPartition
	known := map[wire.TopicPartition]bool{}
	for _, op := range history {
		if !known[op.Partition] && (op.Kind == Send || op.Kind == Poll) {
			known[op.Partition] = true
			all = append(all, op.Partition)
		}
	}
	return all
}

// logOps are a partition's operations for the model: acknowledged sends, unknown ones that somebody read (they happened,
// before that read was over), and reads. An unknown send that nobody read is dropped: it may leave an offset empty, and
// empty offsets are allowed. early is an operation that contradicts another by itself, found in one pass over the log.
func logOps(history []Op, tp wire.TopicPartition) (ops []porcupine.Operation, early *Op) {
	seen := map[string]*Op{} // the read of each value that returned first
	for i := range history {
		if op := &history[i]; op.Kind == Poll && op.Partition == tp {
			if was := seen[op.Value]; was == nil || op.Return < was.Return {
				seen[op.Value] = op
			}
		}
	}
	var appends []placed
	reads := map[uint64]*Op{} // by call: the last record of each answered fetch
	var calls []uint64
	for i := range history {
		switch op := &history[i]; {
		case op.Call == 0 || op.Partition != tp:
		case op.Kind == Poll:
			was := reads[op.Call]
			if was == nil {
				calls = append(calls, op.Call)
			}
			if was == nil || op.Offset > was.Offset {
				reads[op.Call] = op
			}
		case op.Kind == Send && op.Acks == -1 && op.Outcome != Failed:
			lies := op
			if op.Outcome != OK {
				if lies = seen[op.Value]; lies == nil {
					continue
				}
			}
			appends = append(appends, placed{op, lies.Offset, lies.Return})
		}
	}
	slices.SortStableFunc(appends, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	ops = make([]porcupine.Operation, 0, len(appends)+len(calls))
	prefix := make([]uint64, len(appends)+1)
	for i, a := range appends {
		prefix[i+1] = chain(prefix[i], hashOf(a.Value))
	}
	least := uint64(math.MaxUint64) // the first return among those that lie behind
	for i := len(appends) - 1; i >= 0; i-- {
		a := &appends[i]
		if a.Call > least || i > 0 && appends[i-1].at == a.at || readBefore(seen[a.Value], a.Call) {
			found := *a.Op
			found.Offset, found.Return = a.at, a.by
			early = &found
		}
		least = min(least, a.by)
		ops = append(ops, porcupine.Operation{
			Input: logOp{appends: true, rank: int64(i), value: hashOf(a.Value)}, Call: int64(a.Call), Return: int64(a.by),
		})
	}
	for _, call := range calls {
		op := reads[call]
		rank, _ := slices.BinarySearchFunc(appends, op.Offset+1, func(a placed, at wire.Offset) int { return cmp.Compare(a.at, at) })
		ops = append(ops, porcupine.Operation{Input: logOp{rank: int64(rank), value: prefix[rank]}, Call: int64(op.Call), Return: int64(op.Return)})
	}
	// A read may have seen a record that no acknowledged send accounts for: then the log was there by another's hand.
	known := map[string]bool{}
	for _, a := range appends {
		known[a.Value] = true
	}
	for value := range seen { //order: any of them will do
		if !known[value] {
			return nil, nil // sends of another kind (acks=0, acks=1, other clients) are among them: nothing to search
		}
	}
	return ops, early
}

// placed is a send with where it lies and by when it was known to: by its answer, or by the read that found it.
type placed struct {
	*Op
	at wire.Offset
	by uint64
}

// readBefore tells whether a read returned before a call.
func readBefore(read *Op, call uint64) bool {
	return read != nil && read.Return != 0 && read.Return < call
}
