// Package broker is one Kafka broker: it serves requests, makes the replicas that it hosts follow the metadata image,
// and fetches from other brokers the partitions that it does not lead.
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
// Start with broker.go: it lists the parts with their files, and which part uses which. To follow one produced record:
// produce.go (append, then park), fetch.go (a follower fetches it; the high watermark moves), purgatory.go (the parked
// produce is answered, once, at the end of the event). To add a request: the table in apis.go.
//
// Each part has its own struct, timers and tokens, and gets only its own events. The group and transaction coordinators
// will be two more parts: each runs a coordinator on every partition of an internal topic that this broker leads,
// started and stopped by publisher.become, with its requests in the table of apis.go and its parked requests in the
// coordinator.
//
// rules.go lists the decisions for which Kafka once had another answer, or could have; metrics.go has the metrics for
// operators.
//
// Simplified: forwarded requests have no Envelope, because there are no principals; a Metadata request creates no topic;
// there is one log directory, and the broker halts when it fails. Not here yet: fetch sessions, coordinators of groups
// and transactions, reassignment, tiered storage, quotas, authorization.
package broker
