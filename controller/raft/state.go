package raft

import (
	"fmt"
	"slices"

	"samsa/sim/env"
	"samsa/wire"
)

// State is what a voter is in its epoch (QuorumState, KIP-595; Prospective since KIP-996).
//
//	from         when                                                          becomes
//	any          a higher epoch is seen, its leader unknown                    Unattached in it
//	any          a higher epoch is seen, its leader known                      Follower in it
//	Unattached   election timeout                                              Prospective
//	             the epoch's leader is found                                   Follower
//	             it votes                                                      Unattached, with a new timeout
//	Prospective  a majority would vote for it                                  Candidate, epoch + 1
//	             a majority would not, or election timeout                     Follower of the last known leader, else Unattached
//	             the epoch's leader is found, and it knew none                 Follower
//	Candidate    a majority votes for it                                       Leader
//	             election timeout, also if a majority has refused long before  Prospective
//	             the epoch's leader is found                                   Follower
//	Follower     fetch timeout                                                 Prospective
//	Leader       1.5 fetch timeouts without fetches of a majority              Resigned
//	             it shuts down                                                 Resigned
//	Resigned     election timeout                                              Unattached, epoch + 1
//
// and after a restart, by what the quorum-state file says:
//
//	its epoch is below the log's last       Unattached, in the log's
//	this node leads                         Resigned: its log may have lost what it once served (KAFKA-10527)
//	another leads                           Follower
//	this node has its own vote              Candidate, same epoch
//	else                                    Unattached, with its vote if it gave one
//	and a single voter campaigns at once
//
// Epoch, leader and vote are in the file before the state is entered; Resigned is not written, it follows from "leader:
// me" without a life to go with it.
type State uint8

const (
	Unattached State = iota
	Prospective
	Candidate
	Leader
	Follower
	Resigned
)

// String is Kafka's name of the state.
func (s State) String() string {
	return [...]string{"Unattached", "Prospective", "Candidate", "Leader", "Follower", "Resigned"}[s]
}

// election is what an epoch has come to, as far as this node knows (ElectionState). It is durable before anything is said that
// rests on it.
type election struct {
	epoch  wire.Epoch  // never falls; at or above the log's last epoch
	leader wire.NodeID // of epoch, once known; never changes within it
	voted  wire.NodeID // the candidate that has this node's vote in epoch; never changes within it
}

// initialState gives a restarted node its state.
func (r *Replica) initialState(e env.Env, q wire.QuorumState) {
	r.persisted = q
	r.election = election{q.LeaderEpoch, q.LeaderID, q.VotedID}
	if last := r.lastEpoch(); r.epoch < last {
		r.election = election{last, wire.NoNode, wire.NoNode}
	}
	switch {
	case r.leader == r.cfg.Node && r.cfg.Rules.ResumeLead:
		r.becomeLeader(e)
	case r.leader == r.cfg.Node:
		r.becomeResigned(e)
	case r.leader != wire.NoNode:
		r.becomeFollower(e, r.epoch, r.leader)
	case r.voted == r.cfg.Node:
		r.becomeCandidate(e, r.epoch)
	default:
		r.transitionTo(e, Unattached, r.election, r.electionTimeout(e))
	}
	if len(r.peers) == 0 && r.state != Leader && !r.dead {
		r.campaign(e) // a single voter has no other to wait for
	}
}

// handleStateTimeout is the end of the state's time.
func (r *Replica) handleStateTimeout(e env.Env) {
	if r.stopping {
		return
	}
	switch r.state {
	case Unattached, Candidate, Follower:
		r.campaign(e)
	case Prospective:
		r.endPreVote(e)
	case Leader:
		r.becomeResigned(e)
	case Resigned:
		r.becomeUnattached(e, r.epoch+1)
	}
}

// campaign asks who would vote for this node, or with an older rule just asks for the votes.
func (r *Replica) campaign(e env.Env) {
	if r.cfg.Rules.PreVote {
		r.becomeProspective(e)
	} else {
		r.becomeCandidate(e, r.epoch+1)
	}
}

// endPreVote ends a pre-vote that was not won: back to where the node came from.
func (r *Replica) endPreVote(e env.Env) {
	if r.leader != wire.NoNode {
		r.becomeFollower(e, r.epoch, r.leader)
	} else {
		r.transitionTo(e, Unattached, r.election, r.electionTimeout(e))
	}
}

