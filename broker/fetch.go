package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// Fetch, versions 4 to 18: from 5 with the log's start, from 7 with sessions (KIP-227), from 9 with the asker's leader
// epoch (KIP-320), from 12 with the epoch of its last record (KIP-595), from 13 with topic ids (KIP-516), from 15 with the
// follower's incarnation (KIP-903), from 16 the answer names the new leader (KIP-951).
//
// There are no sessions here: who asks for one is given none, which is legal and enough.

// serveFetch reads for a consumer or a follower (ReplicaManager.fetchMessages). Empty-handed it parks, until there is
// something or max.wait is over.
func (b *Broker) serveFetch(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	if req.Version >= 7 && req.SessionEpoch > 0 {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
		b.reply(e, t, resp, e.Now())
		return
	}
	resp, enough := b.read(e, req, true)
	if enough || req.MaxWaitMillis <= 0 || len(req.Topics) == 0 {
		b.reply(e, t, resp, e.Now())
		return
	}
	b.next++
	f := &parkedFetch{id: b.next, ticket: t, req: req, since: e.Now()}
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			if r, _ := b.find(rt.Topic, rt.TopicID, req.Version >= 13, rp.Partition); r != nil {
				f.on = append(f.on, r)
			}
		}
	}
	b.fetches = append(b.fetches, f)
	e.Arm(env.Timer{Kind: timParked, Lane: env.LaneClient, A: f.id}, env.Duration(req.MaxWaitMillis)*env.Millisecond)
}

