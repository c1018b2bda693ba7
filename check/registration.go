package check

import (
	"samsa/wire"
)

// Registered returns a broker's committed broker epoch, -1 if it is not registered.
func (v *View) Registered(node wire.NodeID) wire.BrokerEpoch {
	if b := v.image.brokers[node]; b != nil {
		return b.epoch
	}
	return -1
}

var brokerEpochs = &Check{
	Name: "broker-epochs", Numbers: "S30",
	Doc: "broker epochs rise with every incarnation, no two incarnations share one, and a request with an old one changes nothing",
	On:  []ChangeKind{MetadataCommitted, ControllerReplied},
	See: func(d *Tally, v *View, c *Change) {
		switch c.Kind {
		case MetadataCommitted:
			rec, ok := c.Record.(*wire.RegisterBrokerRecord)
			if !ok {
				return
			}
			d.exercised()
			b := v.image.brokers[rec.BrokerID]
			if again := b != nil && b.incarnation == rec.IncarnationID; !again && len(v.image.registrations) > 0 && rec.BrokerEpoch <= v.image.newest {
				d.violate(v, factOf(ABroker, v.name(rec.BrokerID), ByController, "epoch does not rise"), "a new incarnation of ", v.name(rec.BrokerID), " is registered with broker epoch ",
					itoa(rec.BrokerEpoch), "; ", itoa(v.image.newest), " was granted before")
			}
			// The finding "epoch falls" also covers an equal epoch of another incarnation.
			if b != nil && (rec.BrokerEpoch < b.epoch || rec.BrokerEpoch == b.epoch && rec.IncarnationID != b.incarnation) {
				d.violate(v, factOf(ABroker, v.name(rec.BrokerID), ByController, "epoch falls"), "an incarnation of ", v.name(rec.BrokerID), " is registered with broker epoch ",
					itoa(rec.BrokerEpoch), " after one with ", itoa(b.epoch))
			}
		case ControllerReplied:
			if c.Reply.Kind != ToAlteration || c.Reply.PartitionEpoch == c.Reply.AskedEpoch {
				return
			}
			d.exercised()
			if c.Reply.BrokerEpoch < c.Reply.Registered {
				d.violate(v, c.Partition.fact(ByController, -1, "ISR change by an old incarnation"), v.name(c.Reply.Broker), " changed an ISR with broker epoch ",
					itoa(c.Reply.BrokerEpoch), "; epoch ", itoa(c.Reply.Registered), " was registered before the request")
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.restart(3, 33)
		s.alter(0, ids(1, 2), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, Broker: 3, BrokerEpoch: s.Registered(3), Registered: s.Registered(3), PartitionEpoch: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		old := s.Registered(3)
		s.restart(3, 33)
		s.Replied(s.p, Reply{Kind: ToAlteration, Broker: 3, BrokerEpoch: old, Registered: s.Registered(3), PartitionEpoch: 1})
		return s.done()
	},
}

// registrationState models the registration of one broker id (P12).
type registrationState struct {
	incarnation wire.UUID
	epoch       wire.BrokerEpoch // -2 if an epoch was granted and the response was lost
}

var registrationModel = model[registrationState]{ //immutable: functions of their arguments
	first: registrationState{epoch: -1},
	step: func(s registrationState, op Op) (registrationState, bool) {
		switch op := op.(type) {
		case *RegisterBroker:
			mine := op.Incarnation == s.incarnation
			switch {
			case op.Outcome == OK && mine:
				return registrationState{op.Incarnation, op.Epoch}, op.Epoch == s.epoch || s.epoch == -2
			case op.Outcome == OK:
				return registrationState{op.Incarnation, op.Epoch}, op.Epoch > s.epoch
			case op.Outcome == Failed || mine:
				// It was refused because another incarnation's session is alive or no controller is active, or its outcome
				// is unknown and this incarnation is registered already.
				return s, true
			}
			return registrationState{op.Incarnation, -2}, true
		case *Heartbeat:
			return s, op.Outcome != OK || op.Epoch == s.epoch || s.epoch == -2
		}
		return s, false
	},
	class: func(op Op) string {
		if op, ok := op.(*RegisterBroker); ok && (op.Outcome == Indefinite || op.Outcome == NeverDecided) {
			return string(op.Incarnation[:])
		}
		return ""
	},
}

var registrationLinearizable = &Check{
	Name: "registration-linearizable", Numbers: "P12",
	Doc: "broker registrations and heartbeats are linearizable: a heartbeat is accepted only with the newest broker epoch",
	Judge: func(c *Case) Result {
		var ops []subjectOp
		for _, op := range c.View.resolved(c.History) {
			switch op := op.(type) {
			case *RegisterBroker:
				ops = append(ops, subjectOp{c.View.name(op.Broker), op})
			case *Heartbeat:
				ops = append(ops, subjectOp{c.View.name(op.Broker), op})
			}
		}
		return judgeModel(c, registrationModel, ABroker, ops)
	},
	Accept: func(v *View) *Case {
		stale := heartbeat(5) // a failed heartbeat is always legal: the controller answered that the epoch is stale
		stale.Outcome = Failed
		return historyCase(v, registered(1, 5, OK), heartbeat(5), registered(2, 9, OK), stale, heartbeat(9))
	},
	Reject: func(v *View) *Case { return historyCase(v, registered(1, 5, OK), registered(2, 9, OK), heartbeat(5)) },
}

// resolved replaces registrations of unknown outcome: those in the metadata log become successes, and the rest are dropped.
// A registration took effect if and only if it is in the metadata log, even if the broker process had died before its
// request arrived.
func (v *View) resolved(history []Op) []Op {
	if v == nil || len(v.image.registrations) == 0 {
		return history
	}
	known := make([]Op, 0, len(history))
	answered := map[committedRegistration]bool{}
	asked := map[wire.UUID]*RegisterBroker{} // the first request of each incarnation
	for _, op := range history {
		op, ok := op.(*RegisterBroker)
		if !ok {
			continue
		}
		if was := asked[op.Incarnation]; was == nil || op.Called < was.Called {
			asked[op.Incarnation] = op
		}
		if op.Outcome == OK {
			answered[committedRegistration{epoch: op.Epoch, incarnation: op.Incarnation}] = true
		}
	}
	for _, op := range history {
		if r, ok := op.(*RegisterBroker); !ok || r.Outcome == OK || r.Outcome == Failed {
			known = append(known, op)
		}
	}
	for _, s := range v.image.registrations {
		first := asked[s.incarnation]
		if first == nil || answered[committedRegistration{epoch: s.epoch, incarnation: s.incarnation}] {
			continue
		}
		op := *first
		op.Outcome, op.Epoch, op.Returned = OK, s.epoch, forever-1 // it took effect before the registration with the next epoch
		for _, later := range history {
			if r, ok := later.(*RegisterBroker); ok && r.Broker == op.Broker && r.Outcome == OK && r.Epoch > op.Epoch && r.Returned > 0 {
				op.Returned = min(op.Returned, r.Returned)
			}
		}
		known = append(known, &op)
	}
	return known
}

// registered builds a registration of broker b1; heartbeat builds a heartbeat of that broker.
func registered(incarnation byte, epoch wire.BrokerEpoch, o Outcome) *RegisterBroker {
	return &RegisterBroker{Head: Head{Client: "b1", Outcome: o}, Broker: 1, Incarnation: wire.UUID{incarnation}, Epoch: epoch}
}

func heartbeat(epoch wire.BrokerEpoch) *Heartbeat {
	return &Heartbeat{Head: Head{Client: "b1"}, Broker: 1, Epoch: epoch}
}
