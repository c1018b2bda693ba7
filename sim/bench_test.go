package sim

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// pinger asks its server again as soon as it was answered; ponger answers.
type pinger struct {
	idle
	to  env.Addr
	req env.Request
}

func (n *pinger) Start(e env.Env) {
	e.Call(e.Dial(n.to, env.LaneClient), 30*env.Second, n.req, env.Token{})
}

func (n *pinger) Returned(e env.Env, t env.Token, req env.Request, resp env.Response, err error) {
	e.Call(1, 30*env.Second, req, t)
}

type ponger struct {
	idle
	resp env.Response
}

func (n *ponger) Receive(e env.Env, t env.Ticket, req env.Request) { e.Reply(t, n.resp) }

func pingPong(mode Mode, cpu env.Duration, req env.Request, resp env.Response) *World {
	w := New(Config{Seed: 1, CPU: cpu, Mode: mode})
	for _, a := range []env.Addr{"b1", "b2", "b3"} {
		w.Add(Machine{Addr: a, New: func() env.Node { return &ponger{resp: resp} }})
		w.Start(a)
	}
	w.RunUntil(1)
	for i, a := range []env.Addr{"p1", "p2", "p3", "p4"} {
		to := []env.Addr{"b1", "b2", "b3", "b1"}[i]
		w.Add(Machine{Addr: a, New: func() env.Node { return &pinger{to: to, req: req} }})
		w.Start(a)
	}
	return w
}

func benchmarkRoundTrip(b *testing.B, w *World) {
	for range 1000 {
		w.Step()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.Step()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkRequestResponse(b *testing.B) {
	benchmarkRoundTrip(b, pingPong(Pointer, -1, heartbeat(), new(kmsg.HeartbeatResponse)))
}

func BenchmarkRequestResponseCPU(b *testing.B) {
	benchmarkRoundTrip(b, pingPong(Pointer, 0, heartbeat(), new(kmsg.HeartbeatResponse)))
}

func heartbeat() env.Request {
	r := kmsg.NewPtrHeartbeatRequest()
	r.SetVersion(4)
	return r
}

// fetch is a follower's fetch of ten partitions, and an answer of 1 KiB for each.
func fetch() (env.Request, env.Response) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(13)
	resp := kmsg.NewPtrFetchResponse()
	for t := range 2 {
		rt, st := kmsg.NewFetchRequestTopic(), kmsg.NewFetchResponseTopic()
		rt.TopicID[0], st.TopicID[0] = byte(t+1), byte(t+1)
		for p := range 5 {
			rp, sp := kmsg.NewFetchRequestTopicPartition(), kmsg.NewFetchResponseTopicPartition()
			rp.Partition, sp.Partition = int32(p), int32(p)
			rp.FetchOffset, sp.HighWatermark = 1000, 1000
			sp.RecordBatches = make([]byte, 1024)
			rt.Partitions, st.Partitions = append(rt.Partitions, rp), append(st.Partitions, sp)
		}
		req.Topics, resp.Topics = append(req.Topics, rt), append(resp.Topics, st)
	}
	return req, resp
}

func BenchmarkRoundTripPointer(b *testing.B) {
	req, resp := fetch()
	benchmarkRoundTrip(b, pingPong(Pointer, -1, req, resp))
}

func BenchmarkRoundTripWire(b *testing.B) {
	req, resp := fetch()
	benchmarkRoundTrip(b, pingPong(Wire, -1, req, resp))
}

func BenchmarkRoundTripGuard(b *testing.B) {
	req, resp := fetch()
	benchmarkRoundTrip(b, pingPong(Guard, -1, req, resp))
}

// idle is a node that does nothing.
type idle struct{}

func (idle) Start(env.Env)                                                 {}
func (idle) Receive(env.Env, env.Ticket, env.Request)                      {}
func (idle) Returned(env.Env, env.Token, env.Request, env.Response, error) {}
func (idle) Lost(env.Env, env.Link, error)                                 {}
func (idle) Fire(env.Env, env.Timer)                                       {}
func (idle) Stop(e env.Env)                                                { e.Exit(nil) }
