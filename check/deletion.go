package check

import (
	"slices"
	"strconv"

	"samsa/wire"
)

// A log may forget only what somebody allowed it to forget. A start that nobody allowed excuses nothing: what lies below
// stays owed.
//
//	DeleteRecords ─┐
//	retention ─────┼─▶ licence ─▶ Partition.trimmed ─▶ nobody owes what is below
//	broken disk ───┘      │ none
//	                      └─────▶ deletion-licensed is violated, and all stays owed

// Erased says that a leader's answer leaves it: all below an offset is deleted on every replica that is up (DeleteRecords).
func (v *View) Erased(p *Partition, low wire.Offset) {
	if n := len(p.erased); n == 0 || p.erased[n-1].at < low {
		p.erased = append(p.erased, mark{step: v.step, when: v.now, at: low})
	}
}

var deletedForGood = &Check{
	Name: "deleted-for-good", Numbers: "H34/records",
	Doc: "what an operator was told is deleted is given to no reader who asks later",
	On:  []ChangeKind{Spoke},
	See: func(d *Docket, v *View, c *Change) {
		p, r, t := c.Partition, c.Replica, c.Told
		i := gallop(len(p.erased), func(i int) bool { return p.erased[i].step >= t.Since })
		if t.First == 0 || i == 0 {
			return
		}
		d.exercised()
		gone := p.erased[i-1]
		if t.First > gone.at {
			return
		}
		clause := ""
		if p.missed(v, r.Node, gone) {
			clause = "DeleteRecords waits for the replicas that are in service; broker " + itoa(r.Node) + " was not, or has lost what it was told"
		}
		d.decide(v, p.fact(r.role(), t.First-1, ""), clause, "broker ", itoa(r.Node), " gave out offset ", itoa(t.First-1), " of ", p.TP.String(),
			"; an operator was told at step ", itoa(gone.step), " that all below ", itoa(gone.at), " is deleted")
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.Erased(s.p, 1)
		s.Named(s.p, s.p.Replica(1), Told{End: 2, First: 1, Since: s.step}) // it was asked before
		s.tick()
		s.Named(s.p, s.p.Replica(1), Told{End: 2, First: 2, Since: s.step})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.Erased(s.p, 1)
		s.tick()
		s.Named(s.p, s.p.Replica(1), Told{End: 2, First: 1, Since: s.step})
		return s.done()
	},
}

// missed tells whether a broker may not know of a deletion: it was out of service then (a leader that is cut off serves its
// readers on, and does not know it), ended since, or was elected uncleanly.
func (p *Partition) missed(v *View, node wire.NodeID, gone mark) bool {
	b, seat := v.Broker(node), v.image.brokers[node]
	if seat == nil || seat.fenced || seat.letIn >= gone.when || b.died >= gone.step || b.joined >= gone.step {
		return true
	}
	return slices.ContainsFunc(p.elections, func(e Election) bool { return e.Unclean != "" && e.Step >= gone.step })
}

// deletedAt names the deletion from the log's beginning, by retention or by an operator, that took an offset.
func (v *View) deletedAt(tp wire.TopicPartition, at wire.Offset) string {
	if v == nil {
		return ""
	}
	for _, p := range v.parts {
		if p.TP == tp && p.trimmed > at {
			return p.deleted()
		}
	}
	return ""
}

// deleted is the clause of what was deleted from a log's beginning.
func (p *Partition) deleted() string {
	return "the log of " + p.TP.String() + " was deleted below offset " + itoa(p.trimmed)
}

// Keeping is what retention leaves of a topic. What is below zero is no limit.
type Keeping struct {
	For   Duration // retention.ms
	Bytes int64    // retention.bytes
}

// least is the shorter of two: what a broker may go by that has read of one and not yet of the other.
func (k Keeping) least(o Keeping) Keeping {
	if o.For >= 0 && (k.For < 0 || o.For < k.For) {
		k.For = o.For
	}
	if o.Bytes >= 0 && (k.Bytes < 0 || o.Bytes < k.Bytes) {
		k.Bytes = o.Bytes
	}
	return k
}