// becomeUnattached moves to an epoch whose leader is not known. A node that was about to campaign keeps its timeout: a
// stream of higher epochs must not keep it from ever trying.
func (r *Replica) becomeUnattached(e env.Env, epoch wire.Epoch) {
	timeout := r.electionTimeout(e)
	if r.state == Unattached || r.state == Candidate || r.state == Prospective {
		timeout = max(r.deadline.Sub(e.Now()), 0)
	}
	r.transitionTo(e, Unattached, election{epoch, wire.NoNode, wire.NoNode}, timeout)
}

// becomeProspective asks the voters whether they would vote for this node, without raising the epoch.
func (r *Replica) becomeProspective(e env.Env) {
	if r.transitionTo(e, Prospective, r.election, r.electionTimeout(e)) {
		r.requestVotes(e)
	}
}

// becomeCandidate votes for itself and asks for the votes of the others.
func (r *Replica) becomeCandidate(e env.Env, epoch wire.Epoch) {
	if r.transitionTo(e, Candidate, election{epoch, wire.NoNode, r.cfg.Node}, r.electionTimeout(e)) {
		r.requestVotes(e)
	}
}

// becomeFollower follows a leader that is known to be elected. A vote in the same epoch is kept, or it could be given twice.
func (r *Replica) becomeFollower(e env.Env, epoch wire.Epoch, leader wire.NodeID) {
	next := election{epoch, leader, wire.NoNode}
	if epoch == r.epoch {
		next.voted = r.voted
	}
	if !r.transitionTo(e, Follower, next, r.cfg.FetchTimeout) {
		return
	}
	if r.durableEnd < r.log.End() { // it led until now, and what a follower says that it has must be durable
		if r.flushNow(e); r.dead {
			return
		}
	}
	r.sendPending(e, r.peer(r.leader))
}

// becomeLeader is elected: the file says so first, or a restart would not find out that this node led, and had better not go on
// (KAFKA-10527). Then the epoch's first record is appended: without a record of its own epoch a leader can commit nothing
// (KAFKA-12619), so it writes one at once.
func (r *Replica) becomeLeader(e env.Env) {
	granted := slices.Clone(r.granted)
	if !r.transitionTo(e, Leader, election{r.epoch, r.cfg.Node, r.voted}, r.checkQuorumTimeout()) {
		return
	}
	r.epochStart = r.log.End()
	for i := range r.peers {
		r.peers[i].replicaState = replicaState{id: r.peers[i].ID, end: -1}
	}
	if r.appendLeaderChange(e, granted); r.dead {
		return
	}
	r.sendBeginRequests(e)
}

// becomeResigned gives leadership up, and tells the voters so that one of them need not wait for its timeout.
func (r *Replica) becomeResigned(e env.Env) {
	if r.transitionTo(e, Resigned, r.election, r.electionTimeout(e)) {
		r.sendPendingToAll(e)
	}
}

// mayBecome reports whether a state may follow another, by the epochs in which they are (QuorumState). Before KIP-996 a node
// campaigned from any state but Leader; the old rule still does, so Candidate may follow more here than Prospective alone.
func mayBecome(from, to State, epoch, next wire.Epoch) bool {
	switch to {
	case Unattached: // also in the same epoch, for a vote or after a lost pre-vote
		return next > epoch || next == epoch && (from == Prospective || from == Unattached)
	case Prospective:
		return next == epoch && from != Leader && from != Prospective
	case Candidate:
		return next > epoch && from != Leader
	case Leader:
		return next == epoch && from == Candidate
	case Follower:
		return next > epoch || next == epoch && from != Leader && from != Follower && from != Resigned
	}
	return next == epoch && from == Leader // Resigned
}

