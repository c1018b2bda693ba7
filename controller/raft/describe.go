package raft

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// handleDescribeQuorumRequest answers where the logs of all voters and observers end (KIP-836). Only the leader knows.
func (n *Node) handleDescribeQuorumRequest(e env.Env, req *kmsg.DescribeQuorumRequest) env.Response {
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
			case n.state != Leader:
				rp.ErrorCode = kerr.NotLeaderForPartition.Code
			default:
				n.describeTo(e, &rp)
			}
			at.Partitions = append(at.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return resp
}

func (n *Node) describeTo(e env.Env, rp *kmsg.DescribeQuorumResponseTopicPartition) {
	rp.LeaderID, rp.LeaderEpoch, rp.HighWatermark = int32(n.leader), int32(n.epoch), int64(n.exposed)
	state := func(r replica) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		s := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		s.ReplicaID, s.LogEndOffset = int32(r.id), int64(r.end)
		s.LastFetchTimestamp, s.LastCaughtUpTimestamp = -1, -1
		if r.end >= 0 {
			s.LastFetchTimestamp = r.fetched.Millis()
		}
		if r.caughtUp > 0 {
			s.LastCaughtUpTimestamp = r.caughtUp.Millis()
		}
		return s
	}
	now := e.Wall()
	for _, v := range n.Voters() {
		r := replica{id: v.ID, end: n.log.End(), fetched: now, caughtUp: now}
		if p := n.peer(v.ID); p != nil {
			r = p.replica
		}
		rp.CurrentVoters = append(rp.CurrentVoters, state(r))
	}
	for _, r := range n.observers {
		rp.Observers = append(rp.Observers, state(r))
	}
}
