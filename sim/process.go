package sim

import "samsa/sim/env"

// The functions of this file start, stop and kill processes. They may be called between events, or in World.At and
// World.AfterEvent callbacks, but not from inside a node.

// Start boots the machine if it has no power, and starts a process if none runs.
func (w *World) Start(addr env.Addr) {
	m := w.act("start", addr)
	if m.state != down && m.state != off {
		return
	}
	if m.state == off || m.boots == 0 {
		// Each boot draws the start of the monotonic clock by chance, so that no node can rely on it. A process that is
		// restarted on a running machine keeps the same clock.
		m.boots++
		m.mono = clock{since: w.now, value: int64(w.chance.choose(siteMono, m.entity, m.boots, uint64(env.Day))), ppm: m.mono.ppm}
	}
	wasOff := m.state == off
	// The first event is a normal entry of the queue, so the seed orders machines that are started at the same instant.
	m.state = starting
	m.incarnation++
	m.cause = w.cause
	w.queue.set(m.start, w.now, w.order(m.entity, w.now))
	// Packets to a machine without power were held, because their senders retransmit them until an answer comes. Now the
	// kernel answers them with a reset, because it does not know these connections.
	if wasOff {
		w.release(func(p *pipe) bool {
			_, to := p.ends()
			return to.machine == m
		}, true)
	}
}

// startUp runs a process's first event. Until the cost of that event is paid, the process handles no other event and no
// client can connect. If a machine is paused before the first event, the event runs when the machine is resumed.
func (w *World) startUp(m *machine) bool {
	if m.paused {
		return false
	}
	m.state = running
	m.refusedReads, m.refused = 0, 0
	if m.config.Double != "" {
		w.count(FaultDouble)
	}
	// An incarnation gets a new struct, so it knows of earlier incarnations only what it reads from the disk.
	m.node = m.config.New()
	s := &m.stations[env.LaneBackground]
	if len(w.feeds) > 0 {
		w.effect(Effect{Kind: EffectStarted, At: w.now, Node: m.addr})
	}
	w.serve(s, 0, &work{kind: Started, cause: m.cause})
	// All lanes are busy while the process reads its disk. Otherwise a request handler would use the node before the cost
	// of its recovery is paid.
	ready := s.busy[0]
	for i := range m.stations {
		for j := range m.stations[i].busy {
			m.stations[i].busy[j] = ready
		}
	}
	m.listens = ready
	m.stations[env.LaneBackground].schedule() // for Do actions that came before the start
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
	// The signal is queued like any other event. If the background lane hangs on the disk, the node does not handle the
	// signal and has to be killed.
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

// PowerLoss cuts the power of machines at the same instant: page caches are lost, and peers are not notified.
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

// Restart starts a new incarnation, and kills a running one first.
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

// Running reports whether the machine has a process; a paused process counts.
func (w *World) Running(addr env.Addr) bool { return w.must(addr).alive() }

// Ending reports whether a machine's process died or exited inside an event, and the event's cost is not paid yet. Until it
// is paid, the process counts as running and earlier messages depart. But the node's state means nothing: the node may
// have continued after the point of death, or stopped halfway at a disk that failed. Judges ignore such a node.
func (w *World) Ending(addr env.Addr) bool { return w.must(addr).state == dying }

// Powered reports whether the machine has power.
func (w *World) Powered(addr env.Addr) bool { return w.must(addr).state != off }

// Exited returns the reason that the last incarnation passed to Exit. The result exited is false if that incarnation did
// not call Exit or has not ended yet.
func (w *World) Exited(addr env.Addr) (reason error, exited bool) {
	m := w.must(addr)
	return m.reason, m.leaves && !m.alive()
}

// Incarnation returns the number of the machine's latest process: 1 is the first, and 0 means none yet.
func (w *World) Incarnation(addr env.Addr) uint32 { return w.must(addr).incarnation }

// DieAfter kills the process right after its n-th disk operation from now (n >= 1), inside the event that makes that
// operation. Only operations that change or sync something count. If power is true, the machine loses power too. DieAfter
// applies to this incarnation; n = 0 cancels it.
// Crash and PowerLoss always fall between events. But a bug of recovery may show only after a death between two disk
// writes of one handler, and DieAfter can reach each such point.
func (w *World) DieAfter(addr env.Addr, n int, power bool) {
	m := w.act("die-after", addr, int64(n), flag(power))
	m.dieIn, m.diePower = n, power
}

// SlowCPU multiplies the CPU cost of the machine's events by permille/1000; 1000 is normal.
func (w *World) SlowCPU(addr env.Addr, permille int64) {
	w.act("slow-cpu", addr, permille).slow = permille
}

// flag returns a bool as a number, for the hash.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// Pause stops the process, as SIGSTOP, a long garbage collection or the migration of a virtual machine does. Clocks,
// devices and the kernel keep running. The kernel accepts connections, but packets that arrive or were about to leave
// wait.
func (w *World) Pause(addr env.Addr) {
	m := w.act("pause", addr)
	if m.paused || !m.alive() {
		return
	}
	w.count(FaultPause)
	// Timers still come due and packets still arrive during the pause; they wait in the queues of their lanes. Only the
	// entries that would serve these queues are dropped.
	m.paused, m.pausedAt, m.resumedAt = true, w.now, Forever
	for i := range m.stations {
		w.queue.drop(m.stations[i].slot)
	}
	w.suspend(m)
}

// Resume ends a pause. The process first handles events that waited, then the deadlines it missed.
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

// sends reports whether the machine is the sender of a pipe.
func (m *machine) sends(p *pipe) bool {
	from, _ := p.ends()
	return from.machine == m
}

// Forever is a time that is never reached.
const Forever = Time(1<<63 - 1)

// alive reports whether the machine has a process or is about to start one.
func (m *machine) alive() bool { return m.state == starting || m.state == running || m.state == dying }

// ending schedules the death of a process that died or exited inside the event that has just run. The death comes when
// the event's cost is paid, so that earlier messages still depart. Until then the node handles no event, because it may
// have continued after the point of death.
func (w *World) ending(m *machine, at Time) {
	m.state = dying
	m.cause = w.event.Seq
	w.queue.set(m.death, at, w.order(m.entity, at))
}

// endProcess ends the process now, if there is one. If power is true, the machine loses power too.
func (w *World) endProcess(m *machine, power bool, reason error) {
	// An AfterEvent hook may kill a machine while later hooks still have to read the current event. So that event is
	// restored after the Died event.
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
	// Drop the work of the process: timers, returns of flushes (the device still completes them), and the events in the
	// queues of its lanes.
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
			// Dropped events leave no trace; their packets and calls are reused.
			k := s.waiting.pop()
			w.discard(&k)
		}
		clear(s.busy)
	}
	m.changed = 0
	// The order matters. Links come first, because dropLinks decides which messages departed. Then judges see the remaining
	// effects of the handlers, while the disk still knows which calls are issued. The disk comes last.
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

