package broker

import "samsa/sim/env"

// Notes are the kinds of notes that brokers make.
func Notes() []*env.NoteKind {
	return []*env.NoteKind{noteDuplicate, noteGaveUp, noteLeads, noteSteppedDown, noteTruncated, noteCutBlindly, noteRestarted, noteRecovered, noteDirFailed, noteStray, noteFailed}
}

var (
	noteDuplicate = &env.NoteKind{
		Name: "broker.duplicate", Fields: [4]string{"id"},
		Text: "asks to be let in as broker {id} and is refused: another process of that id was heard of within its session", Story: true,
	}
	noteGaveUp = &env.NoteKind{
		Name: "broker.gave-up", Fields: [4]string{"id"},
		Text: "gives up and exits: no controller has taken it in as broker {id}", Story: true,
	}
	noteLeads = &env.NoteKind{
		Name: "partition.leads", Fields: [4]string{"topic", "partition", "offset", "epoch"},
		Text: "leads {topic}-{partition} in epoch {epoch}, which begins at offset {offset}", Story: true,
	}
	noteSteppedDown = &env.NoteKind{
		Name: "partition.stepped-down", Fields: [4]string{"topic", "partition", "node", "epoch"},
		Text: "no longer leads {topic}-{partition}: {node} does, in epoch {epoch}", Story: true,
	}
	noteTruncated = &env.NoteKind{
		Name: "partition.truncated", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "cuts its log of {topic}-{partition} from {end} back to {offset}: the leader's log parts from it there", Story: true,
	}
	noteCutBlindly = &env.NoteKind{ // only under an old rule: nobody cuts by its own high watermark today
		Name: "partition.cut-blindly", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "cuts its log of {topic}-{partition} from {end} back to {offset}, its own high watermark, and asks nobody", Story: true,
	}
	noteRestarted = &env.NoteKind{
		Name: "partition.restarted", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "empties its log of {topic}-{partition}, which ended at {end}: the leader's begins at {offset}", Story: true,
	}
	noteRecovered = &env.NoteKind{
		Name: "log.recovered", Fields: [4]string{"topic", "partition", "offset", "bytes"},
		Text: "recovers its log of {topic}-{partition} up to offset {offset}, after an unclean shutdown", Story: true,
	}
	noteDirFailed = &env.NoteKind{
		Name: "log.dir-failed", Fields: [4]string{"node"},
		Text: "cannot use its log directory any more, and halts: it has no other", Story: true,
	}
	noteStray = &env.NoteKind{
		Name: "log.stray", Fields: [4]string{"topic", "partition", "offset"},
		Text: "finds a log that ends at offset {offset} of a partition that is not its own any more, and puts it aside", Story: true,
	}
	noteFailed = &env.NoteKind{
		Name: "partition.failed", Fields: [4]string{"topic", "partition", "offset", "epoch"},
		Text: "cannot follow {topic}-{partition} any more: what the leader sent does not fit to its log, which ends at {offset}", Story: true,
	}
)
