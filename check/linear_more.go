package check

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"samsa/wire"
)

// The names of topics (P7), one name at a time. The state is the id of the topic that has the name: "" none, "?" one
// whose id nobody was told.
const untold = "?"

var topicModel = porcupine.Model{ //immutable: functions of their arguments
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		s, op := state.(string), input.(Op)
		switch {
		case op.Kind == Describe:
			return op.Value == s || s == untold && op.Value != "", op.Value
		case op.Outcome == Failed:
			return true, s
		case op.Outcome != OK: // it may or may not have happened, and where it could not it did not
			if op.Kind == Delete {
				return true, ""
			}
			if s == "" {
				return true, untold
			}
			return true, s
		case op.Kind == Create:
			return s == "", op.Value
		}
		return s != "", "" // Delete
	},
	Hash: func(state any) uint64 { return hashOf(state.(string)) },
}

var metadataLinearizable = &Check{
	Name: "metadata-linearizable", Numbers: "P7",
	Doc:   "topics are made, deleted and described as if by one controller, one request after the other",
	Judge: func(c *Case) Result { return judgeModel(c, topicModel, c.History, Create, Delete, Describe) },
	Accept: func(v *View) *Case {
		return told(v, named(Create, "t", "1"), named(Describe, "t", "1"), named(Delete, "t", ""), named(Describe, "t", ""), named(Create, "t", "2"))
	},
	Reject: func(v *View) *Case { return told(v, named(Create, "t", "1"), named(Create, "t", "2")) },
}

// The registration of brokers (P12), one broker id at a time.
type seat struct {
	incarnation string
	epoch       int64 // -2: granted, and nobody was told which
}

var seatModel = porcupine.Model{ //immutable: functions of their arguments
	Init: func() any { return seat{epoch: -1} },
	Step: func(state, input, _ any) (bool, any) {
		s, op := state.(seat), input.(Op)
		mine := op.Value == s.incarnation
		switch {
		case op.Kind == Register && op.Outcome == OK && mine:
			return op.Number == s.epoch || s.epoch == -2, seat{op.Value, op.Number}
		case op.Kind == Register && op.Outcome == OK:
			return op.Number > s.epoch, seat{op.Value, op.Number}
		case op.Kind == Register && op.Outcome == Failed:
			return true, s // somebody else's session lives, or no controller leads: which, its session table knows alone
		case op.Kind == Register && mine:
			return true, s
		case op.Kind == Register:
			return true, seat{op.Value, -2}
		case op.Outcome == OK:
			return op.Number == s.epoch || s.epoch == -2, s
		}
		return true, s
	},
	Hash: func(state any) uint64 {
		s := state.(seat)
		return hashOf(s.incarnation) ^ uint64(s.epoch)*0x9e3779b97f4a7c15
	},
}

var registrationLinearizable = &Check{
	Name: "registration-linearizable", Numbers: "P12",
	Doc:   "brokers are registered and heard as if by one controller: a heartbeat counts only with the newest broker epoch",
	Judge: func(c *Case) Result { return judgeModel(c, seatModel, c.View.resolved(c.History), Register, Beat) },
	Accept: func(v *View) *Case {
		late := seated(Beat, "1", 5, Failed) // it is told that it is stale, and that is always right
		return told(v, seated(Register, "1", 5, OK), seated(Beat, "1", 5, OK), seated(Register, "2", 9, OK), late, seated(Beat, "2", 9, OK))
	},
	Reject: func(v *View) *Case {
		return told(v, seated(Register, "1", 5, OK), seated(Register, "2", 9, OK), seated(Beat, "1", 5, OK))
	},
}

// resolved is a history without registrations of unknown outcome: each that happened is in the metadata log, whoever was
// told of it, and the others did not happen. So a request that arrives when its process is dead, and seats an incarnation
// that is gone, is an operation like any other, and nothing is left to guess.
func (v *View) resolved(history []Op) []Op {
	if v == nil || len(v.image.seats) == 0 {
		return history
	}
	known := make([]Op, 0, len(history))
	told := map[seating]bool{}
	asked := map[string]Op{} // by incarnation: whose request was the first
	for _, op := range history {
		if op.Kind == Register {
			if was, ok := asked[op.Value]; !ok || op.Call < was.Call {
				asked[op.Value] = op
			}
			if op.Outcome == OK {
				told[seating{epoch: wire.BrokerEpoch(op.Number), incarnation: uuid(op.Value)}] = true
			}
		}
		if op.Kind != Register || op.Outcome == OK || op.Outcome == Failed {
			known = append(known, op)
		}
	}
	for _, s := range v.image.seats {
		op, ok := asked[string(s.incarnation[:])]
		if !ok || told[seating{epoch: s.epoch, incarnation: s.incarnation}] {
			continue
		}
		op.Outcome, op.Number, op.Return = OK, int64(s.epoch), forever-1 // it ends, nobody knows when
		known = append(known, op)
	}
	return known
}

func uuid(s string) (u wire.UUID) {
	copy(u[:], s)
	return u
}

// judgeModel runs a model on the operations of some kinds in a history, one name at a time. Only what goes through the
// controller counts: a broker's own view may be old.
func judgeModel(c *Case, model porcupine.Model, history []Op, kinds ...Kind) Result {
	s := said{c: c}
	var names []string
	byName := map[string][]porcupine.Operation{}
	last := map[string]Op{}
	rooms := map[string]int{} // how often a name can have been free: more creations of unknown outcome explain nothing more
	for _, op := range history {
		if rooms[op.Partition.Topic] == 0 {
			rooms[op.Partition.Topic] = 1
		}
		if op.Kind == Delete {
			rooms[op.Partition.Topic]++
		}
	}
	for _, op := range history {
		if !slices.Contains(kinds, op.Kind) || op.Kind == Describe && op.From != "controller" || op.Call == 0 {
			continue
		}
		name := op.Partition.Topic
		if op.Kind == Create && op.Outcome != OK && op.Outcome != Failed {
			if rooms[name]--; rooms[name] < 0 {
				continue
			}
		}
		if byName[name] == nil {
			names = append(names, name)
		}
		returned := int64(op.Return)
		if op.Outcome == Indefinite || op.Outcome == NeverDecided || returned == 0 {
			returned = forever
		}
		byName[name] = append(byName[name], porcupine.Operation{Input: op, Call: int64(op.Call), Return: returned})
		last[name] = op
	}
	for _, name := range names {
		s.seen += int64(len(byName[name]))
		switch search(model, byName[name], func(state any, _ []porcupine.Operation) any { return state }) {
		case Violated:
			s.decide(last[name], "controller", -1, "", "no order of the "+itoa(len(byName[name]))+" requests about "+name+" explains the controllers' answers")
		case Unknown:
			if s.result == nil {
				s.result = &Result{Status: Unknown, Explanation: "too many requests about " + name + " overlap to search all orders"}
			}
		}
	}
	return s.answer("request", "requests, in an order that one controller could have had")
}

// named is an operation on a topic, through the controller.
func named(kind Kind, topic, id string) Op {
	op := Op{Client: "op", Kind: kind, Value: id, From: "controller"}
	op.Partition.Topic = topic
	return op
}

// seated is an operation of broker 1.
func seated(kind Kind, incarnation string, epoch int64, o Outcome) Op {
	op := Op{Client: "b1", Kind: kind, Value: incarnation, Number: epoch, Outcome: o}
	op.Partition.Topic = "broker 1"
	return op
}
