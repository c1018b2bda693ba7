package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// delivered keeps the request that a node has received. A link has one request in flight.
func (o *observer) delivered(h *hostView, f *sim.Effect) {
	if f.Response != nil {
		o.answered = f.Call
	}
	if h == nil || f.Request == nil {
		return
	}
	o.view.RequestArrived()
	switch req := f.Request.(type) {
	case *kmsg.ProduceRequest:
		h.asked[f.Link], h.produceArrived[f.Link] = f.Request, arrival{f.Cause, f.At}
		o.sends.reached(f.Node, f.Link, f.Call, f.Cause)
	case *kmsg.VoteRequest, *kmsg.BrokerRegistrationRequest:
		h.asked[f.Link] = f.Request
	case *kmsg.EndQuorumEpochRequest:
		for _, rt := range req.Topics {
			for _, rp := range rt.Partitions {
				o.view.Voter(h.Node).Released(wire.NodeID(rp.LeaderID), wire.Epoch(rp.LeaderEpoch))
			}
		}
	case *kmsg.MetadataRequest:
		h.asked[f.Link], h.appliedThen[f.Link] = f.Request, h.applied
	case *kmsg.CreateTopicsRequest, *kmsg.DeleteTopicsRequest, *kmsg.CreatePartitionsRequest, *kmsg.IncrementalAlterConfigsRequest, *kmsg.UpdateFeaturesRequest, *kmsg.BrokerHeartbeatRequest:
		if h.Role == "controller" {
			h.asked[f.Link], h.committedThen[f.Link] = f.Request, o.view.CommittedEnd()
			h.tipThen[f.Link] = o.view.Metadata().Replica(h.Node).Log.End()
		}
	case *kmsg.FetchRequest:
		h.asked[f.Link], h.stepAsked[f.Link] = f.Request, o.world.Steps()
	case *kmsg.ListOffsetsRequest:
		h.asked[f.Link], h.stepAsked[f.Link] = f.Request, o.world.Steps()
		h.endsBefore[f.Link] = standings(o, h, req)
	case *kmsg.ElectLeadersRequest:
		if h.Role == "controller" {
			h.asked[f.Link], h.committedThen[f.Link] = f.Request, o.view.CommittedEnd()
		}
		if req.ElectionType == 1 {
			o.electionRequested(req, o.view.UncleanElectionAsked)
		}
	case *kmsg.AlterPartitionRequest:
		h.asked[f.Link] = f.Request
		h.registeredThen[f.Link] = o.view.Registered(wire.NodeID(req.BrokerID))
	}
}

// departed handles a message that a node sends. Once the message has left the node, other nodes may act on it.
func (o *observer) departed(h *hostView, f *sim.Effect) {
	o.sends.departed(f.Request, f.Call)
	switch req := f.Request.(type) {
	case nil:
	case *kmsg.VoteRequest:
		o.candidacy(h, req)
	case *kmsg.BrokerRegistrationRequest:
		o.calls[f.Request] = call{f.Cause, f.Node}
		if h != nil && h.Role == "broker" {
			o.view.RegistrationAsked(h.Node, req.IncarnationID)
		}
	case *kmsg.BrokerHeartbeatRequest, *kmsg.ListOffsetsRequest, *kmsg.MetadataRequest, *kmsg.CreateTopicsRequest, *kmsg.DeleteTopicsRequest:
		o.calls[f.Request] = call{f.Cause, f.Node}
	}
	if h == nil || f.Response == nil {
		return
	}
	asked := h.asked[f.Link]
	switch resp := f.Response.(type) {
	case *kmsg.ProduceResponse:
		if req, ok := asked.(*kmsg.ProduceRequest); ok {
			o.produceAnswered(h, req, resp, f)
		}
	case *kmsg.FetchResponse:
		o.fetchAnswered(h, asked, resp, f)
	case *kmsg.ListOffsetsResponse:
		if req, ok := asked.(*kmsg.ListOffsetsRequest); ok {
			o.endsAnswered(h, req, resp, f)
		}
	case *kmsg.DeleteRecordsResponse:
		for _, rt := range resp.Topics {
			for _, rp := range rt.Partitions {
				if s := o.replicaNamed(h, rt.Topic, rp.Partition); s != nil && rp.ErrorCode == 0 {
					o.view.RecordsDeleted(s.part, s.copy, wire.Offset(rp.LowWatermark))
				}
			}
		}
	case *kmsg.AlterPartitionResponse:
		if req, ok := asked.(*kmsg.AlterPartitionRequest); ok {
			o.isrChanged(h, req, resp, h.registeredThen[f.Link])
		}
	case *kmsg.BrokerRegistrationResponse:
		if req, ok := asked.(*kmsg.BrokerRegistrationRequest); ok && resp.ErrorCode == 0 && h.Role == "controller" {
			o.view.Replied(nil, check.Reply{Kind: check.ToRegistration, From: h.Node, Broker: wire.NodeID(req.BrokerID), BrokerEpoch: wire.BrokerEpoch(resp.BrokerEpoch)})
		}
	case *kmsg.CreateTopicsResponse, *kmsg.DeleteTopicsResponse, *kmsg.CreatePartitionsResponse, *kmsg.IncrementalAlterConfigsResponse, *kmsg.UpdateFeaturesResponse, *kmsg.BrokerHeartbeatResponse,
		*kmsg.ElectLeadersResponse:
		if asked != nil {
			o.controllerReplied(h, asked, resp, h.committedThen[f.Link], h.tipThen[f.Link])
			operatorAnswered(o, h, asked, resp, h.committedThen[f.Link])
		}
	case *kmsg.MetadataResponse:
		if req, ok := asked.(*kmsg.MetadataRequest); ok && req.Version >= 10 { // older responses have no topic ids
			metadataAnswered(o, h, req, resp, h.appliedThen[f.Link])
		}
	case *kmsg.VoteResponse:
		if req, ok := asked.(*kmsg.VoteRequest); ok {
			o.voteAnswered(h, req, resp)
		}
	default:
		return
	}
	delete(h.asked, f.Link)
}

