package observe

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/client"
	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// history records the operations that the checks need: the records that clients sent and read, and the requests that
// clients, the operator and registering brokers sent. Each entry has its outcome.
type history struct {
	inside     cluster.Inside
	world      *sim.World
	ops        []check.Op
	settled    int                              // the number of operations whose step is final
	calls      map[env.Request]call             // in flight
	heartbeats map[wire.NodeID]*check.Heartbeat // the last heartbeat of each broker in the history
	startedAt  map[env.Addr]uint64              // for each machine, the number of events before its current process started
	sends      sends
	listed     map[uint64][]wire.TopicID // for ListOffsets responses on their way, by call: the topics that the broker had under the names
	answered   uint64                    // the call of the last response that a node received
	view       *check.View
}

func newHistory(in cluster.Inside) *history {
	return &history{inside: in, world: in.World(), calls: map[env.Request]call{}, heartbeats: map[wire.NodeID]*check.Heartbeat{}, startedAt: map[env.Addr]uint64{}, sends: newSends(), listed: map[uint64][]wire.TopicID{}}
}

// step returns the number of the current step, or of the next step if none is running.
func (l *history) step() uint64 { return l.world.Steps() + 1 }

// sending returns the Produce operation of a record, with an outcome but without an offset.
func sending(r *cluster.Record, o check.Outcome) check.Produce {
	return check.Produce{
		Head:      check.Head{Client: string(r.Client), Number: r.Number, Outcome: o, Called: r.Called, At: r.Since},
		Partition: r.Partition, Acks: r.Acks, Key: r.Key, Value: r.Value, Offset: -1, Since: r.Since,
	}
}

// RecordDone implements cluster.Witness.
func (l *history) RecordDone(r *cluster.Record, s client.Sent) {
	op := sending(r, check.Outcome(s.Outcome))
	op.Topic = s.Topic
	if s.Err != nil {
		op.Error = s.Err.Code
	}
	l.sends.decided(r)
	op.Offset, op.Step, op.At, op.Returned = s.Offset, l.step(), int64(l.world.Now()), l.world.Events()+1
	l.note(&op)
	for _, id := range s.Earlier { // an earlier attempt used another topic id for this name; its outcome is unknown
		if id == s.Topic {
			continue // the attempts used this id, then another one from a broker with older metadata, then this id again
		}
		there := op
		there.Topic, there.Outcome, there.Offset = id, check.Indefinite, -1
		l.note(&there)
	}
}

// Read implements cluster.Witness.
func (l *history) Read(r cluster.Read) {
	op := check.Consume{
		Head:      check.Head{Client: string(r.Client), Step: l.step(), At: int64(l.world.Now()), Called: r.Called, Returned: l.world.Events() + 1},
		Partition: r.Partition, Topic: r.Topic, Cursor: r.Cursor, Position: r.From, FromStart: r.FromStart,
	}
	p, known := l.view.Find(r.Topic, r.Partition.Partition)
	batches := r.Batches
	for _, rec := range r.Records {
		read := op
		read.Key, read.Value, read.Offset = string(rec.Key), string(rec.Value), rec.Offset
		for len(batches) > 1 && batches[0].NextOffset() <= rec.Offset {
			batches = batches[1:]
		}
		if known && len(batches) > 0 {
			read.Record, read.Attempt = check.RecordAt(p, batchOf(batches[0]), rec.Offset)
		}
		l.note(&read)
		op.Position, op.FromStart = rec.Offset+1, false
	}
	if r.Drained {
		op.Kind, op.Offset = check.EndReached, r.Next
		l.note(&op)
	}
}

// Clients implements cluster.Witness.
func (o *observer) Clients(n int) { o.view.Clients(n) }

// Judge runs every check on the run so far. Checks that need the end of the run are final only after End.
func (o *observer) Judge() []check.Finding {
	settle(o.history)
	evidence := check.Case{View: o.view, History: slices.Clip(o.history.ops)} // clipped, so that append below copies it
	for _, r := range o.inside.Records() {
		if r.Known {
			continue
		}
		op := sending(r, check.NeverDecided)
		op.Step = o.world.Steps()
		if r.Over() || !o.ended {
			op.Outcome = check.Indefinite // its client died, or may still receive a response
		}
		op.Allowed = check.Duration(r.Delivery + o.hindrances.within(r.Client, sim.Time(r.Since), o.world.Now()))
		tried := o.sends.topics[r]
		if len(tried) == 0 {
			evidence.History = append(evidence.History, &op)
		}
		for _, id := range tried {
			there := op
			there.Topic = id
			evidence.History = append(evidence.History, &there)
		}
	}
	evidence.Unanswered = forgotten(o)
	return check.Judge(&evidence)
}

