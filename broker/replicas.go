package broker

import (
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// replica is one partition that this broker hosts, with what each part of the broker stores for it.
type replica struct {
	*replication.Partition
	index   int64 // in replicaTable.byIndex; names the replica in tokens and timers
	removed bool  // no longer hosted: a part that still has a pointer to it must not use it
	touched bool  // listed in replicaTable.touched

	// Of the fetchers, while it follows.
	fetchAfter env.Instant // the end of its backoff
	failed     bool        // the leader sent records that do not continue its log; not fetched until the next epoch

	// Of the log manager.
	flushed    env.Instant // when the log was last flushed, or opened
	filesArmed int64       // the discarded files up to this number already have a timer
}

// replicaTable has the replicas of one incarnation. Timers and tokens name a replica by its index, which is never used
// again: a late timer or response finds the replica that it was meant for, even if that has been removed.
type replicaTable struct {
	cfg      *Config
	registry registry
	byName   map[wire.TopicPartition]*replica // in service; no two topics of one name at a time
	byIndex  []*replica                       // all that were ever added, in order
	touched  []*replica                       // in this event; empty between events
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

// named returns the replica in service under a topic's name, or nil. The topic may have been deleted and created again:
// a caller that means one particular topic compares the id.
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

// touch marks a replica whose log, high watermark or role changed: the end of the event tries the requests that are
// parked on it.
func (t *replicaTable) touch(r *replica) {
	if !r.touched {
		r.touched = true
		t.touched = append(t.touched, r)
	}
}

// takeTouched returns the replicas touched since the last call, in order.
func (t *replicaTable) takeTouched() []*replica {
	all := t.touched
	t.touched = nil
	for _, r := range all {
		r.touched = false
	}
	return all
}

// registry answers replication's questions about other brokers from the image.
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
