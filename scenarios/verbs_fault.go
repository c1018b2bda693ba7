package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
)

// The verbs of this file are faults. A fault changes the world and never a node's state, so a broker notices it only as it
// would in a real cluster. Each verb is one call of Faults (cluster/api.go).

// hostsHelp is part of the help of every verb that takes machines.
const hostsHelp = " Machines are written b2, b1,b3, brokers, controllers, controller (the active one), standby or standbys (one or all of the others that run), a client's name, or by what " +
	"they do at that time: leader:orders-0, follower:orders-0 (one in sync), followers:orders-0."

// laneHelp is part of the help of verbs that take a lane.
const laneHelp = " With lane only one of Kafka's separate connections is hit: clients (produce, fetch and metadata requests of clients, and what a " +
	"broker forwards for them), replication (followers' fetches), metadata (fetches of the metadata log, and the quorum's own requests), " +
	"heartbeat (registrations too), or isr (AlterPartition)."

var verbCrash = &Verb{
	Name:  "crash",
	Group: "faults",
	Forms: []string{"HOSTS [power]", "HOSTS inside COUNT", "HOSTS power inside COUNT"},
	Doc: "Kills the process, as kill -9 does: its writes stay in the machine's page cache. With power the machine loses power, " +
		"and writes that were not synced may be lost or torn. inside 3 kills the process right after its third change of the " +
		"disk from now, in the middle of an event; power inside 3 cuts the machine's power there." + hostsHelp,
	Example: "crash b1\ncrash leader:orders-0 power\nat 1.2s crash brokers power\ncrash b2 inside 3\ncrash b2 power inside 3",
	Timed:   true,
	Run: each("HOSTS", func(s *Session, a *Args, host env.Addr) {
		if a.has("inside") {
			s.cluster.CrashInside(host, arg[int64](a, "COUNT"), a.has("power"))
			return
		}
		orderDown(s, host)
		s.cluster.Crash(host, a.has("power"))
	}),
}

var verbStop = &Verb{
	Name:    "stop",
	Group:   "faults",
	Forms:   []string{"HOSTS"},
	Doc:     "Starts a clean shutdown, as SIGTERM does. The machine stays down until start." + hostsHelp,
	Example: "stop b1",
	Timed:   true,
	Run: each("HOSTS", func(s *Session, _ *Args, host env.Addr) {
		orderDown(s, host)
		s.cluster.Stop(host)
	}),
}

var verbStart = &Verb{
	Name:  "start",
	Group: "faults",
	Forms: []string{"HOSTS [for good]"},
	Doc: "Boots machines that are down: a new incarnation on the existing disk. It does nothing to a machine that is up. " +
		"With for good they boot again a second after their process ends by itself, as a service manager does (systemd's Restart=always), " +
		"until they are stopped or crashed: a broker in a controlled shutdown, and one that gives up because no controller registers it, " +
		"comes back." + hostsHelp,
	Example: "start b1\nstart brokers\nstart brokers,controllers for good",
	Timed:   true,
	Run: each("HOSTS", func(s *Session, a *Args, host env.Addr) {
		if a.has("good") {
			s.cluster.AutoRestart(host)
			return
		}
		s.cluster.Start(host)
	}),
}

var verbRestart = &Verb{
	Name:  "restart",
	Group: "faults",
	Forms: []string{"HOSTS"},
	Doc: "Shuts machines down cleanly, as SIGTERM does, and boots each as soon as its process has ended, as systemctl restart does. It waits " +
		"until all have booted, not until they are unfenced. A machine that is down boots at once. A later crash, stop or wipe of the machine " +
		"wins: it stays down." + hostsHelp,
	Example: "restart b1\nat 3s restart leader:orders-0",
	Timed:   true,
	Run: func(s *Session, a *Args) Result {
		waits, was, downs := map[env.Addr]bool{}, map[env.Addr]uint32{}, map[env.Addr]int{}
		for _, m := range s.cluster.Machines() {
			was[m.Host] = m.Incarnation
		}
		r := each("HOSTS", func(s *Session, _ *Args, host env.Addr) {
			s.cluster.Stop(host)
			waits[host], downs[host] = true, s.downs[host]
		})(s, a)
		hosts := s.hosts(arg[[]hostTerm](a, "HOSTS"))
		r.Until = func() bool {
			for _, m := range s.cluster.Machines() {
				switch {
				case !waits[m.Host]:
				case m.Incarnation != was[m.Host], s.downs[m.Host] != downs[m.Host]:
					waits[m.Host] = false // another line has restarted the machine, or keeps it down
				case !m.Up:
					waits[m.Host] = false
					s.cluster.Start(m.Host)
				}
			}
			return !slices.ContainsFunc(hosts, func(h env.Addr) bool { return waits[h] })
		}
		r.Then = func(done bool) string {
			if done {
				return ""
			}
			return fmt.Sprintf("restart: a process has not ended after %s\n", formatDuration(patience))
		}
		return r
	},
}

