// Package observe feeds the judges' View of a cluster, change by change.
//
//	disks     ──sim.Feed──▶ shadow logs: the true logs ─────────┐
//	messages  ──sim.Feed──▶ what nodes told each other and clients   ├──▶ check.View ──┐
//	nodes     ──after every event──▶ what they believe               │                 ├──▶ Judge
//	faults    ──cluster.FaultLog──▶ what they may have destroyed ────┘                 │
//	clients   ──cluster.Witness──▶ requests and outcomes ──▶ history ──────────────────┘
//
// It is the only package that knows both judges and nodes. The state of a node is copied when the effects of an event are
// complete, and not earlier: if the process dies before, no other node has seen them. So the View is never ahead of the rest
// of the cluster.
//
// Only events change the View; Judge reads it. Cluster.End is the one exception: after the last event, effects that are not
// complete count as complete.
//
// Read observe.go for the border, observer.go for what is copied when, wire.go for what messages say, shadow.go for the true logs and
// history.go for the operations of clients and the question to the judges, faults.go for what is wrong with the world.
//
// It judges nothing: package check does. It has no effect on any node.
package observe
