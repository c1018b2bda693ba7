package check

import "samsa/wire"

// AckedDurable judges Kafka's first promise from above: it looks into the true logs.
//
// It finds a loss as soon as a leader of the newest epoch is without the batch, before any reader could notice; LostWrite
// finds the same loss from the outside, from what readers saw.
var AckedDurable = &Check{
	Name: "acked-durable", Numbers: "S5",
	Doc: "a record whose producer was told that it is stored is in the log of every later leader",
	Of:  [2]string{"acknowledged batch, in the leader's log at every look", "acknowledged batches, all in the leader's log at every look"},
	On:  []ChangeKind{Looked, Lost, Promised},
	See: seeDurable,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.write(1, 0, 0xB, 1) // told to nobody
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
		s.Cut(s.p, s.p.Replica(2), 1, "") // truncated by broker 2 itself, and its disk was never hit
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 1)
		return s.done()
	},
}

func seeDurable(d *Docket, v *View, c *Change) {
	if c.Kind == Promised && c.HW == 0 {
		d.exercised()
	}
	p, r := c.Partition, c.Replica
	if !r.Leads || r.Epoch < p.newest || r.lacking == 0 || p == v.quorum.log || !v.inOffice(r.Node) {
		return
	}
	p.lacks(r, func(q *promise) bool {
		clause := p.license(v, q, r.Epoch)
		p.lose(q, clause)
		if q.made&(madeToAll|madeToOne) == 0 {
			return true // only shown: reads-stable has it if somebody reads another record there
		}
		if d.broken() {
			return true
		}
		where := ""
		if clause == "" {
			where = p.whoHas(v, q)
		}
		d.decide(v, Fact{p.TP.String(), q.Base, "leader"}, clause,
			q.client, " was told after step ", itoa(q.step), " that offset ", itoa(q.Base), " of ", p.TP.String(), " is stored; broker ",
			itoa(r.Node), ", leader in epoch ", itoa(r.Epoch), ", does not have it", where)
		return true
	})
}

// inOffice tells whether the controller has let in the very process that runs: before that it serves nobody, whatever
// an old image makes it believe.
func (v *View) inOffice(node wire.NodeID) bool {
	b, r := v.Broker(node), v.image.brokers[node]
	return r != nil && b.asking && b.ids[len(b.ids)-1] == r.incarnation
}

// whoHas says where the copies of a batch are, and what took the others.
func (p *Partition) whoHas(v *View, q *promise) string {
	words := ""
	for _, r := range p.replicas {
		if q.held&(1<<r.slot) != 0 {
			words += "; broker " + itoa(r.Node) + " still has it"
		}
	}
	for _, t := range q.taken {
		words += "; the " + v.hits[t.hit].words() + " took a copy"
		if t.flushed {
			words += " that was synced"
		}
	}
	return words
}
