package raft

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// replicaState is what a leader knows of somebody who fetches.
type replicaState struct {
	id        wire.NodeID
	end       wire.Offset // its log's end as of its last fetch, all of it durable there if it is a voter; -1 if it never fetched
	fetched   env.Time    // when that was
	leaderEnd wire.Offset // where the leader's log ended when that was
	caughtUp  env.Time    // when it last had everything the leader had
}

// at takes in where a replica stands.
func (s *replicaState) update(e env.Env, offset, end wire.Offset) {
	switch {
	case offset >= end:
		s.caughtUp = e.Wall()
	case offset >= s.leaderEnd && s.end >= 0:
		s.caughtUp = max(s.caughtUp, s.fetched)
	}
	s.end, s.fetched, s.leaderEnd = offset, e.Wall(), end
}

// parked is a fetch that waits for records or for a new high watermark.
type parked struct {
	id     int64
	ticket env.Ticket
	req    fetchRequest
}

// handleFetchRequest serves a Fetch of the metadata log, or parks it until there are records or a new high watermark.
func (r *Replica) handleFetchRequest(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	q, err := fetchRequestFromKafka(req, r.cfg.ClusterID)
	if err != nil {
		r.reply(e, t, wire.Refusal(req, err.Code))
		return
	}
	if q.maxWait < 0 || q.offset < 0 || q.lastEpoch < 0 || q.lastEpoch > q.epoch {
		r.reply(e, t, fetchResponseToKafka(r.fetchResponse(kerr.InvalidRequest)))
		return
	}
	resp, enough := r.tryFetch(e, q, true)
	if enough || q.maxWait == 0 || r.dead {
		r.reply(e, t, fetchResponseToKafka(resp))
		return
	}
	r.lastParked++
	r.parked = append(r.parked, parked{r.lastParked, t, q})
	e.Arm(env.Timer{Kind: timParked, Lane: env.LaneRaft, A: r.lastParked}, min(q.maxWait, r.cfg.FetchWait))
}

// tryFetch answers a fetch as things are; enough says that the answer is worth sending at once. fresh says that the request
// has just come in: only then does the replica's position count.
func (r *Replica) tryFetch(e env.Env, q fetchRequest, fresh bool) (resp fetchResponse, enough bool) {
	if err := r.validateLeaderOnly(q.epoch); err != nil {
		return r.fetchResponse(err), true
	}
	if at, diverges := r.validateOffsetAndEpoch(q.offset, q.lastEpoch); diverges {
		resp = r.fetchResponse(nil)
		resp.diverging = at
		return resp, true
	}
	voter := r.peer(q.replica)
	if fresh {
		r.updateReplicaState(e, q.replica, voter, q.offset)
	}
	// An observer is served what is committed: it keeps no log, so what it has seen cannot be taken back.
	bound := r.hw
	if voter != nil {
		bound = r.durableEnd
	}
	resp = r.fetchResponse(nil)
	data, err := r.log.Read(e.Disk(), q.offset, bound, int(q.maxBytes), true)
	if err != nil {
		return r.fetchResponse(kerr.KafkaStorageError), true
	}
	resp.records = data.Bytes
	// Without this a follower would learn that something is committed with the next record only, or when its wait is over (KIP-1166).
	news := r.exposed > q.hw
	return resp, len(data.Bytes) > 0 || news
}

// validateLeaderOnly checks that this node leads the asker's epoch (validateLeaderOnlyRequest).
func (r *Replica) validateLeaderOnly(epoch wire.Epoch) *kerr.Error {
	switch {
	case epoch < r.epoch:
		return kerr.FencedLeaderEpoch
	case epoch > r.epoch:
		return kerr.UnknownLeaderEpoch
	case r.state != Leader:
		return kerr.NotLeaderForPartition
	}
	return nil
}

// validateOffsetAndEpoch finds out whether a log that ends at an offset, with its last record of an epoch, is a prefix of this one. If
// not, it answers how far the two may agree (KIP-595): before the position counts, for it may lie in another history. (With
// snapshots, an offset below the log's start is answered here with one.)
func (r *Replica) validateOffsetAndEpoch(end wire.Offset, last wire.Epoch) (at epochEnd, diverges bool) {
	if end == 0 && r.log.Start() == 0 {
		return epochEnd{}, false
	}
	at = r.endOffsetForEpoch(last)
	return at, at.epoch != last || at.end < end
}

