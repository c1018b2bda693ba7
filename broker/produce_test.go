package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/sim/env"
	"samsa/wire"
)

func TestProduceIsAnsweredWhenItIsCommitted(t *testing.T) {
	r := newRoom(t, 3)
	id := r.topic("orders", []int{1, 2, 3}, "min.insync.replicas=2")
	p := ask[*kmsg.ProduceResponse](r, 1, produce("orders", -1, batch("a", "b"))).Topics[0].Partitions[0]
	require.Zero(t, p.ErrorCode)
	require.Zero(t, p.BaseOffset)
	require.EqualValues(t, 2, r.replica(1, "orders").hw())
	for i := 2; i <= 3; i++ {
		require.EqualValues(t, 2, r.replica(i, "orders").end(), "b%d has it", i)
	}
	byID := produce("", -1, batch("c"))
	byID.SetVersion(13)
	byID.Topics[0].TopicID = id
	p = ask[*kmsg.ProduceResponse](r, 1, byID).Topics[0].Partitions[0]
	require.Zero(t, p.ErrorCode)
	require.EqualValues(t, 2, p.BaseOffset)

	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2", "b3"})
	p = ask[*kmsg.ProduceResponse](r, 1, produce("orders", 1, batch("d"))).Topics[0].Partitions[0]
	require.Zero(t, p.ErrorCode, "acks=1 waits for no other replica")
	p = ask[*kmsg.ProduceResponse](r, 1, produce("orders", -1, batch("e"))).Topics[0].Partitions[0]
	require.Equal(t, kerr.RequestTimedOut.Code, p.ErrorCode)
	require.EqualValues(t, 4, p.BaseOffset, "it is appended, and the answer says where")
}

// The response says which records break a rule of their topic, and where the log starts.
func TestProduceNamesTheRecordsThatItRefuses(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("early", []int{1}, "message.timestamp.before.max.ms=0", "message.timestamp.after.max.ms=0")
	r.topic("keyed", []int{1}, "cleanup.policy=compact")
	r.topic("small", []int{1}, "internal.segment.bytes=100")
	r.run(10 * env.Millisecond)
	for _, tc := range []struct {
		topic   string
		want    *kerr.Error
		message string
		records int
		start   int64
	}{
		{"early", kerr.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp", 4, 0},
		{"keyed", kerr.InvalidRecord, "One or more records have been rejected due to 4 record errors in total, and only showing the first three errors at most: [RecordError(", 4, 0},
		{"small", kerr.RecordListTooLarge, "", 0, -1},
	} {
		p := ask[*kmsg.ProduceResponse](r, 1, produce(tc.topic, -1, batch("a", "b", "c", "defghijklmnopqrstuvwxyz"))).Topics[0].Partitions[0]
		require.Equal(t, tc.want.Code, p.ErrorCode, tc.topic)
		require.Len(t, p.ErrorRecords, tc.records)
		require.Equal(t, tc.start, p.LogStartOffset, tc.topic)
		if tc.message == "" {
			require.Nil(t, p.ErrorMessage)
		} else {
			require.Contains(t, *p.ErrorMessage, tc.message)
		}
	}
}

// A partition that a request has twice is appended once, with the last records.
func TestProduceTakesAPartitionOnce(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	req := produce("orders", -1, batch("a"))
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, produce("orders", -1, batch("b")).Topics[0].Partitions[0])
	none := kmsg.NewProduceRequestTopic()
	none.Topic = "orders"
	req.Topics = append(req.Topics, none)
	resp := ask[*kmsg.ProduceResponse](r, 1, req)
	require.Len(t, resp.Topics, 1)
	require.Len(t, resp.Topics[0].Partitions, 1)
	require.EqualValues(t, 1, r.replica(1, "orders").end())
}

