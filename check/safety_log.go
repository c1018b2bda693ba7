package check

import (
	"slices"

	"samsa/wire"
)

// replicationChecks are the invariants of replicas: their logs here, their ISR and high watermark in safety_isr.go.
var replicationChecks = []*Check{
	logsMatch, oneLeader, epochsInOrder, ackedElectable, hwJustified, hwMonotone, readsStable, isrAgreed, isrLegal,
	leaderRecoverable, truncationLicensed, ackHonest, endsTrue, deletedForGood, deletionLicensed, storedAsSent, oneDirectory,
}

var logsMatch = &Check{
	Name: "logs-match", Numbers: "S1",
	Doc: "two replicas that hold the same offset in the same epoch hold the same records there and everywhere below",
	On:  []ChangeKind{Grew},
	See: func(d *Docket, v *View, c *Change) {
		if c.Partition != v.quorum.log {
			seeMatch(d, v, c, ByFollower)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.write(1, 0, 0xB, 1) // an old leader's tail, which the new one overwrites in its own epoch
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0)
		s.follows(3, 1, 0)
		s.write(1, 1, 0xC, 2, 3)
		s.follows(1, 1, 0)
		s.Cut(s.p, s.p.Replica(1), 1, "")
		s.write(1, 1, 0xC, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2)
		s.write(0, 0, 0xF, 3) // the same place, other bytes
		return s.done()
	},
}

// seeMatch compares a batch with what the other logs have at its place, and what lies directly below. That is all that
// must be looked at: below that, the same was true when those batches came.
func seeMatch(d *Docket, v *View, c *Change, role Role) {
	p, r, b := c.Partition, c.Replica, c.Batch
	below, has := Batch{}, false
	if n := r.Log.Len(); n > 1 {
		below, has = r.Log.batches[n-2], true
	}
	for _, o := range p.replicas {
		i := o.Log.find(b.Base)
		if o == r || i == o.Log.Len() || o.Log.batches[i].Epoch != b.Epoch || o.Log.batches[i].Base >= b.Next {
			continue
		}
		d.exercised()
		other := o.Log.batches[i]
		switch {
		case !other.Same(b):
		case has && i > 0 && !o.Log.batches[i-1].Same(below) && below.Next > max(o.Log.start, p.trimmed) && o.Log.batches[i-1].Next > max(r.Log.start, p.trimmed):
			other, b = o.Log.batches[i-1], below
		default:
			continue
		}
		if !d.broken() {
			d.decide(v, p.fact(role, b.Base, ""), v.bent(p), "the logs of ", p.TP.String(), " differ: node ", itoa(r.Node), " has ", b.span(),
				" where node ", itoa(o.Node), " has ", other.span(), ", and both have the same epoch at or above it")
		}
	}
}

// bent names a fault of a device under one of a partition's logs: what a disk has lost or changed behind a true sync may
// come back as anything, and spread.
func (v *View) bent(p *Partition) string {
	for _, h := range v.hits {
		if damages(h.What) && h.reaches(p) && p.replica(h.Node) != nil {
			return "a disk did not keep what it was given: " + h.words()
		}
	}
	return ""
}

// bentOn names such a fault of one of these disks. Its broker takes what lay there for what it has, also when it comes back.
func (v *View) bentOn(p *Partition, disks ...wire.NodeID) string {
	for _, h := range v.hits {
		if damages(h.What) && h.reaches(p) && slices.Contains(disks, h.Node) {
			return "a disk did not keep what it was given: " + h.words()
		}
	}
	return ""
}

var oneLeader = &Check{
	Name: "one-leader-per-epoch", Numbers: "S2",
	Doc: "in one leader epoch only the broker that was elected leads, and only one incarnation of it appends",
	On:  []ChangeKind{Looked, Grew},
	See: seeLeader,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0) // while broker 1 still believes to lead epoch 0: that is no harm
		s.leads(1, 0, 0)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.leads(2, 0, 0)
		return s.done()
	},
}

