package check

import "samsa/wire"

// calmSpan is a time without an active fault.
type calmSpan struct{ from, to int64 }

// calmAround returns the span without an active fault that contains a time. It returns false if a fault was active at
// that time.
func calmAround(v *View, at int64) (calmSpan, bool) {
	if v.quietSince >= 0 && at >= v.quietSince {
		return calmSpan{v.quietSince, v.now}, true
	}
	for _, s := range v.calm {
		if s.from <= at && at <= s.to {
			return s, true
		}
	}
	return calmSpan{}, false
}

// faulty are Kafka's codes of errors that the record, the topic's rules or the producer itself causes. Even a cluster
// without faults refuses such a record.
var faulty = map[int16]bool{ //immutable: a table
	2: true, 10: true, 17: true, 18: true, 21: true, 32: true, 35: true, 42: true, 43: true, 44: true, 45: true, 47: true, 59: true, 76: true, 87: true, 90: true,
}

var available = &Check{
	Name: "sends-acknowledged", Numbers: "L18/acked", Liveness: true,
	Doc: "while no fault is active, every send with acks=all to a topic that stays is acknowledged; after a fault, once the timeouts allow it",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		if c.View == nil {
			return s.answer("", "")
		}
		for op := range of[*Produce](c.History) {
			if op.Acks != -1 || op.Outcome == NeverDecided || op.Returned == 0 || faulty[op.Error] || !stays(c.View, op.Partition, op.Since) {
				continue
			}
			span, calm := calmAround(c.View, op.Since)
			t := &c.View.contract.Timeouts
			able := span.from // the time from which the cluster is able to serve
			if span.from > 0 {
				able += int64(t.caughtUp())
			}
			had := Duration(min(op.At, span.to) - max(op.Since, able)) // the time in which it could have been acknowledged
			switch {
			case !calm || had < 0:
			case op.Outcome == OK && op.At <= span.to:
				s.seen++
			case op.Outcome != OK && had > 2*t.Request+t.fetched():
				fact := c.written(op).fact(ByLeader, -1, "")
				clause := c.View.damagedDiskUnder(fact)
				if clause == "" {
					clause = lockedOut(c.View, op.Partition)
				}
				s.decide(op, fact, clause, op.Client+"'s send of "+quote(op.Value)+" to "+c.written(op).String()+
					" with acks=all was not acknowledged; for "+seconds(had)+" of the time until its outcome no fault was active and the cluster had recovered")
			}
		}
		return s.answer("send with acks=all, acknowledged", "sends with acks=all, all acknowledged")
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.quietSince = 0
		op := sent("p1", "a", 0)
		op.Returned, op.Since, op.At, op.Step = 2, s.now, s.now+int64(second), 9
		s.Clock(9, op.At)
		return &Case{History: []Op{op}, View: v}
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.quietSince = 0
		op := sent("p1", "a", -1)
		op.Outcome, op.Returned, op.Since, op.At, op.Step = Indefinite, 2, s.now, s.now+int64(s.contract.Delivery), 9
		s.Clock(9, op.At)
		return &Case{History: []Op{op}, View: v}
	},
}

// lockedOut returns a clause if no replica of a partition may lead it, or "" otherwise.
func lockedOut(v *View, tp wire.TopicPartition) string {
	p := v.index[partitionKey{v.image.names[tp.Topic], tp.Partition}]
	if p == nil || p.assigned.Leader != wire.NoNode || len(p.assigned.ISR)+len(p.assigned.ELR)+len(p.assigned.LastELR) > 0 {
		return ""
	}
	return "a change of min.insync.replicas cleared the ELR while the ISR was empty, so no replica may lead: Kafka does so too, see locked-out"
}

// stays reports whether the partition existed at a time, and no topic of its name was ever deleted.
func stays(v *View, tp wire.TopicPartition, since int64) bool {
	owners := v.image.nameOwners[tp.Topic]
	if len(owners) != 1 || owners[0].at > since {
		return false
	}
	made := v.image.epochs[partitionKey{owners[0].id, tp.Partition}]
	return len(made) > 0 && made[0].at <= since
}
