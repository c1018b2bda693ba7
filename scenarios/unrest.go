package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsa/check"
	"samsa/sim/env"
	"samsa/wire"
)

// ObstacleKind is a kind of reason why a cluster is not quiet. The kinds are in the order of causes: an obstacle is most
// often a consequence of one with a smaller number.
type ObstacleKind uint8

// The kinds of obstacles, as String describes them.
const (
	NoCluster ObstacleKind = iota
	NoController
	BrokerFenced
	NoLeader
	OtherEpoch
	OtherEnd
	NotInSync
	LowHW
	FollowerLowHW
	NoPartition
	NodeDown // a file may leave a machine down on purpose, and the others must become quiet without it
	OperatorWaits
	ProducerWaits
	ConsumerWaits
	WorkloadRuns
	NotIdle
)

// String returns the kind in words, which are the same on every seed.
func (k ObstacleKind) String() string {
	return [...]string{
		"there is no cluster", "no controller is active", "a broker is fenced", "a partition has no leader",
		"a follower is in another epoch", "a follower's log ends elsewhere", "a follower is not in sync", "a high watermark is low",
		"a follower's high watermark is low", "a partition does not exist", "a broker or controller is down",
		"the operator waits", "a producer waits", "a consumer waits", "the code of a test has not returned", "a broker is not idle",
	}[k]
}

// Obstacle is one reason why a cluster is not quiet.
type Obstacle struct {
	Kind      ObstacleKind
	Text      string              // with the names and numbers of this seed
	Machine   env.Addr            // the machine that the obstacle is about; "" if none
	Partition wire.TopicPartition // the partition that the obstacle is about; the zero value if none
}

// obstacles holds all obstacles of one cluster.
type obstacles struct {
	core []env.Addr // the machines that must become quiet; nil for all
	all  []Obstacle
}

func (o *obstacles) add(kind ObstacleKind, format string, args ...any) {
	o.about(kind, "", wire.TopicPartition{}, format, args...)
}

// about adds an obstacle of a machine or a partition, unless it is there already.
func (o *obstacles) about(kind ObstacleKind, machine env.Addr, tp wire.TopicPartition, format string, args ...any) {
	if x := (Obstacle{kind, fmt.Sprintf(format, args...), machine, tp}); !slices.Contains(o.all, x) {
		o.all = append(o.all, x)
	}
}

// sorted returns the obstacles in the order of causes.
func (o *obstacles) sorted() []Obstacle {
	all := slices.Clone(o.all)
	slices.SortStableFunc(all, func(a, b Obstacle) int { return cmp.Compare(a.Kind, b.Kind) })
	return all
}

// words returns the kind and the text of the failure. The kind is the first obstacle in the order of causes, so it is the
// same on every seed, and also in a smaller scenario with fewer consequences. The text has all obstacles. A core need
// not lead every partition. So if there is a core, a partition without a leader may be no obstacle.
func (o *obstacles) words() (kind, text string) {
	var texts []string
	for _, x := range o.all {
		texts = append(texts, x.Text)
	}
	text = strings.Join(texts, "; ")
	all := o.sorted()
	for i, x := range all {
		next := i + 1
		for next < len(all) && all[next].Kind == x.Kind {
			next++
		}
		if x.Kind != NoLeader || o.core == nil || next == len(all) || all[next].Kind >= NoPartition {
			return x.Kind.String(), text
		}
	}
	return "", text
}

// unrest returns the kind and the text of a stuck run. If the run stopped at a line that waits for something other than a
// quiet cluster, the kind begins with the fixed words of that line.
func unrest(s *Session) (kind, text string) {
	kind, text = obstaclesOf(s).words()
	if c := waitedInVain(s); c != nil && !c.Args.has("quiet") {
		waited := c.Verb.Name
		for _, b := range c.Args.bound {
			if b.value == nil && b.name != "within" {
				waited += " " + b.name
			}
		}
		kind = waited + ": " + kind
	}
	return kind, text
}

// Obstacles returns the reasons why a session's cluster is not quiet, in the order of causes. If the run stopped at a line
// that waited in vain, waited is this line. Otherwise waited is nil.
func Obstacles(s *Session) (all []Obstacle, waited *Line) {
	if c := waitedInVain(s); c != nil {
		waited = &c.Line
	}
	return obstaclesOf(s).sorted(), waited
}

