package scenarios

import (
	"strings"

	"samsa/check"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// Crash implements Faults. A power loss of a broker is entered in the ledger: it may explain a loss.
func (c *cluster) Crash(addr env.Addr, power bool) {
	h := c.hosts[addr]
	if !c.world.Running(addr) && !power {
		return
	}
	if power {
		c.world.PowerLoss(addr)
		c.struck(h, "power loss")
	} else {
		c.world.Crash(addr)
	}
	h.paused = false
	if h.role == "client" {
		c.abandon(addr)
	}
}

// struck enters a fault of a broker's disk.
func (c *cluster) struck(h *host, what string) {
	if h.role == "broker" {
		c.evidence.Ledger.Struck(check.Hit{Node: h.node, What: what, Step: c.step()})
	}
}

// CrashInside implements Faults.
func (c *cluster) CrashInside(addr env.Addr, n int64) {
	if c.world.Running(addr) {
		c.world.DieAfter(addr, int(n), false)
	}
}

// Stop implements Faults.
func (c *cluster) Stop(addr env.Addr) {
	if c.world.Running(addr) {
		c.world.Stop(addr)
	}
}

// Start implements Faults.
func (c *cluster) Start(addr env.Addr) {
	if !c.world.Running(addr) {
		c.world.Start(addr)
	}
}

// Pause implements Faults.
func (c *cluster) Pause(addr env.Addr) {
	c.hosts[addr].paused = c.world.Running(addr)
	c.world.Pause(addr)
}

// Resume implements Faults.
func (c *cluster) Resume(addr env.Addr) {
	c.hosts[addr].paused = false
	c.world.Resume(addr)
}

// Hinder implements Faults.
func (c *cluster) Hinder(addr env.Addr, times int64) { c.world.SlowCPU(addr, times*1000) }

// Cut implements Faults.
func (c *cluster) Cut(from, to env.Addr) { c.world.Cut([]env.Addr{from}, []env.Addr{to}) }

// Slow implements Faults.
func (c *cluster) Slow(from, to env.Addr, by env.Duration) {
	c.world.Latency([]env.Addr{from}, []env.Addr{to}, by)
}

// Heal implements Faults.
func (c *cluster) Heal(from, to env.Addr) {
	c.world.Heal([]env.Addr{from}, []env.Addr{to})
	c.Slow(from, to, 0)
	c.mendLink(from, to)
}

// view is what judges see of the partitions now.
func (c *cluster) view() check.View { return view{c} }

type view struct{ c *cluster }

// Leader implements check.View.
func (v view) Leader(tp wire.TopicPartition) (log check.Log, epoch wire.Epoch, ok bool) {
	for _, h := range v.c.brokers {
		b := v.c.brokerNode(h)
		if b == nil {
			continue
		}
		if r := b.Replica(tp); r != nil && r.Leads() && (!ok || r.Epoch() > epoch) {
			log, epoch, ok = trueLog{h.node, r.Log().Start(), v.c.ghosts.of(h.addr, tp.String())}, r.Epoch(), true
		}
	}
	return log, epoch, ok
}

// Logs implements check.View.
func (v view) Logs(tp wire.TopicPartition) []check.Log {
	var all []check.Log
	for _, h := range v.c.brokers {
		l := v.c.ghosts.of(h.addr, tp.String())
		start := l.start()
		if b := v.c.brokerNode(h); b != nil {
			if r := b.Replica(tp); r != nil {
				start = r.Log().Start()
			}
		}
		if len(l.files) > 0 {
			all = append(all, trueLog{h.node, start, l})
		}
	}
	return all
}

// trueLog is a ghost as judges see it.
type trueLog struct {
	node  wire.NodeID
	start wire.Offset
	log   *ghost
}

func (l trueLog) Node() wire.NodeID  { return l.node }
func (l trueLog) Start() wire.Offset { return l.start }
func (l trueLog) CRC(base wire.Offset) (uint32, bool) {
	b, ok := l.log.batch(base)
	return b.crc, ok
}

// look has the ledger compare every partition's leading log with what was acknowledged.
func (c *cluster) look() {
	v := c.view()
	for _, tp := range c.partitions() {
		c.evidence.Ledger.Look(tp, v, c.step())
	}
}

// Clock implements Faults.
func (c *cluster) Clock(addr env.Addr, f ClockFault) {
	switch f.Kind {
	case "skew":
		c.world.SkewWall(addr, f.By)
	case "step":
		c.world.StepWall(addr, f.By)
	case "drift":
		c.world.DriftWall(addr, int32(f.PPM))
	case "monotonic-drift":
		c.world.DriftMono(addr, int32(f.PPM))
	}
}

// Disk implements Faults. Those that can lose what a broker believes to have are entered in the ledger.
func (c *cluster) Disk(addr env.Addr, f DiskFault) {
	d := c.world.Disk(addr)
	switch f.Kind {
	case "error":
		d.FailOnce(f.Path, sim.OnAny)
	case "broken":
		d.Break(f.Path, sim.OnAny)
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
		c.rot(addr, f.Path)
	case "lost-write":
		d.LoseWrite(f.Path)
	case "misdirected":
		d.Misdirect(f.Path, f.Path, 0)
	case "heal":
		d.Heal()
		return
	default:
		panic("scenarios: no fault of a disk is called " + f.Kind)
	}
	if what, loses := losingFaults[f.Kind]; loses {
		c.struck(c.hosts[addr], what)
	}
	if f.For > 0 && f.Kind != "stalled" {
		c.world.At(c.world.Now()+sim.Time(f.For), "heal the disk of "+string(addr), d.Heal)
	}
}

// losingFaults are the faults of a disk that can take what was written, in the words of the ledger.
var losingFaults = map[string]string{
	"sync-lies":    "lying sync",
	"sync-forgets": "failed sync",
	"bit-rot":      "bit rot",
	"lost-write":   "lost write",
	"misdirected":  "misdirected write",
}

// rot flips one bit in the middle of the first file below a path that holds anything.
func (c *cluster) rot(addr env.Addr, prefix string) {
	d := c.world.Disk(addr)
	for _, f := range d.Files() {
		if !f.Dir && f.Size > 0 && strings.HasPrefix(f.Path, prefix) {
			if err := d.RotBit(f.Path, f.Size/2, 3); err != nil {
				panic("scenarios: a file that is there cannot rot: " + err.Error())
			}
			return
		}
	}
}
