// Package cluster assembles nodes in a simulated world, and defines the interface to the result.
//
//	          Clockwork   Operations    Faults        Sight
//	          Step, At    Produce, …    Crash, Cut    Partition, Log, …
//	              │           │            │              ▲
//	              ▼           ▼            ▼              │
//	sim.World  ◀──────── simCluster ──────────────────────┘
//	 b1 b2 b3   c1 c2 c3   op   p1 …       │
//	                                       └──▶ Observer: events, outcomes of operations, faults
//
// The four interfaces separate the scenario language from the world. Clockwork moves time, Operations sends requests of
// clients and the operator, and Faults breaks machines and links. Sight only reads, so it is all that viewers get.
//
// An Observer gets every event and has no influence on a run. Package observe implements it for the checks of package check.
// The tests of this package use a stub.
//
// Read api.go first, then cluster.go, which assembles nodes from the settings that configure.go reads. operations.go and
// admin.go implement Operations; faults.go and link.go implement Faults; sight.go, quiet.go, stages.go and tally.go
// implement Sight. rules.go lists the old rules that can be enabled, and observer.go defines Observer.
//
// The package depends on no check, scenario file or session.
package cluster
