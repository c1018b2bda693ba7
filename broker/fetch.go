package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// Fetch has versions 4 to 18. These versions add fields:
//
//	 5  the log start
//	 7  sessions (KIP-227)
//	 9  the leader epoch that the client knows (KIP-320)
//	12  the epoch of the client's last record (KIP-595)
//	13  topic ids instead of names (KIP-516)
//	15  the follower's broker epoch (KIP-903)
//	16  the new leader, in the response (KIP-951)
//
// There are no sessions here. The response to a client that asks for one has session id 0, which every client accepts.

// handleFetchRequest reads for a consumer or a follower (ReplicaManager.fetchMessages). If the records have fewer than
// min.bytes, it parks the request until there are enough bytes or max.wait.ms is over.
func (m *replicaManager) handleFetchRequest(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	if req.Version >= 7 && req.SessionEpoch > 0 {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
		m.metrics.reply(e, t, resp, e.Now())
		return
	}
	req = withoutRepeats(req)
	resp, enough := m.read(e, req, true)
	if enough || req.MaxWaitMillis <= 0 || len(req.Topics) == 0 {
		m.metrics.reply(e, t, resp, e.Now())
		return
	}
	f := &parkedFetch{ticket: t, req: req, since: e.Now()}
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			if r, _ := m.lookup(rt.Topic, rt.TopicID, req.Version >= 13, rp.Partition); r != nil {
				f.on = append(f.on, r)
			}
		}
	}
	m.purgatory.parkFetch(e, f)
}

// withoutRepeats returns a consumer's request without repeated partitions: a partition that appears again replaces its first
// appearance (FetchRequest.fetchData). Followers never repeat one.
func withoutRepeats(req *kmsg.FetchRequest) *kmsg.FetchRequest {
	if req.ReplicaState.ID >= 0 || req.Version < 15 && req.ReplicaID >= 0 {
		return req
	}
	repeated := false
	for i := range req.Topics {
		of := req.Topics[i].Partitions
		for j := range of {
			repeated = repeated || slices.ContainsFunc(of[:j], func(o kmsg.FetchRequestTopicPartition) bool { return o.Partition == of[j].Partition })
		}
	}
	if !repeated {
		return req
	}
	once := *req
	once.Topics = slices.Clone(req.Topics)
	for i := range once.Topics {
		rt := &once.Topics[i]
		var all []kmsg.FetchRequestTopicPartition
		for _, rp := range rt.Partitions {
			if at := slices.IndexFunc(all, func(o kmsg.FetchRequestTopicPartition) bool { return o.Partition == rp.Partition }); at >= 0 {
				all[at] = rp
			} else {
				all = append(all, rp)
			}
		}
		rt.Partitions = all
	}
	return &once
}

// reading is the state of a fetch response that is being built.
type reading struct {
	req   *kmsg.FetchRequest
	resp  *kmsg.FetchResponse
	fresh bool                      // the request has just arrived, so a follower's position must be stored
	left  int                       // number of bytes by which the response may still grow
	bytes int                       // size of the records so far
	error bool                      // the response has an error or a diverging epoch
	last  []kmsg.FetchResponseTopic // the partitions that are not in this broker's image; they come last
}

// read builds the response to a fetch. It returns enough as false if the request should wait for more records.
func (m *replicaManager) read(e env.Env, req *kmsg.FetchRequest, fresh bool) (resp *kmsg.FetchResponse, enough bool) {
	rd := reading{req: req, resp: req.ResponseKind().(*kmsg.FetchResponse), fresh: fresh, left: min(int(req.MaxBytes), m.cfg.fetchMax)}
	for i := range req.Topics {
		rt := &req.Topics[i]
		at := kmsg.NewFetchResponseTopic()
		at.Topic, at.TopicID = rt.Topic, rt.TopicID
		for j := range rt.Partitions {
			if ap, known := m.readPartition(e, &rd, rt, &rt.Partitions[j]); known {
				at.Partitions = append(at.Partitions, ap)
			} else {
				rd.putLast(rt, ap)
			}
		}
		if len(at.Partitions) > 0 {
			rd.resp.Topics = append(rd.resp.Topics, at)
		}
	}
	for _, at := range rd.last {
		if n := len(rd.resp.Topics); n > 0 && rd.resp.Topics[n-1].Topic == at.Topic && rd.resp.Topics[n-1].TopicID == at.TopicID {
			rd.resp.Topics[n-1].Partitions = append(rd.resp.Topics[n-1].Partitions, at.Partitions...)
		} else {
			rd.resp.Topics = append(rd.resp.Topics, at)
		}
	}
	return rd.resp, rd.error || rd.bytes >= int(req.MinBytes)
}

