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
	req    *kmsg.FetchRequest
}

// fetch serves a Fetch of the metadata log, or parks it until there is something to tell.
func (n *Node) fetch(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	if resp.ErrorCode = n.misdirected(req.ClusterID, len(req.Topics)); resp.ErrorCode == 0 {
		if rt := &req.Topics[0]; wire.TopicID(rt.TopicID) != wire.MetadataTopicID || len(rt.Partitions) != 1 || rt.Partitions[0].Partition != 0 {
			resp.ErrorCode = kerr.InvalidRequest.Code
		}
	}
	if resp.ErrorCode != 0 {
		n.reply(e, t, resp)
		return
	}
	rp := &req.Topics[0].Partitions[0]
	if req.MaxWaitMillis < 0 || rp.FetchOffset < 0 || rp.LastFetchedEpoch < 0 || rp.LastFetchedEpoch > rp.CurrentLeaderEpoch {
		n.reply(e, t, n.fetchError(req, kerr.InvalidRequest))
		return
	}
	resp, enough := n.read(e, req, true)
	if enough || req.MaxWaitMillis == 0 || n.dead {
		n.reply(e, t, resp)
		return
	}
	n.parks++
	n.parked = append(n.parked, parked{n.parks, t, req})
	wait := min(env.Duration(req.MaxWaitMillis)*env.Millisecond, n.cfg.FetchWait)
	e.Arm(env.Timer{Kind: timParked, Lane: env.LaneRaft, A: n.parks}, wait)
}

// read answers a fetch as things are; enough says that the answer is worth sending at once. fresh says that the request
// has just come in: only then does the asker's position count.
func (n *Node) read(e env.Env, req *kmsg.FetchRequest, fresh bool) (resp *kmsg.FetchResponse, enough bool) {
	rp := &req.Topics[0].Partitions[0]
	if err := n.forLeader(wire.Epoch(rp.CurrentLeaderEpoch)); err != nil {
		return n.fetchError(req, err), true
	}
	from, id := wire.Offset(rp.FetchOffset), wire.NodeID(req.ReplicaState.ID)
	if epoch, end, parts := n.validate(from, wire.Epoch(rp.LastFetchedEpoch)); parts {
		resp, ap := n.fetchResponse(req)
		ap.DivergingEpoch.Epoch, ap.DivergingEpoch.EndOffset = int32(epoch), int64(end)
		return resp, true
	}
	voter := n.peer(id)
	if fresh {
		n.stands(e, id, voter, from)
	}
	// An observer is served what is committed: it keeps no log, so what it has seen cannot be taken back.
	bound := n.hw
	if voter != nil {
		bound = n.durable
	}
	resp, ap := n.fetchResponse(req)
	data, err := n.log.Read(e.Disk(), from, bound, int(max(min(rp.PartitionMaxBytes, req.MaxBytes), 0)), true)
	if err != nil {
		return n.fetchError(req, kerr.KafkaStorageError), true
	}
	ap.RecordBatches = data.Bytes
	// Else a follower would hear that something is committed with the next record only, or when its wait is over (KIP-1166).
	news := req.Version >= 18 && n.exposed > wire.Offset(rp.HighWatermark)
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
func (n *Node) validate(end wire.Offset, last wire.Epoch) (epoch wire.Epoch, at wire.Offset, parts bool) {
	if end == 0 && n.log.Start() == 0 {
		return 0, 0, false
	}
	epoch, at = n.endOf(last)
	return epoch, at, epoch != last || at < end
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
		n.unpark(e, p, n.fetchError(p.req, kerr.NotLeaderForPartition))
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

func (n *Node) unpark(e env.Env, p parked, resp env.Response) {
	e.Disarm(env.Timer{Kind: timParked, Lane: env.LaneRaft, A: p.id})
	n.reply(e, p.ticket, resp)
}

// fetchResponse is an answer without records: who leads, where, and what is committed.
func (n *Node) fetchResponse(req *kmsg.FetchRequest) (*kmsg.FetchResponse, *kmsg.FetchResponseTopicPartition) {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.HighWatermark, rp.LastStableOffset, rp.LogStartOffset = int64(n.exposed), int64(n.exposed), int64(n.log.Start())
	rp.CurrentLeader.LeaderID, rp.CurrentLeader.LeaderEpoch = int32(n.leader), int32(n.epoch)
	rt := kmsg.NewFetchResponseTopic()
	rt.TopicID, rt.Partitions = req.Topics[0].TopicID, append(rt.Partitions, rp)
	resp.Topics = append(resp.Topics, rt)
	for _, v := range n.cfg.Voters {
		if v.ID == n.leader {
			b := kmsg.NewFetchResponseBroker()
			b.NodeID, b.Host, b.Port = int32(v.ID), string(v.Addr), 9093
			resp.Brokers = append(resp.Brokers, b)
		}
	}
	return resp, &resp.Topics[0].Partitions[0]
}

func (n *Node) fetchError(req *kmsg.FetchRequest, err *kerr.Error) *kmsg.FetchResponse {
	resp, rp := n.fetchResponse(req)
	rp.ErrorCode, rp.HighWatermark, rp.LastStableOffset = err.Code, -1, -1
	return resp
}

// describe serves DescribeQuorum (KIP-836): a leader tells how far everybody is.
func (n *Node) describe(e env.Env, req *kmsg.DescribeQuorumRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.DescribeQuorumResponse)
	for _, rt := range req.Topics {
		at := kmsg.NewDescribeQuorumResponseTopic()
		at.Topic = rt.Topic
		for _, p := range rt.Partitions {
			rp := kmsg.NewDescribeQuorumResponseTopicPartition()
			rp.Partition = p.Partition
			switch {
			case rt.Topic != wire.MetadataTopic || p.Partition != 0:
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case n.state != Leader:
				rp.ErrorCode = kerr.NotLeaderForPartition.Code
			default:
				n.describeTo(e, &rp)
			}
			at.Partitions = append(at.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return resp
}

func (n *Node) describeTo(e env.Env, rp *kmsg.DescribeQuorumResponseTopicPartition) {
	rp.LeaderID, rp.LeaderEpoch, rp.HighWatermark = int32(n.leader), int32(n.epoch), int64(n.exposed)
	state := func(r replica) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		s := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		s.ReplicaID, s.LogEndOffset = int32(r.id), int64(r.end)
		s.LastFetchTimestamp, s.LastCaughtUpTimestamp = -1, -1
		if r.end >= 0 {
			s.LastFetchTimestamp = r.fetched.Millis()
		}
		if r.caughtUp > 0 {
			s.LastCaughtUpTimestamp = r.caughtUp.Millis()
		}
		return s
	}
	now := e.Wall()
	for _, v := range n.cfg.Voters {
		r := replica{id: v.ID, end: n.log.End(), fetched: now, caughtUp: now}
		if p := n.peer(v.ID); p != nil {
			r = p.replica
		}
		rp.CurrentVoters = append(rp.CurrentVoters, state(r))
	}
	for _, r := range n.observers {
		rp.Observers = append(rp.Observers, state(r))
	}
}
