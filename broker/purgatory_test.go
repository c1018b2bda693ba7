package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// leading makes a solo that leads these topics, each with b2 in sync.
func leading(t *testing.T, topics ...string) *solo {
	s := newSolo(t)
	s.boot()
	for _, name := range topics {
		s.publish(s.topic(name, 1, 2)...)
	}
	s.lines = nil
	return s
}

// also adds another topic's partition 0 to a produce.
func also(req *kmsg.ProduceRequest, topic string, records []byte) *kmsg.ProduceRequest {
	req.Topics = append(req.Topics, produce(topic, req.Acks, records).Topics...)
	return req
}

func (s *solo) parked(kind string) (n int64) {
	for _, m := range s.b.Metrics() {
		if m.Name == "DelayedOperationPurgatory.PurgatorySize."+kind {
			return m.Value
		}
	}
	s.t.Fatalf("no metric for %s", kind)
	return 0
}

// A parked produce is answered after the first fetch that shows that the follower has the records, and not before.
func TestAParkedProduceWaitsForTheFollower(t *testing.T) {
	s := leading(t, "orders")
	first, second := s.receive(produce("orders", -1, batch("a"))), s.receive(produce("orders", -1, batch("b")))
	require.EqualValues(t, 2, s.parked("Produce"))
	require.False(t, s.b.Idle())
	s.receive(follower(2, "orders", 0, 0))
	require.True(t, s.waits(first))
	s.lines = nil
	s.receive(follower(2, "orders", 1, 0))
	s.expect("reply 3 Fetch", "reply 0 Produce")
	require.True(t, s.waits(second))
	s.receive(follower(2, "orders", 2, 0))
	s.expect("reply 1 Produce") // the follower's own fetch waits for more
	require.EqualValues(t, 1, got[*kmsg.ProduceResponse](s, second).Topics[0].Partitions[0].BaseOffset)
	require.True(t, s.b.Idle())
}

// A produce for several partitions is answered when the last of them is committed, or after its timeout; the response
// says which ones are committed.
func TestAParkedProduceOfSeveralPartitions(t *testing.T) {
	for _, tc := range []struct {
		name  string
		then  func(*solo)
		codes []*kerr.Error
	}{
		{"all are committed", func(s *solo) { s.receive(follower(2, "a", 1, 0)); s.receive(follower(2, "b", 1, 0)) }, []*kerr.Error{nil, nil}},
		{"one is committed", func(s *solo) { s.receive(follower(2, "b", 1, 0)); s.advance(env.Second) }, []*kerr.Error{kerr.RequestTimedOut, nil}},
		{"none is committed", func(s *solo) { s.advance(env.Second) }, []*kerr.Error{kerr.RequestTimedOut, kerr.RequestTimedOut}},
		{"one is committed and the other deposed", func(s *solo) {
			s.receive(follower(2, "b", 1, 0))
			s.publish(leader("a", 2, 2, 1))
		}, []*kerr.Error{kerr.NotLeaderForPartition, nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := leading(t, "a", "b")
			n := s.receive(also(produce("a", -1, batch("x")), "b", batch("y")))
			tc.then(s)
			resp := got[*kmsg.ProduceResponse](s, n)
			for i, want := range tc.codes {
				code := int16(0)
				if want != nil {
					code = want.Code
				}
				require.Equal(t, code, resp.Topics[i].Partitions[0].ErrorCode, resp.Topics[i].Topic)
			}
			require.Zero(t, s.parked("Produce"))
			s.advance(2 * env.Second) // it is not answered twice
		})
	}
}

// A produce that is refused as a whole is not parked; one that is refused in part has those errors in its response.
func TestARefusedPartitionDoesNotPark(t *testing.T) {
	s := leading(t, "orders")
	n := s.receive(also(produce("nothing", -1, batch("x")), "orders", batch("y")))
	require.True(t, s.waits(n))
	s.receive(follower(2, "orders", 1, 0))
	resp := got[*kmsg.ProduceResponse](s, n)
	require.Equal(t, kerr.UnknownTopicOrPartition.Code, resp.Topics[0].Partitions[0].ErrorCode)
	require.Zero(t, resp.Topics[1].Partitions[0].ErrorCode)
	require.False(t, s.waits(s.receive(produce("nothing", -1, batch("x")))))
}

