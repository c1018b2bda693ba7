package check

import (
	"iter"
	"slices"

	"samsa/wire"
)

// The durability ledger: for every batch that was promised, which disks hold it, and what destroyed the other copies.
//
// Kafka answers acks=all when the in-sync replicas have the record in their page caches: nothing is flushed. So if all of
// those disks lose their volatile bytes at once, the record is lost legitimately, and only a ledger that knows which disk had
// what can tell this from a bug. Faults are injected freely; the ledger explains afterwards.
//
// A loss is licensed if one of these holds, and in no other case:
//
//   - an unclean election, or one of the last known leader, was allowed, happened, and chose a log without the record; or
//   - faults of the disks had destroyed every copy in ISR ∪ ELR, as they were at the election that lost it; and with ELR on,
//     they destroyed copies on at least min.insync.replicas disks, unless an unclean election has left one, or a change of
//     min.insync.replicas made the controller clear the ELR; or
//   - the disk of the leader that lost it had changed bytes where the partition lies: no broker learns of that; or
//   - the leader that promised it had not yet applied that min.insync.replicas was raised (the finding raised-min-isr); or
//   - the producer asked for less: acks=1 or acks=0.
//
// The crash of a process destroys nothing. A licence names its faults.

// What was promised, and to which client.
const (
	madeToAll uint8 = 1 << iota // acknowledged under acks=all
	madeToOne                   // acknowledged under acks=1
	shown                       // a reader may have seen it: it lay below a high watermark that a reader received
	belowHW                     // it lay below a leader's high watermark: no client knows it yet, but the fate of its copies counts
)

// strength is the promise of an acknowledgement by the acks that its producer asked for.
func strength(acks int16) uint8 {
	if acks == -1 {
		return madeToAll
	}
	return madeToOne
}

// promise is one batch that a client or a leader counts on.
type promise struct {
	Batch
	made         uint8
	client       string     // of the first acknowledgement, "" if it was only shown
	step         uint64     // of the first acknowledgement or showing
	enteredAt    uint64     // the step in which it was entered, the earliest of all
	quorumEpoch  wire.Epoch // metadata: the quorum's epoch when it was first known to be committed
	minISR       int        // min.insync.replicas at that time: so many disks have it, whatever is in force later
	committedISR int        // belowHW: the size of the ISR when that became so; 0 if that is not known
	held         uint64     // bit per replica slot: the replicas whose true log has it now
	taken        []taken
	cuts         []cut
	condemned    string // the election that chose a leader without it, in words
	lost         bool   // a leader of the newest epoch has been seen without it
	clause       string // lost: the licence, "" if there is none
}

// taken is a copy that a fault of its disk destroyed.
type taken struct {
	node    wire.NodeID
	fault   int  // index of View.faults
	flushed bool // it was on the device, by a true sync: only damage of the device itself can take it
}

// earlyLoss is a copy that a fault took before the batch was promised. Its broker may have fetched past it before: the leader
// hears of that when the disk has lost it already, and no node knows until a later incarnation is registered.
type earlyLoss struct {
	Batch
	taken
}

// cut is a copy that its own process truncated.
type cut struct {
	node wire.NodeID
	step uint64
	toHW bool // to its own high watermark, and no further
}

// Election chose a leader.
type Election struct {
	Epoch   wire.Epoch
	Leader  wire.NodeID
	Members []wire.NodeID // ISR and ELR before it
	Unclean string        // "" if the leader was one of them; else "unclean election of …"
	ELR     bool
	MinISR  int
	Step    uint64
}

// minISRInForce is a min.insync.replicas by which a promise was made or a partition changed.
type minISRInForce struct {
	step   uint64
	minISR int
}

// noteMinISR enters the min.insync.replicas by which a record was promised or the partition changed.
func (p *Partition) noteMinISR(step uint64, minISR int) {
	if n := len(p.minISRs); n == 0 || p.minISRs[n-1].minISR != minISR {
		p.minISRs = append(p.minISRs, minISRInForce{step, minISR})
	}
}

