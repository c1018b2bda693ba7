package storage

// Rules are the decisions of this package that Kafka once answered otherwise. Each field asks a question and today's
// answer is in Today. Clean code asks the rule and shows no trace of history; what asked it wrongly, and when, is
// history's business.
type Rules struct {
	// TakeMarkerFirst: is the clean-shutdown marker deleted, durably, before the first log is loaded? If it is only
	// deleted when loading has finished, a crash during loading leaves it for a start that was not clean (KAFKA-10471).
	TakeMarkerFirst bool

	// TrimEpochsAtEnd: does a truncation to the end of the log or beyond still drop the epochs that start there? They
	// are of leaders that never wrote; kept, they make this replica answer for offsets it does not have (KAFKA-10706).
	TrimEpochsAtEnd bool

	// FailOnIndexError: does an append whose batch is in the log but whose index entry is not take the log offline?
	// If it goes on, offsets are given out twice or aborted records are served (KAFKA-7866).
	FailOnIndexError bool

	// StayOffline: does a log refuse every change after a failed disk operation? The bytes behind the failure are
	// unknown; a later append would build on them (KAFKA-10778).
	StayOffline bool

	// SyncSnapshots: is a producer snapshot forced to the device before the recovery point passes it? Otherwise power
	// loss leaves an older table that accepts a retry as new (KAFKA-9892).
	SyncSnapshots bool

	// ReloadProducers: does a truncation rebuild the producer table from the log that is left? Otherwise sequences
	// and transactions of records that are gone are still believed (KIP-98, KIP-101).
	ReloadProducers bool

	// BoundFollowerEpoch: does a follower stop at the first batch with an epoch above the one it fetched under? Such a
	// batch is of a newer leader, in a response of an older one that was overtaken (KAFKA-18723).
	BoundFollowerEpoch bool

	// DurableNames: are the names and the length that a truncation or a deletion leaves, and those that a recovery
	// relies on, made durable at once? Kafka leaves that to the file system; power loss may then bring back a piece of
	// what was cut off, or a segment that recovery had already counted out.
	DurableNames bool
}

// Today is the answers of the current Kafka, and where Kafka leaves the outcome to the file system, the safe one.
func Today() Rules {
	return Rules{
		TakeMarkerFirst:    true,
		TrimEpochsAtEnd:    true,
		FailOnIndexError:   true,
		StayOffline:        true,
		SyncSnapshots:      true,
		ReloadProducers:    true,
		BoundFollowerEpoch: true,
		DurableNames:       true,
	}
}
