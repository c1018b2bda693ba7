// Package explore looks for seeds on which a promise is violated.
//
//	seed ──draw──▶ Plan ──Lines──▶ Text, a file ──session──▶ verdict, tally ──▶ Result ─┐
//	               cluster, configs, workload,                                           ├─ in seed order ─▶ Report
//	               operators, faults, the healing                  other seeds ──▶ ...  ─┘
//
// A plan is a pure function of seed and profile. Every decision is a separate hash (scenarios.Draw), so the order of
// drawing does not matter and a new decision changes no other. A plan is a list of lines, each with a verb, words, and a
// tag. The line that begins a fault and the line that ends it have the same tag. A plan is written as a scenario file
// before it runs, so `samsa run FILE` repeats every finding.
//
// A run has three parts. In the first, there are faults and operations, and only safety is checked. In the second, the
// faults end, machines that are down start, and the cluster must become quiet within a bound that follows from its timeouts;
// in about a quarter of the plans some machines stay down or cut off, and the other machines, the core, must become quiet
// without them. In the third, a consumer drains every partition, so that the history checks see every record.
//
// A failure has a fingerprint, which is the same on every seed. It consists of the name of the check and the kind of the
// fact that violated it, or of the obstacles that keep the cluster from becoming quiet.
//
// Read plan.go for the order of a file's lines, line.go for a line and its tag, profile.go for the timeouts, and machines.go for
// what is particular about a cluster. workload.go, operations.go and asks.go, faults.go, special.go and again.go draw the part in
// which the cluster serves, and healing.go the part after it.
// run.go determines the result of a seed, and campaign.go runs many seeds at once. rewind.go finds the step at
// which a failure was decided. variants.go finds the single changes with which a failing scenario does not fail.
//
// Seeds are independent: the result of one seed does not influence the plan of another, and the package does not shrink a
// plan that fails. Package check decides everything except whether the cluster became quiet, which package scenarios
// decides.
package explore
