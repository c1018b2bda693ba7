package env

// NoteKind is one kind of note. The trace line, the metric, the coverage mark and the sentence of the story are all derived
// from it. Kinds are package-level values that never change:
//
//	var noteLeads = &env.NoteKind{
//		Name:   "partition.leads",
//		Fields: [4]string{"topic", "partition", "epoch", "offset"},
//		Text:   "leads {topic}-{partition} from offset {offset} in epoch {epoch}",
//		Story:  true,
//	}
//
// A field is an integer. The names of some fields decide how their values are shown. A "topic", which is a
// wire.TopicID.Short, is shown as the topic's name. A "node" is shown as a node id, and an "error" as the name of the
// Kafka error. A value in "ms" is shown with its unit. A "set", which is a bit set of node ids, is shown as a list.
type NoteKind struct {
	Name   string    // a package or subject, then a dot, then the occurrence: "partition.leads"
	Fields [4]string // names of the arguments a, b, c and d of Env.Note; "" for an unused argument
	Text   string    // the sentence, without its subject: the machine's address is put in front
	Story  bool      // the note is part of the story: an event with such a note is a step of the story
}
