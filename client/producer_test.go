package client_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim/env"
	"samsa/wire"
)

// This test checks the outcome of a record for each of a broker's error codes: ok, certainly not appended, or unknown. The
// list is the contract; an error that is not in it must be unknown. A response with a base offset says that the broker
// appended the records before the error.
func TestEveryErrorCodeHasItsOutcome(t *testing.T) {
	surely := []int16{2, 10, 17, 18, 19, 21, 29, 31, 32, 35, 42, 43, 45, 47, 48, 49, 51, 53, 59, 76, 87, 90, 100, 120}
	unlessAppended := []int16{3, 6}
	for code := int16(-1); code < 140; code++ {
		if code != 0 && kerr.ErrorForCode(code) == kerr.UnknownServerError && code != -1 {
			continue // no code of Kafka
		}
		for _, appended := range []bool{false, true} {
			want := client.Unknown
			switch {
			case code == 0 || code == kerr.DuplicateSequenceNumber.Code:
				want = client.OK
			case slices.Contains(surely, code), slices.Contains(unlessAppended, code) && !appended:
				want = client.Failed
			}
			f := newFake(1)
			f.appendFirst = appended
			f.produce = func(int, *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) {
				return func(wire.TopicPartition) int16 { return code }, false
			}
			s := newStage(t, f, config())
			s.send(0, nil, "a")
			got := s.results(1)[0]
			require.Equal(t, want, got.Outcome, "code %d, appended %v", code, appended)
			if want != client.OK {
				require.Equal(t, code, got.Err.Code)
			}
		}
	}
}

// Two batches do not fit into one request. A producer that begins each request with its first partition would send all
// batches of that partition before the only one of the other.
func TestABusyPartitionDoesNotStarveAnother(t *testing.T) {
	f := newFake(2)
	var order []int32
	f.produce = func(_ int, r *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) {
		order = append(order, r.Topics[0].Partitions[0].Partition)
		return nil, false
	}
	cfg := config()
	cfg.BatchBytes, cfg.RequestBytes, cfg.MaxInFlight, cfg.Linger = 200, 200, 1, 0
	s := newStage(t, f, cfg)
	busy := make([]string, 50)
	for i := range busy {
		busy[i] = strings.Repeat("x", 100)
	}
	s.do(func(e env.Env, c *client.Client) {
		for i, v := range append(busy, "quiet") {
			partition := int32(0)
			if v == "quiet" {
				partition = 1
			}
			c.Producer.Send(e, wire.TopicPartition{Topic: f.topic, Partition: partition}, int64(i), nil, []byte(v))
		}
	})
	s.results(51)
	require.Len(t, order, 51)
	require.Equal(t, 1, slices.Index(order, 1), "the second request begins with the partition that the first had no room for")
}

func TestOnceUnknownAlwaysUnknown(t *testing.T) {
	f := newFake(1)
	f.produce = func(n int, _ *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) {
		if n == 1 { // the first attempt gets no response, and may have been appended
			return nil, true
		}
		return func(wire.TopicPartition) int16 { return kerr.InvalidRecord.Code }, false
	}
	s := newStage(t, f, config())
	s.send(0, nil, "a")
	got := s.results(1)[0]
	require.Equal(t, client.Unknown, got.Outcome, "a later refusal says nothing about the first attempt")
	require.Equal(t, kerr.InvalidRecord, got.Err)
	require.Equal(t, 2, got.Attempts)
}

func TestNothingSentIsFailed(t *testing.T) {
	s := newStage(t, newFake(1), config())
	s.send(0, nil, "a")
	s.results(1)
	s.w.Crash("b1")
	s.send(0, nil, "b")
	require.Equal(t, client.Failed, s.results(2)[1].Outcome, "a refused connection appends nothing")

	f := newFake(1)
	f.unknown = true
	cfg := config()
	cfg.MaxBlock = 2 * env.Second
	s = newStage(t, f, cfg)
	s.send(client.AnyPartition, nil, "a")
	got := s.results(1)[0]
	require.Equal(t, client.Failed, got.Outcome)
	require.Equal(t, kerr.UnknownTopicOrPartition, got.Err)
	require.Zero(t, f.count(func(r env.Request) bool { _, ok := r.(*kmsg.ProduceRequest); return ok }))

	cfg.RequestBytes = 1000
	s = newStage(t, newFake(1), cfg)
	s.send(0, nil, strings.Repeat("x", 2000))
	require.Equal(t, kerr.MessageTooLarge, s.results(1)[0].Err)
}

