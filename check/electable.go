package check

import (
	"slices"

	"samsa/wire"
)

var ackedElectable = &Check{
	Name: "acked-electable", Numbers: "S4",
	Doc: "every promised record is in the log of every replica that may be elected: ISR, ELR, and the members that an ISR change in flight may add",
	On:  []ChangeKind{PartitionChanged, Promised, BatchesRemoved, ReplicaChanged},
	See: seeElectable,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.power(3, 0) // the controller does not know of the loss yet
		s.committedWith(1, 0xB, 1, 2)
		s.restart(3, 33)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 0)
		s.ack(1, 0, -1) // b3 is in the ISR and does not have the record
		return s.done()
	},
}

// committedWith shrinks the ISR to these brokers, and then commits a record on them.
func (s *stage) committedWith(at wire.Offset, crc uint32, on ...wire.NodeID) {
	s.alter(0, on, nil)
	s.write(at, 0, crc, on...)
	s.leads(1, 0, at+1)
	s.ack(1, at, -1)
}

func seeElectable(d *Tally, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	if p == v.quorum.log || len(p.promises) == 0 {
		return
	}
	if c.Kind == ReplicaChanged { // judge an ISR when the leader proposes it; later promises judge it again
		if r := c.Replica; r.Leads && len(r.Pending) > 0 && len(c.Before.Pending) == 0 {
			seeProposed(d, v, c)
		}
		return
	}
	for _, set := range [][]wire.NodeID{a.ISR, v.eligible(a)} {
		for _, id := range set {
			if c.Kind == Promised {
				d.exercised()
			}
			if r := p.Replica(id); r.missingStrong > 0 {
				seeMember(d, v, c, r, a.memberWords(id))
			}
		}
	}
	seeProposed(d, v, c)
}

// seeProposed judges the replicas that the leader has asked the controller to add to the ISR. The controller may have
// accepted the change already, so the leader must wait for these replicas too (maximal ISR, KIP-497).
func seeProposed(d *Tally, v *View, c *Change) {
	p := c.Partition
	l := p.replica(p.assigned.Leader)
	if l == nil || !l.observed || !l.Leads || l.Epoch != p.assigned.Epoch || l.PartitionEpoch != p.assigned.PartitionEpoch {
		return // the controller will refuse the change, because its partition epoch is old
	}
	for i, id := range l.Pending {
		if slices.Contains(l.ISR, id) || i >= len(l.Proposed) || !v.wouldAccept(id, l.Proposed[i]) {
			continue
		}
		d.exercised()
		seeMember(d, v, c, p.Replica(id), "proposed for the ISR")
	}
}

// wouldAccept reports whether the controller would add an incarnation of a broker to an ISR (KIP-841, KIP-903).
func (v *View) wouldAccept(id wire.NodeID, epoch wire.BrokerEpoch) bool {
	b := v.image.brokers[id]
	return b != nil && !b.fenced && !b.shuttingDown && (epoch == -1 || epoch == b.epoch)
}

// seeMember judges a replica that may be elected now, or after the ISR change in flight is committed.
func seeMember(d *Tally, v *View, c *Change, r *Replica, is string) {
	p, id := c.Partition, r.Node
	if r.missingStrong == 0 || d.broken() || v.tainted(v.Broker(id), p) || c.Kind == BatchesRemoved && c.By != "" {
		return
	}
	p.forEachMissing(r, func(q *promise) bool {
		if !q.strong() || q.superseded != "" {
			return true
		}
		if clause, _ := p.destroyed(v, q, before(c), v.image.elr(), v.MinISR(p)); clause != "" {
			return true // faults destroyed it on every eligible replica, so acked-durable reports the loss as priced
		}
		clause := orFlaw(v.damagedDisk(p), flawOfMember(v, p, q, id))
		d.decide(v, p.fact(r.role(), q.Base, is+", "+p.wayLost(id, q)), clause, v.name(id), " is ", is, " of ", p.TP.String(), " and may be elected, but does not have offset ",
			itoa(q.Base), ", which was promised at step ", itoa(q.step), p.copiesLeft(v, q))
		return findingIn(clause) != ""
	})
}

// shutdowns counts the brokers that have a replica and died or restarted since a promise was made. The controller must treat
// each death and each restart as an unclean shutdown, and remove the broker from the ELR (KIP-966). After
// min.insync.replicas such shutdowns, it may have removed the only replica that has every record.
//
// The result early is a broker that is not counted: it died before the promise, restarted, and fetched the batch under its
// old broker epoch, before its new incarnation was registered. The controller removes it too, though its crash lost nothing.
// Kafka's controller does the same, so the loss is priced and not a violation (see the scenario restart-within-the-session).
func (p *Partition) shutdowns(v *View, q *promise) (n int, early wire.NodeID) {
	early = wire.NoNode
	for _, r := range p.replicas {
		switch b := v.Broker(r.Node); {
		case b.died >= q.enteredAt || b.registeredAt >= q.enteredAt || v.tainted(b, p):
			n++
		case q.held&(1<<r.slot) != 0 && (v.replaced(b) || registeredUnheard(v, q, r.Node)):
			early = r.Node
		}
	}
	return n, early
}

