package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// b1 is deposed, and the topic is deleted. b1 knows of neither when it acknowledges "b" at an offset where a reader saw
// "c". That is a price if the election was unclean, and chose a log without "b".
func TestADeposedLeaderAcknowledgesToADeletedTopic(t *testing.T) {
	for name, c := range map[string]struct {
		allowed string
		copied  bool // b3 has copied it, before its election
		acks    int16
		want    Status
		clause  string
	}{
		"the election was unclean":            {"true", false, -1, Priced, "unclean election allowed"},
		"it was not":                          {"false", false, -1, Violated, ""},
		"it was, and its choice had it":       {"true", true, -1, Violated, ""},
		"and the producer asked for less too": {"true", false, 1, Priced, "acks=1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(1)
			s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text(c.allowed)})
			s.alter(0, ids(1), nil)
			if c.copied {
				s.write(0, 0, 0xB, 1, 3)
			}
			s.alter(3, ids(3), nil)
			s.leads(3, 1, s.p.Replica(3).Log.End())
			s.commit(&wire.RemoveTopicRecord{TopicID: ordersID})
			s.Deleted(s.p, s.p.Replica(3))
			if !c.copied {
				s.write(0, 0, 0xB, 1)
			}
			s.leads(1, 0, 1)
			s.ack(1, 0, c.acks)
			s.ack(1, 0, c.acks) // a second acknowledgement changes nothing
			b := sent("p1", "b", 0)
			b.Acks = c.acks
			f := find(t, historyCase(s.View, b, sent("p2", "c", 0), polled("c1", "c", 0)), "lost-write")
			require.Equal(t, c.want, f.Status, f.Explanation)
			require.Contains(t, f.Clause, c.clause)
			for _, r := range s.p.replicas {
				require.True(t, c.want == Violated || r.missing == 0, "no replica misses a promise that is lost")
			}
		})
	}
}
