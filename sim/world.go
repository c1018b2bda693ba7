package sim

import (
	"fmt"
	"slices"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// World is a set of machines, the network between them and their common true time. It runs only inside Step and RunUntil.
// It holds no goroutine and refers to nothing outside, so a caller may simply drop it (but see Close).
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

	// The running event; there is never more than one.
	current  *machine // the machine that runs the event; nil between events
	cause    uint64   // cause of anything scheduled now: the running event, or the sender's event for an arriving packet
	event    Event    // the running event
	events   uint64
	steps    uint64
	identity identity
	observed bool   // a trace or a hook reads the events
	calls    uint64 // counts the calls; feeds recognise a call by its number, and nothing else uses the number

	// The observers. They must not change the fields above; TestWatchersChangeNothing checks this.
	feeds   []Feed
	after   []func(*Event)
	pending effects

	// The faults so far.
	fired     [worldFaultCount]uint64
	firedDisk []Activation
}

// action is a function that a scenario scheduled: a control action on the world (do) or on a node (ask). The hash
// covers only its label; the methods of World that it calls add themselves to the hash.
type action struct {
	label string
	do    func()
	node  *machine // nil: the action is on the world
	ask   func(env.Env, env.Node)
	slot  slotID
}

// New makes an empty world at time 0.
func New(config Config) *World {
	w := &World{config: config, net: config.Net, cpu: config.CPU, epoch: config.Epoch, byAddr: map[env.Addr]*machine{}}
	// A zero value means the default. A negative CPU means that events cost nothing; Ideal is a network without delay.
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
	// The seed is part of the hash, so two seeds never count as the same run, even if all their events agree.
	w.identity.hash = finish(config.Seed ^ golden)
	w.identity.shape = w.identity.hash
	w.cause, w.event.Seq = NoCause, NoCause
	for _, f := range disk.Faults() {
		w.firedDisk = append(w.firedDisk, Activation{Fault: f})
	}
	return w
}

// Add puts a machine without a process into the world. Machines may be added at any time; that changes no random
// decision for other machines.
func (w *World) Add(config Machine) {
	if config.New == nil || config.Addr == "" || w.byAddr[config.Addr] != nil {
		panic(fmt.Sprintf("sim: cannot add machine %q: it needs a New and an address of its own", config.Addr))
	}
	if config.RequestThreads <= 0 {
		config.RequestThreads = 8
	}
	if config.Disk == (disk.Profile{}) {
		// The default is the disk profile in the world's Config, or a cloud volume if the Config has none.
		config.Disk = w.config.Disk
	}
	if config.Disk == (disk.Profile{}) {
		config.Disk = disk.CloudVolume()
	}
	m := &machine{world: w, index: int32(len(w.machines)), addr: config.Addr, entity: hashEntity(string(config.Addr)),
		config: config, state: down, firstLink: 1, slow: 1000, sites: map[env.Site]*siteCount{}}
	// A clock is a linear function of true time, so it needs no ticks.
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

// connect makes the paths between a new machine and all others. Their random latency depends on the names of the pair
// and not on the order of calls, so an added machine changes no other latency.
func (w *World) connect(m *machine) {
	for _, n := range w.machines {
		m.paths = append(m.paths, w.newPath(m, n))
		if n != m {
			n.paths = append(n.paths, w.newPath(n, m))
		}
	}
}

// must returns the machine of an address, and panics if there is none.
func (w *World) must(addr env.Addr) *machine {
	m := w.byAddr[addr]
	if m == nil {
		panic(fmt.Sprintf("sim: there is no machine %q", addr))
	}
	return m
}

// act begins a control action on one machine. The action and its numbers go into the hash, even if its effect shows much
// later or never. So the hash identifies the actions of a run, and not only their effects.
func (w *World) act(what string, addr env.Addr, how ...int64) *machine {
	m := w.must(addr)
	w.idle(what)
	w.identity.mix(hashString(what) ^ m.entity)
	w.identity.mixShape(m.entity)
	w.identity.mixOrder(w.now, how)
	return m
}

// acting begins a control action between machines.
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

// idle panics inside an event. A handler that could cut its own cable would change the world halfway through its event,
// and no code in Kafka can do that.
func (w *World) idle(what string) {
	if w.current != nil {
		panic("sim: " + what + " from inside an event of " + string(w.current.addr))
	}
}

// fault does the same as act, and counts the fault. Use fault only for faults that always have an effect.
func (w *World) fault(f worldFault, addr env.Addr, how ...int64) *machine {
	w.count(f)
	return w.act(worldFaults[f].Name, addr, how...)
}

// At schedules a control action: a fault or another action of a scenario on the world. The action is an event, and its
// trace line comes before its effects. If t is in the past, the action runs now.
func (w *World) At(t Time, label string, do func()) {
	w.idle("At")
	a := &w.actions[w.newAction(label)]
	a.do = do
	// For every seed the action is in the first tie class of its instant, because chance must not reorder control
	// actions.
	w.queue.set(a.slot, max(t, w.now), w.queue.order(0))
}

// Do lets a node act now without a message or a timer. For example, a scenario uses it to make a producer send. The action
// is an event on the background lane, and waits for that lane or for a process that is starting. On a machine without a
// process the action is dropped.
// Calling a method of World.Node instead would work too, but would have no cost and no cause and leave no trace.
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

// actionUp runs a control action, or hands it to its node.
// It copies the action first, because the action may schedule others, which may reuse its index.
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
	// The trace line comes first, so that the action's consequences follow it, and a panic in the action can be located.
	w.begin(Control, nil, NoCause)
	w.event.Label, w.event.Cost = a.label, 0
	w.identity.mix(hashString(a.label))
	w.finish()
	a.do()
	return true
}

