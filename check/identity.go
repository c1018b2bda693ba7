package check

import (
	"cmp"

	"samsa/wire"
)

// Identity identifies a batch on every replica. Promises, the check logs-match and the ledger compare batches only by
// Identity.
//
//	                        offsets       leader epoch   bytes
//	append by the leader    given         given          with the producer's checksum
//	copy to a follower      kept          kept           kept
//	retry                   other         may be other   kept: the checksum covers neither offsets nor epoch
//	log cleaner             kept          kept           other, if it dropped records or set a delete horizon
//
// Offsets and epoch are not enough to tell apart two batches at the same offsets. The current checksum does not help: the
// cleaner keeps base offset, last offset and epoch of a batch (MemoryRecords.filterTo) and encodes the remaining records
// again, on each replica at a different time. So the identity has the checksum that the batch had when it was appended.
// Reencoded tells the View of a new encoding, which the View then recognises on every replica that copies the batch.
//
// A check of the bytes, such as stored-as-sent, compares checksums. If the log cleaner drops all records of a batch, the
// batch and its identity are gone.
type Identity struct {
	Base, Next wire.Offset // [Base, Next)
	Epoch      wire.Epoch
	Origin     uint32 // the batch's checksum when it was appended
}

// Identity returns the batch's identity.
func (b Batch) Identity() Identity {
	id := Identity{b.Base, b.Next, b.Epoch, b.CRC}
	if b.Origin != 0 {
		id.Origin = b.Origin
	}
	return id
}

// Same reports whether two batches are copies of the same batch.
func (b Batch) Same(o Batch) bool { return b.Identity() == o.Identity() }

// compare orders batches by offset, epoch and original checksum.
func compare(a, b Identity) int {
	return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Origin, b.Origin))
}

// Reencoded says that the replica's log cleaner has encoded the batch at an offset again. The batch keeps its offsets and
// its epoch, and has other bytes.
func (r *Replica) Reencoded(p *Partition, base wire.Offset, crc uint32) {
	i := r.Log.find(base)
	if i == r.Log.Len() || r.Log.batches[i].Base != base {
		return
	}
	b := &r.Log.batches[i]
	b.Origin = b.Identity().Origin
	b.CRC = crc
	if p.reencoded == nil {
		p.reencoded = map[Identity]uint32{}
	}
	p.reencoded[Identity{b.Base, b.Next, b.Epoch, crc}] = b.Origin
}

// known returns the batch, with its original checksum if the log cleaner has encoded it again.
func (p *Partition) known(b Batch) Batch {
	if p.reencoded != nil && b.Origin == 0 {
		b.Origin = p.reencoded[b.Identity()]
	}
	return b
}
