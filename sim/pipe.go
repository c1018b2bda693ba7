package sim

import "samsa/sim/env"

// A pipe is one direction of a link: packets in the order they were sent, each with the time it departs and the time
// it arrives. Both are fixed when it is sent and never decrease along the pipe, so nothing can overtake. The event
// queue knows the first packet only.
//
//	send ──▶ [depart, arrive] [depart, arrive] ... ──▶ first arrives ──▶ cut? clogged? powered off?  held
//	                                                        │
//	                                                        └──▶ the other half
//
// Harm is looked at when a packet arrives, over the whole time of its flight: that way cutting a cable costs nothing
// until it is used, and a packet in the air when the cable is cut is lost, as in the world outside.
type pipe struct {
	link       *link
	back       bool // from server to client
	held       bool // the first packet waits for a heal, an unclog, a boot, a resume
	path       *path
	head, tail *packet

	lastDepart Time   // of the last packet sent
	lineFree   Time   // when its last byte has left
	lastArrive Time   // when it arrives
	recovered  Time   // the heal whose losses this pipe has made up for
	stalled    Time   // nothing arrives before
	slot       slotID // scheduled for the arrival of the first packet
}

type packetKind uint8

const (
	packetSyn packetKind = iota
	packetSynAck
	packetRequest
	packetResponse
	packetFin
	packetReset
)

// packet is what travels: a message or a signal of TCP.
type packet struct {
	next        *packet
	kind        packetKind
	oneWay      bool // a request without a response
	key         int16
	version     int16
	correlation int32
	size        int32
	depart      Time
	arrive      Time
	order       uint64
	cause       uint64 // the event that sent it
	req         env.Request
	resp        env.Response
	bytes       []byte // in wire mode the message; what the receiver gets is made of these
}

// control packets are small: their size on the wire is that of a bare TCP segment.
const controlSize = 64

// packetList is a queue of packets.
type packetList struct{ head, tail *packet }

func (ps *packetList) push(p *packet) {
	if ps.tail == nil {
		ps.head = p
	} else {
		ps.tail.next = p
	}
	ps.tail = p
}

func (ps *packetList) pop() *packet {
	p := ps.head
	ps.head = p.next
	if ps.head == nil {
		ps.tail = nil
	}
	p.next = nil
	return p
}

// newPacket takes a packet from the free list. Its cause is whatever runs now.
func (w *World) newPacket(kind packetKind) *packet {
	p := w.freedPackets
	if p == nil {
		p = &packet{}
	} else {
		w.freedPackets = p.next
		p.next = nil
	}
	p.kind, p.size, p.cause = kind, controlSize, w.cause
	return p
}

func (w *World) freePacket(p *packet) {
	*p = packet{next: w.freedPackets}
	w.freedPackets = p
}

func (w *World) freePackets(ps *packetList) {
	for ps.head != nil {
		w.freePacket(ps.pop())
	}
}

// ends are the sending and the receiving half.
func (p *pipe) ends() (from, to *half) {
	if p.back {
		return &p.link.server, &p.link.client
	}
	return &p.link.client, &p.link.server
}

// send puts a packet on the wire at time at, after everything sent before: also after packets that wait for the cost of
// another lane's disk calls. Departure is a time in the packet and not a second visit to the event queue; a prototype that
// re-queued departures let a later handler of the same instant overtake.
func (w *World) send(p *pipe, k *packet, at Time) {
	path := p.path
	k.depart = max(at, p.lastDepart)
	p.lastDepart = k.depart
	k.arrive = max(w.flight(p, k), p.lastArrive)
	p.lastArrive = k.arrive
	// Two machines' packets that arrive at one nanosecond come in an order of the seed's; two of one pipe in theirs.
	k.order = w.order(path.entity, k.arrive)
	if p.tail == nil {
		p.head = k
		w.queue.set(p.slot, k.arrive, k.order)
	} else {
		p.tail.next = k
	}
	p.tail = k
	if len(w.feeds) > 0 && (k.req != nil || k.resp != nil) {
		w.departs(p, k)
	}
}

// departs shows the feeds a message on its way.
func (w *World) departs(p *pipe, k *packet) {
	from, to := p.ends()
	w.effect(Effect{Kind: EffectDeparted, At: k.depart, Node: from.machine.addr, Peer: to.machine.addr, Link: from.id,
		Lane: p.link.lane, Arrives: k.arrive, Request: k.req, Response: k.resp})
}

// pop takes the first packet off the wire; the next one is scheduled.
// Only the head has a place in the event queue: a pipe with a thousand requests costs the queue no more than one.
func (p *pipe) pop(w *World) *packet {
	k := p.head
	p.head = k.next
	k.next = nil
	if p.head == nil {
		p.tail = nil
		w.recycle(p.link)
	} else {
		w.queue.set(p.slot, max(p.head.arrive, w.now), p.head.order)
	}
	return k
}

