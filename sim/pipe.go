package sim

import "samsa/sim/env"

// A pipe is one direction of a link: packets in the order they were sent, each with the time it departs and the time
// it arrives. Both are fixed when it is sent and never decrease along the pipe, so no packet can overtake another. The
// event queue knows only the first packet.
//
//	send ──▶ [depart, arrive] [depart, arrive] ... ──▶ first arrives ──▶ cut? clogged? powered off?  held
//	                                                        │
//	                                                        └──▶ the other half
//
// Cuts and clogs take effect when a packet arrives, and a cut at any time during its flight counts. So cutting a cable
// costs nothing until a packet arrives. A packet that is in flight when the cable is cut is lost, as on a real network.
type pipe struct {
	link       *link
	back       bool // from server to client
	held       bool // the first packet waits for a heal, an unclog, a boot, a resume
	path       *path
	head, tail *packet

	lastDepart Time   // when the last packet sent departs
	lineFree   Time   // when the last byte of that packet has left
	lastArrive Time   // when that packet arrives
	recovered  Time   // the last heal after which this pipe retransmitted
	stalled    Time   // no packet arrives before this time
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

// packet is a message or a TCP control segment.
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
	cause       uint64 // the event that sent the packet
	call        uint64 // the number of the call in this world, from 1
	req         env.Request
	resp        env.Response
	bytes       []byte // in wire mode the encoded message, which the receiver decodes
}

// controlSize is the size of a control packet on the wire: that of a bare TCP segment.
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

// newPacket takes a packet from the free list. The packet's cause is World.cause.
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

// ends returns the sending and the receiving half.
func (p *pipe) ends() (from, to *half) {
	if p.back {
		return &p.link.server, &p.link.client
	}
	return &p.link.client, &p.link.server
}

// send puts a packet on the wire at the given time or later. The packet leaves after all earlier packets, even after those
// that wait until the cost of another lane's disk calls is paid. The time of departure is stored in the packet. If
// departures were entries of the event queue, a packet of a later handler at the same instant could overtake this one.
func (w *World) send(p *pipe, k *packet, at Time) {
	path := p.path
	k.depart = max(at, p.lastDepart)
	p.lastDepart = k.depart
	k.arrive = max(w.flight(p, k), p.lastArrive)
	p.lastArrive = k.arrive
	// The seed orders packets of different pipes that arrive in the same nanosecond; packets of one pipe stay in order.
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

// departs reports a sent message to the feeds.
func (w *World) departs(p *pipe, k *packet) {
	from, to := p.ends()
	w.effect(Effect{Kind: EffectDeparted, At: k.depart, Node: from.machine.addr, Peer: to.machine.addr, Link: from.id,
		Lane: p.link.lane, Arrives: k.arrive, Call: k.call, Request: k.req, Response: k.resp})
}

// pop takes the first packet off the wire and schedules the next one.
// Only the first packet is in the event queue, so a pipe with a thousand requests costs the queue no more than one.
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

// truncate drops the packets that have not departed by time t, because their sender is dead.
func (p *pipe) truncate(w *World, t Time) {
	var last *packet
	k := p.head
	for k != nil && k.depart <= t {
		last, k = k, k.next
	}
	// The kernel may still send a FIN. It leaves after the packets that have departed, and does not wait for those that
	// never did.
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

// pipeUp delivers the first packet of a pipe unless a fault prevents it. It reports whether a node handled it.
// It first checks whether the connection still exists. Then it checks for faults during the flight, for faults of the path
// now, for a receiver without power, and for random faults.
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
	cut := path.cutFor(l.lane)
	if cut || path.clog || to.machine.state == off {
		if cut {
			w.count(FaultCut)
		} else if path.clog {
			w.count(FaultClog)
		}
		p.held = true
		return false
	}
	// Random faults must not depend on the number of packets. So there is one draw per tick, and it hits the tick's first
	// packet.
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
		// A FIN and a reset mean the same to a client: unanswered requests may or may not have been served.
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

// delayed postpones the first packet's arrival if something happened since the packet was sent: the path was cut and
// healed (TCP retransmits the packet at the next timeout), the sender was paused before the packet could leave, or the
// connection stalls.
func (p *pipe) delayed(w *World, k *packet, from *machine) bool {
	path := p.path
	at := w.now
	kernel := k.kind == packetSynAck || k.kind == packetReset // the kernel sends these even if the process is paused
	if from != nil && !kernel && k.depart > from.pausedAt && k.depart < from.resumedAt {
		if from.paused {
			p.held = true
			return true
		}
		at = max(at, k.arrive+from.resumedAt-k.depart)
		k.depart = from.resumedAt
	}
	if healed := path.healedFor(p.link.lane); healed > k.depart && healed > p.recovered && !path.cutFor(p.link.lane) {
		p.recovered = healed
		at = max(at, w.resent(k.depart, healed)+Time(path.least))
		w.count(FaultCut)
	}
	// The packet stays first in the pipe, and later packets wait.
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

// resent returns the time of TCP's first retransmission at or after time t; each timeout is twice the one before. After a
// heal or a boot, packets wait for this retransmission, because the sender is not notified.
func (w *World) resent(depart, t Time) Time {
	patience := max(w.net.RTO, env.Millisecond)
	at := depart
	for at < t {
		at += Time(patience)
		patience = min(2*patience, max(w.net.RTOMax, env.Millisecond))
	}
	return at
}
