package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/wire"
)

// deletionsHandled records the deletions of the DeleteRecords requests that a broker has handled in an event: of the request that
// it has just received, unless req is nil, and of those that waited until the controller unfenced this incarnation.
func deletionsHandled(o *observer, h *hostView, b *broker.Broker, req *kmsg.DeleteRecordsRequest) {
	life := o.world.Incarnation(h.Addr)
	if h.earlyLife != life {
		h.early, h.earlyLife = nil, life
	}
	switch {
	case !b.Serves():
		if req != nil {
			h.early = append(h.early, req)
		}
		return
	case req != nil:
		deletionHandled(o, h, req, nil)
	}
	for _, req := range h.early {
		deletionHandled(o, h, req, b)
	}
	h.early = h.early[:0]
}

// deletionHandled records the deletions of a DeleteRecords request that a broker has handled. A leader deletes only below its
// high watermark, which is the one from before the event: the event itself must not move it. If the broker is given, the request
// has waited: the broker serves all such requests in one event, and an append among them may have moved the high watermark.
func deletionHandled(o *observer, h *hostView, req *kmsg.DeleteRecordsRequest, early *broker.Broker) {
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			for _, s := range h.replicas { // of an earlier topic of that name too, which the broker may still have
				if s.part.TP != (wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}) || !s.Leads || s.life != o.world.Incarnation(h.Addr) {
					continue
				}
				below, hw := wire.Offset(rp.Offset), s.HW
				if early != nil {
					if r := early.Replica(s.part.TP); r != nil && r.ID == s.part.ID {
						hw = max(hw, r.HW())
					}
				}
				if below == -1 {
					below = hw
				}
				if below <= hw {
					o.view.DeletionAsked(s.part, below)
				}
			}
		}
	}
}