// A refused request changes nothing.
func TestProduceRefused(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2}, "max.message.bytes=1000")
	r.topic("strict", []int{1}, "min.insync.replicas=2")
	torn := batch("a")
	torn[len(torn)-1] ^= 1
	old := produce("orders", -1, batchOf(wire.CodecZstd, "a"))
	old.SetVersion(6)
	strange := produce("", -1, batch("a"))
	strange.SetVersion(13)
	strange.Topics[0].TopicID = wire.TopicID{9}
	beyond := produce("orders", -1, batch("a"))
	beyond.Topics[0].Partitions[0].Partition = 7
	for _, c := range []struct {
		what string
		to   int
		req  *kmsg.ProduceRequest
		want *kerr.Error
	}{
		{"no such topic", 1, produce("nothing", -1, batch("a")), kerr.UnknownTopicOrPartition},
		{"no such partition", 1, beyond, kerr.UnknownTopicOrPartition},
		{"no such id", 1, strange, kerr.UnknownTopicID},
		{"a follower", 2, produce("orders", -1, batch("a")), kerr.NotLeaderForPartition},
		{"acks=2", 1, produce("orders", 2, batch("a")), kerr.InvalidRequiredAcks},
		{"two batches", 1, produce("orders", -1, append(batch("a"), batch("b")...)), kerr.InvalidRecord},
		{"nothing", 1, produce("orders", -1, nil), kerr.InvalidRecord},
		{"a bit flipped", 1, produce("orders", -1, torn), kerr.CorruptMessage},
		{"too large", 1, produce("orders", -1, batch(string(make([]byte, 2000)))), kerr.MessageTooLarge},
		{"zstd of an old client", 1, old, kerr.UnsupportedCompressionType},
	} {
		p := ask[*kmsg.ProduceResponse](r, c.to, c.req).Topics[0].Partitions[0]
		require.Equal(t, c.want.Code, p.ErrorCode, c.what)
		require.EqualValues(t, -1, p.BaseOffset, c.what)
		require.Zero(t, r.replica(1, "orders").end(), c.what)
	}
	resp := ask[*kmsg.ProduceResponse](r, 2, produce("orders", -1, batch("a")))
	require.EqualValues(t, 1, resp.Topics[0].Partitions[0].CurrentLeader.LeaderID, "the leader to ask (KIP-951)")
	require.Equal(t, "b1", resp.Brokers[0].Host)
}

func TestNotEnoughReplicas(t *testing.T) {
	r := newRoom(t, 2, "replica.lag.time.max.ms=1000")
	r.topic("orders", []int{1, 2}, "min.insync.replicas=2")
	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	// Appended while both were in sync; then b2 leaves the ISR.
	late := produce("orders", -1, batch("a"))
	late.TimeoutMillis = 30000
	turn := r.send(1, late)
	r.until("b2 is out", func() bool { return len(r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}).ISR()) == 1 })
	p := ask[*kmsg.ProduceResponse](r, 1, produce("orders", -1, batch("b"))).Topics[0].Partitions[0]
	require.Equal(t, kerr.NotEnoughReplicas.Code, p.ErrorCode)
	require.EqualValues(t, 1, r.replica(1, "orders").end())
	require.Nil(t, r.asker.answers[turn], "the high watermark does not move, so the first waits")
	r.w.HealAll()
	resp, err := r.answer(turn)
	require.NoError(t, err)
	require.Zero(t, resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
}

// A record that the high watermark has passed while too few replicas were in sync is appended and may survive. In
// current Kafka the high watermark does not move in that case, so the test needs an old rule to get the code.
func TestNotEnoughReplicasAfterAppend(t *testing.T) {
	rules := broker.CurrentRules()
	rules.Replication.MayAdvanceHW = func(int, int) bool { return true }
	r := newRoomUnder(t, rules, 2, "replica.lag.time.max.ms=1000")
	r.topic("orders", []int{1, 2}, "min.insync.replicas=2")
	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	req := produce("orders", -1, batch("a"))
	req.TimeoutMillis = 30000
	p := ask[*kmsg.ProduceResponse](r, 1, req).Topics[0].Partitions[0]
	require.Equal(t, kerr.NotEnoughReplicasAfterAppend.Code, p.ErrorCode)
	require.EqualValues(t, 1, r.replica(1, "orders").end())
}

func TestAnErrorUnderAcksZeroClosesTheConnection(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	_, err := r.answer(r.send(1, produce("orders", 0, batch("a"))))
	require.NoError(t, err)
	require.EqualValues(t, 1, r.replica(1, "orders").end())
	before := r.asker.lost
	r.send(1, produce("nothing", 0, batch("a")))
	r.until("the connection ends", func() bool { return r.asker.lost > before })
}

// A leader that another one replaces answers the waiting producers with an error, and the outcome is unknown.
func TestADeposedLeaderAnswersItsProducers(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	late := produce("orders", -1, batch("a"))
	late.TimeoutMillis = 50000
	turn := r.send(1, late)
	r.run(100 * env.Millisecond)
	r.w.Cut([]env.Addr{"c1"}, []env.Addr{"b1"}) // b1 is fenced, and gets that record when the cut heals
	r.until("b2 leads", func() bool {
		p := r.broker(2).Replica(wire.TopicPartition{Topic: "orders"})
		return p != nil && p.Leads()
	})
	require.Nil(t, r.asker.answers[turn])
	r.w.HealAll()
	resp, err := r.answer(turn)
	require.NoError(t, err)
	require.Equal(t, kerr.NotLeaderForPartition.Code, resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
	r.until("the record that no other replica had is truncated", func() bool { return r.replica(1, "orders").end() == 0 })
}
