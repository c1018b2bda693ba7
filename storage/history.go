package storage

import "samsa/exhibit"

// OldRules returns the exhibits of this package, by id. The package compiles without this file. Most exhibits need a
// crash or a disk fault during one certain operation; the package's own tests inject it there.
func OldRules() []exhibit.Of[Rules] {
	return []exhibit.Of[Rules]{
		{
			ID: "M8", Source: "KAFKA-10706", Versions: "before 2.6.1", Check: "epochs-in-order",
			Symptom: "a truncation to the end of the log keeps epochs that begin there; a follower goes round in circles, or a leader " +
				"answers for offsets that it does not have",
			Replace: func(r *Rules) { r.TrimEpochsAtEnd = false },
		},
		{
			ID: "M34", Source: "KAFKA-7866", Versions: "before 2.2", Check: "records-intact",
			Symptom: "an index write fails behind an append, and the log goes on: offsets are given out twice, or aborted records are read",
			Replace: func(r *Rules) { r.FailOnIndexError = false },
		},
		{
			ID: "M35", Source: "KAFKA-10471, KAFKA-15375", Versions: "before 2.8 and 3.7", Check: "acked-durable",
			Symptom: "the mark of a clean shutdown outlives a crash during loading; the next start skips the recovery that is due",
			Replace: func(r *Rules) { r.TakeMarkerFirst = false },
		},
		{
			ID: "I10", Source: "KAFKA-9892", Versions: "before 2.6", Check: "no-duplicate",
			Symptom: "a producer snapshot is not forced to the device; after a power loss an older one takes a retry for something new",
			Replace: func(r *Rules) { r.SyncSnapshots = false },
		},
		{
			ID: "I16", Source: "KIP-98, KIP-101", Versions: "never released", Check: "no-duplicate",
			Symptom: "what is known of producers outlives the truncation of what they wrote; the retry of a lost batch is taken for a duplicate",
			Replace: func(r *Rules) { r.ReloadProducers = false },
		},
	}
}
