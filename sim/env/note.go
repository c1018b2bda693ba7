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
// A field is an integer. Some field names select a rendering: "topic" (wire.TopicID.Short) as the topic's name, "node" as
// a node id, "error" as Kafka's error name, "ms" with its unit, "set" (a bit set of node ids) as a list.
type NoteKind struct {
	Name   string    // package or subject, dot, what happened
	Fields [4]string // names of a, b, c, d; "" for unused ones
	Text   string    // the sentence, without its subject: the machine's address is put in front
	Story  bool      // part of the story: the event that notes it is a step
}