// lowestMinISR is on how many disks the rules kept a promise: min.insync.replicas when it was made, or at any change of the
// partition since. While it was lower the ISR shrank to so few, and the controller remembered no more.
func (p *Partition) lowestMinISR(q *promise) int {
	n := q.minISR
	for i := len(p.minISRs) - 1; i >= 0 && p.minISRs[i].step >= q.enteredAt; i-- {
		n = min(n, p.minISRs[i].minISR)
	}
	return n
}

// strong reports whether the promise was made to acks=all or to a reader.
func (q *promise) strong() bool { return q.made&(madeToAll|shown) != 0 }

// adjustMissing counts a promise that the replica does not have (+1), or has after all (-1).
func (r *Replica) adjustMissing(q *promise, n int) {
	r.missing += n
	if q.strong() {
		r.missingStrong += n
	}
}

// place is the index of the promise on a batch, or the one where it belongs. It looks from the end.
func (p *Partition) place(b Batch) (int, bool) {
	i := searchFromEnd(len(p.promises), func(i int) bool { return compare(p.promises[i].Identity(), b.Identity()) >= 0 })
	return i, i < len(p.promises) && p.promises[i].Same(b)
}

// promise enters a promise on a batch, and looks up the replicas that hold it.
func (p *Partition) promise(v *View, b Batch, made uint8, client string) {
	i, ok := p.place(b)
	if !ok {
		need := v.MinISR(p)
		p.noteMinISR(v.step, need)
		p.promises = slices.Insert(p.promises, i, promise{Batch: b, step: v.step, enteredAt: v.step, minISR: need})
	}
	q := &p.promises[i]
	if q.client == "" && client != "" {
		q.client, q.step = client, v.step
	}
	if q.made&made == made || q.lost {
		q.made |= made
		return
	}
	if q.made != 0 { // its strength may change: count it again
		for _, r := range p.replicas {
			if q.held&(1<<r.slot) == 0 && b.Next > r.Log.start {
				r.adjustMissing(q, -1)
			}
		}
	}
	q.made |= made
	if q.condemned == "" {
		q.condemned = p.supersededByUnclean(b)
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

// noteEarlyLosses enters that a replica had a batch until a fault took it, before the batch was promised.
func (p *Partition) noteEarlyLosses(v *View, r *Replica, q *promise) {
	if !v.tainted(v.Broker(r.Node), p) { // the earlier copies do not count any more
		r.earlyLosses = nil
	}
	for _, e := range r.earlyLosses {
		if e.Same(q.Batch) {
			q.taken = append(q.taken, e.taken)
		}
	}
}

// promisesWithin are the promises on offsets in [from, to). Batches of different epochs may overlap in any way, but none is
// so long that more than a few others begin within it.
func (p *Partition) promisesWithin(from, to wire.Offset) iter.Seq[*promise] {
	return func(yield func(*promise) bool) {
		i := searchFromEnd(len(p.promises), func(i int) bool { return p.promises[i].Base >= to })
		for n := 0; n < 32 && i-1-n >= 0; n++ {
			if q := &p.promises[i-1-n]; q.Next > from && !yield(q) {
				return
			}
		}
	}
}

// supersededByUnclean names the unclean election that made a batch worthless before it was promised: a leader that does not
// know of the election goes on alone in its old epoch.
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

// ackedAfterDelete enters what a broker acknowledged when the topic was already deleted and the broker did not know it yet.
// No log is judged by that any more. But readers of the topic may have seen other records there before it went: if an unclean
// election had deposed the broker, that election lost the record. A promise that is known already was judged before.
func (p *Partition) ackedAfterDelete(v *View, b Batch, made uint8, client string) {
	clause := ""
	if at, known := p.place(b); known {
		clause = p.promises[at].condemned
	} else {
		clause = p.supersededByUnclean(b)
	}
	if clause == "" {
		return
	}
	p.promise(v, b, made, client)
	if at, _ := p.place(b); !p.promises[at].lost {
		p.lose(&p.promises[at], clause)
	}
}

// recordCommitted enters what has become committed by a leader's high watermark. A new leader's log may be shorter than what
// was committed before, and then its own records come there.
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
			if v.unread(r.Node) { // it has not applied the change, and need not obey it
				q.minISR = min(q.minISR, max(q.committedISR, 1))
			}
		}
		if q.condemned == "" {
			q.condemned = p.staleMinISR(v, r, b)
		}
	}
	p.committedTo = r.HW
}

