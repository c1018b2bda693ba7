package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/storage"
	"samsa/wire"
)

// Rules are the decisions of this package for which Kafka once had another answer, or is known to need one. Each is a function
// of its arguments alone and is called at exactly one place. CurrentRules has Kafka's current answers.
type Rules struct {
	// TruncateOnFollow: where does a replica truncate its log when it starts to follow a new leader, before its first fetch?
	// Nowhere: the first fetch finds out where the logs diverge (KIP-101, KIP-595).
	TruncateOnFollow func(hw, end wire.Offset) wire.Offset

	// EpochEnd: what does a leader answer for the end of an epoch, if it found the largest epoch not above the requested one?
	// That epoch with its end: the follower must know whether it is the epoch that it requested (KIP-279).
	EpochEnd func(asked wire.Epoch, found storage.EpochEndOffset) storage.EpochEndOffset

	// Admit: is a fetch with another leader epoch than the leader's served? No: its sender does not follow this leader
	// yet or any more, and its position may be in a log that has been truncated since (KIP-320).
	Admit func(asked, mine wire.Epoch) Admission

	// MayJoin: what must a follower have to join the ISR? The log up to the high watermark and up to the start of this epoch: a
	// new leader's high watermark may be below what is committed (KAFKA-7128).
	MayJoin func(end, hw, epochStart wire.Offset) bool

	// PositionCounts: does the position of a fetch count for the high watermark? Not if the logs diverge below it: the offset
	// is one of another log (KAFKA-13141).
	PositionCounts func(diverges bool) bool

	// MaximalISR: for which replicas does the high watermark wait while an ISR change is in flight? For all that may be in the
	// ISR, whether the change succeeds or not: the controller may elect any of them (KIP-497).
	MaximalISR func(committed, proposed []wire.NodeID) []wire.NodeID

	// MayAdvanceHW: may the high watermark move with an ISR of this size? Not below min.insync.replicas: another eligible leader
	// would not have the records that become visible (KIP-966).
	MayAdvanceHW func(isr, minISR int) bool

	// SameIncarnation: is the incarnation that fetched the one that would join the ISR? Only if it is registered now: a later one
	// may have lost the end of its log (KIP-903, KAFKA-14617). Requests of old versions have no broker epoch: -1.
	SameIncarnation func(fetched, registered wire.BrokerEpoch) bool
}

// Admission is what a leader does with a fetch, by its leader epoch.
type Admission uint8

const (
	Admitted Admission = iota // of the leader's epoch, or without one
	Fenced                    // of an older epoch: FENCED_LEADER_EPOCH
	Unknown                   // of a newer epoch, which the leader does not know yet: UNKNOWN_LEADER_EPOCH
	Trusted                   // served, and its position counts: an old rule
)

// err is Kafka's error for a refused fetch, or nil.
func (a Admission) err() *kerr.Error {
	switch a {
	case Fenced:
		return kerr.FencedLeaderEpoch
	case Unknown:
		return kerr.UnknownLeaderEpoch
	}
	return nil
}

// CurrentRules are the answers of the current Kafka.
func CurrentRules() Rules {
	return Rules{
		TruncateOnFollow: func(_, end wire.Offset) wire.Offset { return end },
		EpochEnd:         func(_ wire.Epoch, found storage.EpochEndOffset) storage.EpochEndOffset { return found },
		Admit:            admit,
		MayJoin: func(end, hw, epochStart wire.Offset) bool {
			return end >= hw && end >= epochStart
		},
		PositionCounts: func(diverges bool) bool { return !diverges },
		MaximalISR:     union,
		MayAdvanceHW:   func(isr, minISR int) bool { return isr >= minISR },
		SameIncarnation: func(fetched, registered wire.BrokerEpoch) bool {
			return fetched == -1 || fetched == registered
		},
	}
}

// admit compares leader epochs. A request without one is admitted.
func admit(asked, mine wire.Epoch) Admission {
	switch {
	case asked == wire.NoEpoch || asked == mine:
		return Admitted
	case asked < mine:
		return Fenced
	}
	return Unknown
}

// union is the replicas of both lists, those of the first in front.
func union(committed, proposed []wire.NodeID) []wire.NodeID {
	all := slices.Clone(committed)
	for _, id := range proposed {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// mustBeComplete panics if a question has no answer. No answer is guessed: an old rule could not be told from a missing one.
func (r *Rules) mustBeComplete() {
	if r.TruncateOnFollow == nil || r.EpochEnd == nil || r.Admit == nil || r.MayJoin == nil || r.PositionCounts == nil ||
		r.MaximalISR == nil || r.MayAdvanceHW == nil || r.SameIncarnation == nil {
		panic("replication: Rules has a question without an answer: begin with CurrentRules")
	}
}
