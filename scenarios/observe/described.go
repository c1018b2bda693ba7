package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/wire"
)

// metadataAnswered delivers a broker's response to a Metadata request. The parameter applied is the offset up to which the
// broker had applied the metadata when the request arrived.
func metadataAnswered(o *observer, h *hostView, req *kmsg.MetadataRequest, resp *kmsg.MetadataResponse, applied wire.Offset) {
	if resp.ErrorCode != 0 {
		return
	}
	said := check.Described{All: req.Topics == nil || req.Version == 0 && len(req.Topics) == 0}
	for _, b := range resp.Brokers {
		said.Brokers = append(said.Brokers, wire.NodeID(b.NodeID))
	}
	for _, rt := range resp.Topics {
		t := check.TopicDescribed{ID: rt.TopicID, Code: rt.ErrorCode}
		if rt.Topic != nil {
			t.Name = *rt.Topic
		}
		for _, rp := range rt.Partitions {
			t.Partitions = append(t.Partitions, check.PartitionDescribed{
				Number: rp.Partition, Code: rp.ErrorCode, Leader: wire.NodeID(rp.Leader), Epoch: wire.Epoch(rp.LeaderEpoch),
				Replicas: nodes(rp.Replicas), ISR: nodes(rp.ISR), Offline: nodes(rp.OfflineReplicas),
			})
		}
		said.Topics = append(said.Topics, t)
	}
	said.Sent(o.view, h.Node, applied)
}
