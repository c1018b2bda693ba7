// Package storage is the log of one partition on a disk, in Apache Kafka's own format: batches in segments, indexes,
// producer snapshots, the leader-epoch checkpoint, and the checkpoints of a log directory. Kafka's DumpLogSegments reads
// all of it.
//
//	orders-0/
//	  00000000000000000000.log         ┐
//	  00000000000000000000.index       │ a segment: batches from offset 0 on, and where they are
//	  00000000000000000000.timeindex   ┘
//	  00000000000000000040.log         ┐
//	  00000000000000000040.index       │ the active segment; the .txnindex is there
//	  00000000000000000040.timeindex   │ because a transaction was aborted
//	  00000000000000000040.txnindex    ┘
//	  00000000000000000040.snapshot    the producer table at offset 40
//	  leader-epoch-checkpoint          the start offset of each leader epoch
//	  partition.metadata               the topic's id
//
// Read log.go first, then append.go and read.go; truncate.go, retain.go and flush.go are the rest of a log's life, and
// load.go with recover.go is its start. Under them are segment.go with scan.go and index.go. epochs.go and producers.go are
// two small state machines. dir.go is the log directory around the logs. rules.go lists the decisions for which Kafka once
// had another answer.
//
// # What survives
// After a process crash the page cache is still there; after a power loss there is what was synced, and any part of the
// rest. After either, Open finds a prefix of the batches, not shorter than the saved recovery point. Three rules ensure
// it: a name is durable before anything relies on it; a truncation and retention remove segment by segment from one end,
// each durably before the next; and a file is rewritten by renaming a new one over it.
//
// # What it is not
//
// It has no high watermark, no ISR and no leadership: replication has. It does not compact; it only finishes or undoes an
// interrupted compaction. It has no timers and no threads: the caller flushes after a roll, saves checkpoints, and purges
// deleted files after their delay.
//
// # Where it differs from Kafka
//
// Index files only ever grow by appending, where Kafka maps them at full size and trims them later. Truncations and
// deletions sync the directory, which Kafka leaves to the file system. A follower's fetch may be spread over several
// segments. The epoch file is written when the cache changes, where Kafka lets a thread do it shortly after a truncation.
package storage
