package scenarios

import (
	"github.com/twmb/franz-go/pkg/kmsg"

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
	Operations    []Operated
}

// Operated is what operators asked for through one API: how often, and how often it was done.
type Operated struct {
	API         string // as Kafka names it
	Asked, Done int64
}

// operated counts what operators asked for; every API that a verb uses is in it.
func operated(c *cluster) (all []Operated) {
	for _, api := range [...]kmsg.Key{kmsg.CreateTopics, kmsg.DeleteTopics, kmsg.CreatePartitions, kmsg.DeleteRecords, kmsg.ElectLeaders,
		kmsg.IncrementalAlterConfigs, kmsg.UpdateFeatures} {
		all = append(all, Operated{API: api.Name()})
	}
	for _, o := range c.ops {
		for i := range all {
			if all[i].API != o.asks {
				continue
			}
			all[i].Asked++
			if o.done && o.outcome.Status == OutcomeOK {
				all[i].Done++
			}
		}
	}
	return all
}

// Tally counts what has happened so far; the zero value before the first line ran, or if the cluster cannot tell.
func (s *Session) Tally() Tally {
	c, ok := s.cluster.(*cluster)
	if !ok {
		return Tally{}
	}
	t := c.tally
	t.Faults, t.Operations = c.world.Activations(), operated(c)
	for _, op := range c.evidence.History {
		switch op := op.(type) {
		case *check.Consume:
			if op.Kind == check.RecordRead {
				t.ReadRecords++
			}
		case *check.Produce:
			if op.Outcome == check.OK && op.Acks != 0 {
				t.AckedRecords++
			}
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
		if inFlight(c, tp) {
			c.tally.MovesInFlight++
		}
	}
}

// inFlight says whether a producer that wants to know waits for an answer about a partition.
func inFlight(c *cluster, tp wire.TopicPartition) bool {
	for _, o := range c.ops {
		if !o.reads && !o.done && o.tp == tp && o.client != operator && c.hosts[o.client].acks != 0 {
			return true
		}
	}
	return false
}

// Waiter is a client that waits for an answer, by what it is.
type Waiter string

// The clients that may wait.
const (
	AProducer   Waiter = "a producer"
	AConsumer   Waiter = "a consumer"
	TheOperator Waiter = "the operator"
)

// Waiting are the clients that wait for an answer, one for each request, in the order of the requests.
func (s *Session) Waiting() (all []Waiter) {
	c, ok := s.cluster.(*cluster)
	if !ok {
		return nil
	}
	for i, o := range c.ops {
		if _, done := c.Outcome(Op(i + 1)); done {
			continue
		}
		switch {
		case o.client == operator:
			all = append(all, TheOperator)
		case o.reads:
			all = append(all, AConsumer)
		default:
			all = append(all, AProducer)
		}
	}
	return all
}

// Partitions are those of all topics that the file makes, in its order.
func (p *Program) Partitions() (all []wire.TopicPartition) {
	for _, t := range p.ns.topics {
		for i := range t.partitions {
			all = append(all, wire.TopicPartition{Topic: t.name, Partition: i})
		}
	}
	return all
}
