package sim

import (
	"samsa/sim/disk"
	"samsa/sim/env"
)

// The functions of this file are the faults of the network. A fault acts in one direction, from some machines to
// others. For both directions, call the function twice, or use Partition. Most of the functions only set flags on paths
// and links; the effect is computed when a packet is sent or arrives (path.go, pipe.go). So starting a fault among 100
// machines costs 10,000 assignments, and each packet then checks only its own path. The functions may be called between
// events, or in World.At and World.AfterEvent callbacks, but not from inside a node.

// each calls f for every ordered pair of different machines.
// It skips a machine's path to itself, because network faults never affect the loopback.
func (w *World) each(from, to []env.Addr, f func(*path)) {
	for _, a := range from {
		for _, b := range to {
			if m, n := w.must(a), w.must(b); m != n {
				f(m.paths[n.index])
			}
		}
	}
}

// eachLink calls f for every link that a machine of the first list has dialled to a machine of the second list and that is
// still in use. The order is that of w.links. Links dialled the other way are not included: a connection fault selects
// connections by the machine that opened them, and affects both directions of each.
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

// Cut loses every packet from some machines to others until Heal. TCP then retransmits them, if the connection still exists.
// The other direction keeps working, so a single Cut is an asymmetric partition. With lanes, it cuts only the connections of
// those lanes.
func (w *World) Cut(from, to []env.Addr, lanes ...env.Lane) {
	w.acting("cut", from, to, numbered(lanes)...)
	w.each(from, to, func(p *path) {
		p.cut = p.cut || len(lanes) == 0
		p.cutLanes(lanes)
	})
}

// Partition cuts both directions between two sides.
func (w *World) Partition(a, b []env.Addr) {
	w.Cut(a, b)
	w.Cut(b, a)
}

// Heal ends Cut and Clog from some machines to others. It also ends every fault of single lanes from these machines to the
// others.
func (w *World) Heal(from, to []env.Addr) {
	w.acting("heal", from, to)
	w.each(from, to, w.heal)
}

// HealAll ends every network fault except those of single connections.
// A stalled connection stays stalled until its duration ends, and a half-open one until its client times out.
func (w *World) HealAll() {
	w.acting("healall", nil, nil)
	for _, m := range w.machines {
		for _, p := range m.paths {
			p.extra, p.bandwidth, p.loss, p.refuse = 0, 0, 0, false
			w.heal(p)
		}
	}
}

// Calm ends random faults. From now on no packet is lost and no path stalls, no connection is reset, refused, or closed
// with data still unread, and disks fail only when a scenario says so. Jitter continues, because it breaks nothing.
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
		// A packet that departed before this time counts as lost, and is retransmitted (see delayed).
		path.healedAt = w.now
	}
	path.cut, path.clog = false, false
	path.healLanes(w)
	w.release(func(p *pipe) bool { return p.path == path }, wasCut)
}

// release schedules the first packet of every held pipe that matches. The packet arrives now or, if retransmit is true,
// at TCP's next retransmission.
func (w *World) release(matches func(*pipe) bool, retransmit bool) {
	for _, l := range w.links {
		for _, p := range [...]*pipe{&l.toServer, &l.toClient} {
			// Only the first packet of a pipe is scheduled; pop schedules each later one.
			if !p.held || p.head == nil || !matches(p) {
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

// Clog stalls one direction: packets wait and arrive after Heal, and none is lost.
func (w *World) Clog(from, to []env.Addr) {
	w.acting("clog", from, to)
	w.each(from, to, func(p *path) { p.clog = true })
}

// Stall delays all packets of the existing connections, in both directions, for the duration d. New connections work,
// so a request on an old connection can arrive after requests on a new one. For example, the write of a zombie, a
// process that has been replaced, can arrive after a write of its successor.
func (w *World) Stall(from, to []env.Addr, d env.Duration) {
	w.acting("stall", from, to, int64(d))
	w.eachLink(from, to, func(l *link) {
		l.toServer.stalled = max(l.toServer.stalled, w.now+Time(d))
		l.toClient.stalled = max(l.toClient.stalled, w.now+Time(d))
	})
}

// Reset breaks the connections that some machines have dialled to others. Both ends see the reset now, and packets on the
// wire are lost.
func (w *World) Reset(from, to []env.Addr) {
	w.acting("reset", from, to)
	w.eachLink(from, to, w.breakLink)
}

// breakLink resets one connection.
func (w *World) breakLink(l *link) {
	w.count(FaultReset)
	l.toServer.clear(w)
	l.toClient.clear(w)
	// A server that never saw the SYN has nothing to reset, and a server that is draining goes on serving the requests it
	// already has.
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

// PrefixThenCut delivers the first n packets that each connection has on the wire, in each direction. The rest are lost,
// and both ends then see a reset.
// Some of the pipelined requests are executed and some are not, and the client cannot tell which. Producer sequence
// numbers exist for this case.
func (w *World) PrefixThenCut(from, to []env.Addr, n int) {
	w.acting("prefixthencut", from, to, int64(n))
	w.eachLink(from, to, func(l *link) {
		w.count(FaultPrefix)
		for _, p := range [...]*pipe{&l.toServer, &l.toClient} {
			p.keep(w, n)
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

// HalfOpen makes the path forget the existing connections: their packets vanish, and neither end is notified, as when a
// firewall loses its connection table. Only a timeout of the client ends such a connection; the server never notices.
func (w *World) HalfOpen(from, to []env.Addr) {
	w.acting("halfopen", from, to)
	w.eachLink(from, to, func(l *link) {
		l.void = true
		l.toServer.clear(w)
		l.toClient.clear(w)
	})
}

// Refuse makes new connections fail if on is true, and lets them succeed again if it is false.
func (w *World) Refuse(from, to []env.Addr, on bool) {
	w.acting("refuse", from, to, flag(on))
	w.each(from, to, func(p *path) { p.refuse = on })
}

// Latency adds extra latency to one direction; 0 ends the fault. With lanes, it delays only the packets of those lanes.
func (w *World) Latency(from, to []env.Addr, extra env.Duration, lanes ...env.Lane) {
	w.acting("latency", from, to, append([]int64{int64(extra)}, numbered(lanes)...)...)
	w.each(from, to, func(p *path) {
		if len(lanes) == 0 {
			p.extra = extra
		}
		p.slowLanes(lanes, extra)
	})
}

// Bandwidth limits every connection in one direction to rate bytes per second; 0 ends the fault.
func (w *World) Bandwidth(from, to []env.Addr, rate int64) {
	w.acting("bandwidth", from, to, rate)
	w.each(from, to, func(p *path) { p.bandwidth = rate })
}

// Loss loses packets. TCP turns a loss into a delay, and so does this fault: chance selects, on average, permille out of
// every 1000 milliseconds, and packets sent in these milliseconds are delayed by one or more retransmissions.
func (w *World) Loss(from, to []env.Addr, permille uint32) {
	w.acting("loss", from, to, int64(permille))
	w.each(from, to, func(p *path) { p.loss = permille * 1000 })
}
