package cluster

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// Tally counts how much a run tested: acknowledged records, leader changes and faults. A campaign sums up the tallies of its
// runs, to show that it was not idle.
type Tally struct {
	AckedBatches  int64 // batches acknowledged to their producers, with acks 1 or all
	AckedRecords  int64
	SentToAll     int64 // records sent with acks=all
	AckedToAll    int64 // those of them that were acknowledged
	ReadRecords   int64 // records delivered to consumers
	Moves         int64 // leaders that appeared in a later epoch than the partition's first leader
	MovesInFlight int64 // Moves while records for the partition were in flight, with acks 1 or all
	Faults        []sim.Activation
	Operations    []Operated
}

// Operated counts an operator's requests of one API and how many of them succeeded.
type Operated struct {
	API         string // Kafka's name
	Asked, Done int64
}

// operated counts the operator's requests. The result has an entry for every API that a verb uses.
func operated(c *simCluster) (all []Operated) {
	for _, api := range [...]kmsg.Key{kmsg.CreateTopics, kmsg.DeleteTopics, kmsg.CreatePartitions, kmsg.DeleteRecords, kmsg.ElectLeaders,
		kmsg.IncrementalAlterConfigs, kmsg.UpdateFeatures} {
		all = append(all, Operated{API: api.Name()})
	}
	for _, o := range c.ops {
		for i := range all {
			if all[i].API != o.api {
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

// Tally implements Sight.
func (c *simCluster) Tally() Tally {
	t := c.tally
	t.Faults, t.Operations = c.world.Activations(), operated(c)
	return t
}

// countMoves counts the leaders that appeared in the current event.
func (c *simCluster) countMoves() {
	for _, tp := range c.partitions() {
		p, ok := c.Partition(tp)
		if !ok || p.Epoch <= c.ledIn[tp] || !p.Led(nil) {
			continue
		}
		if c.ledIn == nil {
			c.ledIn = map[wire.TopicPartition]wire.Epoch{}
		}
		c.ledIn[tp] = p.Epoch
		c.tally.Moves++
		if inFlight(c, tp) {
			c.tally.MovesInFlight++
		}
	}
}

// inFlight reports whether a producer with acks 1 or all waits for a response about a partition.
func inFlight(c *simCluster, tp wire.TopicPartition) bool {
	for _, o := range c.ops {
		if !o.reads && !o.done && o.tp == tp && o.client != operator && c.hosts[o.client].acks != 0 {
			return true
		}
	}
	return false
}

// Waiter is a client that waits for a response.
type Waiter struct {
	Kind   WaiterKind
	Client env.Addr
}

// WaiterKind is a kind of client that may wait.
type WaiterKind string

// These are the kinds of clients that may wait.
const (
	AProducer   WaiterKind = "a producer"
	AConsumer   WaiterKind = "a consumer"
	TheOperator WaiterKind = "the operator"
)

// Waiting implements Sight.
func (c *simCluster) Waiting() (all []Waiter) {
	for i, o := range c.ops {
		if _, done := c.Outcome(Op(i + 1)); done {
			continue
		}
		kind := AProducer
		switch {
		case o.client == operator:
			kind = TheOperator
		case o.reads:
			kind = AConsumer
		}
		all = append(all, Waiter{kind, o.client})
	}
	return all
}
