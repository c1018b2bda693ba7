package controller

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// createTopics creates topics. Each topic may fail alone, and the records of all topics are in one batch. A name that appears
// twice is refused once, after the other topics (ControllerApis.createTopics).
func createTopics(e env.Env, s decisionState, req *kmsg.CreateTopicsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	var records []wire.MetadataRecord
	total := int64(0)
	var last []string // the names that are refused at the end
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if s.appearsOnce(req, name) && name != wire.MetadataTopic {
			total += s.countPartitions(&req.Topics[i])
		} else if !slices.Contains(last, name) {
			last = append(last, name)
		}
	}
	if total > mostPartitions {
		return nil, tooManyPartitions(req)
	}
	for i := range req.Topics {
		rt := &req.Topics[i]
		if slices.Contains(last, rt.Topic) {
			continue
		}
		at := newTopicResult(rt.Topic)
		placed, err := newTopic(e, s, rt)
		if at.ErrorCode, at.ErrorMessage = err.code(), err.message(); err == nil {
			at.NumPartitions, at.ReplicationFactor = int32(len(placed)), int16(len(placed[0]))
			at.Configs = s.creationConfigs(rt)
			id := newTopicID(e, s.end+wire.Offset(len(records)))
			at.TopicID = id
			if !req.ValidateOnly {
				records = append(records, topicRecords(s, rt, id, placed)...)
			}
		}
		resp.Topics = append(resp.Topics, at)
	}
	for _, name := range last {
		at := newTopicResult(name)
		err := refuse(kerr.InvalidRequest, "Duplicate topic name.")
		if name == wire.MetadataTopic {
			err = refuse(kerr.InvalidRequest, "Creation of internal topic %s is prohibited.", name)
		}
		at.ErrorCode, at.ErrorMessage = err.code(), err.message()
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

// mostPartitions is the number of partitions that one request may create (ReplicationControlManager.MAX_PARTITIONS_PER_BATCH).
const mostPartitions = 10_000

// appearsOnce reports whether a request has a name only once.
func (s decisionState) appearsOnce(req *kmsg.CreateTopicsRequest, name string) bool {
	n := 0
	for i := range req.Topics {
		if req.Topics[i].Topic == name {
			n++
		}
	}
	return n == 1
}

// countPartitions returns the number of partitions that a request asks for.
func (s decisionState) countPartitions(rt *kmsg.CreateTopicsRequestTopic) int64 {
	switch {
	case len(rt.ReplicaAssignment) > 0:
		return int64(len(rt.ReplicaAssignment))
	case rt.NumPartitions == -1:
		return int64(s.cfg.Partitions)
	}
	return int64(max(rt.NumPartitions, 0))
}

// tooManyPartitions refuses a whole request.
func tooManyPartitions(req *kmsg.CreateTopicsRequest) env.Response {
	resp := refusal(req, kerr.PolicyViolation).(*kmsg.CreateTopicsResponse)
	for i := range resp.Topics {
		resp.Topics[i].ErrorMessage = kmsg.StringPtr("Excessively large number of partitions per request.")
		resp.Topics[i].Configs = noTopicConfigs()
	}
	return resp
}

// newTopicResult returns the result of one topic. Its configs are an empty list, because the Java client does not take null.
func newTopicResult(name string) kmsg.CreateTopicsResponseTopic {
	at := kmsg.NewCreateTopicsResponseTopic()
	at.Topic, at.Configs = name, noTopicConfigs()
	return at
}

func noTopicConfigs() []kmsg.CreateTopicsResponseTopicConfig {
	return []kmsg.CreateTopicsResponseTopicConfig{}
}

// topicRecords returns the records of a new topic: the topic, its configs, its partitions.
func topicRecords(s decisionState, rt *kmsg.CreateTopicsRequestTopic, id wire.TopicID, placed [][]wire.NodeID) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.TopicRecord{Name: rt.Topic, TopicID: id}}
	for _, cfg := range creationSettings(rt) {
		value := cfg.Value
		records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: rt.Topic, Name: cfg.Name, Value: &value})
	}
	return append(records, s.partitions(id, 0, placed)...)
}

