package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// register takes a broker's incarnation in (ClusterControlManager.registerBroker). A new incarnation gets the offset
// of its registration record as broker epoch and starts fenced. While the old one's session lives it is refused: there
// may be two processes with one id.
func (c *Controller) register(e env.Env, t env.Ticket, req *kmsg.BrokerRegistrationRequest) {
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	resp.BrokerEpoch = -1
	id := wire.NodeID(req.BrokerID)
	old := c.image.Broker(id)
	if old != nil && old.Incarnation == wire.UUID(req.IncarnationID) { // its first answer was lost
		resp.BrokerEpoch = int64(old.Epoch)
		e.Reply(t, resp)
		return
	}
	if old != nil && !old.ShuttingDown && c.inSession(e, id) {
		resp.ErrorCode = kerr.DuplicateBrokerRegistration.Code
		e.Reply(t, resp)
		return
	}
	var records []wire.MetadataRecord
	if old != nil {
		records = c.cluster().leave(id)
	}
	epoch := wire.BrokerEpoch(c.log.End()) + wire.BrokerEpoch(len(records))
	r := &wire.RegisterBrokerRecord{
		Version: 3, BrokerID: id, IncarnationID: wire.UUID(req.IncarnationID), BrokerEpoch: epoch, Rack: req.Rack, Fenced: true,
	}
	for _, l := range req.Listeners {
		r.EndPoints = append(r.EndPoints, wire.EndPoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, wire.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	for _, dir := range req.LogDirs {
		r.LogDirs = append(r.LogDirs, dir)
	}
	if !c.write(e, append(records, r)) {
		return
	}
	c.heard(e, id)
	resp.BrokerEpoch = int64(epoch)
	e.Reply(t, resp)
}

// inSession tells whether a broker was heard of within its session timeout, fenced or not.
func (c *Controller) inSession(e env.Env, id wire.NodeID) bool {
	s, ok := c.sessions[id]
	return ok && e.Now().Sub(s.seen) < c.cfg.SessionTimeout
}

// heartbeat keeps a session alive and moves the broker through its life (BrokerHeartbeatManager.calculateNextBrokerState):
//
//	FENCED ──wants in and has read its own registration──▶ UNFENCED ──wants out──▶ CONTROLLED_SHUTDOWN ──▶ SHUTDOWN_NOW
//	   ▲────────────── session over, or wants a fence ────────┘                     leads nothing, and all brokers know
func (c *Controller) heartbeat(e env.Env, t env.Ticket, req *kmsg.BrokerHeartbeatRequest) {
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	id := wire.NodeID(req.BrokerID)
	b := c.image.Broker(id)
	switch {
	case b == nil:
		resp.ErrorCode = kerr.BrokerIDNotRegistered.Code
	case b.Epoch != wire.BrokerEpoch(req.BrokerEpoch):
		resp.ErrorCode = kerr.StaleBrokerEpoch.Code
	default:
		c.heard(e, id)
		if !c.move(e, b, req) {
			return
		}
		b = c.image.Broker(id)
		resp.IsCaughtUp = wire.Offset(req.CurrentMetadataOffset)+1 >= wire.Offset(b.Epoch)
		resp.IsFenced = b.Fenced
		resp.ShouldShutdown = req.WantShutdown && (b.Fenced || b.ShuttingDown && !c.leads(id))
	}
	e.Reply(t, resp)
}

// move writes what a heartbeat changes; false if the log failed.
func (c *Controller) move(e env.Env, b *image.Broker, req *kmsg.BrokerHeartbeatRequest) bool {
	switch {
	case b.Fenced && !req.WantFence && !req.WantShutdown && req.CurrentMetadataOffset >= int64(b.Epoch):
		return c.write(e, c.cluster().unfence(b))
	case !b.Fenced && req.WantFence:
		return c.write(e, c.cluster().fence(b))
	case !b.Fenced && !b.ShuttingDown && req.WantShutdown:
		records := []wire.MetadataRecord{&wire.BrokerRegistrationChangeRecord{Version: 1, BrokerID: b.ID, BrokerEpoch: b.Epoch, InControlledShutdown: 1}}
		return c.write(e, append(records, c.cluster().leave(b.ID)...))
	}
	return true
}

// leads tells whether a broker leads anything.
func (c *Controller) leads(id wire.NodeID) bool {
	for _, t := range c.image.Topics() {
		for _, p := range t.Partitions {
			if p.Leader == id {
				return true
			}
		}
	}
	return false
}

// alterPartition lets a leader change the ISR, one compare-and-set per partition.
func (c *Controller) alterPartition(e env.Env, t env.Ticket, req *kmsg.AlterPartitionRequest) {
	resp := req.ResponseKind().(*kmsg.AlterPartitionResponse)
	sender := c.image.Broker(wire.NodeID(req.BrokerID))
	if sender == nil || sender.Epoch != wire.BrokerEpoch(req.BrokerEpoch) {
		resp.ErrorCode = kerr.StaleBrokerEpoch.Code
		e.Reply(t, resp)
		return
	}
	var records []wire.MetadataRecord
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			if c.mayAlter(sender.ID, wire.TopicID(rt.TopicID), &rp) == nil {
				records = append(records, c.alteration(wire.TopicID(rt.TopicID), &rp)...)
			}
		}
	}
	// The answers are computed before the write changes what they are judged by, the states after it.
	for _, rt := range req.Topics {
		at := kmsg.NewAlterPartitionResponseTopic()
		at.TopidID = rt.TopicID
		for _, rp := range rt.Partitions {
			ap := kmsg.NewAlterPartitionResponseTopicPartition()
			ap.Partition = rp.Partition
			if err := c.mayAlter(sender.ID, wire.TopicID(rt.TopicID), &rp); err != nil {
				ap.ErrorCode = err.Code
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	if !c.write(e, records) {
		return
	}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if ap := &resp.Topics[i].Partitions[j]; ap.ErrorCode == 0 {
				p := c.image.Partition(wire.TopicID(resp.Topics[i].TopidID), ap.Partition)
				ap.LeaderID, ap.LeaderEpoch, ap.PartitionEpoch = int32(p.Leader), int32(p.Epoch), int32(p.Version)
				ap.LeaderRecoveryState = int8(p.Recovery)
				for _, id := range p.ISR {
					ap.ISR = append(ap.ISR, int32(id))
				}
			}
		}
	}
	e.Reply(t, resp)
}

// alteration is the record of an accepted ISR change; none if nothing changes.
func (c *Controller) alteration(topic wire.TopicID, rp *kmsg.AlterPartitionRequestTopicPartition) []wire.MetadataRecord {
	p := c.image.Partition(topic, rp.Partition)
	r := wire.NewPartitionChange(topic, rp.Partition)
	var isr []wire.NodeID
	for _, id := range p.Replicas { // kept in the order of the replicas
		if slices.ContainsFunc(rp.NewEpochISR, func(n kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool { return wire.NodeID(n.BrokerID) == id }) {
			isr = append(isr, id)
		}
	}
	if !slices.Equal(isr, p.ISR) {
		r.ISR = isr
	}
	if state := wire.LeaderRecoveryState(rp.LeaderRecoveryState); state != p.Recovery {
		r.LeaderRecoveryState = state
	}
	if r.ISR == nil && r.LeaderRecoveryState == wire.RecoveryUnchanged {
		return nil
	}
	return []wire.MetadataRecord{r}
}

// mayAlter checks a change in Kafka's order (ReplicationControlManager.validateAlterPartitionData): first whether the
// partition is the one meant, then who is behind (a sender that knows more than we do is told NOT_CONTROLLER: we are the
// stale one), then whether the sender leads, then the change itself, then the members.
func (c *Controller) mayAlter(sender wire.NodeID, topic wire.TopicID, rp *kmsg.AlterPartitionRequestTopicPartition) *kerr.Error {
	p := c.image.Partition(topic, rp.Partition)
	if c.image.Topic(topic) == nil {
		return kerr.UnknownTopicID
	}
	if p == nil {
		return kerr.UnknownTopicOrPartition
	}
	epoch, version := wire.Epoch(rp.LeaderEpoch), wire.PartitionEpoch(rp.PartitionEpoch)
	switch {
	case epoch > p.Epoch || version > p.Version:
		return kerr.NotController
	case epoch < p.Epoch:
		return kerr.FencedLeaderEpoch
	case sender != p.Leader:
		return kerr.InvalidRequest
	case version < p.Version:
		return kerr.InvalidUpdateVersion
	}
	leads := false
	for _, n := range rp.NewEpochISR {
		leads = leads || wire.NodeID(n.BrokerID) == p.Leader
		if !p.HasReplica(wire.NodeID(n.BrokerID)) {
			return kerr.InvalidRequest
		}
	}
	state := wire.LeaderRecoveryState(rp.LeaderRecoveryState)
	switch {
	case !leads:
		return kerr.InvalidRequest
	case state == wire.Recovering && len(rp.NewEpochISR) > 1:
		return kerr.InvalidRequest
	case state == wire.Recovering && p.Recovery == wire.Recovered:
		return kerr.InvalidRequest
	}
	for _, n := range rp.NewEpochISR {
		b := c.image.Broker(wire.NodeID(n.BrokerID))
		if b == nil || !b.Active() || n.BrokerEpoch != -1 && wire.BrokerEpoch(n.BrokerEpoch) != b.Epoch {
			return kerr.IneligibleReplica
		}
	}
	return nil
}

// createTopics makes topics, each on its own.
func (c *Controller) createTopics(e env.Env, t env.Ticket, req *kmsg.CreateTopicsRequest) {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for _, rt := range req.Topics {
		at := kmsg.NewCreateTopicsResponseTopic()
		at.Topic = rt.Topic
		records, err := c.newTopic(e, &rt)
		switch {
		case err != nil:
			at.ErrorCode = err.Code
		case !req.ValidateOnly:
			if !c.write(e, records) {
				return
			}
			id := records[0].(*wire.TopicRecord).TopicID
			at.TopicID, at.NumPartitions, at.ReplicationFactor = id, rt.NumPartitions, rt.ReplicationFactor
			e.Note(noteTopic, id.Short(), int64(rt.NumPartitions), int64(rt.ReplicationFactor), 0)
		}
		resp.Topics = append(resp.Topics, at)
	}
	e.Reply(t, resp)
}

// newTopic checks a wanted topic and makes its records.
func (c *Controller) newTopic(e env.Env, rt *kmsg.CreateTopicsRequestTopic) ([]wire.MetadataRecord, *kerr.Error) {
	var usable []wire.NodeID // active ones first, so that they lead
	for _, active := range []bool{true, false} {
		for _, b := range c.image.Brokers() {
			if b.Active() == active && !b.ShuttingDown {
				usable = append(usable, b.ID)
			}
		}
	}
	switch {
	case c.image.TopicNamed(rt.Topic) != nil:
		return nil, kerr.TopicAlreadyExists
	case rt.Topic == "":
		return nil, kerr.InvalidTopicException
	case len(rt.ReplicaAssignment) > 0:
		return c.assigned(e, rt)
	case rt.NumPartitions < 1:
		return nil, kerr.InvalidPartitions
	case rt.ReplicationFactor < 1 || int(rt.ReplicationFactor) > len(usable) || !c.cluster().active(usable[0]):
		return nil, kerr.InvalidReplicationFactor
	}
	return c.topicRecords(e, rt, place(usable, rt.NumPartitions, rt.ReplicationFactor))
}

// assigned is a topic whose replicas the request places itself.
func (c *Controller) assigned(e env.Env, rt *kmsg.CreateTopicsRequestTopic) ([]wire.MetadataRecord, *kerr.Error) {
	all := make([][]wire.NodeID, len(rt.ReplicaAssignment))
	for _, a := range rt.ReplicaAssignment {
		if a.Partition < 0 || int(a.Partition) >= len(all) || all[a.Partition] != nil || len(a.Replicas) == 0 {
			return nil, kerr.InvalidReplicaAssignment
		}
		for _, id := range a.Replicas {
			if c.image.Broker(wire.NodeID(id)) == nil || slices.Contains(all[a.Partition], wire.NodeID(id)) {
				return nil, kerr.InvalidReplicaAssignment
			}
			all[a.Partition] = append(all[a.Partition], wire.NodeID(id))
		}
	}
	rt.NumPartitions, rt.ReplicationFactor = int32(len(all)), int16(len(all[0]))
	return c.topicRecords(e, rt, all)
}

// topicRecords is a placed topic: itself, its configs, its partitions. The first active replica leads.
func (c *Controller) topicRecords(e env.Env, rt *kmsg.CreateTopicsRequestTopic, placed [][]wire.NodeID) ([]wire.MetadataRecord, *kerr.Error) {
	id := c.newID(e)
	records := []wire.MetadataRecord{&wire.TopicRecord{Name: rt.Topic, TopicID: id}}
	for _, cfg := range rt.Configs {
		records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: rt.Topic, Name: cfg.Name, Value: cfg.Value})
	}
	for i, replicas := range placed {
		isr := slices.DeleteFunc(slices.Clone(replicas), func(n wire.NodeID) bool { return !c.cluster().active(n) })
		if len(isr) == 0 {
			return nil, kerr.InvalidReplicationFactor
		}
		records = append(records, &wire.PartitionRecord{
			TopicID: id, PartitionID: int32(i), Replicas: replicas, ISR: isr, Leader: isr[0],
		})
	}
	return records, nil
}