// updateReplicaState takes in where a replica's log ends, and moves the high watermark if that is now on a majority.
func (r *Replica) updateReplicaState(e env.Env, id wire.NodeID, voter *peer, end wire.Offset) {
	if voter != nil {
		voter.update(e, end, r.log.End())
		r.updateCheckQuorum(e, voter)
		if r.maybeRaiseHW(e) {
			r.completeParked(e)
		}
		return
	}
	if id < 0 {
		return // a reader without a name
	}
	i, found := slices.BinarySearchFunc(r.observers, id, func(s replicaState, id wire.NodeID) int { return cmp.Compare(s.id, id) })
	if !found {
		r.observers = slices.Insert(r.observers, i, replicaState{id: id, end: -1})
	}
	r.observers[i].update(e, end, r.log.End())
	r.observers = slices.DeleteFunc(r.observers, func(s replicaState) bool { return e.Wall()-s.fetched > env.Time(observerTimeout) })
}

// observerTimeout is when a leader forgets an observer (LeaderState.OBSERVER_SESSION_TIMEOUT_MS).
const observerTimeout = 5 * env.Minute

// maybeRaiseHW moves the leader's high watermark to the greatest offset that a majority has, durably (KIP-595). It is exposed only
// when it is past the epoch's first record: records of earlier epochs on a majority may still be overwritten by a
// leader that has a later epoch's (Raft's figure 8, KAFKA-12619).
func (r *Replica) maybeRaiseHW(e env.Env) bool {
	ends := []wire.Offset{r.durableEnd}
	for i := range r.peers {
		ends = append(ends, r.peers[i].end)
	}
	slices.Sort(ends)
	hw := ends[len(ends)-r.majority()]
	if hw <= r.exposed || !r.cfg.Rules.MayExpose(hw, r.epochStart) {
		return false
	}
	r.exposed = hw
	r.raiseHW(e, hw)
	return true
}

// completeParked answers the parked fetches for which there is something now.
func (r *Replica) completeParked(e env.Env) {
	waiting := r.parked
	r.parked = nil
	for _, p := range waiting {
		if resp, enough := r.tryFetch(e, p.req, false); enough {
			r.answerParked(e, p, resp)
		} else {
			r.parked = append(r.parked, p)
		}
	}
}

// refuseParked answers all parked fetches: this node leads no longer.
func (r *Replica) refuseParked(e env.Env) {
	waiting := r.parked
	r.parked = nil
	for _, p := range waiting {
		r.answerParked(e, p, r.fetchResponse(kerr.NotLeaderForPartition))
	}
}

// expireParked answers a fetch that waited long enough.
func (r *Replica) expireParked(e env.Env, id int64) {
	i := slices.IndexFunc(r.parked, func(p parked) bool { return p.id == id })
	if i < 0 {
		return
	}
	p := r.parked[i]
	r.parked = slices.Delete(r.parked, i, i+1)
	resp, _ := r.tryFetch(e, p.req, false)
	r.answerParked(e, p, resp)
}

func (r *Replica) answerParked(e env.Env, p parked, resp fetchResponse) {
	e.Disarm(env.Timer{Kind: timParked, Lane: env.LaneRaft, A: p.id})
	r.reply(e, p.ticket, fetchResponseToKafka(resp))
}

// fetchResponse is an answer without records: the leader, its address, and what is committed; or an error.
func (r *Replica) fetchResponse(err *kerr.Error) fetchResponse {
	resp := fetchResponse{response: r.response(err), hw: r.exposed, start: r.log.Start(), diverging: epochEnd{epoch: -1}}
	if err != nil {
		resp.hw = -1
	}
	if i := slices.IndexFunc(r.Voters(), func(v Voter) bool { return v.ID == r.leader }); i >= 0 {
		resp.leaderAddr = r.Voters()[i].Addr
	}
	return resp
}
