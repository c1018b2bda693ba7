package coordinator

import (
	"errors"

	"samsa/sim/env"
	"samsa/wire"
)

// Machine is the hard state of a coordinator, which depends only on the log.
type Machine interface {
	// Apply applies one entry of the log. No other function changes hard state. The effect of an entry that was just written
	// must be the same as its effect when it is read back years later. Apply must accept every entry.
	Apply(Entry)
	// Digest returns a fingerprint of the whole state, which Apply keeps up to date. Equal states have equal digests.
	Digest() uint64
}

// Entry is one record of the log with the stamp of its batch, or the marker that ends a transaction.
type Entry struct {
	wire.Record                   // for a marker, only its Offset is set
	Stamp       Stamp             // the stamp of the batch
	Marker      TransactionResult // NoMarker for data
}

// Stamp is the producer in the header of a batch. The zero value means that the batch has no producer.
type Stamp struct {
	Transactional bool // in a transaction that a marker will end; if false, the other fields are 0
	Producer      wire.ProducerID
	Epoch         wire.ProducerEpoch
}

// TransactionResult says how a marker ends a transaction.
type TransactionResult uint8

// The results; an entry that is data has NoMarker.
const (
	NoMarker TransactionResult = iota
	Commit
	Abort
)

// Marker is a request to end a producer's transaction in this log.
type Marker struct {
	Producer           wire.ProducerID
	Epoch              wire.ProducerEpoch
	Result             TransactionResult
	CoordinatorEpoch   wire.Epoch // the epoch of the transaction coordinator; the log refuses a marker with an older epoch
	TransactionVersion int16      // decides how the log compares producer epochs (KIP-890)
}

// Batch is the content of one append: records under one stamp, or a marker alone.
type Batch struct {
	Stamp   Stamp
	Guard   int64 // proves that the transaction was verified; the log checks the value
	Records []wire.Record
	Marker  Marker // has a Result if the batch is a marker; then Records is empty
}

// Log is a replicated log as the runtime needs it.
type Log[M Machine] interface {
	// Append writes one batch at End, whole or not at all, and returns the new end. If the error is a Refused, nothing was
	// written; after any other error the outcome is unknown.
	Append(e env.Env, b Batch) (end wire.Offset, err error)
	// End returns the offset of the next record.
	End() wire.Offset
	// MaxBytes returns the largest size of a batch of several ops (max.message.bytes). Append decides whether to refuse a
	// single op that is larger.
	MaxBytes() int
	// Base loads the snapshot before the start of the log into an empty machine, and returns the offset where the log
	// starts. If the log is complete, the machine stays empty. A snapshot has only committed entries.
	Base(e env.Env, into M) (wire.Offset, error)
	// Scan calls apply on the entries of [from, to) in order. It stops after the first batch at which it has read budget
	// bytes or more; a budget of 0 means no limit. It returns the offset at which it stopped, which is above from.
	Scan(e env.Env, from, to wire.Offset, budget int, apply func(Entry)) (wire.Offset, error)
}

// Host owns the runtime. It has the connections, the timers and the soft state.
type Host interface {
	// Answer sends an answer. If Err is set there is no Response, and the host builds the error response.
	Answer(e env.Env, a Answer)
	// Applied reports every entry that is committed while the coordinator is active.
	Applied(e env.Env, entry Entry)
	// Effect performs an effect that an op put into OnCommit.
	Effect(e env.Env, t env.Token)
	// WakeAt asks for a call of Fire at an instant. A later WakeAt replaces it, even for the same instant, because a timer
	// that is armed again runs after the events that are already queued.
	WakeAt(e env.Env, at env.Instant)
}

// Caller is a request that waits for its answer.
type Caller struct {
	Ticket  env.Ticket
	Request env.Request
}

// Answer is the answer to one caller. An op may answer its own caller, callers that were already waiting, or none yet.
type Answer struct {
	To       Caller
	Response env.Response
	Err      error // nil, an Unknown, or a Refused
}

// Result is the decision of an op.
type Result struct {
	Stamp    Stamp         // the stamp of the batch with the records
	Guard    int64         // the guard of a transactional batch, see Batch
	Records  []wire.Record // with Key, Value, Timestamp and Headers; the log assigns the offsets
	Answers  []Answer      // sent when all of the tip, including these records, is committed
	OnCommit []env.Token   // effects that happen after that commit; if leadership is lost, a load must find them again
	Keys     []string      // keys that the write changes, see Pending
}

// Unknown is the reason why the outcome of an op is unknown. The records of the op stay in the log, and may be committed or
// lost.
type Unknown string

const (
	// LeadershipLost is NOT_COORDINATOR for Kafka's clients.
	LeadershipLost Unknown = "the outcome is unknown: leadership was lost before it was committed"
	// AppendFailed is NOT_COORDINATOR for Kafka's clients too. Kafka converts it from KAFKA_STORAGE_ERROR.
	AppendFailed Unknown = "the outcome is unknown: the log failed during the append"
	// TimedOut is REQUEST_TIMED_OUT, which groups send as COORDINATOR_NOT_AVAILABLE.
	TimedOut Unknown = "the outcome is unknown: it was not committed in time"
)

// Error returns the reason.
func (u Unknown) Error() string { return string(u) }

// ErrNotActive says that the op did not run, because this coordinator is not active (NOT_COORDINATOR).
var ErrNotActive = errors.New("this coordinator is not active")

// ErrLoading says that the op did not run, because this coordinator is still reading its log
// (COORDINATOR_LOAD_IN_PROGRESS).
var ErrLoading = errors.New("this coordinator is loading")

// Refused is the error of an append that certainly did not happen.
type Refused struct{ Cause error }

// Error returns the cause in words.
func (r Refused) Error() string { return "the append was refused: " + r.Cause.Error() }

// Unwrap returns the cause.
func (r Refused) Unwrap() error { return r.Cause }
