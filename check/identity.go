package check

import (
	"cmp"

	"samsa/wire"
)

// Identity names a batch whichever copy of it is looked at. Promises, logs-match and the ledger compare batches by nothing else.
//
//	                        offsets       leader epoch   bytes
//	append by the leader    given         given          as the producer signed them
//	copy to a follower      kept          kept           kept
//	retry                   other         may be other   kept: the checksum covers neither offsets nor epoch
//	log cleaner             kept          kept           other, if it dropped records or set a delete horizon
//
// So offsets and epoch alone do not tell a batch from another one that a broken leader has at its place. Nor does today's
// checksum: the cleaner keeps base offset, last offset and epoch of a batch (MemoryRecords.filterTo) and encodes the remaining
// records again, on each replica at its own time. The identity has the checksum that the batch had when it was appended. The
// View learns of a new encoding by Reencoded, and recognises it on every replica that copies it.
//
// A check that is about the bytes, such as stored-as-sent, compares checksums. A batch of which the cleaner leaves no record
// is gone, and its identity with it.
type Identity struct {
	Base, Next wire.Offset // [Base, Next)
	Epoch      wire.Epoch
	Origin     uint32 // the checksum that it was appended with
}

// Identity is the batch's.
func (b Batch) Identity() Identity {
	id := Identity{b.Base, b.Next, b.Epoch, b.CRC}
	if b.Origin != 0 {
		id.Origin = b.Origin
	}
	return id
}

// Same reports whether two batches are copies of one.
func (b Batch) Same(o Batch) bool { return b.Identity() == o.Identity() }

// compare orders batches by where they lie.
func compare(a, b Identity) int {
	return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Origin, b.Origin))
}

// Reencoded says that the replica's log cleaner has encoded the batch at an offset again: the same offsets and epoch, other
// bytes.
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

// known is a batch with the checksum that it was appended with, if its bytes are of a cleaner.
func (p *Partition) known(b Batch) Batch {
	if p.reencoded != nil && b.Origin == 0 {
		b.Origin = p.reencoded[b.Identity()]
	}
	return b
}
