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
func (n *Node) initialState(e env.Env, q wire.QuorumState) {
	n.file = q
	n.election = election{q.LeaderEpoch, q.LeaderID, q.VotedID}
	if last := n.lastEpoch(); n.epoch < last {
		n.election = election{last, wire.NoNode, wire.NoNode}
	}
	switch {
	case n.leader == n.cfg.Node && n.cfg.Rules.ResumeLead:
		n.becomeLeader(e)
	case n.leader == n.cfg.Node:
		n.becomeResigned(e)
	case n.leader != wire.NoNode:
		n.becomeFollower(e, n.epoch, n.leader)
	case n.voted == n.cfg.Node:
		n.becomeCandidate(e, n.epoch)
	default:
		n.transitionTo(e, Unattached, n.election, n.electionTimeout(e))
	}
	if len(n.peers) == 0 && n.state != Leader && !n.dead {
		n.campaign(e) // a single voter has no other to wait for
	}
}

// timeout is the end of the state's time.
func (n *Node) timeout(e env.Env) {
	if n.stopping {
		return
	}
	switch n.state {
	case Unattached, Candidate, Follower:
		n.campaign(e)
	case Prospective:
		n.giveUp(e)
	case Leader:
		n.becomeResigned(e)
	case Resigned:
		n.becomeUnattached(e, n.epoch+1)
	}
}

// campaign asks who would vote for this node, or with an older rule just asks for the votes.
func (n *Node) campaign(e env.Env) {
	if n.cfg.Rules.PreVote {
		n.becomeProspective(e)
	} else {
		n.becomeCandidate(e, n.epoch+1)
	}
}

// giveUp ends a pre-vote that was not won: back to where the node came from.
func (n *Node) giveUp(e env.Env) {
	if n.leader != wire.NoNode {
		n.becomeFollower(e, n.epoch, n.leader)
	} else {
		n.transitionTo(e, Unattached, n.election, n.electionTimeout(e))
	}
}

// becomeUnattached moves to an epoch whose leader is not known. A node that was about to campaign keeps its timeout: a
// stream of higher epochs must not keep it from ever trying.
func (n *Node) becomeUnattached(e env.Env, epoch wire.Epoch) {
	timeout := n.electionTimeout(e)
	if n.state == Unattached || n.state == Candidate || n.state == Prospective {
		timeout = max(n.deadline.Sub(e.Now()), 0)
	}
	n.transitionTo(e, Unattached, election{epoch, wire.NoNode, wire.NoNode}, timeout)
}

// becomeProspective asks the voters whether they would vote for this node, without raising the epoch.
func (n *Node) becomeProspective(e env.Env) {
	if n.transitionTo(e, Prospective, n.election, n.electionTimeout(e)) {
		n.collect(e)
	}
}

// becomeCandidate votes for itself and asks for the votes of the others.
func (n *Node) becomeCandidate(e env.Env, epoch wire.Epoch) {
	if n.transitionTo(e, Candidate, election{epoch, wire.NoNode, n.cfg.Node}, n.electionTimeout(e)) {
		n.collect(e)
	}
}

// becomeFollower follows a leader that is known to be elected. A vote in the same epoch is kept, or it could be given twice.
func (n *Node) becomeFollower(e env.Env, epoch wire.Epoch, leader wire.NodeID) {
	next := election{epoch, leader, wire.NoNode}
	if epoch == n.epoch {
		next.voted = n.voted
	}
	if !n.transitionTo(e, Follower, next, n.cfg.FetchTimeout) {
		return
	}
	if n.durable < n.log.End() { // it led until now, and what a follower says that it has must be durable
		if n.settleLog(e); n.dead {
			return
		}
	}
	n.speak(e, n.peer(n.leader))
}

// becomeLeader is elected: the file says so first, or a restart would not find out that this node led, and had better not go on
// (KAFKA-10527). Then the epoch's first record is appended: without a record of its own epoch a leader can commit nothing
// (KAFKA-12619), so it writes one at once.
func (n *Node) becomeLeader(e env.Env) {
	granted := slices.Clone(n.granted)
	if !n.transitionTo(e, Leader, election{n.epoch, n.cfg.Node, n.voted}, n.quorumTimeout()) {
		return
	}
	n.epochStart = n.log.End()
	for i := range n.peers {
		n.peers[i].replica = replica{id: n.peers[i].ID, end: -1}
	}
	if n.open(e, granted); n.dead {
		return
	}
	n.announce(e)
}

