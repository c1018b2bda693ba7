// Package observe draws the picture of a cluster that judges look at, change by change.
//
//	disks     ──sim.Feed──▶ shadow logs: what lies on them ─────────┐
//	messages  ──sim.Feed──▶ what nodes told each other and clients   ├──▶ check.View ──┐
//	nodes     ──after every event──▶ what they believe               │                 ├──▶ Judge
//	faults    ──cluster.FaultLog──▶ what they may have destroyed ────┘                 │
//	clients   ──cluster.Witness──▶ requests and outcomes ──▶ history ──────────────────┘
//
// It is the one place where judges and nodes meet. The state of a node is copied when its effects are complete, and no sooner: a
// process that dies before that has said nothing. So the picture is never ahead of what the rest of the cluster could know.
//
// Observing and summing up are apart: events alone change the picture, and Judge only reads it, however often it is asked. Cluster.End
// is the one exception: when nothing can happen any more, what was under way counts as done.
//
// Read observe.go for the border, observer.go for what is copied when, wire.go for what messages say, shadow.go for the true logs and
// history.go for the operations of clients and the question to the judges, faults.go for what is wrong with the world.
//
// It judges nothing: package check does. And nothing that it does reaches a node.
package observe
