package storage

import (
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

// Verify draws the guard for a producer's append, or finds the one that an earlier batch drew. A guard is needed while
// the producer has no transaction in this partition: see Open.
func (t *ProducerTable) Verify(id wire.ProducerID, epoch wire.ProducerEpoch, sequence int32, epochBump bool, wall env.Time) Guard {
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
	return v.guard
}

// verified says whether a transactional batch may start a transaction here.
func (t *ProducerTable) verified(id wire.ProducerID, g Guard) bool {
	return g != 0 && t.guards[id].guard == g
}
