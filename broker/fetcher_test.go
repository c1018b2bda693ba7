package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// following makes a solo that follows b2 for these topics.
func following(t *testing.T, rules broker.Rules, topics ...string) *solo {
	s := newSoloUnder(t, rules)
	s.boot()
	var all []wire.MetadataRecord
	for _, name := range topics {
		all = append(all, s.topic(name, 2, 1)...)
	}
	s.publish(all...)
	return s
}

func failing(code *kerr.Error) func(*kmsg.FetchResponseTopicPartition) {
	return func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = code.Code }
}

func diverging(epoch, end int) func(*kmsg.FetchResponseTopicPartition) {
	return func(p *kmsg.FetchResponseTopicPartition) {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = int32(epoch), int64(end)
	}
}

// This test checks how a follower reacts to its leader's response for one partition, and when it fetches again.
func TestFetchAnswers(t *testing.T) {
	torn := func(p *kmsg.FetchResponseTopicPartition) {
		replicated(2, 0, "c")(p)
		p.RecordBatches[len(p.RecordBatches)-1] ^= 1
	}
	for _, tc := range []struct {
		name   string
		answer func(*kmsg.FetchResponseTopicPartition)
		after  env.Duration
		want   []string
		end    wire.Offset
	}{
		{"nothing new", func(*kmsg.FetchResponseTopicPartition) {}, 0, []string{"b2/fetcher Fetch orders-0@2"}, 2},
		{"records", replicated(2, 0, "c", "d"), 0, []string{"b2/fetcher Fetch orders-0@4"}, 4},
		{"records below its end", replicated(1, 0, "x"), 2 * env.Second, []string{"note partition.failed"}, 2},
		{"records with a flipped bit", torn, env.Second, []string{"b2/fetcher Fetch orders-0@2"}, 2},
		{"an error", failing(kerr.NotLeaderForPartition), env.Second, []string{"b2/fetcher Fetch orders-0@2"}, 2},
		{"logs that diverge", diverging(0, 1), 0, []string{"note partition.truncated", "b2/fetcher Fetch orders-0@1"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := following(t, broker.CurrentRules(), "orders")
			s.fetchAnswer("b2", replicated(0, 0, "a", "b"))
			s.lines = nil
			s.fetchAnswer("b2", tc.answer)
			if tc.after > 0 {
				s.advance(tc.after - 1)
				require.Nil(t, s.call("b2/fetcher"), "too early")
				s.advance(1)
			}
			s.expect(tc.want...)
			require.Equal(t, tc.end, s.logEnd("orders"))
		})
	}
}

// There is one fetcher for each leader, and it sends one fetch for all partitions of that leader. A partition with an error
// backs off alone; after a request that fails as a whole, all of them back off.
func TestOneFetchForEachLeader(t *testing.T) {
	s := following(t, broker.CurrentRules(), "a", "b")
	s.expect("b2/fetcher Fetch a-0@0 b-0@0")
	s.publish(s.topic("c", 3, 1)...)
	s.expect("b3/fetcher Fetch c-0@0")
	s.fetchAnswer("b2", failing(kerr.UnknownLeaderEpoch), replicated(0, 0, "x"))
	s.expect("b2/fetcher Fetch b-0@1")
	s.advance(env.Second) // the backoff ends while a request is under way: the next one has both
	s.expect()
	s.fetchAnswer("b2")
	s.expect("b2/fetcher Fetch a-0@0 b-0@1")

	s.reset("b2/fetcher")
	s.advance(env.Second - 1)
	s.expect()
	s.advance(1)
	s.expect("b2/fetcher Fetch a-0@0 b-0@1")
	answer(s, "b2/fetcher", func(_ *kmsg.FetchRequest, resp *kmsg.FetchResponse) { resp.ErrorCode = kerr.UnknownTopicID.Code })
	s.advance(env.Second)
	s.expect("b2/fetcher Fetch a-0@0 b-0@1")
	require.Len(t, s.calls, 3, "b2, b3 and the metadata")
}

// A partition that got records, an error or its first response goes to the end of the next request, so that a busy
// partition, which may fill every response, does not keep the quiet ones after it from being fetched. A new leader epoch
// puts a partition at the end, and other changes of the metadata leave it at its place.
func TestFetchesRotate(t *testing.T) {
	nothing := func(*kmsg.FetchResponseTopicPartition) {}
	s := following(t, broker.CurrentRules(), "busy", "quiet", "still")
	s.expect("b2/fetcher Fetch busy-0@0 quiet-0@0 still-0@0")
	s.fetchAnswer("b2", replicated(0, 0, "x"), nothing, nothing) // the first response of each
	s.expect("b2/fetcher Fetch busy-0@1 quiet-0@0 still-0@0")
	s.fetchAnswer("b2", replicated(1, 0, "y"), nothing, nothing)
	s.expect("b2/fetcher Fetch quiet-0@0 still-0@0 busy-0@2")
	s.publish(s.topic("later", 2, 1)...)
	s.publish(leader("still", 2, 2, 1))
	s.fetchAnswer("b2", nothing, nothing, replicated(2, 0, "z"))
	s.expect("b2/fetcher Fetch quiet-0@0 later-0@0 still-0@0 busy-0@3")
	s.fetchAnswer("b2", failing(kerr.UnknownLeaderEpoch), nothing, nothing, nothing)
	s.expect("b2/fetcher Fetch busy-0@3 later-0@0 still-0@0")
	s.advance(env.Second)
	s.fetchAnswer("b2", nothing, nothing, nothing)
	s.expect("b2/fetcher Fetch busy-0@3 quiet-0@0 later-0@0 still-0@0")
}

