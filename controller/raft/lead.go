package raft

import (
	"cmp"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker/storage"
	"samsa/sim/env"
	"samsa/wire"
)

// lead enters Leader: the file says so first, or a restart would not find out that this node led, and had better not go on
// (KAFKA-10527). Then the epoch's first record is appended: without a record of its own epoch a leader can commit nothing
// (KAFKA-12619), so it writes one at once.
func (n *Node) lead(e env.Env) {
	n.leader = n.cfg.Node
	if !n.remember(e) {
		return
	}
	granted := slices.Clone(n.granted)
	n.state, n.heard, n.exposed, n.epochStart = Leader, false, -1, n.log.End()
	n.turn++
	n.observers = nil
	for i := range n.peers {
		p := &n.peers[i]
		p.calling, p.told, p.current = false, false, false
		p.replica = replica{id: p.ID, end: -1}
	}
	e.Note(notes[Leader], int64(n.cfg.Node), int64(n.epoch), int64(n.leader), int64(n.log.End()))
	n.expectQuorum(e)
	if n.open(e, granted); n.dead {
		return
	}
	n.announce(e)
}

// open appends LEADER_CHANGE.
func (n *Node) open(e env.Env, granted []wire.NodeID) {
	msg := kmsg.NewLeaderChangeMessage()
	msg.LeaderID = int32(n.cfg.Node)
	for _, v := range n.cfg.Voters {
		msg.Voters = append(msg.Voters, leaderChangeVoter(v.ID))
	}
	slices.Sort(granted)
	for _, id := range granted {
		msg.GrantingVoters = append(msg.GrantingVoters, leaderChangeVoter(id))
	}
	o := wire.PlainBatch(n.log.End(), n.epoch)
	batch, err := wire.AppendControl(nil, o, wire.Timestamp(e.Wall().Millis()), wire.LeaderChange{LeaderChangeMessage: msg})
	if err == nil {
		_, err = n.append(e, batch)
	}
	if err != nil {
		n.die(e, err)
	}
}

func leaderChangeVoter(id wire.NodeID) kmsg.LeaderChangeMessageVoter {
	v := kmsg.NewLeaderChangeMessageVoter()
	v.VoterID = int32(id)
	return v
}

// ErrNotLeader says that nothing was appended: this node does not lead.
var ErrNotLeader = errors.New("this node does not lead the quorum")

// Append writes records as one batch that is committed whole or not at all. The result is the log's new end; the records
// are committed when Committed reaches it, in a later event. After ErrNotLeader, and after an error for which Certain is true, nothing was
// written; any other is the disk's, and then this node is dead and nobody knows.
func (n *Node) Append(e env.Env, records []wire.Record) (wire.Offset, error) {
	if n.state != Leader || n.dead {
		return 0, ErrNotLeader
	}
	batch, err := wire.AppendBatch(nil, wire.PlainBatch(n.log.End(), n.epoch), records)
	if err != nil {
		return 0, err
	}
	return n.append(e, batch)
}

// Certain tells of an error of Append whether certainly nothing was written.
func Certain(err error) bool {
	var off *storage.Offline
	return !errors.As(err, &off)
}

// append is the leader's one way into the log. Whoever appends may be on any lane; what becomes of it there has events of
// its own, on the lane that serves fetches:
//
//	append ──▶ harden: the sync ··· when that is paid for ──▶ hardened: it counts as the leader's copy, and is served
//
// So nothing that rests on the sync can leave before it, from whatever lane: what a majority "has" must survive a power
// loss (KAFKA-10533). Kafka has the one thread of KafkaRaftClient for that. What is appended meanwhile shares the next sync.
func (n *Node) append(e env.Env, batch []byte) (wire.Offset, error) {
	_, err := n.log.AppendAsLeader(e.Disk(), batch, n.epoch, storage.OriginRaft, e.Wall())
	if err != nil {
		if n.log.Offline() != nil {
			n.die(e, err)
		}
		return 0, err
	}
	if !n.hardening {
		n.hardening = true
		e.Arm(env.Timer{Kind: timHarden, Lane: env.LaneRaft}, 0)
	}
	return n.log.End(), nil
}

func (n *Node) harden(e env.Env) {
	if err := n.flush(e); err != nil {
		n.die(e, err)
		return
	}
	e.Arm(env.Timer{Kind: timHardened, Lane: env.LaneRaft}, 0)
}

