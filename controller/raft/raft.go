package raft

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Dir is the directory of the metadata log.
const Dir = wire.MetadataTopic + "-0"

// Voter is one member of the quorum (controller.quorum.voters).
type Voter struct {
	ID   wire.NodeID
	Addr env.Addr
}

// Config are a node's settings, Kafka's names beside them.
type Config struct {
	Node            wire.NodeID
	Voters          []Voter // by rising id; the node is one of them
	ClusterID       string
	ElectionTimeout env.Duration // controller.quorum.election.timeout.ms: the least; the most is twice that
	FetchTimeout    env.Duration // controller.quorum.fetch.timeout.ms
	RequestTimeout  env.Duration // controller.quorum.request.timeout.ms
	RetryBackoff    env.Duration // controller.quorum.retry.backoff.ms
	BackoffMax      env.Duration // controller.quorum.election.backoff.max.ms: after a leader resigned
	FetchWait       env.Duration // how long the leader may hold a fetch
	FetchBytes      int32
	Log             storage.Config
	Rules           Rules
}

// DefaultConfig is Kafka's defaults for a quorum.
func DefaultConfig(node wire.NodeID, voters []Voter) Config {
	return Config{
		Node: node, Voters: voters,
		ElectionTimeout: env.Second, FetchTimeout: 2 * env.Second, RequestTimeout: 2 * env.Second,
		RetryBackoff: 20 * env.Millisecond, BackoffMax: env.Second, FetchWait: 500 * env.Millisecond, FetchBytes: 8 << 20,
		Log: storage.DefaultConfig(), Rules: Today(),
	}
}

// Replica is one voter. Between events everything in it follows from what is on its disk and what it was told since.
type Replica struct {
	cfg       Config
	log       *storage.Log
	persisted wire.QuorumState // what the quorum-state file says
	dead      bool             // the disk failed: nothing is said any more

	state State
	election
	deadline   env.Instant // of the state's timer
	transition int64       // counts transitions: what was asked before the last one is not answered any more

	syncedEnd  wire.Offset // everything below is on the device when the last sync is paid for; at or below the log's end
	durableEnd wire.Offset // everything below is on the device; at or below synced
	flushing   bool        // events are under way that bring both to the log's end

	hw wire.Offset // everything below is committed; never falls in an incarnation; at or below the log's end

	peers []peer // the other voters by rising id

	// Prospective and Candidate only.
	granted, rejected []wire.NodeID // the node itself is in granted

	// Follower only.
	fetched bool // a fetch of this state was answered by the leader without an error

	// Leader only.
	epochStart wire.Offset    // where the epoch's first record, LEADER_CHANGE, is
	exposed    wire.Offset    // the epoch's high watermark; -1 until it is known
	observers  []replicaState // who else fetches, by rising id
	parked     []parked       // fetches that wait, in order of arrival
	lastParked int64          // numbers them

	stopping bool // a clean shutdown was asked for
}

// peer is another voter.
type peer struct {
	Voter
	replicaState
	link            env.Link
	inFlight        bool // a request of this state is under way
	acknowledged    bool // Leader, Resigned: it acknowledged the epoch's begin or end
	fetchedInPeriod bool // Leader: it fetched since the check-quorum timer was last set
}

// Token kinds begin here; a host's own lie below.
const (
	tokVote  = FirstKind + iota // A: peer, B: transition
	tokFetch                    // A: peer, B: transition
	tokBegin                    // A: peer, B: transition
	tokEnd                      // A: peer, B: transition
)

// Timer kinds likewise.
const (
	timState   = FirstKind + iota // the state's time is over: election, fetch, check-quorum
	timRetry                      // A: peer, B: transition: ask again
	timBegin                      // tell the voters again who leads
	timParked                     // A: parked fetch
	timStop                       // the clean shutdown has taken long enough
	timFlush                      // what was appended must become durable
	timFlushed                    // it is
)

// FirstKind is the first timer kind and token kind of a Replica: the host hands over everything at or above.
const FirstKind = 1 << 8

