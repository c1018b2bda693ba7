package raft

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// This file has BeginQuorumEpoch and EndQuorumEpoch (KIP-595). Neither is needed for safety; each saves the voters a
// timeout.
//
// 	BeginQuorumEpoch   a new leader asks the voters to fetch from it
// 	EndQuorumEpoch     a leader that resigned lists the voters that should campaign, in this order

// sendBeginRequests sends BeginQuorumEpoch to every voter, and sends it again periodically, because a voter that was
// unreachable would otherwise wait for its election timeout.
func (r *Replica) sendBeginRequests(e env.Env) {
	if r.state != Leader || len(r.peers) == 0 {
		return
	}
	for i := range r.peers {
		if p := &r.peers[i]; !p.inFlight {
			r.sendBeginRequest(e, p)
		}
	}
	e.Arm(env.Timer{Kind: timBegin, Lane: env.LaneRaft}, r.cfg.FetchTimeout/2)
}

func (r *Replica) sendBeginRequest(e env.Env, p *peer) {
	r.send(e, p, tokBegin, beginRequestToKafka(beginRequest{p.ID, r.cfg.Node, r.epoch}, r.cfg.ClusterID))
}

// handleBeginResponse only handles the common parts of the response. The leader does not record which voters answered, because
// it sends the request to the voters that have not fetched recently (LeaderState.needToSendBeginQuorumRequests).
func (r *Replica) handleBeginResponse(e env.Env, resp *kmsg.BeginQuorumEpochResponse) bool {
	begin, ok := beginResponseFromKafka(resp)
	if !ok {
		return false
	}
	r.handleCommonResponse(e, begin)
	return true
}

// handleBeginRequest makes this voter follow the elected leader.
func (r *Replica) handleBeginRequest(e env.Env, req *kmsg.BeginQuorumEpochRequest) env.Response {
	q, err := beginRequestFromKafka(req, r.cfg.ClusterID)
	if err != nil {
		return wire.Refusal(req, err.Code)
	}
	err = r.validateVoterOnly(q.leader, q.epoch)
	switch {
	case err != nil:
	case !r.maybeTransition(e, q.epoch, q.leader):
		err = kerr.UnknownServerError // Kafka's handler throws an exception here
	case q.voter >= 0 && q.voter != r.cfg.Node:
		err = kerr.InvalidVoterKey
	}
	return beginResponseToKafka(r.response(err))
}

// sendEndRequest tells a voter that this leader resigned, and that the voters with the longest logs should campaign first.
func (r *Replica) sendEndRequest(e env.Env, p *peer) {
	r.send(e, p, tokEnd, endRequestToKafka(endRequest{r.cfg.Node, r.epoch, r.successors()}, r.cfg.ClusterID))
}

// successors returns the other voters. The one with the longest log is first.
func (r *Replica) successors() []wire.NodeID {
	order := slices.Clone(r.peers)
	slices.SortStableFunc(order, func(a, b peer) int { return cmp.Compare(b.end, a.end) }) //total: stable, peers are ordered by id
	ids := make([]wire.NodeID, len(order))
	for i, p := range order {
		ids[i] = p.ID
	}
	return ids
}

// handleEndResponse records that a voter knows that this leader resigned. A clean shutdown is over when all voters know.
func (r *Replica) handleEndResponse(e env.Env, p *peer, resp *kmsg.EndQuorumEpochResponse) bool {
	end, ok := endResponseFromKafka(resp)
	if !ok {
		return false
	}
	if r.handleCommonResponse(e, end) || end.code != 0 {
		return true
	}
	p.acknowledged = true
	if r.stopping && !slices.ContainsFunc(r.peers, func(p peer) bool { return !p.acknowledged }) {
		r.dead = true
	}
	return true
}

// handleEndRequest handles the news that the leader has resigned. From then on a follower waits for its turn to campaign,
// and not for its fetch timeout. The first successor campaigns at once. Each of the others waits twice as long as the one
// before it, so that they do not split the vote (KIP-595).
func (r *Replica) handleEndRequest(e env.Env, req *kmsg.EndQuorumEpochRequest) env.Response {
	q, err := endRequestFromKafka(req, r.cfg.ClusterID)
	if err != nil {
		return wire.Refusal(req, err.Code)
	}
	err = r.validateVoterOnly(q.leader, q.epoch)
	if err == nil && !r.maybeTransition(e, q.epoch, q.leader) {
		err = kerr.UnknownServerError
	}
	if err == nil && r.state == Follower && r.leader == q.leader {
		r.setTimeout(e, r.successorTimeout(slices.Index(q.successors, r.cfg.Node), len(q.successors)))
	}
	return endResponseToKafka(r.response(err))
}

// successorTimeout returns how long the i-th successor waits before it campaigns (strictExponentialElectionBackoffMs).
func (r *Replica) successorTimeout(i, of int) env.Duration {
	switch {
	case i == 0:
		return 0
	case i < 0:
		return r.cfg.BackoffMax
	}
	return min(r.cfg.BackoffMax, r.cfg.BackoffMax>>min(of-1, 20)<<min(i-1, 20))
}

// Resign resigns as leader of an epoch, if this replica is its leader. The controller calls it when its state machine
// cannot continue.
func (r *Replica) Resign(e env.Env, epoch wire.Epoch) {
	if r.state == Leader && r.epoch == epoch {
		r.becomeResigned(e)
	}
}
