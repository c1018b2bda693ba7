package check

import (
	"cmp"
	"maps"
	"slices"

	"samsa/wire"
)

// Op is one thing a client did and what came of it, as the client saw it. Which fields count depends on the kind.
type Op struct {
	Client    string
	Kind      Kind
	Partition wire.TopicPartition
	Topic     wire.TopicID // Send, Poll: whose topic the client believed to write or read; zero if it did not know
	Outcome   Outcome
	Step      uint64 // when the outcome was known
	At        int64  // likewise, in nanoseconds since the world began

	// Call and Return are the events at which it was begun and at which the outcome was known. Return 0 is never.
	Call, Return uint64

	Acks       int16 // Send: -1 all, 0, 1
	Seq        int64 // Send: counts the calls of this client
	Idempotent bool  // Send: the producer numbered its batches
	Key, Value string
	Offset     wire.Offset // Send: where the broker says it is (OK); Poll: where it was read; Drain: the end reached; Jump: where it stood; Rewind: where the log was cut off; End: the answer
	Cursor     int64       // Poll, Drain: counts the times the application has set this client's position
	Epoch      wire.Epoch  // End, Describe: the leader epoch of the answer
	From       string      // Describe: who answered, and in which life of his
	Number     int64       // Register, Beat: the broker epoch granted or claimed
}

// Kind is what a client did.
type Kind uint8

// What a client did.
const (
	Send     Kind = iota // one record sent, and its outcome
	Poll                 // one record read
	Drain                // a reader found nothing more to read at Offset
	Jump                 // a reader's position went elsewhere by itself: auto.offset.reset
	Rewind               // a reader learnt that the log was cut off below its position, and goes on there (KIP-320)
	End                  // an end offset was asked for
	Create               // a topic; Value is its id
	Delete               // a topic
	Describe             // a topic; Value is its id, "" if the answer was that there is none
	Register             // a broker; Value is the incarnation
	Beat                 // a broker's heartbeat
)

// Outcome is what a client knows of its own request.
type Outcome uint8

// What a client can know of its own request.
const (
	OK           Outcome = iota // acknowledged
	Failed                      // certainly not applied
	Indefinite                  // may or may not have been applied: timeouts, lost connections, most errors after a send
	NeverDecided                // still open when the run ended; judged as Indefinite
)

// String is the outcome in Kafka users' words.
func (o Outcome) String() string {
	return [...]string{"ok", "failed", "unknown", "undecided"}[o]
}

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

