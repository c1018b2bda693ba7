package broker

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// produce appends (ReplicaManager.appendRecords). acks=0 gets no answer, acks=1 an answer at once, acks=all an answer
// when the high watermark has passed: then every in-sync replica has the records, though not necessarily on its device.
func (b *Broker) produce(e env.Env, t env.Ticket, req *kmsg.ProduceRequest) {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	p := &parkedProduce{ticket: t, resp: resp}
	type wait struct {
		r *replica
		w waiter
	}
	var waits []wait
	for i, rt := range req.Topics {
		at := kmsg.NewProduceResponseTopic()
		at.Topic = rt.Topic
		for j, rp := range rt.Partitions {
			ap := kmsg.NewProduceResponseTopicPartition()
			ap.Partition, ap.BaseOffset = rp.Partition, -1
			r := b.parts[wire.TopicPartition{Topic: rt.Topic, Partition: rp.Partition}]
			end, err := b.append(e, r, rp.Records, req.Acks, &ap)
			if err != nil {
				ap.ErrorCode = code(err)
			} else if req.Acks == -1 {
				waits = append(waits, wait{r, waiter{p, end, i, j}})
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	if req.Acks == 0 {
		e.NoReply(t)
		return
	}
	if len(waits) == 0 {
		e.Reply(t, resp)
		return
	}
	b.next++
	p.id, p.open = b.next, len(waits)
	b.produces[p.id] = p
	for _, w := range waits {
		w.r.produced = append(w.r.produced, w.w)
	}
	e.Arm(env.Timer{Kind: timProduce, Lane: env.LaneClient, A: p.id}, env.Duration(req.TimeoutMillis)*env.Millisecond)
}

// append writes one partition's records; end is where its log stood right behind them.
func (b *Broker) append(e env.Env, r *replica, records []byte, acks int16, ap *kmsg.ProduceResponseTopicPartition) (end wire.Offset, err error) {
	if r == nil {
		return 0, kerr.UnknownTopicOrPartition
	}
	did, err := r.Append(e.Disk(), records, acks, e.Wall())
	if err != nil {
		return 0, err
	}
	ap.BaseOffset, ap.LogStartOffset = int64(did.First), int64(r.Log().Start())
	ap.LogAppendTime = int64(did.LogAppendTime)
	r.Advance(e.Now()) // a lone replica commits by itself
	b.touch(r)
	return did.Last + 1, nil
}

// code is Kafka's code for an error of the layers below: theirs if they named one, else a storage failure.
func code(err error) int16 {
	var k *kerr.Error
	if errors.As(err, &k) {
		return k.Code
	}
	return kerr.KafkaStorageError.Code
}
