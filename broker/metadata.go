package broker

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// Metadata, versions 0 to 13: from 4 the asker says whether a missing topic may be made, from 10 answers have topic ids,
// from 12 topics can be asked for by id (KIP-516). Everything is by this broker's own image: it may be behind.
//
// Topics are never made by asking for them (auto.create.topics.enable is off here, whatever it says): a simulation in
// which a misspelt name makes a topic teaches nothing.

// metadata tells a client who leads what.
func (b *Broker) metadata(e env.Env, t env.Ticket, req *kmsg.MetadataRequest) {
	for _, rt := range req.Topics {
		if req.Version < 12 && (rt.Topic == nil || rt.TopicID != [16]byte{}) { // InvalidRequestException
			e.Close(t.Link)
			return
		}
	}
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	resp.ClusterID, resp.ControllerID = kmsg.StringPtr(b.cfg.ClusterID), b.controllerNode(e)
	for _, br := range b.image.Brokers() {
		if host, port, rack, ok := b.endPoint(br.ID); ok {
			mb := kmsg.NewMetadataResponseBroker()
			mb.NodeID, mb.Host, mb.Port, mb.Rack = int32(br.ID), host, port, rack
			resp.Brokers = append(resp.Brokers, mb)
		}
	}
	all := req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
	if all {
		for _, topic := range b.image.Topics() {
			resp.Topics = append(resp.Topics, b.describe(topic))
		}
	}
	byID := slices.ContainsFunc(req.Topics, func(rt kmsg.MetadataRequestTopic) bool { return rt.TopicID != [16]byte{} })
	for _, rt := range req.Topics {
		switch {
		case rt.TopicID != [16]byte{}:
			resp.Topics = append(resp.Topics, b.describeID(rt.TopicID))
		case !byID && rt.Topic != nil:
			resp.Topics = append(resp.Topics, b.describeName(*rt.Topic))
		}
	}
	b.reply(e, t, resp, e.Now())
}

func (b *Broker) describeID(id wire.TopicID) kmsg.MetadataResponseTopic {
	if topic := b.image.Topic(id); topic != nil {
		return b.describe(topic)
	}
	mt := kmsg.NewMetadataResponseTopic()
	mt.TopicID, mt.ErrorCode = id, kerr.UnknownTopicID.Code
	return mt
}

func (b *Broker) describeName(name string) kmsg.MetadataResponseTopic {
	if topic := b.image.TopicNamed(name); topic != nil {
		return b.describe(topic)
	}
	mt := kmsg.NewMetadataResponseTopic()
	mt.Topic, mt.ErrorCode = kmsg.StringPtr(name), unknownName(name).Code
	return mt
}

// unknownName is the error for a topic that is not there: it could not be, or it is not.
func unknownName(name string) *kerr.Error {
	legal := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	const longest = 249 // Topic.MAX_NAME_LENGTH
	if name == "" || name == "." || name == ".." || len(name) > longest || strings.ContainsFunc(name, func(c rune) bool { return !legal(c) }) {
		return kerr.InvalidTopicException
	}
	return kerr.UnknownTopicOrPartition
}

func (b *Broker) describe(topic *image.Topic) kmsg.MetadataResponseTopic {
	mt := kmsg.NewMetadataResponseTopic()
	mt.Topic, mt.TopicID, mt.IsInternal = kmsg.StringPtr(topic.Name), topic.ID, internal(topic.Name)
	for _, p := range topic.Partitions {
		mp := kmsg.NewMetadataResponseTopicPartition()
		mp.Partition, mp.Leader, mp.LeaderEpoch = p.Partition, int32(p.Leader), int32(p.Epoch)
		// A leader that cannot be reached is named as none: the client asks again soon, instead of dialling it until a timeout.
		if _, _, _, ok := b.endPoint(p.Leader); !ok {
			mp.ErrorCode, mp.Leader = kerr.LeaderNotAvailable.Code, int32(wire.NoNode)
		}
		mp.Replicas, mp.ISR, mp.OfflineReplicas = ids(p.Replicas), ids(p.ISR), b.offline(p)
		mt.Partitions = append(mt.Partitions, mp)
	}
	return mt
}

// internal are the topics that belong to Kafka itself.
func internal(name string) bool { return name == "__consumer_offsets" || name == "__transaction_state" }