// controllerReplied delivers the changes that a controller's successful response confirms.
func (o *observer) controllerReplied(h *hostView, asked env.Request, answer env.Response, known, tip wire.Offset) {
	yes := func(r check.Reply) {
		r.From = h.Node
		o.view.Replied(nil, r)
	}
	switch req := asked.(type) {
	case *kmsg.CreateTopicsRequest:
		for _, t := range answer.(*kmsg.CreateTopicsResponse).Topics {
			if t.ErrorCode == 0 && t.TopicID != [16]byte{} && !req.ValidateOnly {
				yes(check.Reply{Kind: check.ToCreation, Topic: t.TopicID})
			}
		}
	case *kmsg.ElectLeadersRequest:
		if req.ElectionType == 1 { // the controller may have refused some elections
			o.electionRefused(answer.(*kmsg.ElectLeadersResponse))
		}
	case *kmsg.DeleteTopicsRequest:
		for _, t := range answer.(*kmsg.DeleteTopicsResponse).Topics {
			if t.ErrorCode == 0 {
				yes(check.Reply{Kind: check.ToDeletion, Topic: t.TopicID})
			}
		}
	case *kmsg.CreatePartitionsRequest:
		for i, t := range answer.(*kmsg.CreatePartitionsResponse).Topics {
			if id, ok := o.view.TopicNamed(t.Topic); ok && t.ErrorCode == 0 && !req.ValidateOnly {
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
			yes(check.Reply{Kind: check.ToShutdown, Broker: wire.NodeID(req.BrokerID), BrokerEpoch: wire.BrokerEpoch(req.BrokerEpoch), Tip: tip})
		}
	}
}

// electionRequested visits the partitions of an operator's request for unclean elections. It resolves topic names in the
// newest image.
func (o *observer) electionRequested(req *kmsg.ElectLeadersRequest, visit func(*check.Partition)) {
	for _, rt := range req.Topics {
		for _, n := range rt.Partitions {
			if p, ok := o.view.Find(o.inside.TopicID(rt.Topic), n); ok {
				visit(p)
			}
		}
	}
}

// electionRefused withdraws the unclean elections that the controller refused. The other elections may not be committed yet.
func (o *observer) electionRefused(resp *kmsg.ElectLeadersResponse) {
	for _, rt := range resp.Topics {
		for _, rp := range rt.Partitions {
			if p, ok := o.view.Find(o.inside.TopicID(rt.Topic), rp.Partition); ok && rp.ErrorCode != 0 {
				o.view.UncleanElectionAnswered(p)
			}
		}
	}
}

// batchSent returns the batch that a request has for a partition, or nil if it has none.
func batchSent(req *kmsg.ProduceRequest, to *kmsg.ProduceResponseTopic, n int32) wire.Batch {
	for i := range req.Topics {
		rt := &req.Topics[i]
		if rt.Topic != to.Topic || rt.TopicID != to.TopicID {
			continue
		}
		for k := range rt.Partitions {
			if b := wire.Batch(rt.Partitions[k].Records); rt.Partitions[k].Partition == n && len(b) >= wire.BatchHeaderSize {
				return b
			}
		}
	}
	return nil
}

// sentTo returns the checksum of the batch that a request has for a partition, or 0 if it has none.
func sentTo(req *kmsg.ProduceRequest, to *kmsg.ProduceResponseTopic, n int32) uint32 {
	if b := batchSent(req, to, n); b != nil {
		return b.CRC()
	}
	return 0
}

// sizeSent returns the bytes of that batch, or 0 if there is none.
func sizeSent(req *kmsg.ProduceRequest, to *kmsg.ProduceResponseTopic, n int32) int32 {
	if b := batchSent(req, to, n); b != nil {
		return int32(len(b))
	}
	return 0
}

// batchAcked delivers an acknowledgement and the leader's state at the time when the leader made the response.
func (o *observer) batchAcked(s *replicaView, base wire.Offset, acks int16, crc uint32, f *sim.Effect) {
	at := s.snapshotAt(f.Cause)
	o.view.Acked(s.part, s.copy, base, acks, check.Given{Client: string(f.Peer), Epoch: at.epoch, CRC: crc, InSync: at.inSync, MinISR: at.minISR})
}

// current reports whether no other topic has the name of the replica's topic now.
func (o *observer) current(s *replicaView) bool { return o.view.Current(s.part) }

// fetchAnswered handles a response to a follower or to a consumer.
func (o *observer) fetchAnswered(h *hostView, asked env.Request, resp *kmsg.FetchResponse, f *sim.Effect) {
	if follower := o.hosts[f.Peer]; follower != nil {
		if req, ok := asked.(*kmsg.FetchRequest); ok && h.Role == "broker" && follower.Role == "broker" {
			followerServed(o, h, follower, req, resp)
		}
		return
	}
	for _, rt := range resp.Topics {
		for i := range rt.Partitions {
			rp := &rt.Partitions[i]
			s := h.byTopic[topicKey{rt.TopicID, rp.Partition}]
			if s == nil || rp.ErrorCode != 0 || rp.HighWatermark < 0 {
				continue
			}
			hw := wire.Offset(rp.HighWatermark)
			o.view.HighWatermarkSent(s.part, s.copy, hw)
			told := check.EndOffset{Epoch: s.snapshotAt(f.Cause).epoch, End: hw, HW: s.State.HW, Since: h.stepAsked[f.Link]}
			if first := wire.Batch(rp.RecordBatches); len(first) >= wire.BatchHeaderSize {
				told.First = min(max(first.BaseOffset(), fetchedFrom(asked, rt.TopicID, rp.Partition))+1, first.NextOffset())
			}
			o.view.EndOffsetSent(s.part, s.copy, told)
			for b, err := range wire.Batches(rp.RecordBatches) {
				if err != nil || b.NextOffset() > hw {
					break
				}
				o.view.BatchDelivered(s.part, s.copy, check.Batch{Base: b.BaseOffset(), Next: b.NextOffset(), Epoch: b.LeaderEpoch(), CRC: b.CRC()}, hw)
			}
		}
	}
}

// followerServed handles a leader's response to a follower. A response has the partitions in the order of the request, and
// one of them alone has nothing to share with another.
func followerServed(o *observer, h, follower *hostView, req *kmsg.FetchRequest, resp *kmsg.FetchResponse) {
	f := check.FollowerFetch{Leader: h.Node, Follower: follower.Node, Portions: o.portions[:0]}
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		for j := range rt.Partitions {
			rp := &rt.Partitions[j]
			s := h.byTopic[topicKey{rt.TopicID, rp.Partition}]
			if s == nil || i >= len(req.Topics) || j >= len(req.Topics[i].Partitions) || req.Topics[i].Partitions[j].Partition != rp.Partition {
				return
			}
			f.Portions = append(f.Portions, check.Portion{
				Partition: s.part, Offset: wire.Offset(req.Topics[i].Partitions[j].FetchOffset),
				Records: len(rp.RecordBatches) > 0, Refused: rp.ErrorCode != 0 || rp.DivergingEpoch.Epoch >= 0,
			})
		}
	}
	if o.portions = f.Portions; len(f.Portions) > 1 {
		f.Sent(o.view)
	}
}

