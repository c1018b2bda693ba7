package controller

import (
	"slices"
	"strconv"

	"samsa/controller/image"
	"samsa/wire"
)

// This file has the state that ops (the decisions on requests, see serve.go) read, and the changes of all partitions
// when a broker is unfenced, fenced, restarted or shut down. The change of one partition is in elect.go.

// Names of configs and features that the controller uses.
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
	end      wire.Offset // the end of the metadata log, which is the offset of the op's first record
	sessions *sessions   // the sessions of the brokers
	rules    *Rules
}

// config returns the value of a topic's config, or the cluster's dynamic default if the topic has none.
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

// minISR returns a topic's min.insync.replicas, but at most its replication factor (getTopicEffectiveMinIsr). Otherwise
// the ELR of a topic with two replicas and a minimum of three would never be cleared (KIP-966).
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

// elr reports whether eligible leader replicas are enabled (KIP-966).
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

// changeAll calls change for every partition and returns the records.
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

// removeFromISRs returns the records that remove a broker from every ISR and replace it as leader, for example when it is
// fenced (KIP-631). The leaders would shrink their ISRs themselves after replica.lag.time.max.ms, but until then acks=all
// would wait for a broker that may be down.
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

// handleUncleanShutdown returns the records for a broker that restarts after an unclean shutdown. The broker leaves every
// ISR and every ELR, because it may have lost acknowledged records that were only in its page cache (KIP-966,
// KAFKA-15586).
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

// fence returns the records that fence a broker (KIP-631). The broker leaves every ISR, and other replicas become
// leaders of its partitions. The record that fences it is the last one in the batch, so that a fenced broker never leads
// in any image.
func (s decisionState) fence(b *image.Broker) []wire.MetadataRecord {
	return append(s.removeFromISRs(b.ID), &wire.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: 1})
}

// unfence returns the records that unfence a broker and that elect leaders for leaderless partitions. It considers every
// leaderless partition, even one without a replica on this broker, because a change of the config may meanwhile allow an
// unclean election (ReplicationControlManager.handleBrokerUnfenced).
func (s decisionState) unfence(b *image.Broker) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: -1}}
	return append(records, s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if p.Leader != wire.NoNode {
			return nil
		}
		change := s.newChange(t, p)
		change.mayLead = func(n wire.NodeID) bool { return n == b.ID || s.active(n) }
		return change.build()
	})...)
}

// beginControlledShutdown returns the records for a broker that wants to shut down (KIP-841). The broker serves requests
// until other replicas lead its partitions. It must not be elected or join an ISR any more; otherwise the new leaders
// would add it to the ISR that it has just left (KAFKA-13916).
func (s decisionState) beginControlledShutdown(b *image.Broker) []wire.MetadataRecord {
	var records []wire.MetadataRecord
	if !b.ShuttingDown { // ShuttingDown may be true already, see processHeartbeat
		records = append(records, &wire.BrokerRegistrationChangeRecord{Version: 1, BrokerID: b.ID, BrokerEpoch: b.Epoch, InControlledShutdown: 1})
	}
	return append(records, s.removeFromISRs(b.ID)...)
}

// electLeaderless returns the records of unclean elections for the leaderless partitions of one topic, or of all topics if
// topic is "". It leaves out topics that do not allow unclean elections.
func (s decisionState) electLeaderless(topic string) []wire.MetadataRecord {
	return s.changeAll(func(t *image.Topic, p *image.Partition) *wire.PartitionChangeRecord {
		if p.Leader != wire.NoNode || topic != "" && t.Name != topic || !s.unclean(t.Name) {
			return nil
		}
		return s.newChange(t, p).build()
	})
}

// balanceLeaders returns the records that elect preferred replicas if they are in sync but do not lead. After a rolling
// restart, for example, the broker that restarted last leads nothing. The KRaft controller moves the leader of every
// such partition; only the ZooKeeper controller used leader.imbalance.per.broker.percentage
// (maybeBalancePartitionLeaders).
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