func seeLeader(d *Docket, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	if c.Kind == Grew {
		p.appended(d, v, r, c.Batch)
		return
	}
	if !r.Leads || c.Before.Leads && c.Before.Epoch == r.Epoch {
		return
	}
	d.exercised()
	p.newest = max(p.newest, r.Epoch)
	me := leadership{r.Epoch, r.Node, v.Broker(r.Node).life}
	i := slices.IndexFunc(p.leads, func(l leadership) bool { return l.epoch == r.Epoch })
	switch {
	case i < 0:
		p.leads = append(p.leads, me)
		if e := p.election(r.Epoch); e != nil && (e.Epoch != r.Epoch || e.Leader != r.Node) {
			d.violate(v, p.fact(ByLeader, -1, "not elected"), "broker ", itoa(r.Node), " leads ", p.TP.String(), " in epoch ", itoa(r.Epoch),
				", for which it was not elected")
		}
	case p.leads[i].node != r.Node:
		d.violate(v, p.fact(ByLeader, -1, "two leaders"), "brokers ", itoa(p.leads[i].node), " and ", itoa(r.Node), " both lead ",
			p.TP.String(), " in epoch ", itoa(r.Epoch))
	}
}

// appended looks at who appends in an epoch. A broker that comes back before its session is over may find itself leader
// of its old epoch in the image. That is harmless as long as it serves nobody: it may have lost what the epoch began with.
func (p *Partition) appended(d *Docket, v *View, r *Replica, b Batch) {
	if !r.known || !r.Leads {
		return
	}
	if b.Epoch < r.Epoch { // of a newer one, epochs-in-order speaks
		d.decide(v, p.fact(ByLeader, b.Base, "appends an older epoch"), v.bent(p), "broker ", itoa(r.Node), " leads ", p.TP.String(), " in epoch ", itoa(r.Epoch), " and appends ", b.span())
		return
	}
	i := slices.IndexFunc(p.leads, func(l leadership) bool { return l.epoch == b.Epoch && l.node == r.Node })
	if i >= 0 && p.leads[i].life != v.Broker(r.Node).life {
		d.violate(v, p.fact(ByLeader, b.Base, "appends after a restart"), "broker ", itoa(r.Node), " appends to ", p.TP.String(), " in epoch ", itoa(r.Epoch),
			", which it began to lead before its last restart")
	}
}

var readsStable = &Check{
	Name: "reads-stable", Numbers: "S6",
	Doc: "an offset that lay below a high watermark that some reader was told never holds another record",
	On:  []ChangeKind{Read},
	See: seeRead,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		b := s.write(0, 0, 0xA, 1, 2, 3)
		s.Served(s.p, s.p.Replica(1), 1)
		s.Delivered(s.p, s.p.Replica(1), b, 1)
		s.Served(s.p, s.p.Replica(2), 1)
		s.Delivered(s.p, s.p.Replica(2), b, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1)
		s.Served(s.p, s.p.Replica(1), 1) // nobody else had it
		s.alter(2, ids(2, 3), nil)
		b := s.write(0, 1, 0xB, 2, 3)
		s.Served(s.p, s.p.Replica(2), 1)
		s.Delivered(s.p, s.p.Replica(2), b, 1)
		return s.done()
	},
}

func seeRead(d *Docket, v *View, c *Change) {
	p, b := c.Partition, c.Batch
	if b.Next == 0 {
		return
	}
	for q := range p.around(b.Base, b.Next) {
		if q.made&shown == 0 {
			continue
		}
		d.exercised()
		if q.Same(b) || d.broken() {
			continue
		}
		clause := q.clause
		if clause == "" {
			clause = q.doomed
		}
		if clause == "" { // the checksum covers neither base offset nor epoch, and a leader serves what its disk gives it
			clause = v.bent(p)
		}
		if clause == "" && q.Next <= p.trimmed { // a log that is empty on purpose may forget where it ended
			clause = p.deleted()
		}
		d.decide(v, p.fact(c.Replica.role(), q.Base, ""), clause, "readers of ", p.TP.String(), " were shown ", q.span(), " at step ",
			itoa(q.step), "; now broker ", itoa(c.Node), " serves ", b.span(), " there")
	}
}

