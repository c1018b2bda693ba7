package raft

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// This file has the messages between replicas as plain values (KIP-595). For each message one function converts from
// Kafka's message and one converts to it. The versions add these fields:
//
//	Vote               version 1: voter ids (KIP-853); 2: pre-votes (KIP-996)
//	BeginQuorumEpoch   version 1: voter ids (KIP-853)
//	EndQuorumEpoch     version 1: preferred candidates (KIP-853)
//	Fetch              version 12: last fetched epoch, diverging epoch (KIP-595); 13: topic ids; 17: directory ids (KIP-853);
//	                   18: the follower's high watermark, so that a new high watermark completes a parked fetch (KIP-1166)
//
// A message must have exactly one partition, which is the metadata log. A request with other partitions is refused as a
// whole. A response with other partitions is dropped, and its request is sent again after the retry backoff.

// voteRequest asks a voter for its vote or its pre-vote.
type voteRequest struct {
	voter     wire.NodeID // the receiver; NoNode if the request does not name it
	candidate wire.NodeID
	epoch     wire.Epoch
	lastEpoch wire.Epoch  // the epoch of the last record in the candidate's log
	end       wire.Offset // the end of the candidate's log
	preVote   bool
}

// beginRequest is BeginQuorumEpoch. It says that the sender leads the epoch.
type beginRequest struct {
	voter  wire.NodeID // the receiver; NoNode if the request does not name it
	leader wire.NodeID
	epoch  wire.Epoch
}

// endRequest is EndQuorumEpoch. It says that the sender has resigned as leader of the epoch.
type endRequest struct {
	leader     wire.NodeID
	epoch      wire.Epoch
	successors []wire.NodeID // the voters that should campaign, in this order
}

// fetchRequest asks a leader for records after the end of a replica's log.
type fetchRequest struct {
	replica   wire.NodeID // NoNode for a reader that is not a replica
	epoch     wire.Epoch  // the epoch in which the replica follows
	offset    wire.Offset // the end of the replica's log
	lastEpoch wire.Epoch  // the epoch of the last record in the replica's log
	start     wire.Offset // the start of the replica's log
	hw        wire.Offset // the replica's high watermark; hwNotSent before version 18
	maxBytes  int32       // at least 0
	maxWait   env.Duration
}

// hwNotSent stands for a high watermark that is not in the request. No leader has a greater high watermark.
const hwNotSent = wire.Offset(math.MaxInt64)

// response is the part that all responses have: an error, and the epoch and the leader that the sender knows.
type response struct {
	code   int16
	epoch  wire.Epoch
	leader wire.NodeID // NoNode if the sender knows none
}

type voteResponse struct {
	response
	granted bool
}

type fetchResponse struct {
	response
	leaderAddr env.Addr    // "" if the leader is not known
	hw         wire.Offset // -1 if it is not known or the response has an error
	start      wire.Offset // the start of the leader's log
	diverging  epochEnd    // the greatest end that both logs may have in common; its epoch is -1 if the logs do not diverge
	records    []byte
}

// epochEnd is the end of an epoch in a log.
type epochEnd struct {
	epoch wire.Epoch
	end   wire.Offset
}

// ControllerPort is the port of the controllers' listener in Kafka's messages. Addresses in the simulated world have no
// port.
const ControllerPort = 9093

// metadataPartitionOf returns the partition of a message, or an error if the message has any other partition than the
// metadata log (RaftUtil.hasValidTopicPartition).
func metadataPartitionOf[T, P any](topics []T, open func(*T) (isOurs bool, partitions []P), index func(*P) int32) (*P, *kerr.Error) {
	if len(topics) == 1 {
		if is, partitions := open(&topics[0]); is && len(partitions) == 1 && index(&partitions[0]) == 0 {
			return &partitions[0], nil
		}
	}
	return nil, kerr.InvalidRequest
}

// sameCluster reports whether a request has this cluster's id or no cluster id.
func sameCluster(named *string, cluster string) bool { return named == nil || *named == cluster }

func voteRequestToKafka(q voteRequest, cluster string) *kmsg.VoteRequest {
	p := kmsg.NewVoteRequestTopicPartition()
	p.CandidateID, p.CandidateEpoch = int32(q.candidate), int32(q.epoch)
	p.LastOffsetEpoch, p.LastOffset, p.PreVote = int32(q.lastEpoch), int64(q.end), q.preVote
	t := kmsg.NewVoteRequestTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, []kmsg.VoteRequestTopicPartition{p}
	req := kmsg.NewPtrVoteRequest()
	req.SetVersion(2)
	req.ClusterID, req.VoterID, req.Topics = kmsg.StringPtr(cluster), int32(q.voter), []kmsg.VoteRequestTopic{t}
	return req
}

