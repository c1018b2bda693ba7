package check

import (
	"slices"

	"samsa/wire"
)

// AckedDurable judges Kafka's first promise by the true logs, which are the logs on the disks.
//
// It finds a loss as soon as a leader of the newest epoch does not have the batch. LostWrite finds the same loss later,
// from the records that consumers read.
var AckedDurable = &Check{
	Name: "acked-durable", Numbers: "S5",
	Doc:      "an acknowledged record is in the log of every later leader",
	Of:       [2]string{"acknowledged batch, in the leader's log at every observation", "acknowledged batches, all in the leader's log at every observation"},
	On:       []ChangeKind{ReplicaChanged, BatchesRemoved, Promised},
	See:      seeDurable,
	Complete: (*Case).listLostRecords,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.write(1, 0, 0xB, 1) // not acknowledged
		s.power(1, 1)
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.power(1, 1)
		s.Truncated(s.p, s.p.Replica(2), 1, "") // b2 truncated it, and no fault hit its disk
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 1)
		return s.done()
	},
}

func seeDurable(d *Tally, v *View, c *Change) {
	if c.Kind == Promised && c.HW == 0 {
		d.exercised()
	}
	p, r := c.Partition, c.Replica
	if !r.Leads || r.Epoch < p.newest || r.missing == 0 || p == v.quorum.log || !v.runsRegistered(r.Node) {
		return
	}
	p.forEachMissing(r, func(q *promise) bool {
		clause := p.license(v, q, r.Epoch)
		way := chosen(p, r) + ", " + p.wayLost(r.Node, q)
		p.lose(q, clause, way)
		if q.made&(madeToAll|madeToOne) == 0 {
			return true // no producer got an acknowledgement; reads-stable reports it if a reader finds another record there
		}
		if d.broken() {
			return true
		}
		where := ""
		if !licenses(clause) {
			where = p.whyMissing(v, r, q) + p.copiesLeft(v, q)
		}
		d.decide(v, p.fact(ByLeader, q.Base, way), clause,
			"offset ", itoa(q.Base), " of ", p.TP.String(), " was acknowledged to ", q.client, " after step ", itoa(q.step), "; ",
			v.name(r.Node), ", leader in epoch ", itoa(r.Epoch), ", does not have it", where)
		return true
	})
}

// runsRegistered reports whether the broker's running process is registered with the controller. An unregistered process
// serves no client, even if its old metadata image says that it leads.
func (v *View) runsRegistered(node wire.NodeID) bool {
	b, r := v.Broker(node), v.image.brokers[node]
	return r != nil && b.registrationSent && b.incarnations[len(b.incarnations)-1] == r.incarnation
}

// whyMissing says why a leader does not have a batch.
func (p *Partition) whyMissing(v *View, r *Replica, q *promise) string {
	switch p.wayLost(r.Node, q) {
	case cutByItself:
		c := q.lastCutOn(r.Node)
		return ". It had the record, and truncated it at step " + itoa(c.step) + c.words()
	case takenByFault:
		return ". A fault destroyed its copy, and it was elected nevertheless"
	case neverThere:
		if e := p.election(r.Epoch); e != nil && slices.Contains(e.Members, r.Node) {
			return ". It did not have the record when it was acknowledged, and was elected because the controller counted it as eligible: " + v.names(e.Members)
		}
	}
	return ". It did not have the record when it was acknowledged"
}

// lastCutOn returns the broker's last truncation of a batch, or nil if there was none.
func (q *promise) lastCutOn(node wire.NodeID) *cut {
	for i := len(q.cuts) - 1; i >= 0; i-- {
		if q.cuts[i].node == node {
			return &q.cuts[i]
		}
	}
	return nil
}

// words describes a truncation to the high watermark; for other truncations it returns "".
func (c cut) words() string {
	if c.toHW {
		return ", to its own high watermark, which is a fetch older than the leader's"
	}
	return ""
}

// listLostRecords adds to a violation of acked-durable a list of the lost acknowledged records that no licence covers. A
// licence is a setting, a fault or a request of an operator that allows a loss (licence.go).
func (c *Case) listLostRecords(r Result) Result {
	if c.View == nil {
		return r
	}
	words, n := "", 0
	for op := range of[*Produce](c.History) {
		if op.Outcome != OK || op.Acks == 0 || !c.View.lostUnlicensed(op, c.written(op)) {
			continue
		}
		switch n++; {
		case n == 1:
			words = quote(op.Value) + " of " + op.Client
		case n <= 3:
			words += ", " + quote(op.Value) + " of " + op.Client
		}
	}
	switch {
	case n == 0:
		return r
	case n > 3:
		words += " and " + itoa(n-3) + " more"
	}
	r.Explanation += ". Acknowledged and lost: " + words + ". The other replicas truncate their logs to match the leader's"
	return r
}

