package controller

import (
	"samsa/controller/image"
	"samsa/wire"
)

// Rules are the decisions of this package that were once made otherwise, or that an eager hand might simplify. Each field
// asks a question; today's answer is in Today. Each is asked at one place.
type Rules struct {
	// MayJoinISR: may this registered broker be a member of an ISR that a leader proposes? One that is fenced or is
	// shutting down is about to be taken out again, and may be gone already (KIP-841, KAFKA-13916).
	MayJoinISR func(b *image.Broker) bool

	// SameIncarnation: is the broker that a leader saw fetching, by its broker epoch (-1 if it did not say), the one
	// that is registered now? A new incarnation may have lost what the old one had (KIP-903, KAFKA-14617).
	SameIncarnation func(claimed, registered wire.BrokerEpoch) bool

	// Outdated: is a proposal that was made at a partition epoch too old, now that the partition is at another? Without
	// it the last writer wins, whatever it knew (KIP-497; ZooKeeper's version before it).
	Outdated func(proposed, current wire.PartitionEpoch) bool

	// CleanRestart: did the incarnation before this one shut down cleanly, by the broker epoch that the new one found
	// in its clean-shutdown file (-1 for none) and the one that is registered? If not, it leaves the ELR, too (KIP-966).
	CleanRestart func(found, registered wire.BrokerEpoch) bool

	// LeaveOnRestart: does a broker leave every ISR when a new incarnation of it registers? Inside one session nobody
	// else may notice that it was away (KIP-631).
	LeaveOnRestart bool

	// MayLeadLastKnown: may the last known leader lead again, alone, given whether it is alive (KAFKA-19522)?
	MayLeadLastKnown func(alive bool) bool

	// RefuseDuplicate: is a second incarnation refused while the first one's session lives? Two processes may have been
	// given one id, and the one that serves must not lose its place to the one that does not (KIP-631).
	RefuseDuplicate bool

	// AnswerCommitted: does an answer wait until what it tells of is committed? The next controller may not have it, and
	// whoever was told goes on as if everybody did (KIP-631).
	AnswerCommitted bool
}

// Today is the answers of the current Kafka.
func Today() Rules {
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
