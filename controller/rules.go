package controller

import (
	"samsa/controller/image"
	"samsa/wire"
)

// Rules has the decisions of this package for which Kafka once had another answer, or for which a simpler answer looks
// right but is wrong. Each field is a question that the code asks in one place; CurrentRules has the current answers.
type Rules struct {
	// MayJoinISR: may this registered broker be a member of an ISR that a leader proposes? A broker that is fenced or in
	// controlled shutdown may be down already, and would soon leave the ISR again (KIP-841, KAFKA-13916).
	MayJoinISR func(b *image.Broker) bool

	// SameIncarnation: does the broker epoch that a follower sent to the leader (-1 if it sent none) belong to the
	// registered incarnation? A new incarnation may have lost records that the old one had (KIP-903, KAFKA-14617).
	SameIncarnation func(claimed, registered wire.BrokerEpoch) bool

	// Outdated: is the partition epoch of a proposal too old? Without this check the last proposal wins, even if it is
	// based on an older state (KIP-497; before KIP-497, the version of the ZooKeeper node had this role).
	Outdated func(proposed, current wire.PartitionEpoch) bool

	// CleanRestart: did the registered incarnation shut down cleanly, given the broker epoch that the new incarnation
	// found in its clean-shutdown file (-1 without a file)? If not, the broker also leaves every ELR (KIP-966).
	CleanRestart func(found, registered wire.BrokerEpoch) bool

	// LeaveOnRestart: does a broker leave every ISR when a new incarnation of it registers? If it restarts within its
	// session timeout, the registration may be the only sign of the restart (KIP-631).
	LeaveOnRestart bool

	// MayLeadLastKnown: may the last known leader lead again, as the only replica in the ISR? It may do so only if it is
	// active (KAFKA-19522).
	MayLeadLastKnown func(alive bool) bool

	// RefuseDuplicate: is a second incarnation of a broker refused while the session of the first is valid? Two
	// processes may have the same id, and the running broker must not lose its registration to the other process
	// (KIP-631).
	RefuseDuplicate bool

	// AnswerCommitted: does a response wait until the records that its request produced are committed? Otherwise the
	// client may rely on records that the next controller does not have (KIP-631).
	AnswerCommitted bool
}

// CurrentRules returns the answers of current Kafka.
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

// mustBeComplete panics if a rule is missing. Rules have no defaults, because a caller that forgot a rule would not notice.
func (r *Rules) mustBeComplete() {
	if r.MayJoinISR == nil || r.SameIncarnation == nil || r.Outdated == nil || r.CleanRestart == nil || r.MayLeadLastKnown == nil {
		panic("controller: Rules has a question without an answer: begin with CurrentRules")
	}
}
