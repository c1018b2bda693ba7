package scenarios

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// delivered remembers what was asked of a node: one link has one request under way.
func (j *judges) delivered(h *watched, f *sim.Effect) {
	if h == nil || f.Request == nil {
		return
	}
	j.view.RequestArrived()
	switch req := f.Request.(type) {
	case *kmsg.ProduceRequest, *kmsg.VoteRequest, *kmsg.BrokerRegistrationRequest:
		h.asked[f.Link] = f.Request
	case *kmsg.DeleteTopicsRequest, *kmsg.CreatePartitionsRequest, *kmsg.IncrementalAlterConfigsRequest, *kmsg.UpdateFeaturesRequest, *kmsg.BrokerHeartbeatRequest:
		if h.role == "controller" {
			h.asked[f.Link], h.known[f.Link] = f.Request, j.view.CommittedEnd()
		}
	case *kmsg.DeleteRecordsRequest:
		for _, rt := range req.Topics {
			for _, rp := range rt.Partitions {
				j.view.DeletionAsked(wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}, wire.Offset(rp.Offset))
			}
		}
	case *kmsg.FetchRequest:
		h.since[f.Link] = j.c.world.Steps()
	case *kmsg.ListOffsetsRequest:
		h.asked[f.Link], h.since[f.Link] = f.Request, j.c.world.Steps()
	case *kmsg.ElectLeadersRequest:
		if req.ElectionType == 1 {
			h.asked[f.Link] = f.Request
			j.wished(req, j.view.UncleanElectionAsked)
		}
	case *kmsg.AlterPartitionRequest:
		h.asked[f.Link] = f.Request
		h.granted[f.Link] = j.view.Registered(wire.NodeID(req.BrokerID))
	}
}

// departed takes in what a node says: that is what others may build on.
func (j *judges) departed(h *watched, f *sim.Effect) {
	switch req := f.Request.(type) {
	case nil:
	case *kmsg.VoteRequest:
		j.stands(h, req)
	case *kmsg.BrokerRegistrationRequest:
		j.calls[f.Request] = call{f.Cause, f.Node}
		if h != nil && h.role == "broker" {
			j.view.RegistrationAsked(h.node, req.IncarnationID)
		}
	case *kmsg.BrokerHeartbeatRequest, *kmsg.ListOffsetsRequest, *kmsg.MetadataRequest, *kmsg.CreateTopicsRequest, *kmsg.DeleteTopicsRequest:
		j.calls[f.Request] = call{f.Cause, f.Node}
	}
	if h == nil || f.Response == nil {
		return
	}
	h.requests.answered(f.Link, f.At, f.Arrives)
	asked := h.asked[f.Link]
	switch resp := f.Response.(type) {
	case *kmsg.ProduceResponse:
		if req, ok := asked.(*kmsg.ProduceRequest); ok {
			j.acknowledged(h, req, resp, f)
		}
	case *kmsg.FetchResponse:
		if peer := j.hosts[f.Peer]; peer == nil {
			j.served(h, resp, f)
		}
	case *kmsg.ListOffsetsResponse:
		if req, ok := asked.(*kmsg.ListOffsetsRequest); ok {
			j.listed(h, req, resp, f)
		}
	case *kmsg.DeleteRecordsResponse:
		for _, rt := range resp.Topics {
			for _, rp := range rt.Partitions {
				if s := j.called(h, rt.Topic, rp.Partition); s != nil && rp.ErrorCode == 0 {
					j.view.RecordsDeleted(s.part, wire.Offset(rp.LowWatermark))
				}
			}
		}
	case *kmsg.AlterPartitionResponse:
		if req, ok := asked.(*kmsg.AlterPartitionRequest); ok {
			j.altered(h, req, resp, h.granted[f.Link])
		}
	case *kmsg.BrokerRegistrationResponse:
		if req, ok := asked.(*kmsg.BrokerRegistrationRequest); ok && resp.ErrorCode == 0 && h.role == "controller" {
			j.view.Replied(nil, check.Reply{Kind: check.ToRegistration, From: h.node, Broker: wire.NodeID(req.BrokerID), BrokerEpoch: wire.BrokerEpoch(resp.BrokerEpoch)})
		}
	case *kmsg.CreateTopicsResponse:
		for _, t := range resp.Topics {
			if t.ErrorCode == 0 && h.role == "controller" && t.TopicID != [16]byte{} {
				j.view.Replied(nil, check.Reply{Kind: check.ToCreation, From: h.node, Topic: t.TopicID})
			}
		}
	case *kmsg.DeleteTopicsResponse, *kmsg.CreatePartitionsResponse, *kmsg.IncrementalAlterConfigsResponse, *kmsg.UpdateFeaturesResponse, *kmsg.BrokerHeartbeatResponse:
		if asked != nil {
			j.agreed(h, asked, resp, h.known[f.Link])
		}
	case *kmsg.ElectLeadersResponse:
		if _, ok := asked.(*kmsg.ElectLeadersRequest); ok { // what was refused is not asked for any more
			j.refused(resp)
		}
	case *kmsg.VoteResponse:
		if req, ok := asked.(*kmsg.VoteRequest); ok {
			j.voted(h, req, resp)
		}
	default:
		return
	}
	delete(h.asked, f.Link)
}

