package check

import "samsa/wire"

var recreatedReadWhole = &Check{
	Name: "recreated-read-whole", Numbers: "H30/recreated",
	Doc: "a reader that stays while its topic is deleted and created again reads the new topic from its start",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		type reader struct {
			client string
			tp     wire.TopicPartition
			cursor int64
		}
		type standing struct {
			topic wire.TopicID
			next  wire.Offset
		}
		last := map[reader]standing{}
		for op := range of[*Consume](c.History) {
			k := reader{op.Client, op.Partition, op.Cursor}
			if op.Kind == PositionReset || op.Kind == PositionTruncated {
				delete(last, k)
				continue
			}
			if op.Topic == (wire.TopicID{}) {
				continue
			}
			if was, stayed := last[k]; stayed && was.topic != op.Topic {
				s.seen++
				if missed := firstAcked(c.History, op); missed != nil && !op.FromStart {
					where := c.read(op)
					clause := c.View.deletedAt(where, missed.Offset)
					if clause == "" && op.Position == was.next {
						clause = "a consumer keeps its position by the name of the partition, and takes the id of the new topic with the next metadata: Kafka's does so too (KAFKA-12257), " +
							"see recreated-under-a-reader"
					}
					s.decide(op, where.fact(ByConsumer, missed.Offset, ""), clause, op.Client+" stood at offset "+itoa(was.next)+" of "+op.Partition.String()+" when that topic was deleted, and went on in the new topic of that name at offset "+
						itoa(op.Position)+"; it passed over "+quote(missed.Value)+" at offset "+itoa(missed.Offset)+" without an error or a reset")
				}
			}
			next := op.Offset
			if op.Kind == RecordRead {
				next++
			}
			last[k] = standing{op.Topic, next}
		}
		return s.answer("change of a reader to a new topic of the name", "changes of readers to a new topic of the name, each from its start")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, reading(1, polled("c1", "a", 0)), writes(2, sent("p1", "b", 0)), reading(2, from(0, polled("c1", "b", 0))))
	},
	Reject: func(v *View) *Case {
		return historyCase(v, reading(1, polled("c1", "a", 0)), writes(2, sent("p1", "b", 1)), reading(2, from(4, polled("c1", "e", 4))))
	},
}

// firstAcked returns the acknowledged record with the lowest offset below the position of a reader's step, in the same topic, or
// nil if there is none.
func firstAcked(history []Op, op *Consume) (first *Produce) {
	for sent := range of[*Produce](history) {
		if sent.Outcome == OK && sent.Acks != 0 && sent.Topic == op.Topic && sent.Partition == op.Partition && sent.Offset >= 0 && sent.Offset < op.Position &&
			(first == nil || sent.Offset < first.Offset) {
			first = sent
		}
	}
	return first
}
