package raft

import (
	"fmt"
	"slices"

	"samsa/sim/env"
	"samsa/wire"
)

// State is the state of a voter in its epoch (QuorumState, KIP-595; Prospective since KIP-996).
//
//	from         when                                                          becomes
//	any          a message names a higher epoch and no leader                  Unattached in that epoch
//	any          a message names a higher epoch and its leader                 Follower in that epoch
//	Unattached   election timeout                                              Prospective
//	             a message names the epoch's leader                            Follower
//	             it grants a vote                                              Unattached, with a new timeout
//	Prospective  a majority would vote for it                                  Candidate, epoch + 1
//	             a majority would not, or election timeout                     Follower of the last known leader, else Unattached
//	             a message names the epoch's leader, and it knew none          Follower
//	Candidate    a majority votes for it                                       Leader
//	             election timeout, even if a majority has already refused      Prospective
//	             a message names the epoch's leader                            Follower
//	Follower     fetch timeout                                                 Prospective
//	Leader       1.5 fetch timeouts without fetches from a majority            Resigned
//	             it shuts down                                                 Resigned
//	Resigned     election timeout                                              Unattached, epoch + 1
//
// After a restart the quorum-state file decides the state:
//
//	the file's epoch is below the log's     Unattached, in the log's last epoch
//	this node leads                         Resigned, because its log may have lost records that it served (KAFKA-10527)
//	another node leads                      Follower
//	this node has its own vote              Candidate, same epoch
//	otherwise                               Unattached, with its vote if it gave one
//
// If the quorum has a single voter, that voter then campaigns at once.
//
// The epoch, the leader and the vote are in the quorum-state file before a state is entered. The file does not contain
// the state Resigned, because after a restart a file with this node as leader implies that state.
type State uint8

const (
	Unattached State = iota
	Prospective
	Candidate
	Leader
	Follower
	Resigned
)

// String returns Kafka's name of the state.
func (s State) String() string {
	return [...]string{"Unattached", "Prospective", "Candidate", "Leader", "Follower", "Resigned"}[s]
}

// election is the newest epoch that this voter knows, with its leader and this voter's vote (ElectionState). It is
// durable before this voter sends a message that depends on it.
type election struct {
	epoch  wire.Epoch  // never decreases; at or above the log's last epoch
	leader wire.NodeID // the leader of epoch, or NoNode while no leader is known; a known leader never changes
	voted  wire.NodeID // the candidate that has this node's vote in epoch, or NoNode; a vote never changes
}

// initialState enters the first state of a process, as the quorum-state file decides.
func (r *Replica) initialState(e env.Env) {
	q := r.file.content
	r.election = election{q.LeaderEpoch, q.LeaderID, q.VotedID}
	if last := r.log.lastEpoch(); r.epoch < last {
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
		r.campaign(e) // a single voter need not wait for other votes
	}
}

// handleStateTimeout ends a state at its timeout.
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

// campaign starts a pre-vote. If Rules.PreVote is false, it starts the vote itself.
func (r *Replica) campaign(e env.Env) {
	if r.cfg.Rules.PreVote {
		r.becomeProspective(e)
	} else {
		r.becomeCandidate(e, r.epoch+1)
	}
}

// endPreVote returns to the state before the pre-vote, because the pre-vote was not won.
func (r *Replica) endPreVote(e env.Env) {
	if r.leader != wire.NoNode {
		r.becomeFollower(e, r.epoch, r.leader)
	} else {
		r.transitionTo(e, Unattached, r.election, r.electionTimeout(e))
	}
}

// becomeUnattached moves to an epoch without a known leader. A voter that waits to campaign keeps its timeout; otherwise a
// stream of higher epochs could prevent it from ever campaigning.
func (r *Replica) becomeUnattached(e env.Env, epoch wire.Epoch) {
	timeout := r.electionTimeout(e)
	if r.state == Unattached || r.state == Candidate || r.state == Prospective {
		timeout = max(r.deadline.Sub(e.Now()), 0)
	}
	r.transitionTo(e, Unattached, election{epoch, wire.NoNode, wire.NoNode}, timeout)
}

// becomeProspective asks the voters for pre-votes, without raising the epoch (KIP-996).
func (r *Replica) becomeProspective(e env.Env) {
	if r.transitionTo(e, Prospective, r.election, r.electionTimeout(e)) {
		r.requestVotes(e)
	}
}

// becomeCandidate makes this voter a candidate, which votes for itself and asks the other voters for their votes.
func (r *Replica) becomeCandidate(e env.Env, epoch wire.Epoch) {
	if r.transitionTo(e, Candidate, election{epoch, wire.NoNode, r.cfg.Node}, r.electionTimeout(e)) {
		r.requestVotes(e)
	}
}

