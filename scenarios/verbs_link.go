package scenarios

import (
	"strings"

	"samsa/sim"
	"samsa/sim/env"
)

var verbLink = &Verb{
	Name:  "link",
	Group: "faults",
	Forms: []string{"A -> B " + strings.Join(linkFaults[:], "|") + " [for TIME]", "A <-> B " + strings.Join(linkFaults[:], "|") + " [for TIME]"},
	Doc: "Harms TCP connections, as cut does not. Those that A has dialled to B, at once: reset breaks them and both ends see it; " +
		"half-open lets their packets vanish and tells nobody; prefix delivers the first packet on its way and breaks them behind it; " +
		"stalled holds them up for 2s, or for so long, while new ones work. And what is sent from A to B, until heal or for so long: " +
		"clogged lets it wait, refused lets no new connection through, lossy sends every fifth packet again, narrow lets 64 KB a " +
		"second through." + hostsHelp,
	Example: "link b2 -> b1 reset\nat 2s link controllers <-> brokers half-open\nlink b1 -> b2 clogged for 300ms",
	Timed:   true,
	Check:   notNegative,
	Run: between(func(s *Session, a *Args, from, to env.Addr) {
		f := LinkFault{For: arg[env.Duration](a, "TIME")}
		for _, k := range linkFaults {
			if a.has(k) {
				f.Kind = k
			}
		}
		s.cluster.Link(from, to, f)
	}),
}

// linkFaults are the kinds of LinkFault.
var linkFaults = [...]string{"reset", "half-open", "prefix", "stalled", "clogged", "refused", "lossy", "narrow"}

const (
	stallTime    = 2 * env.Second
	lossyPermile = 200    // of the milliseconds, what departs in them is lost at first
	narrowRate   = 64_000 // bytes per second
)

// Link implements Faults.
func (c *cluster) Link(from, to env.Addr, f LinkFault) {
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
		c.world.Loss(a, b, lossyPermile)
	case "narrow":
		c.world.Bandwidth(a, b, narrowRate)
	default:
		panic("scenarios: no fault of a connection is called " + f.Kind)
	}
	// What is over at once only starts the clock of liveness anew; what lasts is an ailment, and while one lasts nothing is
	// demanded of a cluster but safety.
	if c.judges.jolt(); lasts {
		c.judges.ail("link " + string(from) + " " + string(to))
	}
	if lasts && f.For > 0 {
		c.world.At(c.world.Now()+sim.Time(f.For), "heal the link of "+string(from), func() { c.Heal(from, to) })
	}
}

// mendLink ends what lasts of Link but clogs, which the world heals with cuts.
func (c *cluster) mendLink(from, to env.Addr) {
	a, b := []env.Addr{from}, []env.Addr{to}
	c.world.Refuse(a, b, false)
	c.world.Loss(a, b, 0)
	c.world.Bandwidth(a, b, 0)
}