func voteRequestFromKafka(req *kmsg.VoteRequest, cluster string) (voteRequest, *kerr.Error) {
	if !sameCluster(req.ClusterID, cluster) {
		return voteRequest{}, kerr.InconsistentClusterID
	}
	p, err := metadataPartitionOf(req.Topics,
		func(t *kmsg.VoteRequestTopic) (bool, []kmsg.VoteRequestTopicPartition) {
			return t.Topic == wire.MetadataTopic, t.Partitions
		},
		func(p *kmsg.VoteRequestTopicPartition) int32 { return p.Partition })
	if err != nil {
		return voteRequest{}, err
	}
	return voteRequest{
		voter: wire.NodeID(req.VoterID), candidate: wire.NodeID(p.CandidateID), epoch: wire.Epoch(p.CandidateEpoch),
		lastEpoch: wire.Epoch(p.LastOffsetEpoch), end: wire.Offset(p.LastOffset), preVote: p.PreVote,
	}, nil
}

func voteResponseToKafka(r voteResponse) *kmsg.VoteResponse {
	p := kmsg.NewVoteResponseTopicPartition()
	p.ErrorCode, p.LeaderID, p.LeaderEpoch, p.VoteGranted = r.code, int32(r.leader), int32(r.epoch), r.granted
	t := kmsg.NewVoteResponseTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, []kmsg.VoteResponseTopicPartition{p}
	resp := kmsg.NewPtrVoteResponse()
	resp.Topics = []kmsg.VoteResponseTopic{t}
	return resp
}

func voteResponseFromKafka(resp *kmsg.VoteResponse) (voteResponse, bool) {
	p, err := metadataPartitionOf(resp.Topics,
		func(t *kmsg.VoteResponseTopic) (bool, []kmsg.VoteResponseTopicPartition) {
			return t.Topic == wire.MetadataTopic, t.Partitions
		},
		func(p *kmsg.VoteResponseTopicPartition) int32 { return p.Partition })
	if err != nil || resp.ErrorCode != 0 {
		return voteResponse{}, false
	}
	return voteResponse{response{p.ErrorCode, wire.Epoch(p.LeaderEpoch), wire.NodeID(p.LeaderID)}, p.VoteGranted}, true
}

func beginRequestToKafka(q beginRequest, cluster string) *kmsg.BeginQuorumEpochRequest {
	p := kmsg.NewBeginQuorumEpochRequestTopicPartition()
	p.LeaderID, p.LeaderEpoch = int32(q.leader), int32(q.epoch)
	t := kmsg.NewBeginQuorumEpochRequestTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, []kmsg.BeginQuorumEpochRequestTopicPartition{p}
	req := kmsg.NewPtrBeginQuorumEpochRequest()
	req.SetVersion(1)
	req.ClusterID, req.VoterID, req.Topics = kmsg.StringPtr(cluster), int32(q.voter), []kmsg.BeginQuorumEpochRequestTopic{t}
	return req
}

func beginRequestFromKafka(req *kmsg.BeginQuorumEpochRequest, cluster string) (beginRequest, *kerr.Error) {
	if !sameCluster(req.ClusterID, cluster) {
		return beginRequest{}, kerr.InconsistentClusterID
	}
	p, err := metadataPartitionOf(req.Topics,
		func(t *kmsg.BeginQuorumEpochRequestTopic) (bool, []kmsg.BeginQuorumEpochRequestTopicPartition) {
			return t.Topic == wire.MetadataTopic, t.Partitions
		},
		func(p *kmsg.BeginQuorumEpochRequestTopicPartition) int32 { return p.Partition })
	if err != nil {
		return beginRequest{}, err
	}
	return beginRequest{wire.NodeID(req.VoterID), wire.NodeID(p.LeaderID), wire.Epoch(p.LeaderEpoch)}, nil
}

func beginResponseToKafka(r response) *kmsg.BeginQuorumEpochResponse {
	p := kmsg.NewBeginQuorumEpochResponseTopicPartition()
	p.ErrorCode, p.LeaderID, p.LeaderEpoch = r.code, int32(r.leader), int32(r.epoch)
	t := kmsg.NewBeginQuorumEpochResponseTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, []kmsg.BeginQuorumEpochResponseTopicPartition{p}
	resp := kmsg.NewPtrBeginQuorumEpochResponse()
	resp.Topics = []kmsg.BeginQuorumEpochResponseTopic{t}
	return resp
}

