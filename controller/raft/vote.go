package raft

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Vote: version 0 KIP-595, version 1 voter ids (KIP-853), version 2 the pre-vote flag (KIP-996).

// The codes that quorum messages carry, as numbers: they are compared with what came off a wire.
var (
	fencedEpoch  = kerr.FencedLeaderEpoch.Code
	unknownEpoch = kerr.UnknownLeaderEpoch.Code
	notLeader    = kerr.NotLeaderForPartition.Code
)

// lastEpoch is the epoch of the log's last record, 0 in an empty log.
func (n *Node) lastEpoch() wire.Epoch { return max(n.log.Epochs().Latest(), 0) }

// upToDate tells whether a log that ends like this has everything that this node's log may have committed: a later last
// epoch wins, and in one epoch the longer log (KIP-595, Raft 5.4.1). Length alone would elect who was cut off longest and
// wrote most to itself.
func (n *Node) upToDate(epoch wire.Epoch, end wire.Offset) bool {
	mine := n.lastEpoch()
	return epoch > mine || epoch == mine && end >= n.log.End()
}

// grants decides on a vote in the current epoch (EpochState.canGrantVote of each state; KIP-595, pre-votes KIP-996). A vote
// is a promise and is given once; a pre-vote is an opinion, and a follower's is no while it hears its leader: whoever asks is
// alone in missing it.
//
//	             pre-vote                                     vote
//	Unattached   log                                          to whom it already went; else log, if the epoch has no leader
//	Prospective  log                                          likewise
//	Candidate    log                                          no: it has voted for itself
//	Follower     log, if the leader has not yet answered it   no, the epoch has a leader; but to whom it already went
//	Leader       no                                           no
//	Resigned     log                                          no
func (n *Node) grants(candidate wire.NodeID, upToDate, preVote bool) bool {
	switch {
	case n.state == Leader:
		return false
	case preVote && n.state == Follower:
		return upToDate && !n.heard
	case preVote:
		return upToDate
	case n.state == Candidate || n.state == Resigned:
		return false
	case n.voted != wire.NoNode:
		return n.voted == candidate
	case n.leader != wire.NoNode:
		return false
	}
	return upToDate
}

// vote serves a Vote request.
func (n *Node) vote(e env.Env, req *kmsg.VoteRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.VoteResponse)
	if resp.ErrorCode = n.misdirected(req.ClusterID, len(req.Topics)); resp.ErrorCode != 0 {
		return resp
	}
	rt := &req.Topics[0]
	if rt.Topic != wire.MetadataTopic || len(rt.Partitions) != 1 || rt.Partitions[0].Partition != 0 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	granted, err := n.decide(e, req.VoterID, &rt.Partitions[0])
	rp := kmsg.NewVoteResponseTopicPartition()
	rp.ErrorCode, rp.VoteGranted = code(err), granted
	rp.LeaderID, rp.LeaderEpoch = int32(n.leader), int32(n.epoch)
	at := kmsg.NewVoteResponseTopic()
	at.Topic, at.Partitions = wire.MetadataTopic, append(at.Partitions, rp)
	resp.Topics = append(resp.Topics, at)
	return resp
}

// decide checks a vote request in Kafka's order and votes.
func (n *Node) decide(e env.Env, voter int32, p *kmsg.VoteRequestTopicPartition) (bool, *kerr.Error) {
	candidate, epoch := wire.NodeID(p.CandidateID), wire.Epoch(p.CandidateEpoch)
	lastEpoch, end := wire.Epoch(p.LastOffsetEpoch), wire.Offset(p.LastOffset)
	if end < 0 || lastEpoch < 0 || lastEpoch > epoch || lastEpoch == epoch && !p.PreVote {
		return false, kerr.InvalidRequest // nobody has records of an epoch that is not decided yet
	}
	if err := n.fromVoter(candidate, epoch); err != nil {
		return false, err
	}
	if epoch > n.epoch {
		n.becomeUnattached(e, epoch)
	}
	if voter >= 0 && wire.NodeID(voter) != n.cfg.Node {
		return false, kerr.InvalidVoterKey
	}
	if n.dead || !n.grants(candidate, n.upToDate(lastEpoch, end), p.PreVote) {
		return false, nil
	}
	if !p.PreVote && n.voted == wire.NoNode {
		n.cast(e, candidate)
	}
	return !n.dead, nil
}