// transitionTo is the one way into a state: the file first, then the state, with nothing left of the one before but the log,
// and its timer. It answers false if the node is dead or its clean shutdown is over. The first state of a life follows from the
// file and none before it.
func (r *Replica) transitionTo(e env.Env, to State, next election, timeout env.Duration) bool {
	if r.transition > 0 && !mayBecome(r.state, to, r.epoch, next.epoch) {
		panic(fmt.Sprintf("raft: node %d cannot go from %v in epoch %d to %v in epoch %d", r.cfg.Node, r.state, r.epoch, to, next.epoch))
	}
	r.election = next
	if r.dead || !r.persistElection(e) {
		return false
	}
	was := r.state
	r.reset()
	r.state = to
	r.setTimeout(e, timeout)
	if was == Leader {
		r.refuseParked(e)
	}
	if r.stopping && to != Resigned {
		r.dead = true // others have moved on: the shutdown is over
		return false
	}
	e.Note(notes[to], int64(r.cfg.Node), int64(r.epoch), int64(r.leader), int64(r.log.End()))
	return true
}

// reset forgets all that belongs to one state only; what was asked in it is not answered any more.
func (r *Replica) reset() {
	r.transition++
	r.granted, r.rejected = r.granted[:0], r.rejected[:0]
	r.fetched, r.exposed, r.observers = false, -1, nil
	for i := range r.peers {
		p := &r.peers[i]
		p.inFlight, p.acknowledged, p.fetchedInPeriod = false, false, false
	}
}

// setTimeout sets the timer of the state; noTimeout stops it.
func (r *Replica) setTimeout(e env.Env, after env.Duration) {
	t := env.Timer{Kind: timState, Lane: env.LaneRaft}
	if after == noTimeout {
		e.Disarm(t)
		return
	}
	r.deadline = e.Now().Add(after)
	e.Arm(t, after)
}

const noTimeout env.Duration = -1

func (r *Replica) sendPendingToAll(e env.Env) {
	for i := range r.peers {
		r.sendPending(e, &r.peers[i])
	}
}

// electionTimeout draws how long this node waits before it campaigns. Where the draw is the benign 0 for everybody, the
// voters still differ by their place.
func (r *Replica) electionTimeout(e env.Env) env.Duration {
	base := r.cfg.ElectionTimeout
	steps := uint64(base / env.Microsecond)
	drawn := env.Duration(e.Choose("raft.election-timeout", steps)) * env.Microsecond
	place := slices.IndexFunc(r.Voters(), func(v Voter) bool { return v.ID == r.cfg.Node })
	drawn = (drawn + env.Duration(place)*base/env.Duration(len(r.Voters()))) % base
	return r.cfg.Rules.ElectionTimeout(base, drawn)
}

// hasConsistentLeader tells whether "leader leads epoch" fits what this node knows: an epoch has one leader.
func (r *Replica) hasConsistentLeader(epoch wire.Epoch, leader wire.NodeID) bool {
	if leader == r.cfg.Node {
		return r.leader == leader && r.epoch == epoch
	}
	return epoch != r.epoch || leader == wire.NoNode || r.leader == wire.NoNode || r.leader == leader
}

// maybeTransition takes in that an epoch is at least this, and who leads it if that is known (maybeTransition). It answers false
// if the news contradicts what this node knows: two leaders in one epoch. Kafka throws; here the node keeps what it
// knows, and the note tells.
func (r *Replica) maybeTransition(e env.Env, epoch wire.Epoch, leader wire.NodeID) bool {
	switch {
	case !r.hasConsistentLeader(epoch, leader):
		e.Note(noteTwoLeaders, int64(epoch), int64(r.leader), int64(leader), 0)
		return false
	case epoch > r.epoch && r.peer(leader) != nil:
		r.becomeFollower(e, epoch, leader)
	case epoch > r.epoch:
		r.becomeUnattached(e, epoch)
	case epoch == r.epoch && r.leader == wire.NoNode && r.peer(leader) != nil:
		r.becomeFollower(e, epoch, leader)
	}
	return true
}

// handleCommonResponse learns the epoch and the leader that every response names (maybeHandleCommonResponse). It answers done if
// there is nothing more to do with the response.
func (r *Replica) handleCommonResponse(e env.Env, resp response) (done bool) {
	switch {
	case resp.epoch < r.epoch || resp.code == unknownEpoch:
		return true
	case resp.epoch > r.epoch || resp.code == fencedEpoch || resp.code == notLeader:
		r.maybeTransition(e, resp.epoch, resp.leader)
		return true
	case resp.leader != wire.NoNode && r.leader == wire.NoNode:
		r.maybeTransition(e, resp.epoch, resp.leader)
		return resp.code != 0 || r.state != Follower
	}
	return false
}