func beginResponseFromKafka(resp *kmsg.BeginQuorumEpochResponse) (response, bool) {
	p, err := metadataPartitionOf(resp.Topics,
		func(t *kmsg.BeginQuorumEpochResponseTopic) (bool, []kmsg.BeginQuorumEpochResponseTopicPartition) {
			return t.Topic == wire.MetadataTopic, t.Partitions
		},
		func(p *kmsg.BeginQuorumEpochResponseTopicPartition) int32 { return p.Partition })
	if err != nil || resp.ErrorCode != 0 {
		return response{}, false
	}
	return response{p.ErrorCode, wire.Epoch(p.LeaderEpoch), wire.NodeID(p.LeaderID)}, true
}

// endRequestToKafka sets the successors in the fields of both versions, so that every voter can read them.
func endRequestToKafka(q endRequest, cluster string) *kmsg.EndQuorumEpochRequest {
	p := kmsg.NewEndQuorumEpochRequestTopicPartition()
	p.LeaderID, p.LeaderEpoch = int32(q.leader), int32(q.epoch)
	for _, id := range q.successors {
		p.PreferredSuccessors = append(p.PreferredSuccessors, int32(id))
		c := kmsg.NewEndQuorumEpochRequestTopicPartitionPreferredCandidate()
		c.CandidateID = int32(id)
		p.PreferredCandidates = append(p.PreferredCandidates, c)
	}
	t := kmsg.NewEndQuorumEpochRequestTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, []kmsg.EndQuorumEpochRequestTopicPartition{p}
	req := kmsg.NewPtrEndQuorumEpochRequest()
	req.SetVersion(1)
	req.ClusterID, req.Topics = kmsg.StringPtr(cluster), []kmsg.EndQuorumEpochRequestTopic{t}
	return req
}

func endRequestFromKafka(req *kmsg.EndQuorumEpochRequest, cluster string) (endRequest, *kerr.Error) {
	if !sameCluster(req.ClusterID, cluster) {
		return endRequest{}, kerr.InconsistentClusterID
	}
	p, err := metadataPartitionOf(req.Topics,
		func(t *kmsg.EndQuorumEpochRequestTopic) (bool, []kmsg.EndQuorumEpochRequestTopicPartition) {
			return t.Topic == wire.MetadataTopic, t.Partitions
		},
		func(p *kmsg.EndQuorumEpochRequestTopicPartition) int32 { return p.Partition })
	if err != nil {
		return endRequest{}, err
	}
	q := endRequest{leader: wire.NodeID(p.LeaderID), epoch: wire.Epoch(p.LeaderEpoch)}
	for _, c := range p.PreferredCandidates {
		q.successors = append(q.successors, wire.NodeID(c.CandidateID))
	}
	if len(p.PreferredCandidates) == 0 {
		for _, id := range p.PreferredSuccessors {
			q.successors = append(q.successors, wire.NodeID(id))
		}
	}
	return q, nil
}

func endResponseToKafka(r response) *kmsg.EndQuorumEpochResponse {
	p := kmsg.NewEndQuorumEpochResponseTopicPartition()
	p.ErrorCode, p.LeaderID, p.LeaderEpoch = r.code, int32(r.leader), int32(r.epoch)
	t := kmsg.NewEndQuorumEpochResponseTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, []kmsg.EndQuorumEpochResponseTopicPartition{p}
	resp := kmsg.NewPtrEndQuorumEpochResponse()
	resp.Topics = []kmsg.EndQuorumEpochResponseTopic{t}
	return resp
}

func endResponseFromKafka(resp *kmsg.EndQuorumEpochResponse) (response, bool) {
	p, err := metadataPartitionOf(resp.Topics,
		func(t *kmsg.EndQuorumEpochResponseTopic) (bool, []kmsg.EndQuorumEpochResponseTopicPartition) {
			return t.Topic == wire.MetadataTopic, t.Partitions
		},
		func(p *kmsg.EndQuorumEpochResponseTopicPartition) int32 { return p.Partition })
	if err != nil || resp.ErrorCode != 0 {
		return response{}, false
	}
	return response{p.ErrorCode, wire.Epoch(p.LeaderEpoch), wire.NodeID(p.LeaderID)}, true
}