// putLast adds a partition that is not in this broker's image to the end of the response (KafkaApis, erroneous).
func (rd *reading) putLast(rt *kmsg.FetchRequestTopic, ap kmsg.FetchResponseTopicPartition) {
	if n := len(rd.last); n == 0 || rd.last[n-1].Topic != rt.Topic || rd.last[n-1].TopicID != rt.TopicID {
		at := kmsg.NewFetchResponseTopic()
		at.Topic, at.TopicID = rt.Topic, rt.TopicID
		rd.last = append(rd.last, at)
	}
	at := &rd.last[len(rd.last)-1]
	at.Partitions = append(at.Partitions, ap)
}

// fetchStateOf converts one partition of a Fetch request to the type of package replication.
func fetchStateOf(req *kmsg.FetchRequest, rp *kmsg.FetchRequestTopicPartition) replication.FetchState {
	a := replication.FetchState{
		Follower: wire.NodeID(req.ReplicaState.ID), BrokerEpoch: wire.BrokerEpoch(req.ReplicaState.Epoch),
		FetchOffset: wire.Offset(rp.FetchOffset), LogStartOffset: wire.Offset(rp.LogStartOffset),
		CurrentLeaderEpoch: wire.NoEpoch, LastFetchedEpoch: wire.NoEpoch, ReadCommitted: req.IsolationLevel == 1,
	}
	if req.Version < 15 {
		a.Follower, a.BrokerEpoch = wire.NodeID(req.ReplicaID), -1
	}
	if req.Version >= 9 {
		a.CurrentLeaderEpoch = wire.Epoch(rp.CurrentLeaderEpoch)
	}
	if req.Version >= 12 {
		a.LastFetchedEpoch = wire.Epoch(rp.LastFetchedEpoch)
	}
	a.Follower = max(a.Follower, wire.NoNode) // -2, Kafka's debugging consumer, is treated as a consumer
	return a
}

// noRecords are the records of a response without any. They are empty and not null (MemoryRecords.EMPTY).
var noRecords = []byte{} //immutable: it has no byte

// readPartition reads one partition. It returns known as false if the partition is not in this broker's image.
func (m *replicaManager) readPartition(e env.Env, rd *reading, rt *kmsg.FetchRequestTopic, rp *kmsg.FetchRequestTopicPartition) (ap kmsg.FetchResponseTopicPartition, known bool) {
	ap = kmsg.NewFetchResponseTopicPartition()
	ap.Partition, ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset, ap.RecordBatches = rp.Partition, -1, -1, -1, noRecords
	r, err := m.lookup(rt.Topic, rt.TopicID, rd.req.Version >= 13, rp.Partition)
	if err != nil {
		m.refuseFetch(rd, rt, &ap, err)
		if known = err == kerr.NotLeaderForPartition; !known {
			ap.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		}
		return ap, known
	}
	a := fetchStateOf(rd.req, rp)
	g := r.DecideFetch(a)
	if g.Err != nil {
		m.refuseFetch(rd, rt, &ap, g.Err)
		return ap, true
	}
	// The response has the log's offsets from before this fetch. If the fetch moves the high watermark, the next
	// response has the new one.
	ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = int64(r.HW()), int64(r.LastStableOffset()), int64(r.Log().Start())
	if g.Diverges {
		ap.DivergingEpoch.Epoch, ap.DivergingEpoch.EndOffset = int32(g.DivergingEpoch.Epoch), int64(g.DivergingEpoch.End)
		rd.error = true
	} else if err := m.readRecords(e, rd, r, a, g.MaxOffset, rp, &ap); err != nil {
		m.refuseFetch(rd, rt, &ap, m.logs.haltIfOffline(e, err))
		return ap, true
	}
	if rd.fresh && a.Follower != wire.NoNode {
		if err := m.updateFollower(e, r, a, g); err != nil {
			ap.RecordBatches = noRecords
			m.refuseFetch(rd, rt, &ap, err)
		}
	}
	return ap, true
}

