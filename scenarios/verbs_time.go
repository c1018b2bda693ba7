package scenarios

import (
	"fmt"
	"slices"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// verbAt exists only for its help page. It has no Run, because the parser removes "at TIME" from the start of a line.
var verbAt = &Verb{
	Name:  "at",
	Group: "time",
	Forms: []string{"TIME"},
	Doc: "Runs the verb after it at that time since the start. The lines below start at once. A scenario does not end before its " +
		"last timed line.",
	Example: "at 1.2s crash b2 power\nat 4s start b2",
}

var verbWait = &Verb{
	Name:    "wait",
	Group:   "time",
	Forms:   []string{"TIME"},
	Doc:     "Waits for a span of virtual time.",
	Example: "wait 30s",
	Run: func(s *Session, a *Args) Result {
		return s.pass(s.cluster.Now() + arg[env.Duration](a, "TIME"))
	},
}

var verbRun = &Verb{
	Name:  "run",
	Group: "time",
	Forms: []string{
		"until leader TP [is HOST] [within TIME]",
		"until leaderless TP [within TIME]",
		"until isr TP IDS [within TIME]",
		"until controller [within TIME]",
		"until down HOSTS [within TIME]",
		"until hw TP >= OFFSET [within TIME]",
		"until epoch TP >= EPOCH [on HOST] [within TIME]",
		"until truncated TP on HOST [since SPAN] [within TIME]",
		"until quiet [of HOSTS] [within TIME]",
		"until time TIME",
	},
	Doc: "Runs until a condition holds: a partition has a leader that is up and knows it, or has no leader; the ISR is exactly these " +
		"replicas; the high watermark reached an offset; the leader epoch reached a number, at the controller or on a replica; a replica truncated " +
		"its log, since the start of the run or since a time; a controller is active; machines are down; the cluster is quiet: no " +
		"operation is running and all live replicas agree; the time since the start is reached. quiet of some machines requires " +
		"only what they can do while the others are away: a partition without an electable replica on them stays without a leader. " +
		"If the condition does not hold within the time (ten minutes if left out), the scenario ends and its verdict is inconclusive.",
	Example: "run until leader orders-0 is b2 within 30s\nrun until isr orders-0 2,3\nrun until hw orders-0 >= 7\n" +
		"run until epoch orders-0 >= 2 on b1\nrun until truncated orders-0 on b1 since 20s within 1m\nrun until quiet",
	Check: checkRun,
	Run:   runUntil,
}

// checkRun refuses a line that waits until a client is quiet, because only brokers and controllers can be quiet.
func checkRun(_ *names, a *Args) *complaint {
	b, ok := a.get("HOSTS")
	if !ok || !a.has("quiet") {
		return nil
	}
	for _, t := range arg[[]hostTerm](a, "HOSTS") {
		if t.client {
			return &complaint{word: b.word, msg: fmt.Sprintf("%s is a client, and quiet is of brokers and controllers; "+
				"a line of a client waits for its own outcome", t.addr)}
		}
	}
	return nil
}

func runUntil(s *Session, a *Args) Result {
	if a.has("time") {
		return s.pass(arg[env.Duration](a, "TIME"))
	}
	r := Result{After: argOr(a, "TIME", patience)}
	partition := func(so func(cluster.PartitionState) bool) func() bool {
		return func() bool {
			p, ok := s.cluster.Partition(a.tp())
			return ok && so(p)
		}
	}
	switch {
	case a.has("leader"):
		terms := arg[[]hostTerm](a, "HOST")
		r.Until = partition(func(p cluster.PartitionState) bool { return p.Led(s.hosts(terms)) })
	case a.has("leaderless"):
		r.Until = partition(func(p cluster.PartitionState) bool { return p.Leader == wire.NoNode })
	case a.has("epoch"):
		terms, least := arg[[]hostTerm](a, "HOST"), arg[wire.Epoch](a, "EPOCH")
		r.Until = partition(func(p cluster.PartitionState) bool { return inEpoch(p, least, s.hosts(terms)) })
	case a.has("truncated"):
		terms, since := arg[[]hostTerm](a, "HOST"), arg[env.Duration](a, "SPAN")
		r.Until = func() bool {
			return slices.ContainsFunc(s.hosts(terms), func(h env.Addr) bool {
				at, cut := s.cuts[truncation{a.tp(), h}]
				return cut && at >= since
			})
		}
	case a.has("down"):
		terms := arg[[]hostTerm](a, "HOSTS")
		r.Until = func() bool { return s.down(s.hosts(terms)) }
	case a.has("controller"):
		r.Until = func() bool { return len(s.hosts([]hostTerm{{role: "controller"}})) > 0 }
	case a.has("isr"):
		want := arg[[]wire.NodeID](a, "IDS")
		r.Until = partition(func(p cluster.PartitionState) bool { return slices.Equal(p.ISR, want) })
	case a.has("hw"):
		r.Until = partition(func(p cluster.PartitionState) bool { return p.HW >= arg[wire.Offset](a, "OFFSET") })
	default:
		terms := arg[[]hostTerm](a, "HOSTS")
		r.Until = func() bool { return s.cluster.Quiet(s.hosts(terms)) }
	}
	l := s.line() // read it now, because s.line() is another line when the wait ends
	began := s.cluster.Now()
	r.Then = func(met bool) string {
		text := l.String()
		if met {
			s.claim(l, true, text)
			return ""
		}
		text += fmt.Sprintf(": not so after %s", formatDuration(s.cluster.Now()-began))
		// Later lines assume that the condition holds. Without it, their claims and findings would not be about the story.
		s.claim(l, false, text)
		s.stop(StopPatience, fmt.Sprintf("line %d: %s", l.Num, text))
		return text + "\n"
	}
	return r
}

// truncation names a replica that truncated its log.
type truncation struct {
	tp wire.TopicPartition
	by env.Addr
}

// truncations are the kinds of notes of a replica that truncates its log.
var truncations = [...]string{"partition.truncated", "partition.cut-blindly", "partition.restarted"}

// inEpoch reports whether a partition's leader epoch has reached a number at the controller or, if hosts is not empty, on a
// replica on one of the hosts that is up.
func inEpoch(p cluster.PartitionState, least wire.Epoch, hosts []env.Addr) bool {
	if len(hosts) == 0 {
		return p.Epoch >= least
	}
	return slices.ContainsFunc(p.Replicas, func(r cluster.ReplicaState) bool {
		return r.Up && r.Epoch >= least && slices.Contains(hosts, r.Host)
	})
}

// down reports whether none of these machines is running.
func (s *Session) down(hosts []env.Addr) bool {
	for _, m := range s.cluster.Machines() {
		if m.Up && slices.Contains(hosts, m.Host) {
			return false
		}
	}
	return true
}

// line returns the line that is being started.
func (s *Session) line() *Line { return &s.program.code[s.next-1].Line }

func rawWords(words []Word) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.Raw
	}
	return all
}

// pass waits until a time. It schedules an event at that time, so that the world stops there and not at the next other
// event.
func (s *Session) pass(until env.Duration) Result {
	if until <= s.cluster.Now() {
		return Result{}
	}
	passed := false
	s.cluster.At(until, "wait", func() { passed = true })
	return Result{Until: func() bool { return passed }, After: until - s.cluster.Now() + 1}
}