func (n *Node) hardened(e env.Env) {
	n.durable = n.synced
	if n.hardening = n.synced < n.log.End(); n.hardening {
		e.Arm(env.Timer{Kind: timHarden, Lane: env.LaneRaft}, 0)
	}
	if n.state == Leader {
		n.advance(e)
		n.wake(e)
	}
}

// Scan hands over the data records in [from, to) in order.
func (n *Node) Scan(e env.Env, from, to wire.Offset, apply func(wire.Record)) error {
	for from < to {
		data, err := n.log.Read(e.Disk(), from, to, scanBytes, true)
		if err != nil {
			return err
		}
		if data.Next <= from {
			return nil // to lies inside a batch, or behind the end
		}
		for b, err := range wire.Batches(data.Bytes) {
			if err != nil {
				return err
			}
			if b.IsControl() {
				continue
			}
			for r, err := range b.Records() {
				if err != nil {
					return err
				}
				if r.Offset >= from {
					apply(r)
				}
			}
		}
		from = data.Next
	}
	return nil
}

// scanBytes is how much Scan reads at once.
const scanBytes = 1 << 20

// expectQuorum starts the check-quorum period: who does not hear fetches of a majority within it resigns, for it can
// commit nothing and hides that from the brokers (KAFKA-15489). A single voter hears nobody and needs nobody (KAFKA-16144).
func (n *Node) expectQuorum(e env.Env) {
	for i := range n.peers {
		n.peers[i].current = false
	}
	patience := n.cfg.Rules.CheckQuorum(n.cfg.FetchTimeout)
	if len(n.peers) == 0 || patience <= 0 {
		e.Disarm(env.Timer{Kind: timState, Lane: env.LaneRaft})
		return
	}
	n.deadline = e.Now().Add(patience)
	e.Arm(env.Timer{Kind: timState, Lane: env.LaneRaft}, patience)
}

// heardFrom counts a voter's fetch for the check-quorum. The leader itself is one of the majority.
func (n *Node) heardFrom(e env.Env, p *peer) {
	p.current = true
	others := 0
	for i := range n.peers {
		if n.peers[i].current {
			others++
		}
	}
	if others+1 >= n.majority() {
		n.expectQuorum(e)
	}
}

// announce tells every voter who leads, again and again: one that was away would else wait for its timeout.
func (n *Node) announce(e env.Env) {
	if n.state != Leader || len(n.peers) == 0 {
		return
	}
	for i := range n.peers {
		if p := &n.peers[i]; !p.calling {
			n.tellBegin(e, p)
		}
	}
	e.Arm(env.Timer{Kind: timBegin, Lane: env.LaneRaft}, n.cfg.FetchTimeout/2)
}

func (n *Node) tellBegin(e env.Env, p *peer) {
	req := kmsg.NewPtrBeginQuorumEpochRequest()
	req.SetVersion(1)
	req.ClusterID, req.VoterID = kmsg.StringPtr(n.cfg.ClusterID), int32(p.ID)
	rp := kmsg.NewBeginQuorumEpochRequestTopicPartition()
	rp.LeaderID, rp.LeaderEpoch = int32(n.cfg.Node), int32(n.epoch)
	rt := kmsg.NewBeginQuorumEpochRequestTopic()
	rt.Topic, rt.Partitions = Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	n.call(e, p, tokBegin, req)
}

func (n *Node) beginTold(e env.Env, p *peer, resp *kmsg.BeginQuorumEpochResponse) bool {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	rp := &resp.Topics[0].Partitions[0]
	if !n.told(e, rp.ErrorCode, wire.Epoch(rp.LeaderEpoch), wire.NodeID(rp.LeaderID)) && rp.ErrorCode == 0 {
		p.told = true
	}
	return true // the next announcement is due anyway
}

