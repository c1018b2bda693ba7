package controller

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// createTopics makes topics, each on its own, all in one batch.
func (c *Controller) createTopics(e env.Env, m cluster, req *kmsg.CreateTopicsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	var records []wire.MetadataRecord
	for i := range req.Topics {
		rt := &req.Topics[i]
		at := kmsg.NewCreateTopicsResponseTopic()
		at.Topic = rt.Topic
		placed, err := c.newTopic(e, m, req, rt)
		at.ErrorCode = codeOf(err)
		if err == nil {
			at.NumPartitions, at.ReplicationFactor = int32(len(placed)), int16(len(placed[0]))
		}
		if err == nil && !req.ValidateOnly {
			id := c.newID(e, len(records))
			at.TopicID = id
			records = append(records, &wire.TopicRecord{Name: rt.Topic, TopicID: id})
			for _, cfg := range rt.Configs {
				records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: rt.Topic, Name: cfg.Name, Value: cfg.Value})
			}
			records = append(records, m.partitions(id, 0, placed)...)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

// newTopic checks a wanted topic and places it.
func (c *Controller) newTopic(e env.Env, m cluster, req *kmsg.CreateTopicsRequest, rt *kmsg.CreateTopicsRequestTopic) ([][]wire.NodeID, *kerr.Error) {
	twice := 0
	for i := range req.Topics {
		if req.Topics[i].Topic == rt.Topic {
			twice++
		}
	}
	switch {
	case twice > 1:
		return nil, kerr.InvalidRequest
	case !validName(rt.Topic), m.collides(rt.Topic):
		return nil, kerr.InvalidTopicException
	case m.TopicNamed(rt.Topic) != nil:
		return nil, kerr.TopicAlreadyExists
	}
	for _, cfg := range rt.Configs {
		if cfg.Value == nil || c.checkConfig(wire.ConfigTopic, cfg.Name, *cfg.Value) != nil {
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
			all[a.Partition] = nodes(a.Replicas)
		}
		return all, m.validAssignment(all, len(all[0]))
	}
	partitions, factor := rt.NumPartitions, rt.ReplicationFactor
	if partitions == -1 {
		partitions = c.cfg.Partitions
	}
	if factor == -1 {
		factor = c.cfg.Replication
	}
	if partitions < 1 {
		return nil, kerr.InvalidPartitions
	}
	return m.newPlacement(e, 0, partitions, factor)
}

// newPlacement places new partitions, of a topic that has the first ones already.
func (c cluster) newPlacement(e env.Env, first, partitions int32, factor int16) ([][]wire.NodeID, *kerr.Error) {
	p := c.newPlacer()
	if factor < 1 || int(factor) > p.all || p.active == 0 {
		return nil, kerr.InvalidReplicationFactor
	}
	for range int(first) % p.active { // go on where the ones before may have ended
		p.place(e, int(factor))
	}
	placed := make([][]wire.NodeID, partitions)
	for i := range placed {
		placed[i] = p.place(e, int(factor))
	}
	return placed, nil
}

// validAssignment checks replicas that somebody else has placed.
func (c cluster) validAssignment(all [][]wire.NodeID, factor int) *kerr.Error {
	for _, replicas := range all {
		if len(replicas) == 0 || len(replicas) != factor || !slices.ContainsFunc(replicas, c.active) {
			return kerr.InvalidReplicaAssignment
		}
		for i, id := range replicas {
			if c.Broker(id) == nil || slices.Contains(replicas[:i], id) {
				return kerr.InvalidReplicaAssignment
			}
		}
	}
	return nil
}

// partitions are the records of new partitions, numbered from first on. The first active replica leads.
func (c cluster) partitions(id wire.TopicID, first int32, placed [][]wire.NodeID) (records []wire.MetadataRecord) {
	for i, replicas := range placed {
		isr := slices.DeleteFunc(slices.Clone(replicas), func(n wire.NodeID) bool { return !c.active(n) })
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

// collides tells whether another topic's name is the same in metrics, where a dot is an underscore.
func (c cluster) collides(name string) bool {
	if !strings.ContainsAny(name, "._") {
		return false
	}
	flat := strings.ReplaceAll(name, ".", "_")
	for _, t := range c.Topics() {
		if t.Name != name && strings.ReplaceAll(t.Name, ".", "_") == flat {
			return true
		}
	}
	return false
}

// newID is a topic id that no other topic has: half of it is drawn, the other half is the place in the log.
func (c *Controller) newID(e env.Env, after int) (id wire.TopicID) {
	drawn, at := e.Choose("controller.topic-id", 1<<62)+100, uint64(c.rt.End())+uint64(after)
	for i := range 8 {
		id[i], id[8+i] = byte(drawn>>(56-8*i)), byte(at>>(56-8*i))
	}
	return id
}

func nodes(ids []int32) (all []wire.NodeID) {
	for _, id := range ids {
		all = append(all, wire.NodeID(id))
	}
	return all
}

// deleteTopics removes topics, by name or by id.
func deleteTopics(m cluster, req *kmsg.DeleteTopicsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	var records []wire.MetadataRecord
	var gone []wire.TopicID
	for _, rt := range wire.TopicsToDelete(req) {
		at := kmsg.NewDeleteTopicsResponseTopic()
		at.Topic, at.TopicID = rt.Topic, rt.TopicID
		id, err := m.toDelete(&rt)
		if err == nil && slices.Contains(gone, id) {
			err = kerr.InvalidRequest
		}
		if at.ErrorCode = codeOf(err); err == nil {
			gone = append(gone, id)
			at.TopicID, at.Topic = id, &m.Topic(id).Name
			records = append(records, &wire.RemoveTopicRecord{TopicID: id})
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

func (c cluster) toDelete(rt *kmsg.DeleteTopicsRequestTopic) (wire.TopicID, *kerr.Error) {
	id := wire.TopicID(rt.TopicID)
	switch {
	case rt.Topic != nil && id != wire.TopicID{}, rt.Topic == nil && id == wire.TopicID{}:
		return id, kerr.InvalidRequest
	case rt.Topic != nil && c.TopicNamed(*rt.Topic) == nil:
		return id, kerr.UnknownTopicOrPartition
	case rt.Topic != nil:
		return c.TopicNamed(*rt.Topic).ID, nil
	case c.Topic(id) == nil:
		return id, kerr.UnknownTopicID
	}
	return id, nil
}

// createPartitions gives topics more partitions; never fewer.
func createPartitions(e env.Env, m cluster, req *kmsg.CreatePartitionsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	var records []wire.MetadataRecord
	for i, rt := range req.Topics {
		at := kmsg.NewCreatePartitionsResponseTopic()
		at.Topic = rt.Topic
		placed, err := m.morePartitions(e, &rt)
		if slices.ContainsFunc(req.Topics[:i], func(o kmsg.CreatePartitionsRequestTopic) bool { return o.Topic == rt.Topic }) {
			err = kerr.InvalidRequest
		}
		if at.ErrorCode = codeOf(err); err == nil && !req.ValidateOnly {
			t := m.TopicNamed(rt.Topic)
			records = append(records, m.partitions(t.ID, int32(len(t.Partitions)), placed)...)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

func (c cluster) morePartitions(e env.Env, rt *kmsg.CreatePartitionsRequestTopic) ([][]wire.NodeID, *kerr.Error) {
	t := c.TopicNamed(rt.Topic)
	if t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	have := int32(len(t.Partitions))
	if rt.Count <= have {
		return nil, kerr.InvalidPartitions
	}
	factor := len(t.Partitions[0].Replicas)
	if rt.Assignment == nil {
		return c.newPlacement(e, have, rt.Count-have, int16(factor))
	}
	var all [][]wire.NodeID
	for _, a := range rt.Assignment {
		all = append(all, nodes(a.Replicas))
	}
	if len(all) != int(rt.Count-have) {
		return nil, kerr.InvalidReplicaAssignment
	}
	return all, c.validAssignment(all, factor)
}
