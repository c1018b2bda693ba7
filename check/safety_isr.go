package check

import (
	"slices"

	"samsa/wire"
)

var ackedElectable = &Check{
	Name: "acked-electable", Numbers: "S4",
	Doc: "every record that was promised is in the log of everyone who may be elected: ISR and ELR, and whom a change in flight may bring in",
	On:  []ChangeKind{Altered, Promised, Lost, Looked},
	See: seeElectable,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.power(3, 0) // the controller does not know yet
		s.committed2(1, 0xB, 1, 2)
		s.restart(3, 33)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 0)
		s.ack(1, 0, -1) // broker 3 is in the ISR and does not have it
		return s.done()
	},
}

// committed2 is committed while some are out of the ISR.
func (s *stage) committed2(at wire.Offset, crc uint32, on ...wire.NodeID) {
	s.alter(0, on, nil)
	s.write(at, 0, crc, on...)
	s.leads(1, 0, at+1)
	s.ack(1, at, -1)
}

func seeElectable(d *Docket, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	if p == v.quorum.log || len(p.promises) == 0 {
		return
	}
	if c.Kind == Looked { // a proposal is looked at when it is made, and with every promise while it is in flight
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
			if r := p.Replica(id); r.short > 0 {
				seeMember(d, v, c, r, a.memberWords(id))
			}
		}
	}
	seeProposed(d, v, c)
}

// seeProposed looks at those whom the leader's change in flight would bring in: the controller may have accepted it
// already. A leader must wait for them too (maximal ISR, KIP-497).
func seeProposed(d *Docket, v *View, c *Change) {
	p := c.Partition
	l := p.replica(p.assigned.Leader)
	if l == nil || !l.known || !l.Leads || l.Epoch != p.assigned.Epoch || l.Version != p.assigned.Version {
		return // it will be refused: it was compared with something old
	}
	for i, id := range l.Pending {
		if slices.Contains(l.ISR, id) || i >= len(l.Proposed) || !v.wouldAccept(id, l.Proposed[i]) {
			continue
		}
		d.exercised()
		seeMember(d, v, c, p.Replica(id), "proposed for the ISR")
	}
}

// wouldAccept tells whether the controller would let an incarnation of a broker into an ISR (KIP-841, KIP-903).
func (v *View) wouldAccept(id wire.NodeID, epoch wire.BrokerEpoch) bool {
	b := v.image.brokers[id]
	return b != nil && !b.fenced && !b.shuttingDown && (epoch == -1 || epoch == b.epoch)
}

// seeMember looks at one who may be elected, or may soon.
func seeMember(d *Docket, v *View, c *Change, r *Replica, is string) {
	p, id := c.Partition, r.Node
	if r.short == 0 || d.broken() || v.tainted(v.Broker(id), p) || c.Kind == Lost && c.By != "" {
		return
	}
	p.lacks(r, func(q *promise) bool {
		if !q.strong() || q.doomed != "" {
			return true
		}
		if clause, _ := p.destroyed(v, q, before(c), v.image.elr(), v.minISR(p)); clause != "" {
			return true // faults took it from everyone who could have led: acked-durable names the price
		}
		d.decide(v, p.fact(r.role(), q.Base, is), v.bent(p), "broker ", itoa(id), " is ", is, " of ", p.TP.String(), " and may be elected, but does not have offset ",
			itoa(q.Base), ", which was promised at step ", itoa(q.step), p.whoHas(v, q))
		return false
	})
}

var hwJustified = &Check{
	Name: "hw-justified", Numbers: "S7",
	Doc: "everyone who may be elected has in its true log what a leader calls committed",
	On:  []ChangeKind{Looked, Altered},
	See: seeHW,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 1)
		return s.done()
	},
}

