package check

// LostWrite judges the promise of the check acked-durable by the histories of clients. It is Jepsen's lost-write for
// Kafka, extended to readers that have drained a partition.
//
// If a record was acknowledged at an offset that a reader has passed, at least one reader must have read it. If a retry
// stored the record twice, it may have been read at the other offset.
var LostWrite = &Check{
	Name: "lost-write", Numbers: "H1 H4",
	Doc:   "every acknowledged record at an offset that readers have passed was read by at least one of them",
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

func judgeLost(c *Case) Result {
	read := map[spot]bool{}
	for op := range reads(c.History) {
		k, _, candidates := c.found(op)
		read[k] = true
		for _, send := range candidates { // any of them may be the one that was read
			read[c.spot(send)] = true
		}
	}
	var priced, known *Result
	judged := int64(0)
	for op := range of[*Produce](c.History) { // in history order, so that the first loss is the one reported
		k := c.spot(op)
		passed := c.passages()[k.place]
		if op.Outcome != OK || op.Acks == 0 || !passed.has(op.Offset) { // acks=0: the producer gets no offset
			continue
		}
		if judged++; read[k] {
			continue
		}
		p := k.place
		r := Result{Status: Violated, Step: passed.stepOf(op.Offset), Fact: p.fact(ByLeader, op.Offset, wayOfLoss(c.View, p, op.Offset)), Explanation: quote(op.Value) + " of " + op.Client +
			" was acknowledged at offset " + itoa(op.Offset) + " of " + p.String() + "; readers have passed that offset and none has seen the record"}
		if op.Acks == 1 {
			r.Clause = asksForLess
		} else if clause, ok := c.View.licensedIn(p, op.Offset); ok {
			r.Clause = clause
		} else if clause := c.View.deletedAt(p, op.Offset); clause != "" {
			r.Clause = clause
		} else {
			return r
		}
		if r.mark(); r.Known != "" {
			if known == nil {
				known = &r
			}
		} else if r.Status = Priced; priced == nil {
			priced = &r
		}
	}
	switch {
	case known != nil:
		return *known
	case priced != nil:
		return *priced
	case judged == 0:
		return Result{Status: Unexercised, Explanation: "no reader passed an acknowledged record"}
	}
	return Result{Status: Held, Explanation: plural(judged, "acknowledged record", "acknowledged records") + " at offsets that readers have passed, all of them read"}
}
