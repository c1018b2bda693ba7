package config

// features has the features that a cluster finalises. The default of a feature is the newest level that Kafka 4.4
// supports in production.
var features = []Config{
	{"eligible.leader.replicas.version", Feature, Short, "1", between(0, 1), "4.0",
		"1 remembers replicas that left the ISR and still hold everything committed (KIP-966)."},
	{"group.version", Feature, Short, "1", between(0, 1), "3.9",
		"1 offers the consumer group protocol (KIP-848)."},
	{"kraft.version", Feature, Short, "1", between(0, 1), "3.9",
		"1 lets controllers join and leave the quorum (KIP-853)."},
	{"metadata.version", Feature, Short, "33", between(7, 33), "3.3",
		"How the metadata log is written; decides much of what brokers do (KIP-778)."},
	{"share.version", Feature, Short, "2", between(0, 2), "4.1",
		"1 offers share groups (KIP-932), 2 their dead letter queues (KIP-1191)."},
	{"streams.version", Feature, Short, "1", between(0, 1), "4.1",
		"1 offers streams groups (KIP-1071)."},
	{"transaction.version", Feature, Short, "2", between(0, 2), "3.9",
		"1 writes flexible records to the transaction log, 2 fences each transaction by an epoch of its own (KIP-890)."},
}