// consumer returns a consumer's fetch of partition 0 of some topics from their start.
func consumer(min int32, wait env.Duration, topics ...string) *kmsg.FetchRequest {
	req := fetch(topics[0], 0)
	for _, name := range topics[1:] {
		req.Topics = append(req.Topics, fetch(name, 0).Topics...)
	}
	req.MinBytes, req.MaxWaitMillis = min, int32(wait/env.Millisecond)
	return req
}

// A parked fetch completes when there are enough bytes, on an error, or after its wait. The bytes of a consumer's fetch
// count up to the high watermark, those of a follower's fetch up to the log end.
func TestWhatWakesAParkedFetch(t *testing.T) {
	one := int32(len(batch("x")))
	for _, tc := range []struct {
		name  string
		fetch *kmsg.FetchRequest
		steps []func(*solo)
		wakes bool // the fetch completes in the last step; it must not complete in an earlier one
	}{
		{"a consumer by what is committed", consumer(1, 30*env.Second, "a"), []func(*solo){
			func(s *solo) { s.receive(produce("a", 1, batch("x"))) },
			func(s *solo) { s.receive(follower(2, "a", 1, 0)) },
		}, true},
		{"a consumer by another partition of its own", consumer(1, 30*env.Second, "a", "b"), []func(*solo){
			func(s *solo) { s.receive(produce("b", 1, batch("x"))) },
			func(s *solo) { s.receive(follower(2, "b", 1, 0)) },
		}, true},
		{"a consumer by enough bytes in all", consumer(2*one, 30*env.Second, "a", "b"), []func(*solo){
			func(s *solo) { s.receive(produce("a", 1, batch("x"))) },
			func(s *solo) { s.receive(follower(2, "a", 1, 0)) },
			func(s *solo) { s.receive(produce("b", 1, batch("x"))) },
			func(s *solo) { s.receive(follower(2, "b", 1, 0)) },
		}, true},
		{"not by a partition that it did not ask for", consumer(1, 30*env.Second, "a"), []func(*solo){
			func(s *solo) { s.receive(produce("b", 1, batch("x"))) },
			func(s *solo) { s.receive(follower(2, "b", 1, 0)) },
		}, false},
		{"a follower by what is appended", follower(2, "a", 0, 0), []func(*solo){
			func(s *solo) { s.receive(produce("a", 1, batch("x"))) },
		}, true},
		{"a deleted topic", consumer(1, 30*env.Second, "a"), []func(*solo){
			func(s *solo) { s.publish(&wire.RemoveTopicRecord{TopicID: topicID("a")}) },
		}, true},
		{"a deposed leader", consumer(1, 30*env.Second, "a"), []func(*solo){
			func(s *solo) { s.publish(leader("a", 2, 2, 1)) },
		}, true},
		{"the end of its wait", consumer(1, 800*env.Millisecond, "a"), []func(*solo){
			func(s *solo) { s.advance(800*env.Millisecond - 1) },
			func(s *solo) { s.advance(1) },
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := leading(t, "a", "b")
			n := s.receive(tc.fetch)
			require.True(t, s.waits(n))
			for i, step := range tc.steps {
				step(s)
				require.Equal(t, !tc.wakes || i < len(tc.steps)-1, s.waits(n), "step %d", i)
			}
			s.advance(40 * env.Second)
			require.False(t, s.waits(n))
			require.Zero(t, s.parked("Fetch"))
		})
	}
}

// Requests that complete in the same event are answered in order of arrival.
func TestParkedRequestsWakeInOrder(t *testing.T) {
	s := leading(t, "a", "b")
	s.receive(consumer(1, 30*env.Second, "a"))
	s.receive(consumer(1, 30*env.Second, "b", "a"))
	s.receive(consumer(1, 30*env.Second, "a"))
	s.receive(produce("a", -1, batch("x")))
	s.receive(produce("a", -1, batch("y")))
	s.lines = nil
	s.receive(follower(2, "a", 2, 0))
	s.expect("reply 3 Produce", "reply 4 Produce", "reply 0 Fetch", "reply 1 Fetch", "reply 2 Fetch")
}

