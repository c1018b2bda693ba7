package check

import (
	"slices"

	"samsa/wire"
)

var ackedWhereTold = &Check{
	Name: "acked-where-told", Numbers: "H21",
	Doc: "a record lies at the offset that its producer was told",
	Judge: func(c *Case) Result {
		s := said{c: c}
		where := map[spot][]Op{}
		reached := map[wire.TopicPartition]wire.Offset{} // the last offset that any reader has read
		for _, op := range c.History {
			if op.Kind == Poll {
				where[spot{op.Partition, op.Value}] = append(where[spot{op.Partition, op.Value}], op)
				reached[op.Partition] = max(reached[op.Partition], op.Offset)
			}
		}
		for _, op := range c.History {
			polls := where[spot{op.Partition, op.Value}]
			if op.Kind != Send || op.Outcome != OK || op.Acks == 0 || len(polls) == 0 || op.Offset > reached[op.Partition] {
				continue // a retry may have left another copy below
			}
			s.seen++
			if !slices.ContainsFunc(polls, func(p Op) bool { return p.Offset == op.Offset }) {
				clause := s.licensed(op.Partition, op.Offset)
				if clause == "" && op.Acks == 1 {
					clause = asksForLess
				}
				if clause == "" && !op.Idempotent { // the copy that was acknowledged may be gone before anybody read it
					clause = c.View.deletedAt(op.Partition, op.Offset)
				}
				s.decide(polls[0], "leader", op.Offset, clause, op.Client+" was told that "+quote(op.Value)+" is at offset "+itoa(op.Offset)+" of "+
					op.Partition.String()+"; "+polls[0].Client+" read it at "+itoa(polls[0].Offset))
			}
		}
		return s.answer("record where it should be", "records where they should be")
	},
	Accept: func(v *View) *Case { return told(v, sent("p1", "a", 0), polled("c1", "a", 0)) },
	Reject: func(v *View) *Case { return told(v, sent("p1", "a", 0), polled("c1", "a", 1)) },
}

const asksForLess = "acks=1: the leader answered before any follower had the record"

