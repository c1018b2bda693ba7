package client

import (
	"iter"

	"samsa/sim/env"
	"samsa/wire"
)

// A script is a workload that reads as a program does: send, wait, read. It is a coroutine that runs inside the client's
// events, so its waiting takes virtual time and nobody's thread:
//
//	c.Run(e, func(h *client.Hand) {
//		sent := h.Send(orders, nil, []byte("a"))
//		h.Sleep(env.Second)
//		records := h.Read(orders, client.Earliest, 1)
//	})
//
// Only one side runs at a time, so a script is as deterministic as the node it runs in. Between two waits it sees one
// moment. It must not outlive its process: the world tells the client when that is gone, and a script that waits then is
// unwound where it stands; its deferred calls run, and must not wait.

// Hand is what a script holds. It is good only inside the script.
type Hand struct {
	c     *Client
	e     env.Env // of the event that is running
	id    int64
	yield func(struct{}) bool
	ready func() bool // what the script waits for; nil while it runs
	woken bool
}

// scripts are the scripts of a client, in order of their making.
type scripts struct {
	all    []*script
	next   int64
	inside bool // a script is running

	futures []*Future // by record id
	reads   map[wire.TopicPartition]*reading
}

// reading is what a script's Read has so far.
type reading struct {
	records []wire.Record
	ended   bool // the consumer gave the partition up
}

// sent is Producer.Done of scripts.
func (s *scripts) sent(_ env.Env, r Sent) {
	s.futures[r.ID].Sent, s.futures[r.ID].Done = r, true
}

// polled is Consumer.Read of scripts.
func (s *scripts) polled(_ env.Env, p Polled) {
	b := s.read(p.Partition)
	b.records = append(b.records, p.Records...)
	b.ended = b.ended || p.Err != nil
}

// read is what is being read of a partition.
func (s *scripts) read(tp wire.TopicPartition) *reading {
	if s.reads == nil {
		s.reads = map[wire.TopicPartition]*reading{}
	}
	if s.reads[tp] == nil {
		s.reads[tp] = &reading{}
	}
	return s.reads[tp]
}

type script struct {
	hand *Hand
	next func() (struct{}, bool)
	stop func()
	over bool
}

// dropped unwinds a script whose process is gone.
type dropped struct{}

// Run starts a script; it runs up to its first wait at once.
func (c *Client) Run(e env.Env, body func(h *Hand)) {
	c.scripts.next++
	h := &Hand{c: c, e: e, id: c.scripts.next}
	s := &script{hand: h}
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
	c.scripts.turn(e)
}

// Scripts is how many scripts are not over.
func (c *Client) Scripts() int { return len(c.scripts.all) }

// turn lets every script go on whose wait is over, until none is.
func (s *scripts) turn(e env.Env) {
	if s.inside {
		return // a script's own call came back within it
	}
	s.inside = true
	for moved := true; moved; {
		moved = false
		for _, x := range append([]*script(nil), s.all...) {
			if x.over || x.hand.ready != nil && !x.hand.ready() {
				continue
			}
			moved = true
			x.hand.e, x.hand.ready = e, nil
			if _, more := x.next(); !more {
				x.over = true
			}
			x.hand.e = nil // the Env is good for one event
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

// awake ends a script's sleep.
func (s *scripts) awake(id int64) {
	for _, x := range s.all {
		if x.hand.id == id {
			x.hand.woken = true
		}
	}
}

// stop ends all scripts where they stand.
func (s *scripts) stop() {
	for _, x := range s.all {
		x.stop()
	}
	s.all = nil
}

// Wait waits until something is so; it is looked at after every event of this client.
func (h *Hand) Wait(so func() bool) {
	for !so() {
		h.ready = so
		if !h.yield(struct{}{}) {
			panic(dropped{})
		}
	}
}

// Now is the client's monotonic clock.
func (h *Hand) Now() env.Instant { return h.e.Now() }

// Sleep lets time pass.
func (h *Hand) Sleep(d env.Duration) {
	h.woken = false
	h.e.Arm(env.Timer{Kind: timSleep, Lane: env.LaneClient, A: h.id}, d)
	h.Wait(func() bool { return h.woken })
}

// Future is a record on its way.
type Future struct {
	Sent
	Done bool
}

// Start sends a record and does not wait. Use it with a client whose Producer.Done nobody else set.
func (h *Hand) Start(tp wire.TopicPartition, key, value []byte) *Future {
	p := &h.c.Producer
	if p.Done == nil {
		p.Done = h.c.scripts.sent
	}
	f := &Future{}
	h.c.scripts.futures = append(h.c.scripts.futures, f)
	p.Send(h.e, tp, int64(len(h.c.scripts.futures)-1), key, value)
	return f
}

// Send sends a record and waits for its end.
func (h *Hand) Send(tp wire.TopicPartition, key, value []byte) Sent {
	f := h.Start(tp, key, value)
	h.Wait(func() bool { return f.Done })
	return f.Sent
}

// Read reads a partition from a position until it has n records, and leaves it. Use it with a client whose Consumer.Read
// nobody else set; two scripts cannot read the same partition at once.
func (h *Hand) Read(tp wire.TopicPartition, from wire.Offset, n int) []wire.Record {
	c := &h.c.Consumer
	if c.Read == nil {
		c.Read = h.c.scripts.polled
	}
	h.c.scripts.read(tp)
	c.Assign(h.e, tp, from)
	h.Wait(func() bool { b := h.c.scripts.read(tp); return len(b.records) >= n || b.ended })
	c.Unassign(tp)
	got := h.c.scripts.read(tp).records
	delete(h.c.scripts.reads, tp)
	return got[:min(n, len(got))]
}

// Ask sends a request of any kind to whoever can answer it, and waits.
func (h *Hand) Ask(req env.Request) Answered {
	var a Answered
	done := false
	h.c.Ask(h.e, req, func(_ env.Env, got Answered) { a, done = got, true })
	h.Wait(func() bool { return done })
	return a
}
