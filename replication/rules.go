package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/storage"
	"samsa/wire"
)

// Rules are the decisions of this package that Kafka once took otherwise, or is known to need. Each is a function of
// its arguments alone and is asked at exactly one place. Today has Kafka's current answers.
type Rules struct {
	// CutOnFollow: where does a replica that begins to follow a new leader cut its log, before it has asked that leader
	// anything? Nowhere: what differs turns out with the first fetch (KIP-101, KIP-595).
	CutOnFollow func(hw, end wire.Offset) wire.Offset

	// EpochEnd: what does a leader say when it is asked where an epoch ends in its log, and what it found is the greatest
	// epoch not above that one? What it found, with the epoch: the other must know whether it was its own (KIP-279).
	EpochEnd func(asked wire.Epoch, found storage.Mark) storage.Mark

	// Admit: what is a fetch worth that names another leader epoch than ours? Nothing: who asks lives in another epoch,
	// and what it says of its log may not be so any more (KIP-320).
	Admit func(asked, mine wire.Epoch) Admission

	// MayJoin: how far must a replica be to join the ISR? At the high watermark, and at the start of this epoch: a new
	// leader's high watermark may lie below what is committed (KAFKA-7128).
	MayJoin func(end, hw, epochStart wire.Offset) bool

	// Counts: does the position in a fetch count for the high watermark? Not if the logs diverge below it: it is an
	// offset in another history (KAFKA-13141).
	Counts func(diverges bool) bool

	// Maximal: for whom does the high watermark wait while an ISR change is in flight? For everyone who may be in the
	// ISR, whatever becomes of the change: the controller may elect any of them (KIP-497).
	Maximal func(committed, proposed []wire.NodeID) []wire.NodeID

	// MayCommit: may the high watermark move while this many replicas are in sync? Not below min.insync.replicas: other
	// eligible leaders would not have what it exposes (KIP-966).
	MayCommit func(isr, minISR int) bool

	// SameIncarnation: is the replica that may join the one that was seen fetching? Only if it is the incarnation that is
	// registered now: the one after it may have lost its tail (KIP-903, KAFKA-14617). One of -1 is not named, by old requests.
	SameIncarnation func(fetched, registered wire.BrokerEpoch) bool
}

// Admission is what a leader makes of a fetch.
type Admission uint8

const (
	Admitted Admission = iota // the asker lives in our epoch
	Fenced                    // it lives in an older one: FENCED_LEADER_EPOCH
	Unknown                   // it lives in a newer one, which we have not heard of: UNKNOWN_LEADER_EPOCH
	Believed                  // it is served, and its position taken at its word: not what Kafka does any more
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

// Today are the answers of the current Kafka.
func Today() Rules {
	return Rules{
		CutOnFollow: func(_, end wire.Offset) wire.Offset { return end },
		EpochEnd:    func(_ wire.Epoch, found storage.Mark) storage.Mark { return found },
		Admit:       admit,
		MayJoin: func(end, hw, epochStart wire.Offset) bool {
			return end >= hw && end >= epochStart
		},
		Counts:    func(diverges bool) bool { return !diverges },
		Maximal:   union,
		MayCommit: func(isr, minISR int) bool { return isr >= minISR },
		SameIncarnation: func(fetched, registered wire.BrokerEpoch) bool {
			return fetched == -1 || fetched == registered
		},
	}
}

// admit compares leader epochs; one that is not named fits any.
func admit(asked, mine wire.Epoch) Admission {
	switch {
	case asked == wire.NoEpoch || asked == mine:
		return Admitted
	case asked < mine:
		return Fenced
	}
	return Unknown
}

// union is everyone in either list, the first list first.
func union(committed, proposed []wire.NodeID) []wire.NodeID {
	all := slices.Clone(committed)
	for _, id := range proposed {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}