// Quiet returns the failure of a run that did not become quiet, in the form of a finding, so that samsa why can explain the
// failure. It returns false if the run has no such failure.
func Quiet(v *Verdict) (check.Finding, bool) {
	i := slices.IndexFunc(v.Failures, func(f Failure) bool { return f.Check == OfRest })
	if i < 0 {
		return check.Finding{}, false
	}
	f := &v.Failures[i]
	return check.Finding{
		Check: &check.Check{Name: OfRest, Liveness: true, Doc: "a line that waits comes to its end; a cluster becomes quiet when it has an active controller, " +
			"each partition has a leader, an ISR without gaps and equal logs, and no request waits"},
		Result: check.Result{Status: check.Violated, Step: f.Step, Explanation: f.Text},
	}, true
}

// obstaclesOf returns the obstacles of a session's cluster. It is called only if the cluster is not quiet, so there is at
// least one.
func obstaclesOf(s *Session) *obstacles {
	o := &obstacles{}
	if s.cluster == nil {
		o.add(NoCluster, "there is no cluster")
		return o
	}
	if c := waitedInVain(s); c != nil && c.Args.has("quiet") && c.Args.has("HOSTS") {
		o.core = s.hosts(arg[[]hostTerm](c.Args, "HOSTS"))
	}
	o.machines(s.cluster.Machines())
	for _, tp := range s.program.Partitions() {
		p, ok := s.cluster.Partition(tp)
		if !ok {
			o.about(NoPartition, "", tp, "%s does not exist", tp)
			continue
		}
		o.partition(p)
	}
	for _, waits := range s.Waiting() {
		kind, name := ProducerWaits, string(waits.Client)
		switch waits.Kind {
		case AConsumer:
			kind = ConsumerWaits
		case TheOperator:
			kind, name = OperatorWaits, string(waits.Kind)
		}
		o.about(kind, waits.Client, wire.TopicPartition{}, "%s waits for an answer", name)
	}
	if running := s.work.unreturned(); len(running) > 0 {
		o.add(WorkloadRuns, "the code of %s has not returned: %s", s.program.Workload(), strings.Join(running, ", "))
	}
	if len(o.all) == 0 {
		o.add(NotIdle, "all replicas agree, and a broker is not idle")
	}
	return o
}

// waitedInVain returns the "run until" line at which the run stopped, or nil.
func waitedInVain(s *Session) *Command {
	for i := range s.program.code {
		c := &s.program.code[i]
		if c.Verb == verbRun && slices.ContainsFunc(s.claims, func(x Claim) bool { return x.Line == &c.Line && !x.OK }) {
			return c
		}
	}
	return nil
}

// owes reports whether a machine must become quiet.
func (o *obstacles) owes(host env.Addr) bool { return o.core == nil || slices.Contains(o.core, host) }

// machines adds the obstacles of the machines.
func (o *obstacles) machines(all []MachineState) {
	active := false
	for _, m := range all {
		if m.Role == "client" || !o.owes(m.Host) {
			continue
		}
		active = active || m.Active && m.Up
		switch {
		case m.Up && m.Fenced:
			o.about(BrokerFenced, m.Host, wire.TopicPartition{}, "%s is fenced", m.Host)
		case !m.Up:
			o.about(NodeDown, m.Host, wire.TopicPartition{}, "%s is down", m.Host)
		}
	}
	if !active {
		o.add(NoController, "no controller is active")
	}
}

// partition adds the obstacles of one partition. Without a leader there is nothing that its followers could follow.
func (o *obstacles) partition(p PartitionState) {
	led := slices.ContainsFunc(p.Replicas, func(r ReplicaState) bool { return r.Leads && r.Node == p.Leader && o.owes(r.Host) })
	if !led {
		o.about(NoLeader, "", p.TP, "%s has no leader", p.TP)
		return
	}
	for _, r := range p.Replicas {
		if !r.Up || r.Node == p.Leader || !o.owes(r.Host) {
			continue
		}
		switch tp, b := p.TP, r.Host; {
		case r.Epoch != p.Epoch:
			o.about(OtherEpoch, b, tp, "%s follows %s in leader epoch %d, and the leader epoch is %d", b, tp, r.Epoch, p.Epoch)
		case r.End != p.End:
			o.about(OtherEnd, b, tp, "the log of %s on %s ends at %d, and that of the leader at %d", tp, b, r.End, p.End)
		case !slices.Contains(p.ISR, r.Node):
			o.about(NotInSync, b, tp, "%s is not in the ISR of %s", b, tp)
		case r.HW != p.End:
			o.about(FollowerLowHW, b, tp, "the high watermark of %s on %s is %d, and the log ends at %d", tp, b, r.HW, p.End)
		}
	}
	if p.HW != p.End {
		o.about(LowHW, "", p.TP, "the high watermark of %s is %d, and the log ends at %d", p.TP, p.HW, p.End)
	}
}