// A fetch response applies to the partition as it was at the request. It is dropped if the partition has changed since.
func TestLateFetchAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*solo) []wire.MetadataRecord
		answer func(*kmsg.FetchResponseTopicPartition)
		want   wire.Offset // the log's end, which was 2 before the response
	}{
		{"nothing changed", func(*solo) []wire.MetadataRecord { return nil }, replicated(2, 0, "c"), 3},
		{"it leads now", func(*solo) []wire.MetadataRecord { return []wire.MetadataRecord{leader("orders", 1, 1)} }, diverging(0, 1), 2},
		{"another leads now", func(*solo) []wire.MetadataRecord { return []wire.MetadataRecord{leader("orders", 3, 3, 1)} }, replicated(2, 0, "c"), 2},
		{"the same leads in another epoch", func(*solo) []wire.MetadataRecord { return []wire.MetadataRecord{leader("orders", 2, 2, 1)} }, replicated(2, 0, "c"), 2},
	} {
		s := following(t, broker.CurrentRules(), "orders")
		s.fetchAnswer("b2", replicated(0, 0, "a", "b"))
		s.publish(tc.change(s)...)
		s.fetchAnswer("b2", tc.answer)
		require.Equal(t, tc.want, s.logEnd("orders"), tc.name)
	}
}

// A deleted partition ignores later responses.
func TestAFetchAnswerForADeletedTopic(t *testing.T) {
	s := following(t, broker.CurrentRules(), "a", "b")
	deleted := s.b.Replica(wire.TopicPartition{Topic: "a"})
	s.publish(&wire.RemoveTopicRecord{TopicID: topicID("a")})
	s.lines = nil
	s.fetchAnswer("b2", replicated(0, 0, "x"), replicated(0, 0, "y"))
	s.expect("b2/fetcher Fetch b-0@1")
	require.Zero(t, deleted.Log().End())
}

// After OFFSET_OUT_OF_RANGE a follower compares its own log end with the leader's log end, and then with its log start:
//
//	the leader's end is below the own end               truncate to it
//	otherwise, the leader's start is above the own end  truncate fully and start there
//	otherwise                                           continue fetching
func TestOutOfRange(t *testing.T) {
	offset := func(s *solo, offset int64, code int16) {
		answer(s, "b2/fetcher", func(req *kmsg.ListOffsetsRequest, resp *kmsg.ListOffsetsResponse) {
			at, ap := kmsg.NewListOffsetsResponseTopic(), kmsg.NewListOffsetsResponseTopicPartition()
			at.Topic, ap.Offset, ap.ErrorCode = req.Topics[0].Topic, offset, code
			at.Partitions = append(at.Partitions, ap)
			resp.Topics = append(resp.Topics, at)
		})
	}
	const latest, earliest = "b2/fetcher ListOffsets orders-0 -1", "b2/fetcher ListOffsets orders-0 -2"
	for _, tc := range []struct {
		name       string
		end, start int64
		want       []string
		next       string
	}{
		{"the leader's log is shorter", 1, -1, []string{latest, "note partition.truncated"}, "b2/fetcher Fetch orders-0@1"},
		{"the leader's log begins above", 9, 7, []string{latest, earliest, "note partition.restarted"}, "b2/fetcher Fetch orders-0@7"},
		{"the leader's log has it again", 9, 0, []string{latest, earliest}, "b2/fetcher Fetch orders-0@2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := following(t, broker.CurrentRules(), "orders")
			s.fetchAnswer("b2", replicated(0, 0, "a", "b"))
			s.lines = nil
			s.fetchAnswer("b2", failing(kerr.OffsetOutOfRange))
			offset(s, tc.end, 0)
			if tc.start >= 0 {
				offset(s, tc.start, 0)
			}
			s.expect(tc.want...)
			s.advance(env.Second)
			s.expect(tc.next)
		})
	}
	t.Run("the leader refuses", func(t *testing.T) {
		s := following(t, broker.CurrentRules(), "orders")
		s.fetchAnswer("b2", failing(kerr.OffsetOutOfRange))
		s.lines = nil
		offset(s, 0, kerr.FencedLeaderEpoch.Code)
		s.expect()
		s.advance(env.Second)
		s.expect("b2/fetcher Fetch orders-0@0")
	})
	t.Run("the answer is of an earlier epoch", func(t *testing.T) {
		s := following(t, broker.CurrentRules(), "orders")
		s.fetchAnswer("b2", replicated(0, 0, "a", "b"))
		s.fetchAnswer("b2", failing(kerr.OffsetOutOfRange))
		s.publish(leader("orders", 2, 2, 1))
		offset(s, 0, 0)
		require.EqualValues(t, 2, s.logEnd("orders"))
	})
}

