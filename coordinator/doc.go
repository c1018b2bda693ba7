// Package coordinator is the common runtime of the controller, the group coordinator and the transaction coordinator. An op
// decides on the newest state. Its records are appended and applied, and its answer waits until they are committed.
//
//	Write(op) ──op(tip)──▶ records ──Append──▶ │ log │
//	                          │Apply           [base ······|······)
//	                          ▼                        stable    tip
//	                         tip                       │ ▲
//	Read(f) ──f(stable)                                │ └── Committed(offset): apply to stable, release the answers
//	                                                   ▼
//	                                                answers
//
// Two machines follow one log. The tip has every record that was appended, and the stable machine has every record that
// is committed. Kafka uses versioned collections for this (TimelineHashMap, CoordinatorRuntime). A second machine needs
// less code, and is also an oracle: when no write is in flight, both machines must equal a replay of the log.
//
// # How to read it
//
// contract.go defines a machine, a log and a host. runtime.go has the path of one op. Each of the other files has one idea:
//
//	state.go    the five states and the calls that are legal in each; ops are refused while the log is being loaded
//	load.go     loading in chunks, losing leadership, the base of the log
//	batch.go    ops that share a batch, and how they are undone
//	marker.go   the end of a transaction
//	park.go     ops that wait for the commit, and their deadlines
//	oracle.go   compares the machines with each other and with a replay of the log
//
// # How ops reach the log
//
//	an op, Linger 0                   is appended in its own batch at once
//	an op, Linger d or Adaptive       is applied to the tip at once, and waits in the open batch until d is over, the
//	                                  queued events have run, or the batch has no room
//	a transactional op, a marker      is appended in its own batch at once, after the open batch
//
// # Rules that are easy to get wrong, each with a test of its own
//
//   - Even the answer of an op that wrote nothing waits until all of the tip is committed; otherwise it could report
//     state that is lost later.
//   - When leadership is lost, every parked op is answered "unknown", never "failed", because its records may survive on
//     the next leader.
//   - An op may answer other callers than its own (a rebalance answers all members that joined). If its append fails, all
//     of them get the error, because the op has already removed them from the list of waiting callers.
//   - A deadline ends the wait but not the write. The records stay in the log, their keys stay pending, and their effects
//     happen. Kafka's transaction coordinator clears its pending state at the deadline.
//   - If a batch is refused, every op in it is undone, and the ops that only read its records get the same error.
//
// # What it is not
//
// The runtime uses a log only through the interface Log and elects no leader. It has no timers, but asks the host to call
// Fire at an instant. Soft state (timers, sessions, members that wait for each other) belongs to the host; it changes
// outside Apply, and is rebuilt after a load. Kafka can split the records of an op over several batches, but does so only to
// clean up old offsets; here the records of an op are always in one batch. Kafka can compress batches
// (offsets.topic.compression.codec); here that is left to the log. If another writer has appended to the log, Kafka loads
// the log again; here this breaks an invariant, and the runtime panics.
package coordinator
