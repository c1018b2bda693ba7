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
	Leader    wire.NodeID   // NoNode if there is none
	Recovery  wire.LeaderRecoveryState
	Epoch     wire.Epoch          // leader epoch: raised by every record that names a leader
	Version   wire.PartitionEpoch // partition epoch: raised by every change
}

// addPartition takes a whole partition in; records come in partition order.
func (m *Image) addPartition(r *wire.PartitionRecord) {
	t := m.topics[r.TopicID]
	for int(r.PartitionID) >= len(t.Partitions) {
		t.Partitions = append(t.Partitions, nil)
	}
	t.Partitions[r.PartitionID] = &Partition{
		Topic: r.TopicID, Partition: r.PartitionID,
		Replicas: r.Replicas, ISR: r.ISR, ELR: r.ELR, Leader: r.Leader, Recovery: r.LeaderRecoveryState,
		Epoch: r.LeaderEpoch, Version: r.PartitionEpoch,
	}
}

// change applies a PartitionChangeRecord. The epochs are not in the record: they follow from it, so that no two
// nodes can disagree (PartitionRegistration.merge).
func (p *Partition) change(r *wire.PartitionChangeRecord) {
	if r.Leader != wire.LeaderUnchanged {
		p.Leader = r.Leader
		p.Epoch++
	}
	if r.ISR != nil {
		p.ISR = r.ISR
	}
	if r.ELR != nil {
		p.ELR = r.ELR
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