// cast gives the epoch's one vote away, durably: a voter that forgets it in a power loss votes twice, and an epoch has two
// leaders (KIP-595). Whoever voted waits anew: the candidate has as good a log as any.
func (n *Node) cast(e env.Env, candidate wire.NodeID) {
	n.voted = candidate
	if n.state == Unattached {
		n.enter(e, Unattached, n.electionTimeout(e))
	} else {
		n.remember(e) // a Prospective keeps asking: its epoch is the same
	}
	e.Note(noteVoted, int64(n.cfg.Node), int64(n.epoch), int64(candidate), 0)
}

// misdirected is the error of a request for another quorum.
func (n *Node) misdirected(cluster *string, topics int) int16 {
	switch {
	case cluster != nil && *cluster != n.cfg.ClusterID:
		return kerr.InconsistentClusterID.Code
	case topics != 1:
		return kerr.InvalidRequest.Code
	}
	return 0
}

// fromVoter checks who asks, and in which epoch (validateVoterOnlyRequest).
func (n *Node) fromVoter(id wire.NodeID, epoch wire.Epoch) *kerr.Error {
	switch {
	case epoch < n.epoch:
		return kerr.FencedLeaderEpoch
	case id < 0:
		return kerr.InvalidRequest
	}
	return nil
}

func code(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}

// collect begins to gather votes, with the node's own.
func (n *Node) collect(e env.Env) {
	if n.dead {
		return
	}
	n.granted = append(n.granted, n.cfg.Node)
	if n.won(e) {
		return
	}
	n.speakToAll(e)
}

// won moves on if a majority has granted.
func (n *Node) won(e env.Env) bool {
	if len(n.granted) < n.majority() {
		return false
	}
	if n.state == Prospective {
		n.becomeCandidate(e, n.epoch+1)
	} else {
		n.lead(e)
	}
	return true
}

// lost tells whether a majority can no longer be had.
func (n *Node) lost() bool { return len(n.cfg.Voters)-len(n.rejected) < n.majority() }

// settled tells whether a voter has given its answer.
func (n *Node) settled(id wire.NodeID) bool {
	return slices.Contains(n.granted, id) || slices.Contains(n.rejected, id)
}

func (n *Node) askVote(e env.Env, p *peer) {
	req := kmsg.NewPtrVoteRequest()
	req.SetVersion(2)
	req.ClusterID, req.VoterID = kmsg.StringPtr(n.cfg.ClusterID), int32(p.ID)
	rp := kmsg.NewVoteRequestTopicPartition()
	rp.CandidateID, rp.CandidateEpoch = int32(n.cfg.Node), int32(n.epoch)
	rp.LastOffsetEpoch, rp.LastOffset = int32(n.lastEpoch()), int64(n.log.End())
	rp.PreVote = n.state == Prospective
	rt := kmsg.NewVoteRequestTopic()
	rt.Topic, rt.Partitions = wire.MetadataTopic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	n.call(e, p, tokVote, req)
}

// voteTold counts a vote. False asks again after a while.
//
// Who has lost waits until the election timeout is over before it tries again, and not only for a short backoff: two
// candidates that retry in step would never finish (KAFKA-18345).
func (n *Node) voteTold(e env.Env, p *peer, resp *kmsg.VoteResponse) bool {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	rp := &resp.Topics[0].Partitions[0]
	if n.told(e, rp.ErrorCode, wire.Epoch(rp.LeaderEpoch), wire.NodeID(rp.LeaderID)) {
		return true
	}
	if rp.ErrorCode != 0 || n.state != Prospective && n.state != Candidate || n.settled(p.ID) {
		return rp.ErrorCode == 0
	}
	if rp.VoteGranted {
		n.granted = append(n.granted, p.ID)
		n.won(e)
		return true
	}
	n.rejected = append(n.rejected, p.ID)
	if n.lost() && n.state == Prospective {
		n.giveUp(e)
	}
	return true
}
