// Package client has the nodes that use Kafka: Client has a producer, a consumer with manual assignment, and admin requests.
// Admin is the admin client of an operator, which sends its requests to controllers.
//
//	workload ──Send──▶ Producer ──Produce──▶ leaders of the partitions
//	         ◀──Done── (partition, batch, retry; outcome ok / failed / unknown)
//
//	workload ──Assign─▶ Consumer ──Fetch──▶ leaders of the partitions
//	         ◀──Read─── (position, validation, reset)
//
//	workload ──Ask──▶ the broker that serves the request
//
// Client and Admin are plain nodes of sim/env, like the brokers. They handle one event at a time and do not block. A
// workload calls Send, Assign or Ask in an event of the client's machine and gets the result by a callback. It can also be a
// script (script.go), which reads like a program and waits in virtual time.
//
// The most important rule is that an outcome is ok, failed or unknown, and that unknown never becomes failed. Read
// outcome.go first, then metadata.go (leaders), batch.go and producer.go, consumer.go and fetch.go.
//
// Simplified: requests have the versions of the current brokers, without ApiVersions; all bootstrap machines are brokers.
// Not here yet: idempotence and transactions, consumer groups, fetch sessions, compression by configuration.
package client
