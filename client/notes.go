package client

import "samsa/sim/env"

// Notes are the kinds of notes that clients make.
func Notes() []*env.NoteKind {
	return []*env.NoteKind{noteAcked, noteWritten, noteFailed, noteUnknown, noteReset, noteTruncated}
}

var (
	noteAcked = &env.NoteKind{
		Name: "producer.acked", Fields: [4]string{"topic", "partition", "offset", "records"},
		Text: "is told that its records are in {topic}-{partition} from offset {offset} on, {records} in all", Story: true,
	}
	noteWritten = &env.NoteKind{
		Name: "producer.written", Fields: [4]string{"topic", "partition", "records"},
		Text: "has written its records for {topic}-{partition}, {records} in all, and, with acks=0, will hear nothing", Story: true,
	}
	noteFailed = &env.NoteKind{
		Name: "producer.failed", Fields: [4]string{"topic", "partition", "records", "error"},
		Text: "gives its records for {topic}-{partition} up, {records} in all: {error}, none is stored", Story: true,
	}
	noteUnknown = &env.NoteKind{
		Name: "producer.unknown", Fields: [4]string{"topic", "partition", "records", "error"},
		Text: "gives its records for {topic}-{partition} up, {records} in all: {error}, and cannot know whether they are stored", Story: true,
	}
	noteReset = &env.NoteKind{
		Name: "consumer.reset", Fields: [4]string{"topic", "partition", "offset"},
		Text: "finds offset {offset} of {topic}-{partition} out of range and resets by auto.offset.reset", Story: true,
	}
	noteTruncated = &env.NoteKind{
		Name: "consumer.truncated", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "learns that {topic}-{partition}, which it has read up to {offset}, was cut off at {end}: what lies beyond is no longer there", Story: true,
	}
)
