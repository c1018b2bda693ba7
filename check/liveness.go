package check

import (
	"slices"

	"samsa/wire"
)

// livenessChecks require that a cluster recovers within a bound after the last fault. Until the bound has passed, these
// checks are unexercised.
var livenessChecks = []*Check{
	liveness("heals", "L1 L2 L3", "once no fault is active, every partition gets a leader, all its replicas are in sync again and everything is committed",
		Timeouts.caughtUp, func(v *View) (seen bool, f Fact, trouble string) {
			return v.allHealed(func(p *Partition) bool { return len(p.assigned.Replicas) > 0 })
		},
		func(s *stage) { s.follows(2, 0, 0); s.follows(3, 0, 0) },
		func(s *stage) { s.alter(wire.NoNode, ids(2), nil) }),

	liveness("quorum-settles", "L4", "once no fault is active, the controllers elect one leader, and all follow it",
		Timeouts.quorumLed, func(v *View) (seen bool, f Fact, trouble string) {
			f = metadataFact(ByVoter, -1, "")
			if late := Duration(v.quorum.epochAt - v.quietSince); len(v.quorum.voters) > 0 && late > v.contract.quorumLed() {
				f.Way = "elects on"
				return true, f, "the controllers still moved to epoch " + itoa(v.quorum.epoch) + " " + seconds(late) + " after it"
			}
			for _, w := range v.quorum.voters {
				switch first := v.quorum.voters[0]; {
				case w.observed && w.Leader == wire.NoNode:
					f.Way = "no leader"
					return true, f, v.name(w.Node) + " knows no leader in epoch " + itoa(w.Epoch)
				case w.observed && first.observed && (w.Leader != first.Leader || w.Epoch != first.Epoch):
					f.Way = "two leaders"
					return true, f, v.name(first.Node) + " and " + v.name(w.Node) + " follow different leaders"
				}
			}
			return len(v.quorum.voters) > 0, f, ""
		},
		func(s *stage) {
			s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1})
			s.VoterChanged(102, VoterState{Leader: 101, Epoch: 1})
		},
		func(s *stage) { s.VoterChanged(101, VoterState{Leader: wire.NoNode, Epoch: 9}) }),

	liveness("brokers-return", "L5", "once no fault is active, every running broker is unfenced, and a controlled shutdown ends",
		Timeouts.unfenced, func(v *View) (seen bool, f Fact, trouble string) {
			for _, b := range v.brokers {
				r := v.image.brokers[b.Node]
				if took := b.stoppingFor(v); took > v.contract.unfenced() {
					return true, factOf(ABroker, v.name(b.Node), ByController, "does not stop"), v.name(b.Node) + " is in controlled shutdown, and has not stopped after " + seconds(took)
				} else if b.stoppingSince > 0 && b.up {
					continue
				}
				if seen = seen || b.up; b.up && (r == nil || r.fenced || r.shuttingDown) {
					return true, factOf(ABroker, v.name(b.Node), ByController, "stays fenced"), v.name(b.Node) + " runs and stays fenced"
				}
			}
			return seen, f, ""
		},
		func(*stage) {},
		func(s *stage) { s.fence(2) }),

	liveness("images-equal", "L14", "once no fault is active and nothing changes, every broker has applied all metadata",
		Timeouts.partitionsLed, func(v *View) (seen bool, f Fact, trouble string) {
			if v.now-v.image.changed <= int64(2*v.contract.FetchWait+v.contract.Backoff) {
				return false, f, ""
			}
			for _, b := range v.brokers {
				if seen = seen || b.appliedKnown; b.up && b.appliedKnown && b.applied < v.image.next {
					return true, metadataFact(ByServer, b.applied, ""), v.name(b.Node) + " has applied the metadata up to " + itoa(b.applied) +
						"; the log is committed up to " + itoa(v.image.next)
				}
			}
			return seen, f, ""
		},
		func(s *stage) { s.Applied(1, s.at, 0, false) },
		func(s *stage) { s.Applied(1, s.at-1, 0, false) }),

	liveness("no-storm", "L19", "while nothing is written and no fault is active, no node sends requests more often than its timeouts allow",
		Timeouts.inSync, func(v *View) (seen bool, f Fact, trouble string) {
			if v.idle.worst > v.requestsAllowed() {
				return true, factOf(TheRequests, "", ByServer, ""), itoa(v.idle.worst) + " requests arrived within an idle second; the timeouts allow for " + itoa(v.requestsAllowed())
			}
			return v.idle.worst > 0, f, ""
		},
		func(s *stage) { s.idle.worst = 20 },
		func(s *stage) { s.idle.worst = 20_000 }),

	liveness("recovers", "L20", "after all brokers lost power at once, the cluster serves again without an operator",
		Timeouts.caughtUp, func(v *View) (seen bool, f Fact, trouble string) {
			return v.allHealed(func(*Partition) bool { return v.allLostPower })
		},
		func(s *stage) {
			for node := wire.NodeID(1); node <= 3; node++ {
				s.power(node, 0)
			}
			for node := wire.NodeID(1); node <= 3; node++ {
				s.restart(node, 10+byte(node))
			}
			s.alter(wire.NoNode, nil, nil)
			s.alter(1, nil, nil)
			s.leads(1, 2, 0)
			s.follows(2, 2, 0)
			s.follows(3, 2, 0)
		},
		func(s *stage) {
			for node := wire.NodeID(1); node <= 3; node++ {
				s.power(node, 0)
			}
			s.alter(wire.NoNode, ids(1), nil)
		}),

	requestsResolve, requestsAnswered, available,
}