// call is a request in flight that belongs to the history, with its sender and the event that sent it.
type call struct {
	event uint64
	from  env.Addr
}

// returned adds a response that a client, the operator or a registering broker has received.
func (l *history) returned(e *sim.Event) {
	if e.Kind != sim.Returned || e.Request == nil {
		return
	}
	c, ok := l.calls[e.Request]
	if !ok {
		return
	}
	delete(l.calls, e.Request)
	head := check.Head{Client: string(e.Node), Step: l.step(), At: int64(e.Time), Called: c.event + 1, Returned: e.Seq + 1}
	switch req := e.Request.(type) {
	case *kmsg.BrokerRegistrationRequest:
		l.note(registration(head, req, e.Response))
	case *kmsg.BrokerHeartbeatRequest:
		l.noteHeartbeat(head, req, e.Response)
	case *kmsg.ListOffsetsRequest:
		l.noteEnds(head, req, e.Response)
	case *kmsg.MetadataRequest:
		l.noteMetadata(head, e)
	case *kmsg.CreateTopicsRequest:
		l.noteCreated(head, req, e.Response)
	case *kmsg.DeleteTopicsRequest:
		l.noteDeleted(head, req, e.Response)
	}
}

// abandonCalls ends the calls of a machine that died. A registration request that was in flight may still take effect.
func (l *history) abandonCalls(machine env.Addr) {
	var ops []*check.RegisterBroker
	for req, c := range l.calls { //order: sorted below
		if c.from != machine {
			continue
		}
		delete(l.calls, req)
		if req, ok := req.(*kmsg.BrokerRegistrationRequest); ok {
			ops = append(ops, registration(check.Head{Client: string(machine), Step: l.step(), At: int64(l.world.Now()), Called: c.event + 1}, req, nil))
		}
	}
	slices.SortFunc(ops, func(a, b *check.RegisterBroker) int { return cmp.Compare(a.Called, b.Called) }) //total: one event sends at most one
	for _, op := range ops {
		l.note(op)
	}
}

func (l *history) note(op check.Op) { l.ops = append(l.ops, op) }

// settle corrects the steps of the operations since its last call. Only when an event is over is it known whether the event is
// a step. If it is none, its operations belong to the step before, because the story may have no later one.
func settle(l *history) {
	for _, op := range l.ops[l.settled:] {
		h := op.Common()
		h.Step = min(h.Step, l.world.Steps())
	}
	l.settled = len(l.ops)
}

// registration returns the operation for a broker's registration request and its outcome.
func registration(head check.Head, req *kmsg.BrokerRegistrationRequest, answer env.Response) *check.RegisterBroker {
	op := &check.RegisterBroker{Head: head, Broker: wire.NodeID(req.BrokerID), Incarnation: req.IncarnationID}
	op.Outcome = check.Indefinite
	if resp, ok := answer.(*kmsg.BrokerRegistrationResponse); ok {
		switch resp.ErrorCode {
		case 0:
			op.Outcome, op.Epoch = check.OK, wire.BrokerEpoch(resp.BrokerEpoch)
		case kerr.DuplicateBrokerRegistration.Code, kerr.NotController.Code:
			op.Outcome = check.Failed
		}
	}
	return op
}

// noteHeartbeat adds a heartbeat if its broker epoch or outcome differs from those of the previous one.
func (l *history) noteHeartbeat(head check.Head, req *kmsg.BrokerHeartbeatRequest, answer env.Response) {
	resp, ok := answer.(*kmsg.BrokerHeartbeatResponse)
	if !ok {
		return
	}
	op := &check.Heartbeat{Head: head, Broker: wire.NodeID(req.BrokerID), Epoch: wire.BrokerEpoch(req.BrokerEpoch)}
	switch resp.ErrorCode {
	case 0:
	case kerr.StaleBrokerEpoch.Code:
		op.Outcome = check.Failed
	default:
		return
	}
	if was := l.heartbeats[op.Broker]; was == nil || was.Epoch != op.Epoch || was.Outcome != op.Outcome {
		l.heartbeats[op.Broker] = op
		l.note(op)
	}
}

