package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// Each check selects its families, so an operation of an unknown family does not change its answer.
func TestAnUnknownFamilyChangesNothing(t *testing.T) {
	for _, k := range All() {
		if k.Judge == nil {
			continue
		}
		for _, play := range []func(*View) *Case{k.Accept, k.Reject} {
			c := play(NewView(Contract{}, All()))
			before := k.Judge(c)
			mixed := []Op{}
			for _, op := range c.History {
				mixed = append(mixed, &joined{}, op)
			}
			last := uint64(len(c.History))
			c.History = append(mixed, &joined{Head{Step: last}})
			c.born, c.topics = nil, nil
			require.Equal(t, before, k.Judge(c), k.Name)
		}
	}
}

// joined is an operation of a family that no check knows.
type joined struct{ Head }

// A client that knows the id of an earlier topic of a name uses that topic; a client that knows no id uses the newest.
func TestTopicsOfANameAreNumbered(t *testing.T) {
	c := historyCase(NewView(Contract{}, All()),
		writes(1, sent("p1", "a", 0)), writes(2, sent("p1", "b", 0)), reading(3, polled("r1", "c", 0)), reading(2, polled("r1", "b", 0)))
	for id, want := range map[byte]string{1: "orders-0 of deleted topic 1", 2: "orders-0 of deleted topic 2", 3: "orders-0", 0: "orders-0", 9: "orders-0"} {
		require.Equal(t, want, c.place(orders, wire.TopicID{id}).String())
	}
	other := wire.TopicPartition{Topic: "bills", Partition: 4}
	require.Equal(t, "bills-4", c.place(other, wire.TopicID{1}).String(), "the numbers are of one name")
}

// A metadata response about several partitions is one answer. Two responses to requests of one event are two answers.
func TestResponsesAreSeparated(t *testing.T) {
	part := func(called, returned uint64, server string, partition int32) *DescribeTopic {
		return &DescribeTopic{Head: Head{Called: called, Returned: returned}, Server: Process{server, 1}, Partition: wire.TopicPartition{Topic: "orders", Partition: partition}}
	}
	unknown := part(7, 8, "b1", 0)
	unknown.Outcome = Indefinite
	all := answers([]Op{
		part(1, 2, "b1", 0), part(1, 2, "b1", 1), // one response
		part(1, 3, "b1", 0), part(1, 3, "b2", 0), // two more responses, requested by the same event
		&joined{}, unknown, part(0, 9, "b1", 0), // no responses that the check can use
	})
	require.Len(t, all, 3)
	require.Len(t, all[0], 2)
	require.Equal(t, "b1 (incarnation 1)", all[0][0].Server.String())
	require.Equal(t, "b1", Process{Machine: "b1"}.String())
}
