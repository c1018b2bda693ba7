package image_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"samsa/controller/image"
	"samsa/wire"
)

// records draws a log as a controller could write it: a topic, partition or broker is created before it is changed.
func records(t *rapid.T) (log []wire.MetadataRecord) {
	topics := map[int]int32{} // drawn number to partitions
	brokers := map[wire.NodeID]wire.BrokerEpoch{}
	ids := rapid.SliceOfNDistinct(rapid.Map(rapid.Int32Range(1, 4), func(n int32) wire.NodeID { return wire.NodeID(n) }), 1, 3, rapid.ID[wire.NodeID])
	id := func(n int) wire.TopicID { return wire.TopicID{0: 1, 15: byte(n)} }
	for i := range rapid.IntRange(0, 40).Draw(t, "records") {
		broker := wire.NodeID(rapid.Int32Range(1, 4).Draw(t, "broker"))
		n := rapid.IntRange(0, 3).Draw(t, "topic")
		name := fmt.Sprint("t", n)
		parts, exists := topics[n]
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			brokers[broker] = wire.BrokerEpoch(i)
			log = append(log, &wire.RegisterBrokerRecord{BrokerID: broker, BrokerEpoch: wire.BrokerEpoch(i), IncarnationID: wire.UUID{byte(i)}, Fenced: true})
		case 1:
			if epoch, ok := brokers[broker]; ok {
				log = append(log, &wire.BrokerRegistrationChangeRecord{BrokerID: broker, BrokerEpoch: epoch, Fenced: rapid.Int8Range(-1, 1).Draw(t, "fenced")})
			}
		case 2:
			delete(brokers, broker)
			log = append(log, &wire.UnregisterBrokerRecord{BrokerID: broker})
		case 3:
			if !exists {
				topics[n] = 0
				log = append(log, &wire.TopicRecord{Name: name, TopicID: id(n)})
			}
		case 4:
			if exists {
				topics[n]++
				log = append(log, &wire.PartitionRecord{TopicID: id(n), PartitionID: parts, Replicas: ids.Draw(t, "replicas"), ISR: ids.Draw(t, "isr"), Leader: broker})
			}
		case 5, 6:
			if parts > 0 {
				r := wire.NewPartitionChange(id(n), rapid.Int32Range(0, parts-1).Draw(t, "partition"))
				r.Leader, r.ELR = broker, ids.Draw(t, "elr")
				log = append(log, r)
			}
		case 7:
			value := rapid.SampledFrom([]*string{nil, new("1"), new("2")}).Draw(t, "value")
			log = append(log, &wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: name, Name: "min.insync.replicas", Value: value})
		case 8:
			log = append(log, &wire.ClearElrRecord{TopicName: rapid.SampledFrom([]string{"", name}).Draw(t, "cleared")})
		case 9:
			if rapid.Bool().Draw(t, "feature") {
				log = append(log, &wire.FeatureLevelRecord{Name: "f", Level: rapid.Int16Range(0, 2).Draw(t, "level")})
			} else if exists {
				delete(topics, n)
				log = append(log, &wire.RemoveTopicRecord{TopicID: id(n)})
			}
		}
	}
	return log
}

// show returns a whole image in words, which is the content that the digest covers.
func show(m *image.Image) (all []string) {
	for _, b := range m.Brokers() {
		all = append(all, fmt.Sprintf("%+v", *b))
	}
	for _, t := range m.Topics() {
		all = append(all, fmt.Sprint(t.ID, t.Name))
		for _, p := range t.Partitions {
			all = append(all, fmt.Sprintf("%v %v %v %v %v %v %v %v", p.Replicas, p.ISR, p.ELR, p.LastKnown, p.Leader, p.Recovery, p.LeaderEpoch, p.PartitionEpoch))
		}
	}
	for n := range 4 {
		for _, k := range m.TopicConfigs(fmt.Sprint("t", n)) {
			v, _ := m.Config(k)
			all = append(all, fmt.Sprint(k, v))
		}
	}
	for _, f := range m.Features() {
		all = append(all, fmt.Sprint(f, m.Feature(f)))
	}
	return all
}

// Equal images have equal digests, whatever records they are the result of, and different images different digests.
func TestDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := map[uint64][]string{}
		m := image.New()
		for _, r := range records(t) {
			m.Apply(r)
			words := show(m)
			if was, ok := seen[m.Digest()]; ok && !slices.Equal(was, words) {
				t.Fatalf("digest %x stands for\n%q\nand for\n%q", m.Digest(), was, words)
			}
			for digest, was := range seen {
				if digest != m.Digest() && slices.Equal(was, words) {
					t.Fatalf("digests %x and %x stand for the same\n%q", digest, m.Digest(), words)
				}
			}
			seen[m.Digest()] = words
		}
	})
}