// readRecords reads records below an upper bound. It returns the first batch even if that is larger than the request
// allows (KIP-74); otherwise the client could never read past it.
func (m *replicaManager) readRecords(e env.Env, rd *reading, r *replica, a replication.FetchState, bound wire.Offset, rp *kmsg.FetchRequestTopicPartition, ap *kmsg.FetchResponseTopicPartition) error {
	consumer := a.Follower == wire.NoNode
	if consumer && a.ReadCommitted {
		ap.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	if a.FetchOffset >= bound {
		return nil
	}
	if min(int(rp.PartitionMaxBytes), int(rd.req.MaxBytes)) < 0 {
		return kerr.UnknownServerError // LogSegment.read has no code for a negative size
	}
	data, err := r.Log().Read(e.Disk(), a.FetchOffset, bound, max(min(int(rp.PartitionMaxBytes), rd.left), 0), rd.bytes == 0)
	if err != nil {
		return err
	}
	if len(data.Bytes) > 0 {
		ap.RecordBatches = data.Bytes
	}
	rd.left -= len(data.Bytes)
	rd.bytes += len(data.Bytes)
	if !consumer || !a.ReadCommitted || len(data.Bytes) == 0 {
		return nil
	}
	aborted, err := r.Log().CollectAborted(e.Disk(), a.FetchOffset, data.Next)
	for _, x := range aborted {
		at := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		at.ProducerID, at.FirstOffset = int64(x.Producer), int64(x.First)
		ap.AbortedTransactions = append(ap.AbortedTransactions, at)
	}
	return err
}

// updateFollower stores the position of a fetching follower and acts on it. The follower may join the ISR, the high
// watermark may advance, and a DeleteRecords request may complete.
func (m *replicaManager) updateFollower(e env.Env, r *replica, a replication.FetchState, g replication.FetchDecision) error {
	moved, err := r.UpdateFollowerFetchState(a, g, e.Now())
	if err != nil {
		return err
	}
	m.isr.expand(e, r, a.Follower)
	if moved {
		r.Advance(e.Now())
		m.replicas.touch(r)
	}
	return nil
}

// refuseFetch sets one partition's error and its current leader.
func (m *replicaManager) refuseFetch(rd *reading, rt *kmsg.FetchRequestTopic, ap *kmsg.FetchResponseTopicPartition, err error) {
	rd.error = true
	ap.ErrorCode, ap.HighWatermark, ap.LastStableOffset, ap.LogStartOffset = code(err), -1, -1, -1
	if ap.ErrorCode == kerr.KafkaStorageError.Code && rd.req.Version <= 5 {
		ap.ErrorCode = kerr.NotLeaderForPartition.Code // old consumers do not know KAFKA_STORAGE_ERROR
	}
	if rd.req.Version < 16 || ap.ErrorCode != kerr.NotLeaderForPartition.Code && ap.ErrorCode != kerr.FencedLeaderEpoch.Code {
		return
	}
	leader, epoch := m.leaderOf(rt.Topic, rt.TopicID, rd.req.Version >= 13, ap.Partition)
	ap.CurrentLeader.LeaderID, ap.CurrentLeader.LeaderEpoch = int32(leader), int32(epoch)
	if rd.req.ReplicaState.ID >= 0 {
		return // a follower knows the addresses of brokers from its own metadata
	}
	for _, known := range rd.resp.Brokers {
		if known.NodeID == int32(leader) {
			return
		}
	}
	if host, port, rack, ok := endPoint(m.image, leader); ok {
		rb := kmsg.NewFetchResponseBroker()
		rb.NodeID, rb.Host, rb.Port, rb.Rack = int32(leader), host, port, rack
		rd.resp.Brokers = append(rd.resp.Brokers, rb)
	}
}
