package image

import (
	"slices"

	"samsa/wire"
)

// Partition is the controller's word on one partition. Values in it are replaced, never changed in place, so that an
// earlier copy stays what it was.
type Partition struct {
	Topic     wire.TopicID
	Partition int32
	Replicas  []wire.NodeID // in order of preference
	ISR       []wire.NodeID // in the order of Replicas; contains Leader unless there is none
	ELR       []wire.NodeID // eligible leader replicas (KIP-966); disjoint from ISR
	LastKnown []wire.NodeID // who led last, while ISR and ELR are both empty; else none
	Leader    wire.NodeID   // NoNode if there is none
	Uncleanly bool          // Leader was neither in sync nor eligible when it was elected: records may be lost; follows from the records
	Recovery  wire.LeaderRecoveryState
	Epoch     wire.Epoch          // leader epoch: raised by every record that names a leader
	Version   wire.PartitionEpoch // partition epoch: raised by every change
}

// addPartition takes a whole partition in; records come in partition order.
func (m *Image) addPartition(r *wire.PartitionRecord) {
	t := m.topics[r.TopicID]
	if t == nil {
		return
	}
	if old := m.Partition(r.TopicID, r.PartitionID); old != nil {
		m.digest -= digestPartition(old)
	}
	for int(r.PartitionID) >= len(t.Partitions) {
		t.Partitions = append(t.Partitions, nil)
	}
	p := &Partition{
		Topic: r.TopicID, Partition: r.PartitionID,
		Replicas: r.Replicas, ISR: r.ISR, ELR: r.ELR, LastKnown: r.LastKnownELR, Leader: r.Leader, Recovery: r.LeaderRecoveryState,
		Epoch: r.LeaderEpoch, Version: r.PartitionEpoch,
	}
	t.Partitions[r.PartitionID] = p
	m.digest += digestPartition(p)
}

// changePartition applies a change to the partition it names.
func (m *Image) changePartition(r *wire.PartitionChangeRecord) {
	p := m.Partition(r.TopicID, r.PartitionID)
	if p == nil {
		return
	}
	m.digest -= digestPartition(p)
	p.change(r)
	m.digest += digestPartition(p)
}

// clearELR forgets the eligible leader replicas of a topic's partitions, or of all (""); that is a change of each that had
// some, as if by a record of its own (TopicDelta.maybeClearElr).
func (m *Image) clearELR(topic string) {
	for _, t := range m.topics { //order: each partition on its own, and the digest is a sum
		if topic != "" && t.Name != topic {
			continue
		}
		for _, p := range t.Partitions {
			if len(p.ELR) > 0 || len(p.LastKnown) > 0 {
				r := wire.NewPartitionChange(t.ID, p.Partition)
				r.ELR, r.LastKnownELR = []wire.NodeID{}, []wire.NodeID{}
				m.changePartition(r)
			}
		}
	}
}

// After is the partition as a change will leave it.
func (p *Partition) After(r *wire.PartitionChangeRecord) Partition {
	next := *p
	next.change(r)
	return next
}

// change applies a PartitionChangeRecord. The epochs are not in the record: they follow from it, so that no two
// nodes can disagree (PartitionRegistration.merge). The partition epoch rises with every change, so that a proposal made on
// an older state can be told (KIP-497). The leader epoch rises when a leader is named, also none, or the same one again:
// what was written under it has another author or another set of replicas. A smaller ISR alone is no reason since 3.6: it
// only interrupted everybody (KAFKA-15021).
func (p *Partition) change(r *wire.PartitionChangeRecord) {
	if r.Leader != wire.LeaderUnchanged {
		p.Leader = r.Leader
		p.Uncleanly = r.Leader != wire.NoNode && !slices.Contains(p.ISR, r.Leader) && !slices.Contains(p.ELR, r.Leader)
		p.Epoch++
	}
	if r.ISR != nil {
		p.ISR = r.ISR
	}
	if r.ELR != nil {
		p.ELR = r.ELR
	}
	if r.LastKnownELR != nil {
		p.LastKnown = r.LastKnownELR
	}
	if r.Replicas != nil {
		p.Replicas = r.Replicas
	}
	if r.LeaderRecoveryState != wire.RecoveryUnchanged {
		p.Recovery = r.LeaderRecoveryState
	}
	p.Version++
}

// HasReplica tells whether a node holds a copy.
func (p *Partition) HasReplica(id wire.NodeID) bool { return slices.Contains(p.Replicas, id) }

// InISR tells whether a node is in sync.
func (p *Partition) InISR(id wire.NodeID) bool { return slices.Contains(p.ISR, id) }
