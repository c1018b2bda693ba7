package raft

import (
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// metadataLog is the log with the part of it that is durable (KafkaMetadataLog). Only that part counts towards a majority, and only
// it is served.
//
//	[ ··· durable ··· │ synced, the sync is not paid for ··· │ appended ··· )
//	              durableEnd                             syncedEnd      End()
type metadataLog struct {
	*storage.Log
	flushFirst bool        // Rules.FlushFirst
	durableEnd wire.Offset // everything below is on the device
	syncedEnd  wire.Offset // everything below is on the device when the last sync is paid for
	flushing   bool        // the events that bring both to the end are under way
}

// sync syncs the log. The synced records are durable in any event that begins after it, and for messages that leave
// after it.
func (l *metadataLog) sync(d env.Disk) error {
	if l.flushFirst {
		if err := l.Flush(d, l.End()); err != nil {
			return err
		}
	}
	l.syncedEnd = l.End()
	return nil
}

// truncateTo truncates the log to an end.
func (l *metadataLog) truncateTo(d env.Disk, end wire.Offset) error {
	l.durableEnd, l.syncedEnd = min(l.durableEnd, end), min(l.syncedEnd, end)
	return l.TruncateTo(d, end)
}

// lastEpoch is the epoch of the last record, 0 in an empty log.
func (l *metadataLog) lastEpoch() wire.Epoch { return max(l.Epochs().Latest(), 0) }

// endOffsetForEpoch is the end of an epoch: if the log lacks it, the end of the epoch before, and if it is newer than
// all, the log's end (KafkaMetadataLog.endOffsetForEpoch).
func (l *metadataLog) endOffsetForEpoch(epoch wire.Epoch) epochEnd {
	if m, ok := l.EndOffsetFor(epoch); ok {
		return epochEnd{m.Epoch, m.End}
	}
	return epochEnd{l.lastEpoch(), l.End()}
}

// upToDate reports whether a candidate's log has every record of this log that may be committed: the later last epoch
// wins, and in one epoch the longer log (KIP-595, Raft 5.4.1). By length alone the voter that was partitioned longest
// and appended most would win.
func (l *metadataLog) upToDate(epoch wire.Epoch, end wire.Offset) bool {
	mine := l.lastEpoch()
	return epoch > mine || epoch == mine && end >= l.End()
}

// Scan calls apply on the data records in [from, to) in order.
func (r *Replica) Scan(e env.Env, from, to wire.Offset, apply func(wire.Record)) error {
	for from < to {
		data, err := r.log.Read(e.Disk(), from, to, scanBytes, true)
		if err != nil {
			return err
		}
		if data.Next <= from {
			return nil // to is inside a batch, or after the end
		}
		for b, err := range wire.Batches(data.Bytes) {
			if err != nil {
				return err
			}
			if b.IsControl() {
				continue
			}
			for rec, err := range b.Records() {
				if err != nil {
					return err
				}
				if rec.Offset >= from {
					apply(rec)
				}
			}
		}
		from = data.Next
	}
	return nil
}

// scanBytes is the size of one read of Scan.
const scanBytes = 1 << 20