// lostUnlicensed reports whether an acknowledged record is lost and no licence covers it. Another record may be at its offset
// by now, and a retry may have stored another copy, which may still be there.
func (v *View) lostUnlicensed(op *Produce, where place) bool {
	for p := range partitionsOf(v, where) {
		for q := range p.promisesWithin(op.Offset, op.Offset+1) {
			known, _ := RecordAt(p, q.Batch, op.Offset)
			if q.lost && !licenses(q.clause) && q.made&(madeToAll|madeToOne) != 0 && (known == op.Record() || known == RecordID{}) {
				return !leaderHas(p, op.Record())
			}
		}
	}
	return false
}

// leaderHas reports whether the log of the partition's leader has a copy of a known record.
func leaderHas(p *Partition, r RecordID) bool {
	leader := p.replica(p.assigned.Leader)
	for id, s := range p.sends { //order: any copy will do
		i := slices.Index(s.Numbers, r.Number)
		if s.Client == r.Client && i >= 0 && leader != nil && leader.Log.Has(Batch{Base: id.Base, Next: id.Next, Epoch: id.Epoch, CRC: id.Origin}) {
			return true
		}
	}
	return false
}

// copiesLeft says where the copies of a batch are, and which faults destroyed the others.
func (p *Partition) copiesLeft(v *View, q *promise) string {
	words := ""
	var have []wire.NodeID
	for _, r := range p.replicas {
		if q.held&(1<<r.slot) != 0 {
			have = append(have, r.Node)
		}
	}
	slices.Sort(have)
	switch len(have) {
	case 0:
	case 1:
		words = "; " + v.name(have[0]) + " still has it"
	default:
		words = "; " + v.names(have) + " still have it"
	}
	for _, t := range q.taken {
		words += "; the " + v.faults[t.fault].words(v) + " destroyed a copy"
		if t.flushed {
			words += " that was synced"
		}
	}
	return words
}

// committedWith returns the number of in-sync replicas for an acknowledged batch, and the min.insync.replicas that applies.
// Each number may have changed between the commit of the batch and the response, because a produce request for several
// partitions is answered only when the last of them is committed (DelayedProduce). committedWith returns the more lenient of
// the two values.
func (p *Partition) committedWith(g Given, b Batch) (backed, demanded int) {
	if i, ok := p.place(b); ok {
		return max(g.InSync, p.promises[i].committedISR), min(g.MinISR, p.promises[i].minISR)
	}
	return g.InSync, g.MinISR
}

// copies counts the replicas that have a batch, and those that may have had it before a fault or a restart. The latter count
// because the response may be sent long after they fetched the batch.
func (p *Partition) copies(v *View, b Batch) (n int) {
	i, known := p.place(b)
	for _, r := range p.replicas {
		o := v.Broker(r.Node)
		_, hit := v.lastFault(o, p, 0)
		switch {
		case r.Log.Has(b) || b.Base < r.Log.start || v.tainted(o, p):
			n++
		case !known && hit:
			n++
		case known && (o.died >= p.promises[i].enteredAt || o.registeredAt >= p.promises[i].enteredAt || slices.ContainsFunc(p.promises[i].taken, func(t taken) bool { return t.node == r.Node })):
			n++
		}
	}
	return n
}

var ackHonest = &Check{
	Name: "ack-honest", Numbers: "S13",
	Doc: "acks=all is answered with success only when the record is below the high watermark, at least min.insync.replicas replicas are in sync, and at least min.insync.replicas replicas have it",
	On:  []ChangeKind{ProduceAnswered},
	See: func(d *Tally, v *View, c *Change) {
		p, r, b := c.Partition, c.Replica, c.Batch
		if c.Acks != -1 {
			return
		}
		d.exercised()
		backed, demanded := p.committedWith(c.Given, b)
		copies := p.copies(v, b)
		if b.Epoch == wire.NoEpoch && b.Base < max(r.Log.Start(), r.Start, p.trimmed) {
			return // it was deleted by retention or an operator before the response was sent
		}
		if b.Epoch != wire.NoEpoch && (v.Broker(r.Node).ending || r.HW >= b.Next && backed >= demanded && copies >= demanded) {
			return
		}
		fact := func(way string) Fact { return p.fact(ByLeader, b.Base, way) }
		acked := v.name(r.Node) + " acknowledged offset " + itoa(b.Base) + " of " + p.TP.String()
		switch {
		case b.Epoch == wire.NoEpoch:
			d.decide(v, fact("does not have it"), v.damagedDisk(p), acked, ", and does not have the batch itself")
		case r.HW < b.Next:
			d.violate(v, fact("above its high watermark"), acked, ", and its high watermark is ", itoa(r.HW))
		case backed < demanded:
			d.violate(v, fact("too few in sync"), acked, ", with ", plural(int64(backed), "replica", "replicas"), " in sync; min.insync.replicas is ", itoa(c.Given.MinISR))
		default:
			d.decide(v, fact("too few copies"), orFlaw(v.damagedDisk(p), flawOfAck(v, p, r, b)), acked, ", and ", plural(int64(copies), "replica has", "replicas have"), " it; min.insync.replicas is ", itoa(demanded))
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 0)
		s.ack(1, 0, -1)
		return s.done()
	},
}
