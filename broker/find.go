package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/wire"
)

// find is the hosted replica that a request names, by topic id where its version has ids, else by name. Without one, the
// error is what Kafka says of it: an id or a name that this broker's image does not have, or a partition that is
// somebody else's.
func (b *Broker) find(name string, id wire.TopicID, byID bool, partition int32) (*replica, *kerr.Error) {
	var t *image.Topic
	if byID {
		if t = b.image.Topic(id); t == nil {
			return nil, kerr.UnknownTopicID
		}
	} else if t = b.image.TopicNamed(name); t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	if b.image.Partition(t.ID, partition) == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	if r := b.parts[wire.TopicPartition{Topic: t.Name, Partition: partition}]; r != nil && r.ID == t.ID {
		return r, nil
	}
	return nil, kerr.NotLeaderForPartition
}

// ledBy is who leads a partition, for an answer that says "not me" (KIP-951): the node, its epoch and where to find it.
// The replica itself knows best, then the image.
func (b *Broker) ledBy(name string, id wire.TopicID, byID bool, partition int32) (leader wire.NodeID, epoch wire.Epoch) {
	if r, _ := b.find(name, id, byID, partition); r != nil {
		return r.Leader(), r.Epoch()
	}
	if !byID {
		if t := b.image.TopicNamed(name); t != nil {
			id = t.ID
		}
	}
	if p := b.image.Partition(id, partition); p != nil {
		return p.Leader, p.Epoch
	}
	return wire.NoNode, wire.NoEpoch
}

// endPoint is where a broker can be reached by clients; ok is false if it is not known or fenced.
func (b *Broker) endPoint(id wire.NodeID) (host string, port int32, rack *string, ok bool) {
	br := b.image.Broker(id)
	if br == nil || br.Fenced || len(br.EndPoints) == 0 {
		return "", 0, nil, false
	}
	if br.Rack != "" {
		rack = kmsg.StringPtr(br.Rack)
	}
	return br.EndPoints[0].Host, int32(br.EndPoints[0].Port), rack, true
}
