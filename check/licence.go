package check

import (
	"slices"

	"samsa/wire"
)

const asksForLess = "acks=1: the leader answered before any follower had the record"

// gone returns the reason (the licence) that allows an offset to be out of range: a deletion from the log's start, an
// unclean election, or a loss that has a licence. It returns "" if there is none.
func (v *View) gone(where place, at wire.Offset) string {
	if clause := v.deletedAt(where, at); clause != "" {
		return clause
	}
	for p := range partitionsOf(v, where) {
		for i := len(p.elections) - 1; i >= 0; i-- {
			if e := &p.elections[i]; e.Unclean != "" {
				return e.Unclean
			}
		}
		for i := len(p.promises) - 1; i >= 0; i-- {
			if p.promises[i].lost && p.promises[i].clause != "" {
				return p.promises[i].clause
			}
		}
	}
	return ""
}

// license returns the licence that allows the leader of an epoch to miss a promised batch, or the finding that explains it, or "" if
// there is neither.
func (p *Partition) license(v *View, q *promise, epoch wire.Epoch) string {
	if !q.strong() {
		return asksForLess
	}
	if q.superseded != "" {
		return q.superseded
	}
	e := p.election(epoch)
	if e == nil {
		return ""
	}
	for _, h := range v.faults { // a broker does not notice that its disk changed bytes, and still leads
		if h.Node == e.Leader && alters(h.What) && h.reaches(p) {
			return "a disk lost or changed what it had stored: " + h.words(v)
		}
	}
	if clause := p.holeInLog(v, q, e.Leader); clause != "" {
		return clause
	}
	if clause, _ := p.destroyed(v, q, e.Members, e.ELR, e.MinISR); clause != "" {
		return clause
	}
	return flawOfLeader(v, p, q, e)
}

// holeInLog describes the damage that removed a batch from the middle of a broker's log. No node notices such a hole,
// because log recovery does not read below the recovery point and replicas compare only log ends. A broker does notice a
// loss at the end of its log. A power loss alone leaves no hole, because recovery truncates the log at the first invalid
// batch. The true log ends at the hole if nothing behind it can be read; the broker's own log end says then that it goes on.
func (p *Partition) holeInLog(v *View, q *promise, node wire.NodeID) string {
	r := p.replica(node)
	if r == nil {
		return ""
	}
	above := r.Log.find(q.Base)
	goesOn := r.observed && r.State.End >= q.Next
	if above < r.Log.Len() {
		goesOn = r.Log.batches[above].Base >= q.Next
	}
	if !goesOn {
		return ""
	}
	for _, t := range q.taken {
		for i := t.fault; i >= 0 && t.node == node; i-- { // a power loss destroys bytes that a lying sync did not write
			if h := v.faults[i]; h.Node == node && damages(h.What) {
				return "a disk lost or changed what it had stored, in the middle of a log: " + h.words(v)
			}
		}
	}
	return ""
}

// destroyed returns a clause that names the faults if they destroyed the copies of a batch on all members' disks. If not,
// the result spared is a member without such a fault.
func (p *Partition) destroyed(v *View, q *promise, members []wire.NodeID, elr bool, minISR int) (clause string, spared wire.NodeID) {
	for _, node := range members {
		i := slices.IndexFunc(q.taken, func(t taken) bool { return t.node == node && (!t.flushed || damages(v.faults[t.fault].What)) })
		r := p.replica(node)
		if i < 0 || r != nil && q.held&(1<<r.slot) != 0 {
			return "", node
		}
		if clause != "" {
			clause += ", "
		}
		clause += v.faults[q.taken[i].fault].words(v)
	}
	if clause == "" {
		return "", wire.NoNode // the batch was acknowledged while no replica could be elected
	}
	if elr && !p.uncleanSince(q) && p.disksFaulted(v, q) < min(minISR, p.lowestMinISR(q)) {
		if !elrForgotten(p, q) {
			return "", wire.NoNode
		}
		clause += "; " + p.elrForgottenBy
	}
	return "every eligible copy was on a disk with a fault: " + clause, wire.NoNode
}

// uncleanSince reports whether there was an unclean election since a promise. Such an election clears the ELR and leaves an
// ISR of one member, even if it loses no record.
func (p *Partition) uncleanSince(q *promise) bool {
	for i := len(p.elections) - 1; i >= 0 && p.elections[i].Step >= q.enteredAt; i-- {
		if p.elections[i].Unclean != "" {
			return true
		}
	}
	return false
}

// elrForgotten reports whether the ELR has lost replicas since a promise, or never got them, although the ISR has been smaller than
// min.insync.replicas since: a change of min.insync.replicas clears the ELR, and while the feature is off no replica enters it.
func elrForgotten(p *Partition, q *promise) bool {
	return p.elrForgottenAt > 0 && p.elrForgottenAt >= q.enteredAt
}

// disksFaulted counts the disks on which faults destroyed a copy.
func (p *Partition) disksFaulted(v *View, q *promise) int {
	var disks []wire.NodeID
	for _, t := range q.taken {
		if !slices.Contains(disks, t.node) && (!t.flushed || damages(v.faults[t.fault].What)) {
			disks = append(disks, t.node)
		}
	}
	return len(disks)
}

// licensedIn returns the clause of a licensed loss at this offset, for history checks.
func (v *View) licensedIn(where place, at wire.Offset) (clause string, ok bool) {
	for p := range partitionsOf(v, where) {
		for q := range p.promisesWithin(at, at+1) { // mostly enough, so that many lost records cost little
			if q.lost && q.clause != "" {
				return q.clause, true
			}
		}
		for i := range p.promises { // a batch of any length may contain the offset
			if q := &p.promises[i]; q.lost && q.clause != "" && q.Base <= at && at < q.Next {
				return q.clause, true
			}
		}
		for _, h := range v.faults { // no checksum covers a batch's base offset, so readers may see the batch elsewhere
			if alters(h.What) && h.reaches(p) && p.replica(h.Node) != nil {
				return "a disk lost or changed what it had stored: " + h.words(v), true
			}
		}
	}
	return "", false
}
