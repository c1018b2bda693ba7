package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// KIP-497 added AlterPartition. Version 1 adds the leader recovery state (KIP-704), version 2 replaces topic names with
// topic ids (KIP-516), and version 3 adds the broker epoch of each ISR member (KIP-903).

// alterPartition changes the ISR as the leader proposes, with one compare-and-set per partition. The sender must be the
// registered incarnation of its broker, because a replaced incarnation may still act as leader (KIP-631).
func alterPartition(s decisionState, req *kmsg.AlterPartitionRequest) ([]wire.MetadataRecord, env.Response) {
	sender := s.Broker(wire.NodeID(req.BrokerID))
	if sender == nil || sender.Epoch != wire.BrokerEpoch(req.BrokerEpoch) {
		return nil, refusal(req, kerr.StaleBrokerEpoch)
	}
	resp := req.ResponseKind().(*kmsg.AlterPartitionResponse)
	var records []wire.MetadataRecord
	var done []*image.Partition
	for _, rt := range req.Topics {
		at := kmsg.NewAlterPartitionResponseTopic()
		at.TopidID = rt.TopicID
		for i := range rt.Partitions {
			rp := &rt.Partitions[i]
			ap := kmsg.NewAlterPartitionResponseTopicPartition()
			ap.Partition = rp.Partition
			t := s.Topic(rt.TopicID)
			p := s.Partition(rt.TopicID, rp.Partition)
			err := s.validateAlterPartition(sender.ID, t, p, rp)
			if err == nil && slices.Contains(done, p) {
				err = kerr.InvalidRequest // the partition is in the request twice
			}
			if err == nil {
				done = append(done, p)
				r := s.isrChange(t, p, rp)
				now := *p
				if r != nil {
					records = append(records, r)
					now = p.After(r)
				}
				// Kafka answers NEW_LEADER_ELECTED if the change completes a reassignment and so elects another leader
				// (KIP-841). Reassignment is not modelled.
				setPartitionState(&ap, &now)
			}
			ap.ErrorCode = codeOf(err)
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

// setPartitionState copies a partition's state into a response.
func setPartitionState(ap *kmsg.AlterPartitionResponseTopicPartition, p *image.Partition) {
	ap.LeaderID, ap.LeaderEpoch, ap.PartitionEpoch = int32(p.Leader), int32(p.LeaderEpoch), int32(p.PartitionEpoch)
	ap.LeaderRecoveryState = int8(p.Recovery)
	for _, id := range p.ISR {
		ap.ISR = append(ap.ISR, int32(id))
	}
}

// isrChange returns the record of an accepted ISR change, or nil if nothing changes.
func (s decisionState) isrChange(t *image.Topic, p *image.Partition, rp *kmsg.AlterPartitionRequestTopicPartition) *wire.PartitionChangeRecord {
	change := s.newChange(t, p)
	change.isr = nil
	for _, id := range p.Replicas { // in the order of Replicas
		if slices.ContainsFunc(rp.NewEpochISR, func(n kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool { return wire.NodeID(n.BrokerID) == id }) {
			change.isr = append(change.isr, id)
		}
	}
	change.recovery = wire.LeaderRecoveryState(rp.LeaderRecoveryState)
	return change.build()
}

// validateAlterPartition checks a proposed change in Kafka's order
// (ReplicationControlManager.validateAlterPartitionData): first the epochs, then the proposed ISR, and last whether the
// ISR members are active.
func (s decisionState) validateAlterPartition(sender wire.NodeID, t *image.Topic, p *image.Partition, rp *kmsg.AlterPartitionRequestTopicPartition) *kerr.Error {
	switch {
	case t == nil:
		return kerr.UnknownTopicID
	case p == nil:
		return kerr.UnknownTopicOrPartition
	}
	epoch, version, state := wire.Epoch(rp.LeaderEpoch), wire.PartitionEpoch(rp.PartitionEpoch), wire.LeaderRecoveryState(rp.LeaderRecoveryState)
	switch {
	case epoch > p.LeaderEpoch || version > p.PartitionEpoch:
		// The leader has newer metadata than this controller, so a newer controller exists. NOT_CONTROLLER makes the
		// leader look for that newer controller. After INVALID_UPDATE_VERSION the leader would wait for metadata that it
		// already has (KAFKA-14154).
		return kerr.NotController
	case epoch < p.LeaderEpoch:
		return kerr.FencedLeaderEpoch
	case sender != p.Leader:
		return kerr.InvalidRequest
	// The proposal is based on an older partition epoch. For example, the controller has since fenced one of the proposed
	// members.
	case s.rules.Outdated(version, p.PartitionEpoch):
		return kerr.InvalidUpdateVersion
	}
	leads, members := false, []int32{}
	for _, n := range rp.NewEpochISR {
		leads = leads || wire.NodeID(n.BrokerID) == p.Leader
		if !p.HasReplica(wire.NodeID(n.BrokerID)) || slices.Contains(members, n.BrokerID) {
			return kerr.InvalidRequest
		}
		members = append(members, n.BrokerID)
	}
	switch {
	case !leads:
		return kerr.InvalidRequest
	case state != wire.Recovered && state != wire.Recovering:
		return kerr.InvalidRequest
	// A leader that is recovering from an unclean election must not add members, and a leader that has RECOVERED must
	// not go back to RECOVERING (KIP-704).
	case state == wire.Recovering && (len(rp.NewEpochISR) > 1 || p.Recovery == wire.Recovered):
		return kerr.InvalidRequest
	}
	for _, n := range rp.NewEpochISR {
		b := s.Broker(wire.NodeID(n.BrokerID))
		if b == nil || !s.rules.MayJoinISR(b) || !sameIncarnation(s, b, n.BrokerEpoch) {
			return kerr.IneligibleReplica // Checked last, because the leader can retry with other members (KIP-841).
		}
	}
	return nil
}

// electLeaders handles an operator's ElectLeaders request, for preferred or unclean elections. A request without topics
// is for all partitions; its response omits the partitions that need no election, but not their topics.
func electLeaders(s decisionState, req *kmsg.ElectLeadersRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.ElectLeadersResponse)
	asked := req.Topics
	if asked == nil {
		for _, t := range s.Topics() {
			rt := kmsg.NewElectLeadersRequestTopic()
			rt.Topic = t.Name
			for _, p := range t.Partitions {
				rt.Partitions = append(rt.Partitions, p.Partition)
			}
			asked = append(asked, rt)
		}
	}
	var refused *apiError
	if req.ElectionType != 0 && req.ElectionType != 1 {
		refused = refuse(kerr.InvalidRequest, "Unknown election type %d", req.ElectionType)
		resp.ErrorCode, asked = refused.code(), req.Topics
	}
	var records []wire.MetadataRecord
	for _, rt := range asked {
		at := kmsg.NewElectLeadersResponseTopic()
		at.Topic = rt.Topic
		for _, partition := range rt.Partitions {
			err := refused
			if refused == nil {
				var r *wire.PartitionChangeRecord
				if r, err = s.electLeader(rt.Topic, partition, req.ElectionType == 1); r != nil {
					records = append(records, r)
				}
			}
			if req.Topics == nil && err != nil && err.err == kerr.ElectionNotNeeded {
				continue
			}
			ap := kmsg.NewElectLeadersResponseTopicPartition()
			ap.Partition, ap.ErrorCode, ap.ErrorMessage = partition, err.code(), err.message()
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return records, resp
}

// electLeader elects the leader of one partition for ElectLeaders (ReplicationControlManager.electLeader, KIP-460). An
// unclean election ignores the topic's config and may lose records, so it never replaces an existing leader.
func (s decisionState) electLeader(topic string, partition int32, dirty bool) (*wire.PartitionChangeRecord, *apiError) {
	t := s.TopicNamed(topic)
	if t == nil {
		return nil, refuse(kerr.UnknownTopicOrPartition, "No such topic as %s", topic)
	}
	p := s.Partition(t.ID, partition)
	switch {
	case p == nil:
		return nil, refuse(kerr.UnknownTopicOrPartition, "No such partition as %s-%d", topic, partition)
	case dirty && p.Leader != wire.NoNode, !dirty && p.Leader == p.Replicas[0]:
		return nil, refuse(kerr.ElectionNotNeeded, "Leader election not needed for topic partition.")
	}
	change := s.newChange(t, p)
	change.election = preferred
	if dirty {
		change.election = unclean
	}
	r := change.build()
	switch {
	case r != nil && r.Leader != wire.LeaderUnchanged:
		return r, nil
	case dirty:
		return nil, refuse(kerr.EligibleLeadersNotAvailable, "Eligible topic partition leaders are not available.")
	}
	return nil, refuse(kerr.PreferredLeaderNotAvailable, "The preferred leader was not available.")
}

// sameIncarnation reports whether a proposed ISR member is the registered incarnation of its broker.
func sameIncarnation(s decisionState, b *image.Broker, claimed int64) bool {
	return s.rules.SameIncarnation(wire.BrokerEpoch(claimed), b.Epoch)
}
