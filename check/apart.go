package check

import (
	"strings"

	"samsa/wire"
)

// A topic that was deleted and made again under its name is another topic: its offsets begin anew, and what was
// acknowledged in the one before is nobody's loss. So histories are judged with the operations on earlier topics under
// names of their own. Only topics-apart wants them as they were.

// deletedMark is behind the name of a topic that was deleted, with its place among them.
const deletedMark = " (deleted "

// apart is the case with every deleted topic under a name of its own; the case itself if no name was used twice.
func (c *Case) apart() *Case {
	ids := map[string][]wire.TopicID{} // by name, oldest first
	none := wire.TopicID{}
	for _, op := range c.History {
		if all := ids[op.Partition.Topic]; op.Topic != none && turn(all, op.Topic) < 0 {
			ids[op.Partition.Topic] = append(all, op.Topic)
		}
	}
	twice := false
	for _, all := range ids { //order: only asks whether there is one
		twice = twice || len(all) > 1
	}
	if !twice {
		return c
	}
	out := *c
	out.History = make([]Op, len(c.History))
	for i, op := range c.History {
		all := ids[op.Partition.Topic]
		if n := turn(all, op.Topic); n >= 0 && n < len(all)-1 {
			op.Partition.Topic += deletedMark + itoa(int64(n+1)) + ")"
		}
		out.History[i] = op
	}
	return &out
}

// turn is where an id stands in a list, or -1.
func turn(all []wire.TopicID, id wire.TopicID) int {
	for i := range all {
		if all[i] == id {
			return i
		}
	}
	return -1
}

// undeleted is a partition under the name that its topic had.
func undeleted(tp wire.TopicPartition) wire.TopicPartition {
	tp.Topic, _, _ = strings.Cut(tp.Topic, deletedMark)
	return tp
}
