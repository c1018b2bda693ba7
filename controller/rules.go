package controller

import (
	"samsa/controller/image"
	"samsa/wire"
)

// Rules are the decisions of this package for which Kafka once had another answer, or that look easy to simplify. Each
// field is a question, asked at one place; CurrentRules has the current answers.
type Rules struct {
	// MayJoinISR: may this registered broker be a member of an ISR that a leader proposes? A broker that is fenced or in
	// controlled shutdown may be down already, and would leave the ISR again (KIP-841, KAFKA-13916).
	MayJoinISR func(b *image.Broker) bool

	// SameIncarnation: is the broker that fetched from a leader, by its broker epoch (-1 if it sent none), the
	// registered incarnation? A new incarnation may have lost records that the old one had (KIP-903, KAFKA-14617).
	SameIncarnation func(claimed, registered wire.BrokerEpoch) bool

	// Outdated: is a proposal of one partition epoch too old for the current one? Without this check the last proposal
	// wins, whatever state it is based on (KIP-497; ZooKeeper's version before it).
	Outdated func(proposed, current wire.PartitionEpoch) bool

	// CleanRestart: did the last incarnation shut down cleanly, by the broker epoch in the clean-shutdown file of the
	// new one (-1 without a file) and the registered epoch? If not, the broker also leaves every ELR (KIP-966).
	CleanRestart func(found, registered wire.BrokerEpoch) bool

	// LeaveOnRestart: does a broker leave every ISR when a new incarnation of it registers? Within one session no other sign
	// of the restart may exist (KIP-631).
	LeaveOnRestart bool

	// MayLeadLastKnown: may the last known leader lead again, as the only replica in sync? Only if it is active (KAFKA-19522).
	MayLeadLastKnown func(alive bool) bool

	// RefuseDuplicate: is a second incarnation refused while the first one's session is valid? Two processes may have
	// the same id, and the one that serves must not lose its registration to the other (KIP-631).
	RefuseDuplicate bool

	// AnswerCommitted: does a response wait until the records of its op are committed? Otherwise the next controller may
	// not have them, while the client relies on them (KIP-631).
	AnswerCommitted bool
}

// CurrentRules are the answers of the current Kafka.
func CurrentRules() Rules {
	return Rules{
		MayJoinISR:       func(b *image.Broker) bool { return b.Active() },
		SameIncarnation:  func(claimed, registered wire.BrokerEpoch) bool { return claimed == -1 || claimed == registered },
		Outdated:         func(proposed, current wire.PartitionEpoch) bool { return proposed < current },
		CleanRestart:     func(found, registered wire.BrokerEpoch) bool { return found == registered },
		LeaveOnRestart:   true,
		MayLeadLastKnown: func(alive bool) bool { return alive },
		RefuseDuplicate:  true,
		AnswerCommitted:  true,
	}
}

// mustBeComplete panics if a rule is missing. There is no default: an old rule could not be told from a missing one.
func (r *Rules) mustBeComplete() {
	if r.MayJoinISR == nil || r.SameIncarnation == nil || r.Outdated == nil || r.CleanRestart == nil || r.MayLeadLastKnown == nil {
		panic("controller: Rules has a question without an answer: begin with CurrentRules")
	}
}
