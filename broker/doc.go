// Package broker is one Kafka broker. It serves requests, updates the replicas that it hosts to match the metadata image,
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
// Start with broker.go, which lists the parts with their files and shows which part uses which. To follow one produced
// record, read produce.go (the record is appended, and the request is parked), fetch.go (a follower fetches the record, and
// the high watermark moves) and purgatory.go (the parked request is answered at the end of the event). To add a request,
// start with the table in apis.go.
//
// Each part has its own struct, timers and tokens, and gets only its own events. The group and transaction coordinators
// will be two more parts. Each will run a coordinator on every partition of an internal topic that this broker leads.
// publisher.become will start and stop these coordinators, and the table of apis.go will have their requests.
//
// rules.go lists the decisions that Kafka once made differently or could make differently. metrics.go has the metrics for
// operators.
//
// Simplified: forwarded requests have no Envelope, because there are no principals; a Metadata request creates no topic;
// there is one log directory, and the broker halts when it fails. Not here yet: fetch sessions, coordinators of groups
// and transactions, reassignment, tiered storage, quotas, authorization.
package broker