var recordsIntact = &Check{
	Name: "records-intact", Numbers: "H22",
	Doc: "every record that is read was sent, to that partition, with that key and value",
	Judge: func(c *Case) Result {
		s := said{c: c}
		born := c.sends()
		if len(born) == 0 {
			return s.answer("", "")
		}
		for _, op := range c.History {
			if op.Kind != Poll {
				continue
			}
			s.seen++
			send, ok := born[spot{op.Partition, op.Value}]
			switch {
			case !ok:
				s.decide(op, "leader", op.Offset, "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+op.Partition.String()+", which nobody sent there")
			case send.Key != op.Key:
				s.decide(op, "leader", op.Offset, "", op.Client+" read "+quote(op.Value)+" with the key "+quote(op.Key)+"; it was sent with "+quote(send.Key))
			case send.Outcome == Failed:
				s.decide(op, "producer", op.Offset, "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+op.Partition.String()+
					", of which "+send.Client+" was told that it is not stored")
			}
		}
		return s.answer("record read as it was sent", "records read as they were sent")
	},
	Accept: func(v *View) *Case { return told(v, sent("p1", "a", 0), polled("c1", "a", 0)) },
	Reject: func(v *View) *Case { return told(v, sent("p1", "a", 0), polled("c1", "x", 1)) },
}

var resetsLicensed = &Check{
	Name: "resets-licensed", Numbers: "H30",
	Doc: "a reader's position goes elsewhere by itself only if what was there is gone legitimately",
	Judge: func(c *Case) Result {
		s := said{c: c}
		for _, op := range c.History {
			switch op.Kind {
			case Poll, Drain:
				s.seen++
			case Jump:
				s.decide(op, "consumer", op.Offset, c.View.moved(op), op.Client+" stood at offset "+itoa(op.Offset)+" of "+op.Partition.String()+
					" and was told that it is out of range; auto.offset.reset took it elsewhere")
			case Rewind:
				s.decide(op, "consumer", op.Offset, c.View.moved(op), op.Client+" had read "+op.Partition.String()+
					" further than to offset "+itoa(op.Offset)+" and was told that the log was cut off there")
			}
		}
		return s.answer("read, no position lost", "reads, no position lost")
	},
	Accept: func(v *View) *Case { return told(v, polled("c1", "a", 0)) },
	Reject: func(v *View) *Case {
		return told(v, polled("c1", "a", 0), Op{Client: "c1", Kind: Jump, Partition: orders, Offset: 1})
	},
}

// moved names what allows that a reader's position went elsewhere: what lay there is gone, or the topic is. A consumer keeps
// its position over that, as Kafka's does, and finds out when it asks the next topic of that name.
func (v *View) moved(op Op) string {
	if clause := v.gone(op.Partition, op.Offset); clause != "" || v == nil {
		return clause
	}
	name := undeleted(op.Partition).Topic
	for _, b := range v.image.owners[name] {
		if b.id == (wire.TopicID{}) {
			return "topic " + name + " was deleted while it was read: a position in it says nothing about the next one of that name"
		}
	}
	return ""
}

// deletedAt names the deletion from the log's beginning, by retention or by an operator, that took an offset.
func (v *View) deletedAt(tp wire.TopicPartition, at wire.Offset) string {
	if v == nil {
		return ""
	}
	tp = undeleted(tp)
	for _, p := range v.parts {
		if p.TP == tp && p.trimmed > at {
			return p.deleted()
		}
	}
	return ""
}

// deleted is the clause of what was deleted from a log's beginning.
func (p *Partition) deleted() string {
	return "the log of " + p.TP.String() + " was deleted below offset " + itoa(p.trimmed)
}

// gone names what allows that an offset is out of range: deletion from the log's beginning, or a licensed loss.
func (v *View) gone(tp wire.TopicPartition, at wire.Offset) string {
	if v == nil {
		return ""
	}
	if clause := v.deletedAt(tp, at); clause != "" {
		return clause
	}
	tp = undeleted(tp)
	for _, p := range v.parts {
		if p.TP != tp {
			continue
		}
		for i := len(p.elections) - 1; i >= 0; i-- {
			if e := &p.elections[i]; e.Unclean != "" {
				return e.Unclean
			}
		}
		for i := len(p.promises) - 1; i >= 0; i-- {
			if p.promises[i].lost && p.promises[i].clause != "" {
				return p.promises[i].clause
			}
		}
	}
	return ""
}

var endsMonotone = &Check{
	Name: "end-offsets-monotone", Numbers: "H31",
	Doc: "the end offset that a leader names never falls within its epoch",
	Judge: func(c *Case) Result {
		s := said{c: c}
		type reign struct {
			tp    wire.TopicPartition
			epoch wire.Epoch
		}
		last := map[reign]Op{}
		for _, op := range c.History {
			if op.Kind != End || op.Outcome != OK {
				continue
			}
			k := reign{op.Partition, op.Epoch}
			was, again := last[k]
			if again {
				s.seen++
				// Only of questions that did not overlap is it known which was answered first.
				if op.Offset < was.Offset && op.Call > was.Return {
					s.decide(op, "leader", op.Offset, "", op.Client+" was told that "+op.Partition.String()+" ends at "+itoa(op.Offset)+" in epoch "+itoa(op.Epoch)+
						"; "+was.Client+" had been told "+itoa(was.Offset))
				}
			}
			if !again || op.Offset > was.Offset {
				last[k] = op
			}
		}
		return s.answer("end offset, not falling", "end offsets, none falling")
	},
	Accept: func(v *View) *Case { return told(v, ended(1, 5), ended(2, 5), ended(3, 7)) },
	Reject: func(v *View) *Case { return told(v, ended(1, 5), ended(2, 4)) },
}

var topicsApart = &Check{
	Name: "topics-apart", Numbers: "H34",
	Doc: "no record of a deleted topic is read from the one that was made under its name later",
	Judge: func(c *Case) Result {
		s := said{c: c}
		none := wire.TopicID{}
		born := c.sends()
		for _, op := range c.History {
			send, ok := born[spot{op.Partition, op.Value}]
			if op.Kind != Poll || !ok || send.Topic == none || op.Topic == none {
				continue
			}
			s.seen++
			// Where one lies whose outcome is open is not known: its attempts may have gone to both topics.
			if send.Topic != op.Topic && send.Outcome == OK {
				s.decide(op, "leader", op.Offset, "", op.Client+" read "+quote(op.Value)+" from "+op.Partition.String()+"; it was sent to an earlier topic of that name")
			}
		}
		return s.answer("record from its own topic", "records from their own topics")
	},
	Accept: func(v *View) *Case { return told(v, of(1, sent("p1", "a", 0)), of(1, polled("c1", "a", 0))) },
	Reject: func(v *View) *Case { return told(v, of(1, sent("p1", "a", 0)), of(2, polled("c1", "a", 0))) },
}

// The cases of history checks are told in these words. Calls and steps follow the order of the telling.

// told is a history of operations, each over before the next begins, on a cluster that has been whole from the start.
func told(v *View, ops ...Op) *Case {
	seq := map[string]int64{}
	for i := range ops {
		op := &ops[i]
		op.Step, op.At = uint64(i+1), int64(i+1)*int64(3600e9)
		if op.Call == 0 {
			op.Call, op.Return = uint64(2*i+1), uint64(2*i+2)
		}
		if op.Kind == Send {
			seq[op.Client]++
			op.Seq = seq[op.Client]
		}
	}
	v.rules = Contract{Timeouts: defaultTimeouts}
	v.Clock(uint64(len(ops)), int64(3600e9))
	v.whole = int64(3600e9)
	return &Case{History: ops, View: v}
}

func sent(client, value string, at wire.Offset) Op {
	return Op{Client: client, Partition: orders, Acks: -1, Value: value, Offset: at}
}

func polled(client, value string, at wire.Offset) Op {
	return Op{Client: client, Kind: Poll, Partition: orders, Value: value, Offset: at}
}

func drained(client string, at wire.Offset) Op {
	return Op{Client: client, Kind: Drain, Partition: orders, Offset: at}
}

func described(client string, epoch wire.Epoch) Op {
	return Op{Client: client, Kind: Describe, Partition: orders, From: "b1", Value: string(ordersID[:]), Epoch: epoch}
}

func ended(call uint64, at wire.Offset) Op {
	return Op{Client: "c1", Kind: End, Partition: orders, Offset: at, Call: 2 * call, Return: 2*call + 1}
}

// again is a read after the application has gone back.
func again(op Op) Op { op.Cursor++; return op }

// of gives an operation a topic id.
func of(id byte, op Op) Op { op.Topic = wire.TopicID{id}; return op }
