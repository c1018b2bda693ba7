package controller

import (
	"slices"
	"strconv"

	"samsa/controller/image"
	"samsa/wire"
)

// This file has the state that ops decide on, and the changes of all partitions when a broker is unfenced, fenced,
// restarted or shut down. The change of one partition is in elect.go.

// Names of configs and features that the controller obeys.
const (
	uncleanConfig = "unclean.leader.election.enable"
	minISRConfig  = "min.insync.replicas"

	elrFeature      = "eligible.leader.replicas.version"
	metadataFeature = "metadata.version"
)

// decisionState is the newest state that an op reads: the image, and the state that is not in the metadata log.
type decisionState struct {
	*image.Image
	cfg      *Config
	end      wire.Offset // of the metadata log: the offset of the op's first record
	sessions *sessions   // of the brokers
	rules    *Rules
}

// config is a topic's value of a config: its own, or the cluster's dynamic default.
func (s decisionState) config(topic, name string) (string, bool) {
	if v, ok := s.Config(image.ConfigKey{Resource: wire.ConfigTopic, Of: topic, Name: name}); ok {
		return v, true
	}
	return s.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: name})
}

// unclean reports whether a topic allows unclean leader election.
func (s decisionState) unclean(topic string) bool {
	if v, ok := s.config(topic, uncleanConfig); ok {
		return v == "true"
	}
	return s.cfg.Unclean
}

// minISR is a topic's min.insync.replicas, at most its replication factor (getTopicEffectiveMinIsr): the ELR of a topic of two
// replicas with a minimum of three would never be cleared (KIP-966).
func (s decisionState) minISR(t *image.Topic) int {
	n := s.cfg.MinISR
	if v, ok := s.config(t.Name, minISRConfig); ok {
		if set, err := strconv.ParseInt(v, 10, 32); err == nil {
			n = int(set)
		}
	}
	if len(t.Partitions) > 0 {
		n = min(n, len(t.Partitions[0].Replicas))
	}
	return n
}

// elr reports whether eligible leader replicas are kept (KIP-966).
func (s decisionState) elr() bool { return s.Feature(elrFeature) >= 1 }

// active reports whether a broker is registered, unfenced and not in controlled shutdown.
func (s decisionState) active(id wire.NodeID) bool {
	b := s.Broker(id)
	return b != nil && b.Active()
}

// leads reports whether a broker leads any partition.
func (s decisionState) leads(id wire.NodeID) bool {
	for _, t := range s.Topics() {
		for _, p := range t.Partitions {
			if p.Leader == id {
				return true
			}
		}
	}
	return false
}

// changeAll returns the records of all partitions that change.
func (s decisionState) changeAll(change func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord) (records []wire.MetadataRecord) {
	for _, t := range s.Topics() {
		for _, p := range t.Partitions {
			if r := change(t, p); r != nil {
				records = append(records, r)
			}
		}
	}
	return records
}

// removeFromISRs returns the changes of every partition that a broker leads or is in sync with, when it is fenced or
// unregistered (KIP-631). The leaders would shrink their ISRs themselves after replica.lag.time.max.ms, but until then
// acks=all would wait for a broker that may be down.
func (s decisionState) removeFromISRs(id wire.NodeID) []wire.MetadataRecord {
	return s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if !p.InISR(id) && p.Leader != id {
			return nil
		}
		change := s.newChange(t, p)
		change.isr = without(p.ISR, id)
		change.mayLead = func(n wire.NodeID) bool { return n != id && s.active(n) }
		return change.build()
	})
}

// handleUncleanShutdown returns the changes for a broker that restarts after an unclean shutdown. It may have lost
// acknowledged records, which were in its page cache only; so it leaves every ISR and every ELR (KIP-966, KAFKA-15586).
func (s decisionState) handleUncleanShutdown(id wire.NodeID) []wire.MetadataRecord {
	return s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if !p.InISR(id) && p.Leader != id && !slices.Contains(p.ELR, id) {
			return nil
		}
		change := s.newChange(t, p)
		change.isr, change.uncleanShutdown = without(p.ISR, id), id
		change.mayLead = func(n wire.NodeID) bool { return n != id && s.active(n) }
		return change.build()
	})
}

// fence returns the records that fence a broker (KIP-631): it leaves every ISR, and other replicas lead its partitions.
// The record of its registration is last, in the same batch, so that no image has a fenced broker that leads.
func (s decisionState) fence(b *image.Broker) []wire.MetadataRecord {
	return append(s.removeFromISRs(b.ID), &wire.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: 1})
}

// unfence returns the records that unfence a broker: it may lead leaderless partitions now.
func (s decisionState) unfence(b *image.Broker) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: -1}}
	return append(records, s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if p.Leader != wire.NoNode || !p.HasReplica(b.ID) {
			return nil
		}
		change := s.newChange(t, p)
		change.mayLead = func(n wire.NodeID) bool { return n == b.ID || s.active(n) }
		return change.build()
	})...)
}

// beginControlledShutdown returns the records for a broker that wants to shut down (KIP-841). It serves until other
// replicas lead its partitions, but may no longer be elected or join an ISR, or the new leaders would add it to the ISR
// that it has left (KAFKA-13916).
func (s decisionState) beginControlledShutdown(b *image.Broker) []wire.MetadataRecord {
	var records []wire.MetadataRecord
	if !b.ShuttingDown { // else its registration already says so, see processHeartbeat
		records = append(records, &wire.BrokerRegistrationChangeRecord{Version: 1, BrokerID: b.ID, BrokerEpoch: b.Epoch, InControlledShutdown: 1})
	}
	return append(records, s.removeFromISRs(b.ID)...)
}

// electLeaderless returns the unclean elections of leaderless partitions, where the configs allow them; of one topic, or
// of all with "".
func (s decisionState) electLeaderless(topic string) []wire.MetadataRecord {
	return s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if p.Leader != wire.NoNode || topic != "" && t.Name != topic || !s.unclean(t.Name) {
			return nil
		}
		return s.newChange(t, p).build()
	})
}

// balanceLeaders returns the elections of preferred replicas that are in sync but do not lead: after a rolling restart
// the broker that restarted last leads nothing. KRaft's controller moves every such partition, and does not read
// leader.imbalance.per.broker.percentage, which only ZooKeeper's controller did (maybeBalancePartitionLeaders).
func (s decisionState) balanceLeaders() []wire.MetadataRecord {
	return s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if first := p.Replicas[0]; p.Leader == first || !p.InISR(first) || !s.active(first) {
			return nil
		}
		change := s.newChange(t, p)
		change.election = preferred
		return change.build()
	})
}
