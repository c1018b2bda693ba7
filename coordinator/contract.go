package coordinator

import (
	"errors"

	"samsa/sim/env"
	"samsa/wire"
)

// Machine is hard state: a function of the log alone.
type Machine interface {
	// Apply changes the state by one entry of the log. Hard state changes nowhere else, and in the same way for an entry
	// just written as for one read back years later. Apply cannot refuse.
	Apply(Entry)
	// Digest is a fingerprint of the whole state, kept up to date by Apply: equal states, equal digests.
	Digest() uint64
}

// Entry is one record of the log with the stamp of its batch, or the marker that ends a transaction.
type Entry struct {
	wire.Record                   // of a marker the Offset alone
	Stamp       Stamp             // of the batch
	Marker      TransactionResult // NoMarker in data
}

// Stamp is the producer in the header of a batch. The zero value is a plain batch.
type Stamp struct {
	Transactional bool // in a transaction that a marker will end; without it the other fields are 0
	Producer      wire.ProducerID
	Epoch         wire.ProducerEpoch
}

// TransactionResult is how a marker ends a transaction.
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
	CoordinatorEpoch   wire.Epoch // of the transaction coordinator; the log refuses an older one
	TransactionVersion int16      // decides how the log compares producer epochs (KIP-890)
}

// Batch is the content of one append: records under one stamp, or a marker alone.
type Batch struct {
	Stamp   Stamp
	Guard   int64 // proves that the transaction was verified; the log knows which value is right
	Records []wire.Record
	Marker  Marker // with a Result, and then Records is empty
}

// Log is a replicated log as the runtime needs it.
type Log[M Machine] interface {
	// Append writes one batch at End, whole or not at all. The result is the new end. An error that is a Refused says
	// that nothing was written; after any other error the outcome is unknown.
	Append(e env.Env, b Batch) (end wire.Offset, err error)
	// End is the offset of the next record.
	End() wire.Offset
	// MaxBytes bounds a batch of several ops (max.message.bytes). Append decides about a single op that is larger.
	MaxBytes() int
	// Base brings an empty machine to where the log begins: from a snapshot, or unchanged if the log is whole. A base
	// has only committed entries.
	Base(e env.Env, into M) (wire.Offset, error)
	// Scan applies the entries of [from, to) in order, batch by batch, and stops after the batch with which it has read
	// the budget in bytes; a budget of 0 is no limit. It returns the offset where it stopped, above from.
	Scan(e env.Env, from, to wire.Offset, budget int, apply func(Entry)) (wire.Offset, error)
}

// Host owns the runtime: it has the links, the timers and the soft state.
type Host interface {
	// Answer sends an answer. If Err is set there is no Response, and the host builds the error response.
	Answer(e env.Env, a Answer)
	// Applied reports every entry that is committed while the coordinator is active.
	Applied(e env.Env, entry Entry)
	// Effect performs an effect that an op put into OnCommit.
	Effect(e env.Env, t env.Token)
	// WakeAt asks for a call of Fire at an instant. A later WakeAt replaces it, also one for the same instant: a timer
	// that is armed again runs after the events that are already queued.
	WakeAt(e env.Env, at env.Instant)
}

// Caller is a request that waits for its answer.
type Caller struct {
	Ticket  env.Ticket
	Request env.Request
}

// Answer is for one caller: an op may answer its own caller, callers that waited before, or none yet.
type Answer struct {
	To       Caller
	Response env.Response
	Err      error // nil, an Unknown, or a Refused
}

// Result is the decision of an op.
type Result struct {
	Stamp    Stamp         // of the records' batch
	Guard    int64         // of a transactional batch, see Batch
	Records  []wire.Record // Key, Value, Timestamp and Headers count; offsets are given by the log
	Answers  []Answer      // sent when everything in tip, these records included, is committed
	OnCommit []env.Token   // effects that may only happen then; lost with leadership, so a load must find them again
	Keys     []string      // what the write changes, see Pending
}

// Unknown is the reason why the outcome of an op is unknown. Its records stay in the log, and may be committed or lost.
type Unknown string

const (
	// LeadershipLost is NOT_COORDINATOR for Kafka's clients.
	LeadershipLost Unknown = "the outcome is unknown: leadership was lost before it was committed"
	// AppendFailed is NOT_COORDINATOR too (from KAFKA_STORAGE_ERROR).
	AppendFailed Unknown = "the outcome is unknown: the log failed during the append"
	// TimedOut is REQUEST_TIMED_OUT, which groups send as COORDINATOR_NOT_AVAILABLE.
	TimedOut Unknown = "the outcome is unknown: it was not committed in time"
)

// Error is the reason.
func (u Unknown) Error() string { return string(u) }

// ErrNotActive says that this coordinator is not active (NOT_COORDINATOR): the op did not run.
var ErrNotActive = errors.New("this coordinator is not active")

// ErrLoading says that this coordinator is still reading its log (COORDINATOR_LOAD_IN_PROGRESS): the op did not run.
var ErrLoading = errors.New("this coordinator is loading")

// Refused is an append that certainly did not happen.
type Refused struct{ Cause error }

// Error names the cause.
func (r Refused) Error() string { return "the append was refused: " + r.Cause.Error() }

// Unwrap is the cause.
func (r Refused) Unwrap() error { return r.Cause }
