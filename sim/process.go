package sim

import "samsa/sim/env"

// Processes: how they start, stop and die. All of this may be called between events, from World.At and from
// World.AfterEvent, but not from inside a node.

// Start boots the machine if it has no power, and starts a process if none runs.
func (w *World) Start(addr env.Addr) {
	m := w.act("start", addr)
	if m.state != down && m.state != off {
		return
	}
	if m.state == off || m.boots == 0 {
		// The monotonic clock counts from the boot, at a reading that no node may rely on: each boot draws its own. A process that
		// is restarted on a running machine goes on with the same clock.
		m.boots++
		m.mono = clock{since: w.now, value: int64(w.chance.choose(siteMono, m.entity, m.boots, uint64(env.Day))), ppm: m.mono.ppm}
	}
	wasOff := m.state == off
	// The first event is an entry of the queue like any other: of machines that are started at one instant the seed decides
	// which is first.
	m.state = starting
	m.incarnation++
	m.cause = w.cause
	w.queue.set(m.start, w.now, w.order(m.entity, w.now))
	// Packets to a machine without power were held, not lost: their senders repeat them until an answer comes. Now the
	// kernel does, with a reset, for it knows nothing of these connections.
	if wasOff {
		w.release(func(p *pipe) bool {
			_, to := p.ends()
			return to.machine == m
		}, true)
	}
}

// startUp is a process's first event. Nothing else happens in it before this is paid for, and no client can connect.
// A machine that is paused before its process has run starts when it is resumed: a paused process does not even begin.
func (w *World) startUp(m *machine) bool {
	if m.paused {
		return false
	}
	m.state = running
	if m.config.Double != "" {
		w.count(FaultDouble)
	}
	// A new struct: what an incarnation knows of those before it, it knows from the disk.
	m.node = m.config.New()
	s := &m.stations[env.LaneBackground]
	if len(w.feeds) > 0 {
		w.effect(Effect{Kind: EffectStarted, At: w.now, Node: m.addr})
	}
	w.serve(s, 0, &work{kind: Started, cause: m.cause})
	// A process that reads its disk serves no request, on no lane. Without this a request handler would meet a node before
	// its recovery is paid for.
	ready := s.busy[0]
	for i := range m.stations {
		for j := range m.stations[i].busy {
			m.stations[i].busy[j] = ready
		}
	}
	m.listens = ready
	m.stations[env.LaneBackground].schedule() // for what it was asked before
	if m.stopping {
		m.stopping = false
		w.stop(m)
	}
	return true
}

// Stop sends SIGTERM: the node is asked to end, and calls Exit when it is done.
func (w *World) Stop(addr env.Addr) {
	switch m := w.act("stop", addr); m.state {
	case starting:
		m.stopping = true
	case running:
		w.stop(m)
	}
}

func (w *World) stop(m *machine) {
	w.count(FaultStop)
	// A signal waits for its turn like everything else: a node with a background lane that hangs on its disk does not
	// handle it, and has to be killed.
	m.post(&m.stations[env.LaneBackground], work{kind: Stopping, cause: w.cause})
}

// Crash kills the process, as kill -9 does. The page cache stays, and the kernel closes its connections.
func (w *World) Crash(addr env.Addr) {
	m := w.act("crash", addr)
	if m.alive() {
		w.count(FaultCrash)
		w.endProcess(m, false, nil)
	}
}

// PowerLoss takes the power of machines at one instant: page caches are gone, and peers get no sign.
func (w *World) PowerLoss(addrs ...env.Addr) {
	for _, a := range addrs {
		m := w.act("power", a)
		if m.state == off {
			continue
		}
		if m.alive() {
			w.count(FaultPower)
		}
		w.endProcess(m, true, nil)
	}
}

// Restart starts a new incarnation; one that runs is killed first.
func (w *World) Restart(addr env.Addr) {
	w.Crash(addr)
	w.Start(addr)
}

// Rack lists the machines of a rack, in the order they were added.
func (w *World) Rack(name string) []env.Addr {
	var list []env.Addr
	for _, m := range w.machines {
		if m.config.Rack == name {
			list = append(list, m.addr)
		}
	}
	return list
}

// Running reports that a process runs; a paused one does.
func (w *World) Running(addr env.Addr) bool { return w.must(addr).alive() }

