package raft

import (
	"errors"
	"slices"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// appendLeaderChange appends LEADER_CHANGE, the first record of an epoch.
func (r *Replica) appendLeaderChange(e env.Env, granted []wire.NodeID) {
	m := wire.LeaderChange{LeaderID: r.cfg.Node}
	for _, v := range r.Voters() {
		m.Voters = append(m.Voters, wire.LeaderChangeVoter{VoterID: v.ID})
	}
	slices.Sort(granted)
	for _, id := range granted {
		m.GrantingVoters = append(m.GrantingVoters, wire.LeaderChangeVoter{VoterID: id})
	}
	o := wire.PlainBatch(r.log.End(), r.epoch)
	batch, err := wire.AppendControl(nil, o, wire.Timestamp(e.Wall().Millis()), m)
	if err == nil {
		_, err = r.appendAsLeader(e, batch)
	}
	if err != nil {
		r.fail(e, err)
	}
}

// ErrNotLeader is the error of Append if the replica is not the leader.
var ErrNotLeader = errors.New("this node does not lead the quorum")

// Append appends records as one batch, which is committed whole or not at all, and returns the new end of the log. The
// records are committed when Committed reaches that end, in a later event. After ErrNotLeader, and after an error for which
// NothingAppended is true, nothing was appended. After any other error the disk has failed, the replica is dead, and the
// log may or may not have the batch.
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

// appendAsLeader is the only function that appends to a leader's log. It may run on any lane (thread) of the process. The
// sync has two events of its own, flush and flushed, on the lane that serves fetches:
//
//	append ──▶ flush: the sync starts ··· it is complete ──▶ flushed: the records count for the majority, and are served
//
// So no lane can send a message that depends on the sync before the sync is complete. This is necessary because records
// on a majority must survive a power loss (KAFKA-10533). In Kafka the single thread of KafkaRaftClient ensures this
// order. Records that are appended during a sync share the next sync.
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

// checkQuorumTimeout returns the check-quorum period. If no majority fetches from a leader during that period, the leader
// resigns. Otherwise it could commit nothing, and its brokers would not look for another leader (KAFKA-15489). A single
// voter is its own majority (KAFKA-16144).
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

// updateCheckQuorum counts the fetch of a voter. The leader counts itself towards the majority.
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
