package raft

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// replica is what a leader knows of somebody who fetches.
type replica struct {
	id       wire.NodeID
	end      wire.Offset // its log's end as of its last fetch, all of it durable there if it is a voter; -1 if it never fetched
	fetched  env.Time    // when that was
	then     wire.Offset // where the leader's log ended when that was
	caughtUp env.Time    // when it last had everything the leader had
}

// at takes in where a replica stands.
func (r *replica) at(e env.Env, offset, end wire.Offset) {
	switch {
	case offset >= end:
		r.caughtUp = e.Wall()
	case offset >= r.then && r.end >= 0:
		r.caughtUp = max(r.caughtUp, r.fetched)
	}
	r.end, r.fetched, r.then = offset, e.Wall(), end
}

// parked is a fetch that waits for records or for a new high watermark.
type parked struct {
	id     int64
	ticket env.Ticket
	req    fetchRequest
}

// handleFetchRequest serves a Fetch of the metadata log, or parks it until there are records or a new high watermark.
func (n *Node) handleFetchRequest(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	q, err := fetchRequestFromKafka(req, n.cfg.ClusterID)
	if err != nil {
		n.reply(e, t, wire.Refusal(req, err.Code))
		return
	}
	if q.maxWait < 0 || q.offset < 0 || q.lastEpoch < 0 || q.lastEpoch > q.epoch {
		n.reply(e, t, fetchResponseToKafka(n.fetchResponse(kerr.InvalidRequest)))
		return
	}
	resp, enough := n.read(e, q, true)
	if enough || q.maxWait == 0 || n.dead {
		n.reply(e, t, fetchResponseToKafka(resp))
		return
	}
	n.parks++
	n.parked = append(n.parked, parked{n.parks, t, q})
	e.Arm(env.Timer{Kind: timParked, Lane: env.LaneRaft, A: n.parks}, min(q.maxWait, n.cfg.FetchWait))
}

// read answers a fetch as things are; enough says that the answer is worth sending at once. fresh says that the request
// has just come in: only then does the replica's position count.
func (n *Node) read(e env.Env, q fetchRequest, fresh bool) (resp fetchResponse, enough bool) {
	if err := n.forLeader(q.epoch); err != nil {
		return n.fetchResponse(err), true
	}
	if at, diverges := n.validate(q.offset, q.lastEpoch); diverges {
		resp = n.fetchResponse(nil)
		resp.diverging = at
		return resp, true
	}
	voter := n.peer(q.replica)
	if fresh {
		n.stands(e, q.replica, voter, q.offset)
	}
	// An observer is served what is committed: it keeps no log, so what it has seen cannot be taken back.
	bound := n.hw
	if voter != nil {
		bound = n.durable
	}
	resp = n.fetchResponse(nil)
	data, err := n.log.Read(e.Disk(), q.offset, bound, int(q.maxBytes), true)
	if err != nil {
		return n.fetchResponse(kerr.KafkaStorageError), true
	}
	resp.records = data.Bytes
	// Without this a follower would learn that something is committed with the next record only, or when its wait is over (KIP-1166).
	news := n.exposed > q.hw
	return resp, len(data.Bytes) > 0 || news
}

// forLeader checks that this node leads the asker's epoch (validateLeaderOnlyRequest).
func (n *Node) forLeader(epoch wire.Epoch) *kerr.Error {
	switch {
	case epoch < n.epoch:
		return kerr.FencedLeaderEpoch
	case epoch > n.epoch:
		return kerr.UnknownLeaderEpoch
	case n.state != Leader:
		return kerr.NotLeaderForPartition
	}
	return nil
}

// validate finds out whether a log that ends at an offset, with its last record of an epoch, is a prefix of this one. If
// not, it answers how far the two may agree (KIP-595): before the position counts, for it may lie in another history. (With
// snapshots, an offset below the log's start is answered here with one.)
func (n *Node) validate(end wire.Offset, last wire.Epoch) (at epochEnd, diverges bool) {
	if end == 0 && n.log.Start() == 0 {
		return epochEnd{}, false
	}
	at = n.endOf(last)
	return at, at.epoch != last || at.end < end
}

