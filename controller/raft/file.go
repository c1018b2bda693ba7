package raft

import (
	"slices"

	"samsa/sim/env"
	"samsa/wire"
)

const (
	filePath = Dir + "/" + wire.QuorumStateFile
	fileTemp = filePath + ".tmp"
)

// readElection reads the quorum-state file. A voter without one knows of no election.
func (r *Replica) readElection(d env.Disk) (wire.QuorumState, error) {
	none := wire.QuorumState{LeaderID: wire.NoNode, VotedID: wire.NoNode}
	f, err := d.Open(filePath, false)
	if err == env.ErrNotExist {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	size, err := d.Size(f)
	var content []byte
	if err == nil {
		content, err = d.ReadAt(f, 0, int(size))
	}
	if closed := d.Close(f); err == nil {
		err = closed
	}
	if err != nil {
		return none, err
	}
	return wire.ParseQuorumState(content)
}

// persistElection makes epoch, leader and vote durable before any message leaves that rests on them (KIP-595). A voter that cannot
// write them down stops.
func (r *Replica) persistElection(e env.Env) bool {
	q := wire.QuorumState{LeaderID: r.leader, LeaderEpoch: r.epoch, VotedID: r.voted}
	for _, v := range r.Voters() {
		q.CurrentVoters = append(q.CurrentVoters, v.ID)
	}
	if q.LeaderID == r.persisted.LeaderID && q.LeaderEpoch == r.persisted.LeaderEpoch && q.VotedID == r.persisted.VotedID &&
		slices.Equal(q.CurrentVoters, r.persisted.CurrentVoters) {
		return true
	}
	if err := r.writeElection(e.Disk(), wire.AppendQuorumState(nil, q)); err != nil {
		r.fail(e, err)
		return false
	}
	r.persisted = q
	return true
}

// writeElection replaces the file: after any crash the old or the new one is there, whole.
func (r *Replica) writeElection(d env.Disk, content []byte) error {
	f, err := d.Open(fileTemp, true)
	if err != nil {
		return err
	}
	err = d.Truncate(f, 0)
	if err == nil {
		err = d.Append(f, content)
	}
	if err == nil {
		err = d.Sync(f)
	}
	if closed := d.Close(f); err == nil {
		err = closed
	}
	if err == nil {
		err = d.Rename(fileTemp, filePath)
	}
	if err == nil && r.cfg.Rules.SyncVote {
		err = d.SyncDir(Dir)
	}
	return err
}

// syncNames makes the two names durable that an earlier process may not have synced: the log's directory and the quorum-state file
// in it.
func (r *Replica) syncNames(d env.Disk) error {
	if !r.cfg.Rules.SyncVote {
		return nil
	}
	if err := d.SyncDir(""); err != nil {
		return err
	}
	return d.SyncDir(Dir)
}