// decide takes one finding in; clause says what allows it, "" that nothing does.
func (s *said) decide(op Op, role string, at wire.Offset, clause string, words string) {
	r := Result{Status: Violated, Step: op.Step, Explanation: words, Clause: clause, Fact: Fact{op.Partition.String(), at, role}}
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

// licensed asks the ledger whether what was at an offset was lost legitimately.
func (s *said) licensed(tp wire.TopicPartition, at wire.Offset) string {
	clause, _ := s.c.View.Licensed(tp, at)
	return clause
}

// spot names a value's place of birth: values are unique per partition.
type spot struct {
	tp    wire.TopicPartition
	value string
}

// sends are the sends of the history by what they sent.
func (c *Case) sends() map[spot]*Op {
	if c.born == nil {
		c.born = make(map[spot]*Op, len(c.History)/2) // an Op is large, and there are many
		for i := range c.History {
			if op := &c.History[i]; op.Kind == Send {
				c.born[spot{op.Partition, op.Value}] = op
			}
		}
	}
	return c.born
}

// read is a value at an offset.
type read struct {
	tp wire.TopicPartition
	at wire.Offset
}

const withoutIdempotence = "without enable.idempotence a retry may store a record twice"

var noDuplicate = &Check{
	Name: "no-duplicate", Numbers: "H2",
	Doc: "no record is stored twice",
	Judge: func(c *Case) Result {
		s := said{c: c}
		born, first := c.sends(), map[spot]wire.Offset{}
		for _, op := range c.History {
			if op.Kind != Poll {
				continue
			}
			k := spot{op.Partition, op.Value}
			at, again := first[k]
			if !again {
				first[k], s.seen = op.Offset, s.seen+1
			} else if at != op.Offset {
				clause := ""
				if send := born[k]; send == nil || !send.Idempotent {
					clause = withoutIdempotence
				}
				s.decide(op, "producer", op.Offset, clause, op.Client+" read "+quote(op.Value)+" at offsets "+itoa(at)+" and "+itoa(op.Offset)+" of "+op.Partition.String())
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
		at := map[read]Op{}
		for _, op := range c.History {
			if op.Kind != Poll {
				continue
			}
			k := read{op.Partition, op.Offset}
			was, again := at[k]
			switch {
			case !again:
				at[k] = op
			case was.Value != op.Value && was.Topic == op.Topic:
				clause := s.licensed(op.Partition, op.Offset)
				if clause == "" {
					clause = c.View.deletedAt(op.Partition, op.Offset)
				}
				s.decide(op, "leader", op.Offset, clause, was.Client+" read "+quote(was.Value)+" at offset "+itoa(op.Offset)+" of "+
					op.Partition.String()+" at step "+itoa(was.Step)+", and "+op.Client+" read "+quote(op.Value)+" there at step "+itoa(op.Step))
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
	tp     wire.TopicPartition
	turn   int64
}

// jumped forgets where a reader stood. It went elsewhere by itself, whatever topic of that name it was at: it may find the one
// that was deleted once more.
func jumped(last map[cursor]wire.Offset, op Op) {
	maps.DeleteFunc(last, func(k cursor, _ wire.Offset) bool {
		return k.client == op.Client && k.turn == op.Cursor && undeleted(k.tp) == undeleted(op.Partition)
	})
}

var readsMonotone = &Check{
	Name: "reads-monotone", Numbers: "H5",
	Doc: "a reader that is not told to go back never goes back",
	Judge: func(c *Case) Result {
		s := said{c: c}
		last := map[cursor]wire.Offset{}
		for _, op := range c.History {
			k := cursor{op.Client, op.Partition, op.Cursor}
			switch op.Kind {
			case Jump, Rewind:
				jumped(last, op)
			case Poll:
				if at, moving := last[k]; moving {
					s.seen++
					if op.Offset <= at {
						s.decide(op, "consumer", op.Offset, "", op.Client+" read offset "+itoa(op.Offset)+" of "+op.Partition.String()+" after offset "+itoa(at))
					}
				}
				last[k] = op.Offset
			}
		}
		return s.answer("step forwards", "steps forwards, none back")
	},
	Accept: func(v *View) *Case {
		return told(v, polled("c1", "a", 0), polled("c1", "b", 1), again(polled("c1", "a", 0)),
			again(Op{Client: "c1", Kind: Rewind, Partition: orders, Offset: 0}), again(polled("c1", "c", 0)))
	},
	Reject: func(v *View) *Case { return told(v, polled("c1", "a", 0), polled("c1", "b", 1), polled("c1", "a", 0)) },
}

var readsComplete = &Check{
	Name: "reads-complete", Numbers: "H6",
	Doc: "a reader passes over no record that another reader finds",
	Judge: func(c *Case) Result {
		s := said{c: c}
		found := map[wire.TopicPartition][]wire.Offset{}
		for _, op := range c.History {
			if op.Kind == Poll {
				found[op.Partition] = append(found[op.Partition], op.Offset)
			}
		}
		for tp := range found { //order: each is sorted on its own
			slices.Sort(found[tp])
			found[tp] = slices.Compact(found[tp])
		}
		last := map[cursor]wire.Offset{}
		for _, op := range c.History {
			k := cursor{op.Client, op.Partition, op.Cursor}
			switch op.Kind {
			case Jump, Rewind:
				jumped(last, op)
			case Poll:
				if at, moving := last[k]; moving && op.Offset > at {
					s.seen++
					i, _ := slices.BinarySearch(found[op.Partition], at+1)
					if missed := found[op.Partition][i]; missed < op.Offset {
						s.decide(op, "consumer", missed, s.licensed(op.Partition, missed), op.Client+" went from offset "+itoa(at)+" of "+op.Partition.String()+" to "+
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
		acked := map[wire.TopicPartition]Op{}
		for _, op := range c.History {
			if was, ok := acked[op.Partition]; op.Kind == Send && op.Outcome == OK && op.Acks == -1 && op.At <= healed && (!ok || op.Offset > was.Offset) {
				acked[op.Partition] = op
			}
		}
		for _, op := range c.History {
			if a, ok := acked[op.Partition]; op.Kind == Drain && ok && op.At >= settled {
				s.seen++
				if op.Offset <= a.Offset {
					clause := s.licensed(op.Partition, a.Offset)
					if clause == "" { // who was elected uncleanly may end below what others have deleted
						clause = c.View.deletedAt(op.Partition, a.Offset)
					}
					s.decide(op, "leader", a.Offset, clause, op.Client+" found nothing more at offset "+itoa(op.Offset)+" of "+op.Partition.String()+
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
		born := c.sends()
		where := map[spot]Op{} // the earliest place of each value
		for _, op := range c.History {
			if k := (spot{op.Partition, op.Value}); op.Kind == Poll {
				if was, ok := where[k]; !ok || op.Offset < was.Offset {
					where[k] = op
				}
			}
		}
		for k, op := range where { //order: each on its own
			if send := born[k]; send != nil && send.Outcome == OK && send.Acks != 0 && send.Offset < op.Offset {
				op.Offset = send.Offset // read from a later copy only
				where[k] = op
			}
		}
		placed := make([]Op, 0, len(where))
		for _, op := range where { //order: sorted below
			placed = append(placed, op)
		}
		slices.SortStableFunc(placed, func(a, b Op) int {
			return cmp.Or(cmp.Compare(a.Partition.Topic, b.Partition.Topic), cmp.Compare(a.Partition.Partition, b.Partition.Partition),
				cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Value, b.Value))
		})
		latest := map[cursor]Op{}
		for _, op := range placed {
			send, known := born[spot{op.Partition, op.Value}]
			if !known {
				continue
			}
			k := cursor{send.Client, op.Partition, 0}
			before, ok := latest[k]
			if !ok || send.Seq > before.Seq {
				latest[k] = *send
			}
			if !ok {
				continue
			}
			s.seen++
			if send.Seq < before.Seq {
				clause := c.View.gone(op.Partition, op.Offset) // what was lost legitimately leaves its offsets to others
				switch {
				case clause != "" || send.Idempotent:
				case before.Outcome == OK && before.Offset > op.Offset && c.View.deletedAt(op.Partition, 0) != "":
					clause = withoutIdempotence + "; of the first copies, those at the log's beginning are deleted"
				case send.Acks == 0: // written is all it knows: on another connection a later one may be served before it
					clause = "acks=0: the producer went on before the broker had the record"
				case send.Outcome != OK:
					clause = "a send without enable.idempotence whose outcome is unknown may land late"
				}
				s.decide(op, "producer", op.Offset, clause, send.Client+" sent "+quote(send.Value)+" before "+quote(before.Value)+"; in "+op.Partition.String()+
					" it lies behind it, at offset "+itoa(op.Offset))
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
