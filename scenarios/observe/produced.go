package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/sim"
	"samsa/wire"
)

// arrival is the event that handles a request, and its time.
type arrival struct {
	event uint64
	at    sim.Time
}

// produceHandled delivers a broker's response to a produce request about one partition, with the leader's states from the
// arrival of the request to the response.
func (o *observer) produceHandled(h *hostView, s *replicaView, req *kmsg.ProduceRequest, code int16, f *sim.Effect) {
	came, known := h.produceArrived[f.Link]
	b := o.broker(h.Addr)
	if !known || b == nil || o.view.Metadata() == s.part {
		return
	}
	if r := b.Replica(s.part.TP); r == nil || r.ID != s.part.ID {
		return // the broker has deleted the topic since
	}
	partitions := 0
	for _, rt := range req.Topics {
		partitions += len(rt.Partitions)
	}
	a := check.Produced{
		Code: code, Acks: req.Acks, Alone: partitions == 1, Took: check.Duration(f.At - came.at), Timeout: check.Duration(req.TimeoutMillis) * 1e6,
		Arrived: s.snapshotAt(came.event).standing(), Answered: s.snapshotAt(f.Cause).standing(),
	}
	for _, st := range s.snapshots {
		if st.event > came.event && st.event < f.Cause {
			a.Between = append(a.Between, st.standing())
		}
	}
	if o.hindrances.within(h.Addr, came.at, f.At) > 0 {
		a.Took = -1
	}
	o.view.ProduceHandled(s.part, s.copy, a)
}

// standing converts a snapshot for the judges.
func (l leaderSnapshot) standing() check.Standing {
	return check.Standing{Epoch: l.epoch, ISR: l.isr, InSync: l.inSync, MinISR: l.minISR}
}

// replicaIn returns the replica that a produce response is about, or nil. Since version 13 the request has topic ids and no
// names (KIP-516).
func (o *observer) replicaIn(h *hostView, rt *kmsg.ProduceResponseTopic, n int32) *replicaView {
	if rt.TopicID != [16]byte{} {
		return h.byTopic[topicKey{rt.TopicID, n}]
	}
	return o.replicaNamed(h, rt.Topic, n)
}

// produceAnswered handles a broker's response to a producer.
func (o *observer) produceAnswered(h *hostView, req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse, f *sim.Effect) {
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		for _, rp := range rt.Partitions {
			s := o.replicaIn(h, rt, rp.Partition)
			if s == nil {
				continue
			}
			if rp.ErrorCode == 0 && rp.BaseOffset >= 0 {
				o.batchAcked(s, wire.Offset(rp.BaseOffset), req.Acks, sentTo(req, rt, rp.Partition), f)
			}
			o.produceHandled(h, s, req, rp.ErrorCode, f)
		}
	}
}
