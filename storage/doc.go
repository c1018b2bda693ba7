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
//	  00000000000000000040.timeindex   │ because somebody aborted a transaction
//	  00000000000000000040.txnindex    ┘
//	  00000000000000000040.snapshot    what was known of producers at offset 40
//	  leader-epoch-checkpoint          which leader epoch wrote from which offset on
//	  partition.metadata               the topic's id
//
// Read log.go first, then append.go and read.go; truncate.go, retain.go and flush.go are the rest of a log's life, and
// load.go with recover.go how it begins again. Below them lie segment.go with scan.go and index.go. epochs.go and
// producers.go are two small machines of their own. dir.go is the log directory around the logs. rules.go lists the
// decisions that Kafka once made otherwise.
//
// # What survives
//
// A process crash keeps the page cache, a power loss only what was synced, and of the rest any part. After either, Open
// finds a prefix of the batches that were there, no shorter than the recovery point that was saved. Three habits make
// this so: a name is made durable before anything relies on it; what shrinks (a truncation, retention) shrinks segment
// by segment from one end, each for good before the next; and a file that is rewritten is replaced by a rename.
//
// # What it is not
//
// It knows no high watermark, no ISR and no leadership: replication does. It does not compact; it only finishes or undoes
// what an interrupted compaction left. It has no timers and no threads: the caller flushes after a roll, saves
// checkpoints, and purges deleted files when their delay has passed.
//
// # Where it differs from Kafka
//
// Index files only ever grow by appending, where Kafka maps them at full size and trims them later. Truncations and
// deletions sync the directory, which Kafka leaves to the file system. A follower's fetch may be spread over several
// segments. The epoch file is written when the cache changes, where Kafka lets a thread do it shortly after a truncation.
package storage
