package cluster

import (
	"slices"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// Observer sees a cluster from outside its nodes: package observe has the one that judges need. A cluster calls it and never
// depends on its answers, but for what disks hold (TrueLogs), which viewers want to see too.
type Observer interface {
	Witness
	FaultLog
	TrueLogs
}

// Witness sees what machines and clients did.
type Witness interface {
	// Event has run. Its effects reach the feeds of the world afterwards, each when it is complete.
	Event(e *sim.Event)
	// Noted is a note of that event.
	Noted(by env.Addr, n *sim.Noted)
	// After comes when all that the event completed at once has reached the feeds.
	After(e *sim.Event)
	// RecordDone: a client knows the outcome of a record.
	RecordDone(r *Record, s client.Sent)
	// Read: a client has got an answered fetch for a read under way.
	Read(r Read)
	// Clients are so many now.
	Clients(n int)
}

// FaultLog sees what is wrong with the world. Liveness is demanded once all is well.
type FaultLog interface {
	// FaultBegan and FaultEnded name what lasts; a name that began twice ends once.
	FaultBegan(name string)
	FaultEnded(name string)
	// FaultPulse is a fault that is over at once.
	FaultPulse()
	// DiskFaulted is a fault that can take what a disk holds: in one directory, or with "" anywhere.
	DiskFaulted(host *Host, fault, dir string)
	// ClockMoved is a clock that was set by so much.
	ClockMoved(by env.Duration)
}

// TrueLogs is what lies on the disks, read from them and not asked of the nodes. Asking changes nothing.
type TrueLogs interface {
	// Span is [start, end) of the log in a directory, zero if there is none.
	Span(host env.Addr, dir string) (start, end wire.Offset)
	// Batches visits where its batches lie, oldest first, until visit says stop.
	Batches(host env.Addr, dir string, visit func(path string, pos, size int64) bool)
}

// Record is one record on its way.
type Record struct {
	Client    env.Addr
	Partition wire.TopicPartition
	Acks      int16
	Value     string
	Number    int64  // counts the records of its client
	Called    uint64 // the event before its sending, plus one
	Since     int64  // when that was
	Known     bool   // its client knows what came of it

	op *operation
	at int // index in op.outcome.Records
}

// Over says that nothing more will be known of the record: its client knows, or has died.
func (r *Record) Over() bool { return r.op.done }

// Read is what one answered fetch brought of one partition.
type Read struct {
	Client    env.Addr
	Partition wire.TopicPartition
	Topic     wire.TopicID
	Cursor    int64         // names the read
	Called    uint64        // the event after which its answer was asked for, plus one
	Records   []wire.Record // as many as were still wanted
	Next      wire.Offset   // the position now
	Drained   bool          // it has reached the end that its first answer named, and wanted more
}

// Inside is what the observer of a cluster may reach: the world and the nodes in it. Assemble makes it, so nothing else has one.
type Inside struct{ c *simCluster }

// World is the world that the cluster runs in.
func (in Inside) World() *sim.World { return in.c.world }

// Nodes are the machines of controllers and brokers, in that order.
func (in Inside) Nodes() []*Host { return slices.Concat(in.c.controllers, in.c.brokers) }

// Node is the address of the machine with a node id, "" if there is none.
func (in Inside) Node(id wire.NodeID) string { return in.c.Node(id) }

// Machines are brokers, controllers, clients, doubles, in that order.
func (in Inside) Machines() []*Host { return in.c.machines() }

// Records are all that clients were given to send, in that order.
func (in Inside) Records() []*Record { return in.c.records }

// Cursor names the read that a client has under way on a partition; ok is false if there is none.
func (in Inside) Cursor(name env.Addr, tp wire.TopicPartition) (cursor int64, ok bool) {
	if o := in.c.reading(name, tp); o != nil {
		return o.cursor, true
	}
	return 0, false
}

// Topic is the name of a topic that a note speaks of; it is kept, as the next note may come when the topic is gone.
func (in Inside) Topic(short int64) string {
	in.c.learnTopics()
	return in.c.Topic(short)
}

// TopicID is the id of the topic that has a name now, or zero.
func (in Inside) TopicID(name string) wire.TopicID { return in.c.topicID(name) }

// Settings are those of brokers and of controllers.
func (in Inside) Settings() (brokers, controllers *config.Set) {
	return in.c.cfg.brokers, in.c.cfg.controllers
}
