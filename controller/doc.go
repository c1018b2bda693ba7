// Package controller decides on the cluster's metadata: which brokers are registered and unfenced, which replica leads each
// partition, and which topics and configs there are.
//
//	brokers, admins ──requests──▶ op(tip) ──records──▶ metadata log (raft) ──committed──▶ image, answers
//	brokers         ◀──────────────── Fetch of the metadata log ───────────┘
//
// Every decision is a batch of records. An op looks at the newest state and makes the records and the answer; the answer leaves
// when the records are committed. A standby controller follows the same log, and becomes active with an image of all that
// any earlier controller committed.
//
// Read elect.go first: the leader of one partition, and which replicas are eligible. Then decide.go: what follows for all partitions
// when a broker comes or goes. Both are functions of an image. Then the requests, with the order of their checks:
// registration.go, heartbeat.go (with sessions.go), partitions.go, topics.go, configs.go and features.go. apis.go and serve.go list
// the requests, controller.go is the node: how it becomes active and ceases to be. machine.go joins the image, the quorum and the
// coordinator's runtime; committed.go notes what is committed. rules.go lists the decisions that Kafka once took otherwise,
// history.go the old ones.
//
// Left out, with their place: snapshots of the log (raft), reassignment (changeBuilder in elect.go would complete it), several
// log directories per broker (registrations have them, elections do not look at them), quotas, ACLs, tokens, SCRAM, metadata
// transactions, and the no-op records of an idle controller.
package controller