func fetchRequestToKafka(q fetchRequest, cluster string) *kmsg.FetchRequest {
	p := kmsg.NewFetchRequestTopicPartition()
	p.CurrentLeaderEpoch, p.LastFetchedEpoch = int32(q.epoch), int32(q.lastEpoch)
	p.FetchOffset, p.LogStartOffset, p.HighWatermark = int64(q.offset), int64(q.start), int64(q.hw)
	p.PartitionMaxBytes = q.maxBytes
	t := kmsg.NewFetchRequestTopic()
	t.TopicID, t.Partitions = wire.MetadataTopicID, []kmsg.FetchRequestTopicPartition{p}
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(18)
	req.ClusterID, req.ReplicaState.ID, req.Topics = kmsg.StringPtr(cluster), int32(q.replica), []kmsg.FetchRequestTopic{t}
	req.MaxWaitMillis, req.MaxBytes, req.SessionEpoch = int32(q.maxWait/env.Millisecond), q.maxBytes, -1
	return req
}

func fetchRequestFromKafka(req *kmsg.FetchRequest, cluster string) (fetchRequest, *kerr.Error) {
	if !sameCluster(req.ClusterID, cluster) {
		return fetchRequest{}, kerr.InconsistentClusterID
	}
	p, err := metadataPartitionOf(req.Topics,
		func(t *kmsg.FetchRequestTopic) (bool, []kmsg.FetchRequestTopicPartition) {
			return wire.TopicID(t.TopicID) == wire.MetadataTopicID, t.Partitions
		},
		func(p *kmsg.FetchRequestTopicPartition) int32 { return p.Partition })
	if err != nil {
		return fetchRequest{}, err
	}
	q := fetchRequest{
		replica: wire.NodeID(req.ReplicaState.ID), epoch: wire.Epoch(p.CurrentLeaderEpoch), offset: wire.Offset(p.FetchOffset),
		lastEpoch: wire.Epoch(p.LastFetchedEpoch), start: wire.Offset(p.LogStartOffset), hw: hwNotSent,
		maxBytes: max(min(p.PartitionMaxBytes, req.MaxBytes), 0), maxWait: env.Duration(req.MaxWaitMillis) * env.Millisecond,
	}
	if req.Version >= 18 {
		q.hw = wire.Offset(p.HighWatermark)
	}
	return q, nil
}

func fetchResponseToKafka(r fetchResponse) *kmsg.FetchResponse {
	p := kmsg.NewFetchResponseTopicPartition()
	p.ErrorCode, p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = r.code, int32(r.leader), int32(r.epoch)
	p.HighWatermark, p.LastStableOffset, p.LogStartOffset = int64(r.hw), int64(r.hw), int64(r.start)
	if r.diverging.epoch >= 0 {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = int32(r.diverging.epoch), int64(r.diverging.end)
	}
	p.RecordBatches = r.records
	t := kmsg.NewFetchResponseTopic()
	t.TopicID, t.Partitions = wire.MetadataTopicID, []kmsg.FetchResponseTopicPartition{p}
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = []kmsg.FetchResponseTopic{t}
	if r.leaderAddr != "" {
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port = int32(r.leader), string(r.leaderAddr), ControllerPort
		resp.Brokers = []kmsg.FetchResponseBroker{b}
	}
	return resp
}

func fetchResponseFromKafka(resp *kmsg.FetchResponse) (fetchResponse, bool) {
	p, err := metadataPartitionOf(resp.Topics,
		func(t *kmsg.FetchResponseTopic) (bool, []kmsg.FetchResponseTopicPartition) {
			return wire.TopicID(t.TopicID) == wire.MetadataTopicID, t.Partitions
		},
		func(p *kmsg.FetchResponseTopicPartition) int32 { return p.Partition })
	if err != nil || resp.ErrorCode != 0 {
		return fetchResponse{}, false
	}
	return fetchResponse{
		response:  response{p.ErrorCode, wire.Epoch(p.CurrentLeader.LeaderEpoch), wire.NodeID(p.CurrentLeader.LeaderID)},
		hw:        wire.Offset(p.HighWatermark),
		start:     wire.Offset(p.LogStartOffset),
		diverging: epochEnd{wire.Epoch(p.DivergingEpoch.Epoch), wire.Offset(p.DivergingEpoch.EndOffset)},
		records:   p.RecordBatches,
	}, true
}
