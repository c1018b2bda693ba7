// Package explore looks for seeds on which a promise breaks.
//
//	seed ──draw──▶ Plan ──Lines──▶ Text, a file ──session──▶ verdict, tally ──▶ Result ─┐
//	               cluster, configs, workload,                                           ├─ in seed order ─▶ Report
//	               operators, faults, the healing                  other seeds ──▶ ...  ─┘
//
// A plan is a pure function of seed and profile: every decision is a hash of its own (scenarios.Draw), so the order of
// drawing does not matter and one decision more moves no other. A plan is lines of data, with a verb, words, and a tag that a
// fault shares with its end. They are written down as a scenario file before anything runs, and that file runs: `samsa run
// FILE` repeats it, and a finding can be repeated in no other way.
//
// A run has three parts. First anything may happen, faults and operations, and only safety counts. Then the faults end, the
// machines that are down are started, and the cluster must come to rest within a bound that follows from its timeouts; in a
// quarter of the plans some machines stay away, and a core must do without them. Last, a reader drains every partition, so
// that the judges of histories have seen every record.
//
// A failure is known by its fingerprint, which is made of constants: the check with the kind of its fact, or the obstacles
// that keep the cluster from rest.
//
// Read plan.go for the order of a file's lines and line.go for what a line is, profile.go for the timeouts, workload.go,
// operations.go and faults.go for the part in which the cluster serves, healing.go for its end, run.go and unrest.go for the
// result of a seed, and campaign.go for many seeds at once.
//
// It does not search and does not shrink: seeds are independent. It judges nothing either: package check does, and one
// question is asked here alone, whether the cluster came to rest.
package explore
