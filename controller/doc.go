// Package controller decides on the cluster's metadata: which brokers are registered and unfenced, which replica leads each
// partition, and which topics and configs exist.
//
//	brokers, admins ──requests──▶ op(tip) ──records──▶ metadata log (raft) ──committed──▶ image, answers
//	brokers         ◀──────────────── Fetch of the metadata log ───────────┘
//
// Every decision is a batch of records. An op reads the newest state and returns records and a response; the response is
// sent when the records are committed. A standby controller follows the same log, so when it becomes active, its image
// has every record that an earlier controller committed.
//
// Read elect.go first: it elects the leader of one partition and decides which replicas are eligible. Then read
// decide.go, which changes all partitions when a broker is fenced, unfenced or restarted. Both files only read an image.
// Then read the handlers of requests, which check in Kafka's order: registration.go, heartbeat.go (with sessions.go),
// partitions.go, topics.go, configs.go and features.go. apis.go and serve.go list the requests; controller.go has the
// node itself, with claim and renounce. machine.go connects the image, the quorum and the coordinator's runtime;
// committed.go makes notes of committed records. rules.go lists the decisions for which Kafka once had another answer;
// history.go has the old answers.
//
// The package leaves out snapshots of the log (they would be in raft), reassignment (changeBuilder in elect.go would
// complete it), several log directories per broker (registrations have them, elections ignore them), quotas, ACLs, tokens,
// SCRAM, metadata transactions, and the no-op records of an idle controller.
package controller
