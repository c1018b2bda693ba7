package broker

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// Metadata has versions 0 to 13. Since version 4 the client says whether a missing topic may be created. Since version 10
// responses have topic ids, and since version 12 requests may have topic ids (KIP-516). Every response is made from this
// broker's own image, which may lag.
//
// A Metadata request creates no topic (auto.create.topics.enable has no effect here), because a simulation in which a
// misspelt name creates a topic teaches nothing.

// metadataCache answers the requests that need the image alone (KRaftMetadataCache).
type metadataCache struct {
	cfg   *Config
	image *image.Image
}

// handleMetadataRequest returns the brokers and the leader of each partition (KafkaApis.handleTopicMetadataRequest).
func (c *metadataCache) handleMetadataRequest(e env.Env, req *kmsg.MetadataRequest) env.Response {
	for _, rt := range req.Topics {
		switch {
		case req.Version < 12 && (rt.Topic == nil || rt.TopicID != [16]byte{}):
			return refuseMetadata(req, kerr.InvalidRequest)
		case rt.Topic == nil && rt.TopicID == [16]byte{}: // an exception without a code
			return refuseMetadata(req, kerr.UnknownServerError)
		}
	}
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	resp.ClusterID, resp.ControllerID = kmsg.StringPtr(c.cfg.ClusterID), c.controllerNode(e)
	for _, br := range c.image.Brokers() {
		if host, port, rack, ok := endPoint(c.image, br.ID); ok {
			mb := kmsg.NewMetadataResponseBroker()
			mb.NodeID, mb.Host, mb.Port, mb.Rack = int32(br.ID), host, port, rack
			resp.Brokers = append(resp.Brokers, mb)
		}
	}
	all := req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
	if all {
		for _, topic := range c.image.Topics() {
			resp.Topics = append(resp.Topics, c.describe(topic))
		}
	}
	byID := slices.ContainsFunc(req.Topics, func(rt kmsg.MetadataRequestTopic) bool { return rt.TopicID != [16]byte{} })
	for i, rt := range req.Topics {
		again := slices.ContainsFunc(req.Topics[:i], func(o kmsg.MetadataRequestTopic) bool {
			return o.TopicID == rt.TopicID && (o.Topic == nil) == (rt.Topic == nil) && (o.Topic == nil || *o.Topic == *rt.Topic)
		})
		switch {
		case again: // once is enough
		case rt.TopicID != [16]byte{}:
			resp.Topics = append(resp.Topics, c.describeID(rt.TopicID))
		case !byID && rt.Topic != nil:
			resp.Topics = append(resp.Topics, c.describeName(*rt.Topic))
		}
	}
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = allOfCluster
	}
	for i := range resp.Topics {
		if req.IncludeTopicAuthorizedOperations {
			resp.Topics[i].AuthorizedOperations = allOfTopic
		}
		if req.Version == 0 {
			c.hideOffline(resp.Topics[i].Partitions)
		}
	}
	return resp
}

// hideOffline changes partitions to what clients of version 0 expect: only replicas that are alive, with an error if some are not.
func (c *metadataCache) hideOffline(all []kmsg.MetadataResponseTopicPartition) {
	offline := func(id int32) bool {
		_, _, _, ok := endPoint(c.image, wire.NodeID(id))
		return !ok
	}
	for i := range all {
		p := &all[i]
		if p.ErrorCode == 0 && slices.ContainsFunc(p.Replicas, offline) {
			p.ErrorCode = kerr.ReplicaNotAvailable.Code
		}
		p.Replicas, p.ISR = slices.DeleteFunc(p.Replicas, offline), slices.DeleteFunc(p.ISR, offline)
	}
}

// refuseMetadata refuses a whole Metadata request: the response has the error for each topic, and no broker.
func refuseMetadata(req *kmsg.MetadataRequest, err *kerr.Error) *kmsg.MetadataResponse {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	resp.ControllerID, resp.ErrorCode = -1, err.Code
	for _, rt := range req.Topics {
		mt := kmsg.NewMetadataResponseTopic()
		if mt.Topic = rt.Topic; mt.Topic == nil {
			mt.Topic = kmsg.StringPtr("")
		}
		mt.TopicID, mt.ErrorCode = rt.TopicID, err.Code
		resp.Topics = append(resp.Topics, mt)
	}
	return resp
}

