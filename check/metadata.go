package check

import (
	"slices"
	"sort"

	"samsa/wire"
)

var metadataMonotone = &Check{
	Name: "metadata-monotone", Numbers: "S32",
	Doc: "while a broker runs, the metadata offset that it has applied never falls, and neither does a leader epoch that it knows",
	On:  []ChangeKind{MetadataApplied, ReplicaChanged},
	See: func(d *Tally, v *View, c *Change) {
		d.exercised()
		switch c.Kind {
		case MetadataApplied:
			if c.Offset < c.Prior {
				d.violate(v, metadataFact(ByServer, c.Offset, "offset falls"), v.name(c.Node), " had applied the metadata up to ", itoa(c.Prior), " and is at ", itoa(c.Offset))
			}
		case ReplicaChanged:
			if c.Replica.Epoch < c.Before.Epoch {
				d.violate(v, c.Partition.fact(ByServer, -1, "leader epoch falls"), v.name(c.Node), " went from leader epoch ", itoa(c.Before.Epoch), " of ",
					c.Partition.TP.String(), " back to ", itoa(c.Replica.Epoch))
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.Applied(2, 5, 3, false)
		s.Died(2)
		s.Started(2)
		s.Applied(2, 0, -1, true)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.Applied(2, 5, 3, false)
		s.Applied(2, 4, 3, false)
		return s.done()
	},
}

// The check metadata-reads-monotone judges the topics in brokers' metadata responses. A broker's image is the committed
// metadata up to some offset of the log, always at the end of a batch. It may be old, but the offset never falls while the
// broker runs. So the responses of one incarnation walk forward through the log.
//
//	metadata log   |create t|t-0 has leader 1|t-0 has leader 2|delete t|
//	offsets        0        1                2                3        4
//	responses      "t-0 is in epoch 0" fits offset 2, and a later "there is no t" fits 4; after both, "epoch 1" is wrong
//
// For every response the check finds the first offset at which the whole response was true, starting at the highest offset
// of the responses that had arrived before its request was sent.

var metadataReadsMonotone = &Check{
	Name: "metadata-reads-monotone", Numbers: "H29",
	Doc:   "every metadata response of a broker equals the committed metadata at one offset, and this offset never falls",
	Judge: judgeMetadataReads,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(2, ids(2, 3), nil)
		return historyCase(v, described("p1", 0), described("c1", 1))
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(2, ids(2, 3), nil)
		return historyCase(v, described("p1", 1), described("c1", 0))
	},
}

// brokerAt is the lowest possible offset of a broker's image, as shown by a response that arrived at an event.
type brokerAt struct {
	event  uint64
	at     wire.Offset    // the highest of all responses so far
	answer *DescribeTopic // the response that shows it
}

func judgeMetadataReads(c *Case) Result {
	s := historyTally{c: c}
	if c.View == nil || len(c.View.image.epochs) == 0 {
		return s.answer("", "")
	}
	walks := map[Process][]brokerAt{}
	for _, answer := range answers(c.History) {
		from := answer[0]
		s.seen++
		walk := walks[from.Server]
		before := brokerAt{}
		if k := sort.Search(len(walk), func(k int) bool { return walk[k].event >= from.Called }); k > 0 {
			before = walk[k-1]
		}
		at, wrong := c.View.image.firstTrue(answer, before.at)
		switch {
		case wrong == nil && len(walk) > 0 && walk[len(walk)-1].at > at: // an overlapping request was answered from a newer image
			at, from = walk[len(walk)-1].at, walk[len(walk)-1].answer
		case wrong != nil:
			s.decide(wrong, place{TopicPartition: wrong.Partition}.fact(ByServer, -1, ""), c.View.deviceFaults(), c.View.image.whyUntrue(wrong, before))
		}
		walks[answer[0].Server] = append(walk, brokerAt{answer[0].Returned, at, from})
	}
	return s.answer("metadata response, none going back", "metadata responses, none going back")
}

// answers groups the partitions of a history by metadata response.
func answers(history []Op) (all [][]*DescribeTopic) {
	for op := range of[*DescribeTopic](history) {
		if op.Outcome != OK || op.Called == 0 {
			continue
		}
		if n := len(all); n > 0 {
			if last := all[n-1][0]; last.Called == op.Called && last.Returned == op.Returned && last.Server == op.Server {
				all[n-1] = append(all[n-1], op)
				continue
			}
		}
		all = append(all, []*DescribeTopic{op})
	}
	return all
}

// firstTrue returns the lowest offset, starting at a given one, at which a whole response is true. If there is none,
// wrong is a part of the response that was true at no such offset before the response arrived.
func (m *image) firstTrue(answer []*DescribeTopic, at wire.Offset) (pos wire.Offset, wrong *DescribeTopic) {
	for moved := true; moved; {
		moved = false
		for i := range answer {
			next, ok := m.firstTruePart(answer[i], at)
			if !ok {
				return at, answer[i]
			}
			if next > at {
				at, moved = next, true
			}
		}
	}
	return at, nil
}

// firstTruePart returns the lowest offset, starting at a given one, at which a part of a response is true.
func (m *image) firstTruePart(op *DescribeTopic, at wire.Offset) (wire.Offset, bool) {
	id, none := op.Topic, wire.TopicID{}
	at, ok := seek(m.nameOwners[op.Partition.Topic], at, op.At, id == none, func(b bound) bool { return b.id == id })
	if !ok || id == none {
		return at, ok
	}
	return seek(m.epochs[partitionKey{op.Topic, op.Partition.Partition}], at, op.At, false, func(b bound) bool { return b.epoch == op.Epoch })
}

// seek looks at the values that were committed by a given time. It returns the lowest offset, starting at a given one, at
// which the predicate holds for the value. The parameter atFirst is the predicate's value before the first bound.
func seek(past []bound, at wire.Offset, by int64, atFirst bool, is func(bound) bool) (wire.Offset, bool) {
	i := sort.Search(len(past), func(i int) bool { return past[i].from > at }) - 1
	if i < 0 && atFirst {
		return at, true
	}
	for i = max(i, 0); i < len(past) && past[i].at <= by; i++ {
		covered := i+1 == len(past) || past[i+1].from > max(at, past[i].from) // if not, a later record of the same batch has replaced the value
		if covered && is(past[i]) {
			return max(at, past[i].from), true
		}
	}
	return at, false
}

// whyUntrue explains a response that is not true.
func (m *image) whyUntrue(op *DescribeTopic, before brokerAt) string {
	words := op.Server.String() + " responded to " + op.Client + " at step " + itoa(op.Step) + " that "
	if op.Topic == (wire.TopicID{}) {
		words += "there is no topic " + op.Partition.Topic
	} else {
		words += op.Partition.String() + " is in leader epoch " + itoa(op.Epoch)
	}
	if _, once := m.firstTruePart(op, 0); once && before.event > 0 {
		words += "; that is older than its response to " + before.answer.Client + " at step " + itoa(before.answer.Step)
		if before.answer.Topic != (wire.TopicID{}) {
			words += ", leader epoch " + itoa(before.answer.Epoch) + " of " + before.answer.Partition.String()
		}
		return words
	}
	if slices.ContainsFunc(m.epochs[partitionKey{op.Topic, op.Partition.Partition}], func(b bound) bool { return b.epoch == op.Epoch }) {
		return words + ", and that was not committed yet, or not true together with the rest of the response"
	}
	return words + ", and that was never committed"
}
