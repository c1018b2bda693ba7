package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim/env"
	"samsa/wire"
)

var orders = wire.TopicPartition{Topic: "orders"}

// library is a fake that serves a log: one record per value, each in its own batch, with the leader epoch of that time.
type library struct {
	*fake
	hw, start int64
	aborted   []kmsg.FetchResponseTopicPartitionAbortedTransaction
	fetchErr  int16
	epochEnd  func(epoch int32) (found int32, end int64)
}

func newLibrary(values ...string) *library {
	l := &library{fake: newFake(1)}
	l.add(values...)
	l.answer = l.serve
	l.epochEnd = func(epoch int32) (int32, int64) { return epoch, l.hw }
	return l
}

func (l *library) add(values ...string) {
	for _, v := range values {
		b, err := wire.AppendBatch(nil, wire.PlainBatch(wire.Offset(l.hw), wire.Epoch(l.epoch)), []wire.Record{{Offset: wire.Offset(l.hw), Value: []byte(v)}})
		if err != nil {
			panic(err)
		}
		l.logs[0] = append(l.logs[0], b...)
		l.hw++
	}
}

func (l *library) serve(req env.Request) env.Response {
	switch r := req.(type) {
	case *kmsg.ListOffsetsRequest:
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		p := kmsg.NewListOffsetsResponseTopicPartition()
		p.LeaderEpoch = l.epoch
		switch at := r.Topics[0].Partitions[0].Timestamp; {
		case at == -1:
			p.Offset = l.hw
		case at == -2:
			p.Offset = l.start
		default: // record i has second i of the world as its timestamp
			p.Offset = (at - 1767225600000 + 999) / 1000
			if p.Offset >= l.hw {
				p.Offset = -1
			}
		}
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic, rt.Partitions = l.topic, append(rt.Partitions, p)
		resp.Topics = append(resp.Topics, rt)
		return resp
	case *kmsg.OffsetForLeaderEpochRequest:
		resp := r.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
		p.LeaderEpoch, p.EndOffset = l.epochEnd(r.Topics[0].Partitions[0].LeaderEpoch)
		rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
		rt.Topic, rt.Partitions = l.topic, append(rt.Partitions, p)
		resp.Topics = append(resp.Topics, rt)
		return resp
	case *kmsg.FetchRequest:
		return l.fetch(r)
	}
	return nil
}

func (l *library) fetch(r *kmsg.FetchRequest) env.Response {
	from := r.Topics[0].Partitions[0].FetchOffset
	if from == l.hw && l.fetchErr == 0 {
		return nil // parked forever
	}
	resp := r.ResponseKind().(*kmsg.FetchResponse)
	p := kmsg.NewFetchResponseTopicPartition()
	p.HighWatermark, p.LastStableOffset, p.AbortedTransactions = l.hw, l.hw, l.aborted
	switch {
	case r.Topics[0].Partitions[0].CurrentLeaderEpoch < l.epoch:
		p.ErrorCode = kerr.FencedLeaderEpoch.Code
	case from < l.start || from > l.hw:
		p.ErrorCode = kerr.OffsetOutOfRange.Code
	default:
		p.ErrorCode = l.fetchErr
		for b := range wire.Batches(l.logs[0]) {
			if int64(b.LastOffset()) >= from {
				p.RecordBatches = append(p.RecordBatches, b...)
			}
		}
	}
	rt := kmsg.NewFetchResponseTopic()
	rt.TopicID, rt.Partitions = l.id, append(rt.Partitions, p)
	resp.Topics = append(resp.Topics, rt)
	return resp
}

// read returns every value that the stage's consumer has read.
func (s *stage) read() (values []string) {
	for _, p := range s.polled {
		for _, r := range p.Records {
			values = append(values, string(r.Value))
		}
	}
	return values
}

func (s *stage) assign(from wire.Offset) {
	s.do(func(e env.Env, c *client.Client) { c.Consumer.Assign(e, orders, from) })
}

func TestConsumerReadsFromWhereItIsTold(t *testing.T) {
	for _, c := range []struct {
		from wire.Offset
		want []string
	}{{client.Earliest, []string{"a", "b", "c"}}, {1, []string{"b", "c"}}, {client.Latest, nil}} {
		l := newLibrary("a", "b", "c")
		s := newStage(t, l.fake, config())
		s.assign(c.from)
		s.run(env.Second)
		require.Equal(t, c.want, s.read())
	}
}

func TestOutOfRangeFollowsTheResetPolicy(t *testing.T) {
	for _, c := range []struct {
		reset client.Reset
		want  []string
		err   bool
	}{{client.ResetEarliest, []string{"b", "c"}, false}, {client.ResetLatest, nil, false}, {client.ResetNone, nil, true}} {
		l := newLibrary("a", "b", "c")
		l.start = 1
		cfg := config()
		cfg.Reset = c.reset
		s := newStage(t, l.fake, cfg)
		s.assign(0)
		s.run(env.Second)
		require.Equal(t, c.want, s.read())
		require.Equal(t, c.err, len(s.polled) == 1 && s.polled[0].Err == kerr.OffsetOutOfRange)
	}
}

