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
		where := map[spot][]*Consume{}
		reached := map[place]wire.Offset{} // the last offset that any reader has read
		for op := range reads(c.History) {
			p := c.read(op)
			where[spot{p, op.Value}] = append(where[spot{p, op.Value}], op)
			reached[p] = max(reached[p], op.Offset)
		}
		for op := range of[*Produce](c.History) {
			p := c.written(op)
			polls := where[spot{p, op.Value}]
			if op.Outcome != OK || op.Acks == 0 || len(polls) == 0 || op.Offset > reached[p] {
				continue // a retry may have left another copy below
			}
			s.seen++
			if !slices.ContainsFunc(polls, func(r *Consume) bool { return r.Offset == op.Offset }) {
				clause := s.licensed(p, op.Offset)
				if clause == "" && op.Acks == 1 {
					clause = asksForLess
				}
				if clause == "" && !op.Idempotent { // the copy that was acknowledged may be gone before anybody read it
					clause = c.View.deletedAt(p.TopicPartition, op.Offset)
				}
				s.decide(polls[0], p.fact(ByLeader, op.Offset, ""), clause, op.Client+" was told that "+quote(op.Value)+" is at offset "+itoa(op.Offset)+" of "+
					p.String()+"; "+polls[0].Client+" read it at "+itoa(polls[0].Offset))
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
		for op := range reads(c.History) {
			s.seen++
			p := c.read(op)
			send, ok := born[spot{p, op.Value}]
			switch {
			case !ok:
				s.decide(op, p.fact(ByLeader, op.Offset, "never sent"), "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+p.String()+", which nobody sent there")
			case send.Key != op.Key:
				s.decide(op, p.fact(ByLeader, op.Offset, "another key"), "", op.Client+" read "+quote(op.Value)+" with the key "+quote(op.Key)+"; it was sent with "+quote(send.Key))
			case send.Outcome == Failed:
				s.decide(op, p.fact(ByProducer, op.Offset, "failed"), "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+p.String()+
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
		for op := range of[*Consume](c.History) {
			p := c.read(op)
			switch op.Kind {
			case RecordRead, EndReached:
				s.seen++
			case PositionReset:
				s.decide(op, p.fact(ByConsumer, op.Offset, "out of range"), c.View.moved(op), op.Client+" stood at offset "+itoa(op.Offset)+" of "+p.String()+
					" and was told that it is out of range; auto.offset.reset took it elsewhere")
			case PositionTruncated:
				s.decide(op, p.fact(ByConsumer, op.Offset, "truncated"), c.View.moved(op), op.Client+" had read "+p.String()+
					" further than to offset "+itoa(op.Offset)+" and was told that the log was cut off there")
			}
		}
		return s.answer("read, no position lost", "reads, no position lost")
	},
	Accept: func(v *View) *Case { return told(v, polled("c1", "a", 0)) },
	Reject: func(v *View) *Case {
		return told(v, polled("c1", "a", 0), moved("c1", PositionReset, 1))
	},
}

// moved names what allows that a reader's position went elsewhere: what lay there is gone, or the topic is. A consumer keeps
// its position over that, as Kafka's does, and finds out when it asks the next topic of that name.
func (v *View) moved(op *Consume) string {
	if clause := v.gone(op.Partition, op.Offset); clause != "" || v == nil {
		return clause
	}
	name := op.Partition.Topic
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
			place
			epoch wire.Epoch
		}
		last := map[reign]*ListOffsets{}
		for op := range of[*ListOffsets](c.History) {
			if op.Outcome != OK {
				continue
			}
			k := reign{c.place(op.Partition, op.Topic), op.Epoch}
			was, again := last[k]
			if again {
				s.seen++
				// Only of questions that did not overlap is it known which was answered first.
				if op.Offset < was.Offset && op.Called > was.Returned {
					s.decide(op, k.fact(ByLeader, op.Offset, ""), "", op.Client+" was told that "+k.String()+" ends at "+itoa(op.Offset)+" in epoch "+itoa(op.Epoch)+
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
		type sent struct { // whatever topic the producer meant
			tp    wire.TopicPartition
			value string
		}
		born := map[sent]*Produce{}
		for op := range of[*Produce](c.History) {
			born[sent{op.Partition, op.Value}] = op
		}
		for op := range reads(c.History) {
			send, ok := born[sent{op.Partition, op.Value}]
			if !ok || send.Topic == none || op.Topic == none {
				continue
			}
			s.seen++
			// The attempts of a send whose outcome is unknown may have gone to both topics.
			if send.Topic != op.Topic && send.Outcome == OK {
				s.decide(op, place{TopicPartition: op.Partition}.fact(ByLeader, op.Offset, ""), "", op.Client+" read "+quote(op.Value)+" from "+op.Partition.String()+
					"; it was sent to an earlier topic of that name")
			}
		}
		return s.answer("record from its own topic", "records from their own topics")
	},
	Accept: func(v *View) *Case { return told(v, writes(1, sent("p1", "a", 0)), reading(1, polled("c1", "a", 0))) },
	Reject: func(v *View) *Case { return told(v, writes(1, sent("p1", "a", 0)), reading(2, polled("c1", "a", 0))) },
}

// The cases of history checks are told in these words. Calls and steps follow the order of the telling.

// told is a history of operations, each over before the next begins, on a cluster that has been whole from the start.
func told(v *View, ops ...Op) *Case {
	number := map[string]int64{}
	for i, op := range ops {
		h := op.Common()
		h.Step, h.At = uint64(i+1), int64(i+1)*int64(3600e9)
		if h.Called == 0 {
			h.Called, h.Returned = uint64(2*i+1), uint64(2*i+2)
		}
		if _, ok := op.(*Produce); ok {
			number[h.Client]++
			h.Number = number[h.Client]
		}
	}
	v.rules = Contract{Timeouts: defaultTimeouts}
	v.Clock(uint64(len(ops)), int64(3600e9))
	v.whole = int64(3600e9)
	return &Case{History: ops, View: v}
}

// sent is a record that a producer was told is stored.
func sent(client, value string, at wire.Offset) *Produce {
	return &Produce{Head: Head{Client: client}, Partition: orders, Acks: -1, Value: value, Offset: at}
}

// polled is a record that was read.
func polled(client, value string, at wire.Offset) *Consume {
	return &Consume{Head: Head{Client: client}, Partition: orders, Value: value, Offset: at}
}

// drained is a reader that found nothing more.
func drained(client string, at wire.Offset) *Consume { return moved(client, EndReached, at) }

// moved is a step of a consumer that read nothing.
func moved(client string, kind ConsumeKind, at wire.Offset) *Consume {
	return &Consume{Head: Head{Client: client}, Kind: kind, Partition: orders, Offset: at}
}

// described is an answer of broker 1 about orders-0.
func described(client string, epoch wire.Epoch) *DescribeTopic {
	return &DescribeTopic{Head: Head{Client: client}, Server: Process{Machine: "b1"}, Partition: orders, Topic: ordersID, Epoch: epoch}
}

func ended(call uint64, at wire.Offset) *ListOffsets {
	return &ListOffsets{Head: Head{Client: "c1", Called: 2 * call, Returned: 2*call + 1}, Partition: orders, Offset: at}
}

// again is a read after the application has gone back.
func again(op *Consume) *Consume { op.Cursor++; return op }

// writes and reading give an operation a topic id.
func writes(id byte, op *Produce) *Produce  { op.Topic = wire.TopicID{id}; return op }
func reading(id byte, op *Consume) *Consume { op.Topic = wire.TopicID{id}; return op }
