package replication

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// LeaderAppend is one append to a leader's log (AppendOrigin). ClientAppend, CoordinatorAppend and MarkerAppend make one.
// Package storage, which has the producers' state, checks it:
//
//	              contents                 records  sequence  producer epoch  transaction       coordinator epoch
//	client        a producer's batch       yes      yes       yes             verified or open  -
//	coordinator   its own log, or offsets  -        -         yes             verified or open  -
//	marker        one control record       -        -         yes             is ended          yes
//
// The column "records" stands for the checks that only a client's batch needs: that its offsets start at 0, that records
// of a compacted topic have keys, and that timestamps are in range. They also refuse a control batch; otherwise any
// producer could end another producer's transactions (KIP-98). The checksum and the size are checked for every batch.
type LeaderAppend struct {
	records      []byte
	acks         int16
	origin       storage.Origin
	verification storage.Verification
}

// ClientAppend returns the append of a batch from a Produce request. A batch that begins a transaction has the guard that
// VerifyTransaction returned. All other batches have guard 0, which means none.
func ClientAppend(records []byte, acks int16, guard storage.VerificationGuard) LeaderAppend {
	return LeaderAppend{records: records, acks: acks, origin: storage.OriginClient, verification: storage.Verification{Guard: guard}}
}

// CoordinatorAppend returns the append of a batch from a coordinator on this broker. The batch has records of the
// coordinator's own log, or the offsets that a transaction commits. Such offsets need the transaction's guard, as a
// producer's batch does. A coordinator answers when its records are committed, so the append has acks=all
// (CoordinatorPartitionWriter, TransactionStateManager).
func CoordinatorAppend(records []byte, guard storage.VerificationGuard) LeaderAppend {
	return LeaderAppend{records: records, acks: -1, origin: storage.OriginCoordinator, verification: storage.Verification{Guard: guard}}
}

// Marker ends a producer's transaction. Its fields are those of a WriteTxnMarkers request.
type Marker struct {
	ProducerID         wire.ProducerID
	ProducerEpoch      wire.ProducerEpoch
	CoordinatorEpoch   wire.Epoch // of the transaction coordinator; a marker with an older epoch is fenced (KIP-98)
	TransactionVersion int16      // of the producer; from version 2 on, a marker has a higher producer epoch than the records before it (KIP-890, KIP-1228)
	Commit             bool
}

// MarkerAppend returns the append of a transaction marker, a control batch with the broker's time. It has acks=all, because
// the coordinator completes a transaction when its markers are committed.
func MarkerAppend(m Marker, now env.Time) LeaderAppend {
	o := wire.PlainBatch(0, wire.NoEpoch)
	o.ProducerID, o.ProducerEpoch = m.ProducerID, m.ProducerEpoch
	end := wire.EndTxnMarker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch}
	records, err := wire.AppendControl(nil, o, wire.Timestamp(now.Millis()), end)
	if err != nil {
		panic("replication: encode a transaction marker: " + err.Error()) // the clock is before 1970
	}
	return LeaderAppend{
		records: records, acks: -1, origin: storage.OriginCoordinator,
		verification: storage.Verification{TransactionVersion: m.TransactionVersion},
	}
}

// Append appends to the leader's log (Partition.appendRecordsToLeader). With acks=all, it refuses and writes nothing
// while the ISR is smaller than min.insync.replicas (KAFKA-1555). It uses the committed ISR and not the maximal one,
// because a replica that is about to join may never do so.
func (p *Partition) Append(d env.Disk, a LeaderAppend, wall env.Time) (storage.Appended, error) {
	if p.lead == nil {
		return storage.Appended{}, kerr.NotLeaderForPartition
	}
	if a.acks == -1 && p.UnderMinISR() {
		return storage.Appended{}, kerr.NotEnoughReplicas
	}
	return p.log.AppendVerified(d, a.records, p.leaderEpoch, a.origin, wall, a.verification)
}

// VerifyTransaction begins the verification of a transactional batch and returns the guard to append it with
// (Partition.maybeStartTransactionVerification, KIP-890). If the guard is not 0, the broker asks the transaction coordinator
// whether this partition is in the producer's transaction, and appends only if it is. Guard 0 means that the transaction is
// already open here and needs no verification. epochBump is set for a producer of transaction version 2.
func (p *Partition) VerifyTransaction(first wire.Batch, epochBump bool, wall env.Time) (storage.VerificationGuard, error) {
	if p.lead == nil {
		return 0, kerr.NotLeaderForPartition
	}
	return p.log.Producers().Verify(first.ProducerID(), first.ProducerEpoch(), first.BaseSequence(), epochBump, wall)
}