// Ending reports that a machine's process died or left inside an event before its cost is paid. Until then it runs, for
// messages that depart before that do depart; but its node may have gone on after the point of death, or stopped halfway at a
// disk that failed, and its state means nothing.
// Judges ask, and look away until it is over.
func (w *World) Ending(addr env.Addr) bool { return w.must(addr).state == dying }

// Powered reports that the machine has power.
func (w *World) Powered(addr env.Addr) bool { return w.must(addr).state != off }

// Exited is what the last incarnation gave to Exit, and whether it ended that way.
func (w *World) Exited(addr env.Addr) (reason error, exited bool) {
	m := w.must(addr)
	return m.reason, m.leaves && !m.alive()
}

// Incarnation counts the machine's processes: 1 is the first, 0 is none yet.
func (w *World) Incarnation(addr env.Addr) uint32 { return w.must(addr).incarnation }

// DieAfter kills the process right after its n-th disk operation from now (n >= 1) that changes or syncs anything,
// inside the event that makes it; with power the machine goes, too. It holds for this incarnation; 0 takes it back.
// Time cannot get there: it does not move inside an event, so Crash and PowerLoss fall between events. Yet the states
// between two writes of one handler are where recovery code is wrong, and counting operations reaches each of them.
func (w *World) DieAfter(addr env.Addr, n int, power bool) {
	m := w.act("die-after", addr, int64(n), flag(power))
	m.dieIn, m.diePower = n, power
}

// SlowCPU multiplies the CPU cost of the machine's events by permille/1000; 1000 is normal.
func (w *World) SlowCPU(addr env.Addr, permille int64) {
	w.act("slow-cpu", addr, permille).slow = permille
}

// flag is a switch as a number, for the hash.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// Pause stops the process (SIGSTOP, a long collection, a moved virtual machine) while clocks, devices and the kernel
// go on: connections are accepted, what arrives waits, what was to be sent waits.
func (w *World) Pause(addr env.Addr) {
	m := w.act("pause", addr)
	if m.paused || !m.alive() {
		return
	}
	w.count(FaultPause)
	// Nothing is cancelled: timers come due and packets arrive while it stands still, and wait in the queues of their
	// lanes. Only the entries that would serve these queues go.
	m.paused, m.pausedAt, m.resumedAt = true, w.now, Forever
	for i := range m.stations {
		w.queue.drop(m.stations[i].slot)
	}
	w.suspend(m)
}

// Resume lets it go on: first with what arrived meanwhile, then with the deadlines it missed.
func (w *World) Resume(addr env.Addr) {
	m := w.act("resume", addr)
	if !m.paused {
		return
	}
	m.paused, m.resumedAt = false, w.now
	if m.state == starting {
		w.queue.set(m.start, w.now, w.order(m.entity, w.now))
		return
	}
	for i := range m.stations {
		m.stations[i].schedule()
	}
	m.recheckDeadlines()
	w.release(m.sends, false)
	w.resume(m)
}

// sends reports that a pipe leads away from the machine.
func (m *machine) sends(p *pipe) bool {
	from, _ := p.ends()
	return from.machine == m
}

// Forever is a time that does not come.
const Forever = Time(1<<63 - 1)

// alive reports that there is a process, or will be at once.
func (m *machine) alive() bool { return m.state == starting || m.state == running || m.state == dying }

// ending schedules the death of a process that died or left inside the event that has just run: at the moment the
// event's cost is paid, so that what departs before does depart. Until then nothing else happens in it, for its node
// may have gone on after the point of death.
func (w *World) ending(m *machine, at Time) {
	m.state = dying
	m.cause = w.event.Seq
	w.queue.set(m.death, at, w.order(m.entity, at))
}