func TestASilentBrokerLeavesItOpen(t *testing.T) {
	f := newFake(1)
	f.produce = func(int, *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) { return nil, true }
	s := newStage(t, f, config())
	s.send(0, nil, "a")
	require.Equal(t, client.Unknown, s.results(1)[0].Outcome)
	s.w.Crash("b1")
	s.send(0, nil, "b")
	require.Equal(t, client.Failed, s.results(2)[1].Outcome)
}

func TestAcksZeroIsToldNothing(t *testing.T) {
	cfg := config()
	cfg.Acks = 0
	s := newStage(t, newFake(1), cfg)
	s.send(0, nil, "a", "b")
	for _, r := range s.results(2) {
		require.Equal(t, client.OK, r.Outcome)
		require.EqualValues(t, -1, r.Offset)
	}
}

// A closed connection is the only sign that a producer with acks=0 gets, and then it updates its metadata.
func TestAcksZeroLearnsByTheConnection(t *testing.T) {
	f := newFake(1)
	f.hangUp = true
	cfg := config()
	cfg.Acks = 0
	s := newStage(t, f, cfg)
	s.send(0, nil, "a")
	s.results(1)
	asked := func() int { return f.count(func(r env.Request) bool { _, ok := r.(*kmsg.MetadataRequest); return ok }) }
	before := asked()
	s.send(0, nil, "b")
	s.results(2)
	s.run(env.Second)
	require.Greater(t, asked(), before)
}

func TestRetriesBackOffLongerEachTime(t *testing.T) {
	f := newFake(1)
	var at []int64
	s := &stage{}
	f.produce = func(int, *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) {
		at = append(at, int64(s.w.Now()))
		return func(wire.TopicPartition) int16 { return kerr.NotEnoughReplicas.Code }, false
	}
	cfg := config()
	cfg.DeliveryTimeout = 20 * env.Second
	s = newStage(t, f, cfg)
	s.send(0, nil, "a")
	s.results(1)
	for i, base := range []env.Duration{100, 200, 400, 800, 1000, 1000} {
		gap := env.Duration(at[i+1]-at[i]) / env.Millisecond
		require.GreaterOrEqual(t, gap, base*8/10, "retry %d", i+1)
		require.LessOrEqual(t, gap, base*12/10+5, "retry %d", i+1)
	}
	require.Equal(t, client.Failed, s.sent[0].Outcome)
}

func TestOneRequestCarriesManyPartitions(t *testing.T) {
	f := newFake(3)
	var seen []int
	f.produce = func(_ int, r *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) {
		seen = append(seen, len(r.Topics[0].Partitions))
		for _, p := range r.Topics[0].Partitions {
			n := 0
			for _, err := range wire.Batches(p.Records) {
				if err != nil {
					t.Error(err)
				}
				n++
			}
			if n != 1 {
				t.Errorf("%d batches for one partition", n)
			}
		}
		return nil, false
	}
	s := newStage(t, f, config())
	s.do(func(e env.Env, c *client.Client) {
		for p := range int32(3) {
			for range 4 {
				c.Producer.Send(e, wire.TopicPartition{Topic: "orders", Partition: p}, 0, nil, []byte("x"))
			}
		}
	})
	s.results(12)
	require.Equal(t, []int{3}, seen)
}