// creationSettings returns the configs of a new topic. If a request has one twice, the last one counts.
func creationSettings(rt *kmsg.CreateTopicsRequestTopic) (all []Setting) {
	for _, cfg := range rt.Configs {
		all = slices.DeleteFunc(all, func(o Setting) bool { return o.Name == cfg.Name })
		if cfg.Value != nil {
			all = append(all, Setting{cfg.Name, *cfg.Value})
		}
	}
	return all
}

// newTopic returns the replica placement of a new topic, or an error.
func newTopic(e env.Env, s decisionState, rt *kmsg.CreateTopicsRequestTopic) ([][]wire.NodeID, *apiError) {
	if why := wire.InvalidTopicName(rt.Topic); why != "" {
		return nil, refuse(kerr.InvalidTopicException, "Topic name is invalid: %s", why)
	}
	if s.TopicNamed(rt.Topic) != nil { // the name collides with itself, but this error comes last
		return nil, refuse(kerr.TopicAlreadyExists, "Topic '%s' already exists.", rt.Topic)
	}
	if other := s.collidingName(rt.Topic); other != "" {
		return nil, refuse(kerr.InvalidTopicException, "Topic '%s' collides with existing topic: %s", rt.Topic, other)
	}
	var nulls []string
	for _, cfg := range rt.Configs {
		if cfg.Value == nil {
			nulls = append(nulls, cfg.Name)
		}
	}
	if len(nulls) > 0 {
		return nil, refuse(kerr.InvalidConfig, "Null value not supported for topic configs: %s", strings.Join(nulls, ","))
	}
	if err := s.cfg.checkConfigs(wire.ConfigTopic, creationSettings(rt)); err != nil {
		return nil, refuse(kerr.InvalidConfig, "%s", err.Error())
	}
	if len(rt.ReplicaAssignment) > 0 {
		return s.manualPlacement(rt)
	}
	partitions, factor := rt.NumPartitions, rt.ReplicationFactor
	switch {
	case factor < -1 || factor == 0:
		return nil, refuse(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case partitions < -1 || partitions == 0:
		return nil, refuse(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	if partitions == -1 {
		partitions = s.cfg.Partitions
	}
	if factor == -1 {
		factor = s.cfg.Replication
	}
	placed, err := s.newPlacement(e, 0, partitions, factor)
	if err != nil {
		err.text = fmt.Sprintf("Unable to replicate the partition %d time(s): %s", factor, err.text)
	}
	return placed, err
}

// manualPlacement returns the placement that a CreateTopics request itself has, or an error.
func (s decisionState) manualPlacement(rt *kmsg.CreateTopicsRequestTopic) ([][]wire.NodeID, *apiError) {
	switch {
	case rt.ReplicationFactor != -1:
		return nil, refuse(kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	case rt.NumPartitions != -1:
		return nil, refuse(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	placed := map[int32][]wire.NodeID{}
	factor := -1
	for _, a := range rt.ReplicaAssignment {
		if placed[a.Partition] != nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		replicas := nodeIDs(a.Replicas)
		if err := s.validAssignment(replicas, factor, a.Partition); err != nil {
			return nil, err
		}
		placed[a.Partition], factor = replicas, len(replicas)
	}
	all := make([][]wire.NodeID, len(placed))
	for i := range all {
		if all[i] = placed[int32(i)]; all[i] == nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
	}
	return all, nil
}

// newPlacement places new partitions of a topic. The argument first is the number of partitions that the topic already
// has.
func (s decisionState) newPlacement(e env.Env, first, partitions int32, factor int16) ([][]wire.NodeID, *apiError) {
	p := s.newPlacer()
	switch {
	case factor < 1:
		return nil, refuse(kerr.InvalidReplicationFactor, "Invalid replication factor %d: the replication factor must be positive.", factor)
	case p.active == 0:
		return nil, refuse(kerr.InvalidReplicationFactor, "All brokers are currently fenced, or have all their log directories cordoned.")
	case int(factor) > p.all:
		return nil, refuse(kerr.InvalidReplicationFactor, "The target replication factor of %d cannot be reached because only %d broker(s) are "+
			"registered or some brokers have all their log directories cordoned.", factor, p.all)
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

// validAssignment checks the replicas that a request assigns to a partition. The argument factor is the number of replicas
// of the other partitions, or -1 if this is the first one.
func (s decisionState) validAssignment(replicas []wire.NodeID, factor int, partition int32) *apiError {
	if len(replicas) == 0 {
		return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	ordered := slices.Sorted(slices.Values(replicas))
	for i, id := range ordered {
		switch {
		case s.Broker(id) == nil:
			return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		case i > 0 && ordered[i-1] == id:
			return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
	}
	switch {
	case factor >= 0 && len(replicas) != factor:
		return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with %d replica(s), but this is not "+
			"consistent with previous partitions, which have %d replica(s).", len(replicas), factor)
	case !slices.ContainsFunc(replicas, s.active):
		return refuse(kerr.InvalidReplicaAssignment, "All brokers specified in the manual partition assignment for partition %d are fenced or in "+
			"controlled shutdown.", partition)
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

// collidingName returns another topic that has the same name in metrics, or "". In metrics, dots become underscores.
func (s decisionState) collidingName(name string) string {
	if !strings.ContainsAny(name, "._") {
		return ""
	}
	flat := strings.ReplaceAll(name, ".", "_")
	for _, t := range s.Topics() {
		if t.Name != name && strings.ReplaceAll(t.Name, ".", "_") == flat {
			return t.Name
		}
	}
	return ""
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

// deleteTopics removes topics, by name or by id. If a request has a topic twice, by name or by id, the response refuses
// that topic once (ControllerApis.deleteTopics).
func deleteTopics(s decisionState, req *kmsg.DeleteTopicsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	var records []wire.MetadataRecord
	add := func(name *string, id wire.TopicID, err *apiError) {
		at := kmsg.NewDeleteTopicsResponseTopic()
		at.Topic, at.TopicID, at.ErrorCode, at.ErrorMessage = name, id, err.code(), err.message()
		resp.Topics = append(resp.Topics, at)
	}
	all := wire.TopicsToDelete(req)
	var gone []wire.TopicID
	for i, rt := range all {
		same := func(o kmsg.DeleteTopicsRequestTopic) bool { return sameTopic(&o, &rt) }
		if slices.ContainsFunc(all[:i], same) {
			continue // refused at its first appearance
		}
		id, err := s.topicToDelete(&rt)
		switch {
		case err != nil:
			add(rt.Topic, rt.TopicID, err)
		case slices.ContainsFunc(all[i+1:], same) && rt.Topic != nil:
			add(rt.Topic, wire.TopicID{}, refuse(kerr.InvalidRequest, "Duplicate topic name."))
		case slices.ContainsFunc(all[i+1:], same):
			add(nil, id, refuse(kerr.InvalidRequest, "Duplicate topic id."))
		case s.alsoByID(all, id) && rt.Topic != nil:
			add(rt.Topic, id, refuse(kerr.InvalidRequest, "The provided topic name maps to an ID that was already supplied."))
		case s.alsoByName(all, id) && rt.Topic == nil: // the result for the topic's name has the error
		case !slices.Contains(gone, id):
			gone = append(gone, id)
			add(&s.Topic(id).Name, id, nil)
			records = append(records, &wire.RemoveTopicRecord{TopicID: id})
		}
	}
	return records, resp
}

// sameTopic reports whether two entries have the same name, or the same id without a name.
func sameTopic(a, b *kmsg.DeleteTopicsRequestTopic) bool {
	if a.Topic == nil || b.Topic == nil {
		return a.Topic == nil && b.Topic == nil && a.TopicID == b.TopicID && a.TopicID != [16]byte{}
	}
	return *a.Topic == *b.Topic && a.TopicID == b.TopicID && a.TopicID == [16]byte{}
}

// alsoByID reports whether a request has the id of a topic.
func (s decisionState) alsoByID(all []kmsg.DeleteTopicsRequestTopic, id wire.TopicID) bool {
	return slices.ContainsFunc(all, func(o kmsg.DeleteTopicsRequestTopic) bool { return o.Topic == nil && o.TopicID == id })
}

// alsoByName reports whether a request has the name of a topic.
func (s decisionState) alsoByName(all []kmsg.DeleteTopicsRequestTopic, id wire.TopicID) bool {
	name := s.Topic(id).Name
	return slices.ContainsFunc(all, func(o kmsg.DeleteTopicsRequestTopic) bool {
		return o.Topic != nil && *o.Topic == name && o.TopicID == [16]byte{}
	})
}

func (s decisionState) topicToDelete(rt *kmsg.DeleteTopicsRequestTopic) (wire.TopicID, *apiError) {
	id := wire.TopicID(rt.TopicID)
	switch {
	case rt.Topic != nil && id != wire.TopicID{}:
		return id, refuse(kerr.InvalidRequest, "You may not specify both topic name and topic id.")
	case rt.Topic == nil && id == wire.TopicID{}:
		return id, refuse(kerr.InvalidRequest, "Neither topic name nor id were specified.")
	case rt.Topic != nil && s.TopicNamed(*rt.Topic) == nil:
		return id, refuse(kerr.UnknownTopicOrPartition, "This server does not host this topic-partition.")
	case rt.Topic != nil:
		return s.TopicNamed(*rt.Topic).ID, nil
	case s.Topic(id) == nil:
		return id, refuse(kerr.UnknownTopicID, "This server does not host this topic ID.")
	}
	return id, nil
}

// createPartitions adds partitions to topics. If a topic appears twice, the response refuses that topic once, before the
// results of the others (ControllerApis.createPartitions).
func createPartitions(e env.Env, s decisionState, req *kmsg.CreatePartitionsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	var records []wire.MetadataRecord
	add := func(name string, err *apiError) {
		at := kmsg.NewCreatePartitionsResponseTopic()
		at.Topic, at.ErrorCode, at.ErrorMessage = name, err.code(), err.message()
		resp.Topics = append(resp.Topics, at)
	}
	var twice []string
	for i, rt := range req.Topics {
		again := slices.ContainsFunc(req.Topics[:i], func(o kmsg.CreatePartitionsRequestTopic) bool { return o.Topic == rt.Topic })
		if again && !slices.Contains(twice, rt.Topic) {
			twice = append(twice, rt.Topic)
			add(rt.Topic, refuse(kerr.InvalidRequest, "Duplicate topic name."))
		}
	}
	for _, rt := range req.Topics {
		if slices.Contains(twice, rt.Topic) {
			continue
		}
		placed, err := s.morePartitions(e, &rt)
		if err == nil && !req.ValidateOnly {
			t := s.TopicNamed(rt.Topic)
			records = append(records, s.partitions(t.ID, int32(len(t.Partitions)), placed)...)
		}
		add(rt.Topic, err)
	}
	return records, resp
}

func (s decisionState) morePartitions(e env.Env, rt *kmsg.CreatePartitionsRequestTopic) ([][]wire.NodeID, *apiError) {
	t := s.TopicNamed(rt.Topic)
	if t == nil {
		return nil, &apiError{err: kerr.UnknownTopicOrPartition}
	}
	have := int32(len(t.Partitions))
	more := rt.Count - have
	switch {
	case more == 0:
		return nil, refuse(kerr.InvalidPartitions, "Topic already has %d partition(s).", have)
	case more < 0:
		return nil, refuse(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", rt.Topic, have, rt.Count)
	}
	factor := len(t.Partitions[0].Replicas)
	if rt.Assignment == nil {
		return s.newPlacement(e, have, more, int16(factor))
	}
	if len(rt.Assignment) != int(more) {
		return nil, refuse(kerr.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", more, len(rt.Assignment))
	}
	var all [][]wire.NodeID
	for i, a := range rt.Assignment {
		replicas := nodeIDs(a.Replicas)
		if err := s.validAssignment(replicas, factor, have+int32(i)); err != nil {
			return nil, err
		}
		all = append(all, replicas)
	}
	return all, nil
}
