package check

import (
	"iter"
	"slices"

	"samsa/wire"
)

// The durability ledger records, for every promised batch, the disks that hold it and the faults that destroyed other
// copies.
//
// Kafka answers acks=all when the in-sync replicas have the record in their page caches, and flushes nothing. If all of
// those machines lose power at once, the record is lost legitimately. The ledger distinguishes such a loss from a bug,
// because it knows which disk held which batch.
//
// A loss is licensed if and only if one of these holds:
//
//   - an unclean election, or an election of the last known leader, was allowed and elected a replica without the record; or
//   - disk faults had destroyed every copy in ISR ∪ ELR at the election that lost it. With ELR, they must also have
//     destroyed copies on at least min.insync.replicas disks, unless an unclean election had shrunk the ISR to one member,
//     or a change of min.insync.replicas had made the controller clear the ELR; or
//   - a disk fault had changed bytes of the leader's log, which no broker notices; or
//   - the leader that promised it had not yet applied a higher min.insync.replicas (the finding raised-min-isr); or
//   - the producer asked for a weaker promise, with acks=1 or acks=0.
//
// The crash of a process destroys nothing. A licence names its faults.

// The kinds of promises.
const (
	madeToAll uint8 = 1 << iota // acknowledged under acks=all
	madeToOne                   // acknowledged under acks=1
	shown                       // it was below a high watermark in a response to a reader, which may have read it
	belowHW                     // it was below a leader's high watermark; no client knows that yet
)

// strength returns the kind of promise that an acknowledgement with these acks makes.
func strength(acks int16) uint8 {
	if acks == -1 {
		return madeToAll
	}
	return madeToOne
}

// promise is one batch that was acknowledged, read or committed.
type promise struct {
	Batch
	made         uint8
	client       string      // the client of the first acknowledgement, or "" if there was none
	step         uint64      // the step of the first acknowledgement, or of the first promise if there was none
	enteredAt    uint64      // the step in which the ledger recorded it
	quorumEpoch  wire.Epoch  // for a metadata batch: the epoch of the quorum when the batch was first known to be committed
	applied      wire.Offset // how far the leader had applied the metadata log when the ledger recorded it
	minISR       int         // the min.insync.replicas that applied when the ledger recorded it
	committedISR int         // the size of the ISR when a high watermark passed the batch; 0 if not known
	held         uint64      // bit per replica slot: the replicas whose true log has it now
	taken        []taken
	cuts         []cut
	superseded   string // describes the unclean election of a leader without the batch
	lost         bool   // a leader of the newest epoch does not have it
	way          string // how that leader came to lead without it; set with lost
	clause       string // the licence that allows the loss, or "" if there is none
}

// taken is a copy that a disk fault destroyed.
type taken struct {
	node    wire.NodeID
	fault   int  // index of View.faults
	flushed bool // it was synced, so only damage to the device can destroy it
}

// earlyLoss is a copy that a fault destroyed before the batch was promised. The leader counted the copy, because the broker
// had fetched from an offset above it. No node knows of the loss until a later incarnation of the broker is registered.
type earlyLoss struct {
	Batch
	taken
}

// cut is a copy that its broker truncated.
type cut struct {
	node wire.NodeID
	step uint64
	toHW bool // the broker truncated exactly to its own high watermark
}

// Election is the election of a leader.
type Election struct {
	Epoch   wire.Epoch
	Leader  wire.NodeID
	Members []wire.NodeID // ISR and ELR before the election
	FromELR bool          // the leader was in the ELR and not in the ISR
	Unclean string        // "" if the leader was in Members, otherwise "unclean election of …"
	ELR     bool
	MinISR  int
	Step    uint64
	Stayed  *staying // the leader's stay in the ELR while the feature was off, nil if it was in the ELR for another reason
}

// minISRInForce is a value of min.insync.replicas and the step from which it applied.
type minISRInForce struct {
	step   uint64
	minISR int
}

