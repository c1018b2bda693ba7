// Package cluster puts nodes and a simulated world together, and is all that may be asked of the result.
//
//	          Clockwork   Operations    Faults        Sight
//	          Step, At    Produce, …    Crash, Cut    Partition, Log, …
//	              │           │            │              ▲
//	              ▼           ▼            ▼              │
//	sim.World  ◀──────── simCluster ──────────────────────┘
//	 b1 b2 b3   c1 c2 c3   op   p1 …       │
//	                                       └──▶ Observer: events, outcomes of operations, faults
//
// The four interfaces are the whole border between the language and the world. Three of them act: time moves, clients and the
// operator ask, machines and cables break. Sight only looks, and looking changes nothing: a viewer is given it alone.
//
// An Observer sees everything and decides nothing. Package observe has the one that draws the judges' picture; the tests of this
// package run without one.
//
// Read api.go first, then cluster.go, which assembles nodes from the settings that configure.go reads. operations.go and admin.go
// are what clients and the operator ask; faults.go and link.go what breaks; sight.go, quiet.go, stages.go and tally.go what can be
// seen. rules.go lists the old rules that a cluster can be made to obey, observer.go what an observer gets.
//
// It knows no judge, no scenario file and no session.
package cluster
