package controller

import (
	"samsa/controller/raft"
	"samsa/sim/env"
)

// Notes returns the kinds of notes that controllers make.
func Notes() []*env.NoteKind {
	return append(raft.Notes(), noteActive, noteInactive, noteRegistered, noteFenced, noteUnfenced, noteShutdown, noteElected,
		noteLeaderless, noteUnclean, noteISR, noteELR, noteTopic, noteDeleted, noteVersion)
}

var (
	noteActive = &env.NoteKind{
		Name: "controller.active", Fields: [4]string{"node", "epoch", "offset"},
		Text: "is the active controller in epoch {epoch}", Story: true,
	}
	noteRegistered = &env.NoteKind{
		Name: "broker.registered", Fields: [4]string{"node", "epoch"},
		Text: "registers {node} with broker epoch {epoch}", Story: true,
	}
	noteFenced = &env.NoteKind{
		Name: "broker.fenced", Fields: [4]string{"node", "epoch"},
		Text: "fences {node}", Story: true,
	}
	noteUnfenced = &env.NoteKind{
		Name: "broker.unfenced", Fields: [4]string{"node", "epoch"},
		Text: "unfences {node}", Story: true,
	}
	noteShutdown = &env.NoteKind{
		Name: "broker.shutting-down", Fields: [4]string{"node", "epoch"},
		Text: "moves leaderships away from {node}, which shuts down", Story: true,
	}
	noteInactive = &env.NoteKind{
		Name: "controller.inactive", Fields: [4]string{"node", "epoch"},
		Text: "is no longer the active controller of epoch {epoch}", Story: true,
	}
	noteTopic = &env.NoteKind{
		Name: "topic.created", Fields: [4]string{"topic", "partitions", "replicas"},
		Text: "creates topic {topic} with {partitions} partition(s) of {replicas} replica(s)", Story: true,
	}
	noteDeleted = &env.NoteKind{
		Name: "topic.deleted", Fields: [4]string{"topic"},
		Text: "deletes topic {topic}", Story: true,
	}
	noteVersion = &env.NoteKind{
		Name: "controller.metadata-version", Fields: [4]string{"level"},
		Text: "finalises metadata.version {level}",
	}
	noteELR = &env.NoteKind{
		Name: "partition.elr", Fields: [4]string{"topic", "partition", "set", "version"},
		Text: "sets the ELR of {topic}-{partition} to {set}", Story: true,
	}
	noteElected = &env.NoteKind{
		Name: "partition.elected", Fields: [4]string{"topic", "partition", "node", "epoch"},
		Text: "makes {node} leader of {topic}-{partition} in epoch {epoch}", Story: true,
	}
	noteUnclean = &env.NoteKind{
		Name: "partition.elected-uncleanly", Fields: [4]string{"topic", "partition", "node", "epoch"},
		Text: "makes {node} leader of {topic}-{partition} in epoch {epoch}, UNCLEANLY: it was not in sync", Story: true,
	}
	noteLeaderless = &env.NoteKind{
		Name: "partition.leaderless", Fields: [4]string{"topic", "partition", "set", "epoch"},
		Text: "leaves {topic}-{partition} without a leader: none of {set} is active", Story: true,
	}
	noteISR = &env.NoteKind{
		Name: "partition.isr", Fields: [4]string{"topic", "partition", "set", "version"},
		Text: "sets the ISR of {topic}-{partition} to {set}", Story: true,
	}
)