// agreed takes in what a controller said yes to.
func (j *judges) agreed(h *watched, asked env.Request, answer env.Response, known wire.Offset) {
	yes := func(r check.Reply) {
		r.From = h.node
		j.view.Replied(nil, r)
	}
	switch req := asked.(type) {
	case *kmsg.DeleteTopicsRequest:
		for _, t := range answer.(*kmsg.DeleteTopicsResponse).Topics {
			if t.ErrorCode == 0 {
				yes(check.Reply{Kind: check.ToDeletion, Topic: t.TopicID})
			}
		}
	case *kmsg.CreatePartitionsRequest:
		for i, t := range answer.(*kmsg.CreatePartitionsResponse).Topics {
			if id, ok := j.view.TopicNamed(t.Topic); ok && t.ErrorCode == 0 && !req.ValidateOnly {
				yes(check.Reply{Kind: check.ToGrowth, Topic: id, Partitions: req.Topics[i].Count})
			}
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for i, r := range answer.(*kmsg.IncrementalAlterConfigsResponse).Resources {
			for _, c := range req.Resources[i].Configs {
				if c.Op == kmsg.IncrementalAlterConfigOpDelete {
					c.Value = nil
				}
				if r.ErrorCode == 0 && !req.ValidateOnly && (c.Op == kmsg.IncrementalAlterConfigOpSet || c.Op == kmsg.IncrementalAlterConfigOpDelete) {
					yes(check.Reply{Kind: check.ToConfig, Setting: check.Setting{Resource: wire.ConfigResource(r.ResourceType), Of: r.ResourceName, Name: c.Name, Value: c.Value, Known: known}})
				}
			}
		}
	case *kmsg.UpdateFeaturesRequest:
		for _, u := range req.FeatureUpdates {
			if answer.(*kmsg.UpdateFeaturesResponse).ErrorCode == 0 && !req.ValidateOnly {
				yes(check.Reply{Kind: check.ToLevel, Setting: check.Setting{Name: u.Feature, Level: u.MaxVersionLevel, Known: known}})
			}
		}
	case *kmsg.BrokerHeartbeatRequest:
		if r := answer.(*kmsg.BrokerHeartbeatResponse); r.ErrorCode == 0 && r.ShouldShutdown {
			yes(check.Reply{Kind: check.ToShutdown, Broker: wire.NodeID(req.BrokerID), BrokerEpoch: wire.BrokerEpoch(req.BrokerEpoch)})
		}
	}
}

// wished visits the partitions that an operator wants an unclean election of, by the names that the newest image has.
func (j *judges) wished(req *kmsg.ElectLeadersRequest, visit func(*check.Partition)) {
	for _, rt := range req.Topics {
		for _, n := range rt.Partitions {
			if p, ok := j.view.Find(j.c.topicID(rt.Topic), n); ok {
				visit(p)
			}
		}
	}
}

// refused takes in which unclean elections did not come to pass. Those that did may not have been told yet.
func (j *judges) refused(resp *kmsg.ElectLeadersResponse) {
	for _, rt := range resp.Topics {
		for _, rp := range rt.Partitions {
			if p, ok := j.view.Find(j.c.topicID(rt.Topic), rp.Partition); ok && rp.ErrorCode != 0 {
				j.view.UncleanElectionAnswered(p)
			}
		}
	}
}

// acknowledged takes in what a broker told a producer.
func (j *judges) acknowledged(h *watched, req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse, f *sim.Effect) {
	for _, rt := range resp.Topics {
		for _, rp := range rt.Partitions {
			if rp.ErrorCode != 0 || rp.BaseOffset < 0 {
				continue
			}
			// From version 13 on a topic is its id (KIP-516), and its name is not on the wire.
			if s := h.byTopic[topicKey{rt.TopicID, rp.Partition}]; s != nil && rt.TopicID != [16]byte{} {
				j.acked(s, wire.Offset(rp.BaseOffset), req.Acks, sentTo(req, &rt, rp.Partition), f)
				continue
			}
			for _, s := range h.replicas {
				if s.part.TP == (wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}) && j.current(s) {
					j.acked(s, wire.Offset(rp.BaseOffset), req.Acks, sentTo(req, &rt, rp.Partition), f)
				}
			}
		}
	}
}