// fetchedFrom returns the offset from which a request fetches a partition. A batch that contains the offset is served whole,
// and the consumer drops the records below. If a fetch session keeps the offset, the end of the batch is all that is known.
func fetchedFrom(asked env.Request, id wire.TopicID, n int32) wire.Offset {
	if req, ok := asked.(*kmsg.FetchRequest); ok {
		for _, rt := range req.Topics {
			for _, rp := range rt.Partitions {
				if wire.TopicID(rt.TopicID) == id && rp.Partition == n {
					return wire.Offset(rp.FetchOffset)
				}
			}
		}
	}
	return 1<<62 - 1
}

// replicaNamed returns a broker's replica of the topic that has this name now, or nil if the broker has none.
func (o *observer) replicaNamed(h *hostView, topic string, n int32) *replicaView {
	for _, s := range h.replicas {
		if s.part.TP == (wire.TopicPartition{Topic: topic, Partition: n}) && o.current(s) {
			return s
		}
	}
	return nil
}

// isrChanged delivers the ISR changes that a controller accepted.
func (o *observer) isrChanged(h *hostView, req *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse, registered wire.BrokerEpoch) {
	if resp.ErrorCode != 0 {
		return
	}
	for _, rt := range resp.Topics {
		for _, rp := range rt.Partitions {
			p, ok := o.view.Find(rt.TopidID, rp.Partition)
			if rp.ErrorCode != 0 || !ok {
				continue
			}
			for _, at := range req.Topics {
				for _, ap := range at.Partitions {
					if at.TopicID == rt.TopidID && ap.Partition == rp.Partition {
						o.view.Replied(p, check.Reply{
							Kind: check.ToAlteration, From: h.Node, Broker: wire.NodeID(req.BrokerID), BrokerEpoch: wire.BrokerEpoch(req.BrokerEpoch),
							Registered: registered, AskedEpoch: wire.PartitionEpoch(ap.PartitionEpoch), PartitionEpoch: wire.PartitionEpoch(rp.PartitionEpoch),
							AskedISR: proposed(&ap), ISR: nodes(rp.ISR), Leader: wire.NodeID(rp.LeaderID), Epoch: wire.Epoch(rp.LeaderEpoch), Recovery: wire.LeaderRecoveryState(rp.LeaderRecoveryState),
						})
					}
				}
			}
		}
	}
}

