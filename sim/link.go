package sim

import "samsa/sim/env"

// A link is one TCP connection incarnation between a client and a server. It has two halves, one per machine, that
// open and end at different moments, and two pipes, one per direction.
//
//	client half                                             server half
//	opening ──SYN──────────────────────────────────────▶    none ▶ open          (or refused: RST)
//	  open  ◀───────────────────────────────────SYNACK──
//	        ──request 1, request 2───────────────────────▶   unread: 2, serving: 1
//	        ◀───────────────────────────────response 1──     then it reads 2: one at a time, as Kafka mutes a channel
//	  gone  ──FIN──────────────────────────────────────▶     draining: unread requests are still served, their answers go nowhere
//
// Whatever ends a half for good (close, refusal, reset, death) is never undone: a new Dial is a new link, and bytes of
// the old one may still be on their way.

// halfState is the life of one end.
type halfState uint8

const (
	halfNone     halfState = iota // server: has not seen the SYN
	halfOpening                   // client: has not seen the SYNACK
	halfOpen                      //
	halfFailing                   // client: gone, but its node has not handled Lost yet
	halfDraining                  // server: the client is gone, requests it sent are still served
	halfGone                      // forgotten by its machine
)

// half is one machine's end of a link.
// There are two because ends disagree for as long as a packet takes, and some faults make them disagree for good.
type half struct {
	machine *machine // nil: no machine has that address
	id      env.Link // in the machine's numbering
	state   halfState
}

type link struct {
	index int32 // in World.links; stays when the link is reused
	lane  env.Lane
	void  bool // half-open: the path forgot this connection, all its packets vanish

	client, server     half
	toServer, toClient pipe

	// the client's
	calls       callList    // not answered, in the order they were made
	unsent      packetList  // requests that wait for the SYNACK
	correlation int32       // of the next request
	connectBy   env.Instant // the client's monotonic clock
	deadline    slotID      // when the connect or a call may time out; comes up early, never late
	written     slotID      // when the first request without a response is written

	// the server's
	unread   packetList // arrived, not handed to the node
	serving  bool       // a request is with the node or its request handlers
	handed   bool       // and the node has seen it
	request  env.Ticket // that request
	oneWay   bool       // and it has no response
	since    Time       // and the node has had it for so long
	queued   Time       // when it was read, and came to wait for a request handler
	readable Time       // the response before it was sent then, no sooner is the next request read
	readSlot slotID

	recycling bool // is in World.recycling
	free      bool // is in World.freeLinks
}

// end is the half of a machine's link id; nil if the machine has no such link (any more).
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

// enter numbers a half. Numbers are never used again, so a stale one finds nothing.
// So an env.Link that a node has kept too long is an error it can see, and never another connection.
func (m *machine) enter(l *link, h *half) {
	h.machine = m
	h.id = m.firstLink + env.Link(len(m.links))
	m.links = append(m.links, l)
}

// forget takes a half out of its machine's table. The empty beginning of the table goes with it once it is worth a copy:
// a link that lives long holds the table's length to the number of links dialled since, a pointer each.
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

// newLink takes a link from the free list, or makes one. Its slots in the event queue stay with it for good.
// Hence nothing in a link may be remembered across its end: a later reference goes by the machine's numbering.
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

// recycle remembers that a link may be over. Such links are freed between events, when no code holds them.
func (w *World) recycle(l *link) {
	if !l.recycling && !l.free {
		l.recycling = true
		w.recycling = append(w.recycling, l)
	}
}

// recycleLinks frees the links that are over on both sides and on the wire. It runs between queue entries: while one is
// handled its code may still hold the link.
func (w *World) recycleLinks() {
	for _, l := range w.recycling {
		l.recycling = false
		idle := l.server.state == halfNone || l.server.state == halfGone
		if l.client.state != halfGone || l.toServer.head != nil || l.toClient.head != nil || l.serving {
			continue
		}
		if !idle {
			// A server that waits for a client which is gone without a word cannot notice, nor can any other machine.
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
	} else { // no such host: the resolver says so
		l.server.state = halfGone
		l.toServer.path, l.toClient.path = m.paths[m.index], m.paths[m.index]
		w.send(&l.toClient, w.newPacket(packetReset), m.spent())
	}
	// A peer that is cut off says nothing at all, so connecting needs a deadline of its own.
	m.watch(l, l.connectBy)
	return l.client.id
}

// Close implements env.Env. The server's end may be closed too, by Ticket.Link: the client sees a reset.
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
		m.returnAll(l, env.ErrClosed) // of the calls made since
		w.forget(l, h)                // Lost does not come any more
	default:
		m.returnAll(l, env.ErrClosed)
		w.hangUp(l, packetFin, m.spent())
		w.forget(l, h)
	}
}

