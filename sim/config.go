package sim

import (
	"samsa/sim/disk"
	"samsa/sim/env"
)

// Config determines a run, together with machines and control actions. Two worlds with equal configs, machines and control
// actions have the same events, on every platform.
type Config struct {
	Seed      uint64
	Mode      Mode       // how messages travel; no mode changes the hash
	Overrides []Override // decisions that do not follow the seed

	Net  NetProfile   // the zero value is LAN()
	Disk disk.Profile // of every machine that sets no profile of its own
	CPU  env.Duration // cost of each event, paid by its lane before its first effect; 0 is DefaultCPU, negative is no cost
	FIFO bool         // events at the same instant happen in the order in which they were scheduled, for every seed

	Epoch     env.Time     // wall clock at the start of the world; 0 is DefaultEpoch
	Trace     TraceSink    // if nil, the run has no trace
	Decisions DecisionSink // if nil, decisions are not reported
}

// DefaultCPU is the default cost of an event: a request handler's few microseconds.
const DefaultCPU = 3 * env.Microsecond

// DefaultEpoch is the default start of wall clocks: 2026-01-01T00:00:00Z.
const DefaultEpoch = env.Time(1767225600) * env.Time(env.Second)

// Mode is the way in which messages travel. The hash of a run is the same in all modes.
type Mode uint8

const (
	// Pointer hands the struct over, and is the fastest mode.
	Pointer Mode = iota
	// Wire encodes to Kafka's bytes and decodes again, which checks that the codec loses nothing.
	Wire
	// Guard hands the struct over. It also encodes the message when it is sent and again some hundred messages later,
	// to check that no node changes a message after sending it. See World.GuardViolation.
	Guard
)

// String returns the mode's name.
func (m Mode) String() string { return [...]string{"pointer", "wire", "guard"}[m] }

// NetProfile describes the network without faults, and its random faults.
type NetProfile struct {
	Name string // "" in the zero value, which means LAN()

	Least  env.Duration // one-way latency between the closest pair of machines
	Spread env.Duration // every pair permanently has up to this much more latency
	Rack   env.Duration // added if the racks of a pair differ
	Self   env.Duration // latency from a machine to itself
	Jitter env.Duration // the most latency that chance adds; for most packets it adds a twentieth of this or less
	Bucket env.Duration // jitter is drawn once per pair and bucket of this length

	Bandwidth      int64        // bytes per second of one connection and direction; 0 is no limit
	RTO, RTOMax    env.Duration // the first retransmission timeout, and the maximum up to which it doubles
	ConnectTimeout env.Duration // for a peer that never answers

	LossPPM   uint32       // share of milliseconds in which packets are lost and retransmitted, in ppm
	StallPPM  uint32       // share of seconds in which the packets of a pair stall, in ppm
	StallMax  env.Duration // the longest such stall
	ResetPPM  uint32       // share of ticks (of a tenth of a second) in which a connection of a pair is reset, in ppm
	RefusePPM uint32       // share of ticks in which connecting fails, in ppm
	DropPPM   uint32       // share of ticks in which the unread requests of a closed connection are dropped, in ppm
}

// LAN is a quiet data centre: a quarter of a millisecond, some jitter, no loss.
func LAN() NetProfile {
	return NetProfile{
		Name: "lan", Least: 150 * env.Microsecond, Spread: 200 * env.Microsecond, Rack: 100 * env.Microsecond,
		Self: 20 * env.Microsecond, Jitter: 2 * env.Millisecond, Bucket: 10 * env.Millisecond,
		Bandwidth: 1_250_000_000, RTO: 200 * env.Millisecond, RTOMax: 120 * env.Second, ConnectTimeout: 10 * env.Second,
	}
}

// Ideal is a network without latency, in which only the order of events varies.
func Ideal() NetProfile {
	return NetProfile{Name: "ideal", Bucket: 10 * env.Millisecond,
		RTO: 200 * env.Millisecond, RTOMax: 120 * env.Second, ConnectTimeout: 10 * env.Second}
}

// Rough is a LAN on a bad day. Explorations run on it.
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
	New  func() env.Node // makes the node of one incarnation, which must read all its state from the disk

	Double env.Addr // if set, a fault: this machine's node claims the identity of the node on machine Double

	RequestThreads int          // request handlers (num.io.threads); 0 means 8
	Rack           string       // machines of one rack have less latency; a scenario can cut the power of a rack
	Disk           disk.Profile // the zero value means Config.Disk

	WallSkew     env.Duration // its wall clock is ahead by this much at the start
	WallDriftPPM int32        // its wall clock gains this many microseconds per second
	MonoDriftPPM int32        // its monotonic clock gains this many microseconds per second
}
