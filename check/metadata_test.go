package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The responses of one broker walk forward through the committed metadata. In this story payments is created and deleted
// while orders changes its leader, and then payments is created again and orders changes its leader in one batch.
func TestAnswersAreAWalk(t *testing.T) {
	first, second := wire.TopicID{0: 21}, wire.TopicID{0: 22}
	is := func(call, ret uint64, topic string, id wire.TopicID, epoch wire.Epoch) Op {
		return &DescribeTopic{Head: Head{Client: "p1", Called: call, Returned: ret}, Server: Process{"b1", 1}, Partition: wire.TopicPartition{Topic: topic}, Topic: id, Epoch: epoch}
	}
	none := wire.TopicID{}
	for name, c := range map[string]struct {
		ops  []Op
		want Status
	}{
		"as it was":                          {[]Op{is(1, 2, "payments", none, 0), is(3, 4, "payments", first, 0), is(5, 6, "payments", none, 0), is(7, 8, "payments", second, 0)}, Held},
		"a broker may skip":                  {[]Op{is(1, 2, "payments", none, 0), is(3, 4, "payments", second, 0)}, Held},
		"a broker may trail":                 {[]Op{is(7, 8, "payments", first, 0)}, Held},
		"a deleted topic comes back":         {[]Op{is(1, 2, "payments", second, 0), is(3, 4, "payments", first, 0)}, Violated},
		"a topic that was there is not":      {[]Op{is(1, 2, "payments", second, 0), is(3, 4, "payments", none, 0)}, Violated},
		"of another topic, an older time":    {[]Op{is(1, 2, "orders", ordersID, 1), is(3, 4, "payments", none, 0), is(5, 6, "payments", first, 0)}, Violated},
		"answers that cross":                 {[]Op{is(1, 6, "payments", second, 0), is(3, 8, "payments", first, 0)}, Held},
		"and one after them":                 {[]Op{is(1, 6, "payments", second, 0), is(3, 8, "payments", first, 0), is(9, 10, "payments", none, 0)}, Violated},
		"never committed":                    {[]Op{is(1, 2, "orders", ordersID, 9)}, Violated},
		"an id that never was":               {[]Op{is(1, 2, "payments", wire.TopicID{9: 9}, 0)}, Violated},
		"one answer, true at one time":       {[]Op{is(1, 2, "orders", ordersID, 1), is(1, 2, "payments", none, 0)}, Held},
		"one answer, never true at one time": {[]Op{is(1, 2, "orders", ordersID, 0), is(1, 2, "payments", second, 0)}, Violated},
		"half of a batch":                    {[]Op{is(1, 2, "orders", ordersID, 1), is(1, 2, "payments", second, 0)}, Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			s.commit(&wire.TopicRecord{Name: "payments", TopicID: first})
			s.commit(&wire.PartitionRecord{TopicID: first, Replicas: ids(1), ISR: ids(1), Leader: 1})
			s.commit(&wire.RemoveTopicRecord{TopicID: first})
			s.alter(2, ids(2, 3), nil) // orders-0 is in epoch 1
			change := wire.NewPartitionChange(ordersID, 0)
			change.Leader = 3
			for i, r := range []wire.MetadataRecord{
				&wire.TopicRecord{Name: "payments", TopicID: second}, &wire.PartitionRecord{TopicID: second, Replicas: ids(1), ISR: ids(1), Leader: 1}, change,
			} {
				s.Committed(s.at+wire.Offset(i), r) // one batch
			}
			s.CommittedTo(s.at + 3)
			f := find(t, historyCase(s.View, c.ops...), "metadata-reads-monotone")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A response must not contain metadata that is not committed yet.
func TestAnAnswerAheadOfTheCommit(t *testing.T) {
	s := staged(2)
	s.Clock(s.step, int64(24*3600e9))
	s.alter(2, ids(2, 3), nil)
	f := find(t, historyCase(s.View, described("p1", 0), described("p1", 1)), "metadata-reads-monotone")
	require.Equal(t, Violated, f.Status)
	require.Contains(t, f.Explanation, "not committed yet")
}
