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
	for _, rt := range req.Topics {
		at := kmsg.NewDescribeQuorumResponseTopic()
		at.Topic = rt.Topic
		for _, p := range rt.Partitions {
			rp := kmsg.NewDescribeQuorumResponseTopicPartition()
			rp.Partition = p.Partition
			switch {
			case rt.Topic != wire.MetadataTopic || p.Partition != 0:
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case r.state != Leader:
				rp.ErrorCode = kerr.NotLeaderForPartition.Code
			default:
				r.describeTo(e, &rp)
			}
			at.Partitions = append(at.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return resp
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
