package sim

import (
	"fmt"
	"slices"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// World is a set of machines, the network between them and their common true time. It does nothing by itself: Step
// and RunUntil move it. It holds no goroutine and refers to nothing outside; a world that is not used any more is
// simply dropped.
type World struct {
	config Config
	net    NetProfile
	cpu    env.Duration
	epoch  env.Time
	chance chance

	now      Time
	queue    queue
	machines []*machine
	byAddr   map[env.Addr]*machine
	actions  []action
	freeActs []int32

	links        []*link
	freeLinks    []*link
	recycling    []*link
	freedPackets *packet
	freeCall     *call
	guard        *guard // in guard mode

	// The one event that happens. There is only ever one: all that follows is of it.
	current  *machine // its event runs; nil between events
	cause    uint64   // of whatever is scheduled now: the running event, or the one that sent what arrives
	event    Event    // the running event
	events   uint64
	steps    uint64
	identity identity
	observed bool // events are read: by a trace or a hook

	// The observers. Nothing they do may reach the fields above; TestWatchersChangeNothing holds them to it.
	feeds   []Feed
	after   []func(*Event)
	pending effects

	// The faults so far.
	fired     [worldFaultCount]uint64
	firedDisk []Activation
}

// action is something to be done from outside: to the world, or by a node.
// Labels are all the hash knows of what a function does; what it orders goes in when it orders it.
type action struct {
	label string
	do    func()
	node  *machine // nil: to the world
	ask   func(env.Env, env.Node)
	slot  slotID
}

// New makes an empty world at time 0.
func New(config Config) *World {
	w := &World{config: config, net: config.Net, cpu: config.CPU, epoch: config.Epoch, byAddr: map[env.Addr]*machine{}}
	// Zero values that work. What is negative, or is a constructor's (Ideal), is how to ask for nothing at all.
	if w.net == (NetProfile{}) {
		w.net = LAN()
	}
	if w.net.Bucket <= 0 {
		w.net.Bucket = 10 * env.Millisecond
	}
	if w.net.ConnectTimeout <= 0 {
		w.net.ConnectTimeout = 10 * env.Second
	}
	switch {
	case w.cpu == 0:
		w.cpu = DefaultCPU
	case w.cpu < 0:
		w.cpu = 0
	}
	if w.epoch == 0 {
		w.epoch = DefaultEpoch
	}
	w.chance = chance{seed: config.Seed, overrides: newOverrides(config.Overrides), now: &w.now, sink: config.Decisions}
	if config.Decisions != nil {
		w.chance.names = map[uint64]string{}
	}
	w.observed = config.Trace != nil
	if config.Mode == Guard {
		w.guard = &guard{}
	}
	// The seed itself goes in: two seeds with runs that happen to agree are still two runs.
	w.identity.hash = finish(config.Seed ^ golden)
	w.identity.shape = w.identity.hash
	w.cause, w.event.Seq = NoCause, NoCause
	for _, f := range disk.Faults() {
		w.firedDisk = append(w.firedDisk, Activation{Fault: f})
	}
	return w
}

// Add puts a machine into the world, without power. Machines may be added at any time; what is decided by chance for
// others does not change.
func (w *World) Add(config Machine) {
	if config.New == nil || config.Addr == "" || w.byAddr[config.Addr] != nil {
		panic(fmt.Sprintf("sim: cannot add machine %q: it needs a New and an address of its own", config.Addr))
	}
	if config.RequestThreads <= 0 {
		config.RequestThreads = 8
	}
	if config.Disk == (disk.Profile{}) {
		// Its own, else the world's, else what a broker in a cloud has.
		config.Disk = w.config.Disk
	}
	if config.Disk == (disk.Profile{}) {
		config.Disk = disk.CloudVolume()
	}
	m := &machine{world: w, index: int32(len(w.machines)), addr: config.Addr, entity: hashEntity(string(config.Addr)),
		config: config, state: down, firstLink: 1, slow: 1000, sites: map[env.Site]*siteCount{}}
	// Clocks are lines from true time: nothing has to tick between two readings.
	m.wall = clock{since: w.now, value: int64(w.epoch) + int64(w.now) + int64(config.WallSkew), ppm: config.WallDriftPPM}
	m.mono = clock{since: w.now, ppm: config.MonoDriftPPM}
	m.disk = disk.NewIn(config.Disk, diskHost{m})
	m.start = w.queue.newSlot(slotStart, m.index, 0)
	m.death = w.queue.newSlot(slotDeath, m.index, 0)
	for i := range m.stations {
		servers := 1
		if i == handlers {
			servers = config.RequestThreads
		}
		m.stations[i] = station{machine: m, heartbeats: i == int(env.LaneHeartbeat), busy: make([]Time, servers), slot: w.queue.newSlot(slotStation, m.index, int32(i))}
	}
	if w.chance.names != nil {
		w.chance.names[m.entity] = string(m.addr)
	}
	w.machines = append(w.machines, m)
	w.byAddr[config.Addr] = m
	w.connect(m)
}

// connect draws the paths between a new machine and all others.
// The pair's name decides a path and not the order of drawing, so a machine more moves no other's latency.
func (w *World) connect(m *machine) {
	for _, n := range w.machines {
		m.paths = append(m.paths, w.newPath(m, n))
		if n != m {
			n.paths = append(n.paths, w.newPath(n, m))
		}
	}
}

// must is the machine of an address, which must exist.
func (w *World) must(addr env.Addr) *machine {
	m := w.byAddr[addr]
	if m == nil {
		panic(fmt.Sprintf("sim: there is no machine %q", addr))
	}
	return m
}

// act begins a control action on one machine. All that is ordered goes into the hash, numbers too, though what it does
// may show much later or never: so a run is what was done to it, and not only what came of that.
func (w *World) act(what string, addr env.Addr, how ...int64) *machine {
	m := w.must(addr)
	w.idle(what)
	w.identity.mix(hashString(what) ^ m.entity)
	w.identity.mixShape(m.entity)
	w.identity.mixOrder(w.now, how)
	return m
}

// acting begins one between machines.
func (w *World) acting(what string, from, to []env.Addr, how ...int64) {
	w.idle(what)
	h := hashString(what)
	for _, a := range from {
		h = finish(h ^ w.must(a).entity)
	}
	for _, a := range to {
		h = finish(h+golden) ^ w.must(a).entity
	}
	w.identity.mix(h)
	for _, a := range slices.Concat(from, to) {
		w.identity.mixShape(w.must(a).entity)
	}
	w.identity.mixOrder(w.now, how)
}

// idle panics inside an event. A handler that could cut its own cable would leave the rest of itself in a world that its
// beginning did not know, and nothing in Kafka can do that.
func (w *World) idle(what string) {
	if w.current != nil {
		panic("sim: " + what + " from inside an event of " + string(w.current.addr))
	}
}

// fault is act for a fault that always does something.
func (w *World) fault(f worldFault, addr env.Addr, how ...int64) *machine {
	w.count(f)
	return w.act(worldFaults[f].Name, addr, how...)
}

// At schedules a control action: a verb of a scenario, a fault. It is an event, in the trace before it is done. A time that is
// past is now.
func (w *World) At(t Time, label string, do func()) {
	w.idle("At")
	a := &w.actions[w.newAction(label)]
	a.do = do
	// Of the first class of its instant for every seed: a scenario's verb is no part of what is left to chance.
	w.queue.set(a.slot, max(t, w.now), w.queue.order(0))
}

// Do has a node do something now that no message and no timer asks of it: a user's program that produces. It is an
// event on the background lane, and waits for that like any other, or for its process to start; a machine without one never
// does it.
// Calling a method of World.Node instead would work, and have no cost, no cause and no place in the trace.
func (w *World) Do(addr env.Addr, label string, ask func(env.Env, env.Node)) {
	m := w.act("do", addr)
	a := &w.actions[w.newAction(label)]
	a.node, a.ask = m, ask
	w.queue.set(a.slot, w.now, w.order(m.entity, w.now))
}

func (w *World) newAction(label string) int32 {
	var place int32
	if n := len(w.freeActs); n > 0 {
		place = w.freeActs[n-1]
		w.freeActs = w.freeActs[:n-1]
	} else {
		place = int32(len(w.actions))
		w.actions = append(w.actions, action{slot: w.queue.newSlot(slotControl, place, 0)})
	}
	w.actions[place].label = label
	return place
}

func (w *World) freeAction(place int32) {
	w.actions[place] = action{slot: w.actions[place].slot}
	w.freeActs = append(w.freeActs, place)
}

// actionUp does a control action, or hands it to its node.
// What is left of the action is copied out first: a control action may schedule others, and they may take its place.
func (w *World) actionUp(place int32) bool {
	a := w.actions[place]
	if m := a.node; m != nil {
		if m.state == starting {
			m.stations[env.LaneBackground].waiting.push(work{kind: Asked, place: place, cause: NoCause})
			return false
		}
		return m.submit(&m.stations[env.LaneBackground], work{kind: Asked, place: place, cause: NoCause})
	}
	w.freeAction(place)
	w.cause = NoCause
	// In the trace before it is done: its consequences come after it, and a panic in it has a line that names it.
	w.begin(Control, nil, NoCause)
	w.event.Label, w.event.Cost = a.label, 0
	w.identity.mix(hashString(a.label))
	w.finish()
	a.do()
	return true
}

// Now is true time.
func (w *World) Now() Time { return w.now }

// Events is the number of events so far.
func (w *World) Events() uint64 { return w.events }

// Steps is the number of steps so far: events with a note of the story.
func (w *World) Steps() uint64 { return w.steps }

// Hash is the identity of the run so far. Equal hashes after equal numbers of events mean equal runs.
func (w *World) Hash() uint64 { return w.identity.hash }

// Shape is the identity of the run without names: two runs of one shape did the same at the same times, whatever their
// notes, labels, timers and tokens are called. It shows whether a change of structure or of names changed more than that.
func (w *World) Shape() uint64 { return w.identity.shape }

// Node is the node that runs on a machine; nil if none does. For judges and tests: a caller of methods that change
// it has left the world.
func (w *World) Node(addr env.Addr) env.Node { return w.must(addr).node }

// Disk is the disk of a machine, with its faults.
func (w *World) Disk(addr env.Addr) *disk.Disk { return w.must(addr).disk }

// Machines lists the machines in the order they were added.
func (w *World) Machines() []env.Addr {
	list := make([]env.Addr, len(w.machines))
	for i, m := range w.machines {
		list[i] = m.addr
	}
	return list
}

// WallAt and MonoAt are what the machine's clocks show now.
func (w *World) WallAt(addr env.Addr) env.Time { return env.Time(w.must(addr).wall.read(w.now)) }

// MonoAt is the monotonic one.
func (w *World) MonoAt(addr env.Addr) env.Instant { return env.Instant(w.must(addr).mono.read(w.now)) }

// Step lets the next event happen. It reports false if nothing will ever happen again.
// An entry is not always an event: a packet that meets a cut cable, a deadline that looks and sleeps on, a lane that is
// still busy. Step takes entries until a node has handled an event, or a control action was done.
func (w *World) Step() bool {
	for len(w.queue.heap) > 0 {
		if w.advance() {
			return true
		}
	}
	if len(w.feeds) > 0 {
		w.complete(Forever)
	}
	return false
}

// RunUntil lets everything happen that happens up to time t, and moves time there.
// Time gets there also if nothing happens, for the caller wants to act then.
func (w *World) RunUntil(t Time) {
	for len(w.queue.heap) > 0 && w.queue.heap[0].at <= t {
		w.advance()
	}
	if len(w.feeds) > 0 {
		w.complete(t)
	}
	w.recycleLinks()
	w.now = max(w.now, t)
}

// Close ends the world: all processes end in silence. A closed world does not move.
// Most worlds may simply be dropped; those with nodes that hold coroutines may not, since a parked coroutine is reachable
// for the runtime and its garbage for ever. So a caller that makes worlds by the thousand closes them.
func (w *World) Close() {
	for _, m := range w.machines {
		m.drop()
	}
	w.queue = queue{}
}

// advance takes one entry from the queue and reports whether it was an event.
func (w *World) advance() bool {
	e := w.queue.pop()
	if len(w.feeds) > 0 && e.at > w.now {
		w.complete(e.at) // by now: an event may rename the very file that has just been written
	}
	// Here, and in RunUntil, true time moves; nowhere else.
	w.now = e.at
	s := w.queue.slots[e.slot]
	event := false
	switch s.kind {
	case slotTimer:
		event = w.timerUp(w.machines[s.a], s.b, e)
	case slotPipe:
		if l := w.links[s.a]; s.b == 0 {
			event = w.pipeUp(&l.toServer)
		} else {
			event = w.pipeUp(&l.toClient)
		}
	// A lane that was busy is free; the other slots are things that happen by themselves.
	case slotStation:
		event = w.stationUp(&w.machines[s.a].stations[s.b])
	case slotDeadline:
		w.deadlineUp(w.links[s.a])
	case slotServe:
		event = w.read(w.links[s.a])
	case slotWritten:
		event = w.writtenUp(w.links[s.a])
	case slotFlush:
		event = w.flushUp(w.machines[s.a], s.b)
	case slotStart:
		event = w.startUp(w.machines[s.a])
	case slotDeath:
		// Its cause is the event in which the process died or left.
		m := w.machines[s.a]
		w.cause = m.cause
		w.endProcess(m, m.ends, m.reason)
		event = true
	case slotControl:
		event = w.actionUp(s.a)
	}
	// The code that handled the entry has let go of its links.
	if len(w.recycling) > 0 {
		w.recycleLinks()
	}
	w.cause, w.event.Seq = NoCause, NoCause
	return event
}

// serve lets a node handle an event on a server of a station. It reports false for an event that is void by now.
func (w *World) serve(s *station, server int, k *work) bool {
	m := s.machine
	if void := w.prepare(m, k); void {
		return false
	}
	// Paid before the handler's first effect, so that even a node that touches no disk does not answer in no time.
	m.cost = w.cpu
	if m.slow != 1000 {
		m.cost = m.cost * env.Duration(m.slow) / 1000
		w.count(FaultSlowCPU)
	}
	m.killed, m.leaves, m.reason, m.ends = false, false, nil, false
	w.current = m
	w.handle(m, k)
	w.current = nil
	end := m.spent()
	s.busy[server] = end
	w.event.Cost = m.cost
	w.reclaim(m, k)
	// Its death is an event of its own, at the moment the cost is paid: until then the network owes it departures.
	if m.killed || m.leaves {
		w.ending(m, end)
	}
	w.finish()
	return true
}
