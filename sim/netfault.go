package sim

import (
	"samsa/sim/disk"
	"samsa/sim/env"
)

// Faults of the network. A fault goes from some machines to others, one way; both ways is two calls or Partition.
// What a fault does is decided where packets arrive (pipe.go); here switches are thrown. So ordering a fault between a
// hundred machines costs ten thousand assignments, and a packet asks one path.
// Each may be called between events, from World.At and from World.AfterEvent, but not from inside a node.

// each calls f for every ordered pair of different machines.
// A machine always reaches itself: the loopback has no cable.
func (w *World) each(from, to []env.Addr, f func(*path)) {
	for _, a := range from {
		for _, b := range to {
			if m, n := w.must(a), w.must(b); m != n {
				f(m.paths[n.index])
			}
		}
	}
}

// eachLink calls f for every living link that one of from dialled to one of to, oldest place first.
// Only those of the dialling side: a fault of connections goes by the machine that opened them, in both directions of each.
func (w *World) eachLink(from, to []env.Addr, f func(*link)) {
	for _, l := range w.links {
		if l.client.state != halfGone && l.server.machine != nil &&
			contains(from, l.client.machine.addr) && contains(to, l.server.machine.addr) {
			f(l)
		}
	}
	w.recycleLinks()
}

func contains(list []env.Addr, a env.Addr) bool {
	for _, b := range list {
		if a == b {
			return true
		}
	}
	return false
}

// Cut loses every byte from some machines to others until Heal; TCP sends them again then, if the connection lives.
// The other direction works: an asymmetric partition.
func (w *World) Cut(from, to []env.Addr) {
	w.acting("cut", from, to)
	w.each(from, to, func(p *path) { p.cut = true })
}

// Partition cuts both directions between two sides.
func (w *World) Partition(a, b []env.Addr) {
	w.Cut(a, b)
	w.Cut(b, a)
}

// Heal ends Cut and Clog from some machines to others.
func (w *World) Heal(from, to []env.Addr) {
	w.acting("heal", from, to)
	w.each(from, to, w.heal)
}

// HealAll ends every fault of the network but those of single connections.
// A connection that was stalled or forgotten stays so: what ends it is a timeout of its client, as in life.
func (w *World) HealAll() {
	w.acting("healall", nil, nil)
	for _, m := range w.machines {
		for _, p := range m.paths {
			p.extra, p.bandwidth, p.loss, p.refuse = 0, 0, 0, false
			w.heal(p)
		}
	}
}

// Calm ends the faults that come by chance: from now on no packet is lost, no path stalls, no connection is reset,
// refused or closed over what is unread, and no disk errs but by order. Jitter stays: it breaks nothing.
func (w *World) Calm() {
	w.acting("calm", nil, nil)
	w.net.LossPPM, w.net.StallPPM, w.net.ResetPPM, w.net.RefusePPM, w.net.DropPPM = 0, 0, 0, 0, 0
	for _, m := range w.machines {
		m.disk.SetNoise(disk.Noise{})
	}
}

func (w *World) heal(path *path) {
	wasCut := path.cut
	if wasCut {
		// Packets that were on their way during the cut are looked at when they arrive, by this time.
		path.healedAt = w.now
	}
	path.cut, path.clog = false, false
	w.release(func(p *pipe) bool { return p.path == path }, wasCut)
}

// release lets held pipes go on: at once, or when TCP tries again.
func (w *World) release(which func(*pipe) bool, retransmit bool) {
	for _, l := range w.links {
		for _, p := range [...]*pipe{&l.toServer, &l.toClient} {
			// Only heads wait; the packets after them come up in their turn.
			if !p.held || p.head == nil || !which(p) {
				continue
			}
			at := w.now
			if retransmit {
				at = w.resent(p.head.depart, w.now) + Time(p.path.least)
				p.recovered = w.now
			}
			p.again(w, at)
		}
	}
}

// Clog stalls one direction: bytes wait and arrive after Heal, none is lost.
func (w *World) Clog(from, to []env.Addr) {
	w.acting("clog", from, to)
	w.each(from, to, func(p *path) { p.clog = true })
}