// begun serves BeginQuorumEpoch: somebody was elected.
func (n *Node) begun(e env.Env, req *kmsg.BeginQuorumEpochRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.BeginQuorumEpochResponse)
	if resp.ErrorCode = n.misdirected(req.ClusterID, len(req.Topics)); resp.ErrorCode != 0 {
		return resp
	}
	rt := &req.Topics[0]
	if rt.Topic != Topic || len(rt.Partitions) != 1 || rt.Partitions[0].Partition != 0 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	p := &rt.Partitions[0]
	leader, epoch := wire.NodeID(p.LeaderID), wire.Epoch(p.LeaderEpoch)
	err := n.fromVoter(leader, epoch)
	switch {
	case err != nil:
	case !n.observe(e, epoch, leader):
		err = kerr.UnknownServerError // Kafka's handler throws
	case req.VoterID >= 0 && wire.NodeID(req.VoterID) != n.cfg.Node:
		err = kerr.InvalidVoterKey
	}
	rp := kmsg.NewBeginQuorumEpochResponseTopicPartition()
	rp.ErrorCode, rp.LeaderID, rp.LeaderEpoch = code(err), int32(n.leader), int32(n.epoch)
	at := kmsg.NewBeginQuorumEpochResponseTopic()
	at.Topic, at.Partitions = Topic, append(at.Partitions, rp)
	resp.Topics = append(resp.Topics, at)
	return resp
}

// tellEnd tells a voter that this leader resigned, and who should try first: those whose logs are longest.
func (n *Node) tellEnd(e env.Env, p *peer) {
	req := kmsg.NewPtrEndQuorumEpochRequest()
	req.SetVersion(1)
	req.ClusterID = kmsg.StringPtr(n.cfg.ClusterID)
	rp := kmsg.NewEndQuorumEpochRequestTopicPartition()
	rp.LeaderID, rp.LeaderEpoch = int32(n.cfg.Node), int32(n.epoch)
	for _, id := range n.successors() {
		rp.PreferredSuccessors = append(rp.PreferredSuccessors, int32(id))
		c := kmsg.NewEndQuorumEpochRequestTopicPartitionPreferredCandidate()
		c.CandidateID = int32(id)
		rp.PreferredCandidates = append(rp.PreferredCandidates, c)
	}
	rt := kmsg.NewEndQuorumEpochRequestTopic()
	rt.Topic, rt.Partitions = Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	n.call(e, p, tokEnd, req)
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

func (n *Node) endTold(e env.Env, p *peer, resp *kmsg.EndQuorumEpochResponse) bool {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	rp := &resp.Topics[0].Partitions[0]
	if n.told(e, rp.ErrorCode, wire.Epoch(rp.LeaderEpoch), wire.NodeID(rp.LeaderID)) || rp.ErrorCode != 0 {
		return true
	}
	p.told = true
	if n.stopping && !slices.ContainsFunc(n.peers, func(p peer) bool { return !p.told }) {
		n.dead = true
	}
	return true
}

// ended serves EndQuorumEpoch: the leader gives up. Its favourite campaigns at once, the others later, each twice as
// late as the one before it, so that they do not split the vote (KIP-595).
func (n *Node) ended(e env.Env, req *kmsg.EndQuorumEpochRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.EndQuorumEpochResponse)
	if resp.ErrorCode = n.misdirected(req.ClusterID, len(req.Topics)); resp.ErrorCode != 0 {
		return resp
	}
	rt := &req.Topics[0]
	if rt.Topic != Topic || len(rt.Partitions) != 1 || rt.Partitions[0].Partition != 0 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	p := &rt.Partitions[0]
	leader, epoch := wire.NodeID(p.LeaderID), wire.Epoch(p.LeaderEpoch)
	err := n.fromVoter(leader, epoch)
	if err == nil && !n.observe(e, epoch, leader) {
		err = kerr.UnknownServerError
	}
	if err == nil && n.state == Follower && n.leader == leader {
		favourites := p.PreferredSuccessors
		for _, c := range p.PreferredCandidates {
			favourites = append(favourites[:len(favourites):len(favourites)], c.CandidateID)
		}
		if len(p.PreferredCandidates) > 0 {
			favourites = favourites[len(p.PreferredSuccessors):]
		}
		wait := n.successionWait(slices.Index(favourites, int32(n.cfg.Node)), len(favourites))
		n.deadline = e.Now().Add(wait)
		e.Arm(env.Timer{Kind: timState, Lane: env.LaneRaft}, wait)
	}
	rp := kmsg.NewEndQuorumEpochResponseTopicPartition()
	rp.ErrorCode, rp.LeaderID, rp.LeaderEpoch = code(err), int32(n.leader), int32(n.epoch)
	at := kmsg.NewEndQuorumEpochResponseTopic()
	at.Topic, at.Partitions = Topic, append(at.Partitions, rp)
	resp.Topics = append(resp.Topics, at)
	return resp
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
