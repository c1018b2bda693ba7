package check

import "samsa/wire"

// LostWrite judges the promise of acked-durable by the histories of clients. It is Jepsen's lost-write for Kafka, extended
// to readers that have drained a partition.
//
// If a value was acknowledged, and its last known offset is below the highest offset that any reader reached, at least one
// reader must have read it. The first and last known offsets of a value may differ, because a retry may store it twice.
var LostWrite = &Check{
	Name: "lost-write", Numbers: "H1 H4",
	Doc:   "every acknowledged record below the highest offset that readers reached was read by at least one of them",
	Judge: judgeLost,
	Accept: func(*View) *Case {
		unknown := sent("p1", "b", 0) // a send of unknown outcome may be lost
		unknown.Outcome = Indefinite
		return steps(sent("p1", "a", 0), unknown, sent("p1", "c", 1), polled("c1", "a", 0), polled("c1", "c", 1), drained("c1", 2))
	},
	Reject: func(*View) *Case {
		return steps(sent("p1", "a", 0), sent("p1", "b", 1), sent("p2", "c", 1), // c has overwritten b
			polled("c1", "a", 0), polled("c1", "c", 1), drained("c1", 2))
	},
}

// extent is the range of offsets at which a value is known to be.
type extent struct {
	first, last wire.Offset
	polled      bool
}

func judgeLost(c *Case) Result {
	extents := map[spot]*extent{}
	reached := map[place]wire.Offset{} // readers have passed all offsets below this one
	step := map[place]uint64{}         // the step in which a reader reached that offset
	at := func(k spot, offset wire.Offset) *extent {
		x := extents[k]
		if x == nil {
			x = &extent{offset, offset, false}
			extents[k] = x
		}
		x.first, x.last = min(x.first, offset), max(x.last, offset)
		return x
	}
	for op := range reads(c.History) {
		at(spot{c.read(op), op.Value}, op.Offset).polled = true
	}
	for op := range of[*Produce](c.History) {
		if op.Outcome == OK && op.Acks != 0 { // acks=0: the producer gets no offset
			at(spot{c.written(op), op.Value}, op.Offset)
		}
	}
	for op := range of[*Consume](c.History) {
		p, bound := c.read(op), op.Offset
		if op.Kind == RecordRead {
			bound = extents[spot{p, op.Value}].first + 1
		}
		if bound > reached[p] {
			reached[p], step[p] = bound, op.Step
		}
	}
	var priced *Result
	judged := int64(0)
	for op := range of[*Produce](c.History) { // in history order, so that the first loss is the one reported
		if op.Outcome != OK || op.Acks == 0 {
			continue
		}
		p := c.written(op)
		x := extents[spot{p, op.Value}]
		if x.last >= reached[p] {
			continue
		}
		judged++
		if x.polled {
			continue
		}
		r := Result{Status: Violated, Step: step[p], Fact: p.fact(ByLeader, op.Offset, wayOfLoss(c.View, p.TopicPartition, op.Offset)), Explanation: quote(op.Value) + " of " + op.Client +
			" was acknowledged at offset " + itoa(op.Offset) + " of " + p.String() + "; readers have passed that offset and none has seen the record"}
		if op.Acks == 1 {
			r.Clause = asksForLess
		} else if clause, ok := c.View.Licensed(p.TopicPartition, op.Offset); ok {
			r.Clause = clause
		} else if clause := c.View.deletedAt(p.TopicPartition, op.Offset); clause != "" {
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
	return Result{Status: Held, Explanation: plural(judged, "acknowledged record", "acknowledged records") + " below the offset that readers reached, all of them read"}
}
