package check

import (
	"cmp"
	"maps"
	"slices"

	"samsa/wire"
)

// historyChecks see only what clients did and saw (Jepsen's vocabulary for Kafka, and more).
var historyChecks = []*Check{
	noDuplicate, oneValue, readsMonotone, readsComplete, readsFresh, producerOrder, ackedWhereTold, recordsIntact,
	metadataReadsMonotone, resetsLicensed, endsMonotone, topicsApart,
}

// said builds the answer of a history check: the first violation, else the first price, else held.
type said struct {
	c      *Case
	seen   int64
	result *Result
}

// decide enters one finding, of the step in which an operation ended; clause says what allows it, "" that nothing does.
func (s *said) decide(op Op, f Fact, clause string, words string) {
	r := Result{Status: Violated, Step: op.Common().Step, Explanation: words, Clause: clause, Fact: f}
	if clause != "" {
		r.Status = Priced
	}
	if s.result == nil || s.result.Status == Priced && r.Status == Violated {
		s.result = &r
	}
}

func (s *said) answer(one, many string) Result {
	switch {
	case s.result != nil:
		return *s.result
	case s.seen == 0:
		return Result{Status: Unexercised}
	}
	return Result{Status: Held, Explanation: plural(s.seen, one, many)}
}

// licensed asks the ledger whether the loss of a record at an offset is licensed.
func (s *said) licensed(p place, at wire.Offset) string {
	clause, _ := s.c.View.Licensed(p.TopicPartition, at)
	return clause
}

// spot names a value and the place it was sent to: values are unique per partition.
type spot struct {
	place
	value string
}

// sends are the sends of the history by what they sent.
func (c *Case) sends() map[spot]*Produce {
	if c.born == nil {
		c.born = make(map[spot]*Produce, len(c.History)/2)
		for op := range of[*Produce](c.History) {
			c.born[spot{c.written(op), op.Value}] = op
		}
	}
	return c.born
}

// position is an offset of a place.
type position struct {
	place
	at wire.Offset
}

const withoutIdempotence = "without enable.idempotence a retry may store a record twice"

var noDuplicate = &Check{
	Name: "no-duplicate", Numbers: "H2",
	Doc: "no record is stored twice",
	Judge: func(c *Case) Result {
		s := said{c: c}
		born, first := c.sends(), map[spot]wire.Offset{}
		for op := range reads(c.History) {
			k := spot{c.read(op), op.Value}
			at, again := first[k]
			if !again {
				first[k], s.seen = op.Offset, s.seen+1
			} else if at != op.Offset {
				clause := ""
				if send := born[k]; send == nil || !send.Idempotent {
					clause = withoutIdempotence
				}
				s.decide(op, k.fact(ByProducer, op.Offset, ""), clause, op.Client+" read "+quote(op.Value)+" at offsets "+itoa(at)+" and "+itoa(op.Offset)+" of "+k.String())
			}
		}
		return s.answer("record read, once", "records read, each once")
	},
	Accept: func(v *View) *Case {
		return told(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1), polled("c2", "a", 0))
	},
	Reject: func(v *View) *Case {
		a := sent("p1", "a", 0)
		a.Idempotent = true
		return told(v, a, polled("c1", "a", 0), polled("c1", "a", 1))
	},
}

var oneValue = &Check{
	Name: "one-value-per-offset", Numbers: "H3",
	Doc: "no two readers ever see different records at one offset",
	Judge: func(c *Case) Result {
		s := said{c: c}
		at := map[position]*Consume{}
		for op := range reads(c.History) {
			k := position{c.read(op), op.Offset}
			was, again := at[k]
			switch {
			case !again:
				at[k] = op
			case was.Value != op.Value && was.Topic == op.Topic:
				clause := s.licensed(k.place, op.Offset)
				if clause == "" {
					clause = c.View.deletedAt(k.TopicPartition, op.Offset)
				}
				s.decide(op, k.fact(ByLeader, op.Offset, ""), clause, was.Client+" read "+quote(was.Value)+" at offset "+itoa(op.Offset)+" of "+
					k.String()+" at step "+itoa(was.Step)+", and "+op.Client+" read "+quote(op.Value)+" there at step "+itoa(op.Step))
			default:
				s.seen++
			}
		}
		if s.seen == 0 && len(at) > 0 {
			s.seen = int64(len(at))
		}
		return s.answer("offset read, with one record", "reads, with one record at every offset")
	},
	Accept: func(v *View) *Case { return told(v, polled("c1", "a", 0), polled("c2", "a", 0)) },
	Reject: func(v *View) *Case { return told(v, polled("c1", "a", 0), polled("c2", "b", 0)) },
}

