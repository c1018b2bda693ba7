package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// This test checks the effect of a response to a metadata fetch on the connections to the controllers, and the time of the
// next fetch.
func TestMetadataAnswers(t *testing.T) {
	names := func(p *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse, leader, epoch int32, host string) {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = leader, epoch
		rb := kmsg.NewFetchResponseBroker()
		rb.NodeID, rb.Host, rb.Port = leader, host, 9093
		r.Brokers = append(r.Brokers, rb)
	}
	const again = 100 * env.Millisecond
	for _, tc := range []struct {
		name  string
		fill  func(*kmsg.FetchResponseTopicPartition, *kmsg.FetchResponse)
		to    string // the controller that the next fetch asks
		after env.Duration
	}{
		{"nothing new", func(*kmsg.FetchResponseTopicPartition, *kmsg.FetchResponse) {}, "c1", 0},
		{"nothing new, and it leads", func(p *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse) { names(p, r, 101, 4, "c1") }, "c1", 0},
		{"another leads", func(p *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse) {
			p.ErrorCode = kerr.NotLeaderForPartition.Code
			names(p, r, 103, 4, "c3")
		}, "c3", again},
		{"it leads no longer, and knows of no other", func(p *kmsg.FetchResponseTopicPartition, _ *kmsg.FetchResponse) {
			p.ErrorCode = kerr.NotLeaderForPartition.Code
		}, "c2", again},
		{"another leads, at an address that is not configured", func(p *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse) {
			p.ErrorCode = kerr.NotLeaderForPartition.Code
			names(p, r, 109, 4, "c9")
		}, "c2", again},
		{"it leads, in another epoch than the broker said", func(p *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse) {
			p.ErrorCode = kerr.FencedLeaderEpoch.Code
			names(p, r, 101, 4, "c1")
		}, "c1", again},
		{"the request as a whole is refused", func(_ *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse) {
			r.ErrorCode = kerr.UnknownServerError.Code
		}, "c2", again},
		{"another partition", func(p *kmsg.FetchResponseTopicPartition, _ *kmsg.FetchResponse) { p.Partition = 3 }, "c2", again},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSolo(t)
			s.boot()
			s.auto = false
			s.metadataAnswer(tc.fill)
			if tc.after > 0 {
				s.advance(tc.after - 1)
				require.Nil(t, s.call("raft"), "too early")
				s.advance(1)
			}
			require.NotNil(t, s.call(tc.to+"/raft"))
		})
	}
}

// A leader of an older epoch than the broker knows is ignored.
func TestAnOldControllerNamesNoLeader(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.auto = false
	hint := func(epoch int32, host string) {
		s.metadataAnswer(func(p *kmsg.FetchResponseTopicPartition, r *kmsg.FetchResponse) {
			p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 109, epoch
			rb := kmsg.NewFetchResponseBroker()
			rb.NodeID, rb.Host = 109, host
			r.Brokers = append(r.Brokers, rb)
		})
	}
	hint(8, "c2")
	require.NotNil(t, s.call("c2/raft"))
	hint(7, "c3")
	require.NotNil(t, s.call("c2/raft"))
	hint(8, "c3")
	require.NotNil(t, s.call("c3/raft"))
}

// After controller.quorum.fetch.timeout.ms without a response the broker switches to the next controller, with the
// connections of all lanes. The requests in flight fail and are sent to the next controller.
func TestASilentControllerIsLeft(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.auto = false
	s.advance(2*env.Second - booting - 1)
	s.lines = nil
	s.advance(1)
	require.Contains(t, s.lines, "close c1/heartbeat")
	s.advance(100 * env.Millisecond)
	require.NotNil(t, s.call("c2/raft"))
	require.NotNil(t, s.call("c2/heartbeat"))
	s.reset("c2/raft")
	s.advance(100 * env.Millisecond)
	require.NotNil(t, s.call("c3/raft"))
	s.reset("c3/raft")
	s.advance(100 * env.Millisecond)
	require.NotNil(t, s.call("c1/raft"), "and around again")
}

// The image is published when it has every record that was committed when this incarnation first fetched.
func TestTheFirstImageIsComplete(t *testing.T) {
	s := newSolo(t)
	s.start()
	orders := s.topic("orders", 2, 1)
	s.publishUpTo(5, s.registration(3), s.registration(2), s.registration(1))
	s.publishUpTo(5, orders[0])
	require.Nil(t, s.call("b2/fetcher"))
	require.NotNil(t, s.b.Image().Topic(topicID("orders")), "it is applied, not published")
	require.Nil(t, s.b.Replica(wire.TopicPartition{Topic: "orders"}))
	s.publishUpTo(5, orders[1])
	require.NotNil(t, s.b.Replica(wire.TopicPartition{Topic: "orders"}))
	require.NotNil(t, s.call("b2/fetcher"))
}

// The next fetch starts at the end of the image; a record that arrives twice is applied once.
func TestMetadataIsAppliedOnce(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.publish(s.topic("orders", 1)...)
	s.publish(leader("orders", 1)) // each election raises the epoch
	require.EqualValues(t, 1, s.b.Image().Partition(topicID("orders"), 0).LeaderEpoch)
	s.metadata--
	s.publish(leader("orders", 1))
	require.EqualValues(t, 1, s.b.Image().Partition(topicID("orders"), 0).LeaderEpoch)
	require.EqualValues(t, 6, s.call("raft").req.(*kmsg.FetchRequest).Topics[0].Partitions[0].FetchOffset)
}

// Two responses end the broker: one with a committed log that shrinks, and one with a record that it cannot decode.
func TestMetadataThatEndsABroker(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.metadataAnswer(func(p *kmsg.FetchResponseTopicPartition, _ *kmsg.FetchResponse) {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = 1, 2
	})
	require.ErrorContains(t, s.reason, "ends at 2 in epoch 1, and 3 in epoch 1 was applied here")

	s = newSolo(t)
	s.boot()
	unknown, err := wire.AppendBatch(nil, wire.PlainBatch(s.metadata, 1), []wire.Record{{Offset: s.metadata, Value: []byte{1, 99, 0}}})
	require.NoError(t, err)
	s.metadataAnswer(func(p *kmsg.FetchResponseTopicPartition, _ *kmsg.FetchResponse) { p.RecordBatches = unknown })
	require.Error(t, s.reason)
	s.expect("exit")
}

// A response without the metadata partition is invalid, so the broker tries the next controller.
func TestMetadataAnswersOfAForeignController(t *testing.T) {
	topic := func(id wire.TopicID, partitions int) kmsg.FetchResponseTopic {
		at := kmsg.NewFetchResponseTopic()
		at.TopicID, at.Partitions = id, make([]kmsg.FetchResponseTopicPartition, partitions)
		return at
	}
	for _, topics := range [][]kmsg.FetchResponseTopic{
		nil, {topic(wire.MetadataTopicID, 0)}, {topic(wire.MetadataTopicID, 2)}, {topic(topicID("orders"), 1)},
		{topic(wire.MetadataTopicID, 1), topic(topicID("orders"), 1)},
	} {
		s := newSolo(t)
		s.boot()
		s.auto = false
		answer(s, "raft", func(_ *kmsg.FetchRequest, resp *kmsg.FetchResponse) { resp.Topics = topics })
		s.advance(100 * env.Millisecond)
		require.NotNil(t, s.call("c2/raft"))
	}
}