// orderDown notes that a line has ordered a machine down, so a restart that is not complete does not boot it.
func orderDown(s *Session, host env.Addr) {
	if s.downs == nil {
		s.downs = map[env.Addr]int{}
	}
	s.downs[host]++
}

var verbWipe = &Verb{
	Name:  "wipe",
	Group: "faults",
	Forms: []string{"HOSTS"},
	Doc: "Replaces a machine's disk by an empty one, as when a broken disk is exchanged. A machine that runs loses power first, and stays down " +
		"until start. A broker then registers with a new directory and no records, so the controller removes it from every ISR and " +
		"ELR, and it fetches everything again. A controller without its disk forgets its vote and what it has committed, which a quorum " +
		"does not survive in general." + hostsHelp,
	Example: "wipe b3\nat 3s wipe follower:orders-0",
	Timed:   true,
	Run: each("HOSTS", func(s *Session, _ *Args, host env.Addr) {
		orderDown(s, host)
		s.cluster.Wipe(host)
	}),
}

var verbDouble = &Verb{
	Name:  "double",
	Group: "faults",
	Forms: []string{"HOST as DOUBLE"},
	Doc: "Starts another machine, on an empty disk, with a broker of the same node id: a copied configuration file. The controller " +
		"refuses it as long as the first sends heartbeats. Keep the first one alive: if the double is registered, the judges " +
		"attribute the first one's disk to it." + hostsHelp,
	Example: "double b2 as x2",
	Timed:   true,
	Check: func(ns *names, a *Args) *complaint {
		b, _ := a.get("HOST")
		for _, t := range arg[[]hostTerm](a, "HOST") {
			if t.addr != "" && t.addr[0] != 'b' {
				return &complaint{word: b.word, msg: string(t.addr) + " is no broker"}
			}
		}
		ns.doubles = append(ns.doubles, string(arg[env.Addr](a, "DOUBLE")))
		return nil
	},
	Run: func(s *Session, a *Args) Result {
		for _, host := range s.hosts(arg[[]hostTerm](a, "HOST")) {
			s.cluster.DuplicateID(host, arg[env.Addr](a, "DOUBLE"))
		}
		return Result{}
	},
}

var verbPause = &Verb{
	Name:    "pause",
	Group:   "faults",
	Forms:   []string{"HOSTS"},
	Doc:     "Pauses a process while its clocks run on, as a long garbage collection or a migration of a virtual machine does." + hostsHelp,
	Example: "pause leader:orders-0",
	Timed:   true,
	Run:     each("HOSTS", func(s *Session, _ *Args, host env.Addr) { s.cluster.Pause(host) }),
}

var verbResume = &Verb{
	Name:    "resume",
	Group:   "faults",
	Forms:   []string{"HOSTS"},
	Doc:     "Resumes a paused process." + hostsHelp,
	Example: "resume b1",
	Timed:   true,
	Run:     each("HOSTS", func(s *Session, _ *Args, host env.Addr) { s.cluster.Resume(host) }),
}