// cursor is one reader's way through a partition, from where the application put it.
type cursor struct {
	client string
	place
	number int64
}

// cursor is the way that a step of a consumer belongs to.
func (c *Case) cursor(op *Consume) cursor { return cursor{op.Client, c.read(op), op.Cursor} }

// jumped forgets where a reader stood. Its position went elsewhere by itself, whichever topic of that name it was in: it may
// find the deleted one once more.
func jumped(last map[cursor]wire.Offset, op *Consume) {
	maps.DeleteFunc(last, func(k cursor, _ wire.Offset) bool {
		return k.client == op.Client && k.number == op.Cursor && k.TopicPartition == op.Partition
	})
}

var readsMonotone = &Check{
	Name: "reads-monotone", Numbers: "H5",
	Doc: "a reader that is not told to go back never goes back",
	Judge: func(c *Case) Result {
		s := said{c: c}
		last := map[cursor]wire.Offset{}
		for op := range of[*Consume](c.History) {
			k := c.cursor(op)
			switch op.Kind {
			case PositionReset, PositionTruncated:
				jumped(last, op)
			case RecordRead:
				if at, moving := last[k]; moving {
					s.seen++
					if op.Offset <= at {
						s.decide(op, k.fact(ByConsumer, op.Offset, ""), "", op.Client+" read offset "+itoa(op.Offset)+" of "+k.place.String()+" after offset "+itoa(at))
					}
				}
				last[k] = op.Offset
			}
		}
		return s.answer("step forwards", "steps forwards, none back")
	},
	Accept: func(v *View) *Case {
		return told(v, polled("c1", "a", 0), polled("c1", "b", 1), again(polled("c1", "a", 0)),
			again(moved("c1", PositionTruncated, 0)), again(polled("c1", "c", 0)))
	},
	Reject: func(v *View) *Case { return told(v, polled("c1", "a", 0), polled("c1", "b", 1), polled("c1", "a", 0)) },
}

var readsComplete = &Check{
	Name: "reads-complete", Numbers: "H6",
	Doc: "a reader passes over no record that another reader finds",
	Judge: func(c *Case) Result {
		s := said{c: c}
		found := map[place][]wire.Offset{}
		for op := range reads(c.History) {
			found[c.read(op)] = append(found[c.read(op)], op.Offset)
		}
		for p := range found { //order: each is sorted on its own
			slices.Sort(found[p])
			found[p] = slices.Compact(found[p])
		}
		last := map[cursor]wire.Offset{}
		for op := range of[*Consume](c.History) {
			k := c.cursor(op)
			switch op.Kind {
			case PositionReset, PositionTruncated:
				jumped(last, op)
			case RecordRead:
				if at, moving := last[k]; moving && op.Offset > at {
					s.seen++
					i, _ := slices.BinarySearch(found[k.place], at+1)
					if missed := found[k.place][i]; missed < op.Offset {
						s.decide(op, k.fact(ByConsumer, missed, ""), s.licensed(k.place, missed), op.Client+" went from offset "+itoa(at)+" of "+k.place.String()+" to "+
							itoa(op.Offset)+" and passed over offset "+itoa(missed)+", where there is a record")
					}
				}
				last[k] = op.Offset
			}
		}
		return s.answer("step of a reader", "steps of readers, none over a record")
	},
	Accept: func(v *View) *Case { return told(v, polled("c1", "a", 0), polled("c1", "c", 2), polled("c2", "a", 0)) },
	Reject: func(v *View) *Case { return told(v, polled("c1", "a", 0), polled("c1", "c", 2), polled("c2", "b", 1)) },
}