// retryFetch looks again for a parked fetch whose partition moved (DelayedFetch.tryComplete): enough bytes, an error, or
// logs that diverge now. That the high watermark moved is no reason to answer a follower: it hears of it with the next
// records, or when its wait is over.
func (b *Broker) retryFetch(e env.Env, f *parkedFetch) {
	if resp, enough := b.read(e, f.req, false); enough {
		b.unpark(e, f)
		b.reply(e, f.ticket, resp, f.since)
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
	b.reply(e, f.ticket, resp, f.since)
}

// reading is one fetch being answered.
type reading struct {
	req   *kmsg.FetchRequest
	resp  *kmsg.FetchResponse
	fresh bool // the request just came in: only then does a follower's position count
	left  int  // bytes that the answer may still grow by
	bytes int  // of records so far
	error bool // an error or a diverging log is in it
}

// read answers a fetch as things are. enough says that the answer is worth sending.
func (b *Broker) read(e env.Env, req *kmsg.FetchRequest, fresh bool) (resp *kmsg.FetchResponse, enough bool) {
	rd := reading{req: req, resp: req.ResponseKind().(*kmsg.FetchResponse), fresh: fresh, left: min(int(req.MaxBytes), b.cfg.fetchMax)}
	for i := range req.Topics {
		rt := &req.Topics[i]
		at := kmsg.NewFetchResponseTopic()
		at.Topic, at.TopicID = rt.Topic, rt.TopicID
		for j := range rt.Partitions {
			at.Partitions = append(at.Partitions, b.readPartition(e, &rd, rt, &rt.Partitions[j]))
		}
		rd.resp.Topics = append(rd.resp.Topics, at)
	}
	return rd.resp, rd.error || rd.bytes >= int(req.MinBytes)
}

// asked is one partition of a fetch as replication judges it.
func asked(req *kmsg.FetchRequest, rp *kmsg.FetchRequestTopicPartition) replication.Asked {
	a := replication.Asked{
		Follower: wire.NodeID(req.ReplicaState.ID), BrokerEpoch: wire.BrokerEpoch(req.ReplicaState.Epoch),
		Next: wire.Offset(rp.FetchOffset), Start: wire.Offset(rp.LogStartOffset),
		Epoch: wire.NoEpoch, LastEpoch: wire.NoEpoch, Committed: req.IsolationLevel == 1,
	}
	if req.Version < 15 {
		a.Follower, a.BrokerEpoch = wire.NodeID(req.ReplicaID), -1
	}
	if req.Version >= 9 {
		a.Epoch = wire.Epoch(rp.CurrentLeaderEpoch)
	}
	if req.Version >= 12 {
		a.LastEpoch = wire.Epoch(rp.LastFetchedEpoch)
	}
	a.Follower = max(a.Follower, wire.NoNode) // -2, Kafka's debugging consumer, reads as any other
	return a
}

func (b *Broker) readPartition(e env.Env, rd *reading, rt *kmsg.FetchRequestTopic, rp *kmsg.FetchRequestTopicPartition) kmsg.FetchResponseTopicPartition {
	ap := kmsg.NewFetchResponseTopicPartition()
	ap.Partition, ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = rp.Partition, -1, -1, -1
	r, err := b.find(rt.Topic, rt.TopicID, rd.req.Version >= 13, rp.Partition)
	if err != nil {
		b.refuseFetch(rd, rt, &ap, err)
		return ap
	}
	a := asked(rd.req, rp)
	g := r.Grant(a)
	if g.Err != nil {
		b.refuseFetch(rd, rt, &ap, g.Err)
		return ap
	}
	// What the answer says of the log is as it was before this fetch: the high watermark that it moves is the next one's.
	ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = int64(r.HW()), int64(r.Stable()), int64(r.Log().Start())
	if g.Diverges {
		ap.DivergingEpoch.Epoch, ap.DivergingEpoch.EndOffset = int32(g.Mark.Epoch), int64(g.Mark.End)
		rd.error = true
	} else if err := b.readRecords(e, rd, r, a, g.Bound, rp, &ap); err != nil {
		b.refuseFetch(rd, rt, &ap, b.broken(e, err))
		return ap
	}
	if rd.fresh && a.Follower != wire.NoNode {
		if err := b.heard(e, r, a, g); err != nil {
			ap.RecordBatches = nil
			b.refuseFetch(rd, rt, &ap, err)
		}
	}
	return ap
}

// readRecords reads up to the bound. The first batch comes also if it is larger than was asked for (KIP-74), or nobody
// would ever get past it.
func (b *Broker) readRecords(e env.Env, rd *reading, r *replica, a replication.Asked, bound wire.Offset, rp *kmsg.FetchRequestTopicPartition, ap *kmsg.FetchResponseTopicPartition) error {
	consumer := a.Follower == wire.NoNode
	if consumer && a.Committed {
		ap.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	if a.Next >= bound {
		return nil
	}
	data, err := r.Log().Read(e.Disk(), a.Next, bound, max(min(int(rp.PartitionMaxBytes), rd.left), 0), rd.bytes == 0)
	if err != nil {
		return err
	}
	ap.RecordBatches = data.Bytes
	rd.left -= len(data.Bytes)
	rd.bytes += len(data.Bytes)
	if !consumer || !a.Committed || len(data.Bytes) == 0 {
		return nil
	}
	aborted, err := r.Log().CollectAborted(e.Disk(), a.Next, data.Next)
	for _, x := range aborted {
		at := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		at.ProducerID, at.FirstOffset = int64(x.Producer), int64(x.First)
		ap.AbortedTransactions = append(ap.AbortedTransactions, at)
	}
	return err
}

// heard takes a follower's position in, and what follows from it: it may join the ISR, the high watermark may move, and
// records may be deleted everywhere.
func (b *Broker) heard(e env.Env, r *replica, a replication.Asked, g replication.Grant) error {
	news, err := r.Fetched(a, g, e.Now())
	if err != nil {
		return err
	}
	_, joins := r.Join(a.Follower)
	b.propose(e, r, joins, &b.counts.expands)
	if news {
		r.Advance(e.Now())
		b.touch(r)
	}
	return nil
}

// refuseFetch fills in one partition's error, and who leads instead.
func (b *Broker) refuseFetch(rd *reading, rt *kmsg.FetchRequestTopic, ap *kmsg.FetchResponseTopicPartition, err error) {
	rd.error = true
	ap.ErrorCode, ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = code(err), -1, -1, -1
	if ap.ErrorCode == kerr.KafkaStorageError.Code && rd.req.Version <= 5 {
		ap.ErrorCode = kerr.NotLeaderForPartition.Code // old consumers do not know the other, and would give up
	}
	if ap.ErrorCode != kerr.NotLeaderForPartition.Code && ap.ErrorCode != kerr.FencedLeaderEpoch.Code {
		return
	}
	leader, epoch := b.ledBy(rt.Topic, rt.TopicID, rd.req.Version >= 13, ap.Partition)
	ap.CurrentLeader.LeaderID, ap.CurrentLeader.LeaderEpoch = int32(leader), int32(epoch)
	for _, known := range rd.resp.Brokers {
		if known.NodeID == int32(leader) {
			return
		}
	}
	if host, port, rack, ok := b.endPoint(leader); ok {
		rb := kmsg.NewFetchResponseBroker()
		rb.NodeID, rb.Host, rb.Port, rb.Rack = int32(leader), host, port, rack
		rd.resp.Brokers = append(rd.resp.Brokers, rb)
	}
}
