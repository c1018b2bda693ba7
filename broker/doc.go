// Package broker is one Kafka broker: it answers requests, keeps the partitions it hosts in step with the cluster's
// metadata, and follows other brokers where it does not lead.
//
//	clients ────every request of apis.go───▶ ┌────────┐ ──Fetch──▶ other brokers (fetcher.go)
//	followers ──Fetch──────────────────────▶ │ Broker │ ──registration, heartbeat, AlterPartition──▶ controller
//	controller ──metadata log──────────────▶ └────────┘ ──what is the controller's, passed on (forward.go)──▶ controller
//	                                      partitions, logs, image
//
// To follow one produced record: produce.go (append, and wait for the in-sync replicas), fetch.go (a follower takes it;
// the high watermark moves), purgatory.go (whoever waited is answered, once, at the end of the event). A broker's own
// life is in lifecycle.go, how it finds the active controller in controllers.go and learns what was decided in learn.go, its
// partitions' lives in publish.go, loading and saving in load.go, what happens on clocks in housekeeping.go, following in
// fetcher.go and outofrange.go, ISR changes in isr.go. offsets.go, metadata.go,
// describeconfigs.go and deleterecords.go are one group of requests each; metrics.go is what an operator would watch.
// rules.go lists the decisions that were once taken otherwise, or could be.
//
// Simplified: forwarded requests have no Envelope, for there are no principals; topics are never made by asking for
// them; there is one log directory, and the broker halts when it fails. Not here yet: fetch sessions (none is ever
// given), coordinators of groups and transactions, reassignment, tiered storage, quotas, authorisation.
package broker
