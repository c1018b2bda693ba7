package controller

import (
	"slices"

	"samsa/controller/image"
	"samsa/wire"
)

// cluster is what decisions look at: the image, and the configs that decisions depend on.
type cluster struct {
	*image.Image
	// uncleanDefault is unclean.leader.election.enable of the brokers; topics may override it.
	uncleanDefault bool
}

// unclean tells whether a topic prefers any leader over none.
func (c cluster) unclean(topic string) bool {
	if v, ok := c.Config(image.ConfigKey{Resource: wire.ConfigTopic, Of: topic, Name: "unclean.leader.election.enable"}); ok {
		return v == "true"
	}
	return c.uncleanDefault
}

// electable tells whether a broker may lead.
type electable func(wire.NodeID) bool

// elect chooses the leader of a partition for a target ISR (PartitionChangeBuilder.electLeader): the current one if it
// is valid, else the first valid replica in order of preference, where valid means alive and in sync. If there is none
// and the topic allows it, the first live replica leads uncleanly: what only others had is lost.
func elect(p *image.Partition, isr []wire.NodeID, alive electable, unclean bool) (leader wire.NodeID, dirty bool) {
	valid := func(id wire.NodeID) bool { return slices.Contains(isr, id) && alive(id) }
	if p.Leader != wire.NoNode && valid(p.Leader) {
		return p.Leader, false
	}
	for _, id := range p.Replicas {
		if valid(id) {
			return id, false
		}
	}
	if unclean {
		for _, id := range p.Replicas {
			if alive(id) {
				return id, true
			}
		}
	}
	return wire.NoNode, false
}

// change is the record that moves a partition to a target ISR and elects, or nil if nothing changes.
//
// The last member of an ISR is never removed, so that the partition remembers who has everything ("last replica
// standing"); it waits without a leader until that one is back.
func change(p *image.Partition, isr []wire.NodeID, alive electable, unclean bool) *wire.PartitionChangeRecord {
	if len(isr) == 0 {
		isr = p.ISR
	}
	leader, dirty := elect(p, isr, alive, unclean)
	r := wire.NewPartitionChange(p.Topic, p.Partition)
	if dirty {
		isr = []wire.NodeID{leader}
		r.LeaderRecoveryState = wire.Recovering
	}
	if !slices.Equal(isr, p.ISR) {
		r.ISR = isr
	}
	if leader != p.Leader {
		r.Leader = leader
	}
	if r.ISR == nil && r.Leader == wire.LeaderUnchanged {
		return nil
	}
	return r
}

// fence are the records that take a broker out: its registration is fenced, it leaves every ISR, and what it led is led
// by others.
func (c cluster) fence(b *image.Broker) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: 1}}
	return append(records, c.leave(b.ID)...)
}

// leave are the partition changes of a broker that can no longer lead or be in sync.
func (c cluster) leave(id wire.NodeID) []wire.MetadataRecord {
	var records []wire.MetadataRecord
	alive := func(n wire.NodeID) bool { return n != id && c.active(n) }
	for _, t := range c.Topics() {
		for _, p := range t.Partitions {
			if !p.InISR(id) && p.Leader != id {
				continue
			}
			isr := slices.DeleteFunc(slices.Clone(p.ISR), func(n wire.NodeID) bool { return n == id })
			if r := change(p, isr, alive, c.unclean(t.Name)); r != nil {
				records = append(records, r)
			}
		}
	}
	return records
}

// unfence are the records that let a broker in: it may lead what waits for it.
func (c cluster) unfence(b *image.Broker) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: -1}}
	alive := func(n wire.NodeID) bool { return n == b.ID || c.active(n) }
	for _, t := range c.Topics() {
		for _, p := range t.Partitions {
			if p.Leader != wire.NoNode || !p.HasReplica(b.ID) {
				continue
			}
			if r := change(p, p.ISR, alive, c.unclean(t.Name)); r != nil {
				records = append(records, r)
			}
		}
	}
	return records
}

// active tells whether a broker is registered, unfenced and not shutting down.
func (c cluster) active(id wire.NodeID) bool {
	b := c.Broker(id)
	return b != nil && b.Active()
}

// reelect are the records that give every leaderless partition of a topic a leader, if its configs now allow one.
func (c cluster) reelect(topic *image.Topic) []wire.MetadataRecord {
	var records []wire.MetadataRecord
	for _, p := range topic.Partitions {
		if p.Leader == wire.NoNode {
			if r := change(p, p.ISR, c.active, c.unclean(topic.Name)); r != nil {
				records = append(records, r)
			}
		}
	}
	return records
}

// place assigns replicas to the partitions of a new topic: partition i begins at the i-th active broker and goes round
// (StripedReplicaPlacer without racks, beginning at the first broker instead of at a random one).
func place(active []wire.NodeID, partitions int32, factor int16) [][]wire.NodeID {
	all := make([][]wire.NodeID, partitions)
	for i := range all {
		for r := range int(factor) {
			all[i] = append(all[i], active[(i+r)%len(active)])
		}
	}
	return all
}
