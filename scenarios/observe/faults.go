package observe

import (
	"slices"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/env"
)

// While a fault lasts, the judges check only safety, not liveness.

// FaultBegan implements cluster.FaultLog.
func (o *observer) FaultBegan(name string) {
	if !slices.Contains(o.faults, name) {
		o.faults = append(o.faults, name)
	}
	o.view.FaultActive()
}

// FaultEnded implements cluster.FaultLog. Liveness is checked again after the last fault ends.
func (o *observer) FaultEnded(name string) {
	if i := slices.Index(o.faults, name); i >= 0 {
		o.faults = slices.Delete(o.faults, i, i+1)
	}
	if len(o.faults) == 0 {
		o.view.FaultsOver(int64(o.lanesFreeAt()))
	}
}

// lanesFreeAt returns the time at which every node's lanes are free. Work begun on a slow disk or CPU still takes the slow
// time, even if the fault ends while it runs.
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
	}
}

// ClockMoved implements cluster.FaultLog.
func (o *observer) ClockMoved(by env.Duration) { o.view.ClockSkewed(check.Duration(by)) }
