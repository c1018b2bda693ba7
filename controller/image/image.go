// Package image is the cluster's metadata as a value: the result of the metadata log's records, applied in order.
//
//	metadata log ──▶ Apply(record) ──▶ Image: brokers, topics, partitions, configs, features
//
// The active controller makes its decisions from its image, and every broker acts on its own image. Two images at the same
// offset are equal. Only Apply changes an image.
//
// Read image.go first. Then read partition.go for the rule that is easy to get wrong: which changes raise which epochs.
//
// Package controller makes the decisions, and package broker acts on the changes. Records for quotas, ACLs, tokens and
// SCRAM are accepted and ignored.
package image

import (
	"cmp"
	"maps"
	"slices"

	"samsa/wire"
)

// Image is the metadata up to an offset.
type Image struct {
	// Next is the offset of the first record that is not applied yet. ApplyBatch sets it; a caller of Apply must set it.
	Next wire.Offset
	// Epoch is the leader epoch of the last applied record in the metadata log.
	Epoch wire.Epoch

	brokers map[wire.NodeID]*Broker
	topics  map[wire.TopicID]*Topic
	names   map[string]wire.TopicID
	configs map[ConfigKey]string
	levels  map[string]int16
	digest  uint64 // see Digest
}

// Broker is a broker's registration.
type Broker struct {
	ID           wire.NodeID
	Incarnation  wire.UUID
	Epoch        wire.BrokerEpoch // the offset of the registration record
	EndPoints    []wire.EndPoint
	LogDirs      []wire.UUID
	Rack         string
	Fenced       bool                // a fenced broker must not lead a partition or join an ISR
	ShuttingDown bool                // in controlled shutdown
	Features     []wire.FeatureRange // supported by the broker
}

// Active reports whether the broker may lead and be in an ISR.
func (b *Broker) Active() bool { return !b.Fenced && !b.ShuttingDown }

// Topic is a topic with its partitions, numbered from 0.
type Topic struct {
	ID         wire.TopicID
	Name       string
	Partitions []*Partition
}

// ConfigKey identifies one dynamic config of one resource.
type ConfigKey struct {
	Resource wire.ConfigResource
	Of       string // topic name, broker id, or "" for the cluster-wide default
	Name     string
}

// New returns the image before the first record.
func New() *Image {
	return &Image{
		brokers: map[wire.NodeID]*Broker{}, topics: map[wire.TopicID]*Topic{}, names: map[string]wire.TopicID{},
		configs: map[ConfigKey]string{}, levels: map[string]int16{},
	}
}

// Broker returns a registration by id, or nil.
func (m *Image) Broker(id wire.NodeID) *Broker { return m.brokers[id] }

// Brokers returns all registrations, sorted by id.
func (m *Image) Brokers() []*Broker {
	all := make([]*Broker, 0, len(m.brokers))
	for _, b := range m.brokers { //order: sorted below
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Broker) int { return cmp.Compare(a.ID, b.ID) }) //total: ids are unique
	return all
}

// Topic returns a topic by id, or nil.
func (m *Image) Topic(id wire.TopicID) *Topic { return m.topics[id] }

// TopicNamed returns a topic by name, or nil.
func (m *Image) TopicNamed(name string) *Topic { return m.topics[m.names[name]] }

// Topics returns all topics by name.
func (m *Image) Topics() []*Topic {
	all := make([]*Topic, 0, len(m.topics))
	for _, t := range m.topics { //order: sorted below
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *Topic) int { return cmp.Compare(a.Name, b.Name) }) //total: names are unique
	return all
}

// Partition returns one partition, or nil.
func (m *Image) Partition(id wire.TopicID, partition int32) *Partition {
	t := m.topics[id]
	if t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[partition]
}

// Config returns the value of a dynamic config and whether it is set.
func (m *Image) Config(k ConfigKey) (string, bool) {
	v, ok := m.configs[k]
	return v, ok
}

// TopicConfigs returns the configs set on a topic, by name.
func (m *Image) TopicConfigs(topic string) []ConfigKey { return m.ConfigsOf(wire.ConfigTopic, topic) }

// Feature returns the finalised level of a feature. Level 0 means off.
func (m *Image) Feature(name string) int16 { return m.levels[name] }

// ApplyBatch applies one batch of the metadata log. It returns an error if it cannot read a record of the batch; the
// records before that one are applied.
func (m *Image) ApplyBatch(b wire.Batch) error {
	if !b.IsControl() {
		for rec, err := range b.Records() {
			if err != nil {
				return err
			}
			r, err := wire.ParseMetadata(rec.Value)
			if err != nil {
				return err
			}
			m.Apply(r)
		}
	}
	m.Next, m.Epoch = b.NextOffset(), b.LeaderEpoch()
	return nil
}

