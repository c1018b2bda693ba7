package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"samsa/sim"
	"samsa/sim/env"
)

// The noise of a world is what goes wrong with it without an order: decisions of the seed, which pin lines can fix.

// noises are the kinds of noise by name; the first is the default.
var noises = [...]string{"calm", rough}

const rough = "rough"

func noiseNames() []string { return slices.Clone(noises[:]) }

func readNoise(_ *names, w Word) (any, string) {
	if !slices.Contains(noises[:], w.Text) {
		return nil, fmt.Sprintf("no noise is called %q; there is %s", w.Text, strings.Join(noises[:], " and "))
	}
	return w.Text, ""
}

// noiseOf is the network and the disks of a noise. None of it destroys what a disk was told to keep: such faults are
// ordered by verbs, so that the durability ledger knows of each.
func noiseOf(name string) (sim.NetProfile, sim.DiskProfile) {
	net, disk := sim.LAN(), sim.CommonDisk()
	if name == rough {
		net = sim.Rough()
		net.StallMax = env.Second
		disk.Noise = sim.DiskNoise{Slow: 500, Stall: 100, Torn: 500_000}
	}
	return net, disk
}

// Calm implements Faults.
func (c *cluster) Calm() {
	c.world.Calm()
	c.judges.mend("noise")
}

// Draw is a decision in [0, n) for whoever plans a scenario: a hash of its arguments and nothing else, as the world's
// own decisions are. So one decision more or less moves no other.
func Draw(seed uint64, site, entity string, ordinal, n uint64) uint64 {
	return sim.Draw(seed, env.Site(site), entity, ordinal, n)
}
