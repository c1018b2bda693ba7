package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

func TestFetchByNameAndById(t *testing.T) {
	r := newRoom(t, 1)
	id := r.topic("orders", []int{1})
	r.write(1, "orders", "a", "b", "c")
	for version := int16(4); version <= 18; version++ {
		req := fetch("orders", 1)
		req.SetVersion(version)
		if version >= 13 {
			req.Topics[0].Topic, req.Topics[0].TopicID = "", id
			req.ReplicaState.ID = -1
		}
		p := r.fetched(1, req)
		require.Zero(t, p.ErrorCode, "version %d", version)
		require.Equal(t, []string{"b", "c"}, values(t, p.RecordBatches), "version %d", version)
		require.EqualValues(t, 3, p.HighWatermark)
	}
}

// The response has the partitions that exist first, then those that do not, and each partition once.
func TestFetchOrdersItsResponse(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	r.write(1, "orders", "a", "b")
	req := fetch("orders", 0)
	none, again := req.Topics[0].Partitions[0], req.Topics[0].Partitions[0]
	none.Partition, again.FetchOffset = 7, 1
	req.Topics[0].Partitions = append([]kmsg.FetchRequestTopicPartition{none}, append(req.Topics[0].Partitions, again)...)
	empty := kmsg.NewFetchRequestTopic()
	empty.Topic = "none"
	req.Topics = append(req.Topics, empty)
	resp := ask[*kmsg.FetchResponse](r, 1, req)
	require.Len(t, resp.Topics, 1)
	all := resp.Topics[0].Partitions
	require.Len(t, all, 2)
	require.EqualValues(t, 0, all[0].Partition)
	require.Equal(t, []string{"b"}, values(t, all[0].RecordBatches), "the last entry of a partition counts")
	require.EqualValues(t, 7, all[1].Partition)
	require.Equal(t, kerr.UnknownTopicOrPartition.Code, all[1].ErrorCode)
	require.NotNil(t, all[1].RecordBatches)
}

// A size below 0 and an isolation level that does not exist have no error of their own.
func TestUnknownServerError(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	r.write(1, "orders", "a")
	req := fetch("orders", 0)
	req.MaxBytes = -1
	require.Equal(t, kerr.UnknownServerError.Code, r.fetched(1, req).ErrorCode)
	offsets := kmsg.NewPtrListOffsetsRequest()
	offsets.SetVersion(7)
	offsets.ReplicaID, offsets.IsolationLevel = -1, 2
	rt, rp := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	rt.Topic, rp.Timestamp = "orders", -1
	rt.Partitions = append(rt.Partitions, rp)
	offsets.Topics = append(offsets.Topics, rt)
	require.Equal(t, kerr.UnknownServerError.Code, ask[*kmsg.ListOffsetsResponse](r, 1, offsets).Topics[0].Partitions[0].ErrorCode)
}

func TestFetchWaitsForRecords(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	began := r.w.Now()
	p := r.fetched(1, fetch("orders", 0))
	require.Empty(t, p.RecordBatches)
	require.GreaterOrEqual(t, env.Duration(r.w.Now()-began), 500*env.Millisecond)

	long := fetch("orders", 0)
	long.MaxWaitMillis = 30000
	turn := r.send(1, long)
	r.run(env.Second)
	require.Nil(t, r.asker.answers[turn])
	r.write(1, "orders", "a")
	resp, err := r.answer(turn)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, values(t, resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches))

	many := fetch("orders", 1)
	many.MaxWaitMillis, many.MinBytes = 30000, 3*int32(len(batch("b")))
	turn = r.send(1, many)
	r.write(1, "orders", "b", "c")
	require.Nil(t, r.asker.answers[turn], "two batches are less than was asked for")
	r.write(1, "orders", "d")
	resp, err = r.answer(turn)
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c", "d"}, values(t, resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches))
}

func TestFetchRespectsItsBounds(t *testing.T) {
	r := newRoom(t, 2, "replica.lag.time.max.ms=60000")
	r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a", "b")
	small := fetch("orders", 0)
	small.Topics[0].Partitions[0].PartitionMaxBytes, small.MaxBytes = 1, 1
	require.Equal(t, []string{"a"}, values(t, r.fetched(1, small).RecordBatches), "the first batch comes whatever its size (KIP-74)")

	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	ask[*kmsg.ProduceResponse](r, 1, produce("orders", 1, batch("c")))
	p := r.fetched(1, fetch("orders", 0))
	require.Equal(t, []string{"a", "b"}, values(t, p.RecordBatches), "c is not committed")
	committed := fetch("orders", 0)
	committed.IsolationLevel = 1
	p = r.fetched(1, committed)
	require.Equal(t, []string{"a", "b"}, values(t, p.RecordBatches))
	require.NotNil(t, p.AbortedTransactions)
	require.EqualValues(t, 2, p.LastStableOffset)
}

