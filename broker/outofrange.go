package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// After OFFSET_OUT_OF_RANGE a follower does not know whether its offset is above or below the leader's log
// (AbstractFetcherThread.fetchOffsetAndTruncate). It asks its leader for the leader's log end. If the follower's log is not
// longer, it then asks for the leader's log start:
//
//	ask for the end ──the follower's log is longer──▶ truncate to it (the leader lost its tail, or was elected uncleanly)
//	   └──otherwise──▶ ask for the start ──it is above the follower's log end──▶ truncate fully and start there
//	                       └──otherwise──▶ continue fetching

// sendListOffsets asks the leader for its log end or start. Meanwhile the partition is in its backoff and is not fetched.
func (m *fetcherManager) sendListOffsets(e env.Env, f *fetcher, r *replica, special int64) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(7)
	req.ReplicaID = int32(m.cfg.Node)
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.Timestamp = r.TP.Partition, int32(r.LeaderEpoch()), special
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = r.TP.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	e.Call(f.link, m.cfg.requestTimeout, req, env.Token{Kind: tokOffset, A: r.index, B: int64(r.LeaderEpoch()), C: int64(r.Log().End()), D: special})
}

// handleListOffsetsResponse truncates as the leader's response says, if the replica has not changed since the request.
func (m *fetcherManager) handleListOffsetsResponse(e env.Env, tok env.Token, resp env.Response, err error) {
	r := m.replicas.byIndex[tok.A]
	if err != nil || r.removed || r.Leads() || r.LeaderEpoch() != wire.Epoch(tok.B) || r.Log().End() != wire.Offset(tok.C) {
		return // the next fetch is out of range again
	}
	ap := offsetOf(resp.(*kmsg.ListOffsetsResponse), r.TP)
	if ap == nil || ap.ErrorCode != 0 {
		return
	}
	end, leaders := r.Log().End(), wire.Offset(ap.Offset)
	switch {
	case tok.D == askLatest && leaders < end:
		e.Note(noteTruncated, r.ID.Short(), int64(r.TP.Partition), int64(leaders), int64(end))
		err = m.logs.truncated(e, r.Truncate(e.Disk(), leaders))
	case tok.D == askLatest:
		if f := m.byLeader[r.Leader()]; f != nil && f.link != 0 {
			m.sendListOffsets(e, f, r, askEarliest)
		}
	case leaders > end:
		e.Note(noteRestarted, r.ID.Short(), int64(r.TP.Partition), int64(leaders), int64(end))
		err = m.logs.truncated(e, r.TruncateFullyAndStartAt(e.Disk(), leaders))
	}
	m.replicas.touch(r)
	m.logs.haltOnError(e, err)
}

// offsetOf returns the response for a partition, or nil. ListOffsets has topic names and no ids. The leader epoch in the
// request distinguishes the topic from a later one with the same name, unless both have the same epoch. In that case the
// log that is truncated belongs to a deleted topic and is about to be discarded.
func offsetOf(resp *kmsg.ListOffsetsResponse, tp wire.TopicPartition) *kmsg.ListOffsetsResponseTopicPartition {
	for _, at := range resp.Topics {
		for i := range at.Partitions {
			if at.Topic == tp.Topic && at.Partitions[i].Partition == tp.Partition {
				return &at.Partitions[i]
			}
		}
	}
	return nil
}