// offline are the replicas of a partition whose brokers are not there.
func (b *Broker) offline(p *image.Partition) []int32 {
	out := []int32{}
	for _, id := range p.Replicas {
		if _, _, _, ok := b.endPoint(id); !ok {
			out = append(out, int32(id))
		}
	}
	return out
}

// ids is a list of nodes as responses carry it, never null: the Java admin client does not survive that.
func ids(nodes []wire.NodeID) []int32 {
	out := make([]int32, 0, len(nodes))
	for _, n := range nodes {
		out = append(out, int32(n))
	}
	return out
}

// DescribeCluster, versions 0 to 2 (KIP-700): from 1 the asker says whether it means brokers or controllers, from 2
// fenced brokers can be asked for.
func (b *Broker) describeCluster(req *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	const brokers = 1
	resp.EndpointType = brokers
	if req.Version >= 1 && req.EndpointType != brokers {
		const controllers = 2
		if resp.ErrorCode = kerr.UnsupportedEndpointType.Code; req.EndpointType == controllers {
			resp.ErrorCode = kerr.MismatchedEndpointType.Code
		}
		return resp
	}
	resp.ClusterID, resp.ControllerID = b.cfg.ClusterID, int32(b.cfg.Node)
	for _, br := range b.image.Brokers() {
		if len(br.EndPoints) == 0 || br.Fenced && (req.Version < 2 || !req.IncludeFencedBrokers) {
			continue
		}
		rb := kmsg.NewDescribeClusterResponseBroker()
		rb.NodeID, rb.Host, rb.Port, rb.IsFenced = int32(br.ID), br.EndPoints[0].Host, int32(br.EndPoints[0].Port), br.Fenced
		if br.Rack != "" {
			rb.Rack = kmsg.StringPtr(br.Rack)
		}
		resp.Brokers = append(resp.Brokers, rb)
	}
	return resp
}

// DescribeTopicPartitions, version 0 (KIP-966): Metadata with eligible leaders, in pages, topics by name.
func (b *Broker) describePartitions(req *kmsg.DescribeTopicPartitionsRequest) *kmsg.DescribeTopicPartitionsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	var names []string
	for _, rt := range req.Topics {
		names = append(names, rt.Topic)
	}
	if len(req.Topics) == 0 {
		for _, t := range b.image.Topics() {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names) // pages need an order that the next request finds again, with topics come and gone in between
	names = slices.Compact(names)
	left := int(req.ResponsePartitionLimit)
	if left <= 0 {
		left = 2000 // max.request.partition.size.limit
	}
	for _, name := range names {
		first := int32(0)
		if req.Cursor != nil {
			if name < req.Cursor.Topic {
				continue
			}
			if name == req.Cursor.Topic {
				first = max(req.Cursor.Partition, 0)
			}
		}
		rt := kmsg.NewDescribeTopicPartitionsResponseTopic()
		rt.Topic, rt.Partitions = kmsg.StringPtr(name), []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
		topic := b.image.TopicNamed(name)
		if topic == nil {
			rt.ErrorCode = unknownName(name).Code
			resp.Topics = append(resp.Topics, rt)
			continue
		}
		rt.TopicID, rt.IsInternal = topic.ID, internal(name)
		for i := int(first); i < len(topic.Partitions); i++ {
			if left == 0 {
				c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
				c.Topic, c.Partition = name, int32(i)
				resp.NextCursor = &c
				break
			}
			rt.Partitions = append(rt.Partitions, b.describeELR(topic.Partitions[i]))
			left--
		}
		if len(rt.Partitions) > 0 || resp.NextCursor == nil {
			resp.Topics = append(resp.Topics, rt)
		}
		if resp.NextCursor != nil {
			break
		}
	}
	return resp
}

func (b *Broker) describeELR(p *image.Partition) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	rp := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	rp.Partition, rp.LeaderID, rp.LeaderEpoch = p.Partition, int32(p.Leader), int32(p.Epoch)
	if _, _, _, ok := b.endPoint(p.Leader); !ok {
		rp.ErrorCode, rp.LeaderID = kerr.LeaderNotAvailable.Code, int32(wire.NoNode)
	}
	rp.Replicas, rp.ISR, rp.OfflineReplicas = ids(p.Replicas), ids(p.ISR), b.offline(p)
	rp.EligibleLeaderReplicas, rp.LastKnownELR = ids(p.ELR), ids(p.LastKnown)
	return rp
}
