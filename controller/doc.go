// Package controller is the cluster's brain: it decides who is alive and who leads, and writes it down.
//
//	brokers, admins ──requests──▶ op(tip) ──records──▶ metadata log (raft) ──committed──▶ image, answers
//	brokers         ◀──────────────── Fetch of the metadata log ───────────┘
//
// Every decision is a batch of records. An op looks at the newest state, makes the records and the answer, and the
// answer leaves when the records are committed. A standby controller follows the same log, and takes over with an image
// that has everything any earlier controller committed.
//
// Read elect.go first: who leads one partition, and who is eligible; then decide.go: what that means for all of them when a
// broker comes or goes. Both are functions of an image. Then brokers.go, partitions.go, topics.go, configs.go and features.go
// (what each request may do, and in which order it is checked), then apis.go and serve.go (which requests there are), then
// controller.go (the node: how it becomes active and ceases to be). machine.go joins the image, the quorum and the coordinator's runtime; tell.go
// notes what is committed. rules.go lists the decisions that were once made otherwise, history.go how.
//
// Left out, with their place: snapshots of the log (raft), reassignment (shift in elect.go would complete it), several
// log directories per broker (registrations carry them, elections do not ask), quotas, ACLs, tokens, SCRAM, metadata
// transactions, and the no-op records of an idle controller.
package controller
