package scenarios

import (
	"samsa/check"
	"samsa/sim"
	"samsa/wire"
)

// Tally is what a run was worth as a test: how much was promised, and what tried to break the promises. A campaign adds
// tallies up, to show that it was not idle.
type Tally struct {
	AckedBatches  int64 // batches whose producer was told that they are stored, with acks 1 or all
	AckedRecords  int64
	ReadRecords   int64 // delivered to consumers
	Moves         int64 // leaders that appeared in a later epoch than the first
	MovesInFlight int64 // those of them while records for that partition were on their way, with acks 1 or all
	Faults        []sim.Activation
}

// Tally counts what has happened so far; the zero value before the first line ran, or if the cluster cannot tell.
func (s *Session) Tally() Tally {
	c, ok := s.cluster.(*cluster)
	if !ok {
		return Tally{}
	}
	t := c.tally
	t.Faults = c.world.Activations()
	for _, op := range c.evidence.History {
		switch {
		case op.Kind == check.Poll:
			t.ReadRecords++
		case op.Kind == check.Send && op.Outcome == check.OK && op.Acks != 0:
			t.AckedRecords++
		}
	}
	return t
}

// moves counts leaders that appeared in the event under way.
func (c *cluster) moves() {
	for _, tp := range c.partitions() {
		p, ok := c.Partition(tp)
		if !ok || p.Epoch <= c.seen[tp] || !led(p, nil) {
			continue
		}
		if c.seen == nil {
			c.seen = map[wire.TopicPartition]wire.Epoch{}
		}
		c.seen[tp] = p.Epoch
		c.tally.Moves++
		if c.inFlight(tp) {
			c.tally.MovesInFlight++
		}
	}
}

// inFlight says whether a producer that wants to know waits for an answer about a partition.
func (c *cluster) inFlight(tp wire.TopicPartition) bool {
	for _, o := range c.ops {
		if !o.reads && !o.done && o.tp == tp && o.client != operator && c.hosts[o.client].acks != 0 {
			return true
		}
	}
	return false
}