func (l *history) noteEnds(head check.Head, req *kmsg.ListOffsetsRequest, answer env.Response) {
	resp, ok := answer.(*kmsg.ListOffsetsResponse)
	if !ok || req.ReplicaID >= 0 {
		return
	}
	served := l.listed[l.answered]
	delete(l.listed, l.answered)
	for i, rt := range resp.Topics {
		for k, rp := range rt.Partitions {
			if rp.ErrorCode == 0 && req.Topics[i].Partitions[k].Timestamp == -1 && i < len(served) && served[i] != (wire.TopicID{}) {
				l.note(&check.ListOffsets{
					Head: head, Partition: wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}, Topic: served[i],
					Offset: wire.Offset(rp.Offset), Epoch: wire.Epoch(rp.LeaderEpoch),
				})
			}
		}
	}
}

func (l *history) noteMetadata(head check.Head, e *sim.Event) {
	resp, ok := e.Response.(*kmsg.MetadataResponse)
	if !ok {
		return
	}
	server := check.Process{Machine: string(e.Peer), Incarnation: l.world.Incarnation(e.Peer)}
	if born, runs := l.startedAt[e.Peer]; !runs || head.Called <= born {
		return // the request went to an earlier process, so the incarnation that answered is unknown
	}
	for _, mt := range resp.Topics {
		if mt.Topic == nil {
			continue
		}
		switch mt.ErrorCode {
		case kerr.UnknownTopicOrPartition.Code:
			l.note(&check.DescribeTopic{Head: head, Server: server, Partition: wire.TopicPartition{Topic: *mt.Topic}})
		case 0:
			for _, mp := range mt.Partitions {
				l.note(&check.DescribeTopic{
					Head: head, Server: server, Partition: wire.TopicPartition{Topic: *mt.Topic, Partition: mp.Partition}, Topic: mt.TopicID,
					Epoch: wire.Epoch(mp.LeaderEpoch),
				})
			}
		}
	}
}

func (l *history) noteCreated(head check.Head, req *kmsg.CreateTopicsRequest, answer env.Response) {
	resp, _ := answer.(*kmsg.CreateTopicsResponse)
	for i, rt := range req.Topics {
		op := &check.CreateTopic{Head: head, Name: rt.Topic}
		op.Outcome = check.Indefinite
		if resp != nil {
			switch code := resp.Topics[i].ErrorCode; code {
			case 0:
				op.Outcome, op.ID = check.OK, resp.Topics[i].TopicID
			case kerr.TopicAlreadyExists.Code, kerr.InvalidReplicationFactor.Code, kerr.InvalidReplicaAssignment.Code, kerr.InvalidPartitions.Code:
				op.Outcome = check.Failed
			}
		}
		l.note(op)
	}
}

// noteDeleted adds the topics that a request was to delete by name.
func (l *history) noteDeleted(head check.Head, req *kmsg.DeleteTopicsRequest, answer env.Response) {
	resp, _ := answer.(*kmsg.DeleteTopicsResponse)
	for i, rt := range req.Topics {
		if rt.Topic == nil {
			continue
		}
		op := &check.DeleteTopic{Head: head, Name: *rt.Topic}
		op.Outcome = check.Indefinite
		if resp != nil {
			switch resp.Topics[i].ErrorCode {
			case 0:
				op.Outcome = check.OK
			case kerr.UnknownTopicOrPartition.Code, kerr.TopicDeletionDisabled.Code:
				op.Outcome = check.Failed
			}
		}
		l.note(op)
	}
}

// Noted implements cluster.Witness. It adds resets and truncations of a consumer's position.
func (l *history) Noted(by env.Addr, n *sim.Noted) {
	op := &check.Consume{Head: check.Head{Client: string(by), Step: l.step()}}
	switch n.Kind.Name {
	case "consumer.reset": // the position was out of range
		op.Kind, op.Offset = check.PositionReset, wire.Offset(n.Field[2])
	case "consumer.truncated":
		if op.Kind, op.Offset = check.PositionTruncated, wire.Offset(n.Field[3]); op.Offset < 0 {
			return // the consumer resets its position next
		}
	default:
		return
	}
	op.Partition.Partition = int32(n.Field[1])
	op.Partition.Topic, op.Topic = l.inside.Topic(n.Field[0])
	op.Cursor, op.Called, _ = l.inside.Cursor(by, op.Partition)
	l.note(op)
}