// stands takes in where a replica's log ends, and moves the high watermark if that is now on a majority.
func (n *Node) stands(e env.Env, id wire.NodeID, voter *peer, end wire.Offset) {
	if voter != nil {
		voter.at(e, end, n.log.End())
		n.heardFrom(e, voter)
		if n.advance(e) {
			n.wake(e)
		}
		return
	}
	if id < 0 {
		return // a reader without a name
	}
	i, found := slices.BinarySearchFunc(n.observers, id, func(r replica, id wire.NodeID) int { return cmp.Compare(r.id, id) })
	if !found {
		n.observers = slices.Insert(n.observers, i, replica{id: id, end: -1})
	}
	n.observers[i].at(e, end, n.log.End())
	n.observers = slices.DeleteFunc(n.observers, func(r replica) bool { return e.Wall()-r.fetched > env.Time(observerTimeout) })
}

// observerTimeout is when a leader forgets an observer (LeaderState.OBSERVER_SESSION_TIMEOUT_MS).
const observerTimeout = 5 * env.Minute

// advance moves the leader's high watermark to the greatest offset that a majority has, durably (KIP-595). It is exposed only
// when it is past the epoch's first record: records of earlier epochs on a majority may still be overwritten by a
// leader that has a later epoch's (Raft's figure 8, KAFKA-12619).
func (n *Node) advance(e env.Env) bool {
	ends := []wire.Offset{n.durable}
	for i := range n.peers {
		ends = append(ends, n.peers[i].end)
	}
	slices.Sort(ends)
	hw := ends[len(ends)-n.majority()]
	if hw <= n.exposed || !n.cfg.Rules.MayExpose(hw, n.epochStart) {
		return false
	}
	n.exposed = hw
	n.commit(e, hw)
	return true
}

// wake answers the parked fetches for which there is something now.
func (n *Node) wake(e env.Env) {
	waiting := n.parked
	n.parked = nil
	for _, p := range waiting {
		if resp, enough := n.read(e, p.req, false); enough {
			n.unpark(e, p, resp)
		} else {
			n.parked = append(n.parked, p)
		}
	}
}

// refuseParked answers all parked fetches: this node leads no longer.
func (n *Node) refuseParked(e env.Env) {
	waiting := n.parked
	n.parked = nil
	for _, p := range waiting {
		n.unpark(e, p, n.fetchResponse(kerr.NotLeaderForPartition))
	}
}

// expire answers a fetch that waited long enough.
func (n *Node) expire(e env.Env, id int64) {
	i := slices.IndexFunc(n.parked, func(p parked) bool { return p.id == id })
	if i < 0 {
		return
	}
	p := n.parked[i]
	n.parked = slices.Delete(n.parked, i, i+1)
	resp, _ := n.read(e, p.req, false)
	n.unpark(e, p, resp)
}

func (n *Node) unpark(e env.Env, p parked, resp fetchResponse) {
	e.Disarm(env.Timer{Kind: timParked, Lane: env.LaneRaft, A: p.id})
	n.reply(e, p.ticket, fetchResponseToKafka(resp))
}

// fetchResponse is an answer without records: the leader, its address, and what is committed; or an error.
func (n *Node) fetchResponse(err *kerr.Error) fetchResponse {
	r := fetchResponse{response: n.response(err), hw: n.exposed, start: n.log.Start(), diverging: epochEnd{epoch: -1}}
	if err != nil {
		r.hw = -1
	}
	if i := slices.IndexFunc(n.Voters(), func(v Voter) bool { return v.ID == n.leader }); i >= 0 {
		r.leaderAddr = n.Voters()[i].Addr
	}
	return r
}