func TestBatchesAreBoundAndSplit(t *testing.T) {
	f := newFake(1)
	cfg := config()
	cfg.BatchBytes = 300
	s := newStage(t, f, cfg)
	for range 10 {
		s.send(0, nil, strings.Repeat("x", 100))
	}
	for i, r := range s.results(10) {
		require.Equal(t, client.OK, r.Outcome)
		require.EqualValues(t, i, r.Offset, "in order")
	}
	require.Greater(t, f.count(func(r env.Request) bool { _, ok := r.(*kmsg.ProduceRequest); return ok }), 4)

	f = newFake(1)
	f.produce = func(_ int, r *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) {
		return func(wire.TopicPartition) int16 {
			if wire.Batch(r.Topics[0].Partitions[0].Records).Count() > 2 {
				return kerr.MessageTooLarge.Code
			}
			return 0
		}, false
	}
	s = newStage(t, f, config())
	s.send(0, nil, "a", "b", "c", "d", "e", "f", "g")
	for i, r := range s.results(7) {
		require.Equal(t, client.OK, r.Outcome)
		require.EqualValues(t, i, r.Offset, "a split batch keeps its order")
	}
}

func TestInFlightIsBounded(t *testing.T) {
	for _, limit := range []int{1, 3} {
		f := newFake(1)
		f.produce = func(int, *kmsg.ProduceRequest) (func(wire.TopicPartition) int16, bool) { return nil, true }
		cfg := config()
		cfg.MaxInFlight, cfg.Linger, cfg.RequestTimeout = limit, 0, 2*env.Second
		s := newStage(t, f, cfg)
		sent := 0
		for range 8 {
			s.send(0, nil, "x")
			s.run(20 * env.Millisecond)
		}
		s.do(func(e env.Env, c *client.Client) { sent = c.Producer.InFlight() })
		require.Equal(t, limit, sent)
	}
}

// Kafka's own vectors (UtilsTest.testMurmur2), by the partition of 2^31-1 that they give.
func TestPartitionOfIsKafkas(t *testing.T) {
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		const many = 1 << 30
		require.Equal(t, (hash&0x7fffffff)%many, client.PartitionOf([]byte(key), many), key)
	}
}

func TestKeysStayAndTheRestSticks(t *testing.T) {
	f := newFake(4)
	cfg := config()
	cfg.BatchBytes = 500
	s := newStage(t, f, cfg)
	for range 5 {
		s.send(client.AnyPartition, []byte("k"), "x")
		s.run(20 * env.Millisecond)
	}
	for _, r := range s.results(5) {
		require.Equal(t, client.PartitionOf([]byte("k"), 4), r.Partition.Partition)
	}
	s.sent = nil
	for range 200 {
		s.send(client.AnyPartition, nil, strings.Repeat("x", 50))
	}
	runs, used := 1, map[int32]bool{}
	got := s.results(200)
	for i, r := range got {
		used[r.Partition.Partition] = true
		if i > 0 && r.Partition != got[i-1].Partition {
			runs++
		}
	}
	require.Len(t, used, 4, "all partitions get some")
	require.Less(t, runs, 40, "but a batch at a time")
}

// The first record waits for metadata, because the client has to choose its partition. The second names the partition, and waits
// for the first, as the program does that sends both.
func TestARecordWaitsForAnEarlierOneWithoutAPartition(t *testing.T) {
	f := newFake(1)
	cfg := config()
	cfg.BatchBytes = 1
	s := newStage(t, f, cfg)
	key := []byte("k")
	s.send(client.AnyPartition, key, "first")
	s.send(client.PartitionOf(key, 4), nil, "second")
	got := s.results(2)
	require.Equal(t, got[0].Partition, got[1].Partition)
	require.Less(t, got[0].ID, got[1].ID)
	require.Less(t, got[0].Offset, got[1].Offset)
}

// A producer to a partition that does not exist requests metadata once in a backoff: a response without the partition is no
// reason to request again at once.
func TestAMissingPartitionIsAskedForAtLeisure(t *testing.T) {
	f := newFake(1)
	s := newStage(t, f, config())
	s.send(3, nil, "a")
	s.run(2 * env.Second)
	asked := f.count(func(r env.Request) bool { _, ok := r.(*kmsg.MetadataRequest); return ok })
	require.GreaterOrEqual(t, asked, 5, "it asks again")
	require.LessOrEqual(t, asked, int(2*env.Second/config().RetryBackoff)+3)
}
