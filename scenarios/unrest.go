package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"samsa/sim/env"
)

// obstacle is a reason why a cluster is not quiet. The obstacles are in the order of causes: most are a consequence of one with
// a smaller number, if there is one.
type obstacle uint8

const (
	noCluster obstacle = iota
	noController
	brokerFenced
	noLeader
	otherEpoch
	otherEnd
	notInSync
	hwLow
	followerHWLow
	noPartition
	nodeDown // a file may leave a machine down on purpose, and the others must become quiet without it
	operatorWaits
	producerWaits
	consumerWaits
	workloadRuns
	notIdle
)

// String returns the obstacle in words, which are the same on every seed.
func (o obstacle) String() string {
	return [...]string{
		"there is no cluster", "no controller is active", "a broker is fenced", "a partition has no leader",
		"a follower is in another epoch", "a follower's log ends elsewhere", "a follower is not in sync", "a high watermark is low",
		"a follower's high watermark is low", "a partition does not exist", "a broker or controller is down",
		"the operator waits", "a producer waits", "a consumer waits", "the code of a test has not returned", "a broker is not idle",
	}[o]
}

// obstacles holds all obstacles of one cluster, with their text on this seed.
type obstacles struct {
	core  []env.Addr // the machines that must become quiet; nil for all
	kinds []obstacle
	texts []string
}

func (o *obstacles) add(kind obstacle, format string, args ...any) {
	if !slices.Contains(o.kinds, kind) {
		o.kinds = append(o.kinds, kind)
	}
	if text := fmt.Sprintf(format, args...); !slices.Contains(o.texts, text) {
		o.texts = append(o.texts, text)
	}
}

// words returns the kind, which is the same for one failure on every seed, and the text. The kind is the first obstacle in the
// order of causes, and the text has all of them: a smaller scenario with fewer clients and partitions has fewer consequences,
// and is the same failure. A core need not lead every partition, so there a partition without a leader may be no obstacle.
func (o *obstacles) words() (kind, text string) {
	slices.Sort(o.kinds)
	text = strings.Join(o.texts, "; ")
	for i, k := range o.kinds {
		if k != noLeader || o.core == nil || i == len(o.kinds)-1 || o.kinds[i+1] >= noPartition {
			return k.String(), text
		}
	}
	return "", text
}

// unrest returns the obstacles of a session's cluster. If the run stopped at a line that waits for something else than a quiet
// cluster, the kind begins with the words of that line that have no names.
func unrest(s *Session) (kind, text string) {
	o := &obstacles{}
	if s.cluster == nil {
		o.add(noCluster, "there is no cluster")
		return o.words()
	}
	waited := ""
	if c := waitedInVain(s); c != nil {
		if c.Args.has("quiet") && c.Args.has("HOSTS") {
			o.core = s.hosts(arg[[]hostTerm](c.Args, "HOSTS"))
		}
		if !c.Args.has("quiet") {
			waited = c.Verb.Name
			for _, b := range c.Args.bound {
				if b.value == nil && b.name != "within" {
					waited += " " + b.name
				}
			}
			waited += ": "
		}
	}
	o.machines(s.cluster.Machines())
	for _, tp := range s.program.Partitions() {
		p, ok := s.cluster.Partition(tp)
		if !ok {
			o.add(noPartition, "%s does not exist", tp)
			continue
		}
		o.partition(p)
	}
	for _, waits := range s.Waiting() {
		kind := producerWaits
		switch waits {
		case AConsumer:
			kind = consumerWaits
		case TheOperator:
			kind = operatorWaits
		}
		o.add(kind, "%s waits for an answer", waits)
	}
	if running := s.work.unreturned(); len(running) > 0 {
		o.add(workloadRuns, "the code of %s has not returned: %s", s.program.Workload(), strings.Join(running, ", "))
	}
	if len(o.kinds) == 0 {
		o.add(notIdle, "all replicas agree, and a broker is not idle")
	}
	kind, text = o.words()
	return waited + kind, text
}

// waitedInVain returns the run until line at which the run stopped, or nil.
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
			o.add(brokerFenced, "%s is fenced", m.Host)
		case !m.Up:
			o.add(nodeDown, "%s is down", m.Host)
		}
	}
	if !active {
		o.add(noController, "no controller is active")
	}
}

// partition adds the obstacles of one partition. Without a leader there is nothing that its followers could follow.
func (o *obstacles) partition(p PartitionState) {
	led := slices.ContainsFunc(p.Replicas, func(r ReplicaState) bool { return r.Leads && r.Node == p.Leader && o.owes(r.Host) })
	if !led {
		o.add(noLeader, "%s has no leader", p.TP)
		return
	}
	for _, r := range p.Replicas {
		if !r.Up || r.Node == p.Leader || !o.owes(r.Host) {
			continue
		}
		switch tp, b := p.TP, r.Host; {
		case r.Epoch != p.Epoch:
			o.add(otherEpoch, "%s follows %s in leader epoch %d, and the leader epoch is %d", b, tp, r.Epoch, p.Epoch)
		case r.End != p.End:
			o.add(otherEnd, "the log of %s on %s ends at %d, and that of the leader at %d", tp, b, r.End, p.End)
		case !slices.Contains(p.ISR, r.Node):
			o.add(notInSync, "%s is not in the ISR of %s", b, tp)
		case r.HW != p.End:
			o.add(followerHWLow, "the high watermark of %s on %s is %d, and the log ends at %d", tp, b, r.HW, p.End)
		}
	}
	if p.HW != p.End {
		o.add(hwLow, "the high watermark of %s is %d, and the log ends at %d", p.TP, p.HW, p.End)
	}
}
