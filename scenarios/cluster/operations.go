package cluster

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim/env"
	"samsa/wire"
)

// operation is one Op.
type operation struct {
	client    env.Addr
	outcome   Outcome
	done      bool
	left      int         // produce: records without an outcome; consume: records still to read
	readTo    wire.Offset // consume: the offset to read up to, -1 until the first response
	tp        wire.TopicPartition
	from      wire.Offset  // consume: the first offset to read
	api       string       // operator: Kafka's name of the API
	reads     bool         // the operation is a Consume
	stays     bool         // consume: it reads on until it is stopped
	next      wire.Offset  // consume: the position after the last response, -1 before the first
	topic     wire.TopicID // consume: the topic id of its first response, zero before that
	ready     func() bool  // after the response, the operation is done once this returns true
	acks      int16        // produce
	cursor    int64        // consume: the id of the read
	ambiguous bool         // operator: an earlier attempt may have taken effect
	called    uint64       // consume: the number of events that had begun when the next fetch was sent, plus one
}

func (c *simCluster) start(o *operation) Op {
	c.ops = append(c.ops, o)
	return Op(len(c.ops))
}

// Outcome implements Operations.
func (c *simCluster) Outcome(op Op) (Outcome, bool) {
	o := c.ops[op-1]
	return o.outcome, o.done && (o.outcome.Status != OutcomeOK || o.ready == nil || o.ready())
}

// AddClient implements Operations.
func (c *simCluster) AddClient(name env.Addr, settings []Setting) {
	h := c.add(name, wire.NoNode, "client")
	c.clients = append(c.clients, h)
	cfg, err := c.cfg.client(settings)
	if err != nil {
		panic("cluster: a setting that was not checked: " + err.Error())
	}
	h.acks, h.delivery = cfg.Acks, cfg.DeliveryTimeout
	c.patience = max(c.patience, cfg.RequestTimeout)
	c.observer.Clients(len(c.clients))
	c.boot(h, func() env.Node {
		n := client.New(c.addrs(c.brokers), cfg)
		n.Producer.Done = func(_ env.Env, s client.Sent) { c.recordDone(name, s) }
		n.Producer.Sending = func(req *kmsg.ProduceRequest, all []client.Sending) {
			for _, s := range all {
				for _, id := range s.IDs {
					c.records[id].Partition = s.Partition // the client may have chosen it
				}
			}
			c.observer.Sending(req, all)
		}
		n.Consumer.Read = func(e env.Env, p client.Polled) { c.polled(e, name, n, p) }
		return n
	})
}

// Produce implements Operations.
func (c *simCluster) Produce(name env.Addr, tp wire.TopicPartition, values []string, how ...RecordFields) Op {
	h := c.hosts[name]
	o := &operation{client: name, left: len(values), tp: tp, acks: h.acks}
	first := int64(len(c.records))
	for i, v := range values {
		o.outcome.Records = append(o.outcome.Records, RecordOutcome{Partition: tp.Partition, Offset: -1, Value: v, Status: OutcomeUnknown})
		h.sent++
		key := ""
		for _, f := range how {
			key = f.key(i)
		}
		c.records = append(c.records, &Record{
			Client: name, Partition: tp, Acks: o.acks, Key: key, Value: v, Number: h.sent, Called: c.world.Events() + 1, Since: int64(c.world.Now()),
			Delivery: h.delivery, op: o, at: i,
		})
	}
	if o.acks == -1 {
		c.tally.SentToAll += int64(len(values))
	}
	op := c.start(o)
	c.world.Do(name, "produce", func(e env.Env, n env.Node) {
		for i, v := range values {
			r := wire.Record{Timestamp: wire.Timestamp(e.Wall().Millis()), Value: []byte(v)}
			for _, f := range how {
				f.fill(&r, i)
			}
			n.(*client.Client).Producer.SendRecord(e, tp, first+int64(i), r)
		}
	})
	if !c.world.Running(name) {
		c.abandon(name)
	}
	return op
}

// key returns the key of the i-th record, "" if it has none.
func (f *RecordFields) key(i int) string {
	if len(f.Keys) == 0 {
		return ""
	}
	return f.Keys[i%len(f.Keys)]
}

// fill sets the fields of the i-th record of a Produce, which has the time of the client's clock.
func (f *RecordFields) fill(r *wire.Record, i int) {
	if len(f.Keys) > 0 {
		r.Key = []byte(f.key(i))
	}
	r.Headers = f.Headers
	if r.Timestamp += wire.Timestamp(f.Time.Shift / env.Millisecond); f.Time.Fixed {
		r.Timestamp = wire.Timestamp(f.Time.Millis)
	}
}

