package sim

import (
	"fmt"

	"samsa/sim/env"
)

// An event passes from the queue of its lane to the node in three steps. World.serve calls them:
//
//	prepare   skips a void event, and passes the fields of any other to the hash, to readers of events and to judges
//	handle    runs the node's method to its end: it spends time, and may die
//	reclaim   puts the timer, the packet and the call back on their free lists

// prepare begins an event and adds its fields to the hash. It reports true for a void event, such as a timer that was
// disarmed while it waited, or a lost link that the node has closed itself. Void events are rare, and removing one from
// the middle of a queue would need a search, so a void event stays in the queue until prepare skips it. It changes
// neither the hash nor the count of events.
func (w *World) prepare(m *machine, k *work) (void bool) {
	switch k.kind {
	case Fired:
		// If the slab entry belongs to another timer by now, or the timer was armed again, its generation differs.
		t := &m.timers.slab[k.place]
		if t.gen != k.gen || t.state != timerDue {
			return true
		}
		// The slab entry stays in use until the handler returns, because the handler may arm the timer again.
		t.state = timerFiring
		w.begin(Fired, m, k.cause)
		w.identity.mix(weave(uint64(t.key.Kind)|uint64(t.key.Lane)<<16, uint64(t.key.A), uint64(t.key.B), uint64(t.key.C)))
		if w.observed {
			w.event.Lane, w.event.Timer = t.key.Lane, t.key
		}
	case Received:
		w.begin(Received, m, k.cause)
		w.prepareRequest(m, k)
	case Returned:
		w.begin(Returned, m, k.cause)
		w.prepareAnswer(m, k)
	case Asked:
		w.begin(Asked, m, k.cause)
		w.identity.mix(hashString(w.actions[k.place].label))
		w.event.Label = w.actions[k.place].label
	case Lost:
		if k.link.client.state != halfFailing || k.link.client.machine != m {
			return true
		}
		// The loss waited for its lane, so handlers of other lanes could make calls on the link. These calls return first.
		if k.link.calls.head != nil {
			m.returnAll(k.link, k.err)
			m.post(&m.stations[k.link.lane], *k)
			return true
		}
		w.begin(Lost, m, k.cause)
		w.identity.mixBoth(uint64(k.link.client.id) | uint64(k.err)<<32)
		if w.observed {
			e := &w.event
			e.Link, e.Lane, e.Err = k.link.client.id, k.link.lane, k.err
			if k.link.server.machine != nil {
				e.Peer = k.link.server.machine.addr
			}
		}
	default:
		w.begin(k.kind, m, k.cause)
	}
	return false
}

// prepareRequest and prepareAnswer fill in the event only if a trace or a hook reads events. Readers get the same message
// as the receiver; in wire mode it is decoded from its bytes.
func (w *World) prepareRequest(m *machine, k *work) {
	p, l := k.pkt, k.link
	w.unpack(p, l.request.From)
	// From now on the node owes an answer; see Unanswered.
	l.handed, l.since, l.step = true, w.now, w.steps
	w.identity.mixBoth(weave(uint64(l.request.Link)|uint64(p.correlation)<<32, uint64(uint16(p.key))|uint64(uint16(p.version))<<16|uint64(p.size)<<32,
		requestGist(p.req), 0))
	if w.observed {
		e := &w.event
		e.Link, e.Lane, e.Peer, e.Correlation = l.request.Link, l.lane, l.request.From, p.correlation
		e.Key, e.Version, e.Size, e.Request = p.key, p.version, p.size, p.req
		e.Waited = env.Duration(w.now - l.queued)
	}
	if len(w.feeds) > 0 {
		w.effect(Effect{Kind: EffectDelivered, At: w.now, Node: m.addr, Peer: l.request.From, Link: l.request.Link,
			Lane: l.lane, Call: p.call, Request: p.req})
	}
}

// prepareAnswer also handles the end of a flush, which has the form of a call without a link and a peer.
func (w *World) prepareAnswer(m *machine, k *work) {
	c := k.call
	size, said := int32(0), uint64(0)
	if c.answer != nil {
		w.unpack(c.answer, c.peer)
		size, said = c.answer.size, responseGist(c.answer.resp)
	}
	met := uint64(uint16(c.key)) | uint64(size)<<16 | uint64(c.err)<<48
	w.identity.mix(weave(uint64(c.link)|uint64(c.correlation)<<32, met, uint64(c.token.Kind), said))
	w.identity.mixShape(weave(uint64(c.link)|uint64(c.correlation)<<32, met, uint64(uint16(c.version)), said))
	w.identity.mix(weave(uint64(c.token.A), uint64(c.token.B), uint64(c.token.C), uint64(c.token.D)))
	if w.observed {
		e := &w.event
		e.Link, e.Peer, e.Lane, e.Correlation = c.link, c.peer, c.lane, c.correlation
		e.Key, e.Version, e.Size, e.Token, e.Request = c.key, c.version, size, c.token, c.req
		if c.answer != nil {
			e.Response = c.answer.resp
		}
		if c.err != 0 {
			e.Err = c.err
		}
	}
	if len(w.feeds) > 0 && c.answer != nil {
		w.effect(Effect{Kind: EffectDelivered, At: w.now, Node: m.addr, Peer: c.peer, Link: c.link, Lane: c.lane,
			Call: c.answer.call, Response: c.answer.resp})
	}
}

// handle calls the node's method. If the process dies inside the event, the node's later actions have no effect. A
// later panic is then ignored, because disk calls return ErrDead, which may break an invariant that a real process
// would not live to check. Any other panic is a finding and is passed on.
func (w *World) handle(m *machine, k *work) {
	defer func() {
		if m.killed {
			_ = recover()
		}
	}()
	switch k.kind {
	case Started:
		m.node.Start(m)
	case Received:
		m.node.Receive(m, k.link.request, k.pkt.req)
	case Returned:
		c := k.call
		var resp env.Response
		if c.answer != nil {
			resp = c.answer.resp
		}
		var err error
		if c.err != 0 {
			err = c.err
		}
		m.node.Returned(m, c.token, c.req, resp, err)
	case Lost:
		m.node.Lost(m, k.link.client.id, k.err)
	case Fired:
		m.node.Fire(m, m.timers.slab[k.place].key)
	case Stopping:
		m.node.Stop(m)
	case Asked:
		w.actions[k.place].ask(m, m.node)
	default:
		panic(fmt.Sprintf("sim: an event of kind %d", k.kind))
	}
}

// reclaim frees the parts of the event.
// It runs after the handler, because the handler reads the request and the answer in place.
func (w *World) reclaim(m *machine, k *work) {
	switch k.kind {
	case Fired:
		if m.timers.slab[k.place].state == timerFiring {
			// The handler did not arm the timer again.
			m.timers.remove(k.place, &w.queue)
		}
	case Received:
		w.freePacket(k.pkt)
	case Returned:
		w.recycleCall(k.call)
	case Lost:
		w.forget(k.link, &k.link.client)
	case Asked:
		w.freeAction(k.place)
	}
}
