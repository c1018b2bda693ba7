package sim

import (
	"math/bits"

	"samsa/sim/env"
)

// clock is a straight line from true time to the reading of a machine: value at true time since, and ppm faster or slower
// from there. A change of skew or drift begins a new line.
type clock struct {
	since Time
	value int64
	ppm   int32 // in (-1e6, 1e6)
}

const million = 1_000_000

// read is what the clock shows at true time t, rounded down.
func (c *clock) read(t Time) int64 {
	d := int64(t - c.since)
	if c.ppm == 0 {
		return c.value + d
	}
	// Split so that the products stay in 64 bits: d is up to centuries, rate up to two million.
	rate := million + int64(c.ppm)
	return c.value + d/million*rate + d%million*rate/million
}

// when is the earliest true time, not before since, at which the clock shows value or more.
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

// bend begins a new line at true time t: the reading jumps by step and runs at ppm from there.
func (c *clock) bend(t Time, step int64, ppm int32) {
	*c = clock{since: t, value: c.read(t) + step, ppm: ppm}
}

// Wall clocks of machines. Nodes see them through Env.Wall; stepping back is allowed and does happen.

// SkewWall sets how far the machine's wall clock is ahead of true time; it keeps its drift.
// Timestamps of records come from it, and so does their age for retention; leases and timeouts must not.
func (w *World) SkewWall(addr env.Addr, ahead env.Duration) {
	m := w.fault(FaultSkew, addr, int64(ahead))
	m.wall.bend(w.now, int64(w.epoch)+int64(w.now)+int64(ahead)-m.wall.read(w.now), m.wall.ppm)
}

// StepWall moves the machine's wall clock by a span, also backwards.
func (w *World) StepWall(addr env.Addr, by env.Duration) {
	m := w.fault(FaultStep, addr, int64(by))
	m.wall.bend(w.now, int64(by), m.wall.ppm)
}

// DriftWall makes the machine's wall clock gain (or lose) ppm microseconds a second from now on. |ppm| < 1e6.
func (w *World) DriftWall(addr env.Addr, ppm int32) {
	m := w.fault(FaultDriftWall, addr, int64(ppm))
	m.wall.bend(w.now, 0, ppm)
}

// DriftMono does the same to its monotonic clock, and so to its timers and timeouts. |ppm| < 1e6.
// Distributed systems trust this clock: a leader with a slow clock counts itself leader for longer than its voters do.
func (w *World) DriftMono(addr env.Addr, ppm int32) {
	m := w.fault(FaultDriftMono, addr, int64(ppm))
	m.mono.bend(w.now, 0, ppm)
	m.retime()
}
