package check

import (
	"slices"
	"strconv"

	"samsa/wire"
)

// A log may delete records from its start only with a licence, which is a reason that allows the deletion. If a log start
// moves without a licence, the records below the new log start are still expected.
//
//	DeleteRecords ─┐
//	retention ─────┼─▶ licence ─▶ Partition.trimmed ─▶ no record below is expected
//	broken disk ───┘      │ none
//	                      └─────▶ deletion-licensed is violated, and the records are still expected

// deletion is an answered DeleteRecords request: all records below an offset are deleted.
type deletion struct {
	offsetAt
	by      wire.NodeID
	applied wire.Offset // how far that broker had applied the metadata log
}

// RecordsDeleted records a leader's response to DeleteRecords. The response says that all records below an offset are
// deleted on every replica that is on a live broker in the leader's metadata.
func (v *View) RecordsDeleted(p *Partition, leader *Replica, low wire.Offset) {
	if n := len(p.recordsDeleted); n == 0 || p.recordsDeleted[n-1].at < low {
		p.recordsDeleted = append(p.recordsDeleted, deletion{offsetAt{step: v.step, when: v.now, at: low}, leader.Node, v.Broker(leader.Node).applied})
	}
}

var deletedForGood = &Check{
	Name: "deleted-for-good", Numbers: "H34/records",
	Doc: "after the response to DeleteRecords, no leader serves a deleted record",
	On:  []ChangeKind{EndOffsetSent},
	See: func(d *Tally, v *View, c *Change) {
		p, r, t := c.Partition, c.Replica, c.EndOffset
		i := searchFromEnd(len(p.recordsDeleted), func(i int) bool { return p.recordsDeleted[i].step >= t.Since })
		if t.First == 0 || i == 0 {
			return
		}
		d.exercised()
		gone := p.recordsDeleted[i-1]
		if t.First > gone.at {
			return
		}
		clause := ""
		if p.mayNotKnowDeletion(v, r.Node, gone) {
			clause = "DeleteRecords waits for the replicas on unfenced brokers, and " + v.name(r.Node) + " was fenced"
			if gone.ignored(v, r.Node) {
				clause += " in the metadata of " + v.name(gone.by) + ", which answered"
			}
			if b := v.Broker(r.Node); b.died >= gone.step {
				clause = v.name(r.Node) + " died at step " + itoa(b.died) + ", and Kafka writes a deletion to log-start-offset-checkpoint only once per log.flush.start.offset.checkpoint.interval.ms (KIP-107): see deleted-records-return"
			}
		}
		d.decide(v, p.fact(r.role(), t.First-1, ""), clause, v.name(r.Node), " served offset ", itoa(t.First-1), " of ", p.TP.String(),
			"; DeleteRecords had answered at step ", itoa(gone.step), " that all below ", itoa(gone.at), " is deleted")
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.Applied(1, s.at, -1, false)
		s.RecordsDeleted(s.p, s.p.Replica(1), 1)
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 2, First: 1, Since: s.step}) // the fetch was sent before the deletion
		s.tick()
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 2, First: 2, Since: s.step})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.Applied(1, s.at, -1, false)
		s.RecordsDeleted(s.p, s.p.Replica(1), 1)
		s.tick()
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 2, First: 1, Since: s.step})
		return s.done()
	},
}

// mayNotKnowDeletion reports whether a broker may have missed a deletion, because it was fenced at that time, because it has
// restarted since, or because there was an unclean election since. A fenced leader without a connection to the controller
// still serves consumers.
func (p *Partition) mayNotKnowDeletion(v *View, node wire.NodeID, gone deletion) bool {
	b, seat := v.Broker(node), v.image.brokers[node]
	if gone.ignored(v, node) {
		return true
	}
	if seat == nil || seat.fenced || seat.unfencedAt >= gone.when || b.died >= gone.step || b.registeredAt >= gone.step {
		return true
	}
	return slices.ContainsFunc(p.elections, func(e Election) bool { return e.Unclean != "" && e.Step >= gone.step })
}