// becomeFollower follows an elected leader. This voter keeps its vote of the same epoch; otherwise it could vote twice.
func (r *Replica) becomeFollower(e env.Env, epoch wire.Epoch, leader wire.NodeID) {
	next := election{epoch, leader, wire.NoNode}
	if epoch == r.epoch {
		next.voted = r.voted
	}
	if !r.transitionTo(e, Follower, next, r.cfg.FetchTimeout) {
		return
	}
	if r.log.durableEnd < r.log.End() { // this voter led until now; records below its fetch offset must be durable
		if r.flushNow(e); r.dead {
			return
		}
	}
	r.sendPending(e, r.peer(r.leader))
}

// becomeLeader enters Leader after a won election. First it writes to the quorum-state file that this voter is the
// leader; otherwise this voter could lead the same epoch again after a restart (KAFKA-10527). Then it appends the
// epoch's first record at once, because a leader can commit nothing before a record of its own epoch (KAFKA-12619).
func (r *Replica) becomeLeader(e env.Env) {
	granted := slices.Clone(r.votes.granted)
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

// becomeResigned resigns as leader and sends EndQuorumEpoch, so that the other voters need not wait for their fetch
// timeout.
func (r *Replica) becomeResigned(e env.Env) {
	if r.transitionTo(e, Resigned, r.election, r.electionTimeout(e)) {
		r.sendPendingToAll(e)
	}
}

// mayBecome reports whether one state may follow another, given the epochs of both (QuorumState). In Kafka only
// Prospective may become Candidate. Before KIP-996 every state except Leader could become Candidate. That is still
// allowed if Rules.PreVote has its old answer.
func mayBecome(from, to State, epoch, next wire.Epoch) bool {
	switch to {
	case Unattached: // in the same epoch after a granted vote or a lost pre-vote
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
	return next == epoch && from == Leader // to is Resigned
}

// transitionTo is the only function that enters a state. It writes the quorum-state file, then sets the state and its
// timer, and clears the fields of the old state. It returns false if the replica is dead or its clean shutdown is over.
// It does not check the first state of a process, which has no predecessor.
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
		r.dead = true // another voter campaigns or leads, so the shutdown is over
		return false
	}
	e.Note(notes[to], int64(r.cfg.Node), int64(r.epoch), int64(r.leader), int64(r.log.End()))
	return true
}

// reset clears the fields that belong to one state only. After that, responses to requests of the old state are dropped.
func (r *Replica) reset() {
	r.transition++
	r.votes.granted, r.votes.rejected = r.votes.granted[:0], r.votes.rejected[:0]
	r.fetched, r.exposed, r.observers = false, -1, nil
	for i := range r.peers {
		p := &r.peers[i]
		p.inFlight, p.acknowledged, p.fetchedInPeriod = false, false, false
	}
}

// setTimeout restarts the timer of the state; noTimeout stops it.
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

// electionTimeout draws the time that this voter waits before it campaigns. If all voters draw 0, the default choice,
// their timeouts still differ, because each depends on the voter's index.
func (r *Replica) electionTimeout(e env.Env) env.Duration {
	base := r.cfg.ElectionTimeout
	steps := uint64(base / env.Microsecond)
	drawn := env.Duration(e.Choose("raft.election-timeout", steps)) * env.Microsecond
	index := slices.IndexFunc(r.Voters(), func(v Voter) bool { return v.ID == r.cfg.Node })
	drawn = (drawn + env.Duration(index)*base/env.Duration(len(r.Voters()))) % base
	return r.cfg.Rules.ElectionTimeout(base, drawn)
}

// hasConsistentLeader reports whether the leader of an epoch in a message is consistent with the leader that this voter
// knows. An epoch has at most one leader.
func (r *Replica) hasConsistentLeader(epoch wire.Epoch, leader wire.NodeID) bool {
	if leader == r.cfg.Node {
		return r.leader == leader && r.epoch == epoch
	}
	return epoch != r.epoch || leader == wire.NoNode || r.leader == wire.NoNode || r.leader == leader
}

// maybeTransition moves to the epoch and the leader in a message if they are newer. It returns false if the message has a
// second leader for this voter's epoch. Kafka throws an exception in that case; this voter keeps the first leader, and
// makes a note of both.
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

// handleCommonResponse moves to the epoch and the leader in a response (maybeHandleCommonResponse). The result done
// reports that the caller must not handle the rest of the response.
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