// becomeResigned gives leadership up, and tells the voters so that one of them need not wait for its timeout.
func (n *Node) becomeResigned(e env.Env) {
	if n.transitionTo(e, Resigned, n.election, n.electionTimeout(e)) {
		n.speakToAll(e)
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
func (n *Node) transitionTo(e env.Env, to State, next election, timeout env.Duration) bool {
	if n.transition > 0 && !mayBecome(n.state, to, n.epoch, next.epoch) {
		panic(fmt.Sprintf("raft: node %d cannot go from %v in epoch %d to %v in epoch %d", n.cfg.Node, n.state, n.epoch, to, next.epoch))
	}
	n.election = next
	if n.dead || !n.remember(e) {
		return false
	}
	was := n.state
	n.reset()
	n.state = to
	n.setTimeout(e, timeout)
	if was == Leader {
		n.refuseParked(e)
	}
	if n.stopping && to != Resigned {
		n.dead = true // others have moved on: the shutdown is over
		return false
	}
	e.Note(notes[to], int64(n.cfg.Node), int64(n.epoch), int64(n.leader), int64(n.log.End()))
	return true
}

// reset forgets all that belongs to one state only; what was asked in it is not answered any more.
func (n *Node) reset() {
	n.transition++
	n.granted, n.rejected = n.granted[:0], n.rejected[:0]
	n.heard, n.exposed, n.observers = false, -1, nil
	for i := range n.peers {
		p := &n.peers[i]
		p.calling, p.told, p.current = false, false, false
	}
}

// setTimeout sets the timer of the state; noTimeout stops it.
func (n *Node) setTimeout(e env.Env, after env.Duration) {
	t := env.Timer{Kind: timState, Lane: env.LaneRaft}
	if after == noTimeout {
		e.Disarm(t)
		return
	}
	n.deadline = e.Now().Add(after)
	e.Arm(t, after)
}

const noTimeout env.Duration = -1

func (n *Node) speakToAll(e env.Env) {
	for i := range n.peers {
		n.speak(e, &n.peers[i])
	}
}

// electionTimeout draws how long this node waits before it campaigns. Where the draw is the benign 0 for everybody, the
// voters still differ by their place.
func (n *Node) electionTimeout(e env.Env) env.Duration {
	base := n.cfg.ElectionTimeout
	steps := uint64(base / env.Microsecond)
	drawn := env.Duration(e.Choose("raft.election-timeout", steps)) * env.Microsecond
	place := slices.IndexFunc(n.Voters(), func(v Voter) bool { return v.ID == n.cfg.Node })
	drawn = (drawn + env.Duration(place)*base/env.Duration(len(n.Voters()))) % base
	return n.cfg.Rules.ElectionTimeout(base, drawn)
}

// consistent tells whether "leader leads epoch" fits what this node knows: an epoch has one leader.
func (n *Node) consistent(epoch wire.Epoch, leader wire.NodeID) bool {
	if leader == n.cfg.Node {
		return n.leader == leader && n.epoch == epoch
	}
	return epoch != n.epoch || leader == wire.NoNode || n.leader == wire.NoNode || n.leader == leader
}

// observe takes in that an epoch is at least this, and who leads it if that is known (maybeTransition). It answers false
// if the news contradicts what this node knows: two leaders in one epoch. Kafka throws; here the node keeps what it
// knows, and the note tells.
func (n *Node) observe(e env.Env, epoch wire.Epoch, leader wire.NodeID) bool {
	switch {
	case !n.consistent(epoch, leader):
		e.Note(noteTwoLeaders, int64(epoch), int64(n.leader), int64(leader), 0)
		return false
	case epoch > n.epoch && n.peer(leader) != nil:
		n.becomeFollower(e, epoch, leader)
	case epoch > n.epoch:
		n.becomeUnattached(e, epoch)
	case epoch == n.epoch && n.leader == wire.NoNode && n.peer(leader) != nil:
		n.becomeFollower(e, epoch, leader)
	}
	return true
}

// handleCommonResponse learns the epoch and the leader that every response names (maybeHandleCommonResponse). It answers done if
// there is nothing more to do with the response.
func (n *Node) handleCommonResponse(e env.Env, r response) (done bool) {
	switch {
	case r.epoch < n.epoch || r.code == unknownEpoch:
		return true
	case r.epoch > n.epoch || r.code == fencedEpoch || r.code == notLeader:
		n.observe(e, r.epoch, r.leader)
		return true
	case r.leader != wire.NoNode && n.leader == wire.NoNode:
		n.observe(e, r.epoch, r.leader)
		return r.code != 0 || n.state != Follower
	}
	return false
}
