package cluster

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// Observer receives reports about everything that happens in a cluster. Package observe implements it for the checks of
// package check. Nothing in a run depends on an Observer. Viewers read the logs on the disks through it.
type Observer interface {
	Witness
	FaultLog
	TrueLogs
}

// Witness follows the events of machines and clients.
type Witness interface {
	// Event is called after an event has run. The effects of the event reach the world's feeds later, each when it is
	// complete.
	Event(e *sim.Event)
	// Noted is called for each note of that event.
	Noted(by env.Addr, n *sim.Noted)
	// After is called when all effects that are complete at the end of the event have reached the feeds.
	After(e *sim.Event)
	// Sending is called before a client sends a Produce request, with the records in it by their indexes in Inside.Records.
	Sending(req *kmsg.ProduceRequest, all []client.Sending)
	// RecordDone is called when a client knows the outcome of a record.
	RecordDone(r *Record, s client.Sent)
	// Read is called when a client has received a fetch response for a running read.
	Read(r Read)
	// Clients is called with the new number of clients.
	Clients(n int)
}

// FaultLog follows the faults of the world. Liveness checks apply only while no fault is active.
type FaultLog interface {
	// FaultBegan and FaultEnded report the start and the end of a lasting fault by its name. After two calls of FaultBegan
	// with the same name, one call of FaultEnded ends the fault.
	FaultBegan(name string)
	FaultEnded(name string)
	// FaultPulse reports a fault that is over at once.
	FaultPulse()
	// DiskFaulted reports a fault that can destroy bytes of a disk in one directory, or anywhere if dir is "".
	DiskFaulted(host *Host, fault, dir string)
}

// TrueLogs reads the logs from the disks, independently of the nodes' state. Reading changes nothing.
type TrueLogs interface {
	// Span returns the offsets [start, end) of the log in a directory, or zeros if there is no log.
	Span(host env.Addr, dir string) (start, end wire.Offset)
	// Batches visits the positions of the batches of the log in a directory, oldest first, until visit returns false.
	Batches(host env.Addr, dir string, visit func(path string, pos, size int64) bool)
}

// Record is one record that a client sends.
type Record struct {
	Client    env.Addr
	Partition wire.TopicPartition
	Acks      int16
	Key       string // empty if it has none
	Value     string
	Number    int64        // counts the records of the client
	Called    uint64       // the number of events that had begun when the record was sent, plus one
	Since     int64        // the time at which the record was sent
	Delivery  env.Duration // delivery.timeout.ms of the client
	Known     bool         // the client knows the outcome

	op *operation
	at int // index in op.outcome.Records
}

// Over reports whether the record's outcome is final, because its client knows it or has died.
func (r *Record) Over() bool { return r.op.done }

// Read is one partition in a fetch response to a client.
type Read struct {
	Client    env.Addr
	Partition wire.TopicPartition
	Topic     wire.TopicID
	Cursor    int64         // identifies the read
	Called    uint64        // the number of events that had begun when the fetch was sent, plus one
	From      wire.Offset   // the position of the fetch
	FromStart bool          // From is the log start, for which the client asked
	Records   []wire.Record // at most as many as the read still needed
	Batches   []wire.Batch  // the batches of the records, in the same order
	Next      wire.Offset   // the new position
	Drained   bool          // the read reached the high watermark of its first response and still needed records
}

// Inside gives the observer of a cluster access to the world and its nodes. Only Assemble makes one.
type Inside struct{ c *simCluster }

// World returns the world that the cluster runs in.
func (in Inside) World() *sim.World { return in.c.world }

// Nodes returns the machines of the controllers, then of the brokers.
func (in Inside) Nodes() []*Host { return slices.Concat(in.c.controllers, in.c.brokers) }

// Node returns the address of the machine with this node id, or "" if there is none.
func (in Inside) Node(id wire.NodeID) string { return in.c.Node(id) }

// Machines returns the brokers, then the controllers, the clients and the doubles.
func (in Inside) Machines() []*Host { return in.c.machines() }

// Records returns all records that the operations of clients send, in the order of the operations.
func (in Inside) Records() []*Record { return in.c.records }

// Cursor identifies a client's running read of a partition, and returns the number of the event after which its last fetch
// was sent, plus one; ok is false if there is no running read.
func (in Inside) Cursor(name env.Addr, tp wire.TopicPartition) (cursor int64, called uint64, ok bool) {
	if o := in.c.reading(name, tp); o != nil {
		return o.cursor, o.called, true
	}
	return 0, 0, false
}

// Topic returns the name and the id of a topic in a note. Both are kept, because a later note may need them after the topic
// is deleted.
func (in Inside) Topic(short int64) (name string, id wire.TopicID) {
	in.c.learnTopics()
	t := in.c.topics[short]
	return t.name, t.id
}

// TopicID returns the current id of a topic name, or zero.
func (in Inside) TopicID(name string) wire.TopicID { return in.c.topicID(name) }

// Unanswered lists the requests that running servers have had for longer than twice the longest request timeout. Their
// senders have given them up, so the servers must have forgotten them.
func (in Inside) Unanswered() (all []sim.Unanswered, timeout env.Duration) {
	timeout = in.c.cfg.longestCall(in.c.patience)
	for _, u := range in.c.world.Unanswered(2 * timeout) {
		// A broker handles no client requests until it is unfenced (SocketServer.enableRequestProcessing). The broker's own
		// state decides, because an image may be newer than that state or may describe the broker's previous incarnation.
		h := in.c.hosts[u.Server]
		if b := in.c.brokerNode(h); !in.c.world.Paused(u.Server) && (h.Role != "broker" || b != nil && b.Serves()) {
			all = append(all, u)
		}
	}
	return all, timeout
}

// Settings returns the settings of the brokers and of the controllers.
func (in Inside) Settings() (brokers, controllers *config.Set) {
	return in.c.cfg.brokers, in.c.cfg.controllers
}
