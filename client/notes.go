package client

import "samsa/sim/env"

// Notes lists the kinds of notes that clients make.
func Notes() []*env.NoteKind {
	return []*env.NoteKind{noteAcked, noteWritten, noteFailed, noteUnknown, noteReset, noteTruncated}
}

var (
	noteAcked = &env.NoteKind{
		Name: "producer.acked", Fields: [4]string{"topic", "partition", "offset", "records"},
		Text: "gets the ack for its records in {topic}-{partition} from offset {offset} on, {records} in all", Story: true,
	}
	noteWritten = &env.NoteKind{
		Name: "producer.written", Fields: [4]string{"topic", "partition", "records"},
		Text: "has written its records for {topic}-{partition}, {records} in all; with acks=0 there is no response", Story: true,
	}
	noteFailed = &env.NoteKind{
		Name: "producer.failed", Fields: [4]string{"topic", "partition", "records", "error"},
		Text: "gives up on its records for {topic}-{partition}, {records} in all: {error}, none is appended", Story: true,
	}
	noteUnknown = &env.NoteKind{
		Name: "producer.unknown", Fields: [4]string{"topic", "partition", "records", "error"},
		Text: "gives up on its records for {topic}-{partition}, {records} in all: {error}, and cannot know whether they are appended", Story: true,
	}
	noteReset = &env.NoteKind{
		Name: "consumer.reset", Fields: [4]string{"topic", "partition", "offset"},
		Text: "finds offset {offset} of {topic}-{partition} out of range and resets by auto.offset.reset", Story: true,
	}
	noteTruncated = &env.NoteKind{
		Name: "consumer.truncated", Fields: [4]string{"topic", "partition", "offset", "end"},
		Text: "learns that {topic}-{partition}, which it has read up to {offset}, is truncated at {end}: the records above are gone", Story: true,
	}
)