// endProcess ends the process now; with power the machine, too. Without a process only the machine ends.
func (w *World) endProcess(m *machine, power bool, reason error) {
	// A hook may kill a machine while others still read the event that it was called for. That one is put back after the
	// event of the death.
	running, saved := m.alive(), w.event
	if running {
		w.begin(Died, m, w.cause)
		w.event.Power, w.event.Err, w.event.Cost = power, reason, 0
		if power {
			w.identity.mixBoth(1)
		}
	}
	q := &w.queue
	q.drop(m.start)
	q.drop(m.death)
	// What the process had before it: timers, the return of flushes (the device does them all the same), and what waits in
	// the queues of its lanes.
	m.timers.clear(q)
	for i := range m.flushes {
		if q.queued(m.flushes[i].slot) {
			q.drop(m.flushes[i].slot)
			m.freeFlush = append(m.freeFlush, int32(i))
		}
	}
	for i := range m.stations {
		s := &m.stations[i]
		q.drop(s.slot)
		for s.waiting.n > 0 {
			// What they are made of goes back; they leave no trace.
			k := s.waiting.pop()
			w.discard(&k)
		}
		clear(s.busy)
	}
	m.changed = 0
	// The order counts. Links first, which says what has departed. Then the judges, which must see the remaining effects of
	// the handlers while the disk still knows which calls are issued. The disk last.
	w.dropLinks(m, power)
	if len(w.feeds) > 0 {
		w.dropUnfinished(m, power)
	}
	if power {
		m.state = off
		m.disk.LosePower()
	} else {
		m.state = down
		m.disk.CrashProcess()
	}
	if !running && !power {
		return
	}
	if m.paused {
		m.paused, m.resumedAt = false, w.now
		w.release(m.sends, false)
	}
	m.drop()
	m.killed, m.dieIn, m.stopping = false, 0, false
	m.suspended = m.suspended[:0]
	if len(w.feeds) > 0 {
		w.effect(Effect{Kind: EffectDied, At: w.now, Node: m.addr, Power: power})
		w.complete(w.now)
	}
	if running {
		w.finish()
		w.event = saved
		w.cause = saved.Seq
	}
}

// dropLinks ends all links of a machine whose process ends: with FIN after the departed packets, or in silence.
func (w *World) dropLinks(m *machine, power bool) {
	// A departure is fixed when the handler runs, so there may be packets on the wire that leave in the future. They never
	// will.
	left := w.now // what departs later does not
	if m.paused {
		left = m.pausedAt
	}
	for _, l := range m.links {
		if l == nil {
			continue
		}
		for _, h := range [...]*half{&l.client, &l.server} {
			if h.machine != m || h.state == halfGone || h.state == halfNone {
				continue
			}
			if h == &l.client {
				w.dropClient(l, left, power)
			} else {
				w.dropServer(l, left, power)
			}
		}
	}
	// Its numbers are used up: a link of this incarnation means nothing to the next one.
	clear(m.links)
	m.firstLink += env.Link(len(m.links))
	m.links = m.links[:0]
}

func (w *World) dropClient(l *link, left Time, power bool) {
	l.toServer.truncate(w, left)
	// The node that they could return to is gone.
	for c := l.calls.head; c != nil; {
		next := c.next
		w.recycleCall(c)
		c = next
	}
	l.calls = callList{}
	if power {
		w.freePackets(&l.unsent)
		w.queue.drop(l.deadline)
		w.queue.drop(l.written)
	} else if l.client.state != halfFailing {
		w.hangUp(l, packetFin, w.now)
	}
	l.client.state = halfGone
	w.recycle(l)
}

func (w *World) dropServer(l *link, left Time, power bool) {
	l.toClient.truncate(w, left)
	w.freePackets(&l.unread)
	l.serving = false
	w.queue.drop(l.readSlot)
	// The kernel closes what a dead process leaves open. A machine without power says nothing: its peers find out by their
	// own timeouts, or when it is back and its kernel resets what it does not know.
	if !power && l.server.state == halfOpen && l.client.state != halfGone {
		w.send(&l.toClient, w.newPacket(packetFin), w.now)
	}
	l.server.state = halfGone
	w.recycle(l)
}

// discard takes back an event that will not happen.
func (w *World) discard(k *work) {
	switch k.kind {
	case Received:
		w.freePacket(k.pkt)
		k.link.serving = false
		w.recycle(k.link)
	case Returned:
		w.recycleCall(k.call)
	case Asked:
		w.freeAction(k.place)
	}
}

// drop lets go of a process's struct. A node that holds something which does not end by itself, as a coroutine, has a
// method Dropped; it is called between events, and has no Env.
func (m *machine) drop() {
	if n, ok := m.node.(interface{ Dropped() }); ok {
		n.Dropped()
	}
	m.node = nil
}