// A fetch that waits for two partitions is answered once by an event that changes both.
func TestAParkedFetchWakesOnce(t *testing.T) {
	s := leading(t, "a", "b")
	n := s.receive(consumer(1, 30*env.Second, "a", "b"))
	s.receive(produce("a", 1, batch("x")))
	s.receive(produce("b", 1, batch("y")))
	both := follower(2, "a", 1, 0)
	both.Topics = append(both.Topics, follower(2, "b", 1, 0).Topics...)
	s.receive(both)
	resp := got[*kmsg.FetchResponse](s, n)
	for _, rt := range resp.Topics {
		require.NotEmpty(t, rt.Partitions[0].RecordBatches, rt.Topic)
	}
}

func deleteRecords(before int64, wait env.Duration, topics ...string) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.SetVersion(2)
	req.TimeoutMillis = int32(wait / env.Millisecond)
	for _, name := range topics {
		rt, rp := kmsg.NewDeleteRecordsRequestTopic(), kmsg.NewDeleteRecordsRequestTopicPartition()
		rt.Topic, rp.Offset = name, before
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	return req
}

// A DeleteRecords waits until the log start of every live replica is at or above the offset.
func TestAParkedDeletion(t *testing.T) {
	starts := func(topic string, at int64) *kmsg.FetchRequest {
		req := follower(2, topic, 1, 0)
		req.Topics[0].Partitions[0].LogStartOffset = at
		return req
	}
	for _, tc := range []struct {
		name  string
		then  func(*solo)
		codes []*kerr.Error
	}{
		{"both followers followed", func(s *solo) { s.receive(starts("a", 1)); s.receive(starts("b", 1)) }, []*kerr.Error{nil, nil}},
		{"one followed", func(s *solo) { s.receive(starts("b", 1)); s.advance(env.Second) }, []*kerr.Error{kerr.RequestTimedOut, nil}},
		{"the follower is fenced", func(s *solo) { s.publish(s.fence(2)) }, []*kerr.Error{nil, nil}},
		{"one is deposed", func(s *solo) { s.receive(starts("b", 1)); s.publish(leader("a", 2, 2, 1)) }, []*kerr.Error{kerr.NotLeaderForPartition, nil}},
		{"one is deleted", func(s *solo) {
			s.receive(starts("b", 1))
			s.publish(&wire.RemoveTopicRecord{TopicID: topicID("a")})
		}, []*kerr.Error{kerr.NotLeaderForPartition, nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := leading(t, "a", "b")
			for _, name := range []string{"a", "b"} {
				s.receive(produce(name, 1, batch("x")))
				s.receive(follower(2, name, 1, 0))
			}
			n := s.receive(deleteRecords(1, env.Second, "a", "b"))
			require.True(t, s.waits(n))
			tc.then(s)
			resp := got[*kmsg.DeleteRecordsResponse](s, n)
			for i, want := range tc.codes {
				code := int16(0)
				if want != nil {
					code = want.Code
				}
				require.Equal(t, code, resp.Topics[i].Partitions[0].ErrorCode, resp.Topics[i].Topic)
			}
			require.Zero(t, s.parked("DeleteRecords"))
		})
	}
}

// Any number of requests may wait for one partition. If one ends, the others still wait.
func TestOneOfManyParkedRequestsExpires(t *testing.T) {
	s := leading(t, "orders")
	var all []int
	for i := range 5 {
		req := produce("orders", -1, batch("x"))
		req.TimeoutMillis = int32(1000 * (i + 1))
		all = append(all, s.receive(req))
	}
	s.advance(2500 * env.Millisecond)
	for i, n := range all {
		require.Equal(t, i >= 2, s.waits(n), "produce %d", i)
	}
	s.receive(follower(2, "orders", 5, 0))
	for i, n := range all {
		want := int16(0)
		if i < 2 {
			want = kerr.RequestTimedOut.Code
		}
		require.Equal(t, want, got[*kmsg.ProduceResponse](s, n).Topics[0].Partitions[0].ErrorCode, "produce %d", i)
	}
}
