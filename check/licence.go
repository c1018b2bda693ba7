package check

import (
	"slices"

	"samsa/wire"
)

const asksForLess = "acks=1: the leader answered before any follower had the record"

// gone names what allows that an offset is out of range: deletion from the log's beginning, or a licensed loss.
func (v *View) gone(tp wire.TopicPartition, at wire.Offset) string {
	if v == nil {
		return ""
	}
	if clause := v.deletedAt(tp, at); clause != "" {
		return clause
	}
	for _, p := range v.parts {
		if p.TP != tp {
			continue
		}
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

// license names what allows that the leader of an epoch does not have a promised batch, or "" if nothing does.
func (p *Partition) license(v *View, q *promise, epoch wire.Epoch) string {
	if !q.strong() {
		return asksForLess
	}
	if q.condemned != "" {
		return q.condemned
	}
	e := p.election(epoch)
	if e == nil {
		return ""
	}
	for _, h := range v.faults { // nothing tells a broker that its disk has changed what lies there, and it leads on
		if h.Node == e.Leader && alters(h.What) && h.reaches(p) {
			return "a disk did not keep what it was given: " + v.faultWords(h)
		}
	}
	if clause := p.holeInLog(v, q, e.Leader); clause != "" {
		return clause
	}
	clause, _ := p.destroyed(v, q, e.Members, e.ELR, e.MinISR)
	return clause
}

// hollow names the damage that took a batch out of the middle of a broker's log. Below the recovery point nobody reads a log
// again, and replicas compare where their logs end: neither the broker nor anybody else learns of the hole, and it leads like
// one that has everything. What the end of a log has lost, its broker knows that it does not have; and power alone makes no
// hole, because recovery drops what lies behind one.
func (p *Partition) holeInLog(v *View, q *promise, node wire.NodeID) string {
	r := p.replica(node)
	if r == nil {
		return ""
	}
	behind := r.Log.find(q.Base)
	if behind == r.Log.Len() || r.Log.batches[behind].Base < q.Next {
		return ""
	}
	for _, t := range q.taken {
		for i := t.fault; i >= 0 && t.node == node; i-- { // power takes what a sync has lied about
			if h := v.faults[i]; h.Node == node && damages(h.What) {
				return "a disk did not keep what it was given, in the middle of a log: " + v.faultWords(h)
			}
		}
	}
	return ""
}

// destroyed tells whether the copies of a batch on all the disks in question were destroyed by faults; the clause names
// them. If not, spared is a disk that had no fault to answer for.
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
		clause += v.faultWords(v.faults[q.taken[i].fault])
	}
	if clause == "" {
		return "", wire.NoNode // acknowledged while nobody could be elected
	}
	if elr && !p.uncleanSince(q) && p.disksFaulted(v, q) < min(minISR, p.lowestMinISR(q)) {
		if !p.elrForgotten(q) {
			return "", wire.NoNode
		}
		clause += "; who else was eligible was forgotten at step " + itoa(p.elrForgottenAt) + ", when min.insync.replicas changed: Kafka does so too, see locked-out"
	}
	return "every copy that could have led was on a disk that was hit: " + clause, wire.NoNode
}

// uncleanSince tells whether an unclean election has come since a promise. It forgets the ELR and leaves an ISR of one, also
// if it gave nothing away: from then on that one disk is all that older promises have.
func (p *Partition) uncleanSince(q *promise) bool {
	for i := len(p.elections) - 1; i >= 0 && p.elections[i].Step >= q.since; i-- {
		if p.elections[i].Unclean != "" {
			return true
		}
	}
	return false
}

// forgot tells whether a change of min.insync.replicas has made the controller forget who is eligible, since a promise. Those
// in sync are all that the promise has then, until they are as many as are demanded.
func (p *Partition) elrForgotten(q *promise) bool {
	return p.elrForgottenAt > 0 && p.elrForgottenAt >= q.since
}

// disksHit is on how many disks faults destroyed a copy.
func (p *Partition) disksFaulted(v *View, q *promise) int {
	var disks []wire.NodeID
	for _, t := range q.taken {
		if !slices.Contains(disks, t.node) && (!t.flushed || damages(v.faults[t.fault].What)) {
			disks = append(disks, t.node)
		}
	}
	return len(disks)
}

// Licensed tells history checks whether the ledger knows of a loss at this offset that is allowed, and why.
func (v *View) Licensed(tp wire.TopicPartition, at wire.Offset) (clause string, ok bool) {
	if v == nil {
		return "", false
	}
	for _, p := range v.parts {
		if p.TP != tp {
			continue
		}
		for i := range p.promises { // rare, and batches of any length may reach there
			if q := &p.promises[i]; q.lost && q.clause != "" && q.Base <= at && at < q.Next {
				return q.clause, true
			}
		}
		for _, h := range v.faults { // no checksum covers where a batch says it lies: readers may see it elsewhere
			if alters(h.What) && h.reaches(p) && p.replica(h.Node) != nil {
				return "a disk did not keep what it was given: " + v.faultWords(h), true
			}
		}
	}
	return "", false
}
