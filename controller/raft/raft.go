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

// Config has the settings of a replica; each comment gives Kafka's name of the setting.
type Config struct {
	Node            wire.NodeID
	Voters          []Voter // by rising id; Node is one of them
	ClusterID       string
	ElectionTimeout env.Duration // controller.quorum.election.timeout.ms: the shortest timeout; the longest is twice that
	FetchTimeout    env.Duration // controller.quorum.fetch.timeout.ms
	RequestTimeout  env.Duration // controller.quorum.request.timeout.ms
	RetryBackoff    env.Duration // controller.quorum.retry.backoff.ms
	BackoffMax      env.Duration // controller.quorum.election.backoff.max.ms: longest wait after a resignation
	FetchWait       env.Duration // how long the leader may hold a fetch
	FetchBytes      int32
	Log             storage.Config
	Rules           Rules
}

// DefaultConfig returns Kafka's defaults for a quorum.
func DefaultConfig(node wire.NodeID, voters []Voter) Config {
	return Config{
		Node: node, Voters: voters,
		ElectionTimeout: env.Second, FetchTimeout: 2 * env.Second, RequestTimeout: 2 * env.Second,
		RetryBackoff: 20 * env.Millisecond, BackoffMax: env.Second, FetchWait: 500 * env.Millisecond, FetchBytes: 8 << 20,
		Log: storage.DefaultConfig(), Rules: CurrentRules(),
	}
}

// Replica is one voter.
type Replica struct {
	cfg  Config
	log  metadataLog
	file electionFile
	dead bool // see Dead; a dead replica sends nothing

	state State
	election
	deadline   env.Instant // when the state's timer fires
	transition int64       // counts transitions; the response to a request from before the last transition is dropped

	hw wire.Offset // all records below it are committed; at most the log's end; never decreases while the process runs

	peers []peer // the other voters by rising id

	// Prospective and Candidate only.
	votes votes

	// Follower only.
	fetched bool // since this state began, the leader has answered a fetch without an error

	// Leader only.
	epochStart wire.Offset    // the offset of LEADER_CHANGE, the epoch's first record
	exposed    wire.Offset    // the high watermark in responses; -1 until a record of this epoch is committed
	observers  []replicaState // the other replicas that fetch, by rising id
	parked     []parked       // fetches that wait, in order of arrival
	lastParked int64          // the number of the last parked fetch

	stopping bool // a clean shutdown is under way
}

// peer is another voter.
type peer struct {
	Voter
	replicaState
	link            env.Link
	inFlight        bool // the peer has not yet answered a request that was sent in this state
	acknowledged    bool // Resigned: the peer answered EndQuorumEpoch
	fetchedInPeriod bool // Leader: the peer fetched in this check-quorum period
}

// Token kinds of a Replica. The controller's token kinds are lower.
const (
	tokVote  = FirstKind + iota // A: peer, B: transition
	tokFetch                    // A: peer, B: transition
	tokBegin                    // A: peer, B: transition
	tokEnd                      // A: peer, B: transition
)

// Timer kinds of a Replica. The controller's timer kinds are lower.
const (
	timState   = FirstKind + iota // election timeout, fetch timeout or check-quorum period
	timRetry                      // send the request again; A: peer, B: transition
	timBegin                      // send BeginQuorumEpoch again
	timParked                     // the wait of a parked fetch is over; A: the number of the fetch
	timStop                       // the clean shutdown ends, even if some voters have not answered EndQuorumEpoch
	timFlush                      // sync the appended records
	timFlushed                    // the sync that timFlush started is complete
)

// FirstKind is the first timer kind and token kind of a Replica. The controller passes all timers and tokens with this or
// a higher kind to the Replica.
const FirstKind = 1 << 8

// New makes a replica. Start reads its log and its vote from its disk.
func New(cfg Config) *Replica {
	r := &Replica{cfg: cfg, election: election{leader: wire.NoNode, voted: wire.NoNode}, exposed: -1, log: metadataLog{flushFirst: cfg.Rules.FlushFirst}, file: electionFile{sync: cfg.Rules.SyncVote}}
	for _, v := range cfg.Voters {
		if v.ID != cfg.Node {
			r.peers = append(r.peers, peer{Voter: v, replicaState: replicaState{id: v.ID, end: -1}})
		}
	}
	if len(r.peers)+1 != len(cfg.Voters) {
		panic(fmt.Sprintf("raft: node %d must be one of %d voters, once", cfg.Node, len(cfg.Voters)))
	}
	cfg.Rules.mustBeComplete()
	return r
}

// Start loads the log and the quorum state. If it returns an error, the disk has failed and the replica is unusable.
func (r *Replica) Start(e env.Env) error {
	log, _, err := storage.Open(e.Disk(), Dir, r.cfg.Log, storage.OpenOptions{Wall: e.Wall()})
	if err != nil {
		return err
	}
	r.log.Log = log
	if err := r.file.read(e.Disk()); err != nil {
		return err
	}
	// The log and the quorum-state file may be only in the page cache, if the previous process crashed after a write and
	// before the sync. That process sent nothing that depends on them; this process will, so it must sync them first.
	if err := r.file.syncNames(e.Disk()); err != nil {
		return err
	}
	if err := r.log.sync(e.Disk()); err != nil {
		return err
	}
	r.log.durableEnd = r.log.syncedEnd
	r.initialState(e)
	return nil
}