// recordDone passes the outcome of one record to its operation and to the observer.
func (c *simCluster) recordDone(name env.Addr, s client.Sent) {
	r := c.records[s.ID]
	out := &r.op.outcome.Records[r.at]
	if r.op.done {
		return
	}
	out.Partition, out.Offset, out.Status = s.Partition.Partition, s.Offset, OutcomeStatus(s.Outcome)
	r.Partition = s.Partition
	if s.Err != nil {
		out.Error = s.Err.Message
	}
	if out.Status > r.op.outcome.Status {
		r.op.outcome.Status, r.op.outcome.Error = out.Status, out.Error
	}
	r.Known = true
	c.observer.RecordDone(r, s)
	if s.Outcome == client.OK && r.Acks != 0 {
		c.tally.AckedRecords++
		if r.Acks == -1 {
			c.tally.AckedToAll++
		}
		if s.Acks != 0 && s.Offset == s.Base { // once per batch
			c.tally.AckedBatches++
		}
	}
	if r.op.left--; r.op.left == 0 {
		r.op.done = true
	}
}

// abandon ends the operations of a client when its process has ended. Their outcome is unknown, because a broker may still
// append the records that the client sent.
func (c *simCluster) abandon(name env.Addr) {
	down := "because " + string(name) + " is down"
	for _, o := range c.ops {
		if o.client != name || o.done {
			continue
		}
		o.done = true
		o.outcome.Status, o.outcome.Error = OutcomeUnknown, down
		for i := range o.outcome.Records {
			if r := &o.outcome.Records[i]; !o.reads && r.Status == OutcomeUnknown && r.Error == "" {
				r.Error = down
			}
		}
	}
}

// Consume implements Operations.
func (c *simCluster) Consume(name env.Addr, tp wire.TopicPartition, from wire.Offset, limit int32, within ...env.Duration) Op {
	o := &operation{client: name, left: int(limit), readTo: -1, next: -1, tp: tp, from: from, reads: true, stays: limit == UntilStopped, called: c.world.Events() + 1}
	if limit <= 0 {
		o.left = -1
	}
	switch from {
	case FromStart:
		o.from = client.Earliest
	case FromEnd:
		o.from = client.Latest
	}
	for _, earlier := range c.ops {
		if earlier.stays && !earlier.done && earlier.client == name && earlier.tp == tp {
			earlier.done = true // it may be waiting for an earlier read
		}
	}
	waits := c.reading(name, tp) != nil
	op := c.start(o)
	o.cursor = int64(op)
	if !waits {
		c.world.Do(name, "consume", func(e env.Env, n env.Node) { n.(*client.Client).Consumer.Assign(e, tp, o.from) })
	}
	if !c.world.Running(name) {
		c.abandon(name)
	}
	for _, span := range within {
		c.At(c.Now()+span, "timeout of a read", func() { timeOut(c, o, span) })
	}
	return op
}

// timeOut ends a read that is not done in time. Kafka's consumer waits for metadata and offsets as long, and then throws a
// TimeoutException, whether the partition has no leader or does not exist.
func timeOut(c *simCluster, o *operation, span env.Duration) {
	if o.done {
		return
	}
	reads := c.reading(o.client, o.tp) == o
	o.done, o.outcome.Status = true, OutcomeFailed
	o.outcome.Error = fmt.Sprintf("a timeout: the read has not reached the high watermark after %d ms (default.api.timeout.ms)", span/env.Millisecond)
	if _, there := c.Partition(o.tp); !there {
		o.outcome.Error = fmt.Sprintf("a timeout: no metadata of the partition after %d ms (default.api.timeout.ms)", span/env.Millisecond)
	}
	if reads {
		c.world.Do(o.client, "end of a read", func(e env.Env, n env.Node) {
			n.(*client.Client).Consumer.Unassign(o.tp)
			c.readOn(e, n.(*client.Client), o.tp, o.client)
		})
	}
}

// polled passes one fetch response to the oldest running read of the partition and to the observer.
func (c *simCluster) polled(e env.Env, name env.Addr, n *client.Client, p client.Polled) {
	o := c.reading(name, p.Partition)
	if o == nil {
		return
	}
	if p.Err != nil {
		o.done, o.outcome.Status, o.outcome.Error = true, OutcomeFailed, p.Err.Message
		c.readOn(e, n, p.Partition, name)
		return
	}
	if o.topic != p.Topic {
		if o.topic != (wire.TopicID{}) && !o.stays { // the topic was deleted and created again, so the position means nothing now
			o.done, o.outcome.Status, o.outcome.Error = true, OutcomeFailed, "the topic is another one now"
			n.Consumer.Unassign(p.Partition)
			c.readOn(e, n, p.Partition, name)
			return
		}
		o.topic = p.Topic
	}
	if o.readTo < 0 || o.stays {
		o.readTo = p.HW
	}
	read := Read{Client: name, Partition: p.Partition, Topic: p.Topic, Cursor: o.cursor, Called: o.called, From: p.From, FromStart: p.FromStart, Records: p.Records, Batches: p.Batches, Next: p.Next}
	if o.left >= 0 && len(p.Records) > o.left {
		read.Records = p.Records[:o.left]
	}
	for _, r := range read.Records {
		o.outcome.Records = append(o.outcome.Records, RecordOutcome{Partition: p.Partition.Partition, Offset: r.Offset, Key: string(r.Key), Value: string(r.Value)})
	}
	o.left -= len(read.Records)
	c.tally.ReadRecords += int64(len(read.Records))
	// A read that stays is at the end again and again; an empty response after the first says nothing new.
	read.Drained = p.Next >= o.readTo && o.left != 0 && (!o.stays || o.next < 0 || len(read.Records) > 0)
	c.observer.Read(read)
	o.next = p.Next
	o.called = c.world.Events() + 1 // the next fetch is sent within this event
	if !o.stays && (p.Next >= o.readTo || o.left == 0) {
		o.done = true
		n.Consumer.Unassign(p.Partition)
		c.readOn(e, n, p.Partition, name)
	}
}

