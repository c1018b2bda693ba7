package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// metadata tells a client who leads what, by this broker's own image: it may be behind.
func (b *Broker) metadata(e env.Env, t env.Ticket, req *kmsg.MetadataRequest) {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	resp.ClusterID, resp.ControllerID = kmsg.StringPtr(b.cfg.ClusterID), int32(b.cfg.Node)
	for _, br := range b.image.Brokers() {
		if br.Fenced || len(br.EndPoints) == 0 {
			continue
		}
		mb := kmsg.NewMetadataResponseBroker()
		mb.NodeID, mb.Host, mb.Port = int32(br.ID), br.EndPoints[0].Host, int32(br.EndPoints[0].Port)
		resp.Brokers = append(resp.Brokers, mb)
	}
	names := make([]string, 0, len(req.Topics))
	for _, rt := range req.Topics {
		if rt.Topic != nil {
			names = append(names, *rt.Topic)
		}
	}
	if req.Topics == nil {
		for _, t := range b.image.Topics() {
			names = append(names, t.Name)
		}
	}
	for _, name := range names {
		resp.Topics = append(resp.Topics, b.describe(name))
	}
	e.Reply(t, resp)
}

func (b *Broker) describe(name string) kmsg.MetadataResponseTopic {
	mt := kmsg.NewMetadataResponseTopic()
	mt.Topic = kmsg.StringPtr(name)
	t := b.image.TopicNamed(name)
	if t == nil {
		mt.ErrorCode = kerr.UnknownTopicOrPartition.Code
		return mt
	}
	mt.TopicID = t.ID
	for _, p := range t.Partitions {
		mp := kmsg.NewMetadataResponseTopicPartition()
		mp.Partition, mp.Leader, mp.LeaderEpoch = p.Partition, int32(p.Leader), int32(p.Epoch)
		if p.Leader == wire.NoNode || b.image.Broker(p.Leader) == nil {
			mp.ErrorCode, mp.Leader = kerr.LeaderNotAvailable.Code, -1
		}
		for _, id := range p.Replicas {
			mp.Replicas = append(mp.Replicas, int32(id))
			if br := b.image.Broker(id); br == nil || br.Fenced {
				mp.OfflineReplicas = append(mp.OfflineReplicas, int32(id))
			}
		}
		for _, id := range p.ISR {
			mp.ISR = append(mp.ISR, int32(id))
		}
		mt.Partitions = append(mt.Partitions, mp)
	}
	return mt
}

// listOffsets looks positions up: -1 the high watermark (for a follower the end of the log), -2 the log's start, or the first record at or after a time.
func (b *Broker) listOffsets(e env.Env, t env.Ticket, req *kmsg.ListOffsetsRequest) {
	resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	for _, rt := range req.Topics {
		at := kmsg.NewListOffsetsResponseTopic()
		at.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			ap := kmsg.NewListOffsetsResponseTopicPartition()
			ap.Partition = rp.Partition
			r := b.parts[wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}]
			if r == nil {
				ap.ErrorCode = kerr.UnknownTopicOrPartition.Code
			} else if err := b.mayFetch(r, r.ID, wire.Epoch(rp.CurrentLeaderEpoch)); err != nil {
				ap.ErrorCode = err.Code
			} else {
				b.lookUp(e, r, rp.Timestamp, req.ReplicaID >= 0, &ap)
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	e.Reply(t, resp)
}

func (b *Broker) lookUp(e env.Env, r *replica, at int64, follower bool, ap *kmsg.ListOffsetsResponseTopicPartition) {
	ap.LeaderEpoch = int32(r.Epoch())
	switch {
	case at == -1 && follower:
		ap.Offset = int64(r.Log().End())
	case at == -1 && !r.Settled():
		ap.ErrorCode = kerr.OffsetNotAvailable.Code
	case at == -1:
		ap.Offset = int64(r.HW())
	case at == -2:
		ap.Offset = int64(r.Log().Start())
	case at < 0:
		ap.ErrorCode = kerr.UnsupportedVersion.Code
	default:
		found, ok, err := r.Log().OffsetForTimestamp(e.Disk(), wire.Timestamp(at))
		switch {
		case err != nil:
			ap.ErrorCode = code(err)
		case ok && found.Offset < r.HW():
			ap.Offset, ap.Timestamp, ap.LeaderEpoch = int64(found.Offset), int64(found.Timestamp), int32(found.Epoch)
		default:
			ap.Offset, ap.Timestamp, ap.LeaderEpoch = -1, -1, -1
		}
	}
}