// Now returns the true time.
func (w *World) Now() Time { return w.now }

// Events returns the number of events so far.
func (w *World) Events() uint64 { return w.events }

// Steps returns the number of steps so far. A step is an event with a note of the story.
func (w *World) Steps() uint64 { return w.steps }

// Hash returns the identity of the run so far. Equal hashes after equal numbers of events mean equal runs.
func (w *World) Hash() uint64 { return w.identity.hash }

// Shape returns the identity of the run without names. Two runs of the same shape did the same at the same times, even
// if their notes, labels, timers and tokens have different names. So it shows whether a refactoring changed behaviour.
func (w *World) Shape() uint64 { return w.identity.shape }

// Node returns the node that runs on a machine, or nil. It is for judges and tests, which must not change the node.
func (w *World) Node(addr env.Addr) env.Node { return w.must(addr).node }

// Disk returns the disk of a machine. Its methods include the faults of a disk.
func (w *World) Disk(addr env.Addr) *disk.Disk { return w.must(addr).disk }

// Machines lists the machines in the order they were added.
func (w *World) Machines() []env.Addr {
	list := make([]env.Addr, len(w.machines))
	for i, m := range w.machines {
		list[i] = m.addr
	}
	return list
}

// WallAt returns the machine's wall clock reading now.
func (w *World) WallAt(addr env.Addr) env.Time { return env.Time(w.must(addr).wall.read(w.now)) }

// MonoAt returns the machine's monotonic clock reading now.
func (w *World) MonoAt(addr env.Addr) env.Instant { return env.Instant(w.must(addr).mono.read(w.now)) }

// Step runs the next event. It reports false if the event queue is empty.
// Some queue entries, such as a packet that meets a cut cable, a deadline that is set again, or a lane that is still busy,
// are not events. Step takes entries until a node has handled an event or a control action has run.
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

// RunUntil runs all events up to time t, and then moves time to t even if no event is due then.
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

// Close ends the world and drops all processes without an event. A closed world runs no more events.
// A world with nodes that hold coroutines needs Close, because the runtime never frees a parked coroutine. So a caller that
// makes thousands of such worlds must close each of them.
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
		w.complete(e.at) // first, so that feeds see a write to a file before this event may rename the file
	}
	// True time moves only here and in RunUntil.
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
		// The cause of the death is the event in which the process died or exited.
		m := w.machines[s.a]
		w.cause = m.cause
		w.endProcess(m, m.ends, m.reason)
		event = true
	case slotControl:
		event = w.actionUp(s.a)
	}
	// Between two queue entries no code holds a *link, so ended links can be freed.
	if len(w.recycling) > 0 {
		w.recycleLinks()
	}
	w.cause, w.event.Seq = NoCause, NoCause
	return event
}

// serve lets a node handle an event on a server of a station. It reports false if the event has become void.
func (w *World) serve(s *station, server int, k *work) bool {
	m := s.machine
	if void := w.prepare(m, k); void {
		return false
	}
	// The CPU cost is paid before the handler's first effect, so that even an answer without a disk call takes time.
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
	// The process dies in a separate event, when the cost is paid, because messages sent earlier must still depart.
	if m.killed || m.leaves {
		w.ending(m, end)
	}
	w.finish()
	return true
}