var truncationLicensed = &Check{
	Name: "truncation-licensed", Numbers: "S12",
	Doc: "no replica discards what is committed, unless an unclean election or a fault of its disk took it first",
	On:  []ChangeKind{Lost},
	See: seeCut,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.write(1, 0, 0xB, 1)
		s.Cut(s.p, s.p.Replica(1), 1, "")
		s.power(2, 0)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.Cut(s.p, s.p.Replica(2), 0, "") // to its own high watermark, which it learns a fetch too late (KIP-101)
		return s.done()
	},
}

func seeCut(d *Docket, v *View, c *Change) {
	p := c.Partition
	if p == v.quorum.log {
		return
	}
	for _, b := range c.Gone {
		d.exercised()
		i, ok := p.place(b)
		if !ok || c.By != "" {
			continue
		}
		// What only acks=1 was told of may be cut: its price is named where a leader is without it.
		if q := &p.promises[i]; q.made&^madeToOne != 0 && !q.lost && q.doomed == "" && q.Next > p.trimmed && !p.wiped(v, c.Replica, q) && !d.broken() {
			d.decide(v, p.fact(c.Replica.role(), b.Base, ""), v.bent(p), "broker ", itoa(c.Node), " cut ", b.span(), " of ", p.TP.String(),
				" from its log", q.lastCut(c.Node), "; it was committed by step ", itoa(q.step), p.whoHas(v, q))
		}
	}
}

// lastCut says how far a replica cut its log when it cut this.
func (q *promise) lastCut(node wire.NodeID) string {
	if n := len(q.cuts); n > 0 && q.cuts[n-1].node == node {
		return q.cuts[n-1].words()
	}
	return ""
}

// wiped tells whether a replica that nobody may elect has emptied its log, to begin it anew where its leader's begins.
func (p *Partition) wiped(v *View, r *Replica, q *promise) bool {
	return r.Log.Len() == 0 && !slices.Contains(p.assigned.electable(), r.Node)
}

var oneDirectory = &Check{
	Name: "one-directory", Numbers: "S14",
	Doc: "a broker has at most one directory for a partition, and it is of the topic that the controller means",
	On:  []ChangeKind{Installed, Housed, Looked},
	See: func(d *Docket, v *View, c *Change) {
		p := c.Partition
		switch {
		case c.Kind == Housed:
			if d.exercised(); wire.TopicID(c.Home) != p.ID {
				// The id stands in a file of its own, and rots like the others.
				d.decide(v, p.fact(c.Replica.role(), -1, "directory of another topic"), v.bent(p), "broker ", itoa(c.Node), " keeps ", p.TP.String(), " in the directory of another topic of that name")
			}
		case c.Kind == Installed && c.Offset > 1:
			d.violate(v, p.fact(ByFollower, -1, "two directories"), "broker ", itoa(c.Node), " has ", itoa(c.Offset), " directories of ", p.TP.String())
		case c.Kind == Looked && c.Replica.Epoch >= 0 && c.Before.Epoch < 0:
			d.exercised()
			if last := v.image.owner(p.TP.Topic); last.id != p.ID && last.from > 0 && v.Broker(c.Node).applied >= last.from && c.Replica.Leads {
				d.violate(v, p.fact(ByLeader, -1, "log of another topic"), "broker ", itoa(c.Node), " leads ", p.TP.String(), " on the log of another topic of that name")
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.Installed(s.p, 1, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		s.Installed(s.p, 1, 2)
		return s.done()
	},
}

// memberWords says what a member of ISR or ELR is.
func (a *Assignment) memberWords(id wire.NodeID) string {
	if slices.Contains(a.ISR, id) {
		return "in the ISR"
	}
	return "in the ELR"
}
