package check

import (
	"cmp"
	"slices"

	"samsa/wire"
)

const withoutIdempotence = "without enable.idempotence a retry may store a record twice"

var noDuplicate = &Check{
	Name: "no-duplicate", Numbers: "H2",
	Doc: "no record is stored twice",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		first := map[spot]*Consume{}
		for op := range reads(c.History) {
			k, send, candidates := c.found(op)
			if len(candidates) > 0 {
				continue // another record with that value may be at the other offset
			}
			was, again := first[k]
			if !again {
				first[k], s.seen = op, s.seen+1
			} else if was.Offset != op.Offset {
				clause, once := s.licensed(k.place, op.Offset), was.Attempt == op.Attempt && op.Attempt > 0
				if clause == "" && !once && (send == nil || !send.Idempotent) {
					clause = withoutIdempotence
				}
				way := ""
				if once {
					way = "stored twice by one request"
				}
				s.decide(op, k.fact(ByProducer, op.Offset, way), clause, op.Client+" read "+quote(op.Value)+k.record.words()+" at offsets "+itoa(was.Offset)+" and "+
					itoa(op.Offset)+" of "+k.String())
			}
		}
		return s.answer("record read, once", "records read, each once")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1), polled("c2", "a", 0))
	},
	Reject: func(v *View) *Case {
		a := sent("p1", "a", 0)
		a.Idempotent = true
		return historyCase(v, a, polled("c1", "a", 0), polled("c1", "a", 1))
	},
}

var producerOrder = &Check{
	Name: "producer-order", Numbers: "H20",
	Doc: "the records of one producer are in a partition in the order in which it sent them",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		latest := map[cursor]recordAt{}
		for _, r := range c.recordsInOrder() {
			op, send := r.read, r.send
			k := cursor{client: send.Client, place: r.place}
			prior, ok := latest[k]
			if !ok || send.Number > prior.send.Number {
				latest[k] = r
			}
			if !ok {
				continue
			}
			before := prior.send
			s.seen++
			if send.Number < before.Number && !storedBelow(c.View, r.spot, prior.at) {
				clause := c.View.gone(r.place, r.at) // after a licensed loss, other records take the lost offsets
				switch {
				case clause != "" || send.Idempotent:
				case before.Outcome == OK && before.Offset > r.at && c.View.deletedAt(r.place, 0) != "":
					clause = withoutIdempotence + "; of the first copies, those at the log's beginning are deleted"
				case send.Acks == 0: // the producer does not wait, so a later request on another connection may be handled first
					clause = "acks=0: the producer went on before the broker had the record"
				case send.Outcome != OK:
					clause = "a send without enable.idempotence whose outcome is unknown may be stored late"
				}
				s.decide(op, r.fact(ByProducer, r.at, ""), clause, send.Client+" sent "+quote(send.Value)+" before "+quote(before.Value)+"; in "+r.place.String()+
					" it follows it, at offset "+itoa(r.at))
			}
		}
		return s.answer("record in its order", "records in the order they were sent")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, sent("p1", "a", 0), sent("p1", "b", 1), polled("c1", "a", 0), polled("c1", "b", 1))
	},
	Reject: func(v *View) *Case {
		return historyCase(v, sent("p1", "a", 1), sent("p1", "b", 0), polled("c1", "b", 0), polled("c1", "a", 1))
	},
}

// storedBelow reports whether a leader stored a copy of a known record below an offset. No read may have found that copy: a retry
// stored the record again, and readers began between the two.
func storedBelow(v *View, k spot, at wire.Offset) bool {
	for p := range partitionsOf(v, k.place) {
		for id, s := range p.sends { //order: looks for any copy
			if s.Client == k.record.Client && id.Base < at {
				if i := slices.Index(s.Numbers, k.record.Number); i >= 0 && id.Base+wire.Offset(i) < at {
					return true
				}
			}
		}
	}
	return false
}

// recordAt is a record with its lowest known offset.
type recordAt struct {
	spot
	at   wire.Offset
	read *Consume // the read that found it there first
	send *Produce
}

