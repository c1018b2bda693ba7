// Package client holds the nodes that use Kafka: a client with a producer and a consumer by assignment, and an admin.
//
//	workload ──Send──▶ Producer ──Produce──▶ leader of the partition
//	         ◀──Done── (batches, retries, outcome ok / failed / unknown)
//
//	workload ──Assign─▶ Consumer ──Fetch──▶ leader of the partition
//	         ◀──Read─── (position, reset, drained)
//
// They are plain nodes of sim/env, like the brokers: one event at a time, no waiting. A workload calls Send or Assign
// inside an event of the client's machine and learns what came of it through a callback.
//
// The one rule that matters most here: an outcome is ok, failed or unknown, and unknown is never turned into failed.
// See outcome.go. Then read cluster.go (finding leaders) and producer.go.
//
// Not here yet: idempotence and transactions, consumer groups, fetch sessions, compression by configuration.
package client
