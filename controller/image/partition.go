package image

import (
	"slices"

	"samsa/wire"
)

// Partition is the state of one partition (PartitionRegistration). Its slices are replaced and never changed in place,
// so a copy that was made earlier does not change.
type Partition struct {
	Topic            wire.TopicID
	Partition        int32
	Replicas         []wire.NodeID // in order of preference
	ISR              []wire.NodeID // in the order of Replicas; contains Leader if there is a leader
	ELR              []wire.NodeID // eligible leader replicas (KIP-966); disjoint from ISR
	LastKnown        []wire.NodeID // the last known leader while ISR and ELR are both empty; otherwise empty
	Leader           wire.NodeID   // NoNode if there is none
	ElectedUncleanly bool          // Leader was in neither ISR nor ELR when elected, so records may be lost
	Recovery         wire.LeaderRecoveryState
	LeaderEpoch      wire.Epoch          // raised by every record that sets the leader
	PartitionEpoch   wire.PartitionEpoch // raised by every change
}

// addPartition adds or replaces a partition. The records of a topic's partitions are in partition order.
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
		LeaderEpoch: r.LeaderEpoch, PartitionEpoch: r.PartitionEpoch,
	}
	t.Partitions[r.PartitionID] = p
	m.digest += digestPartition(p)
}

// changePartition applies a change record to its partition.
func (m *Image) changePartition(r *wire.PartitionChangeRecord) {
	p := m.Partition(r.TopicID, r.PartitionID)
	if p == nil {
		return
	}
	m.digest -= digestPartition(p)
	p.change(r)
	m.digest += digestPartition(p)
}

// clearELR clears the ELRs of a topic's partitions, or of all partitions if the topic is "". The result is the same as if
// each partition with an ELR had its own change record (TopicDelta.maybeClearElr).
func (m *Image) clearELR(topic string) {
	for _, t := range m.topics { //order: each partition changes independently, and the digest is a sum
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

// After returns the partition as it is after a change.
func (p *Partition) After(r *wire.PartitionChangeRecord) Partition {
	next := *p
	next.change(r)
	return next
}

// change applies a PartitionChangeRecord. The record does not have the epochs, because every node computes them in the
// same way (PartitionRegistration.merge). Every change raises the partition epoch, so that the controller can refuse an
// AlterPartition based on an older state (KIP-497). A record that sets the leader raises the leader epoch, even if there
// is no leader or the same leader as before. Since 3.6 a smaller ISR alone does not raise the leader epoch, because the
// new leader epoch only interrupted clients (KAFKA-15021).
func (p *Partition) change(r *wire.PartitionChangeRecord) {
	if r.Leader != wire.LeaderUnchanged {
		p.Leader = r.Leader
		p.ElectedUncleanly = r.Leader != wire.NoNode && !slices.Contains(p.ISR, r.Leader) && !slices.Contains(p.ELR, r.Leader)
		p.LeaderEpoch++
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
	p.PartitionEpoch++
}

// HasReplica reports whether a node has a replica.
func (p *Partition) HasReplica(id wire.NodeID) bool { return slices.Contains(p.Replicas, id) }

// InISR reports whether a node is in the ISR.
func (p *Partition) InISR(id wire.NodeID) bool { return slices.Contains(p.ISR, id) }
