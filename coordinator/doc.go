// Package coordinator is the one runtime behind the controller, the group coordinator and the transaction coordinator:
// decide on the newest state, append what was decided, apply it, and hold the answer until it is committed.
//
//	Write(op) ──op(tip)──▶ records ──Append──▶ │ log │
//	                          │Apply           [··········|······)
//	                          ▼                      stable    tip
//	                         tip                     │ ▲
//	Read(f) ──f(stable)                              │ └── Committed(offset): apply to stable, release the answers
//	                                                 ▼
//	                                              answers
//
// Two machines stand on one log: tip has every record that was appended, stable every record that is committed. Kafka
// keeps versioned collections for this (TimelineHashMap, CoordinatorRuntime); a second finger on the same log is shorter,
// and gives an oracle for nothing: when no write is in flight the two must be equal, and both equal a replay of the log.
//
// Read runtime.go. oracle.go is what keeps it honest.
//
// Rules that are easy to get wrong, each with a test of its own:
//
//   - An op that wrote nothing has still read tip: its answer waits until everything tip held is committed, or it
//     tells of what may yet be lost.
//   - Losing leadership answers every parked op "unknown", never "failed": its records may survive in the next leader.
//   - An op may answer others than its caller (a rebalance releases all who joined). If its append fails, all of them
//     are answered; the op has already emptied the room they waited in.
//
// What it is not: it knows no log but by three methods, elects nobody, and has no timers. Soft state (timers, sessions,
// who waits in which room) belongs to the host, outside Apply, and is rebuilt after Load.
package coordinator
