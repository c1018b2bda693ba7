package controller

import (
	"samsa/controller/image"
	"samsa/coordinator"
	"samsa/sim/env"
	"samsa/wire"
)

// Applied implements coordinator.Host. It makes a note of the change in a committed record.
func (c *Controller) Applied(e env.Env, rec coordinator.Entry) {
	r, err := wire.ParseMetadata(rec.Value)
	if err != nil {
		return // Apply has already panicked
	}
	switch r := r.(type) {
	case *wire.RegisterBrokerRecord:
		e.Note(noteRegistered, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
	case *wire.BrokerRegistrationChangeRecord:
		switch {
		case r.Fenced == 1:
			e.Note(noteFenced, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
		case r.Fenced == -1:
			e.Note(noteUnfenced, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
		case r.InControlledShutdown == 1:
			e.Note(noteShutdown, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
		}
	case *wire.RemoveTopicRecord:
		e.Note(noteDeleted, r.TopicID.Short(), 0, 0, 0)
	case *wire.PartitionRecord:
		e.Note(noteElected, r.TopicID.Short(), int64(r.PartitionID), int64(r.Leader), int64(r.LeaderEpoch))
	case *wire.PartitionChangeRecord:
		if p := c.Image().Partition(r.TopicID, r.PartitionID); p != nil {
			notePartitionChange(e, r, p)
		}
	case *wire.FeatureLevelRecord:
		if r.Name == metadataFeature {
			e.Note(noteVersion, int64(r.Level), 0, 0, 0)
		}
	}
}

// notePartitionChange makes a note of an applied partition change.
func notePartitionChange(e env.Env, r *wire.PartitionChangeRecord, p *image.Partition) {
	topic, partition := r.TopicID.Short(), int64(r.PartitionID)
	switch {
	case r.Leader == wire.NoNode:
		e.Note(noteLeaderless, topic, partition, Set(p.ISR)|Set(p.ELR), int64(p.LeaderEpoch))
	case r.Leader != wire.LeaderUnchanged && p.ElectedUncleanly: // r.Recovery is unset if p was RECOVERING before
		e.Note(noteUnclean, topic, partition, int64(p.Leader), int64(p.LeaderEpoch))
	case r.Leader != wire.LeaderUnchanged:
		e.Note(noteElected, topic, partition, int64(p.Leader), int64(p.LeaderEpoch))
	}
	if r.ISR != nil {
		e.Note(noteISR, topic, partition, Set(p.ISR), int64(p.PartitionEpoch))
	}
	if r.ELR != nil {
		e.Note(noteELR, topic, partition, Set(p.ELR), int64(p.PartitionEpoch))
	}
}

// Set returns a list of node ids as a field of a note, in which bit i stands for node i. Ids above 62 do not fit and are
// left out.
func Set(ids []wire.NodeID) int64 {
	var set int64
	for _, id := range ids {
		if id >= 0 && id < 63 {
			set |= 1 << id
		}
	}
	return set
}
