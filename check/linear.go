package check

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// forever is the return time of an operation that never returned.
const forever = math.MaxInt64

// model is a sequential object, which handles one request at a time. The controllers' answers must be answers that such
// an object could have given.
type model[S comparable] struct {
	first S
	// step returns the state after an operation, and whether the object could have answered so.
	step func(s S, op Op) (S, bool)
	// class returns the same text for operations of unknown outcome that have the same effect, and "" for others. The
	// order of such operations makes no difference, so the search tries only one.
	class func(op Op) string
}

// timed is an operation that took effect between its call and its return, or never if its return is forever.
type timed struct {
	op        Op
	call, ret int64
}

const (
	openOps    = 64      // operations that may be open at once
	searchStep = 200_000 // steps of a search, besides stepsPerOp
	stepsPerOp = 400     // steps of a search for each operation
)

// search reports whether one order of all operations explains their outcomes: Held, Violated, or Unknown if there are too
// many orders.
//
// It goes through the calls and returns in the order of time and keeps every state in which the object can be, with the open
// operations that have taken effect in it. An operation takes effect at the latest when it returns (just-in-time
// linearization). Where no operation is open, only states remain, so the length of a history makes no difference.
func search[S comparable](m model[S], ops []timed) Status {
	type point struct {
		at      int64
		returns bool
		op      int
	}
	var points []point
	for i, o := range ops {
		if points = append(points, point{o.call, false, i}); o.ret != forever {
			points = append(points, point{o.ret, true, i})
		}
	}
	slices.SortFunc(points, func(a, b point) int { //total: an operation has one call and one return
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(btoi(a.returns), btoi(b.returns)), cmp.Compare(a.op, b.op))
	})
	s := searching[S]{model: m, slots: make([]Op, openOps), steps: searchStep + stepsPerOp*len(ops), configs: []config[S]{{state: m.first}}}
	slot := make([]int, len(ops))
	for _, p := range points {
		if !p.returns {
			if slot[p.op] = bits.TrailingZeros64(^s.open); slot[p.op] == openOps {
				return Unknown
			}
			s.open |= 1 << slot[p.op]
			s.slots[slot[p.op]] = ops[p.op].op
			continue
		}
		s.settle(slot[p.op])
		switch {
		case s.steps < 0:
			return Unknown
		case len(s.configs) == 0:
			return Violated
		}
	}
	return Held
}

// config is a state of the object, with the set of open operations that have taken effect.
type config[S comparable] struct {
	state S
	done  uint64 // by slot
}

// searching is the state of a search.
type searching[S comparable] struct {
	model   model[S]
	open    uint64 // the slots in use
	slots   []Op
	configs []config[S] // without duplicates
	steps   int         // left
}

// settle lets the operation in a slot take effect in every configuration, perhaps after other open operations, and frees the
// slot.
func (s *searching[S]) settle(slot int) {
	var settled []config[S]
	seen := make(map[config[S]]bool, len(s.configs))
	add := func(to []config[S], c config[S]) []config[S] {
		if !seen[c] {
			seen[c] = true
			to = append(to, c)
		}
		return to
	}
	var left []config[S]
	for _, c := range s.configs {
		left = add(left, c)
	}
	for len(left) > 0 && s.steps >= 0 {
		c := left[len(left)-1]
		left = left[:len(left)-1]
		if c.done&(1<<slot) != 0 {
			c.done &^= 1 << slot
			settled = append(settled, c)
			continue
		}
		tried := map[string]bool{}
		for rest := s.open &^ c.done; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			class := s.model.class(s.slots[i])
			if class != "" && tried[class] {
				continue
			}
			tried[class] = true
			s.steps--
			if next, ok := s.model.step(c.state, s.slots[i]); ok {
				left = add(left, config[S]{next, c.done | 1<<i})
			}
		}
	}
	s.configs = settled
	s.open &^= 1 << slot
	s.slots[slot] = nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// subjectOp is an operation with its subject: one model runs for each subject.
type subjectOp struct {
	subject string
	op      Op
}

// judgeModel runs a model on operations, one subject at a time. A subject with too many orders is left out, and the result
// says so; other checks judge what its requests did.
func judgeModel[S comparable](c *Case, m model[S], kind SubjectKind, all []subjectOp) Result {
	s := historyTally{c: c}
	var subjects, skipped []string
	ops := map[string][]timed{}
	last := map[string]Op{}
	for _, o := range all {
		h := o.op.Common()
		if h.Called == 0 {
			continue
		}
		if s.seen++; h.Outcome == Failed {
			continue // it changed nothing, so it fits anywhere
		}
		if ops[o.subject] == nil {
			subjects = append(subjects, o.subject)
		}
		returned := int64(h.Returned)
		if h.Outcome == Indefinite || h.Outcome == NeverDecided || returned == 0 {
			returned = forever
		}
		ops[o.subject] = append(ops[o.subject], timed{o.op, int64(h.Called), returned})
		last[o.subject] = o.op
	}
	for _, of := range subjects {
		switch search(m, ops[of]) {
		case Violated:
			s.decide(last[of], factOf(kind, of, ByController, ""), "", "no order of the "+itoa(len(ops[of]))+" requests about "+of+" explains the controllers' answers")
		case Unknown:
			skipped = append(skipped, of)
		}
	}
	r := s.answer("request", "requests, in an order that one controller could have had")
	if len(skipped) > 0 && r.Status != Violated {
		r.Status = Unknown
		r.Explanation = "skipped for " + strings.Join(skipped, ", ") + ": too many requests overlap to search all orders"
	}
	return r
}
