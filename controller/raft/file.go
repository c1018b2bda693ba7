package raft

import (
	"slices"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

const filePath = Dir + "/" + wire.QuorumStateFile

// electionFile is the quorum-state file (FileQuorumStateStore).
type electionFile struct {
	content wire.QuorumState
	sync    bool // Rules.SyncVote
}

// read reads the file. A voter without a file has seen no election. The previous process may have crashed before it synced
// the directory entries. So the voter must call syncNames before it sends a message based on the file.
func (f *electionFile) read(d env.Disk) error {
	f.content = wire.QuorumState{LeaderID: wire.NoNode, VotedID: wire.NoNode}
	h, err := d.Open(filePath, false)
	switch {
	case err == env.ErrNotExist:
		return nil
	case err != nil:
		return err
	}
	size, err := d.Size(h)
	var content []byte
	if err == nil {
		content, err = d.ReadAt(h, 0, int(size))
	}
	if closed := d.Close(h); err == nil {
		err = closed
	}
	if err == nil {
		f.content, err = wire.ParseQuorumState(content)
	}
	return err
}

// syncNames makes the directory entries of the log's directory and of the file durable.
func (f *electionFile) syncNames(d env.Disk) error {
	if !f.sync {
		return nil
	}
	if err := d.SyncDir(""); err != nil {
		return err
	}
	return d.SyncDir(Dir)
}

// write replaces the file if the content is new. After a crash the file has either the old or the new content as a whole.
func (f *electionFile) write(d env.Disk, q wire.QuorumState) error {
	was := f.content
	if q.LeaderID == was.LeaderID && q.LeaderEpoch == was.LeaderEpoch && q.VotedID == was.VotedID && slices.Equal(q.CurrentVoters, was.CurrentVoters) {
		return nil
	}
	err := storage.ReplaceFile(d, storage.Replacement{Path: filePath, Content: wire.AppendQuorumState(nil, q), Truncate: true, LoseName: !f.sync})
	if err == nil {
		f.content = q
	}
	return err
}

// persistElection makes the epoch, the leader and the vote durable before this voter sends a message based on them
// (KIP-595). A voter that cannot write them stops.
func (r *Replica) persistElection(e env.Env) bool {
	q := wire.QuorumState{LeaderID: r.leader, LeaderEpoch: r.epoch, VotedID: r.voted}
	for _, v := range r.Voters() {
		q.CurrentVoters = append(q.CurrentVoters, v.ID)
	}
	if err := r.file.write(e.Disk(), q); err != nil {
		r.fail(e, err)
		return false
	}
	return true
}
