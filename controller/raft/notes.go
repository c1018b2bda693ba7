package raft

import "samsa/sim/env"

// Notes returns the kinds of notes that replicas of the metadata log make.
func Notes() []*env.NoteKind {
	return append(notes[:], noteVoted, noteCommitted, noteTruncated, noteRefusedCut, noteTwoLeaders)
}

// notes has the note that a replica makes when it enters a state. The index is the State.
var notes = [...]*env.NoteKind{
	Unattached: {
		Name: "raft.unattached", Fields: [4]string{"node", "epoch", "leader", "offset"},
		Text: "knows no leader of epoch {epoch} of the metadata quorum",
	},
	Prospective: {
		Name: "raft.prospective", Fields: [4]string{"node", "epoch", "leader", "offset"},
		Text: "asks the quorum for pre-votes in epoch {epoch}",
	},
	Candidate: {
		Name: "raft.candidate", Fields: [4]string{"node", "epoch", "leader", "offset"},
		Text: "asks the quorum for votes in epoch {epoch}",
	},
	Leader: {
		Name: "raft.leads", Fields: [4]string{"node", "epoch", "leader", "offset"},
		Text: "is elected leader of the metadata quorum in epoch {epoch}, which begins at offset {offset}",
	},
	Follower: {
		Name: "raft.follows", Fields: [4]string{"node", "epoch", "leader", "offset"},
		Text: "follows a leader of the metadata quorum in epoch {epoch}, from offset {offset}",
	},
	Resigned: {
		Name: "raft.resigned", Fields: [4]string{"node", "epoch", "leader", "offset"},
		Text: "resigns as leader of the metadata quorum in epoch {epoch}", Story: true,
	},
}

var (
	noteVoted = &env.NoteKind{
		Name: "raft.voted", Fields: [4]string{"voter", "epoch", "node"},
		Text: "votes for {node} in epoch {epoch}",
	}
	noteCommitted = &env.NoteKind{
		Name: "raft.committed", Fields: [4]string{"node", "offset", "epoch"},
		Text: "raises the high watermark of the metadata log to {offset}",
	}
	noteTruncated = &env.NoteKind{
		Name: "raft.truncated", Fields: [4]string{"node", "offset", "end", "epoch"},
		Text: "truncates its metadata log from {end} to {offset}: it diverges from the leader's", Story: true,
	}
	noteRefusedCut = &env.NoteKind{
		Name: "raft.refused-cut", Fields: [4]string{"node", "offset", "hw", "epoch"},
		Text: "stops: the leader has it truncate its metadata log to {offset}, below the high watermark {hw}", Story: true,
	}
	noteTwoLeaders = &env.NoteKind{
		Name: "raft.two-leaders", Fields: [4]string{"epoch", "known", "node"},
		Text: "learns of a second leader in epoch {epoch}: {known} and {node}", Story: true,
	}
)
