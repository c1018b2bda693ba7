package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The stage has three active brokers and the topic orders with one partition, which b1 leads. The controller c1 is active.
func TestAnswersToOperators(t *testing.T) {
	creation := func(topic string, partitions int32, factor int16, code int16) Asked {
		return Asked{What: Creation, Topic: topic, Partitions: partitions, Factor: factor, Code: code}
	}
	level := func(feature string, level int16, kind int8, code int16) Asked {
		return Asked{What: Levels, Levels: []LevelAsked{{feature, level, kind}}, Code: code}
	}
	for name, c := range map[string]struct {
		Asked
		want Status
	}{
		"there is one of that name":        {creation("orders", 1, 3, topicAlreadyExists), Held},
		"there is none of that name":       {creation("payments", 1, 3, topicAlreadyExists), Violated},
		"a second one of that name":        {creation("orders", 1, 3, 0), Violated},
		"the names collide":                {creation("wide.area", 1, 3, invalidTopic), Held},
		"no other name collides":           {creation("wide.earth", 1, 3, invalidTopic), Violated},
		"a name with a slash":              {creation("a/b", 1, 3, invalidTopic), Held},
		"a name with a slash is accepted":  {creation("a/b", 1, 3, 0), Violated},
		"no partition":                     {creation("none", 0, 3, invalidPartitions), Held},
		"the default number of partitions": {creation("none", -1, 3, invalidPartitions), Violated},
		"more replicas than brokers":       {creation("none", 1, 4, invalidReplicationFactor), Held},
		"as many replicas as brokers":      {creation("none", 1, 3, invalidReplicationFactor), Violated},
		"no topic to delete":               {Asked{What: Deletion, Topic: "none", Code: unknownTopic}, Held},
		"a topic to delete":                {Asked{What: Deletion, Topic: "orders", Code: unknownTopic}, Violated},
		"no topic was deleted":             {Asked{What: Deletion, Topic: "none"}, Violated},
		"no more partitions than before":   {Asked{What: Growth, Topic: "orders", Partitions: 1, Code: invalidPartitions}, Held},
		"one partition more":               {Asked{What: Growth, Topic: "orders", Partitions: 2, Code: invalidPartitions}, Violated},
		"a topic that does not grow":       {Asked{What: Growth, Topic: "orders", Partitions: 2}, Violated},
		"no topic to grow":                 {Asked{What: Growth, Topic: "orders", Partitions: 2, Code: unknownTopic}, Violated},
		"the preferred replica leads":      {Asked{What: PreferredElection, Topic: "orders", Code: electionNotNeeded}, Held},
		"the preferred replica is active":  {Asked{What: PreferredElection, Topic: "wide_area", Code: preferredNotAvailable}, Violated},
		"another replica leads":            {Asked{What: PreferredElection, Topic: "wide_area", Code: electionNotNeeded}, Violated},
		"no election":                      {Asked{What: PreferredElection, Topic: "wide_area"}, Violated},
		"configs of no topic":              {Asked{What: TopicConfigs, Topic: "none"}, Violated},
		"configs of no topic are refused":  {Asked{What: TopicConfigs, Topic: "none", Code: unknownTopic}, Held},
		"configs of a topic":               {Asked{What: TopicConfigs, Topic: "orders"}, Held},
		"configs of a topic are refused":   {Asked{What: TopicConfigs, Topic: "orders", Code: unknownTopic}, Violated},
		"a level that is too high":         {level("group.version", 2, 1, invalidUpdateVersion), Held},
		"a level that is not too high":     {level("group.version", 1, 1, invalidUpdateVersion), Violated},
		"a downgrade called an upgrade":    {level("transaction.version", 0, 1, 0), Violated},
		"an upgrade called a downgrade":    {level("group.version", 1, 2, 0), Violated},
		"an older metadata.version":        {level("metadata.version", 20, 2, 0), Violated},
		"the level that it has":            {level("transaction.version", 1, 1, 0), Held},
		"a feature of no broker":           {level("share.version", 1, 1, 0), Violated},
	} {
		s := staged(2)
		for node := wire.NodeID(1); node <= 3; node++ {
			s.image.brokers[node].features = []wire.FeatureRange{{Name: "group.version", Max: 1}, {Name: "transaction.version", Max: 2}, {Name: "metadata.version", Min: 7, Max: 33}}
		}
		s.commit(&wire.TopicRecord{Name: "wide_area", TopicID: wire.TopicID{8}})
		s.commit(&wire.PartitionRecord{TopicID: wire.TopicID{8}, Replicas: ids(1, 2), ISR: ids(1, 2), Leader: 2})
		s.commit(&wire.FeatureLevelRecord{Name: "transaction.version", Level: 1})
		s.commit(&wire.FeatureLevelRecord{Name: "metadata.version", Level: 25})
		s.active(101)
		c.From, c.Known = 101, s.at
		c.Answered(s.View)
		require.Equal(t, c.want, find(t, s.done(), "operator-answers-true").Status, name)
	}
}

