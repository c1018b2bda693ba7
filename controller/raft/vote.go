package raft

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

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

// handleVoteRequest decides on a vote, or on a pre-vote.
func (n *Node) handleVoteRequest(e env.Env, req *kmsg.VoteRequest) env.Response {
	q, err := voteRequestFromKafka(req, n.cfg.ClusterID)
	if err != nil {
		return wire.Refusal(req, err.Code)
	}
	granted, err := n.decide(e, q)
	return voteResponseToKafka(voteResponse{n.response(err), granted})
}

// decide checks a vote request in Kafka's order and votes.
func (n *Node) decide(e env.Env, q voteRequest) (bool, *kerr.Error) {
	if q.end < 0 || q.lastEpoch < 0 || q.lastEpoch > q.epoch || q.lastEpoch == q.epoch && !q.preVote {
		return false, kerr.InvalidRequest // no log has records of an epoch whose election is under way
	}
	if err := n.fromVoter(q.candidate, q.epoch); err != nil {
		return false, err
	}
	if q.epoch > n.epoch {
		n.becomeUnattached(e, q.epoch)
	}
	if q.voter >= 0 && q.voter != n.cfg.Node {
		return false, kerr.InvalidVoterKey
	}
	if n.dead || !n.grants(q.candidate, n.upToDate(q.lastEpoch, q.end), q.preVote) {
		return false, nil
	}
	if !q.preVote && n.voted == wire.NoNode {
		n.cast(e, q.candidate)
	}
	return !n.dead, nil
}

// cast gives the epoch's one vote away, durably: a voter that forgets it in a power loss votes twice, and an epoch has two
// leaders (KIP-595). Whoever voted waits anew: the candidate has as good a log as any.
func (n *Node) cast(e env.Env, candidate wire.NodeID) {
	n.voted = candidate
	if n.state == Unattached {
		n.transitionTo(e, Unattached, n.election, n.electionTimeout(e))
	} else {
		n.remember(e) // a Prospective keeps asking: its epoch is the same
	}
	e.Note(noteVoted, int64(n.cfg.Node), int64(n.epoch), int64(candidate), 0)
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

// response is an answer's common part: the error, and the epoch and leader that this node knows now.
func (n *Node) response(err *kerr.Error) response {
	r := response{epoch: n.epoch, leader: n.leader}
	if err != nil {
		r.code = err.Code
	}
	return r
}

// collect begins to gather votes, with the node's own.
func (n *Node) collect(e env.Env) {
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
		n.becomeLeader(e)
	}
	return true
}

// lost tells whether a majority can no longer be had.
func (n *Node) lost() bool { return len(n.Voters())-len(n.rejected) < n.majority() }

// settled tells whether a voter has given its answer.
func (n *Node) settled(id wire.NodeID) bool {
	return slices.Contains(n.granted, id) || slices.Contains(n.rejected, id)
}

func (n *Node) sendVoteRequest(e env.Env, p *peer) {
	q := voteRequest{voter: p.ID, candidate: n.cfg.Node, epoch: n.epoch, lastEpoch: n.lastEpoch(), end: n.log.End(), preVote: n.state == Prospective}
	n.call(e, p, tokVote, voteRequestToKafka(q, n.cfg.ClusterID))
}

// handleVoteResponse counts a vote. If it answers false the request is sent again after the retry backoff.
//
// A candidate that lost waits until its election timeout is over before it tries again, and not only for a short backoff: two
// candidates that retry in step would never finish (KAFKA-18345).
func (n *Node) handleVoteResponse(e env.Env, p *peer, resp *kmsg.VoteResponse) bool {
	r, ok := voteResponseFromKafka(resp)
	if !ok {
		return false
	}
	if n.handleCommonResponse(e, r.response) {
		return true
	}
	if r.code != 0 || n.state != Prospective && n.state != Candidate || n.settled(p.ID) {
		return r.code == 0
	}
	if r.granted {
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
