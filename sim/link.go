package sim

import "samsa/sim/env"

// A link is one TCP connection between a client and a server. It has two halves, one per machine, that open and end at
// different times, and two pipes, one per direction.
//
//	client half                                             server half
//	opening ──SYN──────────────────────────────────────▶    none ▶ open          (or refused: RST)
//	  open  ◀───────────────────────────────────SYNACK──
//	        ──request 1, request 2───────────────────────▶   unread: 2, serving: 1
//	        ◀───────────────────────────────response 1──     then it reads 2: one at a time, as Kafka mutes a channel
//	  gone  ──FIN──────────────────────────────────────▶     draining: it serves the unread requests and drops the answers
//
// The end of a half (close, refusal, reset, death) is final: a new Dial makes a new link, and bytes of the old one may
// still be on the wire.

// halfState is the state of one half of a link.
type halfState uint8

const (
	halfNone     halfState = iota // server: has not seen the SYN
	halfOpening                   // client: has not seen the SYNACK
	halfOpen                      //
	halfFailing                   // client: the link is lost, but the node has not handled Lost yet
	halfDraining                  // server: the client is gone, but requests that it sent are still served
	halfGone                      // removed from its machine's table of links
)

// half is one machine's end of a link.
// The two halves of a link can disagree while a packet is in flight, and some faults make them disagree forever.
type half struct {
	machine *machine // nil: no machine has that address
	id      env.Link // in the machine's numbering
	state   halfState
}

type link struct {
	index int32 // in World.links; stays when the link is reused
	lane  env.Lane
	void  bool // half-open: the path forgot this connection, and all its packets vanish

	client, server     half
	toServer, toClient pipe

	// fields of the client half
	calls       callList    // calls without an answer, in the order they were made
	unsent      packetList  // requests that wait for the SYNACK
	correlation int32       // of the next request
	connectBy   env.Instant // when connecting times out, on the client's monotonic clock
	deadline    slotID      // when connecting or a call may time out; the entry may come up early, but not late
	written     slotID      // when the first request that expects no response is written

	// fields of the server half
	unread   packetList // arrived, not handed to the node
	serving  bool       // a request is with the node or its request handlers
	handed   bool       // the node has got the request that is being served
	request  env.Ticket // the ticket of that request
	call     uint64     // the number of the call with that request
	oneWay   bool       // that request has no response
	since    Time       // when the node got that request
	step     uint64     // the number of steps of the run before the node got that request
	queued   Time       // when that request was read and began to wait for a request handler
	readable Time       // when the previous response leaves; the next request is read no earlier
	readSlot slotID

	recycling bool // is in World.recycling
	free      bool // is in World.freeLinks
}

// end returns the link and the half with that id on the machine, or nil if the machine has no such link (any more).
func (m *machine) end(id env.Link) (*link, *half) {
	if id < m.firstLink || id >= m.firstLink+env.Link(len(m.links)) {
		return nil, nil
	}
	l := m.links[id-m.firstLink]
	if l == nil {
		return nil, nil
	}
	if l.client.machine == m && l.client.id == id {
		return l, &l.client
	}
	return l, &l.server
}

// enter gives a half its number. Numbers are never reused, so an env.Link that a node has kept too long yields an error
// and never means another connection.
func (m *machine) enter(l *link, h *half) {
	h.machine = m
	h.id = m.firstLink + env.Link(len(m.links))
	m.links = append(m.links, l)
}

// forget removes a half from its machine's table. If enough entries at the beginning of the table are empty, it drops
// them. As long as a link lives, the table keeps one pointer for each link that was made later.
func (w *World) forget(l *link, h *half) {
	m := h.machine
	h.state = halfGone
	if m != nil && h.id != 0 {
		m.links[h.id-m.firstLink] = nil
		empty := 0
		for empty < len(m.links) && m.links[empty] == nil {
			empty++
		}
		if empty > 32 && 2*empty > len(m.links) || empty == len(m.links) {
			n := copy(m.links, m.links[empty:])
			clear(m.links[n:])
			m.links = m.links[:n]
			m.firstLink += env.Link(empty)
		}
	}
	w.recycle(l)
}

