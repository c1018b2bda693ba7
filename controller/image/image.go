// Package image is the cluster's metadata as a value: what comes out of applying the metadata log's records in order.
//
//	metadata log ──▶ Apply(record) ──▶ Image: brokers, topics, partitions, configs, features
//
// The active controller keeps one to decide on, every broker keeps one to act on, and two nodes whose images stand at
// the same offset have equal images. Only Apply changes an image.
//
// Read image.go, then partition.go for the one rule that is easy to get wrong: which epochs a change raises.
//
// Not here: what to do about a change (controller decides, broker follows), quotas, ACLs, tokens and SCRAM, whose
// records are accepted and ignored.
package image

import (
	"cmp"
	"slices"

	"samsa/wire"
)

// Image is the metadata up to an offset.
type Image struct {
	// Next is the offset of the first record that is not applied yet. Whoever calls Apply moves it.
	Next wire.Offset
	// Epoch is the quorum's leader epoch of the last applied record.
	Epoch wire.Epoch

	brokers map[wire.NodeID]*Broker
	topics  map[wire.TopicID]*Topic
	names   map[string]wire.TopicID
	configs map[ConfigKey]string
	levels  map[string]int16
}

// Broker is a registration.
type Broker struct {
	ID           wire.NodeID
	Incarnation  wire.UUID
	Epoch        wire.BrokerEpoch // offset of the registration record
	EndPoints    []wire.EndPoint
	LogDirs      []wire.UUID
	Rack         string
	Fenced       bool // gets no leaderships and no ISR memberships
	ShuttingDown bool // in controlled shutdown
}

// Active tells whether the broker may lead and be in an ISR.
func (b *Broker) Active() bool { return !b.Fenced && !b.ShuttingDown }

// Topic is a topic with its partitions, numbered from 0.
type Topic struct {
	ID         wire.TopicID
	Name       string
	Partitions []*Partition
}

// ConfigKey names one dynamic config of one resource.
type ConfigKey struct {
	Resource wire.ConfigResource
	Of       string // topic name, broker id, or "" for the cluster-wide default
	Name     string
}

// New is the image before the first record.
func New() *Image {
	return &Image{
		brokers: map[wire.NodeID]*Broker{}, topics: map[wire.TopicID]*Topic{}, names: map[string]wire.TopicID{},
		configs: map[ConfigKey]string{}, levels: map[string]int16{},
	}
}

// Broker is a registration by id, or nil.
func (m *Image) Broker(id wire.NodeID) *Broker { return m.brokers[id] }

// Brokers are all registrations by id.
func (m *Image) Brokers() []*Broker {
	all := make([]*Broker, 0, len(m.brokers))
	for _, b := range m.brokers { //order: sorted below
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Broker) int { return cmp.Compare(a.ID, b.ID) }) //total: ids are unique
	return all
}

// Topic is a topic by id, or nil.
func (m *Image) Topic(id wire.TopicID) *Topic { return m.topics[id] }

// TopicNamed is a topic by name, or nil.
func (m *Image) TopicNamed(name string) *Topic { return m.topics[m.names[name]] }

// Topics are all topics by name.
func (m *Image) Topics() []*Topic {
	all := make([]*Topic, 0, len(m.topics))
	for _, t := range m.topics { //order: sorted below
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *Topic) int { return cmp.Compare(a.Name, b.Name) }) //total: names are unique
	return all
}

// Partition is one partition, or nil.
func (m *Image) Partition(id wire.TopicID, partition int32) *Partition {
	t := m.topics[id]
	if t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[partition]
}

// Config is a dynamic config that somebody set.
func (m *Image) Config(k ConfigKey) (string, bool) {
	v, ok := m.configs[k]
	return v, ok
}

// TopicConfigs are the configs set on a topic, by name.
func (m *Image) TopicConfigs(topic string) []ConfigKey {
	var keys []ConfigKey
	for k := range m.configs { //order: sorted below
		if k.Resource == wire.ConfigTopic && k.Of == topic {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b ConfigKey) int { return cmp.Compare(a.Name, b.Name) }) //total: names are unique
	return keys
}

// Feature is a finalised feature's level; 0 is off.
func (m *Image) Feature(name string) int16 { return m.levels[name] }

// Apply takes one record in. Its offset matters only to registrations, which carry it themselves.
func (m *Image) Apply(r wire.MetadataRecord) {
	switch r := r.(type) {
	case *wire.RegisterBrokerRecord:
		b := &Broker{
			ID: r.BrokerID, Incarnation: r.IncarnationID, Epoch: r.BrokerEpoch, EndPoints: r.EndPoints, LogDirs: r.LogDirs,
			Fenced: r.Fenced, ShuttingDown: r.InControlledShutdown,
		}
		if r.Rack != nil {
			b.Rack = *r.Rack
		}
		m.brokers[r.BrokerID] = b
	case *wire.BrokerRegistrationChangeRecord:
		m.changeBroker(r)
	case *wire.UnregisterBrokerRecord:
		delete(m.brokers, r.BrokerID)
	case *wire.TopicRecord:
		m.topics[r.TopicID] = &Topic{ID: r.TopicID, Name: r.Name}
		m.names[r.Name] = r.TopicID
	case *wire.RemoveTopicRecord:
		m.removeTopic(r.TopicID)
	case *wire.PartitionRecord:
		m.addPartition(r)
	case *wire.PartitionChangeRecord:
		m.Partition(r.TopicID, r.PartitionID).change(r)
	case *wire.ConfigRecord:
		m.setConfig(r)
	case *wire.FeatureLevelRecord:
		m.levels[r.Name] = r.Level
	}
}

func (m *Image) changeBroker(r *wire.BrokerRegistrationChangeRecord) {
	b := *m.brokers[r.BrokerID] // a copy: others keep pointers into earlier images
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
	m.brokers[r.BrokerID] = &b
}

func (m *Image) removeTopic(id wire.TopicID) {
	t := m.topics[id]
	if t == nil {
		return
	}
	delete(m.topics, id)
	delete(m.names, t.Name)
	for _, k := range m.TopicConfigs(t.Name) {
		delete(m.configs, k)
	}
}

func (m *Image) setConfig(r *wire.ConfigRecord) {
	k := ConfigKey{r.ResourceType, r.ResourceName, r.Name}
	if r.Value == nil {
		delete(m.configs, k)
		return
	}
	m.configs[k] = *r.Value
}
