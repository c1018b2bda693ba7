package scenarios

import (
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim/env"
)

// Types of the packages cluster and observe are repeated here, so that a package that runs or shows sessions need not import
// those two packages.
type (
	// Sight is a viewer's interface to a cluster.
	Sight = observe.Sight
	// Note is one note with its node, event and time. Names turns the integers of a note into names.
	Note  = cluster.Note
	Names = cluster.Names
	// Event is one event, with its machine and the hash of the run up to it.
	Event = cluster.Event
	// Tally counts how much a run tested.
	Tally = cluster.Tally
	// PartitionState is the state of one partition, and MachineState is that of one machine.
	PartitionState = cluster.PartitionState
	ReplicaState   = cluster.ReplicaState
	MachineState   = cluster.MachineState
	// Setting is one config with its value.
	Setting = cluster.Setting
	// Override changes one or more of the random decisions that follow from the seed.
	Override = cluster.Override
	// Decisions receives the decisions that a run leaves to chance.
	Decisions = cluster.Decisions
	// Waiter is a client that waits for a response.
	Waiter = cluster.Waiter
	// Unsound is a bug in Samsa itself that the simulated world detected.
	Unsound = cluster.Unsound
	// Mode selects how messages travel. The hash of a run does not depend on the mode.
	Mode = cluster.Mode
)

const (
	ModePointer = cluster.ModePointer // pass the message itself
	ModeWire    = cluster.ModeWire    // encode the message to Kafka's bytes and decode it again
	ModeGuard   = cluster.ModeGuard   // pass the message itself and encode it later, to verify that it was not changed
)

// These are the kinds of clients that may wait.
const (
	AProducer   = cluster.AProducer
	AConsumer   = cluster.AConsumer
	TheOperator = cluster.TheOperator
)

// NoCause is the cause of an event that no other event caused.
const NoCause = cluster.NoCause

// Faulty lists every family of faults.
func Faulty() []cluster.Fault { return cluster.FaultFamilies() }

// OldRules returns the rules that Kafka once had and the known mistakes in implementing a rule, package by package. A run
// can enable any of them.
func OldRules() []cluster.OldRule { return cluster.OldRules() }

// NoteKinds lists every kind of note that nodes make.
func NoteKinds() []*env.NoteKind { return cluster.NoteKinds() }

// Draw makes a decision in [0, n) for planning a scenario. Like the world's own decisions, it is a hash of its arguments
// only, so adding or removing a decision changes no other.
func Draw(seed uint64, site, entity string, ordinal, n uint64) uint64 {
	return cluster.Draw(seed, site, entity, ordinal, n)
}
