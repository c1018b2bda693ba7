package raft

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// handleDescribeQuorumRequest returns the log ends of all voters and observers (KIP-836). Only the leader knows them.
func (r *Replica) handleDescribeQuorumRequest(e env.Env, req *kmsg.DescribeQuorumRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.DescribeQuorumResponse)
	resp.ErrorMessage = kmsg.StringPtr("") // the default of the field, which is not null
	valid := len(req.Topics) == 1 && req.Topics[0].Topic == wire.MetadataTopic && len(req.Topics[0].Partitions) == 1 && req.Topics[0].Partitions[0].Partition == 0
	for _, rt := range req.Topics {
		at := kmsg.NewDescribeQuorumResponseTopic()
		at.Topic = rt.Topic
		for _, p := range rt.Partitions {
			rp := kmsg.NewDescribeQuorumResponseTopicPartition()
			rp.Partition, rp.ErrorMessage = p.Partition, kmsg.StringPtr("")
			switch {
			case !valid: // a request is for the one partition of the metadata log, or refused as a whole
				rp.ErrorCode, rp.ErrorMessage = kerr.UnknownTopicOrPartition.Code, kmsg.StringPtr("This server does not host this topic-partition.")
			case r.state != Leader:
				rp.ErrorCode = kerr.NotLeaderForPartition.Code
			default:
				r.describeTo(e, &rp)
				resp.Nodes = describeNodes(r.Voters())
			}
			at.Partitions = append(at.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return resp
}

// describeNodes returns the addresses of the voters, which responses have since version 2 (KIP-853).
func describeNodes(voters []Voter) (all []kmsg.DescribeQuorumResponseNode) {
	for _, v := range voters {
		n, l := kmsg.NewDescribeQuorumResponseNode(), kmsg.NewDescribeQuorumResponseNodeListener()
		l.Name, l.Host, l.Port = "CONTROLLER", string(v.Addr), ControllerPort
		n.NodeID, n.Listeners = int32(v.ID), append(n.Listeners, l)
		all = append(all, n)
	}
	return all
}

func (r *Replica) describeTo(e env.Env, rp *kmsg.DescribeQuorumResponseTopicPartition) {
	rp.LeaderID, rp.LeaderEpoch, rp.HighWatermark = int32(r.leader), int32(r.epoch), int64(r.exposed)
	state := func(s replicaState) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		rs := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		rs.ReplicaID, rs.LogEndOffset = int32(s.id), int64(s.end)
		rs.LastFetchTimestamp, rs.LastCaughtUpTimestamp = -1, -1
		if s.end >= 0 {
			rs.LastFetchTimestamp = s.fetched.Millis()
		}
		if s.caughtUp > 0 {
			rs.LastCaughtUpTimestamp = s.caughtUp.Millis()
		}
		return rs
	}
	now := e.Wall()
	for _, v := range r.Voters() {
		s := replicaState{id: v.ID, end: r.log.End(), fetched: now, caughtUp: now}
		if p := r.peer(v.ID); p != nil {
			s = p.replicaState
		}
		rp.CurrentVoters = append(rp.CurrentVoters, state(s))
	}
	for _, s := range r.observers {
		rp.Observers = append(rp.Observers, state(s))
	}
}
