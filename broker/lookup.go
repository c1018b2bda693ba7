package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/wire"
)

// lookup finds the hosted replica that a request names, by topic id in versions that have ids, otherwise by name. If this
// broker hosts no such replica, it returns Kafka's error for an id or a name that is not in this broker's image, or for a
// partition that only other brokers host.
func (m *replicaManager) lookup(name string, id wire.TopicID, byID bool, partition int32) (*replica, *kerr.Error) {
	var t *image.Topic
	if byID {
		if t = m.image.Topic(id); t == nil {
			return nil, kerr.UnknownTopicID
		}
	} else if t = m.image.TopicNamed(name); t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	if m.image.Partition(t.ID, partition) == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	if r := m.replicas.named(wire.TopicPartition{Topic: t.Name, Partition: partition}); r != nil && r.ID == t.ID {
		return r, nil
	}
	return nil, kerr.NotLeaderForPartition
}

// leaderOf returns the leader of a partition and its epoch for a response with NOT_LEADER_OR_FOLLOWER (KIP-951). It takes
// them from the hosted replica if there is one, otherwise from the image.
func (m *replicaManager) leaderOf(name string, id wire.TopicID, byID bool, partition int32) (leader wire.NodeID, epoch wire.Epoch) {
	if r, _ := m.lookup(name, id, byID, partition); r != nil {
		return r.Leader(), r.LeaderEpoch()
	}
	if !byID {
		if t := m.image.TopicNamed(name); t != nil {
			id = t.ID
		}
	}
	if p := m.image.Partition(id, partition); p != nil {
		return p.Leader, p.LeaderEpoch
	}
	return wire.NoNode, wire.NoEpoch
}

// endPoint returns the address of a broker for clients, and its rack. ok is false if the broker is fenced or not in the
// image.
func endPoint(m *image.Image, id wire.NodeID) (host string, port int32, rack *string, ok bool) {
	br := m.Broker(id)
	if br == nil || br.Fenced || len(br.EndPoints) == 0 {
		return "", 0, nil, false
	}
	if br.Rack != "" {
		rack = kmsg.StringPtr(br.Rack)
	}
	return br.EndPoints[0].Host, int32(br.EndPoints[0].Port), rack, true
}