// New makes a node; its log and its vote are on its disk. Start brings it to life.
func New(cfg Config) *Replica {
	r := &Replica{cfg: cfg, election: election{leader: wire.NoNode, voted: wire.NoNode}, exposed: -1}
	for _, v := range cfg.Voters {
		if v.ID != cfg.Node {
			r.peers = append(r.peers, peer{Voter: v, replicaState: replicaState{id: v.ID, end: -1}})
		}
	}
	if len(r.peers)+1 != len(cfg.Voters) {
		panic(fmt.Sprintf("raft: node %d must be one of %d voters, once", cfg.Node, len(cfg.Voters)))
	}
	return r
}

// Start loads the log and the quorum state. An error is the disk's: the node can do nothing.
func (r *Replica) Start(e env.Env) error {
	log, _, err := storage.Open(e.Disk(), Dir, r.cfg.Log, storage.OpenOptions{Wall: e.Wall()})
	if err != nil {
		return err
	}
	r.log = log
	q, err := r.readElection(e.Disk())
	if err != nil {
		return err
	}
	// What is found may be in the page cache only, left there by a process that died before it could sync it and before
	// it said anything. This one will speak by it, so it must be on the device first.
	if err := r.syncNames(e.Disk()); err != nil {
		return err
	}
	if err := r.syncLog(e); err != nil {
		return err
	}
	r.durableEnd = r.syncedEnd
	r.initialState(e, q)
	return nil
}

// Handles tells whether a request is for the quorum.
func Handles(req env.Request) bool {
	switch req.(type) {
	case *kmsg.VoteRequest, *kmsg.BeginQuorumEpochRequest, *kmsg.EndQuorumEpochRequest, *kmsg.FetchRequest, *kmsg.DescribeQuorumRequest:
		return true
	}
	return false
}

// Receive serves a request for which Handles is true.
func (r *Replica) Receive(e env.Env, t env.Ticket, req env.Request) {
	switch req := req.(type) {
	case *kmsg.VoteRequest:
		r.reply(e, t, r.handleVoteRequest(e, req))
	case *kmsg.BeginQuorumEpochRequest:
		r.reply(e, t, r.handleBeginRequest(e, req))
	case *kmsg.EndQuorumEpochRequest:
		r.reply(e, t, r.handleEndRequest(e, req))
	case *kmsg.FetchRequest:
		r.handleFetchRequest(e, t, req)
	case *kmsg.DescribeQuorumRequest:
		r.reply(e, t, r.handleDescribeQuorumRequest(e, req))
	}
}

// reply answers, unless what the answer rests on could not be written.
func (r *Replica) reply(e env.Env, t env.Ticket, resp env.Response) {
	if !r.dead {
		e.Reply(t, resp)
	}
}

// Returned takes the answer to one of this node's own requests.
func (r *Replica) Returned(e env.Env, tok env.Token, resp env.Response, err error) {
	p := r.peer(wire.NodeID(tok.A))
	if tok.B != r.transition || r.dead {
		return // asked in another state: whatever it says is old
	}
	p.inFlight = false
	if err != nil {
		e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneRaft, A: tok.A, B: tok.B}, r.cfg.RetryBackoff)
		return
	}
	ok := false
	switch tok.Kind {
	case tokVote:
		ok = r.handleVoteResponse(e, p, resp.(*kmsg.VoteResponse))
	case tokFetch:
		ok = r.handleFetchResponse(e, resp.(*kmsg.FetchResponse))
	case tokBegin:
		ok = r.handleBeginResponse(e, p, resp.(*kmsg.BeginQuorumEpochResponse))
	case tokEnd:
		ok = r.handleEndResponse(e, p, resp.(*kmsg.EndQuorumEpochResponse))
	}
	switch {
	case r.dead || tok.B != r.transition:
	case ok:
		r.sendPending(e, p)
	default:
		e.Arm(env.Timer{Kind: timRetry, Lane: env.LaneRaft, A: tok.A, B: tok.B}, r.cfg.RetryBackoff)
	}
}

// Lost forgets a connection; its calls came back before.
func (r *Replica) Lost(l env.Link) {
	for i := range r.peers {
		if r.peers[i].link == l {
			r.peers[i].link = 0
		}
	}
}

