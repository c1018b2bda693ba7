// Package broker is one Kafka broker: it routes requests to the partitions it hosts and keeps them in step with the
// cluster's metadata.
//
//	clients ──Produce, Fetch, ListOffsets, Metadata──▶ ┌────────┐ ──Fetch──▶ other brokers (fetcher.go)
//	followers ──Fetch──▶                              │ Broker │ ──registration, heartbeat, AlterPartition──▶ controller
//	controller ──metadata log──▶                       └────────┘
//	                                          partitions, logs, image
//
// To follow one produced record: produce.go (append, and wait for the in-sync replicas), fetch.go (a follower takes it;
// the high watermark moves), purgatory.go (whoever waited is answered, once, at the end of the event). A broker's own
// life is in lifecycle.go, its partitions' in publish.go, following in fetcher.go, ISR changes in isr.go.
//
// Not here yet: fetch sessions, idempotent and transactional producers' coordinators, groups, several log directories.
package broker
