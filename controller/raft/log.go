package raft

import (
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// metadataLog is the metadata log, and knows how much of it is durable (KafkaMetadataLog). Only durable records count
// towards a majority and are served.
//
//	[ ··· durable ··· │ synced, the sync not yet complete ·· │ appended ··· )
//	              durableEnd                             syncedEnd      End()
type metadataLog struct {
	*storage.Log
	flushFirst bool        // Rules.FlushFirst
	durableEnd wire.Offset // all records below this offset are on the device
	syncedEnd  wire.Offset // all records below this offset will be on the device when the last sync is complete
	flushing   bool        // the armed timers will raise both offsets to the end of the log
}

// sync syncs the log. The records are durable before the next event begins. If this event sends a message after the sync,
// the message leaves the machine only when the records are durable.
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

// lastEpoch returns the epoch of the last record, or 0 if the log is empty.
func (l *metadataLog) lastEpoch() wire.Epoch { return max(l.Epochs().Latest(), 0) }

// endOffsetForEpoch returns the end of an epoch in the log. If the log does not have that epoch, the result is the end of
// the last earlier epoch in the log (KafkaMetadataLog.endOffsetForEpoch).
func (l *metadataLog) endOffsetForEpoch(epoch wire.Epoch) epochEnd {
	if m, ok := l.EndOffsetFor(epoch); ok {
		return epochEnd{m.Epoch, m.End}
	}
	return epochEnd{l.lastEpoch(), l.End()}
}

// upToDate reports whether a candidate's log has every record of this log that may be committed. The log with the higher
// last epoch is more up to date; if the epochs are equal, the longer log is (KIP-595, Raft 5.4.1). If only the length
// counted, a voter could win although it was partitioned for a long time and meanwhile appended many records that were
// never committed.
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
			return nil // the range ends inside a batch, or after the end of the log
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

// scanBytes is the number of bytes that Scan reads at once.
const scanBytes = 1 << 20