// ignored reports whether a broker was not alive in the metadata of the leader that answered, which therefore did not wait
// for it (Partition.lowWatermarkIfLeader). That leader may have been paused or cut off meanwhile: then another leader has been
// elected, the answer comes from one that is deposed and does not know it, and the new leader never hears of the deletion.
func (gone *deletion) ignored(v *View, node wire.NodeID) bool {
	return node != gone.by && !v.image.aliveAt(node, gone.applied)
}

// deletedAt describes the deletion from the log's start that removed an offset, or "" if there was none. Retention or an
// operator deletes records from a log's start.
func (v *View) deletedAt(where place, at wire.Offset) string {
	for p := range partitionsOf(v, where) {
		if p.trimmed > at {
			return p.deleted()
		}
	}
	return ""
}

// deleted returns the clause for records that were deleted from a log's start.
func (p *Partition) deleted() string {
	return "the log of " + p.TP.String() + " was deleted below offset " + itoa(p.trimmed)
}

// Retention holds the limits up to which a topic keeps its records. A negative value means no limit.
type Retention struct {
	For   Duration // retention.ms
	Bytes int64    // retention.bytes
}

// shorter returns the lower limit of each kind. Until a broker has applied a config change, it uses the old limit, so either
// limit may be in use.
func (k Retention) shorter(o Retention) Retention {
	if o.For >= 0 && (k.For < 0 || o.For < k.For) {
		k.For = o.For
	}
	if o.Bytes >= 0 && (k.Bytes < 0 || o.Bytes < k.Bytes) {
		k.Bytes = o.Bytes
	}
	return k
}

// DeletionAsked records a DeleteRecords request that a leader handles without an error: all records below an offset are
// to be deleted. If the request asks for -1, the offset is the high watermark at that time.
func (v *View) DeletionAsked(p *Partition, below wire.Offset) {
	p.deletionAsked = max(p.deletionAsked, below)
}

// noteRetention records the retention that a config sets for one topic, or for all topics as the broker default.
func (v *View) noteRetention(r *wire.ConfigRecord) {
	m := &v.image
	n := int64(-1)
	if r.Value != nil {
		if at, err := strconv.ParseInt(*r.Value, 10, 64); err == nil {
			n = at
		}
	}
	switch {
	case r.ResourceType == wire.ConfigBroker && r.Value != nil:
		k := Retention{For: -1, Bytes: -1}
		switch r.Name {
		case "log.retention.ms":
			k.For = ms(n)
		case "log.retention.bytes":
			k.Bytes = n
		default:
			return
		}
		m.defaults = append(m.defaults, k)
	case r.ResourceType == wire.ConfigTopic && (r.Name == "retention.ms" || r.Name == "retention.bytes"):
		id, ok := m.names[r.ResourceName]
		if !ok {
			return
		}
		k, said := m.retention[id]
		if !said {
			k = v.contract.Retention
		}
		was := k
		if r.Value == nil {
			m.retention[id] = was.shorter(v.contract.Retention)
			return
		}
		if r.Name == "retention.ms" {
			k.For = ms(n)
		} else {
			k.Bytes = n
		}
		if slices.ContainsFunc(v.parts, func(p *Partition) bool { return p.ID == id && p.assigned.PartitionEpoch >= 0 }) {
			k = k.shorter(was) // the topic exists already, so a broker may use the old value or the new one
		}
		m.retention[id] = k
	}
}

// ms converts retention.ms to a Duration. A time longer than any run means no limit.
func ms(n int64) Duration {
	if n < 0 || n > 1<<43 {
		return -1
	}
	return Duration(n * 1e6)
}

