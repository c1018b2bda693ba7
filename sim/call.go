package sim

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// call is one Env.Call until it has returned.
type call struct {
	next        *call
	link        env.Link
	lane        env.Lane
	peer        env.Addr
	correlation int32
	key         int16
	version     int16
	size        int32 // of the response
	oneWay      bool  // Kafka sends no response: it returns when it is written
	written     Time  // oneWay: when that is, or unwritten
	due         env.Instant
	cause       uint64 // the event that made it
	token       env.Token
	req         env.Request
	answer      *packet // the response as it arrived
	err         env.Error
}

// unwritten is the time of a request that waits for its connection.
const unwritten = Time(-1)

// never is the due time of a call without a timeout.
const never = env.Instant(1<<63 - 1)

// callList is a queue of calls. Answers come in order, so nearly always its head is taken.
// It is a list and no map of correlation ids: order is what TCP and Kafka promise, and the list proves it at each answer.
type callList struct{ head, tail *call }

func (cs *callList) push(c *call) {
	if cs.tail == nil {
		cs.head = c
	} else {
		cs.tail.next = c
	}
	cs.tail = c
}

// takeFirst removes and returns the first call that has (or has not) a response.
func (cs *callList) takeFirst(oneWay bool) *call {
	var before *call
	for c := cs.head; c != nil; before, c = c, c.next {
		if c.oneWay != oneWay {
			continue
		}
		if before == nil {
			cs.head = c.next
		} else {
			before.next = c.next
		}
		if cs.tail == c {
			cs.tail = before
		}
		c.next = nil
		return c
	}
	return nil
}

// find is the call of a correlation id, which must be there.
func (cs *callList) find(correlation int32) *call {
	c := cs.head
	for c.correlation != correlation {
		c = c.next
	}
	return c
}

// first is the first call that has (or has not) a response.
func (cs *callList) first(oneWay bool) *call {
	c := cs.head
	for c != nil && c.oneWay != oneWay {
		c = c.next
	}
	return c
}

// newCall takes a call from the free list. Calls, packets, links and timers are all used again: a run makes millions of
// each, and an event that asks for memory asks for its collection too (bench_test.go holds the kernel to none).
func (w *World) newCall() *call {
	if c := w.freeCall; c != nil {
		w.freeCall = c.next
		c.next = nil
		return c
	}
	return &call{}
}

func (w *World) recycleCall(c *call) {
	if c.answer != nil {
		w.freePacket(c.answer)
	}
	*c = call{next: w.freeCall}
	w.freeCall = c
}

// hasNoResponse reports whether Kafka answers a request with nothing: Produce with acks=0.
// Kafka's client completes such a request when its bytes are written, and so does this world: there is nothing that a
// timeout could wait for, and the producer learns nothing of its fate.
func hasNoResponse(req env.Request) bool {
	p, ok := req.(*kmsg.ProduceRequest)
	return ok && p.Acks == 0
}

// Call implements env.Env. The request must carry its version (SetVersion): it is what the server sees.
func (m *machine) Call(id env.Link, timeout env.Duration, req env.Request, tok env.Token) {
	if m.silent() {
		return
	}
	w := m.world
	c := w.newCall()
	c.link, c.token, c.req, c.key, c.version = id, tok, req, req.Key(), req.GetVersion()
	c.due, c.written, c.cause = never, unwritten, w.cause
	l, h := m.end(id)
	if l == nil || h != &l.client {
		c.err, c.lane = env.ErrClosed, env.LaneBackground
		// An error is an event too. It never comes back inside the call that made it, so no handler is entered twice.
		m.post(&m.stations[c.lane], work{kind: Returned, call: c, cause: w.cause})
		return
	}
	if l.server.machine != nil {
		c.peer = l.server.machine.addr
	}
	c.lane, c.correlation, c.oneWay = l.lane, l.correlation, hasNoResponse(req)
	l.correlation++
	l.calls.push(c)
	if h.state == halfFailing {
		return // it returns before the node handles Lost, see prepare
	}

	p := w.newPacket(packetRequest)
	p.req, p.correlation, p.key, p.version, p.oneWay = req, c.correlation, c.key, c.version, c.oneWay
	w.pack(p, m, l.server.machine)
	if h.state == halfOpening {
		// Not connected yet: the request waits in the client, as it does in Kafka's. Its time is kept, for when the SYNACK is
		// there the lane may still be paying for what came before.
		p.depart = m.spent()
		l.unsent.push(p)
	} else {
		w.send(&l.toServer, p, m.spent())
		if c.oneWay {
			c.written = p.depart
			w.watchWritten(l)
		}
	}
	if timeout > 0 {
		// The deadline is a reading of the machine's own clock: one that runs fast gives up early, as it would in a process.
		c.due = m.Now().Add(timeout)
		m.watch(l, c.due)
	}
}

