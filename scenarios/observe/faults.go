package observe

import (
	"slices"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/env"
)

// What is wrong with the world. While any fault lasts, the judges demand safety and no liveness.

// FaultBegan implements cluster.FaultLog.
func (o *observer) FaultBegan(name string) {
	if !slices.Contains(o.faults, name) {
		o.faults = append(o.faults, name)
	}
	o.view.FaultActive()
}

// FaultEnded implements cluster.FaultLog. Liveness is asked for once no fault is left.
func (o *observer) FaultEnded(name string) {
	if i := slices.Index(o.faults, name); i >= 0 {
		o.faults = slices.Delete(o.faults, i, i+1)
	}
	if len(o.faults) == 0 {
		o.view.FaultsOver(int64(o.quietSince()))
	}
}

// quietSince is when the last lane of a node is free: an event that began on a slow disk or processor takes as long as that
// took then, also when the fault is over meanwhile.
func (o *observer) quietSince() sim.Time {
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
	}
}

// ClockMoved implements cluster.FaultLog.
func (o *observer) ClockMoved(by env.Duration) { o.view.ClockSkewed(check.Duration(by)) }
