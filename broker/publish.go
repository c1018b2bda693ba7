package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/broker/storage"
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// publish makes the partitions follow the image (ReplicaManager.applyDelta): first what is deleted or no longer ours,
// then what we lead, then what we follow.
func (b *Broker) publish(e env.Env) {
	for _, r := range b.order {
		if p := b.image.Partition(r.ID, r.TP.Partition); !r.gone && (p == nil || !p.HasReplica(b.cfg.Node)) {
			b.drop(e, r)
		}
	}
	for _, leaders := range []bool{true, false} {
		for _, t := range b.image.Topics() {
			for _, p := range t.Partitions {
				if p.HasReplica(b.cfg.Node) && (p.Leader == b.cfg.Node) == leaders {
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
		e.Exit(err)
		return
	}
	was := r.Leads()
	log, minISR := b.cfg.topic(b.image, t.Name)
	r.Log().Configure(log)
	newEpoch, err := r.Become(e.Disk(), replication.Assignment{
		Leader: p.Leader, Epoch: p.Epoch, Version: p.Version, Replicas: p.Replicas, ISR: p.ISR, MinISR: minISR, LagMax: b.cfg.lagMax,
	}, e.Now())
	if err != nil {
		e.Exit(err)
		return
	}
	b.touch(r)
	if !newEpoch {
		return
	}
	// Whoever waits here for an acknowledgement may wait in vain: the record may be cut off, or survive.
	b.failProduces(e, r, kerr.NotLeaderForPartition.Code)
	switch {
	case r.Leads():
		e.Note(noteLeads, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(r.Epoch()))
	case was:
		e.Note(noteSteppedDown, r.ID.Short(), int64(r.TP.Partition), int64(p.Leader), int64(r.Epoch()))
	}
}

// host is the replica of a partition, made if it is new here.
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
	return b.add(tp, t.ID, log, 0), nil
}

func (b *Broker) add(tp wire.TopicPartition, id wire.TopicID, log *storage.Log, hw wire.Offset) *replica {
	r := &replica{Partition: replication.New(tp, id, b.cfg.Node, log, hw), index: int64(len(b.order))}
	b.parts[tp] = r
	b.order = append(b.order, r)
	return r
}

// drop stops hosting a partition and deletes its log.
func (b *Broker) drop(e env.Env, r *replica) {
	b.failProduces(e, r, kerr.UnknownTopicOrPartition.Code)
	r.gone = true
	delete(b.parts, r.TP)
	b.touch(r)
	if err := r.Log().Delete(e.Disk()); err != nil {
		e.Exit(err)
	}
}

// live is every hosted replica, in order of their making.
func (b *Broker) live() []*replica {
	return slices.DeleteFunc(slices.Clone(b.order), func(r *replica) bool { return r.gone })
}
