package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/check"
	"samsa/sim"
	"samsa/wire"
)

// arrival is the event that handles a request, and its time.
type arrival struct {
	event uint64
	at    sim.Time
}

// produced returns what a broker's response to a produce request says about one partition, with the states of the leader
// from the arrival of the request to the response. It returns false if the arrival is not known, or if the broker's
// replica is gone.
func (h *hostView) produced(s *replicaView, b *broker.Broker, req *kmsg.ProduceRequest, code int16, f *sim.Effect) (a check.Produced, ok bool) {
	came, known := h.produceArrived[f.Link]
	if !known || b == nil {
		return a, false
	}
	if r := b.Replica(s.part.TP); r == nil || r.ID != s.part.ID {
		return a, false // the broker has deleted the topic since
	}
	partitions := 0
	for _, rt := range req.Topics {
		partitions += len(rt.Partitions)
	}
	a = check.Produced{
		Code: code, Acks: req.Acks, Alone: partitions == 1, Took: check.Duration(f.At - came.at), Timeout: check.Duration(req.TimeoutMillis) * 1e6,
		Arrived: s.snapshotAt(came.event).standing(), Answered: s.snapshotAt(f.Cause).standing(),
	}
	for _, st := range s.snapshots {
		if st.event > came.event && st.event < f.Cause {
			a.Between = append(a.Between, st.standing())
		}
	}
	return a, true
}

// standing converts a snapshot for the judges.
func (l leaderSnapshot) standing() check.Standing {
	return check.Standing{Epoch: l.epoch, ISR: l.isr, InSync: l.inSync, MinISR: l.minISR}
}

// produceAnswered handles a broker's response to a producer.
func (o *observer) produceAnswered(h *hostView, req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse, f *sim.Effect) {
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		for _, rp := range rt.Partitions {
			s := h.byTopic[topicKey{rt.TopicID, rp.Partition}] // since version 13 the request has topic ids and no names (KIP-516)
			if rt.TopicID == [16]byte{} {
				s = o.replicaNamed(h, rt.Topic, rp.Partition)
			}
			if s == nil {
				continue
			}
			if rp.ErrorCode == 0 && rp.BaseOffset >= 0 {
				o.batchAcked(s, wire.Offset(rp.BaseOffset), req.Acks, sentTo(req, rt, rp.Partition), f)
			}
			if a, ok := h.produced(s, o.broker(h.Addr), req, rp.ErrorCode, f); ok {
				a.Size = sizeSent(req, rt, rp.Partition)
				if o.hindrances.within(h.Addr, h.produceArrived[f.Link].at, f.At) > 0 {
					a.Took = -1 // the broker's clock may have been wrong
				}
				a.Sent(o.view, s.part, s.copy)
			}
		}
	}
}