func TestResetByDurationLooksBack(t *testing.T) {
	for back, want := range map[env.Duration][]string{8 * env.Second: {"c", "d"}, env.Second: nil} {
		l := newLibrary("a", "b", "c", "d")
		cfg := config()
		cfg.Reset, cfg.ResetBack = client.ResetByDuration, back
		s := newStage(t, l.fake, cfg)
		s.run(9500 * env.Millisecond)
		s.assign(99)
		s.run(500 * env.Millisecond)
		require.Equal(t, want, s.read(), "back %d", back)
		if want == nil { // every record is older, so the offset is the log end
			s.do(func(_ env.Env, c *client.Client) {
				at, ok := c.Consumer.Position(orders)
				require.True(t, ok)
				require.EqualValues(t, 4, at)
			})
		}
	}
}

// The log of a new leader diverges from the records that the consumer has read. With a reset policy the consumer continues
// where the logs diverge; without one it stops.
func TestTruncationIsDetected(t *testing.T) {
	for _, reset := range []client.Reset{client.ResetLatest, client.ResetNone} {
		l := newLibrary("a", "b", "c")
		cfg := config()
		cfg.Reset = reset
		s := newStage(t, l.fake, cfg)
		s.assign(client.Earliest)
		s.run(env.Second)
		require.Equal(t, []string{"a", "b", "c"}, s.read())
		s.polled = nil
		// The next leader has only a of epoch 0, and x after it.
		l.epoch, l.hw, l.logs[0] = 1, 1, l.logs[0][:len(l.logs[0])/3]
		l.add("x", "y", "z")
		l.epochEnd = func(epoch int32) (int32, int64) {
			require.EqualValues(t, 0, epoch, "the epoch of the last record read")
			return 0, 1
		}
		s.run(10 * env.Second) // the parked fetch times out, and the metadata has the new leader
		if reset == client.ResetNone {
			require.Len(t, s.polled, 1)
			require.Equal(t, kerr.OffsetOutOfRange, s.polled[0].Err)
			continue
		}
		require.Equal(t, []string{"x", "y", "z"}, s.read())
	}
}

func TestSeekWithAnEpochIsValidatedFirst(t *testing.T) {
	l := newLibrary("a", "b", "c")
	l.epoch = 5
	asked := false
	l.epochEnd = func(epoch int32) (int32, int64) { asked = true; return epoch, 2 }
	s := newStage(t, l.fake, config())
	s.do(func(e env.Env, c *client.Client) { c.Consumer.Seek(e, orders, 3, 4) })
	s.run(env.Second)
	require.True(t, asked)
	require.Equal(t, []string{"c"}, s.read(), "from where the logs part")
}

func TestPauseKeepsThePosition(t *testing.T) {
	l := newLibrary("a")
	s := newStage(t, l.fake, config())
	s.assign(client.Earliest)
	s.run(env.Second / 2)
	s.do(func(_ env.Env, c *client.Client) { c.Consumer.Pause(orders) })
	l.add("b")
	s.run(5 * env.Second)
	require.Equal(t, []string{"a"}, s.read())
	s.do(func(e env.Env, c *client.Client) {
		at, ok := c.Consumer.Position(orders)
		require.True(t, ok)
		require.EqualValues(t, 1, at)
		c.Consumer.Resume(e, orders)
	})
	s.run(5 * env.Second)
	require.Equal(t, []string{"a", "b"}, s.read())
}

func TestReadCommittedLeavesAbortedTransactionsOut(t *testing.T) {
	txn := func(at wire.Offset, pid wire.ProducerID, v string) []byte {
		o := wire.PlainBatch(at, 0)
		o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = pid, 0, 0, true
		b, err := wire.AppendBatch(nil, o, []wire.Record{{Offset: at, Value: []byte(v)}})
		require.NoError(t, err)
		return b
	}
	end := func(at wire.Offset, pid wire.ProducerID, commit bool) []byte {
		o := wire.PlainBatch(at, 0)
		o.ProducerID, o.ProducerEpoch, o.Transactional = pid, 0, true
		b, err := wire.AppendControl(nil, o, 1, wire.EndTxnMarker{Commit: commit})
		require.NoError(t, err)
		return b
	}
	for _, committed := range []bool{true, false} {
		l := newLibrary()
		for _, b := range [][]byte{txn(0, 1, "lost"), txn(1, 2, "kept"), end(2, 1, false), txn(3, 1, "next"), end(4, 2, true), end(5, 1, true)} {
			l.logs[0] = append(l.logs[0], b...)
		}
		l.hw = 6
		a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		a.ProducerID, a.FirstOffset = 1, 0
		l.aborted = append(l.aborted, a)
		cfg := config()
		cfg.Committed = committed
		s := newStage(t, l.fake, cfg)
		s.assign(0)
		s.run(env.Second)
		if committed {
			require.Equal(t, []string{"kept", "next"}, s.read())
		} else {
			require.Equal(t, []string{"lost", "kept", "next"}, s.read())
		}
	}
}
