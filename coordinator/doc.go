// Package coordinator is the one runtime of the controller, the group coordinator and the transaction coordinator: an op
// decides on the newest state, its records are appended and applied, and its answer waits until they are committed.
//
//	Write(op) ──op(tip)──▶ records ──Append──▶ │ log │
//	                          │Apply           [base ······|······)
//	                          ▼                        stable    tip
//	                         tip                       │ ▲
//	Read(f) ──f(stable)                                │ └── Committed(offset): apply to stable, release the answers
//	                                                   ▼
//	                                                answers
//
// Two machines follow one log: tip has every record that was appended, stable every record that is committed. Kafka uses
// versioned collections for this (TimelineHashMap, CoordinatorRuntime); a second machine on the same log is shorter, and
// serves as an oracle: when no write is in flight the two must be equal, and both equal a replay of the log.
//
// # How to read it
//
// contract.go defines a machine, a log and a host. runtime.go has the path of one op. Then one file for each idea:
//
//	state.go    the five states and what may be called in each; ops are refused while the log is loaded
//	load.go     loading in chunks, losing leadership, the base of the log
//	batch.go    ops that share a batch, and what undoes them
//	marker.go   the end of a transaction
//	park.go     ops that wait for the commit, and their deadlines
//	oracle.go   keeps all of it honest
//
// # How ops reach the log
//
//	an op, Linger 0                   a batch of its own, at once
//	an op, Linger d or Adaptive       tip at once; the open batch, until d is over, the waiting events have run or
//	                                  there is no room
//	a transactional op, a marker      the open batch first, then a batch of its own, at once
//
// # Rules that are easy to get wrong, each with a test of its own
//
//   - An op that wrote nothing has still read tip: its answer waits until everything in tip is committed, or it
//     could report state that is lost later.
//   - Losing leadership answers every parked op "unknown", never "failed": its records may survive in the next leader.
//   - An op may answer callers besides its own (a rebalance answers all members that joined). If its append fails, all of
//     them are answered; the op has already removed them from the place where they waited.
//   - A deadline ends the wait and not the write: the records stay in the log, their keys stay pending and their
//     effects happen. Kafka's transaction coordinator clears its pending state at that moment.
//   - A refused batch undoes every op in it, and answers the ops that only read their records with the same error.
//
// # What it is not
//
// It knows a log only by the methods of Log, elects no leader, and has no timers: it asks the host to call it at a time.
// Soft state (timers, sessions, members that wait for each other) belongs to the host, outside Apply, and is rebuilt
// after a load. Kafka can also split the records of an op over several batches, which only its cleaning of old offsets
// uses; here an op is one batch. Kafka compresses batches if offsets.topic.compression.codec says so; a log may do that.
// If another writer has appended to the log, Kafka loads it again; here that is a broken invariant and panics.
package coordinator
