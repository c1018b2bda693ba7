package check

import "samsa/wire"

var unfencedCaughtUp = &Check{
	Name: "unfenced-caught-up", Numbers: "S30/unfenced",
	Doc: "the controller unfences a broker only after the broker has applied its own registration",
	Of:  [2]string{"broker unfenced, with its registration applied", "brokers unfenced, each with its registration applied"},
	On:  []ChangeKind{MetadataCommitted},
	See: seeUnfenced,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		s.Started(3)
		s.register(3, 33)
		s.Applied(3, s.at, -1, true)
		s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 3, Fenced: -1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		s.Started(3)
		s.register(3, 33)
		s.Applied(3, s.at-1, -1, true) // everything but its registration
		s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 3, Fenced: -1})
		return s.done()
	},
}

// seeUnfenced requires that the process that is unfenced has the record of its registration in its image. The broker epoch
// is the offset of that record. A broker with an older image may act on leaderships that it lost before its restart
// (KIP-631: "caught up" in the heartbeat). Another process of the same node id, or one that has died since its heartbeat,
// is not judged.
func seeUnfenced(d *Tally, v *View, c *Change) {
	var node wire.NodeID
	switch r := c.Record.(type) {
	case *wire.BrokerRegistrationChangeRecord:
		if r.Fenced != -1 {
			return
		}
		node = r.BrokerID
	case *wire.UnfenceBrokerRecord:
		node = r.ID
	default:
		return
	}
	b, seat := v.Broker(node), v.image.brokers[node]
	if seat == nil || !seat.fenced || !b.appliedKnown || !v.runsRegistered(node) {
		return
	}
	d.exercised()
	if b.applied <= wire.Offset(seat.epoch) {
		d.violate(v, factOf(ABroker, v.name(node), ByController, ""), "the controller unfenced ", v.name(node), ", which has applied the metadata up to ",
			itoa(b.applied), "; its own registration is at offset ", itoa(seat.epoch))
	}
}