// seeHW asks that everyone who may be elected has the leader's batch below the high watermark: by logs-match all below
// that is the same then. To compare ends would not do: a log may be as long and hold something else there.
//
// It looks when a leader's high watermark rises, and when the controller makes somebody electable beside a leader.
func seeHW(d *Docket, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	a := &p.assigned
	if c.Kind == Altered {
		if r = p.replica(a.Leader); r == nil || !r.known || !r.Leads || r.Epoch != a.Epoch {
			return
		}
	} else if !r.Leads || r.HW <= c.Before.HW && c.Before.Leads {
		return
	}
	if r.HW <= max(r.Log.Start(), p.trimmed) {
		return // all of it was deleted on purpose
	}
	last, has := r.Log.At(r.HW - 1)
	for _, set := range [][]wire.NodeID{a.ISR, v.eligible(a)} {
		for _, id := range set {
			d.exercised()
			o := p.replica(id)
			if o == nil || o == r || d.broken() || r.HW <= p.trimmed || o.Log.End() >= r.HW && (!has || last.Base < max(o.Log.Start(), p.trimmed) || o.Log.Has(last)) {
				continue
			}
			if v.tainted(v.Broker(id), p) || p.elapsed(r.Epoch) {
				continue
			}
			if at, known := p.place(last); has && known && p.promises[at].doomed != "" {
				continue // acked-durable names the price
			}
			d.decide(v, p.fact(ByLeader, r.HW, ""), v.bentOn(p, r.Node, id), "broker ", itoa(r.Node), ", leader of ", p.TP.String(), " in epoch ",
				itoa(r.Epoch), ", calls everything below ", itoa(r.HW), " committed; broker ", itoa(id), " is ", a.memberWords(id),
				" and does not have that: its log ends at ", itoa(o.Log.End()))
		}
	}
}

// elapsed tells whether an unclean election has come that a leader of an epoch may not have heard of.
func (p *Partition) elapsed(epoch wire.Epoch) bool {
	n := len(p.elections)
	for n > 0 && p.elections[n-1].Epoch > epoch {
		if n--; p.elections[n].Unclean != "" {
			return true
		}
	}
	return false
}