// newLink takes a link from the free list, or makes one. The link keeps its slots in the event queue forever. Because
// links are reused, code must not keep a *link after the link has ended. It keeps the env.Link instead.
func (w *World) newLink(lane env.Lane) *link {
	if n := len(w.freeLinks); n > 0 {
		l := w.freeLinks[n-1]
		w.freeLinks = w.freeLinks[:n-1]
		*l = link{index: l.index, lane: lane, deadline: l.deadline, written: l.written, readSlot: l.readSlot,
			toServer: pipe{link: l, slot: l.toServer.slot}, toClient: pipe{link: l, slot: l.toClient.slot, back: true}}
		return l
	}
	l := &link{index: int32(len(w.links)), lane: lane}
	q := &w.queue
	l.toServer = pipe{link: l, slot: q.newSlot(slotPipe, l.index, 0)}
	l.toClient = pipe{link: l, slot: q.newSlot(slotPipe, l.index, 1), back: true}
	l.deadline = q.newSlot(slotDeadline, l.index, 0)
	l.written = q.newSlot(slotWritten, l.index, 0)
	l.readSlot = q.newSlot(slotServe, l.index, 0)
	w.links = append(w.links, l)
	return l
}

// recycle records that a link may have ended. Such links are freed between events, when no code holds them.
func (w *World) recycle(l *link) {
	if !l.recycling && !l.free {
		l.recycling = true
		w.recycling = append(w.recycling, l)
	}
}

// recycleLinks frees the links that have ended on both sides and have no packet on the wire. It runs between queue
// entries, because the code that handles an entry may still hold the link.
func (w *World) recycleLinks() {
	for _, l := range w.recycling {
		l.recycling = false
		idle := l.server.state == halfNone || l.server.state == halfGone
		if l.client.state != halfGone || l.toServer.head != nil || l.toClient.head != nil || l.serving {
			continue
		}
		if !idle {
			// The client left without a FIN. The server would wait forever, so its half is freed now; no machine can notice.
			if l.unread.head != nil {
				continue
			}
			w.forgetServer(l)
		}
		w.queue.drop(l.deadline)
		w.queue.drop(l.written)
		w.queue.drop(l.readSlot)
		l.client, l.server = half{state: halfGone}, half{state: halfGone}
		l.free = true
		w.freeLinks = append(w.freeLinks, l)
	}
	w.recycling = w.recycling[:0]
}

// Dial implements env.Env.
func (m *machine) Dial(to env.Addr, lane env.Lane) env.Link {
	if m.silent() {
		return 0
	}
	if lane >= env.Lanes {
		m.misuse("Dial: lane %d does not exist", lane)
	}
	w := m.world
	l := w.newLink(lane)
	m.enter(l, &l.client)
	l.client.state = halfOpening
	l.connectBy = m.Now().Add(w.net.ConnectTimeout)
	if peer := w.byAddr[to]; peer != nil {
		l.server.machine = peer
		l.toServer.path, l.toClient.path = m.paths[peer.index], peer.paths[m.index]
		w.send(&l.toServer, w.newPacket(packetSyn), m.spent())
	} else { // the resolver knows no such host
		l.server.state = halfGone
		l.toServer.path, l.toClient.path = m.paths[m.index], m.paths[m.index]
		w.send(&l.toClient, w.newPacket(packetReset), m.spent())
	}
	// A peer that is cut off never answers, so connecting needs a deadline of its own.
	m.watch(l, l.connectBy)
	return l.client.id
}