// liveness builds a liveness check. The function bound returns the time allowed after the last fault ended. The function
// look describes the trouble, or "" if there is none.
func liveness(name, numbers, doc string, bound func(Timeouts) Duration, look func(*View) (bool, Fact, string), good, bad func(*stage)) *Check {
	play := func(what func(*stage)) func(*View) *Case {
		return func(v *View) *Case {
			s := newStage(v, 2)
			what(s)
			s.tick()
			s.FaultsOver(s.now)
			s.Clock(s.step+1, s.now+int64(bound(s.contract.Timeouts))+1)
			return s.done()
		}
	}
	return &Check{
		Name: name, Numbers: numbers, Doc: doc, Liveness: true,
		Judge: func(c *Case) Result {
			v := c.View
			if v == nil || v.quietSince < 0 {
				return Result{Status: Unexercised, Explanation: "a fault is still active"}
			}
			seen, fact, trouble := look(v)
			since := Duration(v.now - v.quietSince)
			switch {
			case !seen:
				return Result{Status: Unexercised}
			case trouble == "":
				return Result{Status: Held, Explanation: "nothing is wrong " + seconds(since) + " after the last fault ended"}
			case since <= bound(v.contract.Timeouts):
				return Result{Status: Unexercised, Explanation: "the run ended " + seconds(since) + " after the last fault; the bound is " + seconds(bound(v.contract.Timeouts))}
			}
			r := Result{Status: Violated, Step: v.step, Fact: fact, Explanation: trouble + ", " + seconds(since) + " after the last fault ended; the timeouts allow " + seconds(bound(v.contract.Timeouts))}
			if r.Clause = v.damagedDiskUnder(fact); r.Clause != "" {
				r.Status = Priced
			}
			return r
		},
		Accept: play(good), Reject: play(bad),
	}
}

// allHealed describes the trouble of a partition of interest, or "" if there is none. It prefers a partition with sound
// disks, because no node can repair damaged disks.
func (v *View) allHealed(ofInterest func(*Partition) bool) (seen bool, f Fact, trouble string) {
	for _, p := range v.parts {
		if !ofInterest(p) {
			continue
		}
		seen = true
		if at, words := v.healed(p); words != "" && (trouble == "" || v.damagedDisk(p) == "") {
			if f, trouble = at, words; v.damagedDisk(p) == "" {
				break
			}
		}
	}
	return seen, f, trouble
}

