// Package explore looks for seeds on which a promise breaks.
//
//	seed ──draw──▶ Plan ──Text──▶ scenario file ──session──▶ verdict, tally ──▶ Result ─┐
//	               cluster, configs, workload,                                          ├─ in seed order ─▶ Report
//	               operators, faults, the healing                  other seeds ──▶ ... ─┘
//
// A plan is a pure function of seed and profile: every decision is a hash of its own (scenarios.Draw), so no order of
// drawing matters and one decision more moves no other. The plan is written down as a scenario file before anything
// runs, and the file is what runs: it replays by `samsa run FILE`, and there is no other way to repeat a finding.
//
// A run has three parts. First anything may happen, faults and what operators do, and only safety counts. Then the faults
// end, what is down is started, and the cluster must come to rest within a bound that follows from its timeouts; in a quarter
// of the plans some machines stay away, and a core must do without them. At last a reader drains every partition, so that
// the judges of histories have seen all there is.
//
// Read plan.go for the order of a file's lines, profile.go for the timeouts, workload.go, operations.go and faults.go for
// what happens, mend.go for how it ends, run.go for what a seed's result is, and campaign.go for many seeds at once.
//
// It does not search and does not shrink: seeds are independent. It judges nothing either: package check does, and one
// question is asked here alone, whether the cluster came to rest.
package explore
