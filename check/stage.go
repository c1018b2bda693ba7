package check

import (
	"slices"

	"samsa/wire"
)

// orders is the partition that the cases use.
var orders = wire.TopicPartition{Topic: "orders"}

// ordersID is the topic id of orders-0.
var ordersID = wire.TopicID{0: 7}

// stage plays the cases of invariants. A case begins with three unfenced brokers and the partition orders-0, which b1
// leads in epoch 0 and of which all three replicas are in sync. Each change is a step of its own.
type stage struct {
	*View
	p  *Partition
	at wire.Offset // the offset of the next record of the metadata log
}

func newStage(v *View, minISR int) *stage {
	s := &stage{View: v}
	v.contract = Contract{MinISR: minISR, Retention: Retention{For: -1, Bytes: -1}, Timeouts: defaultTimeouts, Machines: machines}
	s.quietSince = -1
	s.commit(&wire.TopicRecord{Name: orders.Topic, TopicID: ordersID})
	for node := wire.NodeID(1); node <= 3; node++ {
		s.Started(node)
		s.register(node, byte(node))
		s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: node, Fenced: -1})
	}
	s.p = s.Partition(ordersID, orders)
	all := []wire.NodeID{1, 2, 3}
	s.commit(&wire.PartitionRecord{TopicID: ordersID, Replicas: all, ISR: all, Leader: 1})
	for _, node := range all {
		s.look(node, State{Leads: node == 1, Leader: 1, ISR: all})
	}
	return s
}

// tick begins the next step.
func (s *stage) tick() { s.Clock(s.step+1, s.now+1e6) }

// commit commits a record of the metadata log.
func (s *stage) commit(r wire.MetadataRecord) {
	s.tick()
	s.Committed(s.at, r)
	s.at++
	s.image.batch, s.image.fenced = s.at, nil // a case may fence a broker without the partition changes that the controller makes in the same batch
}

// register commits the registration of an incarnation.
func (s *stage) register(node wire.NodeID, incarnation byte) {
	s.RegistrationAsked(node, wire.UUID{incarnation})
	s.commit(&wire.RegisterBrokerRecord{BrokerID: node, IncarnationID: wire.UUID{incarnation}, BrokerEpoch: wire.BrokerEpoch(s.at), Fenced: true})
}

// alter commits a change of orders-0. If leader is 0, the leader stays the same.
func (s *stage) alter(leader wire.NodeID, isr, elr []wire.NodeID) {
	r := wire.NewPartitionChange(ordersID, 0)
	if leader != 0 {
		r.Leader = leader
	}
	r.ISR, r.ELR = isr, elr
	s.commit(r)
}

// look records a broker's observed state. It sets End, PartitionEpoch if that is zero, and Leader if the broker leads.
func (s *stage) look(node wire.NodeID, b State) {
	s.tick()
	r := s.p.Replica(node)
	if b.PartitionEpoch == 0 {
		if b.PartitionEpoch = s.p.assigned.PartitionEpoch; b.Epoch != s.p.assigned.Epoch {
			b.PartitionEpoch = r.PartitionEpoch // it does not know of the change
		}
	}
	if b.Leads {
		b.Leader = node
	}
	b.End = r.Log.End()
	s.ReplicaChanged(s.p, r, b)
}

// leads makes a broker lead an epoch with the committed ISR.
func (s *stage) leads(node wire.NodeID, epoch wire.Epoch, hw wire.Offset) {
	s.look(node, State{Leads: true, Epoch: epoch, HW: hw, ISR: s.p.assigned.ISR})
}

// follows makes a broker follow in an epoch.
func (s *stage) follows(node wire.NodeID, epoch wire.Epoch, hw wire.Offset) {
	s.look(node, State{Leader: s.p.assigned.Leader, Epoch: epoch, HW: hw})
}

// write appends the batch [at, at+1) of an epoch to the logs of some brokers.
func (s *stage) write(at wire.Offset, epoch wire.Epoch, crc uint32, to ...wire.NodeID) Batch {
	s.tick()
	b := Batch{Base: at, Next: at + 1, Epoch: epoch, CRC: crc}
	for _, node := range to {
		s.Appended(s.p, s.p.Replica(node), b)
	}
	return b
}

// ack makes a broker acknowledge an offset to a producer.
func (s *stage) ack(node wire.NodeID, at wire.Offset, acks int16) {
	s.tick()
	r := s.p.Replica(node)
	s.Acked(s.p, r, at, acks, Given{Client: "p1", Epoch: r.Epoch, InSync: r.InSync(), MinISR: s.MinISR(s.p)})
}

// power cuts a broker's power; its disk keeps the records below an offset.
func (s *stage) power(node wire.NodeID, keeps wire.Offset) {
	s.tick()
	s.Died(node)
	s.DiskFaulted(node, PowerLoss)
	s.Truncated(s.p, s.p.Replica(node), keeps, PowerLoss)
}

// restart starts a new incarnation of a broker, which the controller registers and unfences.
func (s *stage) restart(node wire.NodeID, incarnation byte) {
	s.tick()
	s.Started(node)
	s.register(node, incarnation)
	s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: node, Fenced: -1})
}

// fence commits that a broker is fenced.
func (s *stage) fence(node wire.NodeID) {
	s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: node, Fenced: 1})
}

// active makes a controller the active one.
func (s *stage) active(node wire.NodeID) {
	s.tick()
	s.VoterChanged(node, VoterState{Leads: true, Leader: node, Epoch: 1})
}

// elr enables eligible leader replicas.
func (s *stage) elr() *stage {
	s.commit(&wire.FeatureLevelRecord{Name: "eligible.leader.replicas.version", Level: 1})
	return s
}

// done returns the case.
func (s *stage) done() *Case { return &Case{View: s.View} }

// ids returns a list of nodes.
func ids(list ...wire.NodeID) []wire.NodeID { return slices.Clone(list) }

// committed appends a record on all replicas and acknowledges it.
func (s *stage) committed(at wire.Offset, crc uint32) {
	s.write(at, 0, crc, 1, 2, 3)
	s.leads(1, 0, at+1)
	s.ack(1, at, -1)
}

// machines returns the names b1 to b100 for nodes 1 to 100, and c1, c2, … for the nodes above 100.
func machines(node wire.NodeID) string {
	if node > 100 {
		return "c" + itoa(node-100)
	}
	return "b" + itoa(node)
}