// reading returns a client's running read of a partition, or nil. If several reads are not done, reading returns the oldest.
// The others wait, because a consumer has one position per partition.
func (c *simCluster) reading(name env.Addr, tp wire.TopicPartition) *operation {
	for _, o := range c.ops {
		if o.reads && !o.done && o.client == name && o.tp == tp {
			return o
		}
	}
	return nil
}

// readOn starts the next waiting read of a partition.
func (c *simCluster) readOn(e env.Env, n *client.Client, tp wire.TopicPartition, name env.Addr) {
	if next := c.reading(name, tp); next != nil {
		next.called = c.world.Events() + 1
		n.Consumer.Assign(e, tp, next.from)
	}
}

// ask sends a request of the operator. The function judge decides from the response whether to retry, and returns the error
// code.
func (c *simCluster) ask(req env.Request, o *operation, judge func(env.Response) (again bool, code int16)) Op {
	o.api = kmsg.NameForKey(req.Key())
	op := c.start(o)
	c.world.Do(operator, "admin", func(e env.Env, n env.Node) {
		admin := n.(*client.Admin)
		admin.Ask(e, req, func(r env.Response) bool {
			o.ambiguous = admin.Ambiguous()
			again, _ := judge(r)
			return again
		}, func(_ env.Env, r env.Response) {
			o.done, o.ambiguous = true, admin.Ambiguous()
			if _, code := judge(r); code != 0 {
				o.outcome.Status, o.outcome.Error = OutcomeFailed, kerr.TypedErrorForCode(code).Message
			}
		})
	})
	return op
}

// CreateTopic implements Operations. The operator retries until enough brokers are unfenced to place the replicas. If a
// response was lost, the retry finds the topic, which counts as success.
func (c *simCluster) CreateTopic(spec TopicSpec) Op {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = spec.Name, spec.Partitions, int16(spec.Replicas)
	for i := range spec.Partitions {
		if len(spec.On) == 0 {
			break
		}
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition = i
		for r := range spec.On {
			a.Replicas = append(a.Replicas, int32(spec.On[(int(i)+r)%len(spec.On)]))
		}
		rt.ReplicaAssignment = append(rt.ReplicaAssignment, a)
	}
	if len(spec.On) > 0 {
		rt.NumPartitions, rt.ReplicationFactor = -1, -1
	}
	for _, s := range spec.Configs {
		cfg := kmsg.NewCreateTopicsRequestTopicConfig()
		cfg.Name, cfg.Value = s.Name, kmsg.StringPtr(s.Value)
		rt.Configs = append(rt.Configs, cfg)
	}
	req.Topics = append(req.Topics, rt)
	o := &operation{client: operator}
	at := len(c.ops) // a topic that is deleted in the meantime needs no leader
	o.ready = func() bool { return spec.AtOnce || led(c, spec.Name, spec.Partitions) || c.deleted[spec.Name] > at }
	return c.ask(req, o, func(r env.Response) (bool, int16) {
		code := r.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
		switch code {
		case kerr.TopicAlreadyExists.Code:
			if o.ambiguous {
				return false, 0
			}
		case kerr.InvalidReplicationFactor.Code, kerr.InvalidReplicaAssignment.Code:
			return !spec.AtOnce && !c.allUnfenced(), code
		}
		return false, code
	})
}

// allUnfenced reports whether every broker that runs is registered and unfenced.
func (c *simCluster) allUnfenced() bool {
	k := c.active()
	for _, h := range c.brokers {
		b := c.brokerNode(h)
		if b == nil {
			continue
		}
		if k == nil || k.Image().Broker(h.Node) == nil || k.Image().Broker(h.Node).Fenced {
			return false
		}
	}
	return true
}

// led reports whether every partition of a topic has a leader that is leader by its own state.
func led(c *simCluster, topic string, partitions int32) bool {
	for i := range partitions {
		found := false
		for _, h := range c.brokers {
			if b := c.brokerNode(h); b != nil {
				r := b.Replica(wire.TopicPartition{Topic: topic, Partition: i})
				found = found || r != nil && r.Leads()
			}
		}
		if !found {
			return false
		}
	}
	return true
}
