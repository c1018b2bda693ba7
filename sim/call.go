package sim

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// call is an Env.Call that has not returned yet.
type call struct {
	next        *call
	link        env.Link
	lane        env.Lane
	peer        env.Addr
	correlation int32
	key         int16
	version     int16
	oneWay      bool // Kafka sends no response; the call returns when the request is written
	written     Time // of a oneWay call: when the request is written, or the constant unwritten
	due         env.Instant
	cause       uint64 // the event that made the call
	token       env.Token
	req         env.Request
	answer      *packet // the response as it arrived
	err         env.Error
}

// unwritten is the value of call.written while the request waits for its connection.
const unwritten = Time(-1)

// never is the due time of a call without a timeout.
const never = env.Instant(1<<63 - 1)

// callList is a queue of calls. Answers come in order, so the first call of the list is nearly always the one that
// returns. It is a list and not a map by correlation id, because TCP and Kafka promise that answers come in order. With a
// list, the world checks that order for each answer.
type callList struct{ head, tail *call }

func (cs *callList) push(c *call) {
	if cs.tail == nil {
		cs.head = c
	} else {
		cs.tail.next = c
	}
	cs.tail = c
}

// takeFirst removes and returns the first call that expects a response. If oneWay is true, it takes the first call that
// expects no response instead.
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

// find returns the call with a correlation id. The list must have such a call.
func (cs *callList) find(correlation int32) *call {
	c := cs.head
	for c.correlation != correlation {
		c = c.next
	}
	return c
}

// first returns the first call that expects a response. If oneWay is true, it returns the first call that expects no
// response instead.
func (cs *callList) first(oneWay bool) *call {
	c := cs.head
	for c != nil && c.oneWay != oneWay {
		c = c.next
	}
	return c
}

// newCall takes a call from the free list. Calls, packets, links and timers are all reused: a run makes millions of each,
// and allocating them would cost garbage collection (bench_test.go checks that events do not allocate).
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

// hasNoResponse reports whether Kafka sends no response to a request, which is the case for Produce with acks=0.
// Kafka's client completes such a request when its bytes are written, and so does this world. The request has no timeout,
// and the producer never learns whether it arrived.
func hasNoResponse(req env.Request) bool {
	p, ok := req.(*kmsg.ProduceRequest)
	return ok && p.Acks == 0
}

// Call implements env.Env. The caller must set the request's version (SetVersion), because the server uses it.
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
		// The error comes back as an event and not inside Call, so that no handler is entered twice.
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
		return // the call returns before the node handles Lost, see prepare
	}

	p := w.newPacket(packetRequest)
	w.calls++
	p.call = w.calls
	p.req, p.correlation, p.key, p.version, p.oneWay = req, c.correlation, c.key, c.version, c.oneWay
	w.pack(p, m, l.server.machine)
	if h.state == halfOpening {
		// Until the link is open, the client holds the request, as Kafka's client does. The departure time is stored,
		// because the lane may still be busy with earlier costs when the SYNACK arrives.
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
		// The deadline is a reading of the machine's own clock, so a machine with a fast clock gives up early.
		c.due = m.Now().Add(timeout)
		m.watch(l, c.due)
	}
}

// watch schedules the link's deadline for the time due, unless it is scheduled for an earlier time. There is one entry
// per link, not per call.
func (m *machine) watch(l *link, due env.Instant) {
	w := m.world
	at := max(m.mono.when(int64(due)), w.now)
	// Nearly every call is answered in time, so the entry is never moved to a later time here. If its call has returned when
	// the entry comes up, deadlineUp sets it again for the next deadline.
	if !w.queue.queued(l.deadline) || w.queue.at(l.deadline) > at {
		w.queue.set(l.deadline, at, w.order(m.entity, at))
	}
}

// deadlineUp checks whether connecting or a call on the link is overdue. If so it closes the whole link, as Kafka's
// network client does, because answers come in order and later calls cannot be answered first.
func (w *World) deadlineUp(l *link) {
	m := l.client.machine
	if l.client.state != halfOpening && l.client.state != halfOpen || m.paused {
		return // Resume checks the deadlines of a paused machine
	}
	next := never
	if l.client.state == halfOpening {
		next = l.connectBy
	}
	for c := l.calls.head; c != nil; c = c.next {
		next = min(next, c.due)
	}
	switch {
	// There is no deadline. The next call with a timeout schedules the entry again.
	case next == never:
	// The entry came up early, because its call has returned or the clock runs slower now.
	case int64(next) > m.mono.read(w.now):
		m.watch(l, next)
	default:
		w.hangUp(l, packetFin, w.now)
		w.fail(l, env.ErrTimeout)
	}
}

// recheckDeadlines checks all deadlines of a machine now, because its clock changed or it was paused.
func (m *machine) recheckDeadlines() {
	w := m.world
	for _, l := range m.links {
		if l != nil && l.client.machine == m && (l.client.state == halfOpening || l.client.state == halfOpen) {
			// Each link gets its own queue entry. When the entry comes up, deadlineUp fails the link if it is overdue.
			w.queue.set(l.deadline, w.now, w.order(m.entity, w.now))
		}
	}
}

// watchWritten schedules the return of the first call that expects no response.
func (w *World) watchWritten(l *link) {
	if c := l.calls.first(true); c != nil && c.written != unwritten && !w.queue.queued(l.written) {
		w.queue.set(l.written, c.written, w.order(l.client.machine.entity, c.written))
	}
}

// writtenUp ends the first oneWay call when its request is written. A request counts as written when it departs and not
// when it arrives, because the producer knows only that its socket took the bytes.
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

// answered matches a response to the oldest call, as Kafka's network client does; the correlation id only confirms
// the match.
// It reports whether the node has handled the response.
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
// They are queued after all events that wait on the lane, so an answer that arrived before the loss still counts.
func (m *machine) returnAll(l *link, err env.Error) {
	for c := l.calls.head; c != nil; {
		next := c.next
		c.next, c.err = nil, err
		m.post(&m.stations[l.lane], work{kind: Returned, call: c, cause: m.world.cause})
		c = next
	}
	l.calls = callList{}
}
