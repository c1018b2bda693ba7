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
//	BeginQuorumEpoch   from a leader: fetch from me
//	EndQuorumEpoch     from a leader that resigned: these should campaign, in this order

// announce tells every voter who leads, again and again: one that was away would else wait for its timeout.
func (n *Node) announce(e env.Env) {
	if n.state != Leader || len(n.peers) == 0 {
		return
	}
	for i := range n.peers {
		if p := &n.peers[i]; !p.calling {
			n.sendBeginRequest(e, p)
		}
	}
	e.Arm(env.Timer{Kind: timBegin, Lane: env.LaneRaft}, n.cfg.FetchTimeout/2)
}

func (n *Node) sendBeginRequest(e env.Env, p *peer) {
	n.call(e, p, tokBegin, beginRequestToKafka(beginRequest{p.ID, n.cfg.Node, n.epoch}, n.cfg.ClusterID))
}

// handleBeginResponse notes which voters know the leader. A voter that refused is told again by the next announcement.
func (n *Node) handleBeginResponse(e env.Env, p *peer, resp *kmsg.BeginQuorumEpochResponse) bool {
	r, ok := beginResponseFromKafka(resp)
	if !ok {
		return false
	}
	if !n.handleCommonResponse(e, r) && r.code == 0 {
		p.told = true
	}
	return true
}

// handleBeginRequest follows the leader that was elected.
func (n *Node) handleBeginRequest(e env.Env, req *kmsg.BeginQuorumEpochRequest) env.Response {
	q, err := beginRequestFromKafka(req, n.cfg.ClusterID)
	if err != nil {
		return wire.Refusal(req, err.Code)
	}
	err = n.fromVoter(q.leader, q.epoch)
	switch {
	case err != nil:
	case !n.observe(e, q.epoch, q.leader):
		err = kerr.UnknownServerError // Kafka's handler throws
	case q.voter >= 0 && q.voter != n.cfg.Node:
		err = kerr.InvalidVoterKey
	}
	return beginResponseToKafka(n.response(err))
}

// sendEndRequest tells a voter that this leader resigned, and which voters should campaign first: those with the longest logs.
func (n *Node) sendEndRequest(e env.Env, p *peer) {
	n.call(e, p, tokEnd, endRequestToKafka(endRequest{n.cfg.Node, n.epoch, n.successors()}, n.cfg.ClusterID))
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

// handleEndResponse notes which voters know that the leader resigned. A clean shutdown is over when all of them do.
func (n *Node) handleEndResponse(e env.Env, p *peer, resp *kmsg.EndQuorumEpochResponse) bool {
	r, ok := endResponseFromKafka(resp)
	if !ok {
		return false
	}
	if n.handleCommonResponse(e, r) || r.code != 0 {
		return true
	}
	p.told = true
	if n.stopping && !slices.ContainsFunc(n.peers, func(p peer) bool { return !p.told }) {
		n.dead = true
	}
	return true
}

// handleEndRequest ends a follower's wait for a leader that resigned. The first successor campaigns at once, the others later,
// each twice as late as the one before it, so that they do not split the vote (KIP-595).
func (n *Node) handleEndRequest(e env.Env, req *kmsg.EndQuorumEpochRequest) env.Response {
	q, err := endRequestFromKafka(req, n.cfg.ClusterID)
	if err != nil {
		return wire.Refusal(req, err.Code)
	}
	err = n.fromVoter(q.leader, q.epoch)
	if err == nil && !n.observe(e, q.epoch, q.leader) {
		err = kerr.UnknownServerError
	}
	if err == nil && n.state == Follower && n.leader == q.leader {
		n.setTimeout(e, n.successionWait(slices.Index(q.successors, n.cfg.Node), len(q.successors)))
	}
	return endResponseToKafka(n.response(err))
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