// Wanted says that a broker was asked to delete all of a partition below an offset, or (-1) below its high watermark,
// wherever that is when the broker gets to it. A name is all that the request has.
func (v *View) Wanted(tp wire.TopicPartition, below wire.Offset) {
	if below == -1 {
		below = 1 << 62
	}
	for _, p := range v.parts {
		if p.TP == tp {
			p.wanted = max(p.wanted, below)
		}
	}
}

// Strayed says that a clock is off by so much more: what is a week old for one who goes by it may be young.
func (v *View) Strayed(by Duration) { v.astray += max(by, -by) }

// keep takes in what a topic, or a broker for all that do not say, is told to keep.
func (v *View) keep(r *wire.ConfigRecord) {
	m := &v.image
	n := int64(-1)
	if r.Value != nil {
		if at, err := strconv.ParseInt(*r.Value, 10, 64); err == nil {
			n = at
		}
	}
	switch {
	case r.ResourceType == wire.ConfigBroker && r.Value != nil:
		k := Keeping{For: -1, Bytes: -1}
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
		k, said := m.keeping[id]
		if !said {
			k = v.rules.Keeps
		}
		was := k
		if r.Value == nil {
			m.keeping[id] = was.least(v.rules.Keeps)
			return
		}
		if r.Name == "retention.ms" {
			k.For = ms(n)
		} else {
			k.Bytes = n
		}
		if slices.ContainsFunc(v.parts, func(p *Partition) bool { return p.ID == id && p.assigned.Version >= 0 }) {
			k = k.least(was) // it lives already: a broker may go by either
		}
		m.keeping[id] = k
	}
}

// ms is a retention in milliseconds; what no run can wait for is no limit.
func ms(n int64) Duration {
	if n < 0 || n > 1<<43 {
		return -1
	}
	return Duration(n * 1e6)
}

// retains names the retention that may have taken records of a topic, "" if none can have. It asks for no record's age:
// enough that one can be so old, by clocks that run apart.
func (v *View) retains(p *Partition) string {
	k, said := v.image.keeping[p.ID]
	if !said {
		k = v.rules.Keeps
	}
	for _, d := range v.image.defaults {
		k = k.least(d)
	}
	switch {
	case k.Bytes >= 0:
		return "retention.bytes is or was " + itoa(k.Bytes)
	case k.For >= 0 && k.For <= Duration(2*v.now)+v.astray:
		return "retention.ms is or was " + itoa(int64(k.For)/1e6)
	}
	return ""
}

// begins tells whether a log may begin at an offset. What is licensed on one replica is so on all: a follower takes over
// the start of its leader.
func (v *View) begins(p *Partition, r *Replica, start wire.Offset) bool {
	if start <= p.trimmed || p == v.quorum.log {
		return true
	}
	licence := v.bentOn(p, r.Node)
	if start <= p.wanted {
		licence = "an operator asked for it"
	} else if by := v.retains(p); by != "" {
		licence = by
	}
	v.tell(Change{Kind: Began, Partition: p, Replica: r, Node: r.Node, Offset: start, By: licence})
	return licence != ""
}

var deletionLicensed = &Check{
	Name: "deletion-licensed", Numbers: "S4/deletion",
	Doc: "a log begins behind a promised record only if an operator or retention took it",
	On:  []ChangeKind{Began},
	See: func(d *Docket, v *View, c *Change) {
		p, r := c.Partition, c.Replica
		for i := range p.promises {
			q := &p.promises[i]
			if q.Base >= c.Offset {
				return
			}
			if q.lost || q.doomed != "" || q.Next <= p.trimmed || q.Next > c.Offset {
				continue
			}
			if d.exercised(); c.By == "" {
				d.violate(v, p.fact(r.role(), q.Base, ""), "broker ", itoa(r.Node), " lets ", p.TP.String(), " begin at ", itoa(c.Offset),
					" and so deletes ", q.span(), ", which was promised; no operator asked for that, and no retention took it")
			}
			return
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.Wanted(orders, 1)
		s.look(1, State{Leads: true, HW: 2, Start: 1, ISR: ids(1, 2, 3)})
		s.look(2, State{Leader: 1, HW: 2, Start: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.Wanted(orders, 1)
		s.look(1, State{Leads: true, HW: 2, Start: 2, ISR: ids(1, 2, 3)}) // further than it was asked
		return s.done()
	},
}
