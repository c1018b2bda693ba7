package image

import (
	"cmp"
	"maps"
	"slices"

	"samsa/wire"
)

// Records returns records that rebuild the image from an empty one. They are in the order of Kafka's snapshots
// (MetadataImage.write): features, brokers, topics, configs. The feature metadata.version is first, because it decides
// the formats of the other records. No record has a field for Partition.ElectedUncleanly.
func (m *Image) Records() (all []wire.MetadataRecord) {
	const first = "metadata.version"
	if level, ok := m.levels[first]; ok {
		all = append(all, &wire.FeatureLevelRecord{Name: first, Level: level})
	}
	for _, name := range m.Features() {
		if name != first {
			all = append(all, &wire.FeatureLevelRecord{Name: name, Level: m.levels[name]})
		}
	}
	for _, b := range m.Brokers() {
		all = append(all, b.record())
	}
	for _, t := range m.Topics() {
		all = append(all, &wire.TopicRecord{Name: t.Name, TopicID: t.ID})
		for _, p := range t.Partitions {
			all = append(all, p.record())
		}
	}
	keys := slices.SortedFunc(maps.Keys(m.configs), func(a, b ConfigKey) int { //total: two keys differ in a field
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Name, b.Name))
	})
	for _, k := range keys {
		value := m.configs[k]
		all = append(all, &wire.ConfigRecord{ResourceType: k.Resource, ResourceName: k.Of, Name: k.Name, Value: &value})
	}
	return all
}

// record returns the registration as a record in the lowest version that has all of its fields.
func (b *Broker) record() *wire.RegisterBrokerRecord {
	r := &wire.RegisterBrokerRecord{
		BrokerID: b.ID, IncarnationID: b.Incarnation, BrokerEpoch: b.Epoch, EndPoints: b.EndPoints, Features: b.Features,
		Fenced: b.Fenced, InControlledShutdown: b.ShuttingDown, LogDirs: b.LogDirs,
	}
	if b.Rack != "" {
		r.Rack = &b.Rack
	}
	switch {
	case len(b.LogDirs) > 0:
		r.Version = 3
	case b.ShuttingDown:
		r.Version = 1
	}
	return r
}

// record returns the partition as a record in the lowest version that has all of its fields. It omits an empty ELR.
func (p *Partition) record() *wire.PartitionRecord {
	r := &wire.PartitionRecord{
		TopicID: p.Topic, PartitionID: p.Partition, Replicas: p.Replicas, ISR: p.ISR, Leader: p.Leader, LeaderRecoveryState: p.Recovery,
		LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
	}
	if len(p.ELR) > 0 {
		r.Version, r.ELR = 2, p.ELR
	}
	if len(p.LastKnown) > 0 {
		r.Version, r.LastKnownELR = 2, p.LastKnown
	}
	return r
}
