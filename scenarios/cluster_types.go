package scenarios

import (
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim/env"
)

// A package that runs or shows sessions imports this one alone: these are the names that it needs from below.
type (
	// Sight is all that a viewer sees of a cluster.
	Sight = observe.Sight
	// Note is one note with where and when it was made, Names what its integers mean.
	Note  = cluster.Note
	Names = cluster.Names
	// Tally is what a run was worth as a test.
	Tally = cluster.Tally
	// PartitionState is one partition as the controller and the machines have it, MachineState one machine.
	PartitionState = cluster.PartitionState
	ReplicaState   = cluster.ReplicaState
	MachineState   = cluster.MachineState
	// Setting is one config as written.
	Setting = cluster.Setting
	// Override is one change to what the seed decides.
	Override = cluster.Override
	// Waiter is a client that waits for an answer, by its kind.
	Waiter = cluster.Waiter
	// Unsound is a bug of ours that the world found.
	Unsound = cluster.Unsound
	// Mode is how messages travel. The hash of a run does not depend on it.
	Mode = cluster.Mode
)

const (
	ModePointer = cluster.ModePointer // the value is handed over
	ModeWire    = cluster.ModeWire    // it is encoded to Kafka's bytes and decoded again
	ModeGuard   = cluster.ModeGuard   // it is handed over, and a later encoding proves that it was not changed
)

// The clients that may wait.
const (
	AProducer   = cluster.AProducer
	AConsumer   = cluster.AConsumer
	TheOperator = cluster.TheOperator
)

// NoCause is the cause of an event that nothing in the world caused.
const NoCause = cluster.NoCause

// Faulty lists every family of faults that the world can do.
func Faulty() []cluster.Fault { return cluster.FaultFamilies() }

// OldRules are all exhibits, package by package.
func OldRules() []cluster.OldRule { return cluster.OldRules() }

// NoteKinds lists every kind of note that nodes make.
func NoteKinds() []*env.NoteKind { return cluster.NoteKinds() }

// Draw is a decision in [0, n) for planning a scenario: a hash of its arguments and nothing else, as the world's own decisions
// are. So one decision more or less moves no other.
func Draw(seed uint64, site, entity string, ordinal, n uint64) uint64 {
	return cluster.Draw(seed, site, entity, ordinal, n)
}