// retentionThatAllows describes the retention that allows a log to begin at an offset, or returns "" and the reason against
// it. Retention deletes whole segments from the log's start (UnifiedLog.deleteOldSegments), and the judges see no segments.
// But each batch that it deletes
//
//	is older than retention.ms, by its largest timestamp and the broker's clock, or
//	lies before at least retention.bytes of later batches.
//
// So the newest deleted batch that is young enough to stay decides.
func (v *View) retentionThatAllows(p *Partition, r *Replica, start wire.Offset) (clause, against string) {
	k, l, wall := retentionOf(v, p), &r.Log, wallOf(v, r.Node)
	if k.For < 0 && k.Bytes < 0 || start > l.End() {
		return "", "no retention allows it"
	}
	young := -1
	for i := 0; i < len(l.batches) && l.batches[i].Next <= start; i++ {
		b := &l.batches[i]
		if b.Next > p.trimmed && b.Newest >= 0 && (k.For < 0 || Duration(wall-b.Newest) <= k.For/1e6) {
			young = i
		}
	}
	left := int64(0)
	for _, b := range l.batches[young+1:] {
		left += int64(b.Size)
	}
	switch {
	case k.For >= 0 && young < 0:
		return "retention.ms is or was " + itoa(int64(k.For)/1e6), ""
	case k.Bytes >= 0 && left >= k.Bytes:
		return "retention.bytes is or was " + itoa(k.Bytes), ""
	}
	if young >= 0 && k.For >= 0 {
		against = "retention.ms is " + itoa(int64(k.For)/1e6) + ", and the batch " + l.batches[young].span() + " is " + itoa(wall-l.batches[young].Newest) + " ms old"
	}
	if k.Bytes >= 0 {
		if against != "" {
			against += "; "
		}
		against += "retention.bytes is " + itoa(k.Bytes) + ", and " + itoa(left) + " bytes are left above"
	}
	return "", against
}

// retentionOf returns the lowest limits that a topic has or had.
func retentionOf(v *View, p *Partition) Retention {
	k, said := v.image.retention[p.ID]
	if !said {
		k = v.contract.Retention
	}
	for _, d := range v.image.defaults {
		k = k.shorter(d)
	}
	return k
}

// wallOf returns the time of a broker's own clock in milliseconds.
func wallOf(v *View, node wire.NodeID) int64 {
	if v.contract.Wall == nil {
		return v.now / 1e6
	}
	return v.contract.Wall(node)
}

// licensesStart reports whether a log may begin at an offset. A licence for one replica applies to all, because followers
// adopt the leader's log start offset.
func (v *View) licensesStart(p *Partition, r *Replica, start wire.Offset) bool {
	if start <= p.trimmed || p == v.quorum.log {
		return true
	}
	licence, against := v.retentionThatAllows(p, r, start)
	switch damage := v.damagedDiskOf(p, r.Node); {
	case start <= p.deletionAsked:
		licence = "an operator asked for the deletion"
	case licence == "":
		licence = damage
	}
	v.notify(Change{Kind: StartLicensed, Partition: p, Replica: r, Node: r.Node, Offset: start, By: orFlaw(licence, inheritsStart(v, p, r, start)), Against: against})
	return licence != ""
}

var deletionLicensed = &Check{
	Name: "deletion-licensed", Numbers: "S4/deletion",
	Doc: "a log start passes a promised record only if an operator asked for that, or retention deletes it: it is older than retention.ms, or retention.bytes are left above it",
	On:  []ChangeKind{StartLicensed},
	See: func(d *Tally, v *View, c *Change) {
		p, r := c.Partition, c.Replica
		for i := range p.promises {
			q := &p.promises[i]
			if q.Base >= c.Offset {
				return
			}
			if q.lost || q.superseded != "" || q.Next <= p.trimmed || q.Next > c.Offset {
				continue
			}
			if d.exercised(); !licenses(c.By) {
				d.decide(v, p.fact(r.role(), q.Base, ""), c.By, v.name(r.Node), " moved the log start of ", p.TP.String(), " to ", itoa(c.Offset),
					", which deletes the promised batch ", q.span(), "; no operator asked for that; ", c.Against)
			}
			return
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.DeletionAsked(s.p, 1)
		s.look(1, State{Leads: true, HW: 2, Start: 1, ISR: ids(1, 2, 3)})
		s.look(2, State{Leader: 1, HW: 2, Start: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.DeletionAsked(s.p, 1)
		s.look(1, State{Leads: true, HW: 2, Start: 2, ISR: ids(1, 2, 3)}) // above the offset that the operator asked for
		return s.done()
	},
}
