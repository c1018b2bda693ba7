package check

import (
	"github.com/anishathalye/porcupine"

	"samsa/wire"
)

// The names of topics (P7), one name at a time. The state says which topic has the name.
type nameState struct {
	taken bool
	id    wire.TopicID // zero: no client was told the id
}

var topicModel = porcupine.Model{ //immutable: functions of their arguments
	Init: func() any { return nameState{} },
	Step: func(state, input, _ any) (bool, any) {
		s, none := state.(nameState), wire.TopicID{}
		switch op := input.(type) {
		case *DescribeTopic:
			if op.Topic == none {
				return !s.taken, nameState{}
			}
			return s.taken && (s.id == op.Topic || s.id == none), nameState{true, op.Topic}
		case *CreateTopic:
			switch {
			case op.Outcome == Failed:
				return true, s
			case op.Outcome == OK:
				return !s.taken, nameState{true, op.ID}
			case s.taken: // it may or may not have happened, and where it could not it did not
				return true, s
			}
			return true, nameState{taken: true}
		case *DeleteTopic:
			switch op.Outcome {
			case Failed:
				return true, s
			case OK:
				return s.taken, nameState{}
			}
			return true, nameState{}
		}
		return false, s
	},
	Hash: func(state any) uint64 {
		s := state.(nameState)
		return hashOf(string(s.id[:])) + uint64(map[bool]int{true: 1}[s.taken])
	},
}

var metadataLinearizable = &Check{
	Name: "metadata-linearizable", Numbers: "P7",
	Doc: "topics are made, deleted and described as if by one controller, one request after the other",
	Judge: func(c *Case) Result {
		var ops []subjectOp
		rooms := map[string]int{} // how often a name can have been free: more creations of unknown outcome explain nothing more
		for op := range of[*DeleteTopic](c.History) {
			rooms[op.Name]++
		}
		for _, op := range c.History {
			switch op := op.(type) {
			case *DescribeTopic:
				if op.Controller {
					ops = append(ops, subjectOp{op.Partition.Topic, op})
				}
			case *DeleteTopic:
				ops = append(ops, subjectOp{op.Name, op})
			case *CreateTopic:
				if open := op.Outcome != OK && op.Outcome != Failed; !open || rooms[op.Name] >= 0 {
					ops = append(ops, subjectOp{op.Name, op})
					if open {
						rooms[op.Name]--
					}
				}
			}
		}
		return judgeModel(c, topicModel, ATopic, ops)
	},
	Accept: func(v *View) *Case {
		return told(v, created("t", 1), describedBy("t", 1), removed("t"), describedBy("t", 0), created("t", 2))
	},
	Reject: func(v *View) *Case { return told(v, created("t", 1), created("t", 2)) },
}

// The registration of brokers (P12), one broker id at a time.
type seat struct {
	incarnation wire.UUID
	epoch       wire.BrokerEpoch // -2: granted, and the response was lost
}

var seatModel = porcupine.Model{ //immutable: functions of their arguments
	Init: func() any { return seat{epoch: -1} },
	Step: func(state, input, _ any) (bool, any) {
		s := state.(seat)
		switch op := input.(type) {
		case *RegisterBroker:
			mine := op.Incarnation == s.incarnation
			switch {
			case op.Outcome == OK && mine:
				return op.Epoch == s.epoch || s.epoch == -2, seat{op.Incarnation, op.Epoch}
			case op.Outcome == OK:
				return op.Epoch > s.epoch, seat{op.Incarnation, op.Epoch}
			case op.Outcome == Failed || mine:
				return true, s // another session lives, or no controller leads: only its session table knows which
			}
			return true, seat{op.Incarnation, -2}
		case *Heartbeat:
			return op.Outcome != OK || op.Epoch == s.epoch || s.epoch == -2, s
		}
		return false, s
	},
	Hash: func(state any) uint64 {
		s := state.(seat)
		return hashOf(string(s.incarnation[:])) ^ uint64(s.epoch)*0x9e3779b97f4a7c15
	},
}

var registrationLinearizable = &Check{
	Name: "registration-linearizable", Numbers: "P12",
	Doc: "brokers are registered and heard as if by one controller: a heartbeat counts only with the newest broker epoch",
	Judge: func(c *Case) Result {
		var ops []subjectOp
		for _, op := range c.View.resolved(c.History) {
			switch op := op.(type) {
			case *RegisterBroker:
				ops = append(ops, subjectOp{"broker " + itoa(op.Broker), op})
			case *Heartbeat:
				ops = append(ops, subjectOp{"broker " + itoa(op.Broker), op})
			}
		}
		return judgeModel(c, seatModel, ABroker, ops)
	},
	Accept: func(v *View) *Case {
		stale := beaten(5) // the controller answers that the epoch is stale, and that is always right
		stale.Outcome = Failed
		return told(v, seated(1, 5, OK), beaten(5), seated(2, 9, OK), stale, beaten(9))
	},
	Reject: func(v *View) *Case { return told(v, seated(1, 5, OK), seated(2, 9, OK), beaten(5)) },
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
	asked := map[wire.UUID]*RegisterBroker{} // by incarnation: the request that came first
	for _, op := range history {
		op, ok := op.(*RegisterBroker)
		if !ok {
			continue
		}
		if was := asked[op.Incarnation]; was == nil || op.Called < was.Called {
			asked[op.Incarnation] = op
		}
		if op.Outcome == OK {
			told[seating{epoch: op.Epoch, incarnation: op.Incarnation}] = true
		}
	}
	for _, op := range history {
		if r, ok := op.(*RegisterBroker); !ok || r.Outcome == OK || r.Outcome == Failed {
			known = append(known, op)
		}
	}
	for _, s := range v.image.seats {
		first := asked[s.incarnation]
		if first == nil || told[seating{epoch: s.epoch, incarnation: s.incarnation}] {
			continue
		}
		op := *first
		op.Outcome, op.Epoch, op.Returned = OK, s.epoch, forever-1 // it ends, but when is not known
		known = append(known, &op)
	}
	return known
}

// subjectOp is an operation with what it is about: one model runs for each subject.
type subjectOp struct {
	subject string
	op      Op
}

// judgeModel runs a model on operations, one subject at a time. Only what goes through the controller counts: a broker's own
// image may be old.
func judgeModel(c *Case, model porcupine.Model, kind SubjectKind, all []subjectOp) Result {
	s := said{c: c}
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

// created, removed and describedBy are requests about a topic, answered by a controller.
func created(topic string, id byte) *CreateTopic {
	return &CreateTopic{Head: Head{Client: "op"}, Name: topic, ID: wire.TopicID{id}}
}

func removed(topic string) *DeleteTopic {
	return &DeleteTopic{Head: Head{Client: "op"}, Name: topic}
}

func describedBy(topic string, id byte) *DescribeTopic {
	return &DescribeTopic{Head: Head{Client: "op"}, Controller: true, Partition: wire.TopicPartition{Topic: topic}, Topic: wire.TopicID{id}}
}

// seated is a registration of broker 1, beaten its heartbeat.
func seated(incarnation byte, epoch wire.BrokerEpoch, o Outcome) *RegisterBroker {
	return &RegisterBroker{Head: Head{Client: "b1", Outcome: o}, Broker: 1, Incarnation: wire.UUID{incarnation}, Epoch: epoch}
}

func beaten(epoch wire.BrokerEpoch) *Heartbeat {
	return &Heartbeat{Head: Head{Client: "b1"}, Broker: 1, Epoch: epoch}
}
