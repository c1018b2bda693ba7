package check

import "samsa/wire"

// LostWrite is the same promise from the outside: it sees only what clients did and saw (Jepsen's lost-write for Kafka,
// and its end-of-run form: an acknowledged record that drained readers never saw).
//
// Readers of one partition have seen everything below the highest place any of them reached. A value whose send was
// acknowledged and whose last known place lies below that bound must have been read by someone. Earliest and latest
// places differ because a retry may store a value twice.
var LostWrite = &Check{
	Name: "lost-write", Numbers: "H1 H4",
	Doc:   "every acknowledged record below what readers have reached was read by someone",
	Judge: judgeLost,
	Accept: func(*View) *Case {
		return &Case{History: []Op{
			{Client: "p1", Partition: orders, Acks: -1, Value: "a", Offset: 0, Step: 1},
			{Client: "p1", Partition: orders, Acks: -1, Value: "b", Outcome: Indefinite, Step: 2}, // may be lost
			{Client: "p1", Partition: orders, Acks: -1, Value: "c", Offset: 1, Step: 3},
			{Client: "c1", Kind: Poll, Partition: orders, Value: "a", Offset: 0, Step: 4},
			{Client: "c1", Kind: Poll, Partition: orders, Value: "c", Offset: 1, Step: 4},
			{Client: "c1", Kind: Drain, Partition: orders, Offset: 2, Step: 5},
		}}
	},
	Reject: func(*View) *Case {
		return &Case{History: []Op{
			{Client: "p1", Partition: orders, Acks: -1, Value: "a", Offset: 0, Step: 1},
			{Client: "p1", Partition: orders, Acks: -1, Value: "b", Offset: 1, Step: 2},
			{Client: "p2", Partition: orders, Acks: -1, Value: "c", Offset: 1, Step: 6}, // overwrote b
			{Client: "c1", Kind: Poll, Partition: orders, Value: "a", Offset: 0, Step: 7},
			{Client: "c1", Kind: Poll, Partition: orders, Value: "c", Offset: 1, Step: 7},
			{Client: "c1", Kind: Drain, Partition: orders, Offset: 2, Step: 8},
		}}
	},
}

// place is where a value is known to lie.
type place struct {
	first, last wire.Offset
	polled      bool
}

func judgeLost(c *Case) Result {
	places := map[wire.TopicPartition]map[string]*place{}
	reached := map[wire.TopicPartition]wire.Offset{} // exclusive: readers have seen all below
	step := map[wire.TopicPartition]uint64{}         // when they did
	at := func(op Op) *place {
		if places[op.Partition] == nil {
			places[op.Partition] = map[string]*place{}
		}
		p := places[op.Partition][op.Value]
		if p == nil {
			p = &place{op.Offset, op.Offset, false}
			places[op.Partition][op.Value] = p
		}
		p.first, p.last = min(p.first, op.Offset), max(p.last, op.Offset)
		return p
	}
	reads := 0
	for _, op := range c.History {
		switch {
		case op.Kind == Poll:
			at(op).polled = true
			reads++
		case op.Kind == Send && op.Outcome == OK && op.Acks != 0: // acks=0 is told no offset
			at(op)
		}
	}
	for _, op := range c.History {
		bound := op.Offset
		switch op.Kind {
		case Send:
			continue
		case Poll:
			bound = places[op.Partition][op.Value].first + 1
		}
		if bound > reached[op.Partition] {
			reached[op.Partition], step[op.Partition] = bound, op.Step
		}
	}
	var priced *Result
	judged := int64(0)
	for _, op := range c.History { // in history order, so that the first loss is the one reported
		if op.Kind != Send || op.Outcome != OK || op.Acks == 0 {
			continue
		}
		p := places[op.Partition][op.Value]
		if p.last >= reached[op.Partition] {
			continue
		}
		judged++
		if p.polled {
			continue
		}
		r := Result{Status: Violated, Step: step[op.Partition], Fact: Fact{op.Partition.String(), op.Offset, "leader"}, Explanation: op.Client + " was told that " + quote(op.Value) +
			" is at offset " + itoa(op.Offset) + " of " + op.Partition.String() + "; readers have passed that offset and none saw it"}
		if op.Acks == 1 {
			r.Clause = asksForLess
		} else if clause, ok := c.View.Licensed(op.Partition, op.Offset); ok {
			r.Clause = clause
		} else if clause := c.View.deletedAt(op.Partition, op.Offset); clause != "" {
			r.Clause = clause
		} else {
			return r
		}
		if r.Status = Priced; priced == nil {
			priced = &r
		}
	}
	switch {
	case priced != nil:
		return *priced
	case judged == 0:
		return Result{Status: Unexercised, Explanation: "no reader reached an acknowledged record"}
	}
	return Result{Status: Held, Explanation: plural(judged, "acknowledged record", "acknowledged records") + " below what readers reached, all of them read"}
}