// noteMinISR records a new value of min.insync.replicas, when a record is promised or the partition changes.
func (p *Partition) noteMinISR(step uint64, minISR int) {
	if n := len(p.minISRs); n == 0 || p.minISRs[n-1].minISR != minISR {
		p.minISRs = append(p.minISRs, minISRInForce{step, minISR})
	}
}

// lowestMinISR returns the lowest min.insync.replicas since a promise was made. ISR and ELR together may have shrunk to
// that size.
func (p *Partition) lowestMinISR(q *promise) int {
	n := q.minISR
	for i := len(p.minISRs) - 1; i >= 0 && p.minISRs[i].step >= q.enteredAt; i-- {
		n = min(n, p.minISRs[i].minISR)
	}
	return n
}

// strong reports whether the batch was acknowledged under acks=all or may have been read.
func (q *promise) strong() bool { return q.made&(madeToAll|shown) != 0 }

// adjustMissing adds n to the replica's count of missing batches.
func (r *Replica) adjustMissing(q *promise, n int) {
	r.missing += n
	if q.strong() {
		r.missingStrong += n
	}
}

// place returns the index of the promise about a batch, or the index at which to insert it. It searches from the end.
func (p *Partition) place(b Batch) (int, bool) {
	i := searchFromEnd(len(p.promises), func(i int) bool { return compare(p.promises[i].Identity(), b.Identity()) >= 0 })
	return i, i < len(p.promises) && p.promises[i].Same(b)
}

// promise records a promise about a batch, and looks up the replicas that hold it.
func (p *Partition) promise(v *View, b Batch, made uint8, client string) {
	i, ok := p.place(b)
	if !ok {
		need := v.MinISR(p)
		p.noteMinISR(v.step, need)
		p.promises = slices.Insert(p.promises, i, promise{Batch: b, step: v.step, enteredAt: v.step, applied: v.Broker(p.assigned.Leader).applied, minISR: need})
	}
	q := &p.promises[i]
	if q.client == "" && client != "" {
		q.client, q.step = client, v.step
	}
	if q.made&made == made || q.lost {
		q.made |= made
		return
	}
	if q.made != 0 { // the counts of missing batches depend on the kind of promise, which changes below
		for _, r := range p.replicas {
			if q.held&(1<<r.slot) == 0 && b.Next > r.Log.start {
				r.adjustMissing(q, -1)
			}
		}
	}
	q.made |= made
	if q.superseded == "" {
		q.superseded = p.supersededByUnclean(b)
	}
	for _, r := range p.replicas {
		if q.held&(1<<r.slot) == 0 && r.Log.Has(b) {
			q.held |= 1 << r.slot
		}
		if !ok && q.held&(1<<r.slot) == 0 && len(r.earlyLosses) > 0 {
			p.noteEarlyLosses(v, r, q)
		}
		if q.held&(1<<r.slot) == 0 && b.Next > r.Log.start {
			r.adjustMissing(q, 1)
		}
	}
}

// noteEarlyLosses records the copies of a batch that faults destroyed before it was promised.
func (p *Partition) noteEarlyLosses(v *View, r *Replica, q *promise) {
	if !v.tainted(v.Broker(r.Node), p) { // the controller knows of the losses, so no leader counts these copies
		r.earlyLosses = nil
	}
	for _, e := range r.earlyLosses {
		if e.Same(q.Batch) {
			q.taken = append(q.taken, e.taken)
		}
	}
}

// promisesWithin returns the promises about batches that overlap [from, end). It looks only at the last 32 batches that
// begin below the offset end. Batches of different epochs may overlap, but only a few batches begin within another one.
func (p *Partition) promisesWithin(from, end wire.Offset) iter.Seq[*promise] {
	return func(yield func(*promise) bool) {
		i := searchFromEnd(len(p.promises), func(i int) bool { return p.promises[i].Base >= end })
		for n := 0; n < 32 && i-1-n >= 0; n++ {
			if q := &p.promises[i-1-n]; q.Next > from && !yield(q) {
				return
			}
		}
	}
}