var readsFresh = &Check{
	Name: "reads-fresh", Numbers: "H15",
	Doc: "once the cluster is whole again, a reader that finds nothing more has read all that was acknowledged before",
	Judge: func(c *Case) Result {
		s := said{c: c}
		if c.View == nil || c.View.whole < 0 {
			return s.answer("", "")
		}
		healed := c.View.whole
		settled := healed + int64(c.View.rules.caughtUp())
		acked := map[place]*Produce{}
		for op := range of[*Produce](c.History) {
			p := c.written(op)
			if was, ok := acked[p]; op.Outcome == OK && op.Acks == -1 && op.At <= healed && (!ok || op.Offset > was.Offset) {
				acked[p] = op
			}
		}
		for op := range of[*Consume](c.History) {
			p := c.read(op)
			if a, ok := acked[p]; op.Kind == EndReached && ok && op.At >= settled {
				s.seen++
				if op.Offset <= a.Offset {
					clause := s.licensed(p, a.Offset)
					if clause == "" { // a leader that was elected uncleanly may end below what other replicas have deleted
						clause = c.View.deletedAt(p.TopicPartition, a.Offset)
					}
					s.decide(op, p.fact(ByLeader, a.Offset, ""), clause, op.Client+" found nothing more at offset "+itoa(op.Offset)+" of "+p.String()+
						", though "+quote(a.Value)+" at "+itoa(a.Offset)+" was acknowledged at step "+itoa(a.Step)+" and the cluster has been whole since")
				}
			}
		}
		return s.answer("reader at the end, with all before it", "readers at the end, with all before it")
	},
	Accept: func(v *View) *Case { return told(v, sent("p1", "a", 0), drained("c1", 1)) },
	Reject: func(v *View) *Case { return told(v, sent("p1", "a", 0), drained("c1", 0)) },
}

var producerOrder = &Check{
	Name: "producer-order", Numbers: "H20",
	Doc: "records of one producer lie in a partition in the order in which they were sent",
	Judge: func(c *Case) Result {
		s := said{c: c}
		latest := map[cursor]*Produce{}
		for _, r := range c.recordsInOrder() {
			op, send := r.read, c.sends()[r.spot]
			if send == nil {
				continue
			}
			k := cursor{client: send.Client, place: r.place}
			before, ok := latest[k]
			if !ok || send.Number > before.Number {
				latest[k] = send
			}
			if !ok {
				continue
			}
			s.seen++
			if send.Number < before.Number {
				clause := c.View.gone(r.TopicPartition, r.at) // what was lost legitimately leaves its offsets to others
				switch {
				case clause != "" || send.Idempotent:
				case before.Outcome == OK && before.Offset > r.at && c.View.deletedAt(r.TopicPartition, 0) != "":
					clause = withoutIdempotence + "; of the first copies, those at the log's beginning are deleted"
				case send.Acks == 0: // written is all it knows: on another connection a later one may be served before it
					clause = "acks=0: the producer went on before the broker had the record"
				case send.Outcome != OK:
					clause = "a send without enable.idempotence whose outcome is unknown may land late"
				}
				s.decide(op, r.fact(ByProducer, r.at, ""), clause, send.Client+" sent "+quote(send.Value)+" before "+quote(before.Value)+"; in "+r.place.String()+
					" it lies behind it, at offset "+itoa(r.at))
			}
		}
		return s.answer("record in its order", "records in the order they were sent")
	},
	Accept: func(v *View) *Case {
		return told(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1))
	},
	Reject: func(v *View) *Case {
		return told(v, sent("p1", "a", 1), sent("p1", "b", 0), polled("c1", "b", 0), polled("c1", "a", 1))
	},
}

// recordAt is a record with the lowest offset at which it is known to lie.
type recordAt struct {
	spot
	at   wire.Offset
	read *Consume // that found it first there
}

// recordsInOrder are the records that were read, in the order in which they lie in their partitions. A retry may store a
// record twice: the first copy counts, and a producer may have been told of one that no reader found.
func (c *Case) recordsInOrder() []recordAt {
	where := map[spot]recordAt{}
	for op := range reads(c.History) {
		k := spot{c.read(op), op.Value}
		if was, ok := where[k]; !ok || op.Offset < was.at {
			where[k] = recordAt{k, op.Offset, op}
		}
	}
	all := make([]recordAt, 0, len(where))
	for k, r := range where { //order: sorted below
		if send := c.sends()[k]; send != nil && send.Outcome == OK && send.Acks != 0 {
			r.at = min(r.at, send.Offset)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b recordAt) int { //total: no two have one value in one place
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.deleted, b.deleted), cmp.Compare(a.Partition, b.Partition),
			cmp.Compare(a.at, b.at), cmp.Compare(a.value, b.value))
	})
	return all
}