// sentTo is the checksum of the batch that a request has for a partition, 0 if there is none.
func sentTo(req *kmsg.ProduceRequest, to *kmsg.ProduceResponseTopic, n int32) uint32 {
	for i := range req.Topics {
		rt := &req.Topics[i]
		if rt.Topic != to.Topic || rt.TopicID != to.TopicID {
			continue
		}
		for k := range rt.Partitions {
			if b := wire.Batch(rt.Partitions[k].Records); rt.Partitions[k].Partition == n && len(b) >= wire.BatchHeaderSize {
				return b.CRC()
			}
		}
	}
	return 0
}

// acked tells an acknowledgement, with what the leader reckoned with when it gave it.
func (j *judges) acked(s *seen, base wire.Offset, acks int16, crc uint32, f *sim.Effect) {
	at := s.at(f.Cause)
	j.view.Acked(s.part, s.copy, base, acks, check.Given{Client: string(f.Peer), Epoch: at.epoch, CRC: crc, InSync: at.inSync, MinISR: at.demand})
}

// current tells whether a replica is of the topic that has the name now.
func (j *judges) current(s *seen) bool { return j.view.Current(s.part) }

// served takes in what a broker showed a reader.
func (j *judges) served(h *watched, resp *kmsg.FetchResponse, f *sim.Effect) {
	for _, rt := range resp.Topics {
		for i := range rt.Partitions {
			rp := &rt.Partitions[i]
			s := h.byTopic[topicKey{rt.TopicID, rp.Partition}]
			if s == nil || rp.ErrorCode != 0 || rp.HighWatermark < 0 {
				continue
			}
			hw := wire.Offset(rp.HighWatermark)
			j.view.HighWatermarkTold(s.part, s.copy, hw)
			told := check.EndOffset{Epoch: s.at(f.Cause).epoch, End: hw, Since: h.since[f.Link]}
			if first := wire.Batch(rp.RecordBatches); len(first) >= wire.BatchHeaderSize {
				told.First = first.NextOffset()
			}
			j.view.EndOffsetTold(s.part, s.copy, told)
			for b, err := range wire.Batches(rp.RecordBatches) {
				if err != nil || b.NextOffset() > hw {
					break
				}
				j.view.BatchDelivered(s.part, s.copy, check.Batch{Base: b.BaseOffset(), Next: b.NextOffset(), Epoch: b.LeaderEpoch(), CRC: b.CRC()}, hw)
			}
		}
	}
}

// listed takes in where a leader told a client that partitions end.
func (j *judges) listed(h *watched, req *kmsg.ListOffsetsRequest, resp *kmsg.ListOffsetsResponse, f *sim.Effect) {
	for i, rt := range resp.Topics {
		for k, rp := range rt.Partitions {
			if s := j.called(h, rt.Topic, rp.Partition); s != nil && rp.ErrorCode == 0 && req.ReplicaID == -1 && req.Topics[i].Partitions[k].Timestamp == -1 {
				j.view.EndOffsetTold(s.part, s.copy, check.EndOffset{Epoch: s.at(f.Cause).epoch, End: wire.Offset(rp.Offset), Listed: true, Since: h.since[f.Link]})
			}
		}
	}
}

// called is a broker's replica by the name of its topic, of the topic that has the name now; nil if it has none.
func (j *judges) called(h *watched, topic string, n int32) *seen {
	for _, s := range h.replicas {
		if s.part.TP == (wire.TopicPartition{Topic: topic, Partition: n}) && j.current(s) {
			return s
		}
	}
	return nil
}

