package raft

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// appendLeaderChange appends LEADER_CHANGE, the first record of an epoch.
func (r *Replica) appendLeaderChange(e env.Env, granted []wire.NodeID) {
	msg := kmsg.NewLeaderChangeMessage()
	msg.LeaderID = int32(r.cfg.Node)
	for _, v := range r.Voters() {
		msg.Voters = append(msg.Voters, leaderChangeVoter(v.ID))
	}
	slices.Sort(granted)
	for _, id := range granted {
		msg.GrantingVoters = append(msg.GrantingVoters, leaderChangeVoter(id))
	}
	o := wire.PlainBatch(r.log.End(), r.epoch)
	batch, err := wire.AppendControl(nil, o, wire.Timestamp(e.Wall().Millis()), wire.LeaderChange{LeaderChangeMessage: msg})
	if err == nil {
		_, err = r.appendAsLeader(e, batch)
	}
	if err != nil {
		r.fail(e, err)
	}
}

func leaderChangeVoter(id wire.NodeID) kmsg.LeaderChangeMessageVoter {
	v := kmsg.NewLeaderChangeMessageVoter()
	v.VoterID = int32(id)
	return v
}

// ErrNotLeader is the error of Append on a replica that does not lead.
var ErrNotLeader = errors.New("this node does not lead the quorum")

// Append appends records as one batch that is committed whole or not at all, and returns the log's new end; the records
// are committed when Committed reaches it, in a later event. After ErrNotLeader, and after an error for which
// NothingAppended is true, nothing was appended. Any other error is the disk's: the replica is dead, and the log may or
// may not have the batch.
func (r *Replica) Append(e env.Env, records []wire.Record) (wire.Offset, error) {
	if r.state != Leader || r.dead {
		return 0, ErrNotLeader
	}
	batch, err := wire.AppendBatch(nil, wire.PlainBatch(r.log.End(), r.epoch), records)
	if err != nil {
		return 0, err
	}
	return r.appendAsLeader(e, batch)
}

// NothingAppended reports whether an error of Append proves that nothing was appended.
func NothingAppended(err error) bool {
	var off *storage.Offline
	return !errors.As(err, &off)
}

// appendAsLeader is the only function that appends to a leader's log. It may run on any lane; the sync has events of its
// own, on the lane that serves fetches:
//
//	append ──▶ flush: the sync ··· when that is paid for ──▶ flushed: the records count as the leader's copy, and are served
//
// So no message that depends on the sync can leave before it, on any lane: the records that a majority has must survive
// a power loss (KAFKA-10533). Kafka has the single thread of KafkaRaftClient for that. Records appended meanwhile share
// the next sync.
func (r *Replica) appendAsLeader(e env.Env, batch []byte) (wire.Offset, error) {
	_, err := r.log.AppendAsLeader(e.Disk(), batch, r.epoch, storage.OriginRaft, e.Wall())
	if err != nil {
		if r.log.Offline() != nil {
			r.fail(e, err)
		}
		return 0, err
	}
	if !r.log.flushing {
		r.log.flushing = true
		e.Arm(env.Timer{Kind: timFlush, Lane: env.LaneRaft}, 0)
	}
	return r.log.End(), nil
}

func (r *Replica) flush(e env.Env) {
	if err := r.log.sync(e.Disk()); err != nil {
		r.fail(e, err)
		return
	}
	e.Arm(env.Timer{Kind: timFlushed, Lane: env.LaneRaft}, 0)
}

func (r *Replica) flushed(e env.Env) {
	r.log.durableEnd = r.log.syncedEnd
	if r.log.flushing = r.log.syncedEnd < r.log.End(); r.log.flushing {
		e.Arm(env.Timer{Kind: timFlush, Lane: env.LaneRaft}, 0)
	}
	if r.state == Leader {
		r.maybeRaiseHW(e)
		r.completeParked(e)
	}
}

// checkQuorumTimeout is the check-quorum period. A leader that no majority fetches from during it resigns: it could
// commit nothing, and its brokers would not look for another (KAFKA-15489). A single voter is its own majority
// (KAFKA-16144).
func (r *Replica) checkQuorumTimeout() env.Duration {
	timeout := r.cfg.Rules.CheckQuorum(r.cfg.FetchTimeout)
	if len(r.peers) == 0 || timeout <= 0 {
		return noTimeout
	}
	return timeout
}

// resetCheckQuorum restarts the check-quorum period.
func (r *Replica) resetCheckQuorum(e env.Env) {
	for i := range r.peers {
		r.peers[i].fetchedInPeriod = false
	}
	r.setTimeout(e, r.checkQuorumTimeout())
}

// updateCheckQuorum counts a voter's fetch. The leader itself is one of the majority.
func (r *Replica) updateCheckQuorum(e env.Env, p *peer) {
	p.fetchedInPeriod = true
	others := 0
	for i := range r.peers {
		if r.peers[i].fetchedInPeriod {
			others++
		}
	}
	if others+1 >= majority(len(r.Voters())) {
		r.resetCheckQuorum(e)
	}
}
