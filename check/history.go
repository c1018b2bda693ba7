package check

import (
	"iter"

	"samsa/wire"
)

// A history is a list of operations in the order in which their outcomes became known. Each family of requests has its own
// type with a common Head.
//
//	*Produce         one record that a producer sent
//	*Consume         one step of a consumer's position
//	*ListOffsets     the end offset of one partition
//	*DescribeTopic   one partition in a metadata response, or a topic that does not exist
//	*CreateTopic, *DeleteTopic
//	*RegisterBroker, *Heartbeat   requests of brokers to controllers
//
// A new family is a new type with a Head. Existing checks need no change, because each check selects its families with the
// function named of.

// Op is one operation as its client saw it.
type Op interface {
	Common() *Head
}

// Head is the common part of all operations.
type Head struct {
	Client  string // the machine that sent the request: "p1", "b1", "op"
	Number  int64  // counts the operations of this family by this client, from 1; 0 if they are not counted
	Outcome Outcome

	// Called and Returned are the numbers, plus one, of the events at which the operation began and its outcome became
	// known. Returned is 0 if the outcome never became known.
	Called, Returned uint64

	Step uint64 // when the outcome was known
	At   int64  // the same time in nanoseconds since the world began; the time of the call if there is no outcome
}

// Common returns the head. A type that embeds Head is an Op.
func (h *Head) Common() *Head { return h }

// Outcome is the result of a request as its client knows it.
type Outcome uint8

// The outcomes.
const (
	OK           Outcome = iota // acknowledged
	Failed                      // certainly not applied
	Indefinite                  // may or may not have been applied: timeouts, lost connections, most errors after a send
	NeverDecided                // still open when the run ended; judged as Indefinite
)

// String returns the outcome in Kafka users' words.
func (o Outcome) String() string {
	return [...]string{"ok", "failed", "unknown", "undecided"}[o]
}

// Produce is one record that a producer sent.
type Produce struct {
	Head
	Partition  wire.TopicPartition
	Topic      wire.TopicID // the topic id that the producer knew; zero if it knew none
	Acks       int16        // -1 all, 0, 1
	Idempotent bool         // enable.idempotence
	Key, Value string
	Offset     wire.Offset // OK: the offset in the response
	Error      int16       // Kafka's code of the last attempt's error, 0 if it had none
	Since      int64       // the time of the send

	// Allowed is the time within which the client must know the outcome: its delivery.timeout.ms, plus the time in which its
	// process was paused or slow or had a wrong clock. 0 means the default of delivery.timeout.ms.
	Allowed Duration
}

// Consume is one step of a consumer's position in a partition.
type Consume struct {
	Head
	Kind      ConsumeKind
	Partition wire.TopicPartition
	Topic     wire.TopicID // the topic id that the consumer knew; zero if it knew none
	Cursor    int64        // counts the application's seeks
	Offset    wire.Offset  // see the kinds
	Position  wire.Offset  // RecordRead, EndReached: the consumer found no record in [Position, Offset)
	FromStart bool         // RecordRead, EndReached: Position is the log start, for which the consumer asked

	// RecordRead
	Key, Value string
	Record     RecordID // the record; zero if the observer does not know it
	Attempt    int      // the attempt by which the leader got it, 0 if the observer does not know it
}

// ConsumeKind is the kind of a consumer's step.
type ConsumeKind uint8

// The kinds of steps.
const (
	RecordRead        ConsumeKind = iota // the record at Offset was read
	EndReached                           // there was nothing more to read at Offset
	PositionReset                        // Offset was out of range, and auto.offset.reset chose another position
	PositionTruncated                    // the log was truncated to Offset, below the position, and the consumer goes on there (KIP-320)
)

// ListOffsets is an end offset in a leader's response to a client.
type ListOffsets struct {
	Head
	Partition wire.TopicPartition
	Topic     wire.TopicID
	Offset    wire.Offset
	Epoch     wire.Epoch // the leader epoch of the response
}

// DescribeTopic is one partition in a metadata response. Several of them may come from one response.
type DescribeTopic struct {
	Head
	Server     Process
	Controller bool // Server is a controller, which answers from the committed metadata; a broker answers from its own image
	Partition  wire.TopicPartition
	Topic      wire.TopicID // zero: there is no topic of that name
	Epoch      wire.Epoch   // the partition's leader epoch
}

// Process is one incarnation of a node.
type Process struct {
	Machine     string
	Incarnation uint32 // counts the starts of the machine
}

// String returns a process as findings name it.
func (p Process) String() string {
	if p.Incarnation == 0 {
		return p.Machine
	}
	return p.Machine + " (incarnation " + itoa(p.Incarnation) + ")"
}

// CreateTopic is a request to create a topic. ID is zero if the response did not contain it.
type CreateTopic struct {
	Head
	Name string
	ID   wire.TopicID
}

// DeleteTopic is a request to delete a topic.
type DeleteTopic struct {
	Head
	Name string
}

// RegisterBroker is the registration request of one incarnation of a broker.
type RegisterBroker struct {
	Head
	Broker      wire.NodeID
	Incarnation wire.UUID
	Epoch       wire.BrokerEpoch // OK: the granted broker epoch
}

// Heartbeat is a broker's heartbeat.
type Heartbeat struct {
	Head
	Broker wire.NodeID
	Epoch  wire.BrokerEpoch // the broker epoch in the request
}

// of returns the operations of one family.
func of[F Op](history []Op) iter.Seq[F] {
	return func(yield func(F) bool) {
		for _, op := range history {
			if f, ok := op.(F); ok && !yield(f) {
				return
			}
		}
	}
}

// reads returns the records that were read.
func reads(history []Op) iter.Seq[*Consume] {
	return func(yield func(*Consume) bool) {
		for op := range of[*Consume](history) {
			if op.Kind == RecordRead && !yield(op) {
				return
			}
		}
	}
}