// Fire is a timer of this node's.
func (r *Replica) Fire(e env.Env, t env.Timer) {
	if r.dead {
		return
	}
	switch t.Kind {
	case timState:
		r.handleStateTimeout(e)
	case timRetry:
		if t.B == r.transition {
			r.sendPending(e, r.peer(wire.NodeID(t.A)))
		}
	case timBegin:
		r.sendBeginRequests(e)
	case timParked:
		r.expireParked(e, t.A)
	case timStop:
		r.stopping, r.dead = true, true
	case timFlush:
		r.flush(e)
	case timFlushed:
		r.flushed(e)
	}
}

// sendPending sends a peer what the state has to say to it, if anything and if nothing is under way.
func (r *Replica) sendPending(e env.Env, p *peer) {
	if p.inFlight || r.dead {
		return
	}
	switch r.state {
	case Prospective, Candidate:
		if !r.hasVoted(p.ID) && !r.cannotWin() {
			r.sendVoteRequest(e, p)
		}
	case Follower:
		if p.ID == r.leader {
			r.sendFetchRequest(e, p)
		}
	case Resigned:
		if !p.acknowledged {
			r.sendEndRequest(e, p)
		}
	}
}

// send sends a request to a peer, on a connection that is made if there is none.
func (r *Replica) send(e env.Env, p *peer, kind uint16, req env.Request) {
	if p.link == 0 {
		p.link = e.Dial(p.Addr, env.LaneRaft)
	}
	p.inFlight = true
	e.Call(p.link, r.cfg.RequestTimeout, req, env.Token{Kind: kind, A: int64(p.ID), B: r.transition})
}

// peer is another voter by id, or nil.
func (r *Replica) peer(id wire.NodeID) *peer {
	if i := slices.IndexFunc(r.peers, func(p peer) bool { return p.ID == id }); i >= 0 {
		return &r.peers[i]
	}
	return nil
}

// Voters is the voters of the quorum by rising id, this node among them: the one door to the set, behind which it could
// change (KIP-853).
func (r *Replica) Voters() []Voter { return r.cfg.Voters }

// majority is how many voters decide.
func (r *Replica) majority() int { return len(r.Voters())/2 + 1 }

// State is what the node is.
func (r *Replica) State() State { return r.state }

// Epoch is the newest epoch this node knows of.
func (r *Replica) Epoch() wire.Epoch { return r.epoch }

// Leader is who leads Epoch, or NoNode. A node that resigned still names itself.
func (r *Replica) Leader() wire.NodeID { return r.leader }

// LeaderAddr is where Leader lives; ok is false if nobody is known, or it is this node.
func (r *Replica) LeaderAddr() (addr env.Addr, ok bool) {
	if p := r.peer(r.leader); p != nil {
		return p.Addr, true
	}
	return "", false
}

// Voted is who has this node's vote in Epoch, or NoNode.
func (r *Replica) Voted() wire.NodeID { return r.voted }

// Committed is the end of what is known here to be committed. It never falls.
func (r *Replica) Committed() wire.Offset { return r.hw }

// Ready tells whether this node leads and has committed a record of its own epoch: then Committed is at or above
// everything that any earlier leader committed, and a machine that has applied it may decide.
func (r *Replica) Ready() bool { return r.state == Leader && r.exposed >= 0 }

// Log is the metadata log, for looking at.
func (r *Replica) Log() *storage.Log { return r.log }

// End is where the next record goes.
func (r *Replica) End() wire.Offset { return r.log.End() }

// Dead tells that the node has stopped: its disk failed or it would have lost what was committed (then Exit was called), or
// a clean shutdown is over.
func (r *Replica) Dead() bool { return r.dead }

// fail ends the node: nothing it would say now may be believed.
func (r *Replica) fail(e env.Env, err error) {
	r.dead = true
	e.Exit(err)
}

// Stop begins a clean shutdown; Dead tells when it is over. A leader resigns first, so that the others need not wait for
// a timeout (KIP-595).
func (r *Replica) Stop(e env.Env) {
	r.stopping = true
	if r.state != Leader || len(r.peers) == 0 {
		r.dead = true
		return
	}
	r.becomeResigned(e)
	e.Arm(env.Timer{Kind: timStop, Lane: env.LaneRaft}, r.cfg.RequestTimeout)
}

// Close gives the log back, flushed.
func (r *Replica) Close(e env.Env) error { return r.log.Close(e.Disk()) }