var verbCut = &Verb{
	Name:    "cut",
	Group:   "faults",
	Forms:   []string{"A -> B [lane LANE]", "A <-> B [lane LANE]"},
	Doc:     "Blocks everything from A to B; with <-> in both directions. Neither side notices: connections stay open and stall." + laneHelp + hostsHelp,
	Example: "cut b1 -> b2\ncut b1 <-> b2,b3\ncut leader:orders-0 <-> controllers\ncut b1 <-> controllers lane heartbeat",
	Timed:   true,
	Run:     between(func(s *Session, a *Args, from, to env.Addr) { s.cluster.Cut(from, to, lanesOf(a)...) }),
}

var verbSlow = &Verb{
	Name:  "slow",
	Group: "faults",
	Forms: []string{"A -> B [lane LANE] by SPAN", "A <-> B [lane LANE] by SPAN", "HOSTS times COUNT"},
	Doc: "Delays everything that A sends to B; by 0s ends that. times makes a machine's processor that much slower; times 1 ends " +
		"that." + laneHelp + hostsHelp,
	Example: "slow b2,b3 -> b1 by 40s\nslow b1 times 100\nslow controllers -> b1 lane metadata by 3s",
	Timed:   true,
	Check:   notNegative,
	Run: func(s *Session, a *Args) Result {
		if a.has("times") {
			return each("HOSTS", func(s *Session, a *Args, host env.Addr) { s.cluster.SlowCPU(host, arg[int64](a, "COUNT")) })(s, a)
		}
		return between(func(s *Session, a *Args, from, to env.Addr) {
			s.cluster.Slow(from, to, arg[env.Duration](a, "SPAN"), lanesOf(a)...)
		})(s, a)
	},
}

var verbHeal = &Verb{
	Name:    "heal",
	Group:   "faults",
	Forms:   []string{"[A]", "A -> B", "A <-> B", "noise"},
	Doc:     "Ends cut, slow (but not slow ... times) and lasting faults of link: of all machines, of some, or in one direction. heal noise ends random faults, see noise= of cluster." + hostsHelp,
	Example: "heal\nheal b1\nheal b1 -> b2\nheal noise",
	Timed:   true,
	Run: func(s *Session, a *Args) Result {
		if a.has("noise") {
			s.cluster.Calm()
			return Result{}
		}
		if a.has("->") || a.has("<->") {
			return between(func(s *Session, _ *Args, from, to env.Addr) { s.cluster.Heal(from, to) })(s, a)
		}
		all := s.machines()
		around := all
		if a.has("A") {
			around = s.hosts(arg[[]hostTerm](a, "A"))
		}
		// A network fault has a direction, so heal both directions.
		for _, x := range around {
			for _, y := range all {
				if x != y {
					s.cluster.Heal(x, y)
					s.cluster.Heal(y, x)
				}
			}
		}
		return Result{}
	},
}

var verbClock = &Verb{
	Name:  "clock",
	Group: "faults",
	Forms: []string{"HOSTS skew|step SPAN", "HOSTS drift|monotonic-drift PPM"},
	Doc: "Makes a machine's clocks wrong. skew sets how far its wall clock is ahead, step moves it, both also backwards; drift makes " +
		"it fast (or slow, if negative) in parts per million, and monotonic-drift does that to the clock of timeouts." + hostsHelp,
	Example: "clock b1 skew 5m\nclock b1 step -2s\nclock b2 drift 500ppm",
	Timed:   true,
	Run: each("HOSTS", func(s *Session, a *Args, host env.Addr) {
		f := cluster.ClockFault{By: arg[env.Duration](a, "SPAN"), PPM: arg[int64](a, "PPM")}
		for _, k := range clockFaults {
			if a.has(k) {
				f.Kind = k
			}
		}
		s.cluster.Clock(host, f)
	}),
}

// clockFaults are the kinds of ClockFault.
var clockFaults = [...]string{"skew", "step", "drift", "monotonic-drift"}

