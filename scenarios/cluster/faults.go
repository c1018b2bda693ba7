package cluster

import (
	"slices"
	"strings"

	"samsa/broker"
	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
)

// Crash implements Faults.
func (c *simCluster) Crash(addr env.Addr, power bool) {
	h := c.hosts[addr]
	h.autoRestart = false
	if !c.world.Running(addr) && !power {
		return
	}
	if power {
		c.world.PowerLoss(addr)
	} else {
		c.world.Crash(addr)
	}
	h.paused = false
	c.observer.FaultEnded("pause " + string(addr))
}

// CrashInside implements Faults.
func (c *simCluster) CrashInside(addr env.Addr, n int64, power bool) {
	if c.world.Running(addr) {
		c.world.DieAfter(addr, int(n), power)
	}
}

// WipedDisk is the name of the fault of Wipe in the ledger of package check.
const WipedDisk = "wiped disk"

// Wipe implements Faults.
func (c *simCluster) Wipe(addr env.Addr) {
	c.Crash(addr, true)
	disk.Wipe(c.world.Disk(addr))
	c.observer.FaultEnded("disk " + string(addr)) // the new disk is healthy
	c.observer.FaultPulse()
	c.observer.DiskFaulted(c.hosts[addr], WipedDisk, "")
}

// Stop implements Faults.
func (c *simCluster) Stop(addr env.Addr) {
	c.hosts[addr].autoRestart = false
	if c.world.Running(addr) {
		c.world.Stop(addr)
	}
}

// Start implements Faults.
func (c *simCluster) Start(addr env.Addr) {
	if !c.world.Running(addr) {
		c.world.Start(addr)
	}
}

// restartDelay is the time that a service manager waits before it restarts a process.
const restartDelay = env.Second

// AutoRestart implements Faults.
func (c *simCluster) AutoRestart(addr env.Addr) {
	if !c.autoRestarts {
		c.autoRestarts = true
		c.world.AfterEvent(c.restartEnded)
	}
	c.hosts[addr].autoRestart = true
	c.Start(addr)
}

// restartEnded restarts a host with autoRestart if its process ended in the event.
func (c *simCluster) restartEnded(e *sim.Event) {
	if e.Kind != sim.Died {
		return
	}
	h := c.hosts[e.Node]
	if h == nil || !h.autoRestart {
		return
	}
	c.world.At(c.world.Now()+sim.Time(restartDelay), "start", func() {
		if h.autoRestart { // false if the host was stopped meanwhile
			c.Start(h.Addr)
		}
	})
}

// DuplicateID implements Faults.
func (c *simCluster) DuplicateID(of, as env.Addr) {
	h := c.add(as, c.hosts[of].Node, "double")
	c.doubles = append(c.doubles, h)
	c.world.Add(sim.Machine{Addr: as, Double: of, RequestThreads: c.cfg.threads(h.Node), New: func() env.Node {
		return broker.New(c.cfg.broker(h.Node, c.addrs(c.controllers)))
	}})
	c.world.Start(as)
}

// Pause implements Faults.
func (c *simCluster) Pause(addr env.Addr) {
	c.hosts[addr].paused = c.world.Running(addr)
	c.observer.FaultBegan("pause " + string(addr))
	c.world.Pause(addr)
}

// Resume implements Faults.
func (c *simCluster) Resume(addr env.Addr) {
	c.hosts[addr].paused = false
	c.observer.FaultEnded("pause " + string(addr))
	c.world.Resume(addr)
}

// SlowCPU implements Faults.
func (c *simCluster) SlowCPU(addr env.Addr, times int64) {
	if c.observer.FaultEnded("slow " + string(addr)); times > 1 {
		c.observer.FaultBegan("slow " + string(addr))
	}
	c.world.SlowCPU(addr, times*1000)
}

// LaneNames names the lanes that a scenario can cut or slow.
var LaneNames = [...]struct {
	Name string
	Lane env.Lane
}{
	{"clients", env.LaneClient}, {"replication", env.LaneFetcher}, {"metadata", env.LaneRaft}, {"heartbeat", env.LaneHeartbeat},
	{"isr", env.LaneAlterPartition},
}

// Cut implements Faults.
func (c *simCluster) Cut(from, to env.Addr, lanes ...env.Lane) {
	c.observer.FaultBegan("link " + string(from) + " " + string(to))
	c.world.Cut([]env.Addr{from}, []env.Addr{to}, lanes...)
}