// newID is a topic id that no other topic has: half of it is drawn, the other half is the place in the log.
func (c *Controller) newID(e env.Env) (id wire.TopicID) {
	drawn, at := e.Choose("controller.topic-id", 1<<62), uint64(c.log.End())
	for i := range 8 {
		id[i], id[8+i] = byte(drawn>>(56-8*i)), byte(at>>(56-8*i))
	}
	return id
}

// alterConfigs sets and deletes configs, and elects leaders that the new configs allow.
func (c *Controller) alterConfigs(e env.Env, t env.Ticket, req *kmsg.IncrementalAlterConfigsRequest) {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for _, r := range req.Resources {
		ar := kmsg.NewIncrementalAlterConfigsResponseResource()
		ar.ResourceType, ar.ResourceName = r.ResourceType, r.ResourceName
		topic := c.image.TopicNamed(r.ResourceName)
		var records []wire.MetadataRecord
		for _, cfg := range r.Configs {
			rec := &wire.ConfigRecord{ResourceType: wire.ConfigResource(r.ResourceType), ResourceName: r.ResourceName, Name: cfg.Name}
			if cfg.Op == kmsg.IncrementalAlterConfigOpSet {
				rec.Value = cfg.Value
			}
			records = append(records, rec)
		}
		switch {
		case r.ResourceType == kmsg.ConfigResourceTypeTopic && topic == nil:
			ar.ErrorCode = kerr.UnknownTopicOrPartition.Code
		case !c.write(e, records):
			return
		case topic != nil && !c.write(e, c.cluster().reelect(topic)):
			return
		}
		resp.Resources = append(resp.Resources, ar)
	}
	e.Reply(t, resp)
}
