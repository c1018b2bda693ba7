package raft

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Error codes that responses are compared with.
var (
	fencedEpoch  = kerr.FencedLeaderEpoch.Code
	unknownEpoch = kerr.UnknownLeaderEpoch.Code
	notLeader    = kerr.NotLeaderForPartition.Code
)

// canGrantVote decides on a vote in the current epoch (EpochState.canGrantVote of each state; KIP-595, for pre-votes
// KIP-996). A voter votes once in an epoch. A pre-vote does not bind the voter. A follower refuses a pre-vote if its leader
// has answered its fetch, because the leader is then alive, and only the candidate cannot reach it. In the table, "log"
// means that the voter grants the vote if the candidate's log is up to date.
//
//	             pre-vote                                     vote
//	Unattached   log                                          if it has voted: only the same candidate again; if not: log, if no leader is known
//	Prospective  log                                          as Unattached
//	Candidate    log                                          no, because it has voted for itself
//	Follower     log, if the leader has not yet answered it   only the same candidate again, because the epoch has a leader
//	Leader       no                                           no
//	Resigned     log                                          no
func (r *Replica) canGrantVote(candidate wire.NodeID, upToDate, preVote bool) bool {
	switch {
	case r.state == Leader:
		return false
	case preVote && r.state == Follower:
		return upToDate && !r.fetched
	case preVote:
		return upToDate
	case r.state == Candidate || r.state == Resigned:
		return false
	case r.voted != wire.NoNode:
		return r.voted == candidate
	case r.leader != wire.NoNode:
		return false
	}
	return upToDate
}

// handleVoteRequest decides on a vote, or on a pre-vote.
func (r *Replica) handleVoteRequest(e env.Env, req *kmsg.VoteRequest) env.Response {
	q, err := voteRequestFromKafka(req, r.cfg.ClusterID)
	if err != nil {
		return wire.Refusal(req, err.Code)
	}
	granted, err := r.decideVote(e, q)
	return voteResponseToKafka(voteResponse{r.response(err), granted})
}

// decideVote checks a vote request in Kafka's order and grants or refuses the vote.
func (r *Replica) decideVote(e env.Env, q voteRequest) (bool, *kerr.Error) {
	if q.end < 0 || q.lastEpoch < 0 || q.lastEpoch > q.epoch || q.lastEpoch == q.epoch && !q.preVote {
		return false, kerr.InvalidRequest // a candidate has no records of the epoch in which it is a candidate
	}
	if err := r.validateVoterOnly(q.candidate, q.epoch); err != nil {
		return false, err
	}
	if q.epoch > r.epoch {
		r.becomeUnattached(e, q.epoch)
	}
	if q.voter >= 0 && q.voter != r.cfg.Node {
		return false, kerr.InvalidVoterKey
	}
	if r.dead || !r.canGrantVote(q.candidate, r.log.upToDate(q.lastEpoch, q.end), q.preVote) {
		return false, nil
	}
	if !q.preVote && r.voted == wire.NoNode {
		r.grantVote(e, q.candidate)
	}
	return !r.dead, nil
}

// grantVote gives a candidate this voter's only vote in the epoch and makes it durable. A voter that lost its vote in a
// power loss could vote twice, and an epoch could have two leaders (KIP-595). An Unattached voter restarts its election
// timeout, because the candidate's log is at least as up to date as its own.
func (r *Replica) grantVote(e env.Env, candidate wire.NodeID) {
	r.voted = candidate
	if r.state == Unattached {
		r.transitionTo(e, Unattached, r.election, r.electionTimeout(e))
	} else {
		r.persistElection(e) // a Prospective replica continues its pre-vote in the same epoch
	}
	e.Note(noteVoted, int64(r.cfg.Node), int64(r.epoch), int64(candidate), 0)
}

// validateVoterOnly checks the sender and the epoch of a request (validateVoterOnlyRequest).
func (r *Replica) validateVoterOnly(id wire.NodeID, epoch wire.Epoch) *kerr.Error {
	switch {
	case epoch < r.epoch:
		return kerr.FencedLeaderEpoch
	case id < 0:
		return kerr.InvalidRequest
	}
	return nil
}

// response returns the common part of a response: the error, and the epoch and the leader that this voter knows.
func (r *Replica) response(err *kerr.Error) response {
	resp := response{epoch: r.epoch, leader: r.leader}
	if err != nil {
		resp.code = err.Code
	}
	return resp
}

// votes has the voters that granted or rejected a vote or a pre-vote (EpochElection). The candidate itself is in granted.
type votes struct{ granted, rejected []wire.NodeID }

// won reports whether a majority has granted its vote.
func (v *votes) won(voters int) bool { return len(v.granted) >= majority(voters) }

// lost reports whether so many voters have refused that a majority is impossible.
func (v *votes) lost(voters int) bool { return voters-len(v.rejected) < majority(voters) }

// has reports whether a voter has granted or refused its vote.
func (v *votes) has(id wire.NodeID) bool {
	return slices.Contains(v.granted, id) || slices.Contains(v.rejected, id)
}

// requestVotes counts this voter's own vote and asks the others for theirs.
func (r *Replica) requestVotes(e env.Env) {
	r.votes.granted = append(r.votes.granted, r.cfg.Node)
	if r.maybeWin(e) {
		return
	}
	r.sendPendingToAll(e)
}

// maybeWin makes the next transition if a majority has granted its votes. It reports whether the vote or the pre-vote is
// won.
func (r *Replica) maybeWin(e env.Env) bool {
	if !r.votes.won(len(r.Voters())) {
		return false
	}
	if r.state == Prospective {
		r.becomeCandidate(e, r.epoch+1)
	} else {
		r.becomeLeader(e)
	}
	return true
}

func (r *Replica) sendVoteRequest(e env.Env, p *peer) {
	q := voteRequest{voter: p.ID, candidate: r.cfg.Node, epoch: r.epoch, lastEpoch: r.log.lastEpoch(), end: r.log.End(), preVote: r.state == Prospective}
	r.send(e, p, tokVote, voteRequestToKafka(q, r.cfg.ClusterID))
}

// handleVoteResponse counts a vote. If it returns false, the request is sent again after the retry backoff.
//
// A candidate that lost waits for its whole election timeout before the next attempt. With only a short backoff, two
// candidates could retry at the same time again and again, and neither would win (KAFKA-18345).
func (r *Replica) handleVoteResponse(e env.Env, p *peer, resp *kmsg.VoteResponse) bool {
	vote, ok := voteResponseFromKafka(resp)
	if !ok {
		return false
	}
	if r.handleCommonResponse(e, vote.response) {
		return true
	}
	if vote.code != 0 || r.state != Prospective && r.state != Candidate || r.votes.has(p.ID) {
		return vote.code == 0
	}
	if vote.granted {
		r.votes.granted = append(r.votes.granted, p.ID)
		r.maybeWin(e)
		return true
	}
	r.votes.rejected = append(r.votes.rejected, p.ID)
	if r.votes.lost(len(r.Voters())) && r.state == Prospective {
		r.endPreVote(e)
	}
	return true
}
