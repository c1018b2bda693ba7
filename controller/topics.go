package controller

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// createTopics creates topics. Each topic may fail alone, and the records of all topics are in one batch.
func createTopics(e env.Env, s decisionState, req *kmsg.CreateTopicsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	var records []wire.MetadataRecord
	for i := range req.Topics {
		rt := &req.Topics[i]
		at := kmsg.NewCreateTopicsResponseTopic()
		at.Topic = rt.Topic
		placed, err := newTopic(e, s, req, rt)
		at.ErrorCode = codeOf(err)
		if err == nil {
			at.NumPartitions, at.ReplicationFactor = int32(len(placed)), int16(len(placed[0]))
		}
		if err == nil && !req.ValidateOnly {
			id := newTopicID(e, s.end+wire.Offset(len(records)))
			at.TopicID = id
			records = append(records, &wire.TopicRecord{Name: rt.Topic, TopicID: id})
			for _, cfg := range rt.Configs {
				records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: rt.Topic, Name: cfg.Name, Value: cfg.Value})
			}
			records = append(records, s.partitions(id, 0, placed)...)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

// newTopic returns the replica placement of a new topic, or an error.
func newTopic(e env.Env, s decisionState, req *kmsg.CreateTopicsRequest, rt *kmsg.CreateTopicsRequestTopic) ([][]wire.NodeID, *kerr.Error) {
	twice := 0
	for i := range req.Topics {
		if req.Topics[i].Topic == rt.Topic {
			twice++
		}
	}
	switch {
	case twice > 1:
		return nil, kerr.InvalidRequest
	case !validName(rt.Topic), s.collides(rt.Topic):
		return nil, kerr.InvalidTopicException
	case s.TopicNamed(rt.Topic) != nil:
		return nil, kerr.TopicAlreadyExists
	}
	for _, cfg := range rt.Configs {
		if cfg.Value == nil || s.cfg.checkConfig(wire.ConfigTopic, cfg.Name, *cfg.Value) != nil {
			return nil, kerr.InvalidConfig
		}
	}
	if len(rt.ReplicaAssignment) > 0 {
		if rt.NumPartitions != -1 || rt.ReplicationFactor != -1 {
			return nil, kerr.InvalidRequest
		}
		all := make([][]wire.NodeID, len(rt.ReplicaAssignment))
		for _, a := range rt.ReplicaAssignment {
			if a.Partition < 0 || int(a.Partition) >= len(all) || all[a.Partition] != nil {
				return nil, kerr.InvalidReplicaAssignment
			}
			all[a.Partition] = nodeIDs(a.Replicas)
		}
		return all, s.validAssignment(all, len(all[0]))
	}
	partitions, factor := rt.NumPartitions, rt.ReplicationFactor
	if partitions == -1 {
		partitions = s.cfg.Partitions
	}
	if factor == -1 {
		factor = s.cfg.Replication
	}
	if partitions < 1 {
		return nil, kerr.InvalidPartitions
	}
	return s.newPlacement(e, 0, partitions, factor)
}

// newPlacement places new partitions of a topic. The argument first is the number of partitions that the topic already
// has.
func (s decisionState) newPlacement(e env.Env, first, partitions int32, factor int16) ([][]wire.NodeID, *kerr.Error) {
	p := s.newPlacer()
	if factor < 1 || int(factor) > p.all || p.active == 0 {
		return nil, kerr.InvalidReplicationFactor
	}
	for range int(first) % p.active { // skip the brokers that the existing partitions used
		p.place(e, int(factor))
	}
	placed := make([][]wire.NodeID, partitions)
	for i := range placed {
		placed[i] = p.place(e, int(factor))
	}
	return placed, nil
}

// validAssignment checks a replica assignment from a request.
func (s decisionState) validAssignment(all [][]wire.NodeID, factor int) *kerr.Error {
	for _, replicas := range all {
		if len(replicas) == 0 || len(replicas) != factor || !slices.ContainsFunc(replicas, s.active) {
			return kerr.InvalidReplicaAssignment
		}
		for i, id := range replicas {
			if s.Broker(id) == nil || slices.Contains(replicas[:i], id) {
				return kerr.InvalidReplicaAssignment
			}
		}
	}
	return nil
}

// partitions returns the records of new partitions. The argument first is the number of the first new partition. Each
// partition is led by its first active replica.
func (s decisionState) partitions(id wire.TopicID, first int32, placed [][]wire.NodeID) (records []wire.MetadataRecord) {
	for i, replicas := range placed {
		isr := slices.DeleteFunc(slices.Clone(replicas), func(n wire.NodeID) bool { return !s.active(n) })
		records = append(records, &wire.PartitionRecord{TopicID: id, PartitionID: first + int32(i), Replicas: replicas, ISR: isr, Leader: isr[0]})
	}
	return records
}

// validName is Kafka's rule for topic names (Topic.validate).
func validName(name string) bool {
	const legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return name != "" && name != "." && name != ".." && len(name) <= 249 && strings.Trim(name, legal) == "" &&
		strings.IndexFunc(name, func(r rune) bool { return !strings.ContainsRune(legal, r) }) < 0
}

// collides reports whether another topic has the same name in metrics, where dots become underscores.
func (s decisionState) collides(name string) bool {
	if !strings.ContainsAny(name, "._") {
		return false
	}
	flat := strings.ReplaceAll(name, ".", "_")
	for _, t := range s.Topics() {
		if t.Name != name && strings.ReplaceAll(t.Name, ".", "_") == flat {
			return true
		}
	}
	return false
}

// newTopicID returns an unused id. One half is random; the other half is the offset of the topic's record.
func newTopicID(e env.Env, offset wire.Offset) (id wire.TopicID) {
	drawn, at := e.Choose("controller.topic-id", 1<<62)+100, uint64(offset)
	for i := range 8 {
		id[i], id[8+i] = byte(drawn>>(56-8*i)), byte(at>>(56-8*i))
	}
	return id
}

func nodeIDs(ids []int32) (all []wire.NodeID) {
	for _, id := range ids {
		all = append(all, wire.NodeID(id))
	}
	return all
}

// deleteTopics removes topics, by name or by id.
func deleteTopics(s decisionState, req *kmsg.DeleteTopicsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	var records []wire.MetadataRecord
	var gone []wire.TopicID
	for _, rt := range wire.TopicsToDelete(req) {
		at := kmsg.NewDeleteTopicsResponseTopic()
		at.Topic, at.TopicID = rt.Topic, rt.TopicID
		id, err := s.topicToDelete(&rt)
		if err == nil && slices.Contains(gone, id) {
			err = kerr.InvalidRequest
		}
		if at.ErrorCode = codeOf(err); err == nil {
			gone = append(gone, id)
			at.TopicID, at.Topic = id, &s.Topic(id).Name
			records = append(records, &wire.RemoveTopicRecord{TopicID: id})
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

func (s decisionState) topicToDelete(rt *kmsg.DeleteTopicsRequestTopic) (wire.TopicID, *kerr.Error) {
	id := wire.TopicID(rt.TopicID)
	switch {
	case rt.Topic != nil && id != wire.TopicID{}, rt.Topic == nil && id == wire.TopicID{}:
		return id, kerr.InvalidRequest
	case rt.Topic != nil && s.TopicNamed(*rt.Topic) == nil:
		return id, kerr.UnknownTopicOrPartition
	case rt.Topic != nil:
		return s.TopicNamed(*rt.Topic).ID, nil
	case s.Topic(id) == nil:
		return id, kerr.UnknownTopicID
	}
	return id, nil
}

// createPartitions adds partitions to topics.
func createPartitions(e env.Env, s decisionState, req *kmsg.CreatePartitionsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	var records []wire.MetadataRecord
	for i, rt := range req.Topics {
		at := kmsg.NewCreatePartitionsResponseTopic()
		at.Topic = rt.Topic
		placed, err := s.morePartitions(e, &rt)
		if slices.ContainsFunc(req.Topics[:i], func(o kmsg.CreatePartitionsRequestTopic) bool { return o.Topic == rt.Topic }) {
			err = kerr.InvalidRequest
		}
		if at.ErrorCode = codeOf(err); err == nil && !req.ValidateOnly {
			t := s.TopicNamed(rt.Topic)
			records = append(records, s.partitions(t.ID, int32(len(t.Partitions)), placed)...)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

func (s decisionState) morePartitions(e env.Env, rt *kmsg.CreatePartitionsRequestTopic) ([][]wire.NodeID, *kerr.Error) {
	t := s.TopicNamed(rt.Topic)
	if t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	have := int32(len(t.Partitions))
	if rt.Count <= have {
		return nil, kerr.InvalidPartitions
	}
	factor := len(t.Partitions[0].Replicas)
	if rt.Assignment == nil {
		return s.newPlacement(e, have, rt.Count-have, int16(factor))
	}
	var all [][]wire.NodeID
	for _, a := range rt.Assignment {
		all = append(all, nodeIDs(a.Replicas))
	}
	if len(all) != int(rt.Count-have) {
		return nil, kerr.InvalidReplicaAssignment
	}
	return all, s.validAssignment(all, factor)
}
