// Package controller is the cluster's brain: it owns the metadata log and decides who is alive and who leads.
//
//	brokers ──registration, heartbeat, AlterPartition──▶ Controller ──records──▶ metadata log ──▶ image
//	        ◀────────────── Fetch of the metadata log ───────────────────────────────┘
//
// Every decision is a batch of records. A handler computes the records from the image, appends them as one batch,
// flushes, applies them, and only then answers.
//
// Read decide.go first: the decisions themselves, as functions of an image. Then handlers.go (who may ask for what, and
// in which order it is checked), then controller.go (the log and the timers).
//
// Simplified today: one controller, which is its own quorum. A record is committed when it is on this disk. The quorum
// (elections, replication of the metadata log, snapshots) replaces that beneath the same decisions.
package controller
