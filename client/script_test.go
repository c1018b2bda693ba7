package client_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
)

// scripted is a world with a library and a client that only scripts use.
func scripted(l *library) (*sim.World, func(func(*client.Script))) {
	w := sim.New(sim.Config{Seed: 1})
	w.Add(sim.Machine{Addr: "b1", New: func() env.Node { return l.fake }})
	w.Add(sim.Machine{Addr: "p1", New: func() env.Node { return client.New([]env.Addr{"b1"}, config()) }})
	w.Start("b1")
	w.Start("p1")
	w.RunUntil(sim.Time(10 * env.Millisecond))
	return w, func(body func(*client.Script)) {
		w.Do("p1", "script", func(e env.Env, n env.Node) { n.(*client.Client).Run(e, body) })
	}
}

func TestAScriptReadsAsAProgramDoes(t *testing.T) {
	l := newLibrary("a", "b")
	w, run := scripted(l)
	defer w.Close()
	var got []string
	var took env.Duration
	var sent client.Sent
	var answer client.CallResult
	run(func(h *client.Script) {
		began := h.Now()
		sent = h.Send(orders, nil, []byte("x"))
		h.Sleep(3 * env.Second)
		for _, r := range h.Read(orders, client.Earliest, 2) {
			got = append(got, string(r.Value))
		}
		req := kmsg.NewPtrListOffsetsRequest()
		req.SetVersion(8)
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Timestamp = -1
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic, rt.Partitions = "orders", append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		answer = h.Ask(req)
		took = h.Now().Sub(began)
	})
	w.RunUntil(sim.Time(20 * env.Second))
	require.Equal(t, client.OK, sent.Outcome)
	require.Equal(t, []string{"a", "b"}, got)
	require.EqualValues(t, 2, answer.Response.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].Offset)
	require.GreaterOrEqual(t, took, 3*env.Second, "time passes for a script")
	require.Zero(t, w.Node("p1").(*client.Client).Scripts(), "it is over")
}

func TestScriptsTakeTurns(t *testing.T) {
	w, run := scripted(newLibrary())
	defer w.Close()
	var got []string
	for _, name := range []string{"one", "two"} {
		run(func(h *client.Script) {
			for range 2 {
				got = append(got, name)
				h.Sleep(env.Second)
			}
		})
	}
	w.RunUntil(sim.Time(10 * env.Second))
	require.ElementsMatch(t, []string{"one", "two", "one", "two"}, got)
	require.NotEqual(t, got[0], got[1])
}

// A script that waits when its process dies or its world ends is unwound: deferred calls run, and no goroutine is left.
func TestNoScriptOutlivesItsProcess(t *testing.T) {
	before := runtime.NumGoroutine()
	unwound := 0
	for i := range 200 {
		w, run := scripted(newLibrary())
		run(func(h *client.Script) {
			defer func() { unwound++ }()
			h.Wait(func() bool { return false })
			t.Error("it waits for ever")
		})
		w.RunUntil(sim.Time(env.Second))
		if i%2 == 0 {
			w.Crash("p1")
			require.Equal(t, i+1, unwound, "a crash ends it at once")
		}
		w.Close()
		require.Equal(t, i+1, unwound)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before+1)
}

// A campaign runs thousands of worlds: World.Close ends every waiting script, and none is left over. A waiting script is a
// goroutine of the runtime, so they can be counted.
func TestGoroutinesOfScriptsAreFlat(t *testing.T) {
	waits := []func(h *client.Script){
		func(h *client.Script) { h.Wait(func() bool { return false }) },
		func(h *client.Script) { h.Sleep(env.Day) },
		func(h *client.Script) { h.Read(orders, client.Earliest, 1<<30) },
	}
	worlds := 10_000
	if testing.Short() {
		worlds = 1000
	}
	before := runtime.NumGoroutine()
	for i := range worlds {
		w, run := scripted(newLibrary("a"))
		for _, wait := range waits {
			run(wait)
		}
		w.RunUntil(sim.Time(50 * env.Millisecond))
		require.Equal(t, len(waits), w.Node("p1").(*client.Client).Scripts())
		if n := runtime.NumGoroutine() - before; n != len(waits) {
			t.Fatalf("world %d: %d goroutines for %d scripts", i, n, len(waits))
		}
		switch i % 4 {
		case 0:
			w.Restart("p1") // the new process has no script
			w.RunUntil(sim.Time(60 * env.Millisecond))
		case 1:
			w.PowerLoss("p1")
		}
		w.Close()
		if n := runtime.NumGoroutine() - before; n != 0 {
			t.Fatalf("world %d leaves %d goroutines behind", i, n)
		}
	}
}