// supersededByUnclean describes the newer unclean election of a leader without this batch, or "" if there was none. An older
// leader that does not know of the election yet may still promise the batch.
func (p *Partition) supersededByUnclean(b Batch) string {
	for i := len(p.elections) - 1; i >= 0 && p.elections[i].Epoch > b.Epoch; i-- {
		if e := &p.elections[i]; e.Unclean != "" {
			if r := p.replica(e.Leader); r == nil || !r.Log.Has(b) {
				return e.Unclean
			}
		}
	}
	return ""
}

// ackedAfterDelete records a batch that a broker acknowledged because it did not know yet that the topic was deleted. No log
// has to have such a batch. But if an unclean election had replaced the broker as leader, readers may have seen other
// records at these offsets, so that election lost the batch. If the ledger knows the batch already, it also knows whether
// such an election lost it.
func (p *Partition) ackedAfterDelete(v *View, b Batch, made uint8, client string) {
	clause := ""
	if at, known := p.place(b); known {
		clause = p.promises[at].superseded
	} else {
		clause = p.supersededByUnclean(b)
	}
	if clause == "" {
		return
	}
	p.promise(v, b, made, client)
	if at, _ := p.place(b); !p.promises[at].lost {
		p.lose(&p.promises[at], clause, "")
	}
}

// recordCommitted records the batches that a leader's high watermark has newly passed. A new leader's log may end below the
// committed offset, and its own records then replace the old ones.
func (p *Partition) recordCommitted(v *View, r *Replica, before State) {
	if !before.Leads || before.Epoch != r.Epoch {
		p.committedTo, p.shown = min(p.committedTo, r.Log.End()), min(p.shown, r.Log.End())
	}
	if r.HW <= p.committedTo {
		return
	}
	for i := r.Log.find(p.committedTo); i < r.Log.Len() && r.Log.batches[i].Next <= r.HW; i++ {
		b := r.Log.batches[i]
		p.promise(v, b, belowHW, "")
		at, _ := p.place(b)
		q := &p.promises[at]
		if q.made == belowHW && q.committedISR == 0 {
			q.committedISR = r.InSync()
			if usedOldConfig(v, r, before) {
				q.minISR = min(q.minISR, max(q.committedISR, 1))
			}
		}
		if q.superseded == "" {
			q.superseded = p.staleMinISR(v, r, b, before)
		}
	}
	p.committedTo = r.HW
}

// staleMinISR describes a race that KIP-966 leaves open, if that race explains a leader's commit; otherwise it returns
// "". A replica that leaves an ISR smaller than min.insync.replicas enters the ELR, because no leader commits with such
// an ISR. But a leader that does not know yet that min.insync.replicas was raised goes on committing.
func (p *Partition) staleMinISR(v *View, leader *Replica, b Batch, before State) string {
	if !usedOldConfig(v, leader, before) || leader.InSync() >= v.MinISR(p) {
		return ""
	}
	for _, id := range p.assigned.ELR {
		if r := p.replica(id); r == nil || !r.Log.Has(b) {
			return v.name(leader.Node) + " had not applied that min.insync.replicas is " + itoa(v.MinISR(p)) + ", and committed this without " +
				v.name(id) + ", which the controller counted as eligible: Kafka does so too, see raised-min-isr"
		}
	}
	return ""
}

// usedOldConfig reports whether a leader may have changed from the state before with an old value of a config: it has not applied the
// last change, or has applied it together with a change of the partition. A broker applies changes of partitions before those of
// configs, and a new ISR may raise the high watermark at once (BrokerMetadataPublisher.onMetadataUpdate, Partition.makeLeader).
func usedOldConfig(v *View, r *Replica, before State) bool {
	return v.unread(r.Node) || v.image.configured > 0 && r.PartitionEpoch != before.PartitionEpoch && v.Broker(r.Node).appliedPrior < v.image.configured
}

// unread reports whether a broker has not applied the last config change yet.
func (v *View) unread(node wire.NodeID) bool {
	c := v.image.configured
	return c > 0 && v.Broker(node).applied < c
}