// altered takes in which ISR changes a controller accepted.
func (j *judges) altered(h *watched, req *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse, registered wire.BrokerEpoch) {
	if resp.ErrorCode != 0 {
		return
	}
	for _, rt := range resp.Topics {
		for _, rp := range rt.Partitions {
			p, ok := j.view.Find(rt.TopidID, rp.Partition)
			if rp.ErrorCode != 0 || !ok {
				continue
			}
			for _, at := range req.Topics {
				for _, ap := range at.Partitions {
					if at.TopicID == rt.TopidID && ap.Partition == rp.Partition {
						j.view.Replied(p, check.Reply{
							Kind: check.ToAlteration, From: h.node, Broker: wire.NodeID(req.BrokerID), BrokerEpoch: wire.BrokerEpoch(req.BrokerEpoch),
							Registered: registered, AskedEpoch: wire.PartitionEpoch(ap.PartitionEpoch), PartitionEpoch: wire.PartitionEpoch(rp.PartitionEpoch),
						})
					}
				}
			}
		}
	}
}

// stands takes in that a candidate asks for votes: it has given its own to itself.
func (j *judges) stands(h *watched, req *kmsg.VoteRequest) {
	if h == nil || h.role != "controller" || len(req.Topics) == 0 || len(req.Topics[0].Partitions) == 0 {
		return
	}
	if rp := &req.Topics[0].Partitions[0]; !rp.PreVote {
		j.view.Voted(h.node, check.Vote{Epoch: wire.Epoch(rp.CandidateEpoch), Candidate: wire.NodeID(rp.CandidateID)})
	}
}

func (j *judges) voted(h *watched, req *kmsg.VoteRequest, resp *kmsg.VoteResponse) {
	if len(req.Topics) == 0 || len(resp.Topics) == 0 || len(req.Topics[0].Partitions) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return
	}
	rp, ap := &req.Topics[0].Partitions[0], &resp.Topics[0].Partitions[0]
	if ap.VoteGranted && !rp.PreVote {
		j.view.Voted(h.node, check.Vote{Epoch: wire.Epoch(rp.CandidateEpoch), Candidate: wire.NodeID(rp.CandidateID)})
	}
}

// touched visits the replicas that an event of a broker was about.
func (j *judges) touched(h *watched, e *sim.Event, visit func(*seen)) {
	if len(h.replicas) > 4 {
		switch {
		case e.Kind == sim.Received:
			switch req := e.Request.(type) {
			case *kmsg.FetchRequest:
				j.named(h, req.Topics, visit)
				return
			case *kmsg.ProduceRequest:
				for _, s := range h.replicas {
					for _, rt := range req.Topics {
						// From version 13 on a topic is its id (KIP-516), and in wire mode its name is gone.
						if rt.Topic == s.part.TP.Topic || rt.TopicID == s.part.ID {
							visit(s)
						}
					}
				}
				return
			}
		case e.Kind == sim.Returned:
			if resp, ok := e.Response.(*kmsg.FetchResponse); ok && len(resp.Topics) > 0 && wire.TopicID(resp.Topics[0].TopicID) != wire.MetadataTopicID {
				for _, rt := range resp.Topics {
					for i := range rt.Partitions {
						if s := h.byTopic[topicKey{rt.TopicID, rt.Partitions[i].Partition}]; s != nil {
							visit(s)
						}
					}
				}
				return
			}
		}
	}
	for _, s := range h.replicas {
		visit(s)
	}
}

func (j *judges) named(h *watched, topics []kmsg.FetchRequestTopic, visit func(*seen)) {
	for _, rt := range topics {
		for i := range rt.Partitions {
			if s := h.byTopic[topicKey{rt.TopicID, rt.Partitions[i].Partition}]; s != nil {
				visit(s)
			}
		}
	}
}

// call is a request under way that somebody's history is about: the event that made it, and whose it is.
type call struct {
	event uint64
	from  env.Addr
}

// heard takes in what nodes were answered, for the histories of those who ask: clients, the operator, and brokers that
// register.
func (j *judges) heard(e *sim.Event) {
	if e.Kind != sim.Returned || e.Request == nil {
		return
	}
	c, ok := j.calls[e.Request]
	if !ok {
		return
	}
	delete(j.calls, e.Request)
	head := check.Head{Client: string(e.Node), Step: j.c.step(), At: int64(e.Time), Called: c.event + 1, Returned: e.Seq + 1}
	switch req := e.Request.(type) {
	case *kmsg.BrokerRegistrationRequest:
		j.note(registration(head, req, e.Response))
	case *kmsg.BrokerHeartbeatRequest:
		j.beat(head, req, e.Response)
	case *kmsg.ListOffsetsRequest:
		j.ended(head, req, e.Response)
	case *kmsg.MetadataRequest:
		j.described(head, e)
	case *kmsg.CreateTopicsRequest:
		j.created(head, req, e.Response)
	case *kmsg.DeleteTopicsRequest:
		j.deletedTopics(head, req, e.Response)
	}
}