// healed describes the trouble of one partition, or "" if there is none. Records that were appended just now may not have
// been replicated yet.
func (v *View) healed(p *Partition) (f Fact, trouble string) {
	a := &p.assigned
	if len(a.Replicas) == 0 {
		return f, ""
	}
	f = p.fact(ByController, -1, "")
	l := p.replica(a.Leader)
	switch {
	case a.Leader == wire.NoNode && len(a.ISR)+len(a.ELR)+len(a.LastELR) == 0 && !v.unclean(p):
		return f, "" // as in Kafka, raising min.insync.replicas cleared the ELR while the ISR was empty, so no replica may lead
	case a.Leader == wire.NoNode && len(a.ISR)+len(a.ELR)+len(a.LastELR) == 0 && v.now-max(v.quietSince, v.image.changed) <= int64(v.contract.UncleanEvery+v.contract.Session):
		return f, "" // the controller runs unclean elections only once per unclean.leader.election.interval.ms
	case a.Leader == wire.NoNode:
		f.Way = "no leader"
		return f, p.TP.String() + " has no leader; its ISR is " + v.names(a.ISR)
	case l == nil || !l.Leads || l.Epoch != a.Epoch:
		f.Role, f.Way = ByLeader, "does not know that it leads"
		return f, v.name(a.Leader) + " does not know that it leads " + p.TP.String()
	case l.Pending != nil:
		f.Role, f.Way = ByLeader, "ISR change in flight"
		return f, "an ISR change of " + p.TP.String() + " is still in flight"
	}
	f.Role = ByFollower
	for _, id := range a.Replicas {
		r := p.replica(id)
		switch {
		case !slices.Contains(a.ISR, id):
			f.Way = "out of the ISR"
			return f, v.name(id) + " is not back in the ISR of " + p.TP.String()
		case v.now-p.appendedAt <= int64(v.contract.Request+4*v.contract.FetchWait):
		case r == nil || r.endOffset() != l.endOffset():
			f.Offset, f.Way = l.endOffset(), "shorter log"
			return f, v.name(id) + " does not have all of " + p.TP.String() + ", which ends at " + itoa(l.endOffset())
		case l.HW != l.endOffset():
			f.Offset, f.Way = l.HW, "high watermark below the end"
			return f, "the high watermark of " + p.TP.String() + " stands at " + itoa(l.HW) + "; the log ends at " + itoa(l.endOffset())
		}
	}
	return f, ""
}

// endOffset returns a replica's log end offset. An empty log has no end offset on disk, so the broker's own value counts:
// the broker may have truncated the log to an offset below its old start, in order to follow a leader whose log ends there.
func (r *Replica) endOffset() wire.Offset {
	if r.Log.Len() == 0 && r.observed && r.Start == r.End {
		return r.End
	}
	return r.Log.End()
}

// stoppingFor returns the duration of a broker's longest controlled shutdown, past or current, counting only time without
// faults.
func (b *Broker) stoppingFor(v *View) Duration {
	if b.up && b.stoppingSince > 0 && v.quietSince >= 0 {
		return max(b.tookToStop, Duration(v.now-max(b.stoppingSince, v.quietSince)))
	}
	return b.tookToStop
}

var requestsResolve = &Check{
	Name: "requests-resolve", Numbers: "L18", Liveness: true,
	Doc: "every send has an outcome within delivery.timeout.ms, as long as its client runs",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		for op := range of[*Produce](c.History) {
			s.seen++
			if op.Outcome != NeverDecided || c.View == nil {
				continue
			}
			t, allowed := &c.View.contract.Timeouts, op.Allowed
			if allowed == 0 {
				allowed = t.Delivery
			}
			if c.View.now-op.At > int64(allowed+t.Request+t.Backoff) {
				s.decide(op, c.written(op).fact(ByProducer, -1, ""), "", op.Client+"'s send of "+quote(op.Value)+" to "+c.written(op).String()+" has been under way for "+
					seconds(Duration(c.View.now-op.At)))
			}
		}
		return s.answer("send with an outcome in time", "sends, all with an outcome in time")
	},
	Accept: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0)) },
	Reject: func(v *View) *Case {
		open := sent("p1", "a", 0)
		open.Outcome = NeverDecided
		c := historyCase(v, open)
		c.View.Clock(2, open.At+int64(200*second))
		return c
	},
}