// A follower dials a leader that was not in the metadata, or has moved, as soon as it knows the address.
func TestAnUnknownLeaderIsNotDialled(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.publish(s.topic("orders", 9, 1)...)
	s.expect()
	r := s.registration(9)
	r.BrokerEpoch = wire.BrokerEpoch(s.metadata)
	s.publish(r)
	s.expect("b9/fetcher Fetch orders-0@0")
}

// A follower's broken disk ends the broker.
func TestAFollowersBrokenDiskExits(t *testing.T) {
	s := following(t, broker.CurrentRules(), "orders")
	s.lines = nil
	s.w.Disk("b1").Break("orders-0", disk.OnWrite)
	s.fetchAnswer("b2", replicated(0, 0, "a"))
	require.Contains(t, s.lines, "note log.dir-failed")
	require.True(t, s.exited)
}

// These responses are ones that no Samsa broker sends. A response in another order is matched by topic id and partition. A
// response that omits, adds or repeats a partition is dropped as a whole, and the fetch is sent again after a backoff.
func TestFetchAnswersOfAForeignLeader(t *testing.T) {
	topic := func(name string, partition int32, values ...string) kmsg.FetchResponseTopic {
		at, ap := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		at.TopicID = topicID(name)
		replicated(0, 0, values...)(&ap)
		ap.Partition = partition
		at.Partitions = append(at.Partitions, ap)
		return at
	}
	for _, tc := range []struct {
		name   string
		topics []kmsg.FetchResponseTopic
		a, b   wire.Offset // the ends afterwards
	}{
		{"in order", []kmsg.FetchResponseTopic{topic("a", 0, "x"), topic("b", 0, "y", "z")}, 1, 2},
		{"in another order", []kmsg.FetchResponseTopic{topic("b", 0, "y", "z"), topic("a", 0, "x")}, 1, 2},
		{"one is missing", []kmsg.FetchResponseTopic{topic("b", 0, "y", "z")}, 0, 0},
		{"all are missing", nil, 0, 0},
		{"an unknown topic", []kmsg.FetchResponseTopic{topic("a", 0, "x"), topic("b", 0, "y"), topic("c", 0, "z")}, 0, 0},
		{"an unknown partition", []kmsg.FetchResponseTopic{topic("a", 7, "x"), topic("b", 0, "y")}, 0, 0},
		{"one twice", []kmsg.FetchResponseTopic{topic("a", 0, "x"), topic("a", 0, "x")}, 0, 0},
		{"an unknown topic without partitions", []kmsg.FetchResponseTopic{{TopicID: topicID("c")}, topic("a", 0, "x"), topic("b", 0, "y")}, 0, 0},
		{"a topic without partitions", []kmsg.FetchResponseTopic{{TopicID: topicID("a")}, topic("a", 0, "x"), topic("b", 0, "y")}, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := following(t, broker.CurrentRules(), "a", "b")
			answer(s, "b2/fetcher", func(_ *kmsg.FetchRequest, resp *kmsg.FetchResponse) { resp.Topics = tc.topics })
			require.Equal(t, tc.a, s.logEnd("a"))
			require.Equal(t, tc.b, s.logEnd("b"))
			if tc.a == 0 {
				require.Nil(t, s.call("b2/fetcher"))
				s.advance(env.Second)
			}
			require.NotNil(t, s.call("b2/fetcher"))
		})
	}
}

// A ListOffsets answer about another partition, or about none, changes nothing.
func TestListOffsetsAnswersOfAForeignLeader(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fill  func(*kmsg.ListOffsetsResponse)
		notes []string
	}{
		{"of another topic", func(r *kmsg.ListOffsetsResponse) { r.Topics[0].Topic = "other" }, nil},
		{"of another partition", func(r *kmsg.ListOffsetsResponse) { r.Topics[0].Partitions[0].Partition = 3 }, nil},
		{"of no partition", func(r *kmsg.ListOffsetsResponse) { r.Topics[0].Partitions = nil }, nil},
		{"of no topic", func(r *kmsg.ListOffsetsResponse) { r.Topics = nil }, nil},
		{"of this partition", func(*kmsg.ListOffsetsResponse) {}, []string{"note partition.truncated"}},
	} {
		s := following(t, broker.CurrentRules(), "orders")
		s.fetchAnswer("b2", replicated(0, 0, "a", "b"))
		s.fetchAnswer("b2", failing(kerr.OffsetOutOfRange))
		s.lines = nil
		answer(s, "b2/fetcher", func(_ *kmsg.ListOffsetsRequest, resp *kmsg.ListOffsetsResponse) {
			at, ap := kmsg.NewListOffsetsResponseTopic(), kmsg.NewListOffsetsResponseTopicPartition()
			at.Topic, ap.Offset = "orders", 1
			at.Partitions = append(at.Partitions, ap)
			resp.Topics = append(resp.Topics, at)
			tc.fill(resp)
		})
		s.expect(tc.notes...)
	}
}