// A removed broker, topic or config leaves no trace in the digest.
func TestNothingIsLeftBehind(t *testing.T) {
	m := image.New()
	empty := m.Digest()
	value := "1"
	for _, r := range []wire.MetadataRecord{
		&wire.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 7},
		&wire.BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 7, Fenced: -1},
		&wire.TopicRecord{Name: "t", TopicID: wire.TopicID{1}},
		&wire.PartitionRecord{TopicID: wire.TopicID{1}, Replicas: []wire.NodeID{1}, ISR: []wire.NodeID{1}, Leader: 1},
		&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: "t", Name: "a", Value: &value},
		&wire.FeatureLevelRecord{Name: "f", Level: 1},
		&wire.RemoveTopicRecord{TopicID: wire.TopicID{1}},
		&wire.UnregisterBrokerRecord{BrokerID: 1, BrokerEpoch: 7},
		&wire.FeatureLevelRecord{Name: "f", Level: 0},
	} {
		m.Apply(r)
	}
	if words := show(m); len(words) > 0 || m.Digest() != empty {
		t.Errorf("left are %q, digest %x, an empty image has %x", words, m.Digest(), empty)
	}
}

// Every change raises the partition epoch. A change that sets the leader also raises the leader epoch, even if the leader is
// the same as before or none.
func TestEpochs(t *testing.T) {
	m := image.New()
	m.Apply(&wire.TopicRecord{Name: "t", TopicID: wire.TopicID{1}})
	m.Apply(&wire.PartitionRecord{TopicID: wire.TopicID{1}, Replicas: []wire.NodeID{1, 2}, ISR: []wire.NodeID{1, 2}, Leader: 1})
	for _, tc := range []struct {
		change  func(*wire.PartitionChangeRecord)
		epoch   wire.Epoch
		version wire.PartitionEpoch
	}{
		{func(r *wire.PartitionChangeRecord) { r.ISR = []wire.NodeID{1} }, 0, 1},
		{func(r *wire.PartitionChangeRecord) { r.Leader = 1 }, 1, 2},
		{func(r *wire.PartitionChangeRecord) { r.Leader = wire.NoNode }, 2, 3},
		{func(r *wire.PartitionChangeRecord) { r.ELR = []wire.NodeID{2} }, 2, 4},
	} {
		r := wire.NewPartitionChange(wire.TopicID{1}, 0)
		tc.change(r)
		was := m.Partition(wire.TopicID{1}, 0)
		after := was.After(r)
		m.Apply(r)
		p := m.Partition(wire.TopicID{1}, 0)
		if p.LeaderEpoch != tc.epoch || p.PartitionEpoch != tc.version || after.LeaderEpoch != p.LeaderEpoch || after.PartitionEpoch != p.PartitionEpoch {
			t.Errorf("epochs %d/%d, foretold %d/%d, wanted %d/%d", p.LeaderEpoch, p.PartitionEpoch, after.LeaderEpoch, after.PartitionEpoch, tc.epoch, tc.version)
		}
	}
	m.Apply(&wire.ClearElrRecord{})
	m.Apply(&wire.ClearElrRecord{})
	if p := m.Partition(wire.TopicID{1}, 0); p.PartitionEpoch != 5 || len(p.ELR) != 0 {
		t.Errorf("clearing an ELR twice: version %d, ELR %v, wanted 5 and none", p.PartitionEpoch, p.ELR)
	}
}

// Records about things that do not exist change nothing and end nothing.
func TestRecordsAboutNothing(t *testing.T) {
	m := image.New()
	for _, r := range []wire.MetadataRecord{
		wire.NewPartitionChange(wire.TopicID{9}, 3), &wire.PartitionRecord{TopicID: wire.TopicID{9}}, &wire.RemoveTopicRecord{TopicID: wire.TopicID{9}},
		&wire.UnregisterBrokerRecord{BrokerID: 4}, &wire.BrokerRegistrationChangeRecord{BrokerID: 4}, &wire.ClearElrRecord{TopicName: "x"}, &wire.NoOpRecord{},
	} {
		m.Apply(r)
	}
	if m.Digest() != 0 || len(show(m)) != 0 {
		t.Errorf("the image holds %q", show(m))
	}
}
