// Package client holds the nodes that use Kafka: a client with a producer, a consumer by assignment and an admin's
// requests, and the operator's admin that talks to controllers.
//
//	workload ──Send──▶ Producer ──Produce──▶ leaders of the partitions
//	         ◀──Done── (partition, batch, retry; outcome ok / failed / unknown)
//
//	workload ──Assign─▶ Consumer ──Fetch──▶ leaders of the partitions
//	         ◀──Read─── (position, validation, reset)
//
//	workload ──Ask──▶ whoever can answer
//
// They are plain nodes of sim/env, like the brokers: one event at a time, no waiting. A workload calls Send, Assign or Ask
// inside an event of the client's machine and learns what came of it through a callback; or it is a script (script.go),
// which reads as a program does and waits in virtual time.
//
// The one rule that matters most here: an outcome is ok, failed or unknown, and unknown is never turned into failed.
// See outcome.go. Then read cluster.go (who leads what), batch.go and producer.go, consumer.go and fetch.go.
//
// Simplified: versions are those of today's brokers and not negotiated; bootstrap machines are all brokers. Not here yet:
// idempotence and transactions, consumer groups, fetch sessions, compression by configuration.
package client
