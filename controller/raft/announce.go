package raft

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Who leads, and who leads no more (KIP-595). Neither message is needed for safety; both save the time that finding out
// by a timeout would take.
//
//	BeginQuorumEpoch   version 0 KIP-595, 1 voter ids (KIP-853)            from a leader: fetch from me
//	EndQuorumEpoch     version 0 KIP-595, 1 preferred candidates (KIP-853)  from one that resigned: you first, then you

// announce tells every voter who leads, again and again: one that was away would else wait for its timeout.
func (n *Node) announce(e env.Env) {
	if n.state != Leader || len(n.peers) == 0 {
		return
	}
	for i := range n.peers {
		if p := &n.peers[i]; !p.calling {
			n.tellBegin(e, p)
		}
	}
	e.Arm(env.Timer{Kind: timBegin, Lane: env.LaneRaft}, n.cfg.FetchTimeout/2)
}

func (n *Node) tellBegin(e env.Env, p *peer) {
	req := kmsg.NewPtrBeginQuorumEpochRequest()
	req.SetVersion(1)
	req.ClusterID, req.VoterID = kmsg.StringPtr(n.cfg.ClusterID), int32(p.ID)
	rp := kmsg.NewBeginQuorumEpochRequestTopicPartition()
	rp.LeaderID, rp.LeaderEpoch = int32(n.cfg.Node), int32(n.epoch)
	rt := kmsg.NewBeginQuorumEpochRequestTopic()
	rt.Topic, rt.Partitions = wire.MetadataTopic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	n.call(e, p, tokBegin, req)
}

func (n *Node) beginTold(e env.Env, p *peer, resp *kmsg.BeginQuorumEpochResponse) bool {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	rp := &resp.Topics[0].Partitions[0]
	if !n.told(e, rp.ErrorCode, wire.Epoch(rp.LeaderEpoch), wire.NodeID(rp.LeaderID)) && rp.ErrorCode == 0 {
		p.told = true
	}
	return true // the next announcement is due anyway
}

// begun serves BeginQuorumEpoch: somebody was elected.
func (n *Node) begun(e env.Env, req *kmsg.BeginQuorumEpochRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.BeginQuorumEpochResponse)
	if resp.ErrorCode = n.misdirected(req.ClusterID, len(req.Topics)); resp.ErrorCode != 0 {
		return resp
	}
	rt := &req.Topics[0]
	if rt.Topic != wire.MetadataTopic || len(rt.Partitions) != 1 || rt.Partitions[0].Partition != 0 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	p := &rt.Partitions[0]
	leader, epoch := wire.NodeID(p.LeaderID), wire.Epoch(p.LeaderEpoch)
	err := n.fromVoter(leader, epoch)
	switch {
	case err != nil:
	case !n.observe(e, epoch, leader):
		err = kerr.UnknownServerError // Kafka's handler throws
	case req.VoterID >= 0 && wire.NodeID(req.VoterID) != n.cfg.Node:
		err = kerr.InvalidVoterKey
	}
	rp := kmsg.NewBeginQuorumEpochResponseTopicPartition()
	rp.ErrorCode, rp.LeaderID, rp.LeaderEpoch = code(err), int32(n.leader), int32(n.epoch)
	at := kmsg.NewBeginQuorumEpochResponseTopic()
	at.Topic, at.Partitions = wire.MetadataTopic, append(at.Partitions, rp)
	resp.Topics = append(resp.Topics, at)
	return resp
}

// tellEnd tells a voter that this leader resigned, and who should try first: those whose logs are longest.
func (n *Node) tellEnd(e env.Env, p *peer) {
	req := kmsg.NewPtrEndQuorumEpochRequest()
	req.SetVersion(1)
	req.ClusterID = kmsg.StringPtr(n.cfg.ClusterID)
	rp := kmsg.NewEndQuorumEpochRequestTopicPartition()
	rp.LeaderID, rp.LeaderEpoch = int32(n.cfg.Node), int32(n.epoch)
	for _, id := range n.successors() {
		rp.PreferredSuccessors = append(rp.PreferredSuccessors, int32(id))
		c := kmsg.NewEndQuorumEpochRequestTopicPartitionPreferredCandidate()
		c.CandidateID = int32(id)
		rp.PreferredCandidates = append(rp.PreferredCandidates, c)
	}
	rt := kmsg.NewEndQuorumEpochRequestTopic()
	rt.Topic, rt.Partitions = wire.MetadataTopic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	n.call(e, p, tokEnd, req)
}

