package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
)

// quorum is three fake controllers and an admin; every controller knows the active one.
type quorum struct {
	w       *sim.World
	leader  int32 // 1, 2 or 3; -1 is none
	created int
}

func newQuorum(t *testing.T) *quorum {
	q := &quorum{w: sim.New(sim.Config{Seed: 1, Mode: sim.Wire}), leader: 2}
	t.Cleanup(q.w.Close)
	addrs := []env.Addr{"c1", "c2", "c3"}
	for i, addr := range addrs {
		q.w.Add(sim.Machine{Addr: addr, New: func() env.Node {
			f := newFake(1)
			f.answer = func(req env.Request) env.Response { return q.answer(int32(i+1), req) }
			return f
		}})
		q.w.Start(addr)
	}
	q.w.Add(sim.Machine{Addr: "op", New: func() env.Node { return client.NewAdmin(addrs, client.DefaultConfig()) }})
	q.w.Start("op")
	q.run(env.Second)
	return q
}

func (q *quorum) run(d env.Duration) { q.w.RunUntil(q.w.Now() + sim.Time(d)) }

func (q *quorum) answer(self int32, req env.Request) env.Response {
	if req, ok := req.(*kmsg.DescribeClusterRequest); ok {
		resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
		resp.ControllerID = q.leader
		for id, host := range []string{"c1", "c2", "c3"} {
			b := kmsg.NewDescribeClusterResponseBroker()
			b.NodeID, b.Host = int32(id+1), host
			resp.Brokers = append(resp.Brokers, b)
		}
		return resp
	}
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	rt := kmsg.NewCreateTopicsResponseTopic()
	if self != q.leader {
		rt.ErrorCode = kerr.NotController.Code
	} else {
		q.created++
	}
	resp.Topics = append(resp.Topics, rt)
	return resp
}

// create creates a topic; done is set with the response, ambiguous if an earlier attempt may have succeeded.
func (q *quorum) create(done, unsure *bool) {
	*done, *unsure = false, false
	q.w.Do("op", "create", func(e env.Env, n env.Node) {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.SetVersion(7)
		req.Topics = append(req.Topics, kmsg.NewCreateTopicsRequestTopic())
		a := n.(*client.Admin)
		a.Ask(e, req, func(env.Response) bool { return false }, func(env.Env, env.Response) { *done, *unsure = true, a.Ambiguous() })
	})
	q.run(0)
}

func TestAdminFindsTheController(t *testing.T) {
	q := newQuorum(t)
	var done, unsure bool
	q.create(&done, &unsure)
	q.run(100 * env.Millisecond)
	require.True(t, done, "the first controller names the active one")
	require.False(t, unsure)
	require.Equal(t, 1, q.created)

	q.leader = 3
	q.create(&done, &unsure)
	q.run(env.Second)
	require.True(t, done, "after NOT_CONTROLLER another controller is asked")
	require.True(t, unsure, "it may have led when it was asked")
	require.Equal(t, 2, q.created)

	q.leader = -1
	q.create(&done, &unsure)
	q.run(20 * env.Second)
	require.False(t, done, "no controller is active")
	q.leader = 1
	q.run(2 * env.Second)
	require.True(t, done)
}

// A controller that loses power closes no connection. A request to it fails after request.timeout.ms, and only then does the
// admin ask another controller.
func TestAdminWaitsForASilentController(t *testing.T) {
	q := newQuorum(t)
	var done, unsure bool
	q.create(&done, &unsure)
	q.run(100 * env.Millisecond)
	q.w.PowerLoss("c2")
	q.leader = 3
	q.create(&done, &unsure)
	q.run(29 * env.Second)
	require.False(t, done, "no answer, and nothing else that would say so")
	q.run(2 * env.Second)
	require.True(t, done)
	require.True(t, unsure)
	require.Equal(t, 2, q.created)
}
