package broker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Produce has versions 3 to 13, all with record batches of format 2. Version 7 adds zstd, version 10 adds the new leader to
// the responses (KIP-951), and version 13 has topic ids instead of names (KIP-516). Each partition has exactly one batch.

// replicaManager serves the requests for partitions that this broker hosts (ReplicaManager).
type replicaManager struct {
	cfg       *Config
	image     *image.Image
	replicas  *replicaTable
	logs      *logManager
	isr       *isrManager
	purgatory *purgatory
	metrics   *requestMetrics
}

// handleProduceRequest appends the records (KafkaApis.handleProduceRequest). A request with acks=0 gets no response. A
// request with acks=1 gets a response at once. A request with acks=all gets a response when the high watermark has passed
// the records; then every in-sync replica has them, although perhaps not on its device yet.
func (m *replicaManager) handleProduceRequest(e env.Env, t env.Ticket, req *kmsg.ProduceRequest) {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	p := &parkedProduce{ticket: t, resp: resp, since: e.Now()}
	failed := false
	for _, rt := range req.Topics {
		if len(rt.Partitions) == 0 {
			continue
		}
		i := len(resp.Topics)
		at := kmsg.NewProduceResponseTopic()
		at.Topic, at.TopicID = rt.Topic, rt.TopicID
		for k, rp := range rt.Partitions {
			again := func(o kmsg.ProduceRequestTopicPartition) bool { return o.Partition == rp.Partition }
			if slices.ContainsFunc(rt.Partitions[k+1:], again) {
				continue // the last entry of a partition counts
			}
			j := len(at.Partitions)
			ap := kmsg.NewProduceResponseTopicPartition()
			ap.Partition = rp.Partition
			r, end, err := m.append(e, req, &rt, &rp, &ap)
			switch {
			case err != nil:
				failed = true
				m.refuseProduce(e, resp, req, &rt, rp.Records, &ap, err)
			case req.Acks == -1: // if the records are committed already, the wait still lasts until the end of this event
				ap.ErrorCode = kerr.RequestTimedOut.Code // until the purgatory completes it
				m.purgatory.watch(r, waiter{p, end, i, j})
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	switch {
	case req.Acks == 0:
		e.NoReply(t)
		if failed { // a producer with acks=0 notices only a closed connection
			e.Close(t.Link)
		}
	case p.pending == 0:
		m.metrics.reply(e, t, resp, p.since)
	default:
		m.purgatory.parkProduce(e, p, req.TimeoutMillis)
	}
}

// append appends one partition's records and returns the replica and the offset after the last record.
func (m *replicaManager) append(e env.Env, req *kmsg.ProduceRequest, rt *kmsg.ProduceRequestTopic, rp *kmsg.ProduceRequestTopicPartition, ap *kmsg.ProduceResponseTopicPartition) (r *replica, end wire.Offset, err error) {
	byID := req.Version >= 13
	if req.Acks < -1 || req.Acks > 1 {
		return nil, 0, kerr.InvalidRequiredAcks
	}
	r, unknown := m.lookup(rt.Topic, rt.TopicID, byID, rp.Partition)
	if unknown != nil {
		return nil, 0, unknown
	}
	if req.Version < 7 && len(rp.Records) >= wire.BatchHeaderSize && wire.Batch(rp.Records).Codec() == wire.CodecZstd {
		return nil, 0, kerr.UnsupportedCompressionType // KIP-110: clients of that age cannot read zstd
	}
	did, err := r.Append(e.Disk(), replication.ClientAppend(rp.Records, req.Acks, 0), e.Wall())
	if err != nil {
		return nil, 0, m.logs.haltIfOffline(e, err)
	}
	ap.BaseOffset, ap.LogStartOffset = int64(did.First), int64(r.Log().Start())
	ap.LogAppendTime = int64(did.LogAppendTime)
	r.Advance(e.Now()) // with one replica the record is committed now
	m.replicas.touch(r)
	return r, did.Last + 1, nil
}

// refuseProduce sets one partition's error, with the invalid records or the current leader.
func (m *replicaManager) refuseProduce(e env.Env, resp *kmsg.ProduceResponse, req *kmsg.ProduceRequest, rt *kmsg.ProduceRequestTopic, records []byte, ap *kmsg.ProduceResponseTopicPartition, err error) {
	ap.ErrorCode, ap.BaseOffset, ap.LogStartOffset = code(err), -1, -1
	r, _ := m.lookup(rt.Topic, rt.TopicID, req.Version >= 13, ap.Partition)
	if r != nil && !withoutLogStart(err) && oneBatch(records) {
		ap.LogStartOffset = int64(r.Log().Start())
	}
	var refused *storage.Refused
	var corrupt *wire.CorruptError
	switch {
	case errors.As(err, &refused) && r != nil:
		m.refuseRecords(e, r, refused.Records, ap)
	case errors.As(err, &corrupt) && corrupt.What == "magic" && corrupt.Code == kerr.CorruptMessage:
		ap.ErrorMessage = kmsg.StringPtr(fmt.Sprintf("Invalid magic found in record: %d", corrupt.Got))
	}
	if req.Version < 10 || ap.ErrorCode != kerr.NotLeaderForPartition.Code {
		return
	}
	leader, epoch := m.leaderOf(rt.Topic, rt.TopicID, req.Version >= 13, ap.Partition)
	ap.CurrentLeader.LeaderID, ap.CurrentLeader.LeaderEpoch = int32(leader), int32(epoch)
	for _, known := range resp.Brokers {
		if known.NodeID == int32(leader) {
			return
		}
	}
	if host, port, rack, ok := endPoint(m.image, leader); ok {
		rb := kmsg.NewProduceResponseBroker()
		rb.NodeID, rb.Host, rb.Port, rb.Rack = int32(leader), host, port, rack
		resp.Brokers = append(resp.Brokers, rb)
	}
}

// oneBatch reports whether a request has one batch of format 2 for a partition. Others are refused before the append
// (ProduceRequest.validateRecords).
func oneBatch(records []byte) bool {
	if len(records) < wire.BatchHeaderSize || wire.Batch(records).Magic() != 2 {
		return false
	}
	_, rest, err := wire.Next(records)
	return err != nil || len(rest) == 0
}

// withoutLogStart reports whether a response with this error has no log start: the request was refused before the append, or the
// error is one of those that ReplicaManager.appendToLocalLog expects.
func withoutLogStart(err error) bool {
	var refused *storage.Refused
	if errors.As(err, &refused) {
		return false
	}
	switch code(err) {
	case kerr.InvalidRequiredAcks.Code, kerr.UnsupportedCompressionType.Code, kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code,
		kerr.NotLeaderForPartition.Code, kerr.MessageTooLarge.Code, kerr.RecordListTooLarge.Code, kerr.CorruptMessage.Code, kerr.KafkaStorageError.Code:
		return true
	}
	return false
}

// refuseRecords sets the errors of records that break a rule of their topic (RecordValidationException). An invalid batch has no
// such errors.
func (m *replicaManager) refuseRecords(e env.Env, r *replica, wrong []*wire.CorruptError, ap *kmsg.ProduceResponseTopicPartition) {
	log, _ := m.cfg.topic(m.image, r.TP.Topic)
	now := wire.Timestamp(e.Wall().Millis())
	from, to := now-wire.Timestamp(log.TimestampBeforeMax/env.Millisecond), now+wire.Timestamp(log.TimestampAfterMax/env.Millisecond)
	var texts []string
	for _, w := range wrong {
		text := ""
		switch {
		case w.Record >= 0 && w.What == "key length on a compacted topic":
			text = fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d", r.TP.Topic, r.TP.Partition)
		case w.Record >= 0 && w.What == "timestamp":
			text = fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]", w.Got, w.Record, from, to)
		default:
			return
		}
		re := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		re.RelativeOffset, re.ErrorMessage = w.Record, kmsg.StringPtr(text)
		ap.ErrorRecords = append(ap.ErrorRecords, re)
		if len(texts) < 3 {
			texts = append(texts, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", w.Record, text))
		}
	}
	why := "invalid timestamp"
	if ap.ErrorCode != kerr.InvalidTimestamp.Code {
		why = fmt.Sprintf("%d record errors in total, and only showing the first three errors at most: [%s]", len(wrong), strings.Join(texts, ", "))
	}
	ap.ErrorMessage = kmsg.StringPtr("One or more records have been rejected due to " + why)
}

// code returns Kafka's code for an error of storage or replication. If the error has none, it is KAFKA_STORAGE_ERROR.
func code(err error) int16 {
	var k *kerr.Error
	if errors.As(err, &k) {
		return k.Code
	}
	return kerr.KafkaStorageError.Code
}
