package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Guard proves that the transaction coordinator was asked whether a producer's transaction contains this partition
// (VerificationGuard, KIP-890). It is drawn before the question and shown with the append; a marker or a first append in
// between makes it void, so that an answer cannot be used for a later transaction (KAFKA-14884). 0 is no guard.
type Guard int64

// Verification is what a broker shows with a leader's append.
type Verification struct {
	Guard              Guard // needed for the first batch of a transaction, if the topic's log verifies
	TransactionVersion int16 // of a marker's coordinator; 0 if there is none
}

// verification is a question that is out.
type verification struct {
	guard     Guard
	lowest    int32 // sequence number of the earliest batch that asked
	epoch     wire.ProducerEpoch
	epochBump bool // the producer runs transaction version 2
	started   env.Time
}

// Verify draws the guard for a producer's append, or finds the one that an earlier batch drew. In a transaction that is
// open already no guard is needed, and there is none. A fenced producer is refused at once, before the coordinator is asked
// (UnifiedLog.maybeStartTransactionVerification).
func (t *ProducerTable) Verify(id wire.ProducerID, epoch wire.ProducerEpoch, sequence int32, epochBump bool, wall env.Time) (Guard, error) {
	if t.fenced(id, epoch) {
		return 0, kerr.InvalidProducerEpoch
	}
	if t.HasOngoingTransaction(id, epoch) {
		return 0, nil
	}
	v, ok := t.guards[id]
	if !ok {
		t.lastGuard++
		v = verification{guard: t.lastGuard, lowest: sequence, epoch: epoch, started: wall, epochBump: epochBump}
	}
	if epoch > v.epoch {
		v.epoch, v.lowest = epoch, sequence
	} else if epoch == v.epoch && sequence < v.lowest {
		v.lowest = sequence
	}
	t.guards[id] = v
	return v.guard, nil
}

// checkTransaction is nil if a transactional batch belongs to a transaction that is open here, or may begin one. The epoch
// comes first: a fenced producer learns that it is fenced, and not that its transaction is unknown. A marker needs no
// verification, for it ends a transaction (UnifiedLog.batchMissingRequiredVerification).
func (t *ProducerTable) checkTransaction(b wire.Batch, verify bool, g Guard) error {
	id, epoch := b.ProducerID(), b.ProducerEpoch()
	switch {
	case t.HasOngoingTransaction(id, epoch):
		return nil
	case t.fenced(id, epoch):
		return kerr.InvalidProducerEpoch
	case verify && !b.IsControl() && (g == 0 || t.guards[id].guard != g):
		return kerr.InvalidTxnState
	}
	return nil
}

// fenced reports whether a newer epoch of this producer wrote to the partition.
func (t *ProducerTable) fenced(id wire.ProducerID, epoch wire.ProducerEpoch) bool {
	p := t.producers[id]
	return p != nil && epoch < p.Epoch
}
