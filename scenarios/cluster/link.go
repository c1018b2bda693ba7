package cluster

import (
	"samsa/sim"
	"samsa/sim/env"
)

// LinkFaults are the kinds of LinkFault.
var LinkFaults = [...]string{"reset", "half-open", "prefix", "stalled", "clogged", "refused", "lossy", "narrow"}

const (
	stallTime     = 2 * env.Second
	lossyPermille = 200    // in 200 out of 1000 milliseconds, packets sent are lost and then retransmitted
	narrowRate    = 64_000 // bytes per second
)

// Link implements Faults.
func (c *simCluster) Link(from, to env.Addr, f LinkFault) {
	a, b := []env.Addr{from}, []env.Addr{to}
	lasts := true
	switch f.Kind {
	case "reset":
		c.world.Reset(a, b)
		lasts = false
	case "half-open":
		c.world.HalfOpen(a, b)
		lasts = false
	case "prefix":
		c.world.PrefixThenCut(a, b, 1)
		lasts = false
	case "stalled":
		d := f.For
		if d == 0 {
			d = stallTime
		}
		c.world.Stall(a, b, d)
		lasts = false
	case "clogged":
		c.world.Clog(a, b)
	case "refused":
		c.world.Refuse(a, b, true)
	case "lossy":
		c.world.Loss(a, b, lossyPermille)
	case "narrow":
		c.world.Bandwidth(a, b, narrowRate)
	default:
		panic("cluster: no fault of a connection is called " + f.Kind)
	}
	// A fault that is over at once restarts the bounds of the liveness checks. While a lasting fault is active, no liveness
	// check applies.
	if c.observer.FaultPulse(); lasts {
		c.observer.FaultBegan("link " + string(from) + " " + string(to))
	}
	if lasts && f.For > 0 {
		c.world.At(c.world.Now()+sim.Time(f.For), "heal the link of "+string(from), func() { c.Heal(from, to) })
	}
}

// mendLink ends the lasting faults of Link, except those of the kind clogged, which the world heals together with cuts.
func mendLink(w *sim.World, from, to env.Addr) {
	a, b := []env.Addr{from}, []env.Addr{to}
	w.Refuse(a, b, false)
	w.Loss(a, b, 0)
	w.Bandwidth(a, b, 0)
}
