package observe

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/client"
	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// sends follows each record from its producer to the log, so that the judges can tell which send a batch in a log comes
// from. The bytes of the batch do not say it, and other records may have the same value.
//
//	client: Sending ─▶ requests ──departs──▶ calls ──reaches a broker──▶ handled ──the event writes a batch──▶ check.View
//	        (records)   by request           by number of the call       by event                             by the batch's identity
//
// A broker appends the batches of a request in the event that handles the request. A request that is lost on its way stays
// in calls.
type sends struct {
	requests map[env.Request]*produceRequest
	calls    map[uint64]*produceRequest
	handled  map[uint64]*produceRequest
	lastOn   map[heardOn]uint64                 // for each connection, its last event in handled
	topics   map[*cluster.Record][]wire.TopicID // the ids to which a record without an outcome was sent, in order
}

// produceRequest holds the records in a Produce request.
type produceRequest struct{ batches map[topicKey]check.Send }

// heardOn is a connection at its broker.
type heardOn struct {
	node env.Addr
	link env.Link
}

func newSends() sends {
	return sends{
		requests: map[env.Request]*produceRequest{}, calls: map[uint64]*produceRequest{}, handled: map[uint64]*produceRequest{},
		lastOn: map[heardOn]uint64{}, topics: map[*cluster.Record][]wire.TopicID{},
	}
}

// sending adds a request that a client is about to send.
func (s *sends) sending(records []*cluster.Record, req *kmsg.ProduceRequest, all []client.Sending) {
	r := &produceRequest{map[topicKey]check.Send{}}
	for _, b := range all {
		to := check.Send{Attempt: b.Attempt}
		for _, id := range b.IDs {
			rec := records[id]
			to.Client, to.Numbers = string(rec.Client), append(to.Numbers, rec.Number)
			if tried := s.topics[rec]; !rec.Known && !slices.Contains(tried, b.Topic) {
				s.topics[rec] = append(tried, b.Topic)
			}
		}
		r.batches[topicKey{b.Topic, b.Partition.Partition}] = to
	}
	s.requests[req] = r
}

// decided forgets the topics of a record when its outcome is known.
func (s *sends) decided(r *cluster.Record) { delete(s.topics, r) }

// departed notes that a request has left its client.
func (s *sends) departed(req env.Request, call uint64) {
	if r := s.requests[req]; r != nil {
		s.calls[call] = r
		delete(s.requests, req)
	}
}

// reached notes that an event of a broker handles a request. The batches of the previous request on the connection are
// written by then.
func (s *sends) reached(node env.Addr, link env.Link, call, event uint64) {
	on := heardOn{node, link}
	if before, ok := s.lastOn[on]; ok {
		delete(s.handled, before)
		delete(s.lastOn, on)
	}
	if r := s.calls[call]; r != nil {
		s.handled[event], s.lastOn[on] = r, event
		delete(s.calls, call)
	}
}

// written returns the records of the batch that an event has written to the log of a partition. It returns false if the
// event handles no such batch.
func (s *sends) written(event uint64, p *check.Partition) (check.Send, bool) {
	r := s.handled[event]
	if r == nil {
		return check.Send{}, false
	}
	to, ok := r.batches[topicKey{p.ID, p.TP.Partition}]
	return to, ok
}

// Sending implements cluster.Witness.
func (l *history) Sending(req *kmsg.ProduceRequest, all []client.Sending) {
	l.sends.sending(l.inside.Records(), req, all)
}