// controllerNode returns the broker that responses name as the controller. It is any live broker, because every broker
// forwards requests and clients cannot reach controllers (KRaftMetadataCache.getRandomAliveBrokerId).
func (c *metadataCache) controllerNode(e env.Env) int32 {
	var alive []wire.NodeID
	for _, br := range c.image.Brokers() {
		if !br.Fenced {
			alive = append(alive, br.ID)
		}
	}
	if len(alive) == 0 {
		return -1
	}
	return int32(alive[e.Choose("broker.controller-named", uint64(len(alive)))])
}

func (c *metadataCache) describeID(id wire.TopicID) kmsg.MetadataResponseTopic {
	if topic := c.image.Topic(id); topic != nil {
		return c.describe(topic)
	}
	mt := kmsg.NewMetadataResponseTopic()
	mt.TopicID, mt.ErrorCode = id, kerr.UnknownTopicID.Code
	return mt
}

func (c *metadataCache) describeName(name string) kmsg.MetadataResponseTopic {
	if topic := c.image.TopicNamed(name); topic != nil {
		return c.describe(topic)
	}
	mt := kmsg.NewMetadataResponseTopic()
	mt.Topic, mt.ErrorCode = kmsg.StringPtr(name), topicNameError(name).Code
	return mt
}

// topicNameError returns INVALID_TOPIC_EXCEPTION for an invalid name, otherwise UNKNOWN_TOPIC_OR_PARTITION.
func topicNameError(name string) *kerr.Error {
	if wire.InvalidTopicName(name) != "" {
		return kerr.InvalidTopicException
	}
	return kerr.UnknownTopicOrPartition
}

func (c *metadataCache) describe(topic *image.Topic) kmsg.MetadataResponseTopic {
	mt := kmsg.NewMetadataResponseTopic()
	mt.Topic, mt.TopicID, mt.IsInternal = kmsg.StringPtr(topic.Name), topic.ID, internal(topic.Name)
	for _, p := range topic.Partitions {
		mp := kmsg.NewMetadataResponseTopicPartition()
		mp.Partition, mp.Leader, mp.LeaderEpoch = p.Partition, int32(p.Leader), int32(p.LeaderEpoch)
		// If the leader has no endpoint, the response names no leader. The client then asks again soon; otherwise it would
		// dial an unreachable broker until a timeout.
		if _, _, _, ok := endPoint(c.image, p.Leader); !ok {
			mp.ErrorCode, mp.Leader = kerr.LeaderNotAvailable.Code, int32(wire.NoNode)
		}
		mp.Replicas, mp.ISR, mp.OfflineReplicas = ids(p.Replicas), ids(p.ISR), c.offline(p)
		mt.Partitions = append(mt.Partitions, mp)
	}
	return mt
}

// internal reports whether a topic is one of Kafka's internal topics.
func internal(name string) bool { return name == "__consumer_offsets" || name == "__transaction_state" }

// offline returns the replicas of a partition on brokers that are fenced or unknown.
func (c *metadataCache) offline(p *image.Partition) []int32 {
	out := []int32{}
	for _, id := range p.Replicas {
		if _, _, _, ok := endPoint(c.image, id); !ok {
			out = append(out, int32(id))
		}
	}
	return out
}

// ids converts a list of nodes for a response. The result is never null, which the Java admin client could not handle.
func ids(nodes []wire.NodeID) []int32 {
	out := make([]int32, 0, len(nodes))
	for _, n := range nodes {
		out = append(out, int32(n))
	}
	return out
}

// Without an authorizer every client may do everything. These are the operations as bits (AclEntry.supportedOperations).
const (
	allOfCluster = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12 // create, alter, describe, cluster action, configs, idempotent write
	allOfTopic   = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
)