// clear drops everything that is on the wire.
func (p *pipe) clear(w *World) {
	for p.head != nil {
		k := p.head
		p.head = k.next
		w.freePacket(k)
	}
	p.tail, p.held = nil, false
	w.queue.drop(p.slot)
	w.recycle(p.link)
}

// truncate drops what has not departed by time t: its sender is dead.
func (p *pipe) truncate(w *World, t Time) {
	var last *packet
	k := p.head
	for k != nil && k.depart <= t {
		last, k = k, k.next
	}
	// The line is free again for what the kernel still has to say: a FIN leaves after the packets that have departed, not after those
	// that never did.
	p.lastDepart = min(p.lastDepart, t)
	p.lineFree = min(p.lineFree, t)
	if last == nil {
		p.clear(w)
		p.lastArrive = 0
		return
	}
	last.next, p.tail, p.lastArrive = nil, last, last.arrive
	for k != nil {
		next := k.next
		w.freePacket(k)
		k = next
	}
}

// again schedules the first packet of a pipe that was held.
func (p *pipe) again(w *World, at Time) {
	p.held = false
	p.lastArrive = max(p.lastArrive, at)
	w.queue.set(p.slot, at, w.order(p.path.entity, at))
}

// pipeUp is the first packet at its destination, if nothing is in its way. It reports whether a node handled it.
// The order of questions is that of the way: the connection, the sender and the past of the path, the path now, the
// receiver's power, the noise.
func (w *World) pipeUp(p *pipe) bool {
	l, k, path := p.link, p.head, p.path
	from, to := p.ends()
	w.cause = k.cause
	if l.void {
		w.count(FaultHalfOpen)
		p.clear(w)
		return false
	}
	if p.delayed(w, k, from.machine) {
		return false
	}
	if path.cut || path.clog || to.machine.state == off {
		if path.cut {
			w.count(FaultCut)
		} else if path.clog {
			w.count(FaultClog)
		}
		p.held = true
		return false
	}
	// What comes by chance must not depend on how many packets there are: the draw is the tick's, and its first packet
	// is hit.
	tick := uint64(w.now) / uint64(faultTick)
	if w.net.ResetPPM > 0 && path.resetTick != tick && w.chance.rare(siteReset, path.entity, tick, w.net.ResetPPM, 1) != 0 {
		path.resetTick = tick
		w.breakLink(l)
		return false
	}
	p.pop(w)
	switch k.kind {
	case packetRequest:
		w.arrived(l, k)
		return w.read(l)
	case packetResponse:
		return w.answered(l, k)
	case packetSyn:
		w.accept(l)
	case packetSynAck:
		w.established(l)
	case packetFin, packetReset:
		// To a client a FIN and a reset are the same news: unanswered requests may have been served or not.
		if !p.back {
			w.closedByClient(l, k.kind == packetReset)
		} else if l.client.state == halfOpening {
			w.fail(l, env.ErrRefused)
		} else if l.client.state == halfOpen {
			w.fail(l, env.ErrReset)
		}
	}
	w.freePacket(k)
	return false
}

// delayed moves the first packet's arrival if its flight was not what it seemed when it was sent: the path was cut in
// between (it is sent again after the heal, with the patience of TCP), its sender was paused before it could leave, or
// the connection stalls.
func (p *pipe) delayed(w *World, k *packet, from *machine) bool {
	path := p.path
	at := w.now
	kernel := k.kind == packetSynAck || k.kind == packetReset // sends these whether the process runs or not
	if from != nil && !kernel && k.depart > from.pausedAt && k.depart < from.resumedAt {
		if from.paused {
			p.held = true
			return true
		}
		at = max(at, k.arrive+from.resumedAt-k.depart)
		k.depart = from.resumedAt
	}
	if path.healedAt > k.depart && path.healedAt > p.recovered && !path.cut {
		p.recovered = path.healedAt
		at = max(at, w.resent(k.depart, path.healedAt)+Time(path.least))
		w.count(FaultCut)
	}
	// Put off, not dropped: the packet keeps its place, and the packets after it wait.
	if p.stalled > at {
		at = p.stalled
		w.count(FaultStall)
	}
	if at <= w.now {
		return false
	}
	k.arrive = at
	p.lastArrive = max(p.lastArrive, at)
	w.queue.set(p.slot, at, k.order)
	return true
}

// resent is when TCP first retransmits at or after time t, having doubled its patience often enough. A heal and a boot
// both wait for it: the sender gets no sign that the way is free again.
func (w *World) resent(depart, t Time) Time {
	patience := max(w.net.RTO, env.Millisecond)
	at := depart
	for at < t {
		at += Time(patience)
		patience = min(2*patience, max(w.net.RTOMax, env.Millisecond))
	}
	return at
}