// Close implements env.Env. A server may close its end too, with the Link of a Ticket; the client then sees a reset.
func (m *machine) Close(id env.Link) {
	if m.silent() {
		return
	}
	w := m.world
	l, h := m.end(id)
	switch {
	case l == nil:
	case h == &l.server:
		w.closeServer(l, packetFin, m.spent())
	case h.state == halfFailing:
		m.returnAll(l, env.ErrClosed) // the calls made since the link failed
		w.forget(l, h)                // the node gets no Lost for this link
	default:
		m.returnAll(l, env.ErrClosed)
		w.hangUp(l, packetFin, m.spent())
		w.forget(l, h)
	}
}

// hangUp ends the client's side of the wire: it drops unsent requests and sends the server a FIN.
func (w *World) hangUp(l *link, how packetKind, at Time) {
	w.freePackets(&l.unsent)
	w.queue.drop(l.deadline)
	w.queue.drop(l.written)
	// If the SYN is unanswered or the server has no power, the client's kernel gives up and sends no FIN. Otherwise the FIN
	// would stay in the pipe forever.
	if p := &l.toServer; p.held && (l.client.state == halfOpening || l.server.machine.state == off) {
		p.clear(w) // the server will never see these bytes or the FIN
		return
	}
	if l.server.machine != nil && l.server.state != halfGone {
		w.send(&l.toServer, w.newPacket(how), at)
	}
}

// closeServer ends the server's side: unread requests are never served, and the client gets a FIN.
func (w *World) closeServer(l *link, how packetKind, at Time) {
	if l.server.state == halfOpen && l.client.state != halfGone {
		w.send(&l.toClient, w.newPacket(how), at)
	}
	// A request that already waits for a request handler cannot be taken back, so it is served and its answer is
	// dropped.
	if l.serving && !l.handed {
		w.freePackets(&l.unread)
		l.server.state = halfDraining
		return
	}
	w.forgetServer(l)
}

func (w *World) forgetServer(l *link) {
	w.freePackets(&l.unread)
	l.serving = false
	w.queue.drop(l.readSlot)
	w.forget(l, &l.server)
}

// fail ends a link at its client: the calls return with the error, then the node gets Lost.
func (w *World) fail(l *link, err env.Error) {
	m := l.client.machine
	w.freePackets(&l.unsent)
	w.queue.drop(l.deadline)
	w.queue.drop(l.written)
	m.returnAll(l, err)
	l.client.state = halfFailing
	// Lost is queued after the returns on the same lane, so a node that handles Lost has no open call on the link.
	m.post(&m.stations[l.lane], work{kind: Lost, link: l, err: err, cause: w.cause})
}

// accept answers a SYN at the server.
func (w *World) accept(l *link) {
	m := l.server.machine
	path := l.toServer.path
	tick := uint64(w.now) / uint64(faultTick)
	switch {
	// A refusal is a fault only if the machine listens, because a machine that does not listen refuses anyway.
	case m.listening() && path.refuse:
		w.count(FaultRefuse)
	case m.listening() && w.chance.rare(siteRefuse, path.entity, tick, w.net.RefusePPM, 1) != 0:
		w.count(FaultRefuse)
	case m.listening():
		m.enter(l, &l.server)
		l.server.state = halfOpen
		w.send(&l.toClient, w.newPacket(packetSynAck), w.now)
		return
	}
	w.forget(l, &l.server)
	w.send(&l.toClient, w.newPacket(packetReset), w.now)
}

// established handles a SYNACK at the client: the requests that waited for it leave.
func (w *World) established(l *link) {
	if l.client.state != halfOpening {
		return
	}
	l.client.state = halfOpen
	for l.unsent.head != nil {
		p := l.unsent.pop()
		w.send(&l.toServer, p, max(p.depart, w.now))
		if p.oneWay {
			l.calls.find(p.correlation).written = p.depart
		}
	}
	w.watchWritten(l)
}

// arrived puts a request from the wire into the server's buffer.
func (w *World) arrived(l *link, p *packet) {
	if l.server.state != halfOpen {
		w.freePacket(p)
		if l.server.state == halfGone && l.client.state != halfGone {
			w.send(&l.toClient, w.newPacket(packetReset), w.now) // the port is closed or belongs to a new incarnation
		}
		return
	}
	l.unread.push(p)
}