// unheard takes in what a broker that died was never answered: its request to be registered may be on its way still.
func (j *judges) unheard(h *watched) {
	var ops []*check.RegisterBroker
	for req, c := range j.calls { //order: sorted below
		if c.from != h.addr {
			continue
		}
		delete(j.calls, req)
		if req, ok := req.(*kmsg.BrokerRegistrationRequest); ok {
			ops = append(ops, registration(check.Head{Client: string(h.addr), Step: j.c.step(), At: int64(j.c.world.Now()), Called: c.event + 1}, req, nil))
		}
	}
	slices.SortFunc(ops, func(a, b *check.RegisterBroker) int { return cmp.Compare(a.Called, b.Called) }) //total: one event makes one of them
	for _, op := range ops {
		j.note(op)
	}
}

func (j *judges) note(op check.Op) { j.c.evidence.History = append(j.c.evidence.History, op) }

// registration is a request to be registered, with its outcome.
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

// beat notes heartbeats that tell something new.
func (j *judges) beat(head check.Head, req *kmsg.BrokerHeartbeatRequest, answer env.Response) {
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
	if was := j.beats[op.Broker]; was == nil || was.Epoch != op.Epoch || was.Outcome != op.Outcome {
		j.beats[op.Broker] = op
		j.note(op)
	}
}

func (j *judges) ended(head check.Head, req *kmsg.ListOffsetsRequest, answer env.Response) {
	resp, ok := answer.(*kmsg.ListOffsetsResponse)
	if !ok || req.ReplicaID >= 0 {
		return
	}
	for i, rt := range resp.Topics {
		for k, rp := range rt.Partitions {
			if rp.ErrorCode == 0 && req.Topics[i].Partitions[k].Timestamp == -1 {
				j.note(&check.ListOffsets{
					Head: head, Partition: wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}, Topic: j.c.topicID(rt.Topic),
					Offset: wire.Offset(rp.Offset), Epoch: wire.Epoch(rp.LeaderEpoch),
				})
			}
		}
	}
}

func (j *judges) described(head check.Head, e *sim.Event) {
	resp, ok := e.Response.(*kmsg.MetadataResponse)
	if !ok {
		return
	}
	server := check.Process{Machine: string(e.Peer), Incarnation: j.c.world.Incarnation(e.Peer)}
	if h := j.hosts[e.Peer]; h == nil || head.Called <= h.born {
		return // asked of an earlier process than the one that runs: it cannot be known which of them answered
	}
	for _, mt := range resp.Topics {
		if mt.Topic == nil {
			continue
		}
		switch mt.ErrorCode {
		case kerr.UnknownTopicOrPartition.Code:
			j.note(&check.DescribeTopic{Head: head, Server: server, Partition: wire.TopicPartition{Topic: *mt.Topic}})
		case 0:
			for _, mp := range mt.Partitions {
				j.note(&check.DescribeTopic{
					Head: head, Server: server, Partition: wire.TopicPartition{Topic: *mt.Topic, Partition: mp.Partition}, Topic: mt.TopicID,
					Epoch: wire.Epoch(mp.LeaderEpoch),
				})
			}
		}
	}
}

func (j *judges) created(head check.Head, req *kmsg.CreateTopicsRequest, answer env.Response) {
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
		j.note(op)
	}
}

// deletedTopics notes deletions by name.
func (j *judges) deletedTopics(head check.Head, req *kmsg.DeleteTopicsRequest, answer env.Response) {
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
		j.note(op)
	}
}

// moved notes that a reader's position went elsewhere by itself, if that is what a client has noted.
func (j *judges) moved(who env.Addr, n *sim.Noted) {
	op := &check.Consume{Head: check.Head{Client: string(who), Step: j.c.step()}}
	switch n.Kind.Name {
	case "consumer.reset": // its position was out of range
		op.Kind, op.Offset = check.PositionReset, wire.Offset(n.Field[2])
	case "consumer.truncated":
		if op.Kind, op.Offset = check.PositionTruncated, wire.Offset(n.Field[3]); op.Offset < 0 {
			return // a reset follows
		}
	default:
		return
	}
	j.c.learnTopics() // the next note may come when the topic is gone
	op.Partition = wire.TopicPartition{Topic: j.c.Topic(n.Field[0]), Partition: int32(n.Field[1])}
	if read := j.c.reading(who, op.Partition); read != nil {
		op.Cursor = read.cursor
	}
	j.note(op)
}
