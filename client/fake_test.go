package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// fake is a broker with the responses that a test sets. It leads every partition of one topic.
type fake struct {
	topic      string
	id         wire.TopicID
	partitions int32
	epoch      int32
	unknown    bool // the topic is not in its metadata
	hangUp     bool // after a produce with acks=0, as a broker does after a failed append

	appendFirst bool // appends before it answers with an error, as a broker that is deposed while the batch is replicated

	produce func(n int, req *kmsg.ProduceRequest) (codes func(tp wire.TopicPartition) int16, silent bool)
	answer  func(req env.Request) env.Response // to all other requests; nil is none
	asked   []env.Request
	logs    map[int32][]byte
	ends    map[int32]int64
}

func newFake(partitions int32) *fake {
	return &fake{topic: "orders", id: wire.TopicID{7}, partitions: partitions, logs: map[int32][]byte{}, ends: map[int32]int64{}}
}

func (f *fake) Start(env.Env)                                                 {}
func (f *fake) Returned(env.Env, env.Token, env.Request, env.Response, error) {}
func (f *fake) Lost(env.Env, env.Link, error)                                 {}
func (f *fake) Fire(env.Env, env.Timer)                                       {}
func (f *fake) Stop(e env.Env)                                                { e.Exit(nil) }
func (f *fake) count(is func(env.Request) bool) (n int) {
	for _, r := range f.asked {
		if is(r) {
			n++
		}
	}
	return n
}

func (f *fake) Receive(e env.Env, t env.Ticket, req env.Request) {
	f.asked = append(f.asked, req)
	switch r := req.(type) {
	case *kmsg.MetadataRequest:
		e.Reply(t, f.metadata(r))
	case *kmsg.ProduceRequest:
		f.take(e, t, r)
	default:
		if f.answer == nil {
			return
		}
		if resp := f.answer(req); resp != nil {
			e.Reply(t, resp)
		}
	}
}

func (f *fake) metadata(r *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	m := r.ResponseKind().(*kmsg.MetadataResponse)
	b := kmsg.NewMetadataResponseBroker()
	b.NodeID, b.Host = 1, "b1"
	m.Brokers = append(m.Brokers, b)
	for range r.Topics {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic = kmsg.StringPtr(f.topic)
		if f.unknown {
			t.ErrorCode = 3
			m.Topics = append(m.Topics, t)
			continue
		}
		t.TopicID = f.id
		for i := range f.partitions {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.LeaderEpoch = i, 1, f.epoch
			t.Partitions = append(t.Partitions, p)
		}
		m.Topics = append(m.Topics, t)
	}
	return m
}

// take answers a Produce with the test's response, or appends.
func (f *fake) take(e env.Env, t env.Ticket, r *kmsg.ProduceRequest) {
	n := f.count(func(r env.Request) bool { _, ok := r.(*kmsg.ProduceRequest); return ok })
	codes := func(wire.TopicPartition) int16 { return 0 }
	if f.produce != nil {
		c, silent := f.produce(n, r)
		if silent {
			return
		}
		if c != nil {
			codes = c
		}
	}
	resp := r.ResponseKind().(*kmsg.ProduceResponse)
	for _, rt := range r.Topics {
		at := kmsg.NewProduceResponseTopic()
		at.TopicID = rt.TopicID
		for _, rp := range rt.Partitions {
			ap := kmsg.NewProduceResponseTopicPartition()
			ap.Partition, ap.BaseOffset = rp.Partition, -1
			if ap.ErrorCode = codes(wire.TopicPartition{Topic: f.topic, Partition: rp.Partition}); ap.ErrorCode == 0 || f.appendFirst {
				b := wire.Batch(append([]byte(nil), rp.Records...))
				b.Patch(wire.Offset(f.ends[rp.Partition]), wire.Epoch(f.epoch))
				ap.BaseOffset = f.ends[rp.Partition]
				f.ends[rp.Partition] += int64(b.Count())
				f.logs[rp.Partition] = append(f.logs[rp.Partition], b...)
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	if r.Acks == 0 {
		e.NoReply(t)
		if f.hangUp {
			e.Close(t.Link)
		}
		return
	}
	e.Reply(t, resp)
}

// stage is a world with a fake broker and a client, with all results that the client got.
type stage struct {
	t      *testing.T
	w      *sim.World
	broker *fake
	client *client.Client
	sent   []client.Sent
	polled []client.Polled
}

func newStage(t *testing.T, f *fake, cfg client.Config) *stage {
	s := &stage{t: t, w: sim.New(sim.Config{Seed: 1}), broker: f}
	t.Cleanup(s.w.Close)
	s.w.Add(sim.Machine{Addr: "b1", New: func() env.Node { return f }})
	s.w.Add(sim.Machine{Addr: "p1", New: func() env.Node {
		s.client = client.New([]env.Addr{"b1"}, cfg)
		s.client.Producer.Done = func(_ env.Env, r client.Sent) { s.sent = append(s.sent, r) }
		s.client.Consumer.Read = func(_ env.Env, p client.Polled) { s.polled = append(s.polled, p) }
		return s.client
	}})
	s.w.Start("b1")
	s.w.Start("p1")
	s.run(10 * env.Millisecond)
	return s
}

// run runs the world for a duration.
func (s *stage) run(d env.Duration) { s.w.RunUntil(s.w.Now() + sim.Time(d)) }

// do runs a function in an event of the client's machine.
func (s *stage) do(ask func(env.Env, *client.Client)) {
	s.w.Do("p1", "test", func(e env.Env, n env.Node) { ask(e, n.(*client.Client)) })
	s.run(0)
}

// send sends one record per value, to a partition or to any.
func (s *stage) send(partition int32, key []byte, values ...string) {
	s.do(func(e env.Env, c *client.Client) {
		for _, v := range values {
			c.Producer.Send(e, wire.TopicPartition{Topic: "orders", Partition: partition}, int64(len(v)), key, []byte(v))
		}
	})
}

// results waits for the results of n records.
func (s *stage) results(n int) []client.Sent {
	s.t.Helper()
	for range 100 {
		if len(s.sent) >= n {
			break
		}
		s.run(5 * env.Second)
	}
	require.Len(s.t, s.sent, n)
	return s.sent
}

func config() client.Config {
	c := client.DefaultConfig()
	c.DeliveryTimeout, c.RequestTimeout = 3*env.Second, env.Second
	return c
}
