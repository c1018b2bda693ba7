package check

import "samsa/wire"

// A broker in controlled shutdown ends only when all active brokers know the new leaders of its partitions (KIP-841).
// Otherwise clients and followers would still send it requests:
//
//	batch of the shutdown     |b1 shuts down|b2 leads orders-0|b3 leads orders-1|
//	heartbeats                b2 has applied all of it, b3 has not: b1 must wait
//
// The controller keeps the end of that batch in its memory, so a controller that became active later does not know it, and
// neither does one that unfenced the broker since.

var shutdownAwaited = &Check{
	Name: "shutdown-awaited", Numbers: "S31/shutdown",
	Doc: "the controller lets a broker in controlled shutdown end only when every active broker has applied the changes of leaders",
	Of:  [2]string{"controlled shutdown, known to all active brokers", "controlled shutdowns, all known to all active brokers"},
	On:  []ChangeKind{ControllerReplied},
	See: seeShutdown,
	Accept: func(v *View) *Case {
		s, r := leaving(v)
		for _, node := range []wire.NodeID{1, 2} {
			s.Applied(node, s.at, -1, false)
		}
		s.fence(3)
		s.Replied(nil, r)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s, r := leaving(v)
		s.Applied(1, s.at, -1, false)
		s.Applied(2, s.at-1, -1, false)
		s.fence(3)
		s.Replied(nil, r)
		return s.done()
	},
}

// leaving plays the shutdown of b3 up to the heartbeat that the controller answers.
func leaving(v *View) (*stage, Reply) {
	s := newStage(v, 2)
	s.active(101)
	end := s.at + 1
	s.Appended(s.quorum.log, s.quorum.log.Replica(101), Batch{Base: 0, Next: end, Epoch: 1})
	s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 3, InControlledShutdown: 1})
	noteShutdown(s.View, end)
	return s, Reply{Kind: ToShutdown, From: 101, Broker: 3, BrokerEpoch: s.Registered(3), Tip: end}
}

// noteShutdown keeps the end of the batch in which a broker's controlled shutdown began, and the epoch of its leader.
func noteShutdown(v *View, end wire.Offset) {
	for _, id := range v.image.stopping {
		if b := v.image.brokers[id]; b != nil {
			b.shutdownEnd, b.shutdownEpoch = end, wire.NoEpoch
			for _, r := range v.quorum.log.replicas {
				if at, ok := r.Log.At(end - 1); ok {
					b.shutdownEpoch = at.Epoch
					break
				}
			}
		}
	}
	v.image.stopping = v.image.stopping[:0]
}

func seeShutdown(d *Tally, v *View, c *Change) {
	r, m := c.Reply, &v.image
	b := m.brokers[r.Broker]
	switch {
	case r.Kind != ToShutdown || v.Broker(r.From).ending:
		return
	case b == nil || b.epoch != r.BrokerEpoch || b.shutdownEnd == 0 || b.shutdownEpoch != v.Voter(r.From).Epoch:
		return
	case b.fencedAt <= r.Tip: // a fenced broker may end at once
		return
	}
	d.exercised()
	for _, other := range v.brokers {
		seat := m.brokers[other.Node]
		if seat == nil || seat.fenced || seat.shuttingDown || seat.unfencedTo > r.Tip || !other.appliedKnown || !v.runsRegistered(other.Node) {
			continue
		}
		if other.applied < b.shutdownEnd {
			d.violate(v, factOf(ABroker, v.name(r.Broker), ByController, ""), v.name(r.From), " let ", v.name(r.Broker), " shut down; its leaders changed below offset ",
				itoa(b.shutdownEnd), " of the metadata, and ", v.name(other.Node), " has applied only up to ", itoa(other.applied))
		}
	}
}
