package cluster

import (
	"slices"

	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
)

// The noise of a world is its random faults. The seed decides each of them, and a pin line of a scenario can fix such a
// decision.

// noises are the kinds of noise by name; the first is the default.
var noises = [...]string{"calm", rough}

const rough = "rough"

// Noises lists the kinds of noise.
func Noises() []string { return slices.Clone(noises[:]) }

// noiseOf returns the network and disk profile of a noise. A noise never destroys synced bytes. Only a verb can start a
// fault that destroys them, so that the durability ledger knows of each such fault.
func noiseOf(name string) (sim.NetProfile, disk.Profile) {
	net, volume := sim.LAN(), disk.CloudVolume()
	if name == rough {
		net = sim.Rough()
		net.StallMax = env.Second
		volume.Noise = disk.Noise{Slow: 500, Stall: 100, Torn: 500_000}
	}
	return net, volume
}

// Calm implements Faults.
func (c *simCluster) Calm() {
	c.world.Calm()
	c.observer.FaultEnded("noise")
}

// Draw makes a decision in [0, n) for planning a scenario. Like the world's own decisions, it is a hash of its arguments
// only, so adding or removing a decision changes no other.
func Draw(seed uint64, site, entity string, ordinal, n uint64) uint64 {
	return sim.Draw(seed, env.Site(site), entity, ordinal, n)
}

// Fault is a family of faults that the world can cause.
type Fault = sim.Fault

// FaultFamilies lists all families of faults.
func FaultFamilies() []Fault {
	var all []Fault
	for _, a := range sim.New(sim.Config{}).Activations() {
		all = append(all, a.Fault)
	}
	return all
}
