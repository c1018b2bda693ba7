package check

import (
	"slices"

	"samsa/wire"
)

// joining is what isrSettles keeps about a replica in the ISR.
type joining struct {
	epoch  wire.Epoch  // the leader epoch in which it joined, NoEpoch if it is not in the ISR or was in it from the start
	when   int64       // when it joined
	had    wire.Offset // the end of its log when it joined
	leader wire.Offset // the end of its leader's log then
	hw     wire.Offset // its leader's high watermark then
	under  bool        // the ISR had fewer than min.insync.replicas members before
}

var isrSettles = &Check{
	Name: "isr-settles", Numbers: "L2/settles", Liveness: true,
	Doc: "while no fault is active, a replica that joins the ISR does not leave it for its lag before it has had what the leader had when it joined",
	Of:  [2]string{"replica that joined an ISR and left it", "replicas that joined an ISR and left it, none before it had caught up"},
	On:  []ChangeKind{PartitionChanged},
	See: seeSettling,
	Accept: func(v *View) *Case {
		s := newStage(v, 1)
		s.alter(0, ids(1, 2), nil)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 1)
		s.write(0, 0, 0xA, 3)
		s.write(1, 0, 0xB, 1)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
		s.alter(0, ids(1, 2, 3), nil) // b3 has all below the high watermark
		s.leads(1, 0, 1)
		s.write(1, 0, 0xB, 2, 3)
		s.write(2, 0, 0xC, 1, 2)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil) // b3 lacks only what came later
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 1)
		s.FaultsOver(s.now)
		s.Clock(s.step+1, s.now+2*int64(s.contract.fetched()))
		s.alter(0, ids(1, 2), nil)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 1)
		s.alter(0, ids(1, 2, 3), nil)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil)
		return s.done()
	},
}

// seeSettling looks at replicas that join the ISR and at those that a leader removes. Kafka lets a replica join once it has
// all below the high watermark (Partition.isFollowerInSync). While the ISR has fewer than min.insync.replicas members, the
// high watermark stands still, so the replica may lack much more than it can fetch within replica.lag.time.max.ms.
func seeSettling(d *Tally, v *View, c *Change) {
	p := c.Partition
	a, was := &p.assigned, &c.Was
	l := p.replica(a.Leader)
	if p == v.quorum.log || l == nil || was.PartitionEpoch < 0 || a.Epoch != was.Epoch {
		return
	}
	for _, id := range a.ISR {
		if r := p.replica(id); r != nil && !slices.Contains(was.ISR, id) {
			r.joining = joining{a.Epoch, v.now, r.Log.End(), l.Log.End(), l.HW, len(was.ISR) < v.MinISR(p)}
		}
	}
	for _, id := range was.ISR {
		r, b := p.replica(id), v.image.brokers[id]
		if slices.Contains(a.ISR, id) || r == nil || b == nil || b.fenced || b.shuttingDown || !v.Broker(id).up {
			continue
		}
		if l.Pending == nil || slices.Contains(l.Pending, id) {
			continue // the controller has removed it
		}
		d.exercised()
		j := r.joining
		clause := ""
		switch {
		case j.epoch != a.Epoch || r.Log.End() >= j.leader:
			continue
		case j.under:
			clause = "the ISR had fewer than min.insync.replicas members, so the high watermark stood still, and a replica that has all below it may join: " +
				"Kafka does so too (KAFKA-19996), see isr-flaps"
		case j.had >= j.hw || quietFor(v) <= Duration(v.now-j.when)+v.contract.fetched():
			continue // it is slower than the producers, or a fault has cut its log
		}
		d.decide(v, p.fact(ByLeader, -1, ""), clause, v.name(id), " joined the ISR of ", p.TP.String(), " when its log ended at ", itoa(j.had), " and that of the leader ", v.name(a.Leader),
			" at ", itoa(j.leader), ", and left it ", seconds(Duration(v.now-j.when)), " later, when its log ended at ", itoa(r.Log.End()))
	}
}
