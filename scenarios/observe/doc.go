// Package observe records the true state of a cluster in a check.View, change by change. The judges, which are the checks of
// package check, decide from that View whether Kafka kept its promises.
//
//	disks     ──sim.Feed──▶ shadow logs: the true logs ──────────────┐
//	messages  ──sim.Feed──▶ requests and responses                   ├──▶ check.View ──┐
//	nodes     ──after every event──▶ their own state                 │                 ├──▶ Judge
//	faults    ──cluster.FaultLog──▶ active faults, damaged disks ────┘                 │
//	clients   ──cluster.Witness──▶ requests and outcomes ──▶ history ──────────────────┘
//
// Only this package imports both the judges and the nodes. It copies the state of a node only when the effects of an event
// are complete. If the process dies before that, no other node has seen the effects. So the View is never ahead of the rest
// of the cluster.
//
// Only events change the View; Judge reads it. Cluster.End is the one exception: effects that are still incomplete after the
// last event then count as complete.
//
// Read observe.go for the interface, observer.go for the times at which state is copied, wire.go for the messages, shadow.go
// for the true logs, history.go for the operations of clients and the call of the judges, sends.go for the way of a record
// from its producer to the log, and faults.go for the active faults. causes.go keeps a ledger of causes for runs that are
// explained, and tap.go tells it the faults with their lines.
//
// The package does not judge a run, and it has no effect on any node.
package observe
