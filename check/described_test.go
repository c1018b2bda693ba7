package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// orders-0 is led by b1 in epoch 0, and b3 is fenced.
func TestWhatABrokerDescribes(t *testing.T) {
	part := PartitionDescribed{Leader: 1, Replicas: ids(1, 2, 3), ISR: ids(1, 2, 3), Offline: ids(3)}
	orders := func(change func(*PartitionDescribed)) Described {
		p := part
		change(&p)
		return Described{Brokers: ids(1, 2), Topics: []TopicDescribed{{Name: "orders", ID: ordersID, Partitions: []PartitionDescribed{p}}}}
	}
	topic := func(t TopicDescribed) Described { return Described{Brokers: ids(1, 2), Topics: []TopicDescribed{t}} }
	for name, c := range map[string]struct {
		Described
		want Status
	}{
		"as committed":               {orders(func(*PartitionDescribed) {}), Held},
		"another leader":             {orders(func(p *PartitionDescribed) { p.Leader = 2 }), Violated},
		"another epoch":              {orders(func(p *PartitionDescribed) { p.Epoch = 1 }), Violated},
		"an error":                   {orders(func(p *PartitionDescribed) { p.Code = leaderNotAvailable }), Violated},
		"another order":              {orders(func(p *PartitionDescribed) { p.Replicas = ids(2, 1, 3) }), Violated},
		"a smaller ISR":              {orders(func(p *PartitionDescribed) { p.ISR = ids(1, 2) }), Violated},
		"no offline replica":         {orders(func(p *PartitionDescribed) { p.Offline = nil }), Violated},
		"a fenced broker":            {Described{Brokers: ids(1, 2, 3)}, Violated},
		"no topic":                   {Described{Brokers: ids(1, 2), All: true}, Violated},
		"no partition":               {topic(TopicDescribed{Name: "orders", ID: ordersID}), Violated},
		"one partition more":         {topic(TopicDescribed{Name: "orders", ID: ordersID, Partitions: []PartitionDescribed{part, {Number: 1}}}), Violated},
		"another id":                 {topic(TopicDescribed{Name: "orders", ID: wire.TopicID{9}}), Violated},
		"an unknown topic":           {topic(TopicDescribed{Name: "none", Code: unknownTopic}), Held},
		"a known topic":              {topic(TopicDescribed{Name: "orders", Code: unknownTopic}), Violated},
		"an illegal name is unknown": {topic(TopicDescribed{Name: "..", Code: unknownTopic}), Violated},
		"an illegal name":            {topic(TopicDescribed{Name: "..", Code: invalidTopic}), Held},
		"a legal name":               {topic(TopicDescribed{Name: "aAzZ09._-", Code: invalidTopic}), Violated},
		"a known id":                 {topic(TopicDescribed{ID: ordersID, Code: unknownTopicID}), Violated},
	} {
		s := staged(2)
		s.fence(3)
		c.Sent(s.View, 1, s.at)
		f := find(t, s.done(), "metadata-true")
		require.Equal(t, c.want, f.Status, "%s: %s", name, f.Explanation)
	}
}

// An image that was older when the request arrived may differ.
func TestAnOldImageIsNotJudged(t *testing.T) {
	s := staged(2)
	Described{Brokers: ids(9)}.Sent(s.View, 1, s.at-1)
	require.Equal(t, Unexercised, find(t, s.done(), "metadata-true").Status)
}

// Without a live leader a partition has none in the response.
func TestADeadLeaderIsNotNamed(t *testing.T) {
	for _, c := range []struct {
		PartitionDescribed
		want Status
	}{
		{PartitionDescribed{Leader: wire.NoNode, Code: leaderNotAvailable, Offline: ids(1)}, Held},
		{PartitionDescribed{Leader: 1, Offline: ids(1)}, Violated},
	} {
		s := staged(2)
		s.fence(1)
		c.Replicas, c.ISR = ids(1, 2, 3), ids(1, 2, 3)
		Described{Brokers: ids(2, 3), Topics: []TopicDescribed{{Name: "orders", ID: ordersID, Partitions: []PartitionDescribed{c.PartitionDescribed}}}}.Sent(s.View, 2, s.at)
		require.Equal(t, c.want, find(t, s.done(), "metadata-true").Status)
	}
}
