package controller

import (
	"samsa/controller/image"
	"samsa/exhibit"
	"samsa/wire"
)

// OldRules returns the exhibits of this package by id. The package compiles without this file.
func OldRules() []exhibit.Of[Rules] {
	return []exhibit.Of[Rules]{
		{
			ID: "K21", Source: "KIP-631", Versions: "never",
			Symptom: "A second process with a broker's id takes its registration over while the first one still serves.",
			Check:   "broker-epochs", Replace: func(r *Rules) { r.RefuseDuplicate = false },
		},
		{
			ID: "K22", Source: "Raft: an answer waits for the commit", Versions: "never",
			Symptom: "A topic whose creation was confirmed is gone after the controller is replaced.",
			Check:   "reply-after-commit", Replace: func(r *Rules) { r.AnswerCommitted = false },
		},
		{
			ID: "M23", Source: "KIP-841, KAFKA-13916", Versions: "2.8 - 3.2",
			Symptom: "A leader brings a broker back into the ISR that the controller has just fenced; it is elected while it is down.",
			// SameIncarnation (exhibit M24) is off too; otherwise that later check would hide this rule.
			Check: "isr-legal", Replace: func(r *Rules) {
				r.MayJoinISR = func(*image.Broker) bool { return true }
				r.SameIncarnation = func(_, _ wire.BrokerEpoch) bool { return true }
			},
		},
		{
			ID: "M24", Source: "KIP-903, KAFKA-14617", Versions: "0.8 - 3.4",
			Symptom: "A broker that lost its log's tail in a power loss is taken for the one that had caught up, and rejoins the ISR.",
			Check:   "isr-legal", Replace: func(r *Rules) { r.SameIncarnation = func(_, _ wire.BrokerEpoch) bool { return true } },
		},
		{
			ID: "M26", Source: "partition epoch (once zkVersion)", Versions: "never",
			Symptom: "An ISR change that was decided on an old state overwrites a newer one.",
			Check:   "partition-epoch-steps", Replace: func(r *Rules) { r.Outdated = func(_, _ wire.PartitionEpoch) bool { return false } },
		},
		{
			ID: "M28", Source: "KAFKA-15586, KAFKA-18106, KAFKA-18635", Versions: "3.7 - 3.9",
			Symptom: "A replica that lost power stays eligible to lead, and is elected without what it lost.",
			Check:   "acked-electable", Replace: func(r *Rules) { r.CleanRestart = func(_, _ wire.BrokerEpoch) bool { return true } },
		},
		{
			ID: "M30", Source: "KAFKA-19522", Versions: "3.7 - 4.0",
			Symptom: "A partition is led by a broker that is down, because it led last.",
			Check:   "election-licensed", Replace: func(r *Rules) { r.MayLeadLastKnown = func(bool) bool { return true } },
		},
		{
			ID: "M39", Source: "KIP-631 broker epoch", Versions: "never",
			Symptom: "A broker that lost power and came back within its session keeps its place in the ISR, and its leaderships, with a shorter log.",
			Check:   "logs-match", Replace: func(r *Rules) { r.LeaveOnRestart, r.RefuseDuplicate = false, false },
		},
	}
}