// Stall holds up the connections that exist now, in both directions, for a span. New ones work: so a request of an
// old connection can arrive after those of the new one.
// It is how a zombie's write arrives after its successor's.
func (w *World) Stall(from, to []env.Addr, d env.Duration) {
	w.acting("stall", from, to, int64(d))
	w.eachLink(from, to, func(l *link) {
		l.toServer.stalled = max(l.toServer.stalled, w.now+Time(d))
		l.toClient.stalled = max(l.toClient.stalled, w.now+Time(d))
	})
}

// Reset breaks the connections that some machines have dialled to others: both ends see it now, what is on the wire
// is lost.
func (w *World) Reset(from, to []env.Addr) {
	w.acting("reset", from, to)
	w.eachLink(from, to, w.breakLink)
}

// breakLink resets one connection.
func (w *World) breakLink(l *link) {
	w.count(FaultReset)
	l.toServer.clear(w)
	l.toClient.clear(w)
	// A server that never saw the SYN has nothing to reset; one that drains serves on what it has.
	switch l.server.state {
	case halfNone:
		l.server.state = halfGone
	case halfOpen:
		w.closedByClient(l, true)
	}
	if l.client.state == halfOpening || l.client.state == halfOpen {
		w.fail(l, env.ErrReset)
	}
}

// PrefixThenCut delivers the first keep packets that each connection has on the wire, in each direction; the rest is
// lost, and both ends see a reset after it.
// Of requests sent in a row some are done and some are not, and the client cannot tell which: what a producer's sequence
// numbers are for.
func (w *World) PrefixThenCut(from, to []env.Addr, keep int) {
	w.acting("prefixthencut", from, to, int64(keep))
	w.eachLink(from, to, func(l *link) {
		w.count(FaultPrefix)
		for _, p := range [...]*pipe{&l.toServer, &l.toClient} {
			p.keep(w, keep)
			w.send(p, w.newPacket(packetReset), w.now)
		}
	})
}

// keep drops all but the first n packets.
func (p *pipe) keep(w *World, n int) {
	if n == 0 {
		p.clear(w)
		return
	}
	k := p.head
	for i := 1; i < n && k != nil; i++ {
		k = k.next
	}
	if k == nil {
		return
	}
	for rest := k.next; rest != nil; {
		next := rest.next
		w.freePacket(rest)
		rest = next
	}
	k.next, p.tail = nil, k
}

// HalfOpen makes the path forget the connections that exist now: their packets vanish, and neither end gets a sign.
// A firewall that loses its table does it. Only timeouts end it, and each end has its own.
func (w *World) HalfOpen(from, to []env.Addr) {
	w.acting("halfopen", from, to)
	w.eachLink(from, to, func(l *link) {
		l.void = true
		l.toServer.clear(w)
		l.toClient.clear(w)
	})
}

// Refuse makes connecting fail, or work again.
func (w *World) Refuse(from, to []env.Addr, on bool) {
	w.acting("refuse", from, to, flag(on))
	w.each(from, to, func(p *path) { p.refuse = on })
}

// Latency adds to the latency of a direction; 0 ends it.
func (w *World) Latency(from, to []env.Addr, extra env.Duration) {
	w.acting("latency", from, to, int64(extra))
	w.each(from, to, func(p *path) { p.extra = extra })
}

// Bandwidth limits every connection of a direction to bytes per second; 0 ends it.
func (w *World) Bandwidth(from, to []env.Addr, rate int64) {
	w.acting("bandwidth", from, to, rate)
	w.each(from, to, func(p *path) { p.bandwidth = rate })
}

// Loss loses packets: in so many of a thousand milliseconds what departs comes one or more retransmissions later.
// TCP hides a loss and shows a delay; so does this.
func (w *World) Loss(from, to []env.Addr, permille uint32) {
	w.acting("loss", from, to, int64(permille))
	w.each(from, to, func(p *path) { p.loss = permille * 1000 })
}
