package sim

import (
	"fmt"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// machineState is the state of a machine and of the process on it.
//
//	          Start                                 Crash, Stop + Exit, DieAfter
//	off ──────────────▶ starting ──▶ running ──────────────────────────────────▶ down ──Start──▶ starting
//	 ▲                                  │  ╲ died inside an event, exits           │
//	 └────────── PowerLoss ─────────────┴───▶ dying ─ when the event's cost is paid ▶ down or off
type machineState uint8

const (
	down     machineState = iota // no process; connecting is refused
	off                          // no power: packets get no answer
	starting                     // Start is scheduled
	running
	dying // it handles no more events, but messages sent before its death still depart
)

// machine is one computer, and the Env of the node on it.
type machine struct {
	world  *World
	index  int32
	addr   env.Addr
	entity uint64 // the hash of its address, for chance
	config Machine

	state       machineState
	incarnation uint32 // number of the process, from 1
	boots       uint64 // how often the machine was booted
	node        env.Node
	disk        *disk.Disk
	wall, mono  clock

	// fields of the incarnation
	stations  [handlers + 1]station
	timers    timers
	links     []*link // by number, from firstLink; nil after the machine forgot the link
	firstLink env.Link
	flushes   []flush
	freeFlush []int32
	listens   Time // connecting succeeds from this time
	stopping  bool // SIGTERM came before the first event
	changed   Time // when the latest disk change is complete
	paused    bool
	pausedAt  Time
	resumedAt Time
	suspended []pending // effects that the process had not reached when it was paused

	refusedReads, refused uint64 // the numbers of reads and of other disk calls that a fault made fail

	// fields of the running event
	cost   env.Duration // spent so far
	killed bool         // the process died inside this event
	leaves bool         // the node called Exit
	reason error        // the reason that the node passed to Exit

	slow     int64 // the CPU cost in permille of the normal cost
	dieIn    int   // disk operations until the process dies (see DieAfter); 0 is never
	diePower bool
	ends     bool // the scheduled death is a power loss

	start, death slotID
	cause        uint64 // the event that caused the scheduled start or death

	paths []*path // to each machine, by index

	sites map[env.Site]*siteCount
}

// siteCount counts a machine's decisions at a site. It survives restarts; otherwise a new incarnation could draw the same
// id as the old one.
type siteCount struct {
	site
	next uint64
}

// spent returns the true time at which the running event's next effect happens: now plus the cost so far.
func (m *machine) spent() Time { return m.world.now + Time(m.cost) }

// ran returns the time up to which the process has run: now, or the start of the pause if it is paused.
func (m *machine) ran() Time {
	if m.paused {
		return m.pausedAt
	}
	return m.world.now
}

// spend adds cost to the running event. Outside of an event only tests use the disk, and that costs no time. An event
// that began without the machine's lock (see station) waits for the lock here, at its first disk call.
func (m *machine) spend(cost env.Duration) Time {
	if m.world.current != m {
		return m.world.now
	}
	if lacks := m.changed - m.spent(); lacks > 0 {
		m.cost += env.Duration(lacks)
	}
	m.cost += cost
	return m.spent()
}

// silent reports whether the incarnation is dead; the actions of a dead incarnation have no effect. It panics outside
// of an event.
func (m *machine) silent() bool {
	if m.world.current != m {
		m.misuse("its Env was used outside of its event")
	}
	return m.killed
}

// listening reports whether a process accepts connections. A paused process does, because its kernel accepts them.
func (m *machine) listening() bool { return m.state == running && m.listens <= m.world.now }

// Misuse is the panic value if a node breaks the contract of sim/env. Such a panic is a finding.
type Misuse struct {
	Machine env.Addr
	What    string
}

// Error describes the misuse.
func (e *Misuse) Error() string { return fmt.Sprintf("%s: %s", e.Machine, e.What) }

func (m *machine) misuse(format string, args ...any) {
	panic(&Misuse{m.addr, fmt.Sprintf(format, args...)})
}

// Self implements env.Env.
func (m *machine) Self() env.Addr { return m.addr }

// Wall implements env.Env.
func (m *machine) Wall() env.Time {
	m.silent()
	return env.Time(m.wall.read(m.world.now))
}

// Now implements env.Env.
func (m *machine) Now() env.Instant {
	m.silent()
	return env.Instant(m.mono.read(m.world.now))
}

// Choose implements env.Env.
func (m *machine) Choose(name env.Site, n uint64) uint64 {
	m.silent()
	s := m.sites[name]
	if s == nil {
		s = &siteCount{site: newSite(name)}
		m.sites[name] = s
	}
	// Decisions are counted per machine and site, so that one more draw at one site changes none at other sites.
	s.next++
	v := m.world.chance.choose(s.site, m.entity, s.next-1, n)
	m.world.identity.mix(s.key ^ v)
	return v
}

// Disk implements env.Env.
func (m *machine) Disk() env.Disk {
	m.silent()
	return m.disk
}

// Exit implements env.Env.
func (m *machine) Exit(reason error) {
	if m.silent() {
		return
	}
	m.leaves, m.reason = true, reason
}
