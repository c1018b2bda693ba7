package broker

import "samsa/sim/env"

// Notes lists the kinds of notes that brokers make.
func Notes() []*env.NoteKind {
	return []*env.NoteKind{noteDuplicate, noteGaveUp, noteLeads, noteSteppedDown, noteTruncated, noteCutBlindly, noteRestarted, noteRecovered, noteDirFailed, noteStray, noteWithoutTopicID, noteFailed}
}

var (
	noteDuplicate = &env.NoteKind{
		Name: "broker.duplicate", Fields: [4]string{"id"},
		Text: "is refused as broker {id}: the session of another incarnation with that id has not expired", Story: true,
	}
	noteGaveUp = &env.NoteKind{
		Name: "broker.gave-up", Fields: [4]string{"id"},
		Text: "exits: no controller registered it as broker {id}", Story: true,
	}
	noteLeads = &env.NoteKind{
		Name: "partition.leads", Fields: [4]string{"topic", "partition", "offset", "epoch"},
		Text: "leads {topic}-{partition} in epoch {epoch}, which begins at offset {offset}", Story: true,
	}
	noteSteppedDown = &env.NoteKind{
		Name: "partition.stepped-down", Fields: [4]string{"topic", "partition", "node", "epoch"},
		Text: "no longer leads {topic}-{partition}: {node} leads it in epoch {epoch}", Story: true,
	}
	noteTruncated = &env.NoteKind{
		Name: "partition.truncated", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "truncates its log of {topic}-{partition} from {end} to {offset}, where it diverges from the leader's", Story: true,
	}
	noteCutBlindly = &env.NoteKind{ // made only under an old rule, because now no follower truncates to its high watermark
		Name: "partition.cut-blindly", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "truncates its log of {topic}-{partition} from {end} to {offset}, its own high watermark, without asking the leader", Story: true,
	}
	noteRestarted = &env.NoteKind{
		Name: "partition.restarted", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "truncates its whole log of {topic}-{partition}, which ended at {end}, to start at {offset} like the leader's", Story: true,
	}
	noteRecovered = &env.NoteKind{
		Name: "log.recovered", Fields: [4]string{"topic", "partition", "offset", "bytes"},
		Text: "recovers its log of {topic}-{partition} up to offset {offset}, after an unclean shutdown", Story: true,
	}
	noteDirFailed = &env.NoteKind{
		Name: "log.dir-failed", Fields: [4]string{"node"},
		Text: "halts: its only log directory failed", Story: true,
	}
	noteStray = &env.NoteKind{
		Name: "log.stray", Fields: [4]string{"topic", "partition", "offset"},
		Text: "sets a stray log aside, which ends at offset {offset}: it does not host the partition", Story: true,
	}
	noteWithoutTopicID = &env.NoteKind{
		Name: "log.without-topic-id", Fields: [4]string{"partition", "offset"},
		Text: "sets a log aside that has no topic id, and that ends at offset {offset}", Story: true,
	}
	noteFailed = &env.NoteKind{
		Name: "partition.failed", Fields: [4]string{"topic", "partition", "offset", "epoch"},
		Text: "stops fetching {topic}-{partition} in epoch {epoch}: the leader's records do not continue its log, which ends at {offset}", Story: true,
	}
)
