package cluster

import (
	"slices"

	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// Cluster is the interface between verbs and a running cluster: time, operations of clients, faults, and views of the state.
// Verbs use nothing else, so they can be tested with a fake of forty lines.
//
// No method waits. An operation is started and identified by an Op; the session steps the world until Outcome has a result.
// Everything is deterministic: the same calls at the same events give the same run. Hosts, topics and partitions have been
// validated against the file. A fault on a machine that is already in that state does nothing, so that a shrunk scenario
// still runs.
type Cluster interface {
	Clockwork
	Operations
	Faults
	Sight
}

// Clockwork is the world's progress.
type Clockwork interface {
	// Step runs one event; false means that there is none.
	Step() bool
	// Now is true time since the world began.
	Now() env.Duration
	// Events and Steps count the events so far, and those that are steps of the story. The latest step has the number Steps.
	Events() uint64
	Steps() uint64
	// Hash is the run's identity so far.
	Hash() uint64
	// Shape is that identity without names: it stays the same when code is only moved or renamed.
	Shape() uint64
	// Close ends the world and stops everything in it.
	Close()
	// At runs do as an event of its own at time t (not before now).
	At(t env.Duration, label string, do func())
}

// Operations are requests of clients and the operator. Each returns at once.
type Operations interface {
	// AddClient makes a client machine and starts it. Configs are client configs; the session calls it once per name,
	// before the client's first operation.
	AddClient(name env.Addr, configs []Setting)
	// CreateTopic is done when the topic exists and every partition has a leader that its broker knows of.
	CreateTopic(spec TopicSpec) Op
	// SetConfig is done when the controller has committed it. An empty topic means every broker.
	SetConfig(topic string, configs []Setting) Op
	// DeleteTopic is done when the controller has committed it.
	DeleteTopic(name string) Op
	// AddPartitions is done when the controller has committed the new partitions.
	AddPartitions(topic string, partitions int32) Op
	// DeleteRecords is done when every live replica's log start is at an offset, or (-1) at the former high watermark.
	DeleteRecords(tp wire.TopicPartition, before wire.Offset) Op
	// Finalise is done when the controller has committed the levels of features.
	Finalise(levels []Setting) Op
	// ElectLeader is done when the controller has committed it: the preferred replica, or, unclean, any that is alive.
	ElectLeader(tp wire.TopicPartition, unclean bool) Op
	// Produce sends one record per value, in order, and is done when the client knows the outcome of each.
	Produce(client env.Addr, tp wire.TopicPartition, values []string) Op
	// Consume reads from a position (-1: the log start) and is done when max records were delivered, or when it has read up
	// to the high watermark in its first fetch response.
	Consume(client env.Addr, tp wire.TopicPartition, from wire.Offset, max int32) Op
	// Outcome is the result of an operation; false while it is running.
	Outcome(Op) (Outcome, bool)
}

// Faults begin and end faults. A host is a machine of the cluster or a client.
type Faults interface {
	// Crash kills the process; with power, what was not synced may be lost too.
	Crash(host env.Addr, power bool)
	// CrashInside kills the process right after its n-th change of its disk from now, in the middle of an event.
	CrashInside(host env.Addr, n int64)
	// Stop asks for a clean shutdown. The machine stays down until Start.
	Stop(host env.Addr)
	// Start boots a machine that is down.
	Start(host env.Addr)
	// AutoRestart boots it now, and again whenever its process ends, until Crash or Stop.
	AutoRestart(host env.Addr)
	// DuplicateID starts a second machine, on an empty disk, with a broker that has the node id of host.
	DuplicateID(host, as env.Addr)
	Pause(host env.Addr)
	Resume(host env.Addr)
	// SlowCPU multiplies the processing time of the process; 1 is normal.
	SlowCPU(host env.Addr, times int64)

	// Cut stops everything that is sent from one host to the other, in that direction only.
	Cut(from, to env.Addr)
	// Slow adds to the delay of that direction; 0 takes it back.
	Slow(from, to env.Addr, by env.Duration)
	// Link starts a fault of the connections that one host has opened to the other, or of that direction of the network.
	Link(from, to env.Addr, f LinkFault)
	// Heal ends Cut, Slow and lasting faults of Link, in that direction.
	Heal(from, to env.Addr)
	// Calm ends the noise: the random faults.
	Calm()

	Clock(host env.Addr, f ClockFault)
	Disk(host env.Addr, f DiskFault)
}

// Sight shows a cluster's state. No call changes anything: a run, its hash and the final findings of its judges stay the
// same. The caller owns the slices, whose order is deterministic.
type Sight interface {
	// Partition describes one partition; false if the controller knows of none.
	Partition(tp wire.TopicPartition) (PartitionState, bool)
	// Log is one replica's log, oldest batch first; nil if the machine never held one.
	Log(host env.Addr, tp wire.TopicPartition) []BatchState
	// Files lists a machine's disk, in byte order of the paths.
	Files(host env.Addr) []FileState
	// Requests are the stage times of the requests that a broker or controller has answered since the world began, by API.
	Requests(host env.Addr) []RequestState
	// Metrics are a running broker's metrics under Kafka's JMX names; counts are of this incarnation.
	Metrics(host env.Addr) []MetricState
	// Machines are brokers, then controllers, then clients, each in the order of creation.
	Machines() []MachineState
	// Names turns the integers of notes back into names.
	Names() Names
	// Sound is a bug of ours that the world found, such as a message that was changed after it was sent (guard mode); nil if
	// none. It is no verdict on Kafka.
	Sound() error
	// Unmet are the overrides that changed nothing, because the run made no decision that they match.
	Unmet() []Override
	// Quiet reports whether no operation is running and all live replicas agree. With a core, it requires only what those
	// machines can do while all others are down.
	Quiet(core []env.Addr) bool
	// Tally counts the events so far that make a run worth something as a test.
	Tally() Tally
	// Waiting are the clients that wait for a response, one for each request, in the order of the requests.
	Waiting() []Waiter
}

// Options decide a world before its first event. Zero values mean the default.
type Options struct {
	Brokers     int32 // b1..bn
	Controllers int32 // c1..cn
	Seed        uint64
	Mode        Mode
	Noise       string     // random faults, see noises; "" is calm
	Configs     []Setting  // of brokers, feature and scenario scope, in the order written; later ones win
	Rules       []string   // old rules that are switched on
	Overrides   []Override // decisions of the world that do not follow the seed
	// Sink gets every note when it happens, story or not. Nil: notes are not wanted.
	Sink func(Note)
}

// Setting is one config as written, already checked against the table of configs.
type Setting struct{ Name, Value string }

// Override is one change to the decisions of the seed: Pin fixes one decision, Off sets all of a site to 0, Keep sets all
// but the named ones to 0, and Salt draws again, as another seed would.
type Override = sim.Override

// Time is true time since the world began, as overrides have it.
type Time = sim.Time

// The kinds of overrides.
const (
	Pin  = sim.Pin
	Off  = sim.Off
	Keep = sim.Keep
	Salt = sim.Salt
)

// Mode is how messages travel. The hash of a run does not depend on it.
type Mode = sim.Mode

const (
	ModePointer = sim.Pointer // hand the value over
	ModeWire    = sim.Wire    // encode to Kafka's bytes and decode again
	ModeGuard   = sim.Guard   // hand the value over and prove that it was not changed
)

// TopicSpec is a topic to create. With On set, Replicas is its length: every partition starts at the next of these nodes, as
// p mod n, so that the first partition's preferred leader is On[0].
type TopicSpec struct {
	Name                 string
	Partitions, Replicas int32
	On                   []wire.NodeID // empty: the controller places the replicas
	Configs              []Setting
	AtOnce               bool // with the brokers that are registered now: done when the controller has committed it or refused it
}

// Op names an operation that was started. 0 is none.
type Op int64

// OutcomeStatus is how an operation ended for its client. Unknown never becomes Failed.
type OutcomeStatus uint8

const (
	OutcomeOK      OutcomeStatus = iota // done, and the client knows
	OutcomeFailed                       // refused, and certainly without effect
	OutcomeUnknown                      // no response: it may or may not have taken effect
)

// Outcome is the end of one operation, as its client knows it.
type Outcome struct {
	Status  OutcomeStatus
	Error   string // Kafka's error name or the client's own; empty on success
	Records []RecordOutcome
}

// RecordOutcome is one record of a Produce (in the order of the values) or of a Consume (in the order of delivery).
type RecordOutcome struct {
	Offset wire.Offset // -1 if the client knows none
	Key    string
	Value  string
	Status OutcomeStatus
	Error  string
}

// LinkFault is a fault of connections.
type LinkFault struct {
	Kind string       // one of linkFaults
	For  env.Duration // how long it lasts; 0 until healed. A stall without it lasts stallTime
}

// ClockFault changes one machine's clock.
type ClockFault struct {
	Kind string       // "skew", "step", "drift", "monotonic-drift"
	By   env.Duration // skew, step: how far, forwards if positive
	PPM  int64        // drift, monotonic-drift: parts per million, faster if positive
}

// DiskFault changes how one machine's disk behaves.
type DiskFault struct {
	Kind string       // as the world names it, without "disk.": "error", "broken", "slow"; "heal" ends them all
	By   env.Duration // slow: added to each operation
	For  env.Duration // how long the fault lasts; 0 until healed
	Path string       // only files with a path that starts so; empty for all
}

// PartitionState is one partition as the controller and the machines have it now. Start, HW and End are the leader's, or
// those of the most advanced live replica while there is no leader.
type PartitionState struct {
	TP             wire.TopicPartition
	Leader         wire.NodeID
	Epoch          wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	Start, HW, End wire.Offset
	ISR            []wire.NodeID // ascending
	ELR            []wire.NodeID // ascending
	Replicas       []ReplicaState
}

// Led reports whether the partition has a leader that is up and leads by its own state, and, unless by is empty, is one of
// those hosts. The controller's state alone is not enough: the broker may not have applied it yet, or may have died since.
func (p PartitionState) Led(by []env.Addr) bool {
	for _, r := range p.Replicas {
		if p.Leader != wire.NoNode && r.Node == p.Leader && r.Up && r.Leads && r.Epoch == p.Epoch {
			return len(by) == 0 || slices.Contains(by, r.Host)
		}
	}
	return false
}

// ReplicaState is one copy, in assignment order.
type ReplicaState struct {
	Node           wire.NodeID
	Host           env.Addr
	Up             bool
	Leads          bool // by its own state
	Epoch          wire.Epoch
	Start, HW, End wire.Offset
}

// BatchState is one batch of a log.
type BatchState struct {
	Base, Next wire.Offset // [Base, Next)
	Epoch      wire.Epoch
	Producer   wire.ProducerID
	PEpoch     wire.ProducerEpoch
	Sequence   int32
	Control    bool
	Values     []string
}

// FileState is one file of a disk.
type FileState struct {
	Path   string
	Size   int64
	Synced int64 // bytes a power loss would leave
}

// MachineState is one machine.
type MachineState struct {
	Host        env.Addr
	Node        wire.NodeID // NoNode for a client
	Role        string      // "broker", "controller", "client"
	Up          bool
	Paused      bool
	Fenced      bool // a broker that is fenced or not registered
	Active      bool // a controller that, by its own state, leads the quorum
	Incarnation uint32
	Note        string // a few words, such as "active controller, epoch 3"
}

// Note is one env.Note with where and when it happened.
type Note struct {
	Event uint64
	Cause uint64 // the event that scheduled this one, or NoCause
	Step  uint64 // of the story, from 1; 0 if the event is no step
	Time  env.Duration
	Who   env.Addr
	Kind  *env.NoteKind
	Args  [4]int64
}

// NoCause is the cause of an event that no other event caused: a line of a scenario, a random fault.
const NoCause = sim.NoCause

// RequestState is the stage times of a machine's requests of one API.
type RequestState struct {
	API       string // Kafka's name: "Produce"
	Count     int64  // answered
	Mean, Max StageTimes
}

// MetricState is the value of one metric. Times are in nanoseconds.
type MetricState struct {
	Name  string // "ReplicaManager.UnderReplicatedPartitions"
	Value int64
}

// Names turns the integers in notes back into names; "" if there is none.
type Names interface {
	Topic(short int64) string
	Node(id wire.NodeID) string
}