// What changed between the arrival of a request and its response may explain the answer.
func TestAnAnswerMayBeOlderThanItsResponse(t *testing.T) {
	for name, c := range map[string]struct {
		then func(s *stage)
		Asked
	}{
		"the topic is gone since":    {func(s *stage) { s.commit(&wire.RemoveTopicRecord{TopicID: ordersID}) }, Asked{What: Creation, Topic: "orders", Partitions: 1, Factor: 3, Code: topicAlreadyExists}},
		"the topic came since":       {func(s *stage) { s.commit(&wire.TopicRecord{Name: "late", TopicID: wire.TopicID{9}}) }, Asked{What: Deletion, Topic: "late", Code: unknownTopic}},
		"the leader changed since":   {func(s *stage) { s.alter(2, nil, nil) }, Asked{What: PreferredElection, Topic: "orders", Code: electionNotNeeded}},
		"the level was lower before": {func(s *stage) { s.commit(&wire.FeatureLevelRecord{Name: "group.version", Level: 1}) }, Asked{What: Levels, Levels: []LevelAsked{{"group.version", 0, 1}}}},
	} {
		s := staged(2)
		s.active(101)
		c.From, c.Known = 101, s.at
		c.then(s)
		c.Answered(s.View)
		require.Equal(t, Held, find(t, s.done(), "operator-answers-true").Status, name)
	}
}

// A controller that has lost its leadership without knowing may refuse by old metadata.
func TestADeposedControllerMayRefuse(t *testing.T) {
	s := staged(2)
	s.active(101)
	s.VoterChanged(102, VoterState{Leads: true, Leader: 102, Epoch: 2})
	Asked{From: 101, Known: s.at, What: Creation, Topic: "payments", Partitions: 1, Factor: 3, Code: topicAlreadyExists}.Answered(s.View)
	require.Equal(t, Held, find(t, s.done(), "operator-answers-true").Status)
}

// A created topic has the number of partitions and of replicas of its request.
func TestATopicIsCreatedAsAsked(t *testing.T) {
	for want, asked := range map[Status]Asked{Held: {Partitions: 2, Factor: 2}, Violated: {Partitions: 3, Factor: 2}} {
		s := staged(2)
		s.active(101)
		asked.From, asked.Known, asked.What, asked.Topic, asked.ID = 101, s.at, Creation, "new", wire.TopicID{9}
		s.commit(&wire.TopicRecord{Name: "new", TopicID: wire.TopicID{9}})
		for n := range int32(2) {
			s.commit(&wire.PartitionRecord{TopicID: wire.TopicID{9}, PartitionID: n, Replicas: ids(1, 2), ISR: ids(1, 2), Leader: 1})
		}
		asked.Answered(s.View)
		require.Equal(t, want, find(t, s.done(), "operator-answers-true").Status)
		asked.Factor = 1
		asked.Answered(s.View)
		require.Equal(t, Violated, find(t, s.done(), "operator-answers-true").Status)
	}
}

func TestWhichShutdownsAreAwaited(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *stage, r *Reply)
		want   Status
	}{
		"b2 does not know it":     {func(*stage, *Reply) {}, Violated},
		"b2 is fenced":            {func(s *stage, _ *Reply) { s.fence(2) }, Held},
		"b2 runs another process": {func(s *stage, _ *Reply) { s.Started(2); s.RegistrationAsked(2, wire.UUID{22}) }, Held},
		"another controller":      {func(s *stage, _ *Reply) { s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 2}) }, Unexercised},
		"b3 had been fenced":      {func(_ *stage, r *Reply) { r.Tip += 2 }, Unexercised},
		"b2 was unfenced meanwhile": {func(s *stage, _ *Reply) {
			s.fence(2)
			s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 2, Fenced: -1})
		}, Held},
	} {
		s, r := leaving(NewView(Contract{}, All()))
		s.Applied(1, s.at, -1, false)
		s.Applied(2, s.at-1, -1, false)
		s.fence(3)
		c.change(s, &r)
		s.Replied(nil, r)
		require.Equal(t, c.want, find(t, s.done(), "shutdown-awaited").Status, name)
	}
}
