package client

import (
	"iter"

	"samsa/sim/env"
	"samsa/wire"
)

// A script is a workload that reads like a program that sends, waits and reads. It is a coroutine that runs inside the
// client's events, so it waits in virtual time and needs no thread:
//
//	c.Run(e, func(s *client.Script) {
//		sent := s.Send(orders, nil, []byte("a"))
//		s.Sleep(env.Second)
//		records := s.Read(orders, client.Earliest, 1)
//	})
//
// A script and its node never run at the same time, so a script is as deterministic as the node. Between two waits no time
// passes. When the process ends, the world calls Client.Dropped, which unwinds the waiting scripts. Then the deferred calls
// of the scripts run. These calls must not wait.

// Script is the handle of a script. It is valid only inside the script.
type Script struct {
	c     *Client
	e     env.Env // the Env of the event that is running
	id    int64
	yield func(struct{}) bool
	until func() bool // the condition that the script waits for; nil while it runs
	woken bool
}

// scripts has the scripts of a client, in the order of their start.
type scripts struct {
	all    []*runningScript
	next   int64
	inside bool // a script is running

	futures []*Future // by record id
	reads   map[wire.TopicPartition]*scriptRead
}

// scriptRead has the records that a script's Read has so far.
type scriptRead struct {
	records []wire.Record
	ended   bool // the consumer gave up on the partition
}

// onSent stores the result of a record. It is the Producer.Done of a client with scripts.
func (s *scripts) onSent(_ env.Env, r Sent) {
	s.futures[r.ID].Sent, s.futures[r.ID].Done = r, true
}

// onPolled stores records for a script's Read. It is the Consumer.Read of a client with scripts.
func (s *scripts) onPolled(_ env.Env, p Polled) {
	b := s.read(p.Partition)
	b.records = append(b.records, p.Records...)
	b.ended = b.ended || p.Err != nil
}

// read returns the current Read of a partition.
func (s *scripts) read(tp wire.TopicPartition) *scriptRead {
	if s.reads == nil {
		s.reads = map[wire.TopicPartition]*scriptRead{}
	}
	if s.reads[tp] == nil {
		s.reads[tp] = &scriptRead{}
	}
	return s.reads[tp]
}

type runningScript struct {
	script *Script
	next   func() (struct{}, bool)
	stop   func()
	over   bool
}

// dropped is the panic that unwinds a script after the end of its process.
type dropped struct{}

// Run starts a script, which runs at once up to its first wait.
func (c *Client) Run(e env.Env, body func(h *Script)) {
	c.scripts.next++
	h := &Script{c: c, e: e, id: c.scripts.next}
	s := &runningScript{script: h}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(dropped{}) {
				panic(r)
			}
		}()
		h.yield = yield
		body(h)
	})
	c.scripts.all = append(c.scripts.all, s)
	c.scripts.runReady(e)
}

// Scripts returns the number of scripts that have not ended.
func (c *Client) Scripts() int { return len(c.scripts.all) }

// runReady resumes each script that waits for a condition if the condition is now true. It repeats this until no script can
// run.
func (s *scripts) runReady(e env.Env) {
	if s.inside {
		return // a running script made this call
	}
	s.inside = true
	for moved := true; moved; {
		moved = false
		for _, x := range append([]*runningScript(nil), s.all...) {
			if x.over || x.script.until != nil && !x.script.until() {
				continue
			}
			moved = true
			x.script.e, x.script.until = e, nil
			if _, more := x.next(); !more {
				x.over = true
			}
			x.script.e = nil // an Env is valid for one event
		}
		left := s.all[:0]
		for _, x := range s.all {
			if !x.over {
				left = append(left, x)
			}
		}
		s.all = left
	}
	s.inside = false
}

// wake ends the sleep of a script.
func (s *scripts) wake(id int64) {
	for _, x := range s.all {
		if x.script.id == id {
			x.script.woken = true
		}
	}
}

// stop unwinds all scripts.
func (s *scripts) stop() {
	for _, x := range s.all {
		x.stop()
	}
	s.all = nil
}

// Wait waits for a condition, which is evaluated after every event of this client.
func (h *Script) Wait(so func() bool) {
	for !so() {
		h.until = so
		if !h.yield(struct{}{}) {
			panic(dropped{})
		}
	}
}

// Now returns the time of the client's monotonic clock.
func (h *Script) Now() env.Instant { return h.e.Now() }

// Sleep waits for a duration.
func (h *Script) Sleep(d env.Duration) {
	h.woken = false
	h.e.Arm(env.Timer{Kind: timSleep, Lane: env.LaneClient, A: h.id}, d)
	h.Wait(func() bool { return h.woken })
}

// Future has the result of a record as soon as the result is known.
type Future struct {
	Sent
	Done bool
}

// Start sends a record and does not wait. The client's Producer.Done must not be set.
func (h *Script) Start(tp wire.TopicPartition, key, value []byte) *Future {
	p := &h.c.Producer
	if p.Done == nil {
		p.Done = h.c.scripts.onSent
	}
	f := &Future{}
	h.c.scripts.futures = append(h.c.scripts.futures, f)
	p.Send(h.e, tp, int64(len(h.c.scripts.futures)-1), key, value)
	return f
}

// Send sends a record and waits for its result.
func (h *Script) Send(tp wire.TopicPartition, key, value []byte) Sent {
	f := h.Start(tp, key, value)
	h.Wait(func() bool { return f.Done })
	return f.Sent
}

// Read reads a partition from a position until it has n records, and then unassigns the partition. The client's
// Consumer.Read must not be set, and two scripts must not read the same partition at the same time.
func (h *Script) Read(tp wire.TopicPartition, from wire.Offset, n int) []wire.Record {
	c := &h.c.Consumer
	if c.Read == nil {
		c.Read = h.c.scripts.onPolled
	}
	h.c.scripts.read(tp)
	c.Assign(h.e, tp, from)
	h.Wait(func() bool { b := h.c.scripts.read(tp); return len(b.records) >= n || b.ended })
	c.Unassign(tp)
	got := h.c.scripts.read(tp).records
	delete(h.c.scripts.reads, tp)
	return got[:min(n, len(got))]
}

// Ask sends a request to the broker that serves it, and waits for the result.
func (h *Script) Ask(req env.Request) CallResult {
	var a CallResult
	done := false
	h.c.Ask(h.e, req, func(_ env.Env, got CallResult) { a, done = got, true })
	h.Wait(func() bool { return done })
	return a
}
