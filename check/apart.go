package check

import (
	"maps"
	"slices"

	"samsa/wire"
)

// A topic that was deleted and created again under its name is another topic: its offsets begin anew, and a record that was
// acknowledged in the earlier one is not lost because the later one does not have it. So histories are judged by places, in
// which the earlier topics of a name are numbered.

// place is a partition of one topic of a name.
type place struct {
	wire.TopicPartition
	deleted int // 0: the newest topic of that name that any client used; n: the n-th that was used before it
}

// String is the place as findings name it.
func (p place) String() string {
	if p.deleted == 0 {
		return p.TopicPartition.String()
	}
	return p.TopicPartition.String() + " of deleted topic " + itoa(p.deleted)
}

// place tells the topics of a name apart, by the id that a client believed to talk to. A client that did not know it is taken
// to have meant the newest.
func (c *Case) place(tp wire.TopicPartition, id wire.TopicID) place {
	if id == (wire.TopicID{}) {
		return place{TopicPartition: tp}
	}
	all := c.topicsNamed(tp.Topic)
	if n := slices.Index(all, id); n >= 0 && n < len(all)-1 {
		return place{tp, n + 1}
	}
	return place{TopicPartition: tp}
}

// topicsNamed are the topics that clients used under a name, in the order of first use; none if it was only one.
func (c *Case) topicsNamed(name string) []wire.TopicID {
	if c.topics == nil {
		c.topics = map[string][]wire.TopicID{}
		for _, op := range c.History {
			var tp wire.TopicPartition
			var id wire.TopicID
			switch op := op.(type) {
			case *Produce:
				tp, id = op.Partition, op.Topic
			case *Consume:
				tp, id = op.Partition, op.Topic
			case *ListOffsets:
				tp, id = op.Partition, op.Topic
			}
			if all := c.topics[tp.Topic]; id != (wire.TopicID{}) && !slices.Contains(all, id) {
				c.topics[tp.Topic] = append(all, id)
			}
		}
		maps.DeleteFunc(c.topics, func(_ string, all []wire.TopicID) bool { return len(all) < 2 })
	}
	return c.topics[name]
}

// written is the place of a record that was sent, read that of a step of a consumer.
func (c *Case) written(op *Produce) place { return c.place(op.Partition, op.Topic) }
func (c *Case) read(op *Consume) place    { return c.place(op.Partition, op.Topic) }
