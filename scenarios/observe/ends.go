package observe

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/check"
	"samsa/sim"
	"samsa/wire"
)

// standings returns the state of each leader in a ListOffsets request of a client, at the time when the request reaches
// the broker.
func standings(o *observer, h *hostView, req *kmsg.ListOffsetsRequest) (before []check.Before) {
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			b := check.Before{Epoch: wire.NoEpoch}
			if s := o.replicaNamed(h, rt.Topic, rp.Partition); s != nil {
				b = s.copy.Standing()
			}
			before = append(before, b)
		}
	}
	return before
}

// topicsServed returns the topic ids that a broker has for the topic names in its response. When the response arrives, a
// name may stand for another topic.
func topicsServed(b *broker.Broker, resp *kmsg.ListOffsetsResponse) (all []wire.TopicID) {
	for _, rt := range resp.Topics {
		id := wire.TopicID{}
		for _, rp := range rt.Partitions {
			if r := b.Replica(wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}); r != nil {
				id = r.ID
			}
		}
		all = append(all, id)
	}
	return all
}

// endsAnswered handles the end offsets in a leader's response to a client. A response has the partitions of its request, in
// the same order.
func (o *observer) endsAnswered(h *hostView, req *kmsg.ListOffsetsRequest, resp *kmsg.ListOffsetsResponse, f *sim.Effect) {
	before := h.endsBefore[f.Link]
	if b := o.broker(h.Addr); b != nil && o.hosts[f.Peer] == nil {
		o.listed[f.Call] = topicsServed(b, resp)
	}
	for i, rt := range resp.Topics {
		for k, rp := range rt.Partitions {
			told := check.EndOffset{
				Epoch: wire.NoEpoch, End: wire.Offset(rp.Offset), Listed: true, Stable: req.IsolationLevel == 1, Since: h.stepAsked[f.Link],
				Denied: rp.ErrorCode == kerr.OffsetNotAvailable.Code, Before: check.Before{Epoch: wire.NoEpoch},
			}
			if len(before) > 0 {
				told.Before, before = before[0], before[1:]
			}
			s := o.replicaNamed(h, rt.Topic, rp.Partition)
			if s == nil || rp.ErrorCode != 0 && !told.Denied || req.ReplicaID != -1 || req.Topics[i].Partitions[k].Timestamp != -1 {
				continue
			}
			told.Epoch, told.HW = s.snapshotAt(f.Cause).epoch, s.State.HW
			o.view.EndOffsetSent(s.part, s.copy, told)
		}
	}
}