// registeredUnheard reports whether the leader promised a batch before it had applied the last registration of a broker. The
// controller has removed that broker from the ISR by then, because the session of its old incarnation ended, and from the ELR,
// because it crashed. The leader still counts it, and commits with it.
func registeredUnheard(v *View, q *promise, node wire.NodeID) bool {
	seat := v.image.brokers[node]
	return seat != nil && q.applied >= 0 && v.Broker(node).died > 0 && wire.Offset(seat.epoch) >= q.applied
}

// replaced reports whether a broker's running process is not the registered incarnation.
func (v *View) replaced(b *Broker) bool {
	r := v.image.brokers[b.Node]
	return b.up && r != nil && !(b.registrationSent && b.incarnations[len(b.incarnations)-1] == r.incarnation)
}

// before returns the members of ISR and ELR before a change.
func before(c *Change) []wire.NodeID {
	if was := c.Was.electable(); c.Kind == PartitionChanged && len(was) > 0 {
		return was
	}
	return c.Partition.assigned.electable()
}

// controllerUnaware reports whether all these members lost bytes and the controller cannot know it yet. Without an ELR, the
// controller then keeps these members in the ISR, and removes complete replicas that are fenced for other reasons.
func (v *View) controllerUnaware(p *Partition, members []wire.NodeID) bool {
	return !slices.ContainsFunc(members, func(id wire.NodeID) bool { return !v.tainted(v.Broker(id), p) })
}

var leaderRecoverable = &Check{
	Name: "leader-recoverable", Numbers: "S11",
	Doc: "at least one eligible replica has every promised record, unless min.insync.replicas brokers or more died since",
	On:  []ChangeKind{PartitionChanged, BatchesRemoved},
	See: seeRecoverable,
	Accept: func(v *View) *Case {
		s := newStage(v, 1)
		s.committed(0, 0xA)
		s.alter(0, ids(1), nil)
		s.power(1, 0) // the only member of the ISR
		s.alter(wire.NoNode, ids(1), nil)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.power(3, 0)
		s.restart(3, 33)
		s.alter(3, ids(3), nil) // b1 and b2 still have the record
		return s.done()
	},
}

func seeRecoverable(d *Tally, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	members := a.electable()
	if len(members) == 0 && v.image.elr() { // without the feature the controller does not keep a last known ELR
		members = a.LastELR // only the last known leader may be elected
	}
	if len(members) == 0 || p == v.quorum.log || len(p.promises) == 0 {
		return
	}
	d.exercised()
	var nearest *Replica
	for _, id := range members {
		r := p.Replica(id)
		if r.missingStrong == 0 {
			return
		}
		if nearest == nil || r.missingStrong < nearest.missingStrong {
			nearest = r
		}
	}
	if d.broken() {
		return
	}
	p.forEachMissing(nearest, func(q *promise) bool {
		if !q.strong() || q.superseded != "" {
			return true
		}
		ended, early := p.shutdowns(v, q)
		need, clause := min(v.MinISR(p), p.lowestMinISR(q)), v.damagedDisk(p)
		if ended >= need {
			return true
		}
		if early != wire.NoNode && ended+1 >= need {
			when := "fetched again before it was registered again"
			if registeredUnheard(v, q, early) {
				when = "fetched again from a leader that had not heard of its registration and counted it as in sync"
			}
			clause = v.name(early) + " crashed before the promise and " + when + ", and the controller counts that crash" +
				" against the records it fetched since: Kafka does so too, see restart-within-the-session"
		}
		held := before(c)
		if v.controllerUnaware(p, members) && (!v.image.elr() || elrForgotten(p, q)) {
			held = members
		}
		if hit, _ := p.destroyed(v, q, held, v.image.elr(), v.MinISR(p)); hit != "" {
			return true // without ELR, the last member of an ISR stays in it even if its disk loses records
		}
		clause = orFlaw(clause, flawOfMember(v, p, q, nearest.Node))
		d.decide(v, p.fact(ByController, q.Base, a.memberWords(nearest.Node)+", "+p.wayLost(nearest.Node, q)), clause, "no eligible replica of ", p.TP.String(), " (", v.names(members), ") has everything: the most complete one does not have offset ",
			itoa(q.Base), ", which was promised at step ", itoa(q.step), p.copiesLeft(v, q))
		return false
	})
}

// memberWords describes the set that an eligible replica is in.
func (a *Assignment) memberWords(id wire.NodeID) string {
	switch {
	case slices.Contains(a.ISR, id):
		return "in the ISR"
	case slices.Contains(a.ELR, id):
		return "in the ELR"
	}
	return "in the last known ELR"
}
