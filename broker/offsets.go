package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// ListOffsets has versions 1 to 11. A request has a timestamp, or one of these special values:
//
//	-1  latest                   the high watermark, or with read_committed the last stable offset
//	-2  earliest                 the log's start
//	-3  largest timestamp        the offset of the record with the largest timestamp; since version 7 (KIP-734)
//	-4  earliest local           the log's start, because all segments are local here; since version 8
//	-5  latest tiered            no offset, because no segment is tiered; since version 9
//	-6  earliest pending upload  no offset, because no segment is tiered; since version 11
const (
	askLatest         = -1
	askEarliest       = -2
	askMaxTimestamp   = -3
	askEarliestLocal  = -4
	askLatestTiered   = -5
	askPendingUpload  = -6
	noOffset          = -1
	debuggingConsumer = -2 // replica id of a consumer that reads up to the log end, from a leader or a follower
)

// firstVersion has, for each special timestamp, the first version of ListOffsets that may have it.
var firstVersion = map[int64]int16{
	askLatest: 0, askEarliest: 0, askMaxTimestamp: 7, askEarliestLocal: 8, askLatestTiered: 9, askPendingUpload: 11,
}

// handleListOffsetsRequest looks up an offset for each partition (ReplicaManager.fetchOffset).
func (m *replicaManager) handleListOffsetsRequest(e env.Env, req *kmsg.ListOffsetsRequest) *kmsg.ListOffsetsResponse {
	resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	seen := map[wire.TopicPartition]int{}
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			seen[wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}]++
		}
	}
	for _, rt := range req.Topics {
		at := kmsg.NewListOffsetsResponseTopic()
		at.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			tp := wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}
			if seen[tp] < 0 {
				continue // one answer for all its appearances
			}
			ap := kmsg.NewListOffsetsResponseTopicPartition()
			ap.Partition, ap.Timestamp, ap.Offset, ap.LeaderEpoch = rp.Partition, -1, noOffset, -1
			first, known := firstVersion[rp.Timestamp]
			r, unknown := m.lookup(rt.Topic, wire.TopicID{}, false, rp.Partition)
			switch {
			case seen[tp] > 1:
				ap.ErrorCode, seen[tp] = kerr.InvalidRequest.Code, -1
			case rp.Timestamp < 0 && (!known || req.Version < first):
				ap.ErrorCode = kerr.UnsupportedVersion.Code
			case unknown != nil:
				ap.ErrorCode = unknown.Code
			default:
				if err := m.fetchOffset(e, r, req, rp, &ap); err != nil {
					ap.ErrorCode = code(m.logs.haltIfOffline(e, err))
				}
			}
			at.Partitions = append(at.Partitions, ap)
		}
		if len(at.Partitions) > 0 {
			resp.Topics = append(resp.Topics, at)
		}
	}
	return resp
}

// fetchOffset looks up the offset for one partition. If there is no such offset, it leaves -1 in the response
// (Partition.fetchOffsetForTimestamp).
func (m *replicaManager) fetchOffset(e env.Env, r *replica, req *kmsg.ListOffsetsRequest, rp kmsg.ListOffsetsRequestTopicPartition, ap *kmsg.ListOffsetsResponseTopicPartition) error {
	if err := mayAnswer(r, wire.Epoch(rp.CurrentLeaderEpoch), req.ReplicaID == debuggingConsumer); err != nil {
		return err
	}
	consumer := req.ReplicaID == -1
	if consumer && req.IsolationLevel > 1 {
		return kerr.UnknownServerError // IsolationLevel.forId has no code for it
	}
	bound := r.Log().End()
	switch {
	case consumer && req.IsolationLevel == 1:
		bound = r.LastStableOffset()
	case consumer:
		bound = r.HW()
	}
	// Until its high watermark has reached the start of its epoch, a new leader does not know how far an earlier leader
	// has let consumers read (KIP-207).
	late := kerr.OffsetNotAvailable
	if req.Version < 5 {
		late = kerr.LeaderNotAvailable
	}
	early := consumer && r.Leads() && !r.HWReachedEpochStart()
	log := r.Log()
	switch rp.Timestamp {
	case askLatest:
		if early {
			return late
		}
		ap.Offset, ap.LeaderEpoch = int64(bound), int32(r.LeaderEpoch())
	case askEarliest, askEarliestLocal:
		ap.Offset, ap.LeaderEpoch = int64(log.Start()), int32(log.Epochs().At(log.Start()))
	case askLatestTiered, askPendingUpload:
	default:
		found, ok, err := log.MaxTimestamp(e.Disk())
		if rp.Timestamp != askMaxTimestamp {
			found, ok, err = log.OffsetForTimestamp(e.Disk(), wire.Timestamp(rp.Timestamp))
		}
		switch {
		case err != nil:
			return err
		case ok && found.Offset < bound:
			ap.Offset, ap.Timestamp, ap.LeaderEpoch = int64(found.Offset), int64(found.Timestamp), int32(found.Epoch)
		case early:
			return late
		}
	}
	return nil
}

// mayAnswer checks that the replica leads in the leader epoch of the request (KIP-320). For a debugging consumer a
// follower answers too.
func mayAnswer(r *replica, epoch wire.Epoch, debugging bool) error {
	err := r.CheckLeader(epoch)
	if err == nil || debugging && err == kerr.NotLeaderForPartition {
		return nil
	}
	return err
}

// OffsetForLeaderEpoch has versions 2 to 4 (KIP-101, KIP-279, KIP-320) and returns the end of an epoch in the leader's
// log. Consumers use it to detect that records they have read were truncated. Followers get the same offset in their
// fetch responses. For an epoch that the leader does not know, the response has epoch -1 and offset -1.
func (m *replicaManager) handleOffsetForLeaderEpochRequest(req *kmsg.OffsetForLeaderEpochRequest) *kmsg.OffsetForLeaderEpochResponse {
	resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, rt := range req.Topics {
		at := kmsg.NewOffsetForLeaderEpochResponseTopic()
		at.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			ap := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			ap.Partition, ap.LeaderEpoch, ap.EndOffset = rp.Partition, -1, noOffset
			if r, unknown := m.lookup(rt.Topic, wire.TopicID{}, false, rp.Partition); unknown != nil {
				ap.ErrorCode = unknown.Code
			} else if err := r.CheckLeader(wire.Epoch(rp.CurrentLeaderEpoch)); err != nil {
				ap.ErrorCode = err.Code
			} else if mark, known := r.Log().EndOffsetFor(wire.Epoch(rp.LeaderEpoch)); known {
				ap.LeaderEpoch, ap.EndOffset = int32(mark.Epoch), int64(mark.End)
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	return resp
}
