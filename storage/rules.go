package storage

// Rules are the decisions of this package for which Kafka once had another answer. Each field is a question;
// CurrentRules has the current answers, and history.go the old ones. Other code consults these fields and does not
// mention the old answers.
type Rules struct {
	// TakeMarkerFirst: is the clean-shutdown marker durably deleted before the first log is loaded? If it is deleted
	// only after loading, a crash during loading leaves the marker, and the next start skips recovery (KAFKA-10471).
	TakeMarkerFirst bool

	// TrimEpochsAtEnd: does a truncation to the log end or beyond remove the epochs that start there? The log has no
	// records of those epochs. If they stay, a follower may request the same truncation again and again, and a leader
	// may return an end for an epoch of which it has no records (KAFKA-10706).
	TrimEpochsAtEnd bool

	// FailOnIndexError: does an append take the log offline if the batch is in the log but adding its index entry
	// fails? If the log stays online, offsets are used twice or aborted records are served (KAFKA-7866).
	FailOnIndexError bool

	// StayOffline: does a log refuse every change after a failed disk operation? The bytes at the failed position are
	// unknown, and a later append would be written after them (KAFKA-10778).
	StayOffline bool

	// SyncSnapshots: is a producer snapshot synced before the recovery point passes it? Otherwise a power loss leaves
	// an older producer table that does not recognize a retry (KAFKA-9892).
	SyncSnapshots bool

	// ReloadProducers: does a truncation rebuild the producer table from the remaining log? Otherwise the table still
	// has the sequences and transactions of truncated records (KIP-98, KIP-101).
	ReloadProducers bool

	// BoundFollowerEpoch: does a follower stop at the first batch with a leader epoch above that of its fetch? A newer
	// leader wrote that batch, and the older leader had already fetched it when it sent the response (KAFKA-18723).
	BoundFollowerEpoch bool

	// DurableNames: are directory entries and file lengths made durable immediately after a truncation or deletion, and
	// before a recovery? Kafka leaves that to the file system, and a power loss may then bring back truncated batches
	// or a deleted segment.
	DurableNames bool
}

// CurrentRules returns the answers of the current Kafka. Where Kafka leaves the outcome to the file system,
// CurrentRules has the safe answer.
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
