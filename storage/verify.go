package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// VerificationGuard proves that the transaction coordinator has verified a producer's transaction for this partition
// (KIP-890). The log creates it before the verification, and the append must present it. The first append and every
// marker invalidate the guard, so it cannot be used for a later transaction (KAFKA-14884). 0 means no guard.
type VerificationGuard int64

// Verification has the arguments of an append besides its records.
type Verification struct {
	Guard              VerificationGuard // for the first batch of a transaction, if the broker verifies transactions
	TransactionVersion int16             // for a marker; 0 if it is not known
}

// verification is a verification in progress (VerificationStateEntry).
type verification struct {
	guard     VerificationGuard
	lowest    int32 // lowest sequence number of the batches that wait for the verification
	epoch     wire.ProducerEpoch
	epochBump bool // the producer runs transaction version 2
	started   env.Time
}

// Verify creates the guard for a producer's append, or returns the one that an earlier batch created. In an open
// transaction no guard is needed, and Verify returns 0. A fenced producer is refused immediately, without a request to the
// coordinator (UnifiedLog.maybeStartTransactionVerification).
func (t *ProducerTable) Verify(id wire.ProducerID, epoch wire.ProducerEpoch, sequence int32, epochBump bool, wall env.Time) (VerificationGuard, error) {
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

// checkTransaction returns nil if a transactional batch belongs to an open transaction of this partition or may begin
// one. It checks the epoch before the guard, because a fenced producer must get INVALID_PRODUCER_EPOCH and not an error
// about its transaction. A marker needs no verification, because it ends a transaction
// (UnifiedLog.batchMissingRequiredVerification).
func (t *ProducerTable) checkTransaction(b wire.Batch, verify bool, g VerificationGuard) error {
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
