// Package broker is one Kafka broker: it answers requests, keeps the partitions it hosts in step with the cluster's
// metadata, and follows other brokers where it does not lead.
//
//	controller ──metadata log──▶ metadataObserver ──image──▶ publisher ──roles──┐
//	leaders ◀──Fetch── fetcherManager ──records─────────────────────────────────▶ replicas ◀──clocks── logManager
//	clients, followers ──Produce, Fetch …──▶ replicaManager ──records, positions──┘      │
//	                                          └──parked──▶ purgatory ◀──touched──────────┘
//	controller ◀──BrokerRegistration, BrokerHeartbeat── lifecycle
//	controller ◀──AlterPartition── isrManager ◀──joins, laggards── replicas
//	controller ◀──CreateTopics …── forwarder ◀── clients
//	clients ──Metadata, DescribeConfigs …──▶ metadataCache
//
// Start with broker.go: it lists the parts with their files, and which uses which. To follow one produced record:
// produce.go (append, and park), fetch.go (a follower fetches it; the high watermark moves), purgatory.go (the parked
// produce is answered, once, at the end of the event). To add a request: the table in apis.go.
//
// Each part has its own struct, its own timers and its own tokens, and is handed those alone. The coordinators of groups and
// transactions will be two more parts: hosts that run a coordinator on each partition of an internal topic that this broker
// leads, started and stopped by publisher.become, with their requests in the table of apis.go and their parked requests
// in the coordinator.
//
// rules.go lists the decisions that were once taken otherwise, or could be; metrics.go is what an operator would watch.
//
// Simplified: forwarded requests have no Envelope, for there are no principals; a Metadata request creates no topic; there
// is one log directory, and the broker halts when it fails. Not here yet: fetch sessions (none is ever given), coordinators
// of groups and transactions, reassignment, tiered storage, quotas, authorisation.
package broker
