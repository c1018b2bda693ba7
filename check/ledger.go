package check

import (
	"slices"

	"samsa/wire"
)

// Ledger is the durability ledger: for every acknowledged batch, which disks held it at that moment; which faults hit
// those disks later; and where a look at the true logs missed it.
//
// Kafka answers acks=all when the in-sync replicas have the record in their page caches: nothing is flushed. So losing
// all of those disks' volatile bytes at once loses the record legitimately, and only a ledger that knows what was where
// can tell this from a bug. Faults are injected freely; the ledger explains afterwards.
type Ledger struct {
	entries []entry // in the order of the acks
	hits    []Hit   // in the order of the faults
	losses  []Loss  // at most one per entry
}

// entry is one acknowledged batch.
type entry struct {
	Ack
	holders []wire.NodeID // whose true log held the batch when its producer was told; sorted
	lost    bool          // a Loss names it
}

// Ack says that a producer was told its batch is stored. The CRC is of the bytes the producer sent: it does not cover
// base offset and leader epoch, so it names the batch wherever it lies.
type Ack struct {
	Client    string
	Partition wire.TopicPartition
	Base      wire.Offset
	CRC       uint32
	Acks      int16
	Step      uint64
}

// Hit is a fault that may destroy unflushed bytes on one node's disk.
type Hit struct {
	Node wire.NodeID
	What string // "power loss"
	Step uint64
}

// Loss is an acknowledged batch that the log everyone now follows does not have.
type Loss struct {
	Ack     Ack
	Leader  wire.NodeID
	Epoch   wire.Epoch
	Step    uint64
	Holders []wire.NodeID // who held it when it was acknowledged
}

// Log is a replica's true log, as a View shows it.
type Log interface {
	Node() wire.NodeID
	Start() wire.Offset
	// CRC is the checksum of the batch that begins at base, if there is one.
	CRC(base wire.Offset) (uint32, bool)
}

// View is the neutral picture of the cluster that judges look at.
type View interface {
	// Leader is the log that everyone will follow: of the running broker that leads the partition in the newest epoch.
	Leader(wire.TopicPartition) (log Log, epoch wire.Epoch, ok bool)
	// Logs are the true logs of all replicas, also of stopped ones whose disk keeps them, in node order.
	Logs(wire.TopicPartition) []Log
}

// Acked enters an acknowledgement and looks up who holds the batch.
func (l *Ledger) Acked(a Ack, v View) {
	e := entry{Ack: a}
	for _, log := range v.Logs(a.Partition) {
		if crc, ok := log.CRC(a.Base); ok && crc == a.CRC {
			e.holders = append(e.holders, log.Node())
		}
	}
	l.entries = append(l.entries, e)
}

// Struck enters a fault.
func (l *Ledger) Struck(h Hit) { l.hits = append(l.hits, h) }

// Look compares the partition's leading log with what was acknowledged. It is worth doing whenever a leader appears and
// at the end of a run. A log that begins above the offset (retention, DeleteRecords) misses nothing.
func (l *Ledger) Look(tp wire.TopicPartition, v View, step uint64) {
	log, epoch, ok := v.Leader(tp)
	if !ok {
		return
	}
	for i := range l.entries {
		e := &l.entries[i]
		if e.lost || e.Partition != tp || e.Base < log.Start() {
			continue
		}
		if crc, there := log.CRC(e.Base); there && crc == e.CRC {
			continue
		}
		e.lost = true
		l.losses = append(l.losses, Loss{e.Ack, log.Node(), epoch, step, e.holders})
	}
}

// license names what allows a loss, or "" if nothing does.
func (l *Ledger) license(loss Loss) string {
	switch {
	case loss.Ack.Acks == 0:
		return "acks=0: the producer asked for no acknowledgement"
	case loss.Ack.Acks == 1:
		return "acks=1: the leader answered before any follower had the record"
	}
	var faults string
	for _, node := range loss.Holders {
		i := slices.IndexFunc(l.hits, func(h Hit) bool { return h.Node == node && h.Step >= loss.Ack.Step })
		if i < 0 {
			return "" // a copy was never hit: something of ours lost it
		}
		if faults != "" {
			faults += ", "
		}
		faults += l.hits[i].What + " of broker " + itoa(int64(node)) + " at step " + itoa(int64(l.hits[i].Step))
	}
	if faults == "" {
		return "" // acknowledged while nobody held it
	}
	return "every copy was on a disk that was hit: " + faults
}

// Licensed tells history checks whether the ledger knows of a loss at this offset that is allowed, and why.
func (l *Ledger) Licensed(tp wire.TopicPartition, at wire.Offset) (clause string, ok bool) {
	for _, loss := range l.losses {
		if loss.Ack.Partition == tp && loss.Ack.Base == at {
			clause = l.license(loss)
			return clause, clause != ""
		}
	}
	return "", false
}
