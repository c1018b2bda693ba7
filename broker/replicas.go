package broker

import (
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// replica is one partition that this broker hosts, with the state that the parts of the broker keep for each partition.
type replica struct {
	*replication.Partition
	index   int64 // index in replicaTable.byIndex, which identifies the replica in tokens and timers
	removed bool  // no longer hosted, so a part that still has a pointer to the replica must not use it
	touched bool  // it is in replicaTable.touched

	// The fetchers use these while the replica follows.
	fetchAfter env.Instant // the end of its backoff
	failed     bool        // the leader's records do not continue its log, so it does not fetch until the next epoch
	fetchEpoch wire.Epoch  // the leader epoch in which its fetcher got it
	answered   bool        // it has had a response without an error in that epoch
	stopped    bool        // it does not fetch, because the broker is in a controlled shutdown and the ISR lacks the replica

	// The log manager uses these.
	flushed    env.Instant // when the log was last flushed, or when it was opened if it was never flushed
	filesArmed int64       // the number of the last discarded file for which a timer is armed
}

// replicaTable has the replicas of one incarnation. Timers and tokens name a replica by its index, which is never reused.
// So a late timer or response finds the replica that it was meant for, even if that replica has been removed.
type replicaTable struct {
	cfg      *Config
	registry registry
	byName   map[wire.TopicPartition]*replica // the replicas in service, by topic name and partition
	byIndex  []*replica                       // all replicas that were ever added, in that order
	touched  []*replica                       // replicas touched in this event; empty between events
}

func newReplicaTable(cfg *Config, reg registry) replicaTable {
	return replicaTable{cfg: cfg, registry: reg, byName: map[wire.TopicPartition]*replica{}}
}

// add puts a replica with an open log into service.
func (t *replicaTable) add(e env.Env, tp wire.TopicPartition, id wire.TopicID, log *storage.Log, hw wire.Offset) *replica {
	r := &replica{
		Partition: replication.New(replication.Replica{
			TP: tp, ID: id, Self: t.cfg.Node, Rules: t.cfg.Rules.Replication, Registry: t.registry,
		}, log, hw),
		index: int64(len(t.byIndex)), flushed: e.Now(),
	}
	t.byName[tp] = r
	t.byIndex = append(t.byIndex, r)
	return r
}

// remove takes a replica out of service.
func (t *replicaTable) remove(r *replica) {
	r.removed = true
	delete(t.byName, r.TP)
	t.touch(r)
}

// named returns the replica in service under a topic's name, or nil. The topic may have been deleted and created again, so
// a caller that means one particular topic must compare the id.
func (t *replicaTable) named(tp wire.TopicPartition) *replica { return t.byName[tp] }

// inService returns every replica in service, in the order in which they were added.
func (t *replicaTable) inService() []*replica {
	all := make([]*replica, 0, len(t.byName))
	for _, r := range t.byIndex {
		if !r.removed {
			all = append(all, r)
		}
	}
	return all
}

// touch marks a replica after a change of its log, high watermark or role. At the end of the event, completeParked tries the
// requests that wait for it.
func (t *replicaTable) touch(r *replica) {
	if !r.touched {
		r.touched = true
		t.touched = append(t.touched, r)
	}
}

// takeTouched returns the replicas touched since the last call, in the order in which they were touched.
func (t *replicaTable) takeTouched() []*replica {
	all := t.touched
	t.touched = nil
	for _, r := range all {
		r.touched = false
	}
	return all
}

// registry looks up other brokers in the image for package replication.
type registry struct{ image *image.Image }

var _ replication.Registry = registry{}

// Registered implements replication.Registry.
func (g registry) Registered(id wire.NodeID) wire.BrokerEpoch {
	if broker := g.image.Broker(id); broker != nil && !broker.Fenced {
		return broker.Epoch
	}
	return -1
}

// InService implements replication.Registry.
func (g registry) InService(id wire.NodeID) bool {
	broker := g.image.Broker(id)
	return broker != nil && broker.Active()
}
