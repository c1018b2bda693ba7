// Package storage is the log of one partition on a disk, in Apache Kafka's own format: batches in segments, indexes,
// producer snapshots, the leader-epoch checkpoint, and the checkpoints of a log directory. Kafka's DumpLogSegments can
// read the segments, indexes and snapshots.
//
//	orders-0/
//	  00000000000000000000.log         ┐
//	  00000000000000000000.index       │ a segment: batches from offset 0, and their positions
//	  00000000000000000000.timeindex   ┘
//	  00000000000000000040.log         ┐
//	  00000000000000000040.index       │ the active segment; it has a .txnindex
//	  00000000000000000040.timeindex   │ because a transaction was aborted
//	  00000000000000000040.txnindex    ┘
//	  00000000000000000040.snapshot    the producer table at offset 40
//	  leader-epoch-checkpoint          the start offset of each leader epoch
//	  partition.metadata               the topic's id
//
// Read log.go first, then append.go and read.go. truncate.go, retain.go and flush.go have a log's other operations, and
// load.go and recover.go load it. They all use segment.go, scan.go and index.go. epochs.go and producers.go are two
// small state machines. dir.go has the log directory that holds the logs. rules.go lists the decisions for which Kafka
// once had another answer.
//
// # What survives
//
// The page cache survives a process crash. After a power loss only synced data is certain to remain; any part of the
// rest may remain too. After a process crash or a power loss, Open finds a prefix of the batches that reaches at least
// the saved recovery point. Three rules ensure this: a directory entry is durable before anything relies on it;
// truncation and retention remove one segment at a time, and each removal is durable before the next; and a file is
// rewritten by renaming a new one over it.
//
// # What it is not
//
// It has no high watermark, no ISR and no leadership: these belong to package replication. It does not compact; it only
// finishes or undoes an interrupted compaction. It has no timers and no threads: the caller flushes after a roll, saves
// checkpoints, and purges deleted files after their delay.
//
// # Where it differs from Kafka
//
// Index files only grow by appending; Kafka maps them at full size and trims them later. Truncations and deletions sync
// the directory; Kafka leaves that to the file system. The records of a follower's fetch may be spread over several
// segments. The epoch file is written when the cache changes; in Kafka a thread writes it shortly after a truncation.
package storage