var verbDisk = &Verb{
	Name:  "disk",
	Group: "faults",
	Forms: []string{"HOSTS " + strings.Join(diskFaults[:], "|") + " [by SPAN] [for TIME] [on PATH]"},
	Doc: "Makes a machine's disk fail. Until disk HOST heal, or for a time: broken fails every call, full fails writes, slow delays " +
		"every call. For a time: stalled completes no call. Once, at the next such call: error fails it, short-write writes a part " +
		"and fails, sync-lies returns success without writing, sync-forgets fails, drops the bytes, and succeeds the next time, " +
		"lost-write and misdirected do that to a write, bit-rot flips a stored bit. heal also cancels a pending crash inside." + hostsHelp,
	Example: "disk b1 slow by 80ms for 5s\ndisk leader:orders-0 sync-lies\ndisk b2 error on orders-0\ndisk b1 heal",
	Timed:   true,
	Check: func(ns *names, a *Args) *complaint {
		if b, ok := a.get("slow"); ok && !a.has("SPAN") {
			return &complaint{word: b.word, msg: "slow needs a delay, as in: disk b1 slow by 80ms"}
		}
		// A call to a stalled disk ends with the stall, so the end of the stall must be known when the call begins.
		if b, ok := a.get("stalled"); ok && !a.has("TIME") {
			return &complaint{word: b.word, msg: "stalled needs a time, as in: disk b1 stalled for 15s"}
		}
		return notNegative(ns, a)
	},
	Run: each("HOSTS", func(s *Session, a *Args, host env.Addr) {
		f := cluster.DiskFault{By: arg[env.Duration](a, "SPAN"), For: arg[env.Duration](a, "TIME"), Path: arg[string](a, "PATH")}
		for _, k := range diskFaults {
			if a.has(k) {
				f.Kind = k
			}
		}
		s.cluster.Disk(host, f)
	}),
}

// diskFaults are the kinds of DiskFault, under the world's names. heal ends them all.
var diskFaults = [...]string{"error", "broken", "full", "short-write", "slow", "stalled", "sync-lies", "sync-forgets", "bit-rot",
	"lost-write", "misdirected", "heal"}

// notNegative refuses a span below zero.
func notNegative(_ *names, a *Args) *complaint {
	if b, ok := a.get("SPAN"); ok && arg[env.Duration](a, "SPAN") < 0 {
		return &complaint{word: b.word, msg: "a delay cannot be negative"}
	}
	return nil
}

// lanesOf returns the lane of the line, or nil if the line is about all lanes.
func lanesOf(a *Args) []env.Lane {
	if !a.has("LANE") {
		return nil
	}
	return []env.Lane{arg[env.Lane](a, "LANE")}
}

// readLane reads the name of a lane.
func readLane(_ *names, w Word) (any, string) {
	for _, l := range cluster.LaneNames {
		if l.Name == w.Text {
			return l.Lane, ""
		}
	}
	return nil, fmt.Sprintf("no lane is called %q; there are %s", w.Text, strings.Join(laneNames(nil), ", "))
}

func laneNames(*names) (all []string) {
	for _, l := range cluster.LaneNames {
		all = append(all, l.Name)
	}
	return all
}

// each runs a fault on every machine of the line. If there is no such machine, it prints a message and not an error, because
// a role such as leader:orders-0 may be a machine on one seed and no machine on another.
func each(name string, do func(*Session, *Args, env.Addr)) func(*Session, *Args) Result {
	return func(s *Session, a *Args) Result {
		hosts := s.hosts(arg[[]hostTerm](a, name))
		if len(hosts) == 0 {
			w, _ := a.get(name)
			return Result{Text: w.word.Text + ": no machine is that now\n"}
		}
		for _, host := range hosts {
			do(s, a, host)
		}
		return Result{}
	}
}

// between runs a fault from each machine A to each machine B. If the arrow on the line has two heads, it also runs the fault
// from each B to each A.
func between(do func(s *Session, a *Args, from, to env.Addr)) func(*Session, *Args) Result {
	return func(s *Session, a *Args) Result {
		for _, from := range s.hosts(arg[[]hostTerm](a, "A")) {
			for _, to := range s.hosts(arg[[]hostTerm](a, "B")) {
				if from == to { // leader:TP <-> brokers means the leader and the other brokers
					continue
				}
				do(s, a, from, to)
				if a.has("<->") {
					do(s, a, to, from)
				}
			}
		}
		return Result{}
	}
}

// machines returns the addresses of all machines.
func (s *Session) machines() (all []env.Addr) {
	for _, m := range s.cluster.Machines() {
		all = append(all, m.Host)
	}
	return all
}