// dropLinks ends all links of a machine when its process ends. Without a power loss, a FIN follows the departed packets.
func (w *World) dropLinks(m *machine, power bool) {
	// A departure is fixed when the handler runs, so pipes may hold packets that depart later than now. These never depart.
	left := w.now
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
	// Link numbers are not reused, so a link of this incarnation means nothing to the next one.
	clear(m.links)
	m.firstLink += env.Link(len(m.links))
	m.links = m.links[:0]
}

func (w *World) dropClient(l *link, left Time, power bool) {
	l.toServer.truncate(w, left)
	// The calls do not return, because their node is gone.
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
	// The kernel closes the connections of a dead process. A machine without power sends nothing: its peers find out by their
	// own timeouts, or after its boot, when its kernel resets connections it does not know.
	if !power && l.server.state == halfOpen && l.client.state != halfGone {
		w.send(&l.toClient, w.newPacket(packetFin), w.now)
	}
	l.server.state = halfGone
	w.recycle(l)
}

// discard gives up an event that will not happen, and frees its parts.
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

// drop releases a process's struct. If a node holds something that does not end by itself, such as a coroutine, the node
// has a method Dropped. Dropped is called between events, without an Env.
func (m *machine) drop() {
	if n, ok := m.node.(interface{ Dropped() }); ok {
		n.Dropped()
	}
	m.node = nil
}