// Handles reports whether Receive serves a request.
func Handles(req env.Request) bool {
	switch req.(type) {
	case *kmsg.VoteRequest, *kmsg.BeginQuorumEpochRequest, *kmsg.EndQuorumEpochRequest, *kmsg.FetchRequest, *kmsg.DescribeQuorumRequest:
		return true
	}
	return false
}

// Receive serves a request for which Handles returned true.
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

// reply sends a response, unless this replica could not write the records or the vote that the response depends on.
func (r *Replica) reply(e env.Env, t env.Ticket, resp env.Response) {
	if !r.dead {
		e.Reply(t, resp)
	}
}

// Returned handles the response to one of this replica's requests.
func (r *Replica) Returned(e env.Env, tok env.Token, resp env.Response, err error) {
	p := r.peer(wire.NodeID(tok.A))
	if tok.B != r.transition || r.dead {
		return // the response is to a request of an earlier state
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
		ok = r.handleBeginResponse(e, resp.(*kmsg.BeginQuorumEpochResponse))
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

// Lost drops a connection that has closed. The calls on it have already failed.
func (r *Replica) Lost(l env.Link) {
	for i := range r.peers {
		if r.peers[i].link == l {
			r.peers[i].link = 0
		}
	}
}

// Fire handles a timer of this replica.
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

// sendPending sends a peer the request that the state requires, if any, unless a request to that peer is in flight.
func (r *Replica) sendPending(e env.Env, p *peer) {
	if p.inFlight || r.dead {
		return
	}
	switch r.state {
	case Prospective, Candidate:
		if !r.votes.has(p.ID) && !r.votes.lost(len(r.Voters())) {
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

// send sends a request to a peer. It connects first if there is no connection.
func (r *Replica) send(e env.Env, p *peer, kind uint16, req env.Request) {
	if p.link == 0 {
		p.link = e.Dial(p.Addr, env.LaneRaft)
	}
	p.inFlight = true
	e.Call(p.link, r.cfg.RequestTimeout, req, env.Token{Kind: kind, A: int64(p.ID), B: r.transition})
}

// peer returns another voter by id, or nil.
func (r *Replica) peer(id wire.NodeID) *peer {
	if i := slices.IndexFunc(r.peers, func(p peer) bool { return p.ID == id }); i >= 0 {
		return &r.peers[i]
	}
	return nil
}

// Voters returns the voters of the quorum by rising id, including this one. Apart from New, no other function reads
// Config.Voters, so that dynamic voters could be added (KIP-853).
func (r *Replica) Voters() []Voter { return r.cfg.Voters }

// majority returns the smallest number of voters that is a majority.
func majority(voters int) int { return voters/2 + 1 }

// State returns the replica's state.
func (r *Replica) State() State { return r.state }

// Epoch returns the newest epoch that this replica knows.
func (r *Replica) Epoch() wire.Epoch { return r.epoch }

// Leader returns the leader of the newest known epoch, or NoNode. A replica that resigned as leader still returns
// itself.
func (r *Replica) Leader() wire.NodeID { return r.leader }

// LeaderAddr returns the address of Leader; ok is false if no leader is known or this replica is the leader.
func (r *Replica) LeaderAddr() (addr env.Addr, ok bool) {
	if p := r.peer(r.leader); p != nil {
		return p.Addr, true
	}
	return "", false
}

// Voted returns the candidate that has this replica's vote in the newest known epoch, or NoNode.
func (r *Replica) Voted() wire.NodeID { return r.voted }

// Committed returns the high watermark as far as this replica knows it. It never decreases.
func (r *Replica) Committed() wire.Offset { return r.hw }

// Ready reports whether this replica leads and has committed a record of its own epoch. Then Committed is at or above the
// high watermark of every earlier leader, and a state machine that has applied the log up to Committed may decide.
func (r *Replica) Ready() bool { return r.state == Leader && r.exposed >= 0 }

// Log returns the metadata log. The caller must not change it.
func (r *Replica) Log() *storage.Log { return r.log.Log }

// End returns the offset of the next record.
func (r *Replica) End() wire.Offset { return r.log.End() }

// Dead reports whether the replica has stopped. Either its clean shutdown is over, or it has called Exit because its disk
// failed or it would have lost committed records.
func (r *Replica) Dead() bool { return r.dead }

// fail ends the process, because this voter can no longer take part in the quorum safely (Kafka's fatal fault handler).
func (r *Replica) fail(e env.Env, err error) {
	r.dead = true
	e.Exit(err)
}

// Stop begins a clean shutdown, which is over when Dead is true. A leader resigns first, so that the other voters need not
// wait for their fetch timeout (KIP-595).
func (r *Replica) Stop(e env.Env) {
	r.stopping = true
	if r.state != Leader || len(r.peers) == 0 {
		r.dead = true
		return
	}
	r.becomeResigned(e)
	e.Arm(env.Timer{Kind: timStop, Lane: env.LaneRaft}, r.cfg.RequestTimeout)
}

// Close flushes and closes the log.
func (r *Replica) Close(e env.Env) error { return r.log.Close(e.Disk()) }
