package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// serveFetch reads for a consumer or a follower (ReplicaManager.fetchMessages). Empty-handed it parks, until there is
// something or max.wait is over.
func (b *Broker) serveFetch(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	resp, enough := b.read(e, req, true)
	if enough || req.MaxWaitMillis <= 0 {
		e.Reply(t, resp)
		return
	}
	b.next++
	f := &parkedFetch{id: b.next, ticket: t, req: req}
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			if r := b.byID(rt.TopicID, rp.Partition); r != nil {
				f.on = append(f.on, r)
				f.hw = append(f.hw, r.HW())
				f.epoch = append(f.epoch, r.Epoch())
			}
		}
	}
	b.fetches = append(b.fetches, f)
	e.Arm(env.Timer{Kind: timParked, Lane: env.LaneClient, A: f.id}, env.Duration(req.MaxWaitMillis)*env.Millisecond)
}

// retryFetch looks again for a parked fetch whose partition moved. A follower is also told of a new high watermark.
func (b *Broker) retryFetch(e env.Env, f *parkedFetch) {
	resp, enough := b.read(e, f.req, false)
	for i, r := range f.on {
		follower := f.req.ReplicaState.ID >= 0
		enough = enough || r.gone || r.Epoch() != f.epoch[i] || follower && r.HW() > f.hw[i]
	}
	if enough {
		b.unpark(e, f)
		e.Reply(f.ticket, resp)
	}
}

// expireFetch answers a fetch whose wait is over with what there is.
func (b *Broker) expireFetch(e env.Env, id int64) {
	i := slices.IndexFunc(b.fetches, func(f *parkedFetch) bool { return f.id == id })
	if i < 0 {
		return
	}
	f := b.fetches[i]
	b.unpark(e, f)
	resp, _ := b.read(e, f.req, false)
	e.Reply(f.ticket, resp)
}

// read answers a fetch as things are. enough says that the answer is worth sending: records, an error, or a diverging
// log. fresh says that the request just came in: only then does a follower's position count.
func (b *Broker) read(e env.Env, req *kmsg.FetchRequest, fresh bool) (resp *kmsg.FetchResponse, enough bool) {
	resp = kmsg.NewPtrFetchResponse()
	left := int(req.MaxBytes)
	for _, rt := range req.Topics {
		at := kmsg.NewFetchResponseTopic()
		at.TopicID = rt.TopicID
		for i := range rt.Partitions {
			ap := b.readPartition(e, req, rt.TopicID, &rt.Partitions[i], left, fresh)
			left -= len(ap.RecordBatches)
			enough = enough || ap.ErrorCode != 0 || len(ap.RecordBatches) > 0 || ap.DivergingEpoch.Epoch >= 0
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return resp, enough
}

func (b *Broker) readPartition(e env.Env, req *kmsg.FetchRequest, topic wire.TopicID, rp *kmsg.FetchRequestTopicPartition, left int, fresh bool) kmsg.FetchResponseTopicPartition {
	ap := kmsg.NewFetchResponseTopicPartition()
	ap.Partition, ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = rp.Partition, -1, -1, -1
	r := b.byID(topic, rp.Partition)
	if err := b.mayFetch(r, topic, wire.Epoch(rp.CurrentLeaderEpoch)); err != nil {
		ap.ErrorCode = err.Code
		if r != nil && r.Leader() >= 0 {
			ap.CurrentLeader.LeaderID, ap.CurrentLeader.LeaderEpoch = int32(r.Leader()), int32(r.Epoch())
		}
		return ap
	}
	from, follower := wire.Offset(rp.FetchOffset), req.ReplicaState.ID >= 0
	log := r.Log()
	if from < log.Start() || from > log.End() && !follower {
		ap.ErrorCode = kerr.OffsetOutOfRange.Code // also when the logs diverge (KAFKA-12996)
		return ap
	}
	bound := r.HW()
	if follower {
		mark, diverges, known := r.Diverges(from, wire.Epoch(rp.LastFetchedEpoch))
		switch {
		case !known || !diverges && from > log.End():
			ap.ErrorCode = kerr.OffsetOutOfRange.Code
			return ap
		case diverges: // no records, and its position is not one of ours
			ap.DivergingEpoch.Epoch, ap.DivergingEpoch.EndOffset = int32(mark.Epoch), int64(mark.End)
			ap.HighWatermark, ap.LogStartOffset = int64(r.HW()), int64(log.Start())
			return ap
		}
		if fresh {
			r.Fetched(wire.NodeID(req.ReplicaState.ID), wire.BrokerEpoch(req.ReplicaState.Epoch), from, e.Now())
			b.touch(r)
		}
		bound = log.End()
	}
	data, err := log.Read(e.Disk(), from, bound, min(int(rp.PartitionMaxBytes), max(left, 0)), left == int(req.MaxBytes))
	if err != nil {
		ap.ErrorCode = code(err)
		return ap
	}
	ap.RecordBatches = data.Bytes
	ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = int64(r.HW()), int64(r.HW()), int64(log.Start())
	return ap
}

// mayFetch checks that we lead, and that the asker lives in our epoch (KIP-320).
func (b *Broker) mayFetch(r *replica, topic wire.TopicID, epoch wire.Epoch) *kerr.Error {
	switch {
	case r == nil && b.image.Topic(topic) == nil:
		return kerr.UnknownTopicID
	case r == nil:
		return kerr.NotLeaderForPartition
	case epoch >= 0 && epoch < r.Epoch():
		return kerr.FencedLeaderEpoch
	case epoch > r.Epoch():
		return kerr.UnknownLeaderEpoch
	case !r.Leads():
		return kerr.NotLeaderForPartition
	}
	return nil
}

// byID is a hosted replica by topic id, or nil.
func (b *Broker) byID(id wire.TopicID, partition int32) *replica {
	t := b.image.Topic(id)
	if t == nil {
		return nil
	}
	if r := b.parts[wire.TopicPartition{Topic: t.Name, Partition: partition}]; r != nil && r.ID == id {
		return r
	}
	return nil
}
