package sim

// worldFault numbers the faults that the world itself does, for quick counting; disks list their own.
// The counts exist because a campaign whose faults never fire is green for nothing. So they count what a fault did to
// somebody, not how often it was ordered: a cut between two machines that do not talk stays at 0.
type worldFault uint8

const (
	// Of processes and machines.
	FaultCrash worldFault = iota
	FaultPower
	FaultDieAfter
	FaultPause
	FaultSlowCPU
	FaultStop
	// Of clocks.
	FaultSkew
	FaultStep
	FaultDriftWall
	FaultDriftMono
	// Of the network: of a path, then of single connections, then of what a path does to all packets.
	FaultCut
	FaultClog
	FaultStall
	FaultReset
	FaultPrefix
	FaultHalfOpen
	FaultRefuse
	FaultLatency
	FaultBandwidth
	FaultLoss
	// Of what a server had not read when its client closed. The second is no harm that somebody does, but the world as it is:
	// counted because few tests come upon it by themselves.
	FaultDrop
	FaultZombie
	// Of who is who.
	FaultDouble
	worldFaultCount
)

// worldFaults says what they are.
var worldFaults = [worldFaultCount]Fault{
	FaultCrash:     {"process.crash", "a process was killed; its page cache stayed"},
	FaultPower:     {"process.power-loss", "a machine lost power while its process ran"},
	FaultDieAfter:  {"process.die-inside", "a process died between two disk operations of one event"},
	FaultPause:     {"process.pause", "a process stood still while its clocks ran"},
	FaultSlowCPU:   {"process.slow-cpu", "an event took longer because its machine was slow"},
	FaultStop:      {"process.stop", "a process was asked to stop"},
	FaultSkew:      {"clock.wall-skew", "a wall clock was set ahead or behind"},
	FaultStep:      {"clock.wall-step", "a wall clock jumped"},
	FaultDriftWall: {"clock.wall-drift", "a wall clock changed its speed"},
	FaultDriftMono: {"clock.mono-drift", "a monotonic clock changed its speed"},
	FaultCut:       {"net.cut", "a packet met a cut cable"},
	FaultClog:      {"net.clog", "a packet waited in a clogged direction"},
	FaultStall:     {"net.stall", "a packet was held up on its connection"},
	FaultReset:     {"net.reset", "a connection was reset"},
	FaultPrefix:    {"net.prefix-cut", "a connection was cut behind its first packets"},
	FaultHalfOpen:  {"net.half-open", "a packet vanished on a connection that only one end believed in"},
	FaultRefuse:    {"net.refuse", "a listening machine refused a connection"},
	FaultLatency:   {"net.latency", "a packet took longer by order"},
	FaultBandwidth: {"net.bandwidth", "a packet squeezed through a limited direction"},
	FaultLoss:      {"net.loss", "a packet was lost and sent again"},
	FaultDrop:      {"net.drop-unread", "requests that were unread when their client closed were thrown away"},
	FaultZombie:    {"net.zombie", "requests were served after their client had closed"},
	FaultDouble:    {"process.duplicate-id", "a second machine ran a process that claims another's identity"},
}

// Activation is how often a fault did something. A cut cable that nobody used did nothing.
type Activation struct {
	Fault
	Count uint64
}

// Activations lists every fault there is, fired or not, always in the same order.
// One that never fired is on the list with 0, for that is the news; and the order is fixed, so that two reports can be
// compared line by line.
func (w *World) Activations() []Activation {
	list := make([]Activation, 0, len(w.fired)+len(w.firedDisk))
	for i, n := range w.fired {
		list = append(list, Activation{worldFaults[i], n})
	}
	return append(list, w.firedDisk...)
}

func (w *World) count(f worldFault) { w.fired[f]++ }

// activated implements diskHost.
func (m *machine) activated(f Fault) {
	w := m.world
	// Searched, since it is short and faults are rare; a map would have to be sorted for every report.
	for i := range w.firedDisk {
		if w.firedDisk[i].Name == f.Name {
			w.firedDisk[i].Count++
			return
		}
	}
	w.firedDisk = append(w.firedDisk, Activation{f, 1})
}
