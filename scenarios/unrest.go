package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// obstacle is a reason why a cluster is not quiet. Reports list obstacles in the order of their numbers.
type obstacle uint8

const (
	noCluster obstacle = iota
	brokerFenced
	nodeDown
	noPartition
	otherEpoch
	otherEnd
	notInSync
	followerHWLow
	noLeader
	hwLow
	consumerWaits
	producerWaits
	operatorWaits
	notIdle
)

// String returns the obstacle in words, which are the same on every seed.
func (o obstacle) String() string {
	return [...]string{
		"there is no cluster", "a broker is fenced", "a broker or controller is down", "a partition does not exist",
		"a follower is in another epoch", "a follower's log ends elsewhere", "a follower is not in sync",
		"a follower's high watermark is low", "a partition has no leader", "a high watermark is low",
		"a consumer waits", "a producer waits", "the operator waits", "a broker is not idle",
	}[o]
}

// obstacles holds all obstacles of one cluster, with their text on this seed.
type obstacles struct {
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

// words returns the kind, which is the same for one failure on every seed, and the text.
func (o *obstacles) words() (kind, text string) {
	slices.Sort(o.kinds)
	var kinds []string
	for _, k := range o.kinds {
		kinds = append(kinds, k.String())
	}
	return strings.Join(kinds, "; "), strings.Join(o.texts, "; ")
}

// unrest finds the obstacles of a session's cluster.
func unrest(s *Session) (kind, text string) {
	o := &obstacles{}
	c := s.cluster
	if c == nil {
		o.add(noCluster, "there is no cluster")
		return o.words()
	}
	for _, m := range c.Machines() {
		switch {
		case m.Up && m.Fenced:
			o.add(brokerFenced, "%s is fenced", m.Host)
		case !m.Up && m.Role != "client":
			o.add(nodeDown, "%s is down", m.Host)
		}
	}
	for _, tp := range s.Program().Partitions() {
		p, ok := c.Partition(tp)
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
	if len(o.kinds) == 0 {
		o.add(notIdle, "all replicas agree, and a broker is not idle")
	}
	return o.words()
}

// partition adds the obstacles of one partition.
func (o *obstacles) partition(p PartitionState) {
	led := false
	for _, r := range p.Replicas {
		led = led || r.Leads && r.Node == p.Leader
		if !r.Up || r.Node == p.Leader {
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
	switch {
	case !led:
		o.add(noLeader, "%s has no leader", p.TP)
	case p.HW != p.End:
		o.add(hwLow, "the high watermark of %s is %d, and the log ends at %d", p.TP, p.HW, p.End)
	}
}
