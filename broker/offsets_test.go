package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// listOffsets returns a consumer's ListOffsets request for partition 0 of a topic.
func listOffsets(version int16, topic string, at int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(version)
	req.ReplicaID = -1
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Timestamp, rp.CurrentLeaderEpoch = at, -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func (r *room) offset(to int, req *kmsg.ListOffsetsRequest) kmsg.ListOffsetsResponseTopicPartition {
	r.t.Helper()
	return ask[*kmsg.ListOffsetsResponse](r, to, req).Topics[0].Partitions[0]
}

func TestListOffsets(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a", "b", "c")
	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	ask[*kmsg.ProduceResponse](r, 1, produce("orders", 1, batch("d")))
	const stamp = 1767225600000 // of every record
	for _, c := range []struct {
		what   string
		at     int64
		since  int16 // version
		offset int64
	}{
		{"latest", -1, 1, 3}, {"earliest", -2, 1, 0}, {"largest timestamp", -3, 7, 0}, {"earliest local", -4, 8, 0},
		{"latest tiered", -5, 9, -1}, {"pending upload", -6, 11, -1}, {"by time", stamp, 1, 0}, {"too late", stamp + 1, 1, -1},
	} {
		for version := int16(1); version <= 11; version++ {
			p := r.offset(1, listOffsets(version, "orders", c.at))
			if version < c.since {
				require.Equal(t, kerr.UnsupportedVersion.Code, p.ErrorCode, "%s in version %d", c.what, version)
				continue
			}
			require.Zero(t, p.ErrorCode, "%s in version %d", c.what, version)
			require.Equal(t, c.offset, p.Offset, "%s in version %d", c.what, version)
		}
	}
	require.Equal(t, kerr.UnsupportedVersion.Code, r.offset(1, listOffsets(11, "orders", -7)).ErrorCode)
	follower := listOffsets(7, "orders", -1)
	follower.ReplicaID = 2
	require.EqualValues(t, 4, r.offset(1, follower).Offset, "a follower asks for the log's end")

	require.Equal(t, kerr.UnknownTopicOrPartition.Code, r.offset(1, listOffsets(7, "nothing", -1)).ErrorCode)
	require.Equal(t, kerr.NotLeaderForPartition.Code, r.offset(2, listOffsets(7, "orders", -1)).ErrorCode)
	twice := listOffsets(7, "orders", -1)
	twice.Topics = append(twice.Topics, twice.Topics[0])
	require.Equal(t, kerr.InvalidRequest.Code, r.offset(1, twice).ErrorCode)
	fenced := listOffsets(7, "orders", -1)
	fenced.Topics[0].Partitions[0].CurrentLeaderEpoch = 5
	require.Equal(t, kerr.UnknownLeaderEpoch.Code, r.offset(1, fenced).ErrorCode)
}

// A new leader's high watermark lags. The leader returns no "latest" before it has reached the start of its own epoch
// (KIP-207).
func TestLatestIsNotAvailableTooEarly(t *testing.T) {
	r := newRoom(t, 3, "replica.lag.time.max.ms=60000")
	r.topic("orders", []int{1, 2, 3}, "min.insync.replicas=2")
	r.write(1, "orders", "a")
	r.run(env.Second)
	r.write(1, "orders", "b")
	r.w.Cut([]env.Addr{"b2", "b3"}, []env.Addr{"b2", "b3"})
	r.w.Crash("b1") // before b2 knows that b is committed
	r.until("b2 leads", func() bool { return leads(r, "orders") == 2 })
	require.Equal(t, kerr.OffsetNotAvailable.Code, r.offset(2, listOffsets(7, "orders", -1)).ErrorCode)
	require.Equal(t, kerr.LeaderNotAvailable.Code, r.offset(2, listOffsets(4, "orders", -1)).ErrorCode, "what old clients know")
	require.Zero(t, r.offset(2, listOffsets(7, "orders", -2)).ErrorCode, "earliest is earliest")
	r.w.HealAll()
	r.until("b3 follows", func() bool { return r.offset(2, listOffsets(7, "orders", -1)).Offset == 2 })
}

func TestOffsetForLeaderEpoch(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a", "b")
	r.w.Restart("b1")
	r.until("b2 leads", func() bool { return leads(r, "orders") == 2 })
	r.write(2, "orders", "c")
	now := int32(r.broker(2).Replica(wire.TopicPartition{Topic: "orders"}).LeaderEpoch())
	end := func(current, epoch int32) kmsg.OffsetForLeaderEpochResponseTopicPartition {
		req := kmsg.NewPtrOffsetForLeaderEpochRequest()
		req.SetVersion(4)
		req.ReplicaID = -1
		rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		rp.CurrentLeaderEpoch, rp.LeaderEpoch = current, epoch
		rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
		rt.Topic, rt.Partitions = "orders", append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		return ask[*kmsg.OffsetForLeaderEpochResponse](r, 2, req).Topics[0].Partitions[0]
	}
	p := end(now, 0)
	require.EqualValues(t, 2, p.EndOffset)
	require.EqualValues(t, 0, p.LeaderEpoch)
	require.EqualValues(t, 3, end(-1, now).EndOffset)
	require.EqualValues(t, -1, end(-1, now+1).EndOffset, "no broker has led in that epoch yet")
	require.Equal(t, kerr.FencedLeaderEpoch.Code, end(now-1, 0).ErrorCode)
	require.Equal(t, kerr.UnknownLeaderEpoch.Code, end(now+1, 0).ErrorCode)
}

func TestDeleteRecords(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	r.topic("compacted", []int{1}, "cleanup.policy=compact")
	r.write(1, "orders", "a", "b", "c")
	del := func(to int, topic string, before int64) kmsg.DeleteRecordsResponseTopicPartition {
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.SetVersion(2)
		req.TimeoutMillis = 2000
		rp := kmsg.NewDeleteRecordsRequestTopicPartition()
		rp.Offset = before
		rt := kmsg.NewDeleteRecordsRequestTopic()
		rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		return ask[*kmsg.DeleteRecordsResponse](r, to, req).Topics[0].Partitions[0]
	}
	p := del(1, "orders", 2)
	require.Zero(t, p.ErrorCode)
	require.EqualValues(t, 2, p.LowWatermark, "everywhere")
	require.EqualValues(t, 2, r.broker(2).Replica(wire.TopicPartition{Topic: "orders"}).Log().Start())
	require.Equal(t, kerr.OffsetOutOfRange.Code, r.fetched(1, fetch("orders", 0)).ErrorCode)
	require.EqualValues(t, 2, r.offset(1, listOffsets(7, "orders", -2)).Offset)

	require.Equal(t, kerr.OffsetOutOfRange.Code, del(1, "orders", 9).ErrorCode)
	require.Equal(t, kerr.NotLeaderForPartition.Code, del(2, "orders", 3).ErrorCode)
	require.Equal(t, kerr.UnknownTopicOrPartition.Code, del(1, "nothing", 0).ErrorCode)
	require.Equal(t, kerr.PolicyViolation.Code, del(1, "compacted", 0).ErrorCode)
	require.EqualValues(t, 2, r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}).Log().Start(), "what is refused changes nothing")

	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	require.Equal(t, kerr.RequestTimedOut.Code, del(1, "orders", -1).ErrorCode, "b2 does not know of it")
	r.w.HealAll()
	require.EqualValues(t, 3, del(1, "orders", -1).LowWatermark, "-1 is the high watermark")
}
