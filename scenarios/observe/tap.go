package observe

import (
	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// tapped is a cluster that writes every fault, and every record that a line sends, into a ledger of causes.
type tapped struct {
	judged
	causes *Causes
}

// fault adds a fault to the ledger.
func (t *tapped) fault(f Fault) {
	f.Event, f.Time, f.Line = t.Events(), int64(t.Now()), t.causes.line
	t.causes.Faults = append(t.causes.Faults, f)
}

// of adds a fault of one machine.
func (t *tapped) of(kind string, host env.Addr) {
	t.fault(Fault{Kind: kind, From: string(host), To: string(host)})
}

// Crash implements cluster.Faults.
func (t *tapped) Crash(host env.Addr, power bool) {
	kind := "crash"
	if power {
		kind = "power"
	}
	t.of(kind, host)
	t.judged.Crash(host, power)
}

// CrashInside implements cluster.Faults.
func (t *tapped) CrashInside(host env.Addr, n int64, power bool) {
	kind := "crash"
	if power {
		kind = "power"
	}
	t.of(kind, host)
	t.judged.CrashInside(host, n, power)
}

// Wipe implements cluster.Faults.
func (t *tapped) Wipe(host env.Addr) {
	t.of("power", host)
	t.judged.Wipe(host)
}

// Stop implements cluster.Faults.
func (t *tapped) Stop(host env.Addr) {
	t.of("stop", host)
	t.judged.Stop(host)
}

// Start implements cluster.Faults.
func (t *tapped) Start(host env.Addr) {
	t.of("start", host)
	t.judged.Start(host)
}

// AutoRestart implements cluster.Faults.
func (t *tapped) AutoRestart(host env.Addr) {
	t.of("start", host)
	t.judged.AutoRestart(host)
}

// Pause implements cluster.Faults.
func (t *tapped) Pause(host env.Addr) {
	t.of("pause", host)
	t.judged.Pause(host)
}

// Resume implements cluster.Faults.
func (t *tapped) Resume(host env.Addr) {
	t.of("resume", host)
	t.judged.Resume(host)
}

// SlowCPU implements cluster.Faults.
func (t *tapped) SlowCPU(host env.Addr, times int64) {
	kind := "slow cpu"
	if times <= 1 {
		kind = "fast cpu"
	}
	t.of(kind, host)
	t.judged.SlowCPU(host, times)
}

// Cut implements cluster.Faults.
func (t *tapped) Cut(from, to env.Addr, lanes ...env.Lane) {
	t.fault(Fault{Kind: "cut", From: string(from), To: string(to)})
	t.judged.Cut(from, to, lanes...)
}

// Slow implements cluster.Faults.
func (t *tapped) Slow(from, to env.Addr, by env.Duration, lanes ...env.Lane) {
	t.fault(Fault{Kind: "slow", From: string(from), To: string(to), By: by})
	t.judged.Slow(from, to, by, lanes...)
}

// Link implements cluster.Faults.
func (t *tapped) Link(from, to env.Addr, f cluster.LinkFault) {
	t.fault(Fault{Kind: "link " + f.Kind, From: string(from), To: string(to), For: f.For})
	t.judged.Link(from, to, f)
}

// Heal implements cluster.Faults.
func (t *tapped) Heal(from, to env.Addr) {
	t.fault(Fault{Kind: "heal", From: string(from), To: string(to)})
	t.judged.Heal(from, to)
}

// Disk implements cluster.Faults.
func (t *tapped) Disk(host env.Addr, f cluster.DiskFault) {
	t.fault(Fault{Kind: "disk " + f.Kind, From: string(host), To: string(host), By: f.By, For: f.For})
	t.judged.Disk(host, f)
}

// Clock implements cluster.Faults.
func (t *tapped) Clock(host env.Addr, f cluster.ClockFault) {
	t.fault(Fault{Kind: "clock " + f.Kind, From: string(host), To: string(host), By: f.By})
	t.judged.Clock(host, f)
}

// Produce implements cluster.Operations.
func (t *tapped) Produce(client env.Addr, tp wire.TopicPartition, values []string, how ...cluster.RecordFields) cluster.Op {
	to := tp.String()
	if tp.Partition == cluster.AnyPartition {
		to = tp.Topic
	}
	for _, v := range values {
		t.causes.Sends = append(t.causes.Sends, Send{string(client), v, to, t.Events(), t.causes.line})
	}
	return t.judged.Produce(client, tp, values, how...)
}
