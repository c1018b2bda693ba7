package scenarios

import (
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
)

var verbLink = &Verb{
	Name:  "link",
	Group: "faults",
	Forms: []string{"A -> B " + strings.Join(cluster.LinkFaults[:], "|") + " [for TIME]", "A <-> B " + strings.Join(cluster.LinkFaults[:], "|") + " [for TIME]"},
	Doc: "Harms TCP connections, as cut does not. Those that A has dialled to B, at once: reset breaks them and both ends see it; " +
		"half-open lets their packets vanish, and neither end sees it; prefix delivers the first packet on its way and breaks them after it; " +
		"stalled holds them up for 2s, or for so long, while new ones work. And what is sent from A to B, until heal or for so long: " +
		"clogged lets it wait, refused lets no new connection through, lossy sends every fifth packet again, narrow lets 64 KB a " +
		"second through." + hostsHelp,
	Example: "link b2 -> b1 reset\nat 2s link controllers <-> brokers half-open\nlink b1 -> b2 clogged for 300ms",
	Timed:   true,
	Check:   notNegative,
	Run: between(func(s *Session, a *Args, from, to env.Addr) {
		f := cluster.LinkFault{For: arg[env.Duration](a, "TIME")}
		for _, k := range cluster.LinkFaults {
			if a.has(k) {
				f.Kind = k
			}
		}
		s.cluster.Link(from, to, f)
	}),
}
