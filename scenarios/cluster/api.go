package cluster

import (
	"slices"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// Cluster is the interface between verbs and a running cluster: time, operations of clients, faults, and views of the state.
// Verbs use nothing else, so a small fake is enough to test them.
//
// No method waits. A method that starts an operation returns its Op; the session steps the world until Outcome has a result.
// Everything is deterministic: the same calls at the same events give the same run. The caller has validated hosts, topics
// and partitions against the file. A fault on a machine that is already in that state does nothing, so that a shrunk
// scenario still runs.
type Cluster interface {
	Clockwork
	Operations
	Faults
	Sight
}

// Clockwork moves the time of a world.
type Clockwork interface {
	// Step runs one event. It returns false if there is none.
	Step() bool
	// Now returns the true time since the world began.
	Now() env.Duration
	// Events returns the number of events so far; Steps returns the number of those events that are steps of the story.
	Events() uint64
	Steps() uint64
	// Hash returns a hash that identifies the run so far.
	Hash() uint64
	// Shape returns a hash like Hash that leaves out all names, so it stays the same when code is only moved or renamed.
	Shape() uint64
	// Close ends the world and stops everything in it.
	Close()
	// At runs do as an event of its own at time t, which must not be before now.
	At(t env.Duration, label string, do func())
}

// Operations are requests of clients and the operator. Each method returns at once.
type Operations interface {
	// AddClient makes a client machine and starts it. The settings are client configs. The session calls AddClient once per
	// name, before the client's first operation.
	AddClient(name env.Addr, configs []Setting)
	// CreateTopic is done when the topic exists, every partition has a leader, and each leader knows that it is leader.
	CreateTopic(spec TopicSpec) Op
	// AlterConfigs is done when the controller has committed the configs. To delete a config, only its name is needed.
	AlterConfigs(of ConfigsOf, how AlterConfig, configs []Setting) Op
	// DeleteTopic is done when the controller has committed the deletion.
	DeleteTopic(name string) Op
	// AddPartitions is done when the controller has committed the new partitions.
	AddPartitions(topic string, partitions int32) Op
	// DeleteRecords is done when the log of every live replica starts at the offset before. If before is -1, DeleteRecords
	// uses the high watermark at that time.
	DeleteRecords(tp wire.TopicPartition, before wire.Offset) Op
	// Finalise is done when the controller has committed the levels of the features.
	Finalise(levels []Setting) Op
	// ElectLeader is done when the controller has committed the election. It elects the preferred replica or, if unclean is
	// set, any live replica.
	ElectLeader(tp wire.TopicPartition, unclean bool) Op
	// Ask sends a question of the operator to a broker, and is done when the broker has answered.
	Ask(q Question) Op
	// Produce sends one record per value, in order, and is done when the client knows the outcome of every record. The client
	// chooses the partitions if the one of tp is AnyPartition. The records have the fields of how, if there is one.
	Produce(client env.Addr, tp wire.TopicPartition, values []string, how ...RecordFields) Op
	// Consume reads from an offset, or from FromStart or FromEnd. It is done when max records were delivered, or when the
	// client has read up to the high watermark that its first fetch response contained. If max is UntilStopped, it reads on
	// until the client's process ends, or until the client begins another read of the partition. If there is a span within, a
	// read that is not done after it fails.
	Consume(client env.Addr, tp wire.TopicPartition, from wire.Offset, max int32, within ...env.Duration) Op
	// Outcome returns the result of an operation, or what it has so far and false while it is running.
	Outcome(Op) (Outcome, bool)
}

// Faults starts and ends faults. A host is a machine of the cluster or a client.
type Faults interface {
	// Crash kills the process. If power is set, bytes that were not synced may be lost too.
	Crash(host env.Addr, power bool)
	// CrashInside kills the process in the middle of an event, right after the n-th change of its disk from now. If power is
	// set, the machine loses power there.
	CrashInside(host env.Addr, n int64, power bool)
	// Wipe replaces the machine's disk by an empty one. The machine loses power, if it has any, and stays down until Start.
	Wipe(host env.Addr)
	// Stop starts a clean shutdown. The machine stays down until Start.
	Stop(host env.Addr)
	// Start boots a machine that is down.
	Start(host env.Addr)
	// AutoRestart boots the machine now, and again whenever its process ends, until Crash or Stop.
	AutoRestart(host env.Addr)
	// DuplicateID starts a second machine, with an empty disk and a broker that has the node id of host.
	DuplicateID(host, as env.Addr)
	Pause(host env.Addr)
	Resume(host env.Addr)
	// SlowCPU multiplies the processing time of the process; 1 is normal.
	SlowCPU(host env.Addr, times int64)

	// Cut stops everything that is sent from one host to the other, in that direction only. With lanes, it stops only what
	// their connections carry.
	Cut(from, to env.Addr, lanes ...env.Lane)
	// Slow adds to the delay in that direction, or only to that of lanes; 0 removes the added delay.
	Slow(from, to env.Addr, by env.Duration, lanes ...env.Lane)
	// Link starts a fault of the connections that one host has opened to the other, or of the network in that direction.
	Link(from, to env.Addr, f LinkFault)
	// Heal ends Cut, Slow and the lasting faults of Link in that direction.
	Heal(from, to env.Addr)
	// Calm ends the noise, which is the random faults.
	Calm()

	Clock(host env.Addr, f ClockFault)
	Disk(host env.Addr, f DiskFault)
}

// Sight returns the state of a cluster. No call changes the run, its hash or the final findings of its checks. The caller
// owns the returned slices. Their order is deterministic.
type Sight interface {
	// Partition returns the state of one partition, and false if the controller does not know it.
	Partition(tp wire.TopicPartition) (PartitionState, bool)
	// Log returns one replica's log, oldest batch first, or nil if the machine never had one.
	Log(host env.Addr, tp wire.TopicPartition) []BatchState
	// Files lists a machine's disk, in byte order of the paths.
	Files(host env.Addr) []FileState
	// Requests returns, by API, the stage times of all requests that a broker or controller has answered since the world
	// began.
	Requests(host env.Addr) []RequestState
	// Metrics returns a running broker's metrics under Kafka's JMX names. Counts begin at the start of its process.
	Metrics(host env.Addr) []MetricState
	// Machines returns the brokers, then the controllers, then the clients, each in the order of creation.
	Machines() []MachineState
	// Names resolves the integers in notes to names.
	Names() Names
	// Sound returns a bug in Samsa itself that the world detected, such as a message that was changed after it was sent
	// (guard mode), or nil. Such a bug says nothing about Kafka.
	Sound() error
	// Unmet returns the overrides that had no effect because the run made no matching decision.
	Unmet() []Override
	// Quiet reports whether no operation is running and all live replicas agree. If core, a set of machines, is not nil,
	// Quiet requires only the progress that the machines in core can make while all other machines are down.
	Quiet(core []env.Addr) bool
	// Tally returns counts that show how much the run has tested so far.
	Tally() Tally
	// Waiting returns the clients that wait for a response, one entry per request, in the order of the requests.
	Waiting() []Waiter
}

// Options are fixed before the first event of a world. Zero values mean the defaults.
type Options struct {
	Brokers     int32 // b1..bn
	Controllers int32 // c1..cn
	Seed        uint64
	Mode        Mode
	Noise       string       // the name of the random faults, see noises; "" is calm
	Configs     []Setting    // of brokers, controllers and features, in the order written; later ones override earlier ones
	Own         []OwnConfigs // of single brokers; they override Configs
	Rules       []string     // the old rules that are enabled
	Overrides   []Override   // changes to the random decisions of the seed
	Decisions   Decisions    // receives every decision of chance that is not 0; may be nil
	// Sink receives every note when it is made, even if it is not in the story. Nil discards the notes.
	Sink func(Note)
	// Events receives every event, when its effects that are complete at its end are part of the hash. Nil discards the
	// events.
	Events func(Event)
	// Decided, if not nil, is called whenever an old rule gives another answer than the current rule would. The argument
	// question is the name of the rule. A rule without arguments has one answer for the whole run; Decided is then called
	// once, with always set.
	Decided func(question string, always bool)
	// Otherwise, if not nil, is called with the id of each old rule that would have given another answer than the current rule
	// gave, each time that it would. It is for runs without old rules.
	Otherwise func(id string)
}

// OwnConfigs are the configs in the server.properties of one broker alone.
type OwnConfigs struct {
	Host    env.Addr
	Configs []Setting
}

// Setting is one config as written. It has been validated against the table of configs.
type Setting struct{ Name, Value string }

// ConfigsOf names what has the configs: a topic or one broker or, if neither is set, every broker.
type ConfigsOf struct {
	Topic  string
	Broker wire.NodeID
}

// AlterConfig is a kind of change of a config, with Kafka's numbers. Append and subtract change the members of a list.
type AlterConfig int8

const (
	SetConfig AlterConfig = iota
	DeleteConfig
	AppendConfig
	SubtractConfig
)

// Override changes some of the random decisions that follow from the seed. Pin fixes one decision. Off sets all decisions of
// a site to 0. Keep sets all decisions of a site to 0 except the listed ones. Salt draws decisions as another seed would.
type Override = sim.Override

// Decisions receives the decisions that the world leaves to chance.
type Decisions = sim.DecisionSink

// Time is the true time since the world began, in the form that overrides use.
type Time = sim.Time

// The kinds of overrides.
const (
	Pin  = sim.Pin
	Off  = sim.Off
	Keep = sim.Keep
	Salt = sim.Salt
)

// Mode selects how messages travel. The hash of a run does not depend on the mode.
type Mode = sim.Mode

const (
	ModePointer = sim.Pointer // pass the message itself
	ModeWire    = sim.Wire    // encode the message to Kafka's bytes and decode it again
	ModeGuard   = sim.Guard   // pass the message itself and verify that it was not changed
)

// TopicSpec is a topic to create. If On is set, every partition has a replica on each node of On, and Replicas is the length
// of On. The replica list of partition p begins at index p mod len(On), so On[0] is the first partition's preferred leader.
type TopicSpec struct {
	Name                 string
	Partitions, Replicas int32
	On                   []wire.NodeID // if empty, the controller places the replicas
	Configs              []Setting
	AtOnce               bool // use the brokers registered now; done once the controller commits or refuses it
}

// Op identifies an operation that was started. 0 means no operation.
type Op int64

// OutcomeStatus is the result of an operation as its client knows it. An unknown outcome never changes to failed.
type OutcomeStatus uint8

const (
	OutcomeOK      OutcomeStatus = iota // the operation is done, and the client knows
	OutcomeFailed                       // the operation was refused and certainly had no effect
	OutcomeUnknown                      // no response arrived, so the operation may or may not have taken effect
)

// Outcome is the result of one operation, as its client knows it.
type Outcome struct {
	Status  OutcomeStatus
	Error   string // Kafka's error name or the client's own error; empty on success
	Records []RecordOutcome
	Lines   []string // what the response to a question says, without line ends
}

// AnyPartition lets a producer choose the partition.
const AnyPartition = client.AnyPartition

// The special positions of Consume.
const (
	FromStart wire.Offset = -1 // the log start
	FromEnd   wire.Offset = -2 // the high watermark when the read begins
)

// UntilStopped is the max of a Consume that reads on.
const UntilStopped int32 = -2

// Question is a question of the operator: ListOffsets, or what Kafka's tools print for --describe.
type Question struct {
	About   Subject
	TP      wire.TopicPartition // SubjectOffsets: the partition; SubjectTopic: its Topic
	Offsets string              // SubjectOffsets: one of OffsetWords, or "at" for the first record that is no older than At
	At      RecordTime          // SubjectOffsets: the clock is that of the operator
	Configs ConfigsOf           // SubjectConfigs
	Names   []string            // SubjectConfigs: the configs; if empty, all that do not have their default
	Version int16               // the version of the request; 0 means the newest that this operator knows
}

// Subject is what a question is about.
type Subject uint8

const (
	SubjectOffsets Subject = iota
	SubjectTopic
	SubjectConfigs
	SubjectCluster
	SubjectQuorum
	SubjectFeatures
)

// RecordFields are fields of the records of a Produce besides their values.
type RecordFields struct {
	Keys    []string // the records have these keys in turn; if empty, the records have no key
	Headers []wire.Header
	Time    RecordTime
}

// RecordTime is the timestamp of records. The zero value means the client's clock.
type RecordTime struct {
	Shift  env.Duration // added to the client's clock
	Fixed  bool         // the timestamp is Millis, whatever the clock
	Millis int64        // since 1970
}

// RecordOutcome is one record of a Produce, in the order of the values, or of a Consume, in the order of delivery.
type RecordOutcome struct {
	Partition int32       // -1 if the client has not chosen it
	Offset    wire.Offset // -1 if the client does not know it
	Key       string
	Value     string
	Status    OutcomeStatus
	Error     string
}

// LinkFault is a fault of connections.
type LinkFault struct {
	Kind string       // one of LinkFaults
	For  env.Duration // how long the fault lasts; 0 means until healed, except for a stall, which then lasts stallTime
}

// ClockFault changes one machine's clock.
type ClockFault struct {
	Kind string       // "skew", "step", "drift", "monotonic-drift"
	By   env.Duration // for skew and step: the distance, forwards if positive
	PPM  int64        // for drift and monotonic-drift: parts per million, faster if positive
}

// DiskFault changes how one machine's disk behaves.
type DiskFault struct {
	Kind string       // one of the world's disk faults, such as "error" or "slow"; "heal" ends all faults of the disk
	By   env.Duration // for slow: the delay added to each operation
	For  env.Duration // how long the fault lasts; 0 means until healed
	Path string       // only files whose path has this prefix; empty means all
}

// PartitionState is the current state of one partition on the controller and the machines. Start, HW and End are the
// leader's or, while there is no leader, those of the most advanced live replica.
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

// Led reports whether the partition has a leader that is up and is leader by its own state. If by is not empty, the leader
// must also be one of those hosts. The controller's state alone is not enough, because the broker may not have applied it
// yet, or may have died since.
func (p PartitionState) Led(by []env.Addr) bool {
	for _, r := range p.Replicas {
		if p.Leader != wire.NoNode && r.Node == p.Leader && r.Up && r.Leads && r.Epoch == p.Epoch {
			return len(by) == 0 || slices.Contains(by, r.Host)
		}
	}
	return false
}

// ReplicaState is one replica. Replicas are in assignment order.
type ReplicaState struct {
	Node           wire.NodeID
	Host           env.Addr
	Up             bool
	Leads          bool // whether it is leader by its own state
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
	Synced int64 // the size that the file would have after a power loss
}

// MachineState is one machine.
type MachineState struct {
	Host        env.Addr
	Node        wire.NodeID // NoNode for a client
	Role        string      // "broker", "controller", "client"
	Up          bool
	Paused      bool
	Fenced      bool // for a broker: it is fenced or not registered
	Active      bool // for a controller: by its own state it is the quorum's leader
	Incarnation uint32
	Note        string // a few words, such as "active controller, epoch 3"
}

// Note is one env.Note, with the node, event and time of its origin.
type Note struct {
	Event uint64
	Cause uint64 // the event that scheduled this one, or NoCause
	Step  uint64 // of the story, from 1; 0 if the event is not a step
	Time  env.Duration
	Who   env.Addr
	Kind  *env.NoteKind
	Args  [4]int64
}

// NoCause is the cause of an event that no other event caused, such as a line of a scenario or a random fault.
const NoCause = sim.NoCause

// RequestState holds the stage times of a machine's requests of one API.
type RequestState struct {
	API       string // Kafka's name: "Produce"
	Count     int64  // requests that were answered
	Mean, Max StageTimes
}

// MetricState is the value of one metric. Times are in nanoseconds.
type MetricState struct {
	Name  string // "ReplicaManager.UnderReplicatedPartitions"
	Value int64
}

// Names resolves the integers in notes to names. A method returns "" if there is no such name.
type Names interface {
	Topic(short int64) string
	Node(id wire.NodeID) string
}
