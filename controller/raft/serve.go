package raft

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// replicaState is the leader's view of one replica that fetches (LeaderState.ReplicaState).
type replicaState struct {
	id        wire.NodeID
	end       wire.Offset // the offset of its last fetch, or -1; a voter has all records below this offset on its device
	fetched   env.Time    // the time of that fetch
	leaderEnd wire.Offset // the end of the leader's log at that time
	caughtUp  env.Time    // the last time when it had the leader's whole log
}

// update records a fetch from an offset. The leader's log had some end at the replica's previous fetch. If the replica has
// reached that end now, the replica counts as caught up at the time of the previous fetch (KAFKA-4485).
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

// tryFetch builds the response to a fetch. The result enough reports whether the response should be sent at once. The
// argument fresh says that the request has just arrived. Only then does the fetch offset count as the end of the
// replica's log; it does not count again after the request was parked.
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
	// An observer gets committed records only, because here an observer has no log and so cannot truncate.
	bound := r.hw
	if voter != nil {
		bound = r.log.durableEnd
	}
	resp = r.fetchResponse(nil)
	data, err := r.log.Read(e.Disk(), q.offset, bound, int(q.maxBytes), true)
	if err != nil {
		return r.fetchResponse(kerr.KafkaStorageError), true
	}
	resp.records = data.Bytes
	// A new high watermark is sent at once; otherwise a follower would get it only with the next record or after its wait
	// (KIP-1166).
	news := r.exposed > q.hw
	return resp, len(data.Bytes) > 0 || news
}

// validateLeaderOnly checks that this voter leads the epoch of a request (validateLeaderOnlyRequest).
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

// validateOffsetAndEpoch checks whether a replica's log is a prefix of the leader's log. The arguments are the end of the
// replica's log and the epoch of the last record in it. If the logs diverge, the result is the greatest end that both may
// have in common (KIP-595), and the leader does not count the requested end towards a majority. If there were snapshots, a
// replica with an end below the leader's log start would get a snapshot id here.
func (r *Replica) validateOffsetAndEpoch(end wire.Offset, last wire.Epoch) (at epochEnd, diverges bool) {
	if end == 0 && r.log.Start() == 0 {
		return epochEnd{}, false
	}
	at = r.log.endOffsetForEpoch(last)
	return at, at.epoch != last || at.end < end
}

// updateReplicaState records the end of a replica's log, and raises the high watermark if a majority now has the records.
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
		return // the reader is not a replica
	}
	i, found := slices.BinarySearchFunc(r.observers, id, func(s replicaState, id wire.NodeID) int { return cmp.Compare(s.id, id) })
	if !found {
		r.observers = slices.Insert(r.observers, i, replicaState{id: id, end: -1})
	}
	r.observers[i].update(e, end, r.log.End())
	r.observers = slices.DeleteFunc(r.observers, func(s replicaState) bool { return e.Wall()-s.fetched > env.Time(observerTimeout) })
}

// observerTimeout is the time without a fetch after which a leader drops an observer
// (LeaderState.OBSERVER_SESSION_TIMEOUT_MS).
const observerTimeout = 5 * env.Minute

// maybeRaiseHW raises the leader's high watermark to the greatest offset below which a majority has all records on its
// devices (KIP-595). The leader exposes the high watermark only when it is above the first record of the leader's epoch. A
// record of an earlier epoch may be on a majority, and a later leader may still overwrite it (Raft's figure 8,
// KAFKA-12619).
func (r *Replica) maybeRaiseHW(e env.Env) bool {
	ends := []wire.Offset{r.log.durableEnd}
	for i := range r.peers {
		ends = append(ends, r.peers[i].end)
	}
	slices.Sort(ends)
	hw := ends[len(ends)-majority(len(r.Voters()))]
	if hw <= r.exposed || !r.cfg.Rules.MayExpose(hw, r.epochStart) {
		return false
	}
	r.exposed = hw
	r.raiseHW(e, hw)
	return true
}

// completeParked answers the parked fetches that need not wait any longer.
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

// refuseParked answers all parked fetches with an error, because this voter no longer leads.
func (r *Replica) refuseParked(e env.Env) {
	waiting := r.parked
	r.parked = nil
	for _, p := range waiting {
		r.answerParked(e, p, r.fetchResponse(kerr.NotLeaderForPartition))
	}
}

// expireParked answers a parked fetch when its wait is over.
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

// fetchResponse returns a response without records. It has the leader, its address and the high watermark, or an error.
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
