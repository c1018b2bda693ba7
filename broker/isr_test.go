package broker_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// altered answers the AlterPartition request in flight. The controller accepts each change, unless the test says otherwise.
func (s *solo) altered(say func(*kmsg.AlterPartitionResponseTopicPartition)) {
	s.t.Helper()
	answer(s, "alter-partition", func(req *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse) {
		resp.Topics = alteredTopics(req, say)
	})
}

func alteredTopics(req *kmsg.AlterPartitionRequest, say func(*kmsg.AlterPartitionResponseTopicPartition)) (all []kmsg.AlterPartitionResponseTopic) {
	for _, rt := range req.Topics {
		at := kmsg.NewAlterPartitionResponseTopic()
		at.TopidID = rt.TopicID
		for _, rp := range rt.Partitions {
			ap := kmsg.NewAlterPartitionResponseTopicPartition()
			ap.Partition, ap.LeaderEpoch, ap.PartitionEpoch = rp.Partition, rp.LeaderEpoch, rp.PartitionEpoch+1
			ap.LeaderID = req.BrokerID
			for _, m := range rp.NewEpochISR {
				ap.ISR = append(ap.ISR, m.BrokerID)
			}
			say(&ap)
			at.Partitions = append(at.Partitions, ap)
		}
		all = append(all, at)
	}
	return all
}

func agreed(*kmsg.AlterPartitionResponseTopicPartition) {}

// lagging makes a solo that leads these topics with b2, which did not fetch until the first shrink was sent.
func lagging(t *testing.T, topics ...string) *solo {
	s := newSolo(t, "replica.lag.time.max.ms=2000")
	s.boot()
	for _, name := range topics {
		s.publish(s.topic(name, 1, 2)...)
		s.receive(produce(name, 1, batch("a")))
	}
	s.lines = nil
	s.advance(3 * env.Second)
	return s
}

// A lagging follower is removed from the ISR; the change is proposed once and not again while it is in flight.
func TestALaggardIsProposedOnce(t *testing.T) {
	s := lagging(t, "orders")
	s.expect("c1/alter-partition AlterPartition orders-0 isr [1] at 0")
	s.advance(5 * env.Second)
	s.expect()
	s.altered(agreed)
	s.expect()
	require.Equal(t, []wire.NodeID{1}, s.b.Replica(wire.TopicPartition{Topic: "orders"}).ISR())
}

// One request is in flight at a time; changes that are proposed meanwhile are sent together in the next one.
func TestISRChangesGoTogether(t *testing.T) {
	s := lagging(t, "a", "b", "c")
	s.expect("c1/alter-partition AlterPartition a-0 isr [1] at 0")
	s.altered(agreed)
	s.expect("c1/alter-partition AlterPartition b-0 isr [1] at 0, c-0 isr [1] at 0")
	s.altered(agreed)
	s.expect()
}

// This test checks how a leader reacts to each response about a partition, and about the request as a whole.
func TestAlterPartitionAnswers(t *testing.T) {
	const shrink = "c1/alter-partition AlterPartition orders-0 isr [1] at 0"
	whole := func(code *kerr.Error) func(*solo) {
		return func(s *solo) {
			answer(s, "alter-partition", func(_ *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse) { resp.ErrorCode = code.Code })
		}
	}
	one := func(code *kerr.Error) func(*solo) {
		return func(s *solo) {
			s.altered(func(ap *kmsg.AlterPartitionResponseTopicPartition) { ap.ErrorCode = code.Code })
		}
	}
	for _, tc := range []struct {
		name   string
		answer func(*solo)
		after  env.Duration
		want   []string
	}{
		{"agreed", func(s *solo) { s.altered(agreed) }, env.Second, nil},
		{"lost", func(s *solo) { s.reset("alter-partition") }, 100 * env.Millisecond, []string{shrink}},
		{"another controller is active", whole(kerr.NotController), 100 * env.Millisecond, []string{shrink}},
		{"an old broker epoch", whole(kerr.StaleBrokerEpoch), 50 * env.Millisecond, []string{shrink}},
		{"the partition moved on", one(kerr.FencedLeaderEpoch), env.Second, nil},
		{"an unknown error of the partition", one(kerr.UnknownServerError), 0, []string{shrink}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := lagging(t, "orders")
			s.lines = nil
			tc.answer(s)
			if tc.after > 0 {
				s.advance(tc.after - 1)
				s.expect()
				s.advance(1)
			}
			s.expect(tc.want...)
		})
	}
}

// A partition that is deleted while its change waits is left out of the next request.
func TestADeletedPartitionProposesNothing(t *testing.T) {
	s := lagging(t, "a", "b", "c")
	s.lines = nil
	s.publish(&wire.RemoveTopicRecord{TopicID: topicID("b")})
	s.altered(agreed)
	s.expect("c1/alter-partition AlterPartition c-0 isr [1] at 0")
}

// A follower joins the ISR with its first fetch at or above the leader's high watermark.
func TestACaughtUpFollowerJoins(t *testing.T) {
	s := newSolo(t)
	s.boot()
	orders := s.topic("orders", 1, 2, 3)
	orders[1].(*wire.PartitionRecord).ISR = []wire.NodeID{1}
	s.publish(orders...)
	s.receive(produce("orders", 1, batch("a")))
	s.lines = nil
	s.receive(follower(2, "orders", 0, 0))
	s.expect("reply 1 Fetch")
	s.receive(follower(2, "orders", 1, 0))
	s.expect("c1/alter-partition AlterPartition orders-0 isr [1 2] at 0")
	s.receive(follower(3, "orders", 1, 0))
	s.expect()
	s.altered(agreed)
	s.expect()
	s.receive(follower(3, "orders", 1, 0))
	s.expect("c1/alter-partition AlterPartition orders-0 isr [1 2 3] at 1")
}

// A fenced broker joins no ISR (KIP-841).
func TestAFencedFollowerDoesNotJoin(t *testing.T) {
	s := newSolo(t)
	s.boot()
	orders := s.topic("orders", 1, 2)
	orders[1].(*wire.PartitionRecord).ISR = []wire.NodeID{1}
	s.publish(append(orders, s.fence(2))...)
	s.lines = nil
	s.receive(follower(2, "orders", 0, 0))
	s.expect()
}

// Responses are matched by topic id and partition; a change that is not in the response is sent again.
func TestAlterPartitionAnswersOfAForeignController(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func([]kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic
		want []string
	}{
		{"in order", func(all []kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic { return all }, nil},
		{"in another order", func(all []kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic {
			slices.Reverse(all)
			return all
		}, nil},
		{"one is missing", func(all []kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic { return all[1:] },
			[]string{"c1/alter-partition AlterPartition b-0 isr [1] at 0"}},
		{"one is of another topic", func(all []kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic {
			all[1].TopidID = topicID("x")
			return all
		}, []string{"c1/alter-partition AlterPartition c-0 isr [1] at 0"}},
		{"one is of another partition", func(all []kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic {
			all[1].Partitions[0].Partition = 5
			return all
		}, []string{"c1/alter-partition AlterPartition c-0 isr [1] at 0"}},
		{"none is there", func([]kmsg.AlterPartitionResponseTopic) []kmsg.AlterPartitionResponseTopic { return nil },
			[]string{"c1/alter-partition AlterPartition b-0 isr [1] at 0, c-0 isr [1] at 0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := lagging(t, "a", "b", "c")
			s.altered(agreed)
			s.lines = nil
			answer(s, "alter-partition", func(req *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse) {
				resp.Topics = tc.edit(alteredTopics(req, agreed))
			})
			s.expect(tc.want...)
		})
	}
}