func TestAPanicOfAScriptIsNotSwallowed(t *testing.T) {
	w, run := scripted(newLibrary())
	defer w.Close()
	run(func(*client.Script) { panic("mine") })
	require.PanicsWithValue(t, "mine", func() { w.RunUntil(sim.Time(env.Second)) })
}

// Without a response the outcome of a request that was sent is unknown; a request that was never sent has failed.
func TestAskKnowsWhatItDoesNotKnow(t *testing.T) {
	l := newLibrary()
	l.answer = func(env.Request) env.Response { return nil }
	w, run := scripted(l)
	defer w.Close()
	var first, second client.CallResult
	run(func(h *client.Script) {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.SetVersion(7)
		first = h.Ask(req)
		second = h.Ask(req)
	})
	w.RunUntil(sim.Time(61 * env.Second))
	w.Crash("b1")
	w.RunUntil(sim.Time(200 * env.Second))
	require.Equal(t, client.Unknown, first.Outcome)
	require.Greater(t, first.Attempts, 2)
	require.NotEqual(t, client.OK, second.Outcome)
}

// A leader deletes records before it waits for its followers. If a request ends with a retriable error and no later attempt
// succeeds, the records may be gone. A question that failed the same way has changed nothing.
func TestADeletionThatTimedOutIsUnknown(t *testing.T) {
	l := newLibrary("a", "b")
	known := l.answer
	l.answer = func(req env.Request) env.Response {
		switch req := req.(type) {
		case *kmsg.DeleteRecordsRequest:
			resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
			p, rt := kmsg.NewDeleteRecordsResponseTopicPartition(), kmsg.NewDeleteRecordsResponseTopic()
			p.ErrorCode = kerr.RequestTimedOut.Code
			rt.Topic, rt.Partitions = "orders", append(rt.Partitions, p)
			resp.Topics = append(resp.Topics, rt)
			return resp
		case *kmsg.OffsetForLeaderEpochRequest:
			resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
			p, rt := kmsg.NewOffsetForLeaderEpochResponseTopicPartition(), kmsg.NewOffsetForLeaderEpochResponseTopic()
			p.ErrorCode = kerr.NotLeaderForPartition.Code
			rt.Topic, rt.Partitions = "orders", append(rt.Partitions, p)
			resp.Topics = append(resp.Topics, rt)
			return resp
		}
		return known(req)
	}
	w, run := scripted(l)
	defer w.Close()
	var deletion, question client.CallResult
	run(func(h *client.Script) {
		r := kmsg.NewPtrDeleteRecordsRequest()
		r.SetVersion(2)
		p, rt := kmsg.NewDeleteRecordsRequestTopicPartition(), kmsg.NewDeleteRecordsRequestTopic()
		rt.Topic, rt.Partitions = "orders", append(rt.Partitions, p)
		r.Topics = append(r.Topics, rt)
		deletion = h.Ask(r)
		q := kmsg.NewPtrOffsetForLeaderEpochRequest()
		q.SetVersion(4)
		qp, qt := kmsg.NewOffsetForLeaderEpochRequestTopicPartition(), kmsg.NewOffsetForLeaderEpochRequestTopic()
		qt.Topic, qt.Partitions = "orders", append(qt.Partitions, qp)
		q.Topics = append(q.Topics, qt)
		question = h.Ask(q)
	})
	w.RunUntil(sim.Time(300 * env.Second))
	require.Equal(t, client.Unknown, deletion.Outcome)
	require.Equal(t, kerr.RequestTimedOut, deletion.Err)
	require.NotEqual(t, client.Unknown, question.Outcome)
}