// proposed returns the ISR in a leader's AlterPartition request. Since version 3 its members have broker epochs (KIP-903).
func proposed(ap *kmsg.AlterPartitionRequestTopicPartition) []wire.NodeID {
	ids := nodes(ap.NewISR)
	for _, m := range ap.NewEpochISR {
		ids = append(ids, wire.NodeID(m.BrokerID))
	}
	return ids
}

// nodes converts a list of node ids.
func nodes(of []int32) (ids []wire.NodeID) {
	for _, id := range of {
		ids = append(ids, wire.NodeID(id))
	}
	return ids
}

// candidacy handles a vote request. A candidate votes for itself before it sends a vote request.
func (o *observer) candidacy(h *hostView, req *kmsg.VoteRequest) {
	if h == nil || h.Role != "controller" || len(req.Topics) == 0 || len(req.Topics[0].Partitions) == 0 {
		return
	}
	if rp := &req.Topics[0].Partitions[0]; !rp.PreVote {
		o.view.Voted(h.Node, check.Vote{Epoch: wire.Epoch(rp.CandidateEpoch), Candidate: wire.NodeID(rp.CandidateID)})
	}
}

func (o *observer) voteAnswered(h *hostView, req *kmsg.VoteRequest, resp *kmsg.VoteResponse) {
	if len(req.Topics) == 0 || len(resp.Topics) == 0 || len(req.Topics[0].Partitions) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return
	}
	rp, ap := &req.Topics[0].Partitions[0], &resp.Topics[0].Partitions[0]
	switch {
	case ap.VoteGranted && !rp.PreVote:
		o.view.Voted(h.Node, check.Vote{Epoch: wire.Epoch(rp.CandidateEpoch), Candidate: wire.NodeID(rp.CandidateID)})
	case !ap.VoteGranted && rp.PreVote && resp.ErrorCode == 0 && ap.ErrorCode == 0:
		check.PreVote{
			Candidate: wire.NodeID(rp.CandidateID), Epoch: wire.Epoch(rp.CandidateEpoch), LastEpoch: wire.Epoch(rp.LastOffsetEpoch), End: wire.Offset(rp.LastOffset),
		}.Refused(o.view, h.Node)
	}
}

// visitConcerned visits the replicas that an event of a broker concerns.
func (o *observer) visitConcerned(h *hostView, e *sim.Event, visit func(*replicaView)) {
	if len(h.replicas) > 4 {
		switch {
		case e.Kind == sim.Received:
			switch req := e.Request.(type) {
			case *kmsg.FetchRequest:
				o.visitFetched(h, req.Topics, visit)
				return
			case *kmsg.ProduceRequest:
				for _, s := range h.replicas {
					for _, rt := range req.Topics {
						// Since version 13 the request has only the topic id (KIP-516), so in wire mode the name is missing.
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

func (o *observer) visitFetched(h *hostView, topics []kmsg.FetchRequestTopic, visit func(*replicaView)) {
	for _, rt := range topics {
		for i := range rt.Partitions {
			if s := h.byTopic[topicKey{rt.TopicID, rt.Partitions[i].Partition}]; s != nil {
				visit(s)
			}
		}
	}
}