var hwMonotone = &Check{
	Name: "hw-monotone", Numbers: "S8",
	Doc: "a leader's high watermark never falls within its epoch, and every replica's lies between start and end of its log",
	On:  []ChangeKind{Looked},
	See: func(d *Docket, v *View, c *Change) {
		p, r := c.Partition, c.Replica
		d.exercised()
		fact := func(way string) Fact { return p.fact(r.role(), r.HW, way) }
		switch {
		case r.Leads && c.Before.Leads && c.Before.Epoch == r.Epoch && r.HW < c.Before.HW:
			d.violate(v, fact("falls"), "broker ", itoa(r.Node), ", leader of ", p.TP.String(), " in epoch ", itoa(r.Epoch), ", takes its high watermark back from ",
				itoa(c.Before.HW), " to ", itoa(r.HW))
		case r.HW > r.End || r.HW < r.Start:
			d.violate(v, fact("outside the log"), "broker ", itoa(r.Node), " has a high watermark of ", itoa(r.HW), " on ", p.TP.String(), ", and a log of [",
				itoa(r.Start), ",", itoa(r.End), ")")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0) // a new leader may begin below what the old one knew
		s.leads(2, 1, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.leads(1, 0, 0)
		return s.done()
	},
}

var isrAgreed = &Check{
	Name: "isr-agreed", Numbers: "S9",
	Doc: "the controller's ISR is never larger than what the leader reckons with, and equal at equal partition epochs",
	On:  []ChangeKind{Looked, Altered},
	See: seeISR,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.look(1, State{Leads: true, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil) // the answer is still on its way
		s.look(1, State{Leads: true, ISR: ids(1, 2)})
		s.look(1, State{Leads: true, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
		s.alter(0, ids(1, 2, 3), nil)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.look(1, State{Leads: true, ISR: ids(1, 2)})
		s.alter(0, ids(1, 2, 3), nil) // nobody on the leader's side reckons with broker 3
		return s.done()
	},
}

func seeISR(d *Docket, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	r := p.replica(a.Leader)
	if r == nil || !r.known || !r.Leads || r.Epoch != a.Epoch {
		return
	}
	d.exercised()
	fact := func(way string) Fact { return p.fact(ByLeader, -1, way) }
	for _, id := range a.ISR {
		if !slices.Contains(r.ISR, id) && !slices.Contains(r.Pending, id) {
			d.violate(v, fact("smaller than the committed one"), "the controller's ISR of ", p.TP.String(), " is ", nodes(a.ISR), "; broker ", itoa(r.Node), ", its leader, reckons with ",
				nodes(r.maximal()), " only, and commits without waiting for broker ", itoa(id))
		}
	}
	if r.Version == a.Version && !sameSet(r.ISR, a.ISR) {
		d.violate(v, fact("different at one partition epoch"), "at partition epoch ", itoa(a.Version), " of ", p.TP.String(), " the controller's ISR is ", nodes(a.ISR), " and its leader's ", nodes(r.ISR))
	}
}

func sameSet(a, b []wire.NodeID) bool {
	if len(a) != len(b) {
		return false
	}
	for _, id := range a {
		if !slices.Contains(b, id) {
			return false
		}
	}
	return true
}

var isrLegal = &Check{
	Name: "isr-legal", Numbers: "S10",
	Doc: "an ISR has only replicas that are in service, in the incarnation that was seen in sync; leader, ISR and ELR fit together",
	On:  []ChangeKind{Altered, Closed},
	See: seeLegal,
	Accept: func(v *View) *Case {
		s := newStage(v, 2).elr()
		s.alter(0, ids(1, 2), nil)
		s.fence(2)
		s.alter(0, ids(1), ids(2))
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.fence(3)
		s.alter(0, ids(1, 2, 3), nil)
		return s.done()
	},
}

func seeLegal(d *Docket, v *View, c *Change) {
	if c.Kind == Closed {
		for _, id := range v.image.fenced {
			seeFenced(d, v, id)
		}
		return
	}
	p := c.Partition
	a := &p.assigned
	d.exercised()
	bad := func(way string, words ...string) {
		d.violate(v, p.fact(ByController, -1, way), append([]string{"the controller's word on " + p.TP.String() + " at partition epoch ",
			itoa(a.Version), " is not legal: "}, words...)...)
	}
	for _, id := range a.ISR {
		b := v.image.brokers[id]
		switch {
		case !slices.Contains(a.Replicas, id):
			bad("no replica", "broker ", itoa(id), " is in the ISR and has no replica")
		case slices.Contains(a.ELR, id):
			bad("in ISR and ELR", "broker ", itoa(id), " is in ISR and ELR")
		case slices.Contains(c.Was.ISR, id) && c.Was.Version >= 0: // who was in stays until the controller takes it out
		case b != nil && !b.fenced && b.letIn == v.now && a.Leader == id && a.Epoch > c.Was.Epoch:
			// It is let in and may lead, also if it wanted to go: a fence ends that, and a heartbeat from before may come late
			// (BrokerHeartbeatManager.touch).
		case b == nil || b.fenced || b.shuttingDown:
			if c.Was.Version >= 0 && !(len(a.ISR) == 1 && a.Recovery == wire.Recovering) {
				bad("not in service", "broker ", itoa(id), " comes into the ISR while it is not in service")
			}
		}
	}
	switch {
	case a.Leader != wire.NoNode && !slices.Contains(a.ISR, a.Leader):
		bad("leader outside", "its leader ", itoa(a.Leader), " is not in the ISR ", nodes(a.ISR))
	case len(a.ELR) > 0 && len(a.ISR) >= v.minISR(p):
		bad("ELR beside a full ISR", "an ELR of ", nodes(a.ELR), " beside an ISR of ", nodes(a.ISR), ", which is enough")
	case len(a.ISR) == 0 && !v.image.elr() && (len(c.Was.ISR) > 0 || c.Was.Version < 0): // with ELR on it may have become so before
		bad("empty", "the ISR is empty: the last replica standing is forgotten")
	}
}

// seeFenced asks, at the end of the batch that fenced a broker, that it is in no ISR any more. Only the last of an ISR stays,
// without leading: before ELR, that is how it is remembered.
func seeFenced(d *Docket, v *View, id wire.NodeID) {
	if b := v.image.brokers[id]; b == nil || !b.fenced {
		return // let in again at once
	}
	for _, p := range v.parts {
		a := &p.assigned
		if !slices.Contains(a.ISR, id) || len(a.ISR) == 1 && a.Leader == wire.NoNode {
			continue
		}
		d.violate(v, p.fact(ByController, -1, "fenced and in the ISR"), "broker ", itoa(id), " is fenced and stays in the ISR of ", p.TP.String(), ", ", nodes(a.ISR), ", led by ", itoa(a.Leader))
	}
}

// shutdowns is how many brokers with a replica ended, or came back as new incarnations, since something was promised. The
// controller must take each for an unclean shutdown that may have cost records, and forgets what that broker had: with
// min.insync.replicas of them at once it may forget the only one that has everything (KIP-966).
//
// early names one more that ended before the promise, has it nevertheless, and is not registered anew yet: it followed on
// in the name of the incarnation that ended. The controller forgets it all the same, for a crash that cost nothing. That is
// Kafka's, a finding about it, and so a price: see the scenario restart-within-the-session.
func (p *Partition) shutdowns(v *View, q *promise) (n int, early wire.NodeID) {
	early = wire.NoNode
	for _, r := range p.replicas {
		switch b := v.Broker(r.Node); {
		case b.died >= q.since || b.joined >= q.since || v.tainted(b, p):
			n++
		case q.held&(1<<r.slot) != 0 && v.replaced(b):
			early = r.Node
		}
	}
	return n, early
}

// replaced tells whether a process runs that is not the incarnation the controller believes in.
func (v *View) replaced(b *Broker) bool {
	r := v.image.brokers[b.Node]
	return b.up && r != nil && !(b.asking && b.ids[len(b.ids)-1] == r.incarnation)
}

// before is who could have been elected up to a change.
func before(c *Change) []wire.NodeID {
	if was := c.Was.electable(); c.Kind == Altered && len(was) > 0 {
		return was
	}
	return c.Partition.assigned.electable()
}

// blind tells whether the controller cannot know of any of these members that its disk has lost bytes. Where nobody is
// remembered it then keeps the wrong ones, and lets those go who have everything and are away for other reasons.
func (v *View) blind(p *Partition, members []wire.NodeID) bool {
	return !slices.ContainsFunc(members, func(id wire.NodeID) bool { return !v.tainted(v.Broker(id), p) })
}

var leaderRecoverable = &Check{
	Name: "leader-recoverable", Numbers: "S11",
	Doc: "among those who may be elected somebody has everything that was promised, unless as many brokers ended as min.insync.replicas",
	On:  []ChangeKind{Altered, Lost},
	See: seeRecoverable,
	Accept: func(v *View) *Case {
		s := newStage(v, 1)
		s.committed(0, 0xA)
		s.alter(0, ids(1), nil)
		s.power(1, 0) // the only disk that counts
		s.alter(wire.NoNode, ids(1), nil)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.power(3, 0)
		s.restart(3, 33)
		s.alter(3, ids(3), nil) // 1 and 2 still have it
		return s.done()
	},
}

func seeRecoverable(d *Docket, v *View, c *Change) {
	p := c.Partition
	a := &p.assigned
	members := a.electable()
	if len(members) == 0 && v.image.elr() { // where the feature was taken back, nobody is remembered any more
		members = a.LastELR // nobody may be elected but who led last
	}
	if len(members) == 0 || p == v.quorum.log || len(p.promises) == 0 {
		return
	}
	d.exercised()
	var nearest *Replica
	for _, id := range members {
		r := p.Replica(id)
		if r.short == 0 {
			return
		}
		if nearest == nil || r.short < nearest.short {
			nearest = r
		}
	}
	if d.broken() {
		return
	}
	p.lacks(nearest, func(q *promise) bool {
		if !q.strong() || q.doomed != "" {
			return true
		}
		ended, early := p.shutdowns(v, q)
		need, clause := min(v.minISR(p), p.least(q)), v.bent(p)
		if ended >= need {
			return true
		}
		if early != wire.NoNode && ended+1 >= need {
			clause = "broker " + itoa(early) + " crashed before the promise and followed on before it was registered anew, and the controller counts that crash" +
				" against what it has had since: Kafka does so too, see restart-within-the-session"
		}
		held := before(c)
		if v.blind(p, members) && (!v.image.elr() || p.forgot(q)) {
			held = members
		}
		if hit, _ := p.destroyed(v, q, held, v.image.elr(), v.minISR(p)); hit != "" {
			return true // before ELR the last of an ISR stayed in it, whatever its disk had lost
		}
		d.decide(v, p.fact(ByController, q.Base, ""), clause, "whoever is elected for ", p.TP.String(), " among ", nodes(members), " lacks offset ",
			itoa(q.Base), ", which was promised at step ", itoa(q.step), p.whoHas(v, q))
		return false
	})
}

// backed is how many replicas vouch for an acknowledged batch, and demanded the min.insync.replicas that it had to meet:
// each at its best of when the batch was committed and when its producer was answered. A request of several partitions is
// answered when the last of them is committed; what the first was committed with counts (DelayedProduce).
func (p *Partition) backed(g Given, b Batch) (backed, demanded int) {
	if i, ok := p.place(b); ok {
		return max(g.InSync, p.promises[i].had), min(g.Demand, p.promises[i].need)
	}
	return g.InSync, g.Demand
}

// copies is how many replicas have a batch, or may have had it until a fault took it or their process ended: the answer may
// leave long after they had said so.
func (p *Partition) copies(v *View, b Batch) (n int) {
	i, known := p.place(b)
	for _, r := range p.replicas {
		o := v.Broker(r.Node)
		_, hit := v.lastHit(o, p, 0)
		switch {
		case r.Log.Has(b) || b.Base < r.Log.start || v.tainted(o, p):
			n++
		case !known && hit:
			n++
		case known && (o.died >= p.promises[i].since || o.joined >= p.promises[i].since || slices.ContainsFunc(p.promises[i].taken, func(t taken) bool { return t.node == r.Node })):
			n++
		}
	}
	return n
}

var ackHonest = &Check{
	Name: "ack-honest", Numbers: "S13",
	Doc: "acks=all is answered with success only when the record is below the high watermark, enough replicas are in sync, and as many have it",
	On:  []ChangeKind{Answered},
	See: func(d *Docket, v *View, c *Change) {
		p, r, b := c.Partition, c.Replica, c.Batch
		if c.Acks != -1 {
			return
		}
		d.exercised()
		backed, demanded := p.backed(c.Given, b)
		copies := p.copies(v, b)
		if b.Epoch == wire.NoEpoch && b.Base < max(r.Log.Start(), r.Start, p.trimmed) {
			return // it was deleted on purpose before the answer left
		}
		if b.Epoch != wire.NoEpoch && (v.Broker(r.Node).ending || r.HW >= b.Next && backed >= demanded && copies >= demanded) {
			return
		}
		fact := func(way string) Fact { return p.fact(ByLeader, b.Base, way) }
		who := "broker " + itoa(r.Node) + " told a producer that offset " + itoa(b.Base) + " of " + p.TP.String() + " is stored"
		switch {
		case b.Epoch == wire.NoEpoch:
			d.decide(v, fact("does not have it"), v.bent(p), who, ", and does not have it itself")
		case r.HW < b.Next:
			d.violate(v, fact("above its high watermark"), who, ", and its high watermark is ", itoa(r.HW))
		case backed < demanded:
			d.violate(v, fact("too few in sync"), who, ", with ", plural(int64(backed), "replica", "replicas"), " in sync; min.insync.replicas is ", itoa(c.Given.Demand))
		default:
			d.decide(v, fact("too few copies"), v.bent(p), who, ", and ", plural(int64(copies), "replica has", "replicas have"), " it; min.insync.replicas is ", itoa(demanded))
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