// watch schedules the link's deadline no later than due. There is one entry per link, not per call.
func (m *machine) watch(l *link, due env.Instant) {
	w := m.world
	at := max(m.mono.when(int64(due)), w.now)
	// Nearly every call is answered in time, and then its deadline is void. So the entry is only ever moved to an earlier
	// time; one that comes up for a call that has returned looks for the next and goes back to sleep.
	if !w.queue.queued(l.deadline) || w.queue.at(l.deadline) > at {
		w.queue.set(l.deadline, at, w.order(m.entity, at))
	}
}

// deadlineUp looks whether anything on the link is overdue. If so the whole link goes, as in Kafka's network client:
// later calls would be answered later.
func (w *World) deadlineUp(l *link) {
	m := l.client.machine
	if l.client.state != halfOpening && l.client.state != halfOpen || m.paused {
		return // a paused machine looks when it runs again
	}
	next := never
	if l.client.state == halfOpening {
		next = l.connectBy
	}
	for c := l.calls.head; c != nil; c = c.next {
		next = min(next, c.due)
	}
	switch {
	// Nothing is waited for. The next call with a timeout schedules the entry again.
	case next == never:
	// It came up early: the call it was set for has returned, or the clock runs slower than it did.
	case int64(next) > m.mono.read(w.now):
		m.watch(l, next)
	default:
		w.hangUp(l, packetFin, w.now)
		w.fail(l, env.ErrTimeout)
	}
}

// recheckDeadlines looks at all deadlines of a machine now: its clock changed, or it was paused.
func (m *machine) recheckDeadlines() {
	w := m.world
	for _, l := range m.links {
		if l != nil && l.client.machine == m && (l.client.state == halfOpening || l.client.state == halfOpen) {
			// Not failed here and now: each overdue link comes up as an entry of its own.
			w.queue.set(l.deadline, w.now, w.order(m.entity, w.now))
		}
	}
}

// watchWritten schedules the return of the first request without a response.
func (w *World) watchWritten(l *link) {
	if c := l.calls.first(true); c != nil && c.written != unwritten && !w.queue.queued(l.written) {
		w.queue.set(l.written, c.written, w.order(l.client.machine.entity, c.written))
	}
}

// writtenUp returns the first request without a response: it is written.
// That is when it departs, and not when it arrives: the producer's socket took it, and no answer will come.
func (w *World) writtenUp(l *link) bool {
	c := l.calls.first(true)
	if c == nil || c.written == unwritten || c.written > w.now {
		w.watchWritten(l)
		return false
	}
	l.calls.takeFirst(true)
	w.watchWritten(l)
	m := l.client.machine
	return m.submit(&m.stations[l.lane], work{kind: Returned, call: c, cause: c.cause})
}

// answered takes a response from the wire to the call it belongs to. That is the oldest one, as in Kafka's network client;
// the correlation id only proves it. It reports whether the node has handled it.
func (w *World) answered(l *link, p *packet) bool {
	if l.client.state != halfOpen {
		w.freePacket(p)
		return false
	}
	c := l.calls.takeFirst(false)
	if c == nil || c.correlation != p.correlation {
		panic(&Misuse{Machine: l.server.machine.addr, What: "a response to no request"})
	}
	c.answer = p
	m := l.client.machine
	return m.submit(&m.stations[l.lane], work{kind: Returned, call: c, cause: p.cause})
}

// returnAll returns all calls of a link with an error, in the order they were made.
// They become events after all that waits on the lane, so an answer that had arrived before the loss is still an answer.
func (m *machine) returnAll(l *link, err env.Error) {
	for c := l.calls.head; c != nil; {
		next := c.next
		c.next, c.err = nil, err
		m.post(&m.stations[l.lane], work{kind: Returned, call: c, cause: m.world.cause})
		c = next
	}
	l.calls = callList{}
}
