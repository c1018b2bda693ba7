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
	Doc: "Faults of TCP connections. On the connections that A has opened to B, at once: reset closes them for both ends; half-open " +
		"drops their packets, and neither end notices; prefix delivers the first packet in flight and then resets them; stalled " +
		"holds them for 2s, or for a time, while new ones work. On everything from A to B, until heal or for a time: " +
		"clogged holds it, refused refuses new connections, lossy retransmits every fifth packet, narrow lets 64 KB a " +
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