// read hands the next request to the node if none is being served. It reports whether the node has handled it.
func (w *World) read(l *link) bool {
	if l.serving || l.unread.head == nil {
		return false
	}
	if w.now < l.readable {
		w.queue.set(l.readSlot, l.readable, w.order(l.toServer.path.entity, l.readable))
		return false
	}
	// The server has at most one request of a connection in service, as Kafka mutes a channel until its request is answered.
	// Only this keeps a client's requests in order while eight handlers serve them.
	p := l.unread.pop()
	m := l.server.machine
	l.serving, l.handed, l.oneWay, l.queued, l.call = true, false, p.oneWay, w.now, p.call
	l.request = env.Ticket{Link: l.server.id, Incarnation: m.incarnation, Correlation: p.correlation,
		From: l.client.machine.addr, Lane: l.lane, Key: p.key, Version: p.version}
	return m.submit(m.receiver(l.lane), work{kind: Received, link: l, pkt: p, cause: p.cause})
}

// served ends the current request; the next is read when the response has left.
func (w *World) served(l *link, at Time) {
	l.serving = false
	l.readable = at
	if l.unread.head != nil {
		w.queue.set(l.readSlot, at, w.order(l.toServer.path.entity, at))
	} else if l.server.state == halfDraining {
		w.forget(l, &l.server)
	}
}

// closedByClient handles a FIN or RST that arrives at the server. A FIN does not cancel requests that arrived before
// it. The server executes them and drops the answers, so the record of a producer that gave up may still be written.
// But chance may drop the requests that the server has not read yet (NetProfile.DropPPM), as a kernel may drop unread
// bytes.
func (w *World) closedByClient(l *link, reset bool) {
	if l.server.state != halfOpen {
		return
	}
	tick := uint64(w.now) / uint64(faultTick)
	if !reset && l.unread.head != nil && w.chance.rare(siteDrop, l.toServer.path.entity, tick, w.net.DropPPM, 1) != 0 {
		w.count(FaultDrop)
		reset = true
	}
	if reset {
		w.freePackets(&l.unread)
	}
	if l.serving || l.unread.head != nil {
		if l.unread.head != nil {
			w.count(FaultZombie)
		}
		l.server.state = halfDraining
		return
	}
	w.forgetServer(l)
}

// ticket returns the link of a ticket, or nil if the link is gone and the answer cannot be sent.
func (m *machine) ticket(to env.Ticket) *link {
	l, h := m.end(to.Link)
	if to.Incarnation != m.incarnation || l == nil || h != &l.server {
		return nil
	}
	// Kafka answers each request once. The client would take a second answer for the answer to its next request.
	if !l.serving || l.request != to {
		m.misuse("the request %+v was answered before", to)
	}
	return l
}

// Reply implements env.Env.
func (m *machine) Reply(to env.Ticket, resp env.Response) {
	if m.silent() {
		return
	}
	l := m.ticket(to)
	if l == nil {
		return
	}
	if resp.Key() != to.Key || l.oneWay {
		m.misuse("response of api key %d to the request %+v (it has a response: %t)", resp.Key(), to, !l.oneWay)
	}
	w := m.world
	stamp(resp, to.Version)
	at := m.spent()
	if l.server.state == halfOpen && l.client.state != halfGone {
		p := w.newPacket(packetResponse)
		p.resp, p.correlation, p.key, p.version, p.call = resp, to.Correlation, to.Key, resp.GetVersion(), l.call
		w.pack(p, m, l.client.machine)
		w.send(&l.toClient, p, at)
		at = p.depart
	}
	w.served(l, at)
}

// NoReply implements env.Env.
func (m *machine) NoReply(to env.Ticket) {
	if m.silent() {
		return
	}
	if l := m.ticket(to); l != nil {
		if !l.oneWay {
			m.misuse("no response to the request %+v, though its sender waits for one", to)
		}
		m.world.served(l, m.spent())
	}
}
