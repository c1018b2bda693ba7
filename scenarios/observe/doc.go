// Package observe feeds the judges' View of a cluster, change by change.
//
//	disks     ──sim.Feed──▶ shadow logs: the true logs ──────────────┐
//	messages  ──sim.Feed──▶ requests and responses                   ├──▶ check.View ──┐
//	nodes     ──after every event──▶ their own state                 │                 ├──▶ Judge
//	faults    ──cluster.FaultLog──▶ active faults, damaged disks ────┘                 │
//	clients   ──cluster.Witness──▶ requests and outcomes ──▶ history ──────────────────┘
//
// It is the only package that knows both judges and nodes. It copies the state of a node only when the effects of an event
// are complete, because no other node has seen them if the process dies before that. So the View is never ahead of the rest
// of the cluster.
//
// Only events change the View; Judge reads it. Cluster.End is the one exception: effects that are still incomplete after the
// last event then count as complete.
//
// Read observe.go for the interface, observer.go for the times at which state is copied, wire.go for the messages, shadow.go
// for the true logs, history.go for the operations of clients and the call of the judges, and faults.go for the active
// faults.
//
// It does not judge a run; package check does. It has no effect on any node.
package observe