func TestFetchRefused(t *testing.T) {
	r := newRoom(t, 2)
	id := r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a")
	at := func(from int64, epoch int32) *kmsg.FetchRequest {
		req := fetch("orders", from)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
		return req
	}
	byID := fetch("", 0)
	byID.SetVersion(13)
	byID.Topics[0].TopicID = wire.TopicID{5}
	stranger := fetch("orders", 0) // a broker that holds no replica
	stranger.ReplicaID = 9
	stranger.Topics[0].Partitions[0].CurrentLeaderEpoch = 0
	old := fetch("orders", 0)
	old.SetVersion(8)
	old.ReplicaID = 9
	r.w.Restart("b1")
	r.until("the partition is led again", func() bool { b := r.broker(1); return b != nil && !b.Fenced() && leads(r, "orders") > 0 })
	leader := leads(r, "orders")
	now := int32(r.broker(leader).Replica(wire.TopicPartition{Topic: "orders"}).LeaderEpoch())
	require.Positive(t, now)
	stranger.Topics[0].Partitions[0].CurrentLeaderEpoch = now
	for _, c := range []struct {
		what string
		to   int
		req  *kmsg.FetchRequest
		want *kerr.Error
	}{
		{"above the end", leader, at(5, -1), kerr.OffsetOutOfRange},
		{"an older epoch", leader, at(0, now-1), kerr.FencedLeaderEpoch},
		{"a newer epoch", leader, at(0, now+1), kerr.UnknownLeaderEpoch},
		{"a follower", 3 - leader, fetch("orders", 0), kerr.NotLeaderForPartition},
		{"no such topic", leader, fetch("nothing", 0), kerr.UnknownTopicOrPartition},
		{"no such id", leader, byID, kerr.UnknownTopicID},
		{"a stranger", leader, stranger, kerr.UnknownLeaderEpoch},
		{"a stranger of old", leader, old, kerr.NotLeaderForPartition},
	} {
		require.Equal(t, c.want.Code, r.fetched(c.to, c.req).ErrorCode, c.what)
	}
	require.EqualValues(t, leader, r.fetched(3-leader, fetchID(id)).CurrentLeader.LeaderID, "the leader to ask (KIP-951)")
	session := fetch("orders", 0)
	session.SessionID, session.SessionEpoch = 7, 3
	require.Equal(t, kerr.FetchSessionIDNotFound.Code, ask[*kmsg.FetchResponse](r, leader, session).ErrorCode)
}

// leads returns the number of the broker that leads partition 0 of a topic, or 0 if none does.
func leads(r *room, topic string) int {
	for i := 1; i <= r.brokers; i++ {
		if b := r.broker(i); b != nil {
			if p := b.Replica(wire.TopicPartition{Topic: topic}); p != nil && p.Leads() {
				return i
			}
		}
	}
	return 0
}

func fetchID(id wire.TopicID) *kmsg.FetchRequest {
	req := fetch("", 0)
	req.SetVersion(17)
	req.ReplicaState.ID = -1
	req.Topics[0].TopicID = id
	return req
}

// A follower with a log that diverges from the leader's gets the offset of the divergence, and its position does not count.
func TestTheAnswerToADivergingFollower(t *testing.T) {
	r := newRoom(t, 2)
	id := r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a", "b")
	r.w.Restart("b1") // a new epoch, in which b2 leads
	r.until("b2 leads", func() bool { return leads(r, "orders") == 2 })
	r.write(2, "orders", "c")
	epoch := int32(r.broker(2).Replica(wire.TopicPartition{Topic: "orders"}).LeaderEpoch())
	req := fetchID(id)
	req.ReplicaState.ID, req.ReplicaState.Epoch = 1, -1
	rp := &req.Topics[0].Partitions[0]
	rp.CurrentLeaderEpoch, rp.LastFetchedEpoch, rp.FetchOffset = epoch, 0, 7
	p := r.fetched(2, req)
	require.Zero(t, p.ErrorCode)
	require.Empty(t, p.RecordBatches)
	require.EqualValues(t, 0, p.DivergingEpoch.Epoch)
	require.EqualValues(t, 2, p.DivergingEpoch.EndOffset, "where epoch 0 ends")
}
