package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/storage"
	"samsa/wire"
)

// Rules are the decisions of this package for which Kafka once had another answer, or is known to need another. Each is
// a function of its arguments alone and is called at exactly one place. CurrentRules has Kafka's current answers.
type Rules struct {
	// TruncateOnFollow: where does a replica truncate its log when it starts to follow a new leader, before its first fetch?
	// It does not truncate, because the first fetch finds out where the logs diverge (KIP-101, KIP-595).
	TruncateOnFollow func(hw, end wire.Offset) wire.Offset

	// EpochEnd: how does a leader answer a request for the end of an epoch that its log does not have? The argument found
	// is the next lower epoch that its log has, with the end of that epoch. The leader returns found, so that the
	// follower can see that found.Epoch is not the requested epoch (KIP-279).
	EpochEnd func(asked wire.Epoch, found storage.EpochEndOffset) storage.EpochEndOffset

	// Admit: does a leader serve a fetch with another leader epoch than its own? No. The sender does not follow this leader
	// yet, or no longer does, and its position may be in a log that has been truncated since (KIP-320).
	Admit func(asked, mine wire.Epoch) Admission

	// MayJoin: how much of the log must a follower have to join the ISR? It must have the log up to the high watermark
	// and up to the start of this epoch, because a new leader's high watermark may be below the end of the committed
	// records (KAFKA-7128).
	MayJoin func(end, hw, epochStart wire.Offset) bool

	// PositionCounts: does the position of a fetch count for the high watermark? It does not if the logs diverge below it,
	// because the offset then belongs to another log (KAFKA-13141).
	PositionCounts func(diverges bool) bool

	// MaximalISR: for which replicas does the high watermark wait while an ISR change is in flight? It waits for all
	// replicas that are in the ISR before or after the change, because the controller may elect any of them (KIP-497).
	MaximalISR func(committed, proposed []wire.NodeID) []wire.NodeID

	// MayAdvanceHW: may the high watermark move with an ISR of this size? It must not if the ISR is smaller than
	// min.insync.replicas, because another eligible leader would not have the records that become visible (KIP-966).
	MayAdvanceHW func(isr, minISR int) bool

	// SameIncarnation: would the incarnation that sent the fetch also be the one in the ISR? Only if it is the registered
	// incarnation, because a later one may have lost the end of its log (KIP-903, KAFKA-14617). The argument fetched is
	// -1 for requests of old versions, which have no broker epoch.
	SameIncarnation func(fetched, registered wire.BrokerEpoch) bool
}

// Admission is a leader's decision on a fetch by its leader epoch.
type Admission uint8

const (
	Admitted Admission = iota // the fetch has the leader's epoch, or none
	Fenced                    // it has an older epoch and gets FENCED_LEADER_EPOCH
	Unknown                   // it has an epoch that the leader does not know yet, and gets UNKNOWN_LEADER_EPOCH
	Trusted                   // only with an old rule: the fetch is served, and its position counts
)

// err returns Kafka's error for a refused fetch, or nil.
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

// union returns the replicas of both lists, those of the first list first.
func union(committed, proposed []wire.NodeID) []wire.NodeID {
	all := slices.Clone(committed)
	for _, id := range proposed {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// mustBeComplete panics if a rule is missing. There is no default, because a default would hide that a rule is missing.
func (r *Rules) mustBeComplete() {
	if r.TruncateOnFollow == nil || r.EpochEnd == nil || r.Admit == nil || r.MayJoin == nil || r.PositionCounts == nil ||
		r.MaximalISR == nil || r.MayAdvanceHW == nil || r.SameIncarnation == nil {
		panic("replication: Rules has a question without an answer: begin with CurrentRules")
	}
}