// Apply applies one record. It needs no offset, because only a registration depends on its offset, and the registration
// record has that offset in a field.
func (m *Image) Apply(r wire.MetadataRecord) {
	switch r := r.(type) {
	case *wire.RegisterBrokerRecord:
		b := &Broker{
			ID: r.BrokerID, Incarnation: r.IncarnationID, Epoch: r.BrokerEpoch, EndPoints: r.EndPoints, LogDirs: r.LogDirs,
			Fenced: r.Fenced, ShuttingDown: r.InControlledShutdown, Features: r.Features,
		}
		if r.Rack != nil {
			b.Rack = *r.Rack
		}
		m.setBroker(r.BrokerID, b)
	case *wire.BrokerRegistrationChangeRecord:
		m.changeBroker(r)
	case *wire.UnregisterBrokerRecord:
		m.setBroker(r.BrokerID, nil)
	case *wire.TopicRecord:
		m.topics[r.TopicID] = &Topic{ID: r.TopicID, Name: r.Name}
		m.names[r.Name] = r.TopicID
		m.digest += digestTopic(r.TopicID, r.Name)
	case *wire.RemoveTopicRecord:
		m.removeTopic(r.TopicID)
	case *wire.PartitionRecord:
		m.addPartition(r)
	case *wire.PartitionChangeRecord:
		m.changePartition(r)
	case *wire.ClearElrRecord:
		m.clearELR(r.TopicName)
	case *wire.ConfigRecord:
		m.setConfig(ConfigKey{r.ResourceType, r.ResourceName, r.Name}, r.Value)
	case *wire.FeatureLevelRecord:
		m.setLevel(r.Name, r.Level)
	}
}

// setBroker replaces a registration, or removes it if b is nil.
func (m *Image) setBroker(id wire.NodeID, b *Broker) {
	if old := m.brokers[id]; old != nil {
		m.digest -= digestBroker(old)
		delete(m.brokers, id)
	}
	if b != nil {
		m.brokers[id] = b
		m.digest += digestBroker(b)
	}
}

func (m *Image) changeBroker(r *wire.BrokerRegistrationChangeRecord) {
	old := m.brokers[r.BrokerID]
	if old == nil || old.Epoch != r.BrokerEpoch {
		return // a record for an unknown broker or another incarnation changes nothing
	}
	b := *old // a copy, because a caller of Broker may still use the old struct
	switch r.Fenced {
	case -1:
		b.Fenced = false
	case 1:
		b.Fenced = true
	}
	if r.InControlledShutdown == 1 {
		b.ShuttingDown = true
	}
	if len(r.LogDirs) > 0 {
		b.LogDirs = r.LogDirs
	}
	m.setBroker(r.BrokerID, &b)
}

func (m *Image) removeTopic(id wire.TopicID) {
	t := m.topics[id]
	if t == nil {
		return
	}
	delete(m.topics, id)
	delete(m.names, t.Name)
	m.digest -= digestTopic(id, t.Name)
	for _, p := range t.Partitions {
		m.digest -= digestPartition(p)
	}
	for _, k := range m.TopicConfigs(t.Name) {
		m.setConfig(k, nil)
	}
}

// setConfig replaces a config, or removes it if the value is nil.
func (m *Image) setConfig(k ConfigKey, value *string) {
	if old, ok := m.configs[k]; ok {
		m.digest -= digestConfig(k, old)
		delete(m.configs, k)
	}
	if value != nil {
		m.configs[k] = *value
		m.digest += digestConfig(k, *value)
	}
}

// setLevel finalises the level of a feature. Level 0 means off.
func (m *Image) setLevel(name string, level int16) {
	if old, ok := m.levels[name]; ok {
		m.digest -= digestLevel(name, old)
		delete(m.levels, name)
	}
	if level != 0 {
		m.levels[name] = level
		m.digest += digestLevel(name, level)
	}
}

// ConfigsOf returns the configs set on one resource, by name.
func (m *Image) ConfigsOf(resource wire.ConfigResource, of string) []ConfigKey {
	var keys []ConfigKey
	for k := range m.configs { //order: sorted below
		if k.Resource == resource && k.Of == of {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b ConfigKey) int { return cmp.Compare(a.Name, b.Name) }) //total: names are unique
	return keys
}

// ConfiguredBrokers returns the sorted ids, as strings, of the brokers that have their own configs.
func (m *Image) ConfiguredBrokers() []string {
	var all []string
	for k := range m.configs { //order: sorted below
		if k.Resource == wire.ConfigBroker && k.Of != "" && !slices.Contains(all, k.Of) {
			all = append(all, k.Of)
		}
	}
	slices.Sort(all)
	return all
}

// Features returns the names of the finalised features that are not off.
func (m *Image) Features() []string { return slices.Sorted(maps.Keys(m.levels)) }
