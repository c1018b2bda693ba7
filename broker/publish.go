package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// publisher updates the replicas each time the observer has applied records to the image (BrokerMetadataPublisher).
type publisher struct {
	cfg       *Config
	image     *image.Image
	replicas  *replicaTable
	lifecycle *lifecycle
	logs      *logManager
	fetchers  *fetcherManager
	purgatory *purgatory

	published bool // at least one image has been published
}

// publish updates the replicas to match the image (ReplicaManager.applyDelta). It first removes the partitions that were
// deleted or moved away, because a new topic may have their name now. Then it makes the leaders, because followers wait for
// them, and last the followers. Several elections may have happened since the previous publication; only the newest counts,
// and no replica takes a role from an earlier election (KIP-631).
//
// The first publication waits until the image has every record that was committed when this incarnation first fetched
// the metadata. With an older image the broker would take its own logs for strays.
func (p *publisher) publish(e env.Env) {
	if !p.published {
		p.published = true
		p.renameStrays(e)
	}
	p.removeReplicas(e)
	for _, leaders := range []bool{true, false} {
		for _, t := range p.image.Topics() {
			for _, part := range t.Partitions {
				// A log that could not be renamed still has its directory, which a new log must not use
				// (LogManager.getOrCreateLog uses no offline directory).
				if p.logs.offline {
					return
				}
				if part.HasReplica(p.cfg.Node) && (part.Leader == p.cfg.Node) == leaders && (!leaders || p.cfg.Rules.MayLead(p.lifecycle.epoch, p.image.Next)) {
					p.become(e, t, part)
				}
			}
		}
	}
	p.fetchers.assign(e)
}

// become makes the replica of one partition the leader or a follower, as the image says.
func (p *publisher) become(e env.Env, t *image.Topic, part *image.Partition) {
	r, err := p.getOrCreateReplica(e, t, part.Partition)
	if err != nil {
		p.logs.haltOnError(e, err)
		return
	}
	was, end := r.Leads(), r.Log().End()
	log, minISR := p.cfg.topic(p.image, t.Name)
	r.Log().Configure(log)
	newEpoch, err := r.Become(e.Disk(), replication.Assignment{
		Leader: part.Leader, LeaderEpoch: part.LeaderEpoch, PartitionEpoch: part.PartitionEpoch, Replicas: part.Replicas, ISR: part.ISR, MinISR: minISR, LagMax: p.cfg.lagMax,
	}, e.Now())
	if err != nil {
		p.logs.haltOnError(e, err)
		return
	}
	if cut := r.Log().End(); cut < end {
		e.Note(noteCutBlindly, r.ID.Short(), int64(r.TP.Partition), int64(cut), int64(end))
	}
	p.replicas.touch(r)
	// While the broker shuts down, it stops the replicas that nothing waits for (ReplicaManager.applyLocalFollowersDelta).
	if p.lifecycle.state == shuttingDown && !r.Leads() && (part.Leader < 0 || !part.InISR(p.cfg.Node)) {
		r.stopped = true
	} else if newEpoch {
		r.stopped = false
	}
	if !newEpoch {
		return
	}
	r.fetchAfter, r.failed = 0, false
	if p.cfg.Rules.FailWaiting && !(was && r.Leads()) {
		// The new leader may truncate the records or keep them, so their outcome is unknown. A leader that stays leader
		// has truncated nothing, so its producers keep waiting (DelayedProduce checks only that it leads). If they got an
		// error, they would write the records twice.
		p.purgatory.failProduces(e, r, kerr.NotLeaderForPartition.Code)
	}
	switch {
	case r.Leads():
		e.Note(noteLeads, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(r.LeaderEpoch()))
	case was:
		e.Note(noteSteppedDown, r.ID.Short(), int64(r.TP.Partition), int64(part.Leader), int64(r.LeaderEpoch()))
	}
}

// getOrCreateReplica returns the replica of a partition, and makes it if this broker has none. The topic id is durable in
// the log's directory before the first record is written, so that the log is never mistaken for the log of a later topic
// with the same name (KIP-516).
func (p *publisher) getOrCreateReplica(e env.Env, t *image.Topic, partition int32) (*replica, error) {
	tp := wire.TopicPartition{Topic: t.Name, Partition: partition}
	if r := p.replicas.named(tp); r != nil && r.ID == t.ID {
		return r, nil
	}
	cfg, _ := p.cfg.topic(p.image, t.Name)
	log, _, err := storage.Open(e.Disk(), tp.String(), cfg, storage.OpenOptions{Wall: e.Wall()})
	if err != nil {
		return nil, err
	}
	if err := storage.SaveTopicID(e.Disk(), tp.String(), t.ID); err != nil {
		return nil, err
	}
	return p.replicas.add(e, tp, t.ID, log, 0), nil
}

// removeReplicas stops hosting the partitions that were deleted or moved away. It drops them from the checkpoints before
// another topic can take the name; otherwise the next incarnation would apply the old log start offset to the new log
// (LogManager.asyncDelete).
func (p *publisher) removeReplicas(e env.Env) {
	removed := false
	for _, r := range p.replicas.inService() {
		if part := p.image.Partition(r.ID, r.TP.Partition); part == nil || !part.HasReplica(p.cfg.Node) {
			p.removeReplica(e, r, part == nil)
			removed = true
		}
	}
	if removed {
		p.logs.haltOnError(e, p.logs.saveRecoveryPoints(e.Disk()))
	}
}

// removeReplica stops hosting one partition and discards its log. Parked produces get an error, which says either that
// the topic is unknown or that another broker leads the partition.
func (p *publisher) removeReplica(e env.Env, r *replica, deleted bool) {
	code := kerr.NotLeaderForPartition.Code
	if deleted {
		code = kerr.UnknownTopicOrPartition.Code
	}
	p.purgatory.failProduces(e, r, code)
	p.replicas.remove(r)
	p.logs.haltOnError(e, p.logs.discard(e, r))
}

// renameStrays renames the logs of an earlier incarnation that the image does not assign to this broker. While this
// broker was down, the partition was moved away, or the topic was deleted and perhaps created again under the same name
// (KAFKA-14616). As in Kafka the stray logs are kept for an operator.
func (p *publisher) renameStrays(e env.Env) {
	for _, r := range p.replicas.inService() {
		if err := p.chooseTopicID(e, r); err != nil {
			p.logs.haltOnError(e, err)
			return
		}
		if part := p.image.Partition(r.ID, r.TP.Partition); part != nil && part.HasReplica(p.cfg.Node) {
			continue
		}
		e.Note(noteStray, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), 0)
		p.replicas.remove(r)
		if err := r.Log().Rename(e.Disk(), storage.FormatDir(r.TP, storage.DirStray, wire.UUID(r.ID))); err != nil {
			p.logs.haltOnError(e, err)
			return
		}
	}
}

// chooseTopicID decides which topic the log of an earlier incarnation belongs to, and writes that id into its directory.
func (p *publisher) chooseTopicID(e env.Env, r *replica) error {
	t := p.image.TopicNamed(r.TP.Topic)
	if t == nil {
		return nil
	}
	owner := p.cfg.Rules.Owner(r.ID, t.ID)
	if owner == r.ID {
		return nil
	}
	r.ID = owner
	return storage.SaveTopicID(e.Disk(), r.TP.String(), owner)
}
