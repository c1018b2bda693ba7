package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// publish makes the partitions follow the image (ReplicaManager.applyDelta): first what is deleted or no longer ours, for
// its name may be another topic's now; then what we lead, for others wait to follow it; then what we follow. The image may
// have passed many leaders since the last time: only the last one counts, so a role is never taken on for a record (KIP-631).
//
// The first time waits until the image is as far as the metadata log was committed when this incarnation first asked: by
// an older image our own logs would look like nobody's.
func (b *Broker) publish(e env.Env) {
	if !b.published {
		b.published = true
		b.setStraysAside(e)
	}
	b.dropForeign(e)
	for _, leaders := range []bool{true, false} {
		for _, t := range b.image.Topics() {
			for _, p := range t.Partitions {
				// A log that could not be put aside still has its name: a new one must not move in with it (LogManager.getOrCreateLog
				// takes no directory that is offline).
				if b.failed {
					return
				}
				if p.HasReplica(b.cfg.Node) && (p.Leader == b.cfg.Node) == leaders && (!leaders || b.cfg.Rules.MayLead(b.life.epoch, b.image.Next)) {
					b.become(e, t, p)
				}
			}
		}
	}
	b.assignFetchers(e)
}

// become gives one partition its role.
func (b *Broker) become(e env.Env, t *image.Topic, p *image.Partition) {
	r, err := b.host(e, t, p.Partition)
	if err != nil {
		b.fail(e, err)
		return
	}
	was, end := r.Leads(), r.Log().End()
	log, minISR := b.cfg.topic(b.image, t.Name)
	r.Log().Configure(log)
	newEpoch, err := r.Become(e.Disk(), replication.Assignment{
		Leader: p.Leader, Epoch: p.Epoch, Version: p.Version, Replicas: p.Replicas, ISR: p.ISR, MinISR: minISR, LagMax: b.cfg.lagMax,
	}, e.Now())
	if err != nil {
		b.fail(e, err)
		return
	}
	if cut := r.Log().End(); cut < end {
		e.Note(noteCutBlindly, r.ID.Short(), int64(r.TP.Partition), int64(cut), int64(end))
	}
	b.touch(r)
	if !newEpoch {
		return
	}
	r.resume, r.failed = 0, false
	if b.cfg.Rules.EndWaits && !(was && r.Leads()) {
		// They may wait in vain: the record may be cut off, or survive. Who goes on leading has cut nothing, so its waiters
		// may wait on (DelayedProduce asks only who leads); told otherwise, their producers would write again what is there.
		b.failProduces(e, r, kerr.NotLeaderForPartition.Code)
	}
	switch {
	case r.Leads():
		e.Note(noteLeads, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(r.Epoch()))
	case was:
		e.Note(noteSteppedDown, r.ID.Short(), int64(r.TP.Partition), int64(p.Leader), int64(r.Epoch()))
	}
}

// host is the replica of a partition, made if it is new here. Its log's directory has the topic's id in it, durably,
// before it has a record, so that a later topic of that name is not taken for this one (KIP-516).
func (b *Broker) host(e env.Env, t *image.Topic, partition int32) (*replica, error) {
	tp := wire.TopicPartition{Topic: t.Name, Partition: partition}
	if r := b.parts[tp]; r != nil && r.ID == t.ID {
		return r, nil
	}
	cfg, _ := b.cfg.topic(b.image, t.Name)
	log, _, err := storage.Open(e.Disk(), tp.String(), cfg, storage.OpenOptions{Wall: e.Wall()})
	if err != nil {
		return nil, err
	}
	if err := storage.SaveTopicID(e.Disk(), tp.String(), t.ID); err != nil {
		return nil, err
	}
	return b.add(e, tp, t.ID, log, 0), nil
}

func (b *Broker) add(e env.Env, tp wire.TopicPartition, id wire.TopicID, log *storage.Log, hw wire.Offset) *replica {
	r := &replica{
		Partition: replication.New(replication.Replica{
			TP: tp, ID: id, Self: b.cfg.Node, Rules: b.cfg.Rules.Replication, Registry: b,
		}, log, hw),
		index: int64(len(b.order)), flushed: e.Now(),
	}
	b.parts[tp] = r
	b.order = append(b.order, r)
	return r
}

// dropForeign drops what is deleted or no longer ours. The checkpoints forget it before another topic takes its name: a
// start that this incarnation left behind would be taken for the new log's by the next one (LogManager.asyncDelete).
func (b *Broker) dropForeign(e env.Env) {
	dropped := false
	for _, r := range b.order {
		if p := b.image.Partition(r.ID, r.TP.Partition); !r.gone && (p == nil || !p.HasReplica(b.cfg.Node)) {
			b.drop(e, r, p == nil)
			dropped = true
		}
	}
	if dropped {
		b.fail(e, b.saveRecoveryPoints(e.Disk()))
	}
}

// drop stops hosting a partition and discards its log. Whoever waits is told that the topic is gone, or that its
// partition is somebody else's.
func (b *Broker) drop(e env.Env, r *replica, deleted bool) {
	code := kerr.NotLeaderForPartition.Code
	if deleted {
		code = kerr.UnknownTopicOrPartition.Code
	}
	b.failProduces(e, r, code)
	b.forget(r)
	b.fail(e, b.discard(e, r))
}

// forget takes a replica out of service.
func (b *Broker) forget(r *replica) {
	r.gone = true
	delete(b.parts, r.TP)
	b.touch(r)
}

// setStraysAside renames the logs that an earlier incarnation left and that are not ours by the image: of a topic that
// was deleted while we were down, perhaps with another of its name in its place, or of a partition that moved away
// (KAFKA-14616). As in Kafka they are kept, for an operator to look at.
func (b *Broker) setStraysAside(e env.Env) {
	for _, r := range b.live() {
		if err := b.identify(e, r); err != nil {
			b.fail(e, err)
			return
		}
		if p := b.image.Partition(r.ID, r.TP.Partition); p != nil && p.HasReplica(b.cfg.Node) {
			continue
		}
		e.Note(noteStray, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), 0)
		b.forget(r)
		if err := r.Log().Rename(e.Disk(), storage.FormatDir(r.TP, storage.DirStray, wire.UUID(r.ID))); err != nil {
			b.fail(e, err)
			return
		}
	}
}

// identify says whose a log is that an earlier incarnation left, and its directory says so from then on.
func (b *Broker) identify(e env.Env, r *replica) error {
	t := b.image.TopicNamed(r.TP.Topic)
	if t == nil {
		return nil
	}
	owner := b.cfg.Rules.Owner(r.ID, t.ID)
	if owner == r.ID {
		return nil
	}
	r.ID = owner
	return storage.SaveTopicID(e.Disk(), r.TP.String(), owner)
}

// live is every hosted replica, in order of their making.
func (b *Broker) live() []*replica {
	return slices.DeleteFunc(slices.Clone(b.order), func(r *replica) bool { return r.gone })
}