// recordsInOrder returns the records that were read, if their sends are known, in the order of their offsets. A retry may
// store a record twice. The first copy counts, even if no read found it and only the response to the producer contains
// its offset.
func (c *Case) recordsInOrder() []recordAt {
	where := map[spot]recordAt{}
	for op := range reads(c.History) {
		k, send, _ := c.found(op)
		if send == nil {
			continue
		}
		if was, ok := where[k]; !ok || op.Offset < was.at {
			where[k] = recordAt{k, op.Offset, op, send}
		}
	}
	all := make([]recordAt, 0, len(where))
	for _, r := range where { //order: sorted below
		if r.send.Outcome == OK && r.send.Acks != 0 {
			r.at = min(r.at, r.send.Offset)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b recordAt) int { //total: no two of them are the same record in the same place
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.deleted, b.deleted), cmp.Compare(a.Partition, b.Partition),
			cmp.Compare(a.at, b.at), cmp.Compare(a.record.Client, b.record.Client), cmp.Compare(a.record.Number, b.record.Number))
	})
	return all
}

var ackedWhereTold = &Check{
	Name: "acked-where-told", Numbers: "H21",
	Doc: "a record is at the offset in the response to its producer",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		where := map[spot][]*Consume{}
		for op := range reads(c.History) {
			k, _, candidates := c.found(op)
			where[k] = append(where[k], op)
			for _, send := range candidates {
				where[c.spot(send)] = append(where[c.spot(send)], op)
			}
		}
		for op := range of[*Produce](c.History) {
			p := c.written(op)
			polls := where[c.spot(op)]
			if op.Outcome != OK || op.Acks == 0 || len(polls) == 0 || !c.passages()[p].has(op.Offset) {
				continue // a retry may have stored another copy at an offset that readers have passed
			}
			s.seen++
			if !slices.ContainsFunc(polls, func(r *Consume) bool { return r.Offset == op.Offset }) {
				clause := s.licensed(p, op.Offset)
				if clause == "" && op.Acks == 1 {
					clause = asksForLess
				}
				if clause == "" && !op.Idempotent { // the acknowledged copy may have been deleted before any read
					clause = c.View.deletedAt(p, op.Offset)
				}
				s.decide(polls[0], p.fact(ByLeader, op.Offset, wayOfLoss(c.View, p, op.Offset)), clause, quote(op.Value)+" of "+op.Client+" was acknowledged at offset "+itoa(op.Offset)+" of "+
					p.String()+"; "+polls[0].Client+" read it at "+itoa(polls[0].Offset))
			}
		}
		return s.answer("record where it should be", "records where they should be")
	},
	Accept: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), polled("c1", "a", 0)) },
	Reject: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), from(0, polled("c1", "a", 1))) },
}

var recordsIntact = &Check{
	Name: "records-intact", Numbers: "H22",
	Doc: "every record that is read was sent, to that partition, with that key and value",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		if len(c.sends().records) == 0 {
			return s.answer("", "")
		}
		for op := range reads(c.History) {
			s.seen++
			p := c.read(op)
			_, send, candidates := c.found(op)
			switch {
			case len(candidates) > 0:
				if !slices.ContainsFunc(candidates, func(send *Produce) bool { return send.Key == op.Key && send.Outcome != Failed }) {
					s.decide(op, p.fact(ByLeader, op.Offset, "another key"), "", op.Client+" read "+quote(op.Value)+" with the key "+quote(op.Key)+"; no send of that value that may have succeeded has this key")
				}
			case send == nil:
				s.decide(op, p.fact(ByLeader, op.Offset, "never sent"), "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+p.String()+", and no producer sent it there")
			case send.Value != op.Value:
				s.decide(op, p.fact(ByLeader, op.Offset, "another value"), "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+p.String()+"; "+send.Client+" had sent "+
					quote(send.Value)+" there")
			case send.Key != op.Key:
				s.decide(op, p.fact(ByLeader, op.Offset, "another key"), "", op.Client+" read "+quote(op.Value)+" with the key "+quote(op.Key)+"; it was sent with "+quote(send.Key))
			case send.Outcome == Failed:
				s.decide(op, p.fact(ByProducer, op.Offset, "failed"), "", op.Client+" read "+quote(op.Value)+" at offset "+itoa(op.Offset)+" of "+p.String()+
					", though the send of "+send.Client+" failed")
			}
		}
		return s.answer("record read as it was sent", "records read as they were sent")
	},
	Accept: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), polled("c1", "a", 0)) },
	Reject: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), polled("c1", "x", 1)) },
}
