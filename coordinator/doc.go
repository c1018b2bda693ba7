// Package coordinator is the one runtime of the controller, the group coordinator and the transaction coordinator:
// decide on the newest state, append what was decided, apply it, and hold the answer until it is committed.
//
//	Write(op) ──op(tip)──▶ records ──Append──▶ │ log │
//	                          │Apply           [base ······|······)
//	                          ▼                        stable    tip
//	                         tip                       │ ▲
//	Read(f) ──f(stable)                                │ └── Committed(offset): apply to stable, release the answers
//	                                                   ▼
//	                                                answers
//
// Two machines stand on one log: tip has every record that was appended, stable every record that is committed. Kafka
// keeps versioned collections for this (TimelineHashMap, CoordinatorRuntime); a second machine on the same log is shorter,
// and gives an oracle for nothing: when no write is in flight the two must be equal, and both equal a replay of the log.
//
// # How to read it
//
// contract.go has what a machine, a log and a host are. runtime.go is the way of one op. Then one file for each idea:
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
//     tells of what may yet be lost.
//   - Losing leadership answers every parked op "unknown", never "failed": its records may survive in the next leader.
//   - An op may answer others than its caller (a rebalance releases all members that joined). If its append fails, all of
//     them are answered; the op has already removed them from the place where they waited.
//   - A deadline ends the answer and not the write: the records stay in the log, their keys stay pending and their
//     effects happen. Kafka's transaction coordinator forgets its pending state at that moment.
//   - A refused batch undoes every op in it, and an op that only read what they had written is answered with them.
//
// # What it is not
//
// It knows no log but by the methods of Log, elects no leader, and has no timers: it asks the host for a time to be called.
// Soft state (timers, sessions, members that wait for each other) belongs to the host, outside Apply, and is rebuilt after
// a load. Kafka can also split the records of an op over several batches, which only its cleaning of old offsets uses;
// here an op is one batch. Kafka compresses batches if offsets.topic.compression.codec says so; a log may do that. Where
// another writer has appended to the log, Kafka loads it again; here that is a broken invariant and panics.
package coordinator