// Slow implements Faults.
func (c *simCluster) Slow(from, to env.Addr, by env.Duration, lanes ...env.Lane) {
	if by > 0 {
		c.observer.FaultBegan("link " + string(from) + " " + string(to))
	}
	c.world.Latency([]env.Addr{from}, []env.Addr{to}, by, lanes...)
}

// Heal implements Faults.
func (c *simCluster) Heal(from, to env.Addr) {
	c.world.Heal([]env.Addr{from}, []env.Addr{to})
	c.Slow(from, to, 0)
	mendLink(c.world, from, to)
	c.observer.FaultEnded("link " + string(from) + " " + string(to))
}

// Clock implements Faults.
func (c *simCluster) Clock(addr env.Addr, f ClockFault) {
	switch f.Kind {
	case "skew":
		c.world.SkewWall(addr, f.By)
	case "step":
		c.world.StepWall(addr, f.By)
	case "drift":
		c.world.DriftWall(addr, int32(f.PPM))
	case "monotonic-drift":
		// Timeouts run on this clock, so no liveness bound applies while it drifts.
		if c.observer.FaultEnded("drift " + string(addr)); f.PPM != 0 {
			c.observer.FaultBegan("drift " + string(addr))
		}
		c.world.DriftMono(addr, int32(f.PPM))
	}
}

// Disk implements Faults. It reports the faults that can lose a broker's writes to the observer.
func (c *simCluster) Disk(addr env.Addr, f DiskFault) {
	d := c.world.Disk(addr)
	sick := "disk " + string(addr)
	if c.observer.FaultPulse(); f.For > 0 || slices.Contains(lastingFaults[:], f.Kind) {
		c.observer.FaultBegan(sick)
	}
	switch f.Kind {
	case "error":
		d.FailOnce(f.Path, disk.OnAny)
	case "broken":
		d.Break(f.Path, disk.OnAny)
	case "full":
		d.Fill()
	case "short-write":
		d.CutShort(f.Path)
	case "slow":
		d.Delay(f.By)
	case "stalled":
		d.Stall(c.world.Now() + sim.Time(f.For))
	case "sync-lies":
		d.LieOnce(f.Path)
	case "sync-forgets":
		d.ForgetOnSync(f.Path)
	case "bit-rot":
		if rotten, ok := c.rot(addr, f.Path); ok { // only this file is damaged
			c.observer.DiskFaulted(c.hosts[addr], losingFaults[f.Kind], rotten)
		}
	case "lost-write":
		d.LoseWrite(f.Path)
	case "misdirected":
		d.Misdirect(f.Path, f.Path, 0)
	case "heal":
		d.Heal()
		c.observer.FaultEnded(sick)
		c.world.DieAfter(addr, 0, false)
		return
	default:
		panic("cluster: no fault of a disk is called " + f.Kind)
	}
	if what, loses := losingFaults[f.Kind]; loses && f.Kind != "bit-rot" {
		c.observer.DiskFaulted(c.hosts[addr], what, "")
	}
	if f.For > 0 {
		c.world.At(c.world.Now()+sim.Time(f.For), "heal the disk of "+string(addr), func() {
			if f.Kind != "stalled" {
				d.Heal()
			}
			c.observer.FaultEnded(sick)
		})
	}
}

// lastingFaults are the disk faults that last until the disk is healed or their time is over.
var lastingFaults = [...]string{"broken", "full", "slow", "stalled"}

// losingFaults maps each disk fault that can destroy written bytes to its name in the durability ledger of package check.
var losingFaults = map[string]string{
	"sync-lies":    "lying sync",
	"sync-forgets": "failed sync",
	"bit-rot":      "bit rot",
	"lost-write":   "lost write",
	"misdirected":  "misdirected write",
}

// rot flips one bit in the middle of the first non-empty file with this prefix in its path. It returns the file's directory,
// or "" if the file is in the root directory.
func (c *simCluster) rot(addr env.Addr, prefix string) (dir string, ok bool) {
	d := c.world.Disk(addr)
	for _, f := range d.Files() {
		if !f.Dir && f.Size > 0 && strings.HasPrefix(f.Path, prefix) {
			if err := d.RotBit(f.Path, f.Size/2, 3); err != nil {
				panic("cluster: a file that is there cannot rot: " + err.Error())
			}
			dir, _, ok = strings.Cut(f.Path, "/")
			if !ok {
				dir = ""
			}
			return dir, true
		}
	}
	return "", false
}