// staleMinISR names the race that KIP-966 leaves open, if a leader's commit rests on it. A replica that leaves an ISR smaller
// than min.insync.replicas stays eligible to lead, because no leader commits anything then. But the controller uses its own
// min.insync.replicas, and a leader that has not applied the change uses the old one.
func (p *Partition) staleMinISR(v *View, leader *Replica, b Batch) string {
	if !v.unread(leader.Node) || leader.InSync() >= v.MinISR(p) {
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

// unread reports whether a broker has yet to apply a config that was changed.
func (v *View) unread(node wire.NodeID) bool {
	c := v.image.configured
	return c > 0 && v.Broker(node).applied < c
}

// copyRegained enters that a replica has a batch (again).
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

// copyLost enters that a replica does not have a batch any more; byFault: a fault of its disk took it.
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

// faultThatTook is the fault of a replica's disk that took a copy just now. There is one.
func (p *Partition) faultThatTook(v *View, r *Replica, flushed bool) taken {
	b := v.Broker(r.Node)
	last, _ := v.lastFault(b, p, 0)
	for i := len(b.faults) - 1; i >= 0 && flushed; i-- { // power does not take what is on the device: damage does
		if h := v.faults[b.faults[i]]; damages(h.What) && h.reaches(p) {
			last = b.faults[i]
			break
		}
	}
	return taken{r.Node, last, flushed}
}

// release enters that all below an offset was deleted on purpose: a replica without it misses nothing.
func (p *Partition) release(r *Replica, start wire.Offset) {
	from := searchFromEnd(len(p.promises), func(i int) bool { return p.promises[i].Base >= r.Log.start })
	for i := max(0, from-32); i < len(p.promises) && p.promises[i].Base < start; i++ { // some reach over the old start, see promisesWithin
		q := &p.promises[i]
		if q.held&(1<<r.slot) == 0 && q.Next <= start { // a batch that reaches over the new start still counts
			q.held |= 1 << r.slot
			if !q.lost {
				r.adjustMissing(q, -1)
			}
		}
	}
}

// forEachMissing visits the promises in force that a replica does not hold, until visit returns false.
func (p *Partition) forEachMissing(r *Replica, visit func(*promise) (on bool)) {
	for i := range p.promises {
		q := &p.promises[i]
		if r.missing == 0 {
			return
		}
		if q.lost || q.held&(1<<r.slot) != 0 || q.Next <= max(r.Log.start, p.trimmed) {
			continue // a record that was deleted on purpose anywhere is owed nowhere
		}
		if !visit(q) {
			return
		}
	}
}

// lose enters that a promise is lost: the leader of the newest epoch does not have the batch.
func (p *Partition) lose(q *promise, clause string) {
	for _, r := range p.replicas {
		if q.held&(1<<r.slot) == 0 && q.Next > r.Log.start {
			r.adjustMissing(q, -1)
		}
	}
	q.lost, q.clause = true, clause
}

// condemn marks what an unclean election gives away: all that its leader does not have.
func (p *Partition) condemn(v *View, e *Election) {
	r := p.Replica(e.Leader)
	p.forEachMissing(r, func(q *promise) bool {
		if q.condemned == "" {
			q.condemned = e.Unclean
		}
		return true
	})
}
