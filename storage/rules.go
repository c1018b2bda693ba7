package storage

// Rules are the decisions of this package for which Kafka once had another answer. Each field is a question;
// CurrentRules has the current answers, and history.go the old ones. Other code asks the rule and does not mention the
// old answers.
type Rules struct {
	// TakeMarkerFirst: is the clean-shutdown marker deleted, durably, before the first log is loaded? If it is only
	// deleted when loading has finished, a crash during loading leaves it for a start that was not clean (KAFKA-10471).
	TakeMarkerFirst bool

	// TrimEpochsAtEnd: does a truncation to the end of the log or beyond remove the epochs that start there? Their
	// leaders never appended; with them this replica would answer for offsets that it does not have (KAFKA-10706).
	TrimEpochsAtEnd bool

	// FailOnIndexError: does an append take the log offline if the batch is in the log and its index entry fails? If the
	// log stays online, offsets are used twice or aborted records are served (KAFKA-7866).
	FailOnIndexError bool

	// StayOffline: does a log refuse every change after a failed disk operation? The bytes at the failure are unknown, and a later
	// append would follow them (KAFKA-10778).
	StayOffline bool

	// SyncSnapshots: is a producer snapshot synced before the recovery point passes it? Otherwise a power loss leaves an
	// older table, which does not recognize a retry (KAFKA-9892).
	SyncSnapshots bool

	// ReloadProducers: does a truncation rebuild the producer table from the rest of the log? Otherwise the table still has
	// sequences and transactions of truncated records (KIP-98, KIP-101).
	ReloadProducers bool

	// BoundFollowerEpoch: does a follower stop at the first batch with a leader epoch above that of its fetch? A newer
	// leader wrote that batch, and a late response of the older one has it (KAFKA-18723).
	BoundFollowerEpoch bool

	// DurableNames: are names and lengths made durable at once after a truncation or a deletion, and before a recovery? Kafka
	// leaves that to the file system; a power loss may then bring back truncated batches or a deleted segment.
	DurableNames bool
}

// CurrentRules are the answers of the current Kafka, and where Kafka leaves the outcome to the file system, the safe one.
func CurrentRules() Rules {
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