// hangUp ends the client's side of the wire: unsent requests are dropped, and the server gets a FIN.
func (w *World) hangUp(l *link, how packetKind, at Time) {
	w.freePackets(&l.unsent)
	w.queue.drop(l.deadline)
	w.queue.drop(l.written)
	// A FIN after a SYN that was never answered, or to a machine without power, would lie there until the end of the
	// world: the sender's kernel gives up on both.
	if p := &l.toServer; p.held && (l.client.state == halfOpening || l.server.machine.state == off) {
		p.clear(w) // the server will never see these bytes, nor the end of them
		return
	}
	if l.server.machine != nil && l.server.state != halfGone {
		w.send(&l.toServer, w.newPacket(how), at)
	}
}

// closeServer ends the server's side: unread requests are never served, the client gets a FIN.
func (w *World) closeServer(l *link, how packetKind, at Time) {
	if l.server.state == halfOpen && l.client.state != halfGone {
		w.send(&l.toClient, w.newPacket(how), at)
	}
	// That one is still served, though its answer goes nowhere; unread ones never are.
	if l.serving && !l.handed { // it is in the queue of the request handlers, out of reach
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

// fail ends a link under its client: the calls return with the error, then the node gets Lost.
func (w *World) fail(l *link, err env.Error) {
	m := l.client.machine
	w.freePackets(&l.unsent)
	w.queue.drop(l.deadline)
	w.queue.drop(l.written)
	m.returnAll(l, err)
	l.client.state = halfFailing
	// After the returns, in the queue of the same lane: when a node handles Lost it has nothing open there any more.
	m.post(&m.stations[l.lane], work{kind: Lost, link: l, err: err, cause: w.cause})
}

// accept is the server's answer to a SYN.
func (w *World) accept(l *link) {
	m := l.server.machine
	path := l.toServer.path
	tick := uint64(w.now) / uint64(faultTick)
	switch {
	// Refusal is an answer, and so needs a machine that is up; a machine that is down refuses by itself.
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

// established is the client's view of a SYNACK: the requests that waited for it leave.
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

// arrived takes a request from the wire into the server's buffer.
func (w *World) arrived(l *link, p *packet) {
	if l.server.state != halfOpen {
		w.freePacket(p)
		if l.server.state == halfGone && l.client.state != halfGone {
			w.send(&l.toClient, w.newPacket(packetReset), w.now) // the port is closed, or belongs to a new incarnation
		}
		return
	}
	l.unread.push(p)
}

// read hands the next request to the node if it may have one. It reports whether the node has handled it.
func (w *World) read(l *link) bool {
	if l.serving || l.unread.head == nil {
		return false
	}
	if w.now < l.readable {
		w.queue.set(l.readSlot, l.readable, w.order(l.toServer.path.entity, l.readable))
		return false
	}
	// One request at a time of each connection, as Kafka mutes a channel until it has answered: that alone keeps a
	// client's requests in order while eight handlers serve them.
	p := l.unread.pop()
	m := l.server.machine
	l.serving, l.handed, l.oneWay, l.queued = true, false, p.oneWay, w.now
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

// closedByClient is a FIN or RST that the server sees.
// What the server has received before it is not taken back by a FIN: the requests are done, without a client to answer. That is
// how a producer that gave up still has its record written. A kernel that has unread bytes may as well drop them (DropPPM).
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

// ticket finds the link of a ticket; nil if it is gone, and so is the way for the answer.
func (m *machine) ticket(to env.Ticket) *link {
	l, h := m.end(to.Link)
	if to.Incarnation != m.incarnation || l == nil || h != &l.server {
		return nil
	}
	// Kafka answers each request once. A second answer would be taken for that of the next request.
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
		p.resp, p.correlation, p.key, p.version = resp, to.Correlation, to.Key, resp.GetVersion()
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
