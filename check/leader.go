package check

import (
	"slices"

	"samsa/wire"
)

var electionLicensed = &Check{
	Name: "election-licensed", Numbers: "S29",
	Doc: "a leader from outside ISR and ELR is elected only if unclean election is enabled, an operator asked for it, or it is the last known leader; and no fenced broker is elected",
	On:  []ChangeKind{PartitionChanged},
	See: func(d *Tally, v *View, c *Change) {
		p := c.Partition
		a := &p.assigned
		if a.Leader == wire.NoNode || a.Epoch == c.Was.Epoch || c.Was.PartitionEpoch < 0 {
			return
		}
		d.exercised()
		e := p.election(a.Epoch)
		fact := func(way string) Fact { return p.fact(ByController, -1, way) }
		if e.Unclean == "" && !slices.Contains(e.Members, a.Leader) {
			d.violate(v, fact("unclean election"), v.name(a.Leader), " was elected for ", p.TP.String(), " in epoch ", itoa(a.Epoch),
				"; ISR and ELR were ", v.names(e.Members), " and no config or operator allowed an unclean election")
		}
		if b := v.image.brokers[a.Leader]; (b == nil || b.fenced) && c.Was.Leader != a.Leader {
			d.violate(v, fact("fenced leader"), v.name(a.Leader), " was elected for ", p.TP.String(), " in epoch ", itoa(a.Epoch), " while it is fenced")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 1)
		s.alter(2, ids(2, 3), nil)
		s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text("true")})
		s.alter(1, ids(1), nil)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 1)
		s.alter(2, ids(2, 3), nil)
		s.alter(1, ids(1), nil)
		return s.done()
	},
}

func text(s string) *string { return &s }

var oneLeader = &Check{
	Name: "one-leader-per-epoch", Numbers: "S2",
	Doc: "in one leader epoch only the broker that was elected leads, and only one incarnation of it appends",
	On:  []ChangeKind{ReplicaChanged, BatchAppended},
	See: seeLeader,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0) // b1 still leads epoch 0, which is harmless
		s.leads(1, 0, 0)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.leads(2, 0, 0)
		return s.done()
	},
}

func seeLeader(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	if c.Kind == BatchAppended {
		p.appended(d, v, r, c.Batch)
		return
	}
	if !r.Leads || c.Before.Leads && c.Before.Epoch == r.Epoch {
		return
	}
	d.exercised()
	p.newest = max(p.newest, r.Epoch)
	me := leadership{r.Epoch, r.Node, v.Broker(r.Node).starts}
	i := slices.IndexFunc(p.leads, func(l leadership) bool { return l.epoch == r.Epoch })
	switch {
	case i < 0:
		p.leads = append(p.leads, me)
		if e := p.election(r.Epoch); e != nil && (e.Epoch != r.Epoch || e.Leader != r.Node) {
			d.violate(v, p.fact(ByLeader, -1, "not elected"), v.name(r.Node), " leads ", p.TP.String(), " in epoch ", itoa(r.Epoch),
				", for which it was not elected")
		}
	case p.leads[i].node != r.Node:
		d.violate(v, p.fact(ByLeader, -1, "two leaders"), v.name(p.leads[i].node), " and ", v.name(r.Node), " both lead ",
			p.TP.String(), " in epoch ", itoa(r.Epoch))
	}
}

// appended judges the broker that appends in a leader epoch. A broker that restarts before its session times out may still
// be leader of its old epoch in the image. That is harmless until it appends, because it may have lost records that it had
// when the epoch began.
func (p *Partition) appended(d *Tally, v *View, r *Replica, b Batch) {
	if !r.observed || !r.Leads {
		return
	}
	if b.Epoch < r.Epoch { // epochs-in-order reports newer epochs
		d.decide(v, p.fact(ByLeader, b.Base, "appends an older epoch"), v.damagedDisk(p), v.name(r.Node), " leads ", p.TP.String(), " in epoch ", itoa(r.Epoch), " and appends ", b.span())
		return
	}
	i := slices.IndexFunc(p.leads, func(l leadership) bool { return l.epoch == b.Epoch && l.node == r.Node })
	if i >= 0 && p.leads[i].starts != v.Broker(r.Node).starts {
		d.violate(v, p.fact(ByLeader, b.Base, "appends after a restart"), v.name(r.Node), " appends to ", p.TP.String(), " in epoch ", itoa(r.Epoch),
			", which it led before its last restart")
	}
}
