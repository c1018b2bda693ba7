package replication

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// LeaderAppend is one append to a leader's log (AppendOrigin). ClientAppend, CoordinatorAppend and MarkerAppend make one;
// storage, which has the producers' state, checks it:
//
//	              contents                 records  sequence  producer epoch  transaction       coordinator epoch
//	client        a producer's batch       yes      yes       yes             verified or open  -
//	coordinator   its own log, or offsets  -        -         yes             verified or open  -
//	marker        one control record       -        -         yes             is ended          yes
//
// "records" are the checks that only a client needs: offsets from 0, keys on a compacted topic, timestamps. The same
// checks refuse a client's control batch, or any producer could end the transactions of another (KIP-98). The checksum and
// the size of a batch are checked for all.
type LeaderAppend struct {
	records      []byte
	acks         int16
	origin       storage.Origin
	verification storage.Verification
}

// ClientAppend is the batch of a Produce request. A batch that begins a transaction has the guard of its verification:
// see VerifyTransaction. All other batches have guard 0, which is none.
func ClientAppend(records []byte, acks int16, guard storage.VerificationGuard) LeaderAppend {
	return LeaderAppend{records: records, acks: acks, origin: storage.OriginClient, verification: storage.Verification{Guard: guard}}
}

// CoordinatorAppend is a batch of a coordinator on this broker: records of its own log, or the offsets that a transaction
// commits, which need the transaction's guard as a producer's batch does. A coordinator answers when its records are
// committed, so it asks for acks=all (CoordinatorPartitionWriter, TransactionStateManager).
func CoordinatorAppend(records []byte, guard storage.VerificationGuard) LeaderAppend {
	return LeaderAppend{records: records, acks: -1, origin: storage.OriginCoordinator, verification: storage.Verification{Guard: guard}}
}

// Marker is the end of a producer's transaction, as WriteTxnMarkers carries it.
type Marker struct {
	ProducerID         wire.ProducerID
	ProducerEpoch      wire.ProducerEpoch
	CoordinatorEpoch   wire.Epoch // of the transaction coordinator: a marker of an older one is fenced (KIP-98)
	TransactionVersion int16      // of the producer: from 2 on a marker has an epoch of its own (KIP-890, KIP-1228)
	Commit             bool
}

// MarkerAppend is the control batch of a transaction marker, of the broker's time. It asks for acks=all: the coordinator
// calls a transaction complete when its markers are committed.
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

// Append appends to the leader's log (Partition.appendRecordsToLeader). With acks=all it refuses while the ISR is smaller
// than min.insync.replicas (KAFKA-1555): before the append, so that nothing is written. The committed ISR counts, and not
// the maximal one: a replica that is about to join may never do so.
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
// (Partition.maybeStartTransactionVerification, KIP-890). With a guard the broker asks the transaction coordinator whether
// this partition is in the producer's transaction, and appends after a yes. Guard 0 says that the transaction is open here
// already, and nothing need be asked. epochBump is set for a producer of transaction version 2.
func (p *Partition) VerifyTransaction(first wire.Batch, epochBump bool, wall env.Time) (storage.VerificationGuard, error) {
	if p.lead == nil {
		return 0, kerr.NotLeaderForPartition
	}
	return p.log.Producers().Verify(first.ProducerID(), first.ProducerEpoch(), first.BaseSequence(), epochBump, wall)
}