// DescribeCluster has versions 0 to 2 (KIP-700). Since version 1 the client chooses brokers or controllers. Since version 2
// it can ask for fenced brokers too.
func (c *metadataCache) handleDescribeClusterRequest(req *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	const brokers = 1
	resp.EndpointType = brokers
	if req.Version >= 1 && req.EndpointType != brokers {
		const controllers = 2
		resp.ErrorCode, resp.ErrorMessage = kerr.UnsupportedEndpointType.Code, kmsg.StringPtr(fmt.Sprintf("Unsupported endpoint type %d", req.EndpointType))
		if req.EndpointType == controllers {
			resp.ErrorCode = kerr.MismatchedEndpointType.Code
			resp.ErrorMessage = kmsg.StringPtr("The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
		}
		return resp
	}
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = allOfCluster
	}
	resp.ClusterID, resp.ControllerID = c.cfg.ClusterID, int32(c.cfg.Node)
	for _, br := range c.image.Brokers() {
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

// DescribeTopicPartitions has version 0 (KIP-966). It is like Metadata, but it also has the ELR, and returns the topics in
// pages, sorted by name. The order by name lets the next page continue even if topics were created and deleted in between.
func (c *metadataCache) handleDescribeTopicPartitionsRequest(req *kmsg.DescribeTopicPartitionsRequest) *kmsg.DescribeTopicPartitionsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	all := len(req.Topics) == 0
	var names []string
	for _, rt := range req.Topics {
		names = append(names, rt.Topic)
	}
	cursor := req.Cursor
	if cursor != nil && (cursor.Partition < 0 || !all && !slices.Contains(names, cursor.Topic)) {
		return refuseDescription(req, kerr.InvalidRequest)
	}
	if slices.Contains(names, "") { // the authorizer's resource of an empty name is an exception without a code
		return refuseDescription(req, kerr.UnknownServerError)
	}
	if all {
		for _, t := range c.image.Topics() {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	const limit = 2000 // max.request.partition.size.limit
	left := int(max(min(limit, req.ResponsePartitionLimit), 1))
	for _, name := range slices.Compact(names) {
		first := int32(0)
		switch {
		case cursor != nil && name < cursor.Topic:
			continue
		case cursor != nil && name == cursor.Topic:
			first = cursor.Partition
		}
		if left == 0 {
			resp.NextCursor = nextCursor(name, 0)
			break
		}
		rt := describedTopic(name)
		rt.AuthorizedOperations = allOfTopic
		topic := c.image.TopicNamed(name)
		if topic == nil {
			if rt.ErrorCode = topicNameError(name).Code; !all {
				resp.Topics = append(resp.Topics, rt)
			}
			continue
		}
		rt.TopicID, rt.IsInternal = topic.ID, internal(name)
		for i := int(first); i < len(topic.Partitions) && resp.NextCursor == nil; i++ {
			if left == 0 {
				resp.NextCursor = nextCursor(name, int32(i))
				continue
			}
			rt.Partitions = append(rt.Partitions, c.describeELR(topic.Partitions[i]))
			left--
		}
		resp.Topics = append(resp.Topics, rt)
		if resp.NextCursor != nil {
			break
		}
	}
	return resp
}

func describedTopic(name string) kmsg.DescribeTopicPartitionsResponseTopic {
	rt := kmsg.NewDescribeTopicPartitionsResponseTopic()
	rt.Topic, rt.Partitions = kmsg.StringPtr(name), []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
	return rt
}

func nextCursor(topic string, partition int32) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	cursor := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	cursor.Topic, cursor.Partition = topic, partition
	return &cursor
}

// refuseDescription refuses a whole DescribeTopicPartitions request: the response has the error for each topic of the request.
func refuseDescription(req *kmsg.DescribeTopicPartitionsRequest, err *kerr.Error) *kmsg.DescribeTopicPartitionsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	for _, t := range req.Topics {
		rt := describedTopic(t.Topic)
		rt.ErrorCode = err.Code
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (c *metadataCache) describeELR(p *image.Partition) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	rp := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	rp.Partition, rp.LeaderID, rp.LeaderEpoch = p.Partition, int32(p.Leader), int32(p.LeaderEpoch)
	if _, _, _, ok := endPoint(c.image, p.Leader); !ok {
		rp.LeaderID = int32(wire.NoNode) // without the error that Metadata has
	}
	rp.Replicas, rp.ISR, rp.OfflineReplicas = ids(p.Replicas), ids(p.ISR), c.offline(p)
	rp.EligibleLeaderReplicas, rp.LastKnownELR = ids(p.ELR), ids(p.LastKnown)
	return rp
}
