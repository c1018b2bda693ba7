package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A record that was acknowledged in a deleted topic does not count as lost when a later topic of that name does not have
// it. But a record of one topic that is read from the other is still a finding.
func TestATopicMadeAgainIsAnotherTopic(t *testing.T) {
	history := func(last *Consume) *Case {
		return historyCase(NewView(Contract{}, All()),
			writes(1, sent("p1", "old", 0)), writes(1, sent("p1", "older", 1)), writes(2, sent("p2", "new", 0)), reading(2, polled("r1", "new", 0)),
			reading(2, last))
	}
	broken := func(c *Case) (names []string) {
		for _, f := range Judge(c) {
			if f.Status == Violated {
				names = append(names, f.Check.Name)
			}
		}
		return names
	}
	require.Empty(t, broken(history(drained("r1", 1))))
	require.Contains(t, broken(history(polled("r1", "older", 1))), "topics-apart")
}

// A consumer begins again if its position is gone. It may then find the deleted topic once more, because some broker does
// not know of the deletion yet. A consumer whose position is valid must continue from it.
func TestAReaderMayBeginAgainInADeletedTopic(t *testing.T) {
	for kind, want := range map[ConsumeKind]Status{PositionReset: Held, PositionTruncated: Held, EndReached: Violated} {
		c := historyCase(NewView(Contract{}, All()),
			writes(1, sent("p1", "a", 0)), writes(1, sent("p1", "b", 1)), reading(1, polled("r1", "a", 0)), reading(1, polled("r1", "b", 1)),
			moved("r1", kind, 2), reading(1, polled("r1", "a", 0)), writes(2, sent("p1", "new", 0)), reading(2, polled("r2", "new", 0)))
		for _, f := range Judge(c) {
			if f.Check == readsMonotone {
				require.Equal(t, want, f.Status, f.Explanation)
			}
		}
	}
}

// A broker may delete the log of a deleted topic. A log that it sets aside while the controller assigns the replica to it is lost.
func TestALogThatIsSetAside(t *testing.T) {
	for removed, want := range map[bool]string{true: "", false: "acked-durable"} {
		s := staged(2)
		s.committed(0, 0xA)
		if removed {
			s.commit(&wire.RemoveTopicRecord{TopicID: ordersID})
		}
		s.tick()
		s.Deleted(s.p, s.p.Replica(1))
		if !removed {
			s.alter(1, ids(1, 2, 3), nil)
			s.leads(1, 1, 0)
		}
		require.Equal(t, want, brokenBy(s.done()), removed)
	}
}
