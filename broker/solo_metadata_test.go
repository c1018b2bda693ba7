package broker_test

import (
	"strings"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// This file is the metadata log as a solo's controllers serve it.

// topicID is the id that a topic of a test has: its name.
func topicID(name string) (id wire.TopicID) {
	copy(id[:], name)
	return id
}

// topicOf is the topic that has such an id.
func topicOf(id [16]byte) string { return strings.TrimRight(string(id[:]), "\x00") }

// registration is the record of a broker's registration, unfenced. Its epoch is its offset if it is published next.
func (s *solo) registration(id wire.NodeID) *wire.RegisterBrokerRecord {
	return &wire.RegisterBrokerRecord{
		Version: 3, BrokerID: id, BrokerEpoch: wire.BrokerEpoch(3 - id), LogDirs: []wire.UUID{{byte(id)}},
		EndPoints: []wire.EndPoint{{Name: "PLAINTEXT", Host: string(at(int(id))), Port: 9092}},
	}
}

// topic is the records of a topic with one partition; all replicas are in sync, and the first leads in epoch 0.
func (s *solo) topic(name string, replicas ...wire.NodeID) []wire.MetadataRecord {
	return []wire.MetadataRecord{
		&wire.TopicRecord{Name: name, TopicID: topicID(name)},
		&wire.PartitionRecord{Version: 2, TopicID: topicID(name), Replicas: replicas, ISR: replicas, Leader: replicas[0],
			Directories: make([]wire.UUID, len(replicas))},
	}
}

// leader is the record of an election, with the ISR that goes with it.
func leader(topic string, to wire.NodeID, isr ...wire.NodeID) *wire.PartitionChangeRecord {
	r := wire.NewPartitionChange(topicID(topic), 0)
	r.Version, r.Leader, r.ISR = 2, to, isr
	return r
}

// fence is the record of a broker that is fenced.
func (s *solo) fence(id wire.NodeID) *wire.BrokerRegistrationChangeRecord {
	return &wire.BrokerRegistrationChangeRecord{Version: 2, BrokerID: id, BrokerEpoch: s.b.Image().Broker(id).Epoch, Fenced: 1}
}

// publish answers the metadata fetch with records, all of which are committed. Each is a batch of its own.
func (s *solo) publish(records ...wire.MetadataRecord) {
	s.t.Helper()
	end := s.metadata + wire.Offset(len(records))
	s.publishUpTo(end, records...)
}

// publishUpTo is publish while the committed log ends at hw already.
func (s *solo) publishUpTo(hw wire.Offset, records ...wire.MetadataRecord) {
	s.t.Helper()
	var log []byte
	for _, r := range records {
		o := wire.PlainBatch(s.metadata, 1)
		var err error
		log, err = wire.AppendBatch(log, o, []wire.Record{{Offset: s.metadata, Value: wire.AppendMetadata(nil, r)}})
		require.NoError(s.t, err)
		s.metadata++
	}
	s.metadataAnswer(func(p *kmsg.FetchResponseTopicPartition, _ *kmsg.FetchResponse) {
		p.RecordBatches, p.HighWatermark = log, int64(hw)
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 101, 1
	})
}

// metadataAnswer answers the metadata fetch with one partition, which the test fills in.
func (s *solo) metadataAnswer(fill func(*kmsg.FetchResponseTopicPartition, *kmsg.FetchResponse)) {
	s.t.Helper()
	answer(s, "raft", func(req *kmsg.FetchRequest, resp *kmsg.FetchResponse) {
		rt, rp := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		rt.TopicID = req.Topics[0].TopicID
		fill(&rp, resp)
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
	})
}

// follower is a fetch of orders-0 by another broker that has everything below an offset.
func follower(id wire.NodeID, topic string, next wire.Offset, epoch wire.Epoch) *kmsg.FetchRequest {
	req := fetchID(topicID(topic))
	req.ReplicaState.ID, req.ReplicaState.Epoch = int32(id), int64(3-id)
	p := &req.Topics[0].Partitions[0]
	p.FetchOffset, p.CurrentLeaderEpoch, p.LogStartOffset = int64(next), int32(epoch), 0
	p.LastFetchedEpoch = int32(epoch)
	if next == 0 {
		p.LastFetchedEpoch = -1
	}
	return req
}

// fetchAnswer answers a follower's fetch at its leader, partition by partition in the order of the request.
func (s *solo) fetchAnswer(to string, fill ...func(*kmsg.FetchResponseTopicPartition)) {
	s.t.Helper()
	answer(s, to+"/fetcher", func(req *kmsg.FetchRequest, resp *kmsg.FetchResponse) {
		n := 0
		for _, rt := range req.Topics {
			at := kmsg.NewFetchResponseTopic()
			at.TopicID = rt.TopicID
			for _, rp := range rt.Partitions {
				ap := kmsg.NewFetchResponseTopicPartition()
				ap.Partition = rp.Partition
				if n < len(fill) {
					fill[n](&ap)
				}
				n++
				at.Partitions = append(at.Partitions, ap)
			}
			resp.Topics = append(resp.Topics, at)
		}
	})
}

// replicated is records as a leader sends them in a fetch's answer, each in a batch of its own.
func replicated(from wire.Offset, epoch wire.Epoch, values ...string) func(*kmsg.FetchResponseTopicPartition) {
	return func(p *kmsg.FetchResponseTopicPartition) {
		p.HighWatermark = int64(from)
		for i, v := range values {
			o := wire.PlainBatch(from+wire.Offset(i), epoch)
			var err error
			p.RecordBatches, err = wire.AppendBatch(p.RecordBatches, o, []wire.Record{{Offset: o.BaseOffset, Timestamp: 1767225600000, Value: []byte(v)}})
			if err != nil {
				panic(err)
			}
		}
	}
}

// logEnd is the end offset of the broker's log of partition 0.
func (s *solo) logEnd(topic string) wire.Offset {
	s.t.Helper()
	r := s.b.Replica(wire.TopicPartition{Topic: topic})
	require.NotNil(s.t, r)
	return r.Log().End()
}

const halfSecond = 500 * env.Millisecond