// copyRegained records that a replica has appended a batch.
func (p *Partition) copyRegained(r *Replica, b Batch) {
	if len(p.promises) == 0 || p.promises[len(p.promises)-1].Base < b.Base {
		return
	}
	if i, ok := p.place(b); ok {
		q := &p.promises[i]
		if q.held&(1<<r.slot) == 0 {
			q.held |= 1 << r.slot
			if !q.lost {
				r.adjustMissing(q, -1)
			}
		}
	}
}

// copyLost records that a replica no longer has a batch. The parameter byFault says that a disk fault destroyed it.
func (p *Partition) copyLost(v *View, r *Replica, b Batch, byFault, flushed bool) {
	i, ok := p.place(b)
	_, hit := v.lastFault(v.Broker(r.Node), p, 0)
	if !ok {
		if byFault && hit {
			r.earlyLosses = append(r.earlyLosses, earlyLoss{b, p.faultThatTook(v, r, flushed)})
		}
		return
	}
	if p.promises[i].held&(1<<r.slot) == 0 {
		return
	}
	q := &p.promises[i]
	q.held &^= 1 << r.slot
	if !q.lost {
		r.adjustMissing(q, 1)
	}
	if byFault && hit {
		q.taken = append(q.taken, p.faultThatTook(v, r, flushed))
	} else if !byFault {
		q.cuts = append(q.cuts, cut{r.Node, v.step, r.observed && r.HW == r.Log.End()})
	}
}

// faultThatTook returns the disk fault that has just destroyed a replica's copy. Its disk must have had a fault.
func (p *Partition) faultThatTook(v *View, r *Replica, flushed bool) taken {
	b := v.Broker(r.Node)
	last, _ := v.lastFault(b, p, 0)
	for i := len(b.faults) - 1; i >= 0 && flushed; i-- { // only damage destroys synced bytes; a power loss does not
		if h := v.faults[b.faults[i]]; damages(h.What) && h.reaches(p) {
			last = b.faults[i]
			break
		}
	}
	return taken{r.Node, last, flushed}
}

// release records that retention or an operator deleted all records of a log below an offset. The replica then no longer
// counts these records as missing.
func (p *Partition) release(r *Replica, start wire.Offset) {
	from := searchFromEnd(len(p.promises), func(i int) bool { return p.promises[i].Base >= r.Log.start })
	for i := max(0, from-32); i < len(p.promises) && p.promises[i].Base < start; i++ { // some earlier batches span the old start (see promisesWithin)
		q := &p.promises[i]
		if q.held&(1<<r.slot) == 0 && q.Next <= start { // a batch that spans the new start still counts
			q.held |= 1 << r.slot
			if !q.lost {
				r.adjustMissing(q, -1)
			}
		}
	}
}

// forEachMissing visits the promised batches that a replica does not have, until visit returns false.
func (p *Partition) forEachMissing(r *Replica, visit func(*promise) (on bool)) {
	for i := range p.promises {
		q := &p.promises[i]
		if r.missing == 0 {
			return
		}
		if q.lost || q.held&(1<<r.slot) != 0 || q.Next <= max(r.Log.start, p.trimmed) {
			continue // retention or an operator deleted it on some replica, so no replica needs it
		}
		if !visit(q) {
			return
		}
	}
}

// lose marks a promise as lost, because the leader of the newest epoch does not have the batch.
func (p *Partition) lose(q *promise, clause, way string) {
	for _, r := range p.replicas {
		if q.held&(1<<r.slot) == 0 && q.Next > r.Log.start {
			r.adjustMissing(q, -1)
		}
	}
	q.lost, q.clause, q.way = true, clause, way
}

// supersede marks the batches that an unclean election loses because the new leader does not have them.
func (p *Partition) supersede(v *View, e *Election) {
	r := p.Replica(e.Leader)
	p.forEachMissing(r, func(q *promise) bool {
		if q.superseded == "" {
			q.superseded = e.Unclean
		}
		return true
	})
}
