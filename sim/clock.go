package sim

import (
	"math/bits"

	"samsa/sim/env"
)

// clock is a linear function from true time to a machine's reading. At the true time c.since, the reading is c.value.
// From then on it gains c.ppm parts per million on true time, or loses them if c.ppm is negative. A change of skew or
// drift begins a new line.
type clock struct {
	since Time
	value int64
	ppm   int32 // in (-1e6, 1e6)
}

const million = 1_000_000

// read returns the clock's reading at true time t, rounded down.
func (c *clock) read(t Time) int64 {
	d := int64(t - c.since)
	if c.ppm == 0 {
		return c.value + d
	}
	// The product is split to stay in 64 bits: d may be centuries, and rate up to two million.
	rate := million + int64(c.ppm)
	return c.value + d/million*rate + d%million*rate/million
}

// when returns the earliest true time, no earlier than c.since, at which the reading is at least value.
func (c *clock) when(value int64) Time {
	d := value - c.value
	if d <= 0 {
		return c.since
	}
	if c.ppm == 0 {
		return c.since + Time(d)
	}
	rate := uint64(million + int64(c.ppm))
	hi, lo := bits.Mul64(uint64(d), million)
	lo, carry := bits.Add64(lo, rate-1, 0) // round up
	q, _ := bits.Div64(hi+carry, lo, rate)
	return c.since + Time(q)
}

// bend begins a new line at true time t: the reading jumps by step, and then drifts by ppm.
func (c *clock) bend(t Time, step int64, ppm int32) {
	*c = clock{since: t, value: c.read(t) + step, ppm: ppm}
}

// These are the faults of clocks. Nodes read a wall clock through Env.Wall, and a wall clock may step back.

// SkewWall sets how far the machine's wall clock is ahead of true time; the clock keeps its drift. Record timestamps come
// from this clock, and retention compares them with it. Leases and timeouts must not use it.
func (w *World) SkewWall(addr env.Addr, ahead env.Duration) {
	m := w.fault(FaultSkew, addr, int64(ahead))
	m.wall.bend(w.now, int64(w.epoch)+int64(w.now)+int64(ahead)-m.wall.read(w.now), m.wall.ppm)
}

// StepWall moves the machine's wall clock by a span, which may be negative.
func (w *World) StepWall(addr env.Addr, by env.Duration) {
	m := w.fault(FaultStep, addr, int64(by))
	m.wall.bend(w.now, int64(by), m.wall.ppm)
}

// DriftWall makes the machine's wall clock gain (or lose) ppm microseconds per second, starting now. |ppm| < 1e6.
func (w *World) DriftWall(addr env.Addr, ppm int32) {
	m := w.fault(FaultDriftWall, addr, int64(ppm))
	m.wall.bend(w.now, 0, ppm)
}

// DriftMono changes the speed of the machine's monotonic clock, and so of its timers and timeouts. |ppm| < 1e6.
// Distributed systems trust this clock: a leader with a slow clock believes in its leadership longer than its voters do.
func (w *World) DriftMono(addr env.Addr, ppm int32) {
	m := w.fault(FaultDriftMono, addr, int64(ppm))
	m.mono.bend(w.now, 0, ppm)
	m.retime()
}
