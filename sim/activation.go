package sim

// worldFault identifies a fault of the world, as an index into the counts; package disk lists the faults of disks. The
// faults are counted because a campaign in which no fault fires proves nothing. Only effects count, so a cut between
// two machines that send no packets counts 0.
type worldFault uint8

const (
	// Faults of processes and machines.
	FaultCrash worldFault = iota
	FaultPower
	FaultDieAfter
	FaultPause
	FaultSlowCPU
	FaultStop
	// Faults of clocks.
	FaultSkew
	FaultStep
	FaultDriftWall
	FaultDriftMono
	// Faults of the network.
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
	// These two count closed connections with requests that the server had not read. FaultZombie is normal behaviour and not
	// a fault; it is counted because few tests reach it by accident.
	FaultDrop
	FaultZombie
	// Faults of identities.
	FaultDouble
	worldFaultCount
)

// worldFaults describes the world's faults.
var worldFaults = [worldFaultCount]Fault{
	FaultCrash:     {Name: "process.crash", Doc: "a process was killed; its page cache stayed"},
	FaultPower:     {Name: "process.power-loss", Doc: "a machine lost power while its process ran"},
	FaultDieAfter:  {Name: "process.die-inside", Doc: "a process died between two disk operations of one event"},
	FaultPause:     {Name: "process.pause", Doc: "a process stood still while its clocks ran"},
	FaultSlowCPU:   {Name: "process.slow-cpu", Doc: "an event took longer because its machine was slow"},
	FaultStop:      {Name: "process.stop", Doc: "a process was asked to stop"},
	FaultSkew:      {Name: "clock.wall-skew", Doc: "a wall clock was set ahead or behind"},
	FaultStep:      {Name: "clock.wall-step", Doc: "a wall clock jumped"},
	FaultDriftWall: {Name: "clock.wall-drift", Doc: "a wall clock changed its speed"},
	FaultDriftMono: {Name: "clock.mono-drift", Doc: "a monotonic clock changed its speed"},
	FaultCut:       {Name: "net.cut", Doc: "a packet met a cut cable"},
	FaultClog:      {Name: "net.clog", Doc: "a packet waited in a clogged direction"},
	FaultStall:     {Name: "net.stall", Doc: "a packet was held up on its connection"},
	FaultReset:     {Name: "net.reset", Doc: "a connection was reset"},
	FaultPrefix:    {Name: "net.prefix-cut", Doc: "a connection was cut behind its first packets"},
	FaultHalfOpen:  {Name: "net.half-open", Doc: "a packet vanished on a connection that only one end believed in"},
	FaultRefuse:    {Name: "net.refuse", Doc: "a listening machine refused a connection"},
	FaultLatency:   {Name: "net.latency", Doc: "a packet took longer by order"},
	FaultBandwidth: {Name: "net.bandwidth", Doc: "a packet squeezed through a limited direction"},
	FaultLoss:      {Name: "net.loss", Doc: "a packet was lost and sent again"},
	FaultDrop:      {Name: "net.drop-unread", Doc: "requests that were unread when their client closed were thrown away"},
	FaultZombie:    {Name: "net.zombie", Doc: "requests were served after their client had closed"},
	FaultDouble:    {Name: "process.duplicate-id", Doc: "a second machine ran a process that claims another's identity"},
}

// Activation is a fault and the number of times it had an effect. For a cut of an unused path this number is 0.
type Activation struct {
	Fault
	Count uint64
}

// Activations lists every fault, even those that never fired. The order is fixed, so that two reports can be compared line
// by line.
func (w *World) Activations() []Activation {
	list := make([]Activation, 0, len(w.fired)+len(w.firedDisk))
	for i, n := range w.fired {
		list = append(list, Activation{worldFaults[i], n})
	}
	return append(list, w.firedDisk...)
}

func (w *World) count(f worldFault) { w.fired[f]++ }
