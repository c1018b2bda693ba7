package broker

import "samsa/wire"

// This file is the museum of this package; see replication's. Nothing here is needed.

// Exhibit is one old rule.
type Exhibit struct {
	ID       string
	Source   string // KIP or JIRA
	Versions string // which Kafka had it, as far as it did
	Symptom  string // what users saw
	Check    string // the judge that must notice
	Replace  func(*Rules)
}

// History is the exhibits of this package, by number.
func History() []Exhibit {
	return []Exhibit{
		{
			ID: "M12", Source: "KAFKA-18991", Versions: "before 4.1", Check: "logs-match",
			Symptom: "a leader's answer is taken in after the follower heard of another leader, because its log still ends where it " +
				"asked; it gets records that the new leader does not have",
			Replace: func(r *Rules) { r.Answers = func(_, _ wire.Epoch) bool { return true } },
		},
		{
			ID: "M42", Source: "the purgatory rule", Versions: "never released", Check: "acked-durable",
			Symptom: "a producer that waits while its leader is deposed and elected again is told that its record is stored when the " +
				"high watermark reaches the offset, whatever lies there",
			Replace: func(r *Rules) { r.FailOnNewEpoch = func() bool { return false } },
		},
	}
}
