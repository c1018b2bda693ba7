package sim

import (
	"samsa/sim/disk"
	"samsa/sim/env"
)

// Config is everything that decides a run. Two worlds with equal configs, machines and control actions are the same
// run, event by event, on every platform.
type Config struct {
	Seed      uint64
	Mode      Mode       // how messages travel; no mode changes the hash
	Overrides []Override // decisions that do not follow the seed

	Net  NetProfile   // the zero value is LAN()
	Disk disk.Profile // of every machine that brings none
	CPU  env.Duration // what each event costs its lane before its first effect; 0 is DefaultCPU, negative is none
	FIFO bool         // events of one instant happen in the order they were scheduled, for every seed

	Epoch     env.Time     // wall clock at the start of the world; 0 is DefaultEpoch
	Trace     TraceSink    // nil: the run is hashed, not told
	Decisions DecisionSink // nil: decisions are not reported
}

// DefaultCPU is what an event costs unless said otherwise: a request handler's few microseconds.
const DefaultCPU = 3 * env.Microsecond

// DefaultEpoch is where wall clocks start: 2026-01-01T00:00:00Z.
const DefaultEpoch = env.Time(1767225600) * env.Time(env.Second)

// Mode is how messages travel. The hash of a run is the same in all of them.
type Mode uint8

const (
	// Pointer hands the struct over: fast.
	Pointer Mode = iota
	// Wire encodes to Kafka's bytes and decodes again: proves that the codec loses nothing.
	Wire
	// Guard hands the struct over and encodes it at send and again some hundred messages later: proves that no node
	// changes a message after it was sent. See World.GuardViolation.
	Guard
)

// String is the mode's name.
func (m Mode) String() string { return [...]string{"pointer", "wire", "guard"}[m] }

// NetProfile is the network without faults, and what goes wrong with it by chance.
type NetProfile struct {
	Name string // "" in the zero value, which stands for LAN

	Least  env.Duration // one way, between the closest pair of machines
	Spread env.Duration // every pair is permanently up to this much further apart
	Rack   env.Duration // and this much more if their racks differ
	Self   env.Duration // from a machine to itself
	Jitter env.Duration // the most that chance adds; most packets get a twentieth of it or less
	Bucket env.Duration // jitter and loss are drawn once per pair and bucket of this length

	Bandwidth      int64        // bytes per second of one connection and direction; 0 is no limit
	RTO, RTOMax    env.Duration // the first retransmission timeout; it doubles up to the most
	ConnectTimeout env.Duration // for a peer that says nothing at all

	LossPPM   uint32       // buckets in which packets are lost, and so come a retransmission later
	StallPPM  uint32       // seconds in which a pair's packets stall
	StallMax  env.Duration // at most for this long
	ResetPPM  uint32       // ticks (of a tenth of a second) in which one connection of a pair is reset
	RefusePPM uint32       // ticks in which connecting fails
	DropPPM   uint32       // closed connections: their unread requests are thrown away instead of served
}

// LAN is a quiet data centre: a quarter of a millisecond, some jitter, no loss.
func LAN() NetProfile {
	return NetProfile{
		Name: "lan", Least: 150 * env.Microsecond, Spread: 200 * env.Microsecond, Rack: 100 * env.Microsecond,
		Self: 20 * env.Microsecond, Jitter: 2 * env.Millisecond, Bucket: 10 * env.Millisecond,
		Bandwidth: 1_250_000_000, RTO: 200 * env.Millisecond, RTOMax: 120 * env.Second, ConnectTimeout: 10 * env.Second,
	}
}

// Ideal is a network that takes no time: what is left is the order of things.
func Ideal() NetProfile {
	return NetProfile{Name: "ideal", Bucket: 10 * env.Millisecond,
		RTO: 200 * env.Millisecond, RTOMax: 120 * env.Second, ConnectTimeout: 10 * env.Second}
}

// Rough is a LAN on a bad day: what an exploration runs on.
func Rough() NetProfile {
	p := LAN()
	p.Name, p.Jitter = "rough", 20*env.Millisecond
	p.LossPPM, p.StallPPM, p.StallMax = 2_000, 5_000, 3*env.Second
	p.ResetPPM, p.RefusePPM, p.DropPPM = 2_000, 2_000, 300_000
	return p
}

// Machine is a computer that runs one node.
type Machine struct {
	Addr env.Addr
	New  func() env.Node // makes the node of one incarnation; everything it knows it must read from the disk

	Double env.Addr // its node claims to be that machine's: a duplicate id, which is a fault; "" for an honest one

	RequestThreads int          // request handlers (num.io.threads); 0 is 8
	Rack           string       // machines of one rack are closer, and lose power together if asked
	Disk           disk.Profile // the zero value is Config.Disk

	WallSkew     env.Duration // its wall clock is ahead by this much at the start
	WallDriftPPM int32        // and gains this many microseconds a second
	MonoDriftPPM int32        // the same of its monotonic clock
}
