package observe

import (
	"slices"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/env"
)

// While a fault lasts, the judges check only safety, not liveness.

// FaultBegan implements cluster.FaultLog.
func (o *observer) FaultBegan(name string) {
	if !slices.Contains(o.faults, name) {
		o.faults = append(o.faults, name)
		o.hindrances.begin(name, o.world.Now())
	}
	o.view.FaultActive()
}

// FaultEnded implements cluster.FaultLog. Liveness is checked again after the last fault ends.
func (o *observer) FaultEnded(name string) {
	if i := slices.Index(o.faults, name); i >= 0 {
		o.faults = slices.Delete(o.faults, i, i+1)
		o.hindrances.end(name, o.world.Now())
	}
	if len(o.faults) == 0 {
		o.view.FaultsOver(int64(o.lanesFreeAt()))
	}
}

// hindrances lists the faults that stop or slow a process or make its monotonic clock wrong, oldest first. While such a
// fault lasts, the process may be too late for its timeouts.
type hindrances []hindrance

// hindrance is a fault that stops or slows a process, or makes its monotonic clock wrong.
type hindrance struct {
	machine  env.Addr
	fault    string
	from, to sim.Time
}

// begin adds a fault if it hinders a process.
func (all *hindrances) begin(fault string, now sim.Time) {
	for _, kind := range [...]string{"pause ", "slow ", "drift "} {
		if m, ok := strings.CutPrefix(fault, kind); ok {
			*all = append(*all, hindrance{env.Addr(m), fault, now, sim.Forever})
		}
	}
}

// end ends a fault.
func (all hindrances) end(fault string, now sim.Time) {
	for i := range all {
		if h := &all[i]; h.fault == fault && h.to == sim.Forever {
			h.to = now
		}
	}
}

// within returns how long the hindrances affected a process between two times.
func (all hindrances) within(machine env.Addr, since, now sim.Time) (sum env.Duration) {
	for _, h := range all {
		if from, to := max(h.from, since), min(h.to, now); h.machine == machine && to > from {
			sum += env.Duration(to - from)
		}
	}
	return sum
}

// lanesFreeAt returns the time at which the lanes (the simulated threads) of all nodes will have finished their current
// work. Work that began on a slow disk or CPU takes the slow time even if the fault ends before the work.
func (o *observer) lanesFreeAt() sim.Time {
	at := o.world.Now()
	for _, h := range o.inside.Machines() {
		for _, lane := range o.world.Lanes(h.Addr) {
			at = max(at, lane.Busy)
		}
	}
	return at
}

// FaultPulse implements cluster.FaultLog.
func (o *observer) FaultPulse() {
	o.clock(o.world.Now())
	o.FaultBegan("pulse")
	o.FaultEnded("pulse")
}

// DiskFaulted implements cluster.FaultLog.
func (o *observer) DiskFaulted(h *cluster.Host, fault, dir string) {
	if o.hosts[h.Addr] != nil {
		o.clock(o.world.Now())
		o.view.DiskFaultedIn(h.Node, fault, dir)
		if fault == cluster.WipedDisk {
			o.shadows.powerLost(h.Addr, fault) // the disk has no file now
		}
	}
}
