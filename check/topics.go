package check

import (
	"iter"
	"slices"

	"samsa/wire"
)

// A topic that was deleted and created again is a different topic. Its offsets begin at 0, and the records of the deleted
// topic do not count as lost. So the checks of histories keep their state by place. A place is a partition, with a number
// for each deleted topic of the same name.

// place is a partition of one of the topics that have had the same name.
type place struct {
	wire.TopicPartition
	id      wire.TopicID // zero if no client knew an id of that name
	deleted int          // 0 for the newest topic of that name that clients used, n for the n-th deleted topic
}

// String returns the place as findings name it.
func (p place) String() string {
	if p.deleted == 0 {
		return p.TopicPartition.String()
	}
	return p.TopicPartition.String() + " of deleted topic " + itoa(p.deleted)
}

// place returns the place of a partition, by the topic id that a client used. Without an id, it returns the place in the
// newest topic.
func (c *Case) place(tp wire.TopicPartition, id wire.TopicID) place {
	all := c.topicsNamed(tp.Topic)
	if len(all) == 0 {
		return place{TopicPartition: tp}
	}
	last := len(all) - 1
	if n := slices.Index(all, id); n >= 0 && n < last {
		return place{tp, id, n + 1}
	}
	return place{tp, all[last], 0}
}

// topicsNamed returns the topic ids that clients used under a name, in the order of first use.
func (c *Case) topicsNamed(name string) []wire.TopicID {
	if c.topics == nil {
		c.topics = map[string][]wire.TopicID{}
		for _, op := range c.History {
			var tp wire.TopicPartition
			var id wire.TopicID
			switch op := op.(type) {
			case *Produce:
				tp, id = op.Partition, op.Topic
			case *Consume:
				tp, id = op.Partition, op.Topic
			case *ListOffsets:
				tp, id = op.Partition, op.Topic
			}
			if all := c.topics[tp.Topic]; id != (wire.TopicID{}) && !slices.Contains(all, id) {
				c.topics[tp.Topic] = append(all, id)
			}
		}
	}
	return c.topics[name]
}

// partitionsOf returns the partitions of a View that a place stands for: the one with its topic id or, if no client knew an id, all
// partitions of that name.
func partitionsOf(v *View, p place) iter.Seq[*Partition] {
	return func(yield func(*Partition) bool) {
		if v == nil {
			return
		}
		if p.id != (wire.TopicID{}) {
			if q, ok := v.Find(p.id, p.Partition); ok {
				yield(q)
			}
			return
		}
		for _, q := range v.parts {
			if q.TP == p.TopicPartition && !yield(q) {
				return
			}
		}
	}
}

// written returns the place of a send; read returns the place of a consumer's step.
func (c *Case) written(op *Produce) place { return c.place(op.Partition, op.Topic) }

func (c *Case) read(op *Consume) place { return c.place(op.Partition, op.Topic) }

var topicsApart = &Check{
	Name: "topics-apart", Numbers: "H34",
	Doc: "no record of a deleted topic is read from a later topic of the same name",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		none := wire.TopicID{}
		type sent struct { // in any topic of the name
			tp     wire.TopicPartition
			record RecordID
			value  string // if the record is not known
		}
		born := map[sent][]*Produce{}
		for op := range of[*Produce](c.History) {
			byRecord, byValue := sent{tp: op.Partition, record: op.Record()}, sent{tp: op.Partition, value: op.Value}
			born[byRecord], born[byValue] = append(born[byRecord], op), append(born[byValue], op)
		}
		for op := range reads(c.History) {
			k := sent{tp: op.Partition, record: op.Record}
			if op.Record == (RecordID{}) {
				k.value = op.Value
			}
			sends := born[k]
			if len(sends) == 0 || op.Topic == none {
				continue
			}
			s.seen++
			// The attempts of a send may have gone to several topics of the name. The history has one operation for each topic.
			if !slices.ContainsFunc(sends, func(send *Produce) bool { return send.Topic == op.Topic || send.Topic == none }) {
				s.decide(op, place{TopicPartition: op.Partition}.fact(ByLeader, op.Offset, ""), "", op.Client+" read "+quote(op.Value)+" from "+op.Partition.String()+
					"; it was sent to another topic of that name")
			}
		}
		return s.answer("record from its own topic", "records from their own topics")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, writes(1, sent("p1", "a", 0)), reading(1, polled("c1", "a", 0)))
	},
	Reject: func(v *View) *Case {
		return historyCase(v, writes(1, sent("p1", "a", 0)), reading(2, polled("c1", "a", 0)))
	},
}

// nameState models one topic name (P7).
type nameState struct {
	taken bool
	id    wire.TopicID // zero: no client knows the id
}

var topicModel = model[nameState]{ //immutable: functions of their arguments
	step: func(s nameState, op Op) (nameState, bool) {
		none := wire.TopicID{}
		switch op := op.(type) {
		case *DescribeTopic:
			if op.Topic == none {
				return nameState{}, !s.taken
			}
			return nameState{true, op.Topic}, s.taken && (s.id == op.Topic || s.id == none)
		case *CreateTopic:
			switch {
			case op.Outcome == Failed:
				return s, true
			case op.Outcome == OK:
				return nameState{true, op.ID}, !s.taken
			case s.taken: // the outcome is unknown, but a creation has no effect while the name is taken
				return s, true
			}
			return nameState{taken: true}, true
		case *DeleteTopic:
			switch op.Outcome {
			case Failed:
				return s, true
			case OK:
				return nameState{}, s.taken
			}
			return nameState{}, true
		}
		return s, false
	},
	class: func(op Op) string {
		if o := op.Common().Outcome; o != Indefinite && o != NeverDecided {
			return ""
		}
		switch op.(type) {
		case *CreateTopic:
			return "create"
		case *DeleteTopic:
			return "delete"
		}
		return ""
	},
}

var metadataLinearizable = &Check{
	Name: "metadata-linearizable", Numbers: "P7",
	Doc: "creations, deletions and descriptions of topics are linearizable",
	Judge: func(c *Case) Result {
		var ops []subjectOp
		for _, op := range c.History {
			switch op := op.(type) {
			case *DescribeTopic:
				if op.Controller {
					ops = append(ops, subjectOp{op.Partition.Topic, op})
				}
			case *DeleteTopic:
				ops = append(ops, subjectOp{op.Name, op})
			case *CreateTopic:
				ops = append(ops, subjectOp{op.Name, op})
			}
		}
		return judgeModel(c, topicModel, ATopic, ops)
	},
	Accept: func(v *View) *Case {
		return historyCase(v, created("t", 1), describedBy("t", 1), removed("t"), describedBy("t", 0), created("t", 2))
	},
	Reject: func(v *View) *Case { return historyCase(v, created("t", 1), created("t", 2)) },
}

// The functions created, removed and describedBy build the operation of a request that a controller has answered.
func created(topic string, id byte) *CreateTopic {
	return &CreateTopic{Head: Head{Client: "op"}, Name: topic, ID: wire.TopicID{id}}
}

func removed(topic string) *DeleteTopic {
	return &DeleteTopic{Head: Head{Client: "op"}, Name: topic}
}

func describedBy(topic string, id byte) *DescribeTopic {
	return &DescribeTopic{Head: Head{Client: "op"}, Controller: true, Partition: wire.TopicPartition{Topic: topic}, Topic: wire.TopicID{id}}
}