// successors are the other voters, the longest log first.
func (n *Node) successors() []wire.NodeID {
	order := slices.Clone(n.peers)
	slices.SortStableFunc(order, func(a, b peer) int { return cmp.Compare(b.end, a.end) }) //total: stable, peers are ordered by id
	ids := make([]wire.NodeID, len(order))
	for i, p := range order {
		ids[i] = p.ID
	}
	return ids
}

func (n *Node) endTold(e env.Env, p *peer, resp *kmsg.EndQuorumEpochResponse) bool {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	rp := &resp.Topics[0].Partitions[0]
	if n.told(e, rp.ErrorCode, wire.Epoch(rp.LeaderEpoch), wire.NodeID(rp.LeaderID)) || rp.ErrorCode != 0 {
		return true
	}
	p.told = true
	if n.stopping && !slices.ContainsFunc(n.peers, func(p peer) bool { return !p.told }) {
		n.dead = true
	}
	return true
}

// ended serves EndQuorumEpoch: the leader gives up. Its favourite campaigns at once, the others later, each twice as
// late as the one before it, so that they do not split the vote (KIP-595).
func (n *Node) ended(e env.Env, req *kmsg.EndQuorumEpochRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.EndQuorumEpochResponse)
	if resp.ErrorCode = n.misdirected(req.ClusterID, len(req.Topics)); resp.ErrorCode != 0 {
		return resp
	}
	rt := &req.Topics[0]
	if rt.Topic != wire.MetadataTopic || len(rt.Partitions) != 1 || rt.Partitions[0].Partition != 0 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	p := &rt.Partitions[0]
	leader, epoch := wire.NodeID(p.LeaderID), wire.Epoch(p.LeaderEpoch)
	err := n.fromVoter(leader, epoch)
	if err == nil && !n.observe(e, epoch, leader) {
		err = kerr.UnknownServerError
	}
	if err == nil && n.state == Follower && n.leader == leader {
		favourites := p.PreferredSuccessors
		for _, c := range p.PreferredCandidates {
			favourites = append(favourites[:len(favourites):len(favourites)], c.CandidateID)
		}
		if len(p.PreferredCandidates) > 0 {
			favourites = favourites[len(p.PreferredSuccessors):]
		}
		wait := n.successionWait(slices.Index(favourites, int32(n.cfg.Node)), len(favourites))
		n.deadline = e.Now().Add(wait)
		e.Arm(env.Timer{Kind: timState, Lane: env.LaneRaft}, wait)
	}
	rp := kmsg.NewEndQuorumEpochResponseTopicPartition()
	rp.ErrorCode, rp.LeaderID, rp.LeaderEpoch = code(err), int32(n.leader), int32(n.epoch)
	at := kmsg.NewEndQuorumEpochResponseTopic()
	at.Topic, at.Partitions = wire.MetadataTopic, append(at.Partitions, rp)
	resp.Topics = append(resp.Topics, at)
	return resp
}

// successionWait is how long the i-th of n successors waits (strictExponentialElectionBackoffMs).
func (n *Node) successionWait(i, of int) env.Duration {
	switch {
	case i == 0:
		return 0
	case i < 0:
		return n.cfg.BackoffMax
	}
	return min(n.cfg.BackoffMax, n.cfg.BackoffMax>>min(of-1, 20)<<min(i-1, 20))
}

// Resign gives leadership up in an epoch, if it is this node's: the machine on top cannot go on.
func (n *Node) Resign(e env.Env, epoch wire.Epoch) {
	if n.state == Leader && n.epoch == epoch {
		n.becomeResigned(e)
	}
}
