package scenarios

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/client"
	"samsa/sim/env"
	"samsa/wire"
)

// operation is one Op.
type operation struct {
	client  env.Addr
	outcome Outcome
	done    bool
	open    int         // produce: records without an outcome; consume: records still wanted
	bound   wire.Offset // consume: read up to here, -1 until the first answer
	tp      wire.TopicPartition
	from    wire.Offset  // consume: where it begins
	asks    string       // the operator: the API, as Kafka names it
	reads   bool         // it is a Consume
	topic   wire.TopicID // consume: what it has begun to read, zero before
	ready   func() bool  // after the answer: what must be true to be done
	acks    int16        // produce
	cursor  int64        // consume: names it
	unsure  bool         // the operator: an earlier attempt may have been done
	called  uint64       // consume: the event behind which its next answer was asked for, plus one
}

// sent is one record on its way.
type sent struct {
	op    *operation
	at    int // index in op.outcome.Records
	value string

	called uint64 // the event before its sending, plus one
	since  int64  // when that was
	number int64  // counts the records of its client
	told   bool   // its client knows what came of it
}

// send is a record's sending as evidence, all but what its client was told.
func (r *sent) send(o check.Outcome) check.Produce {
	return check.Produce{
		Head:      check.Head{Client: string(r.op.client), Number: r.number, Outcome: o, Called: r.called, At: r.since},
		Partition: r.op.tp, Acks: r.op.acks, Value: r.value, Offset: -1,
	}
}

func (c *cluster) start(o *operation) Op {
	c.ops = append(c.ops, o)
	return Op(len(c.ops))
}

// Outcome implements Operations.
func (c *cluster) Outcome(op Op) (Outcome, bool) {
	o := c.ops[op-1]
	if !o.done || o.outcome.Status == OutcomeOK && o.ready != nil && !o.ready() {
		return Outcome{}, false
	}
	return o.outcome, true
}

// AddClient implements Operations.
func (c *cluster) AddClient(name env.Addr, settings []Setting) {
	h := c.add(name, wire.NoNode, "client")
	c.clients = append(c.clients, h)
	cfg, err := c.cfg.client(settings)
	if err != nil {
		panic("scenarios: a setting that was not checked: " + err.Error())
	}
	h.acks = cfg.Acks
	c.patience = max(c.patience, cfg.RequestTimeout)
	c.judges.view.Clients(len(c.clients))
	c.boot(h, func() env.Node {
		n := client.New(c.addrs(c.brokers), cfg)
		n.Producer.Done = func(_ env.Env, s client.Sent) { c.told(name, s) }
		n.Consumer.Read = func(e env.Env, p client.Polled) { c.polled(e, name, n, p) }
		return n
	})
}

// Produce implements Operations.
func (c *cluster) Produce(name env.Addr, tp wire.TopicPartition, values []string) Op {
	h := c.hosts[name]
	o := &operation{client: name, open: len(values), tp: tp, acks: h.acks}
	first := int64(len(c.records))
	for i, v := range values {
		o.outcome.Records = append(o.outcome.Records, RecordOutcome{Offset: -1, Value: v, Status: OutcomeUnknown})
		h.sends++
		c.records = append(c.records, &sent{op: o, at: i, value: v, called: c.world.Events() + 1, since: int64(c.world.Now()), number: h.sends})
	}
	op := c.start(o)
	c.world.Do(name, "produce", func(e env.Env, n env.Node) {
		for i, v := range values {
			n.(*client.Client).Producer.Send(e, tp, first+int64(i), nil, []byte(v))
		}
	})
	if !c.world.Running(name) {
		c.abandon(name)
	}
	return op
}

// told takes the end of one record in: for whoever asked, and as evidence.
func (c *cluster) told(name env.Addr, s client.Sent) {
	r := c.records[s.ID]
	out := &r.op.outcome.Records[r.at]
	if r.op.done {
		return
	}
	out.Offset, out.Status = s.Offset, OutcomeStatus(s.Outcome)
	if s.Err != nil {
		out.Error = s.Err.Message
	}
	if out.Status > r.op.outcome.Status {
		r.op.outcome.Status, r.op.outcome.Error = out.Status, out.Error
	}
	r.told = true
	op := r.send(check.Outcome(s.Outcome))
	op.Topic = s.Topic
	op.Offset, op.Step, op.At, op.Returned = s.Offset, c.step(), int64(c.world.Now()), c.world.Events()+1
	c.evidence.History = append(c.evidence.History, &op)
	for _, id := range s.Earlier { // what became of it there nobody was told
		if id == s.Topic {
			continue // a broker that was behind had named the other in between
		}
		there := op
		there.Topic, there.Outcome, there.Offset = id, check.Indefinite, -1
		c.evidence.History = append(c.evidence.History, &there)
	}
	if s.Outcome == client.OK && s.Acks != 0 && s.Offset == s.Base { // once per batch
		c.tally.AckedBatches++
	}
	if r.op.open--; r.op.open == 0 {
		r.op.done = true
	}
}

// abandon ends what a dead client had under way: nobody will ever be told.
func (c *cluster) abandon(name env.Addr) {
	for _, o := range c.ops {
		if o.client == name && !o.done {
			o.done = true
			o.outcome.Status, o.outcome.Error = OutcomeUnknown, "the client died"
		}
	}
}

// Consume implements Operations.
func (c *cluster) Consume(name env.Addr, tp wire.TopicPartition, from wire.Offset, limit int32) Op {
	o := &operation{client: name, open: int(limit), bound: -1, tp: tp, from: from, reads: true, called: c.world.Events() + 1}
	if limit <= 0 {
		o.open = -1
	}
	if from < 0 {
		o.from = client.Earliest
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
	return op
}

// polled takes one answered fetch in: for the oldest open read of the partition, and as evidence.
func (c *cluster) polled(e env.Env, name env.Addr, n *client.Client, p client.Polled) {
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
		if o.topic != (wire.TopicID{}) { // deleted and made again: a position in the one says nothing about the other
			o.done, o.outcome.Status, o.outcome.Error = true, OutcomeFailed, "the topic is another one now"
			n.Consumer.Unassign(p.Partition)
			c.readOn(e, n, p.Partition, name)
			return
		}
		o.topic = p.Topic
	}
	if o.bound < 0 {
		o.bound = p.HW
	}
	seen := check.Consume{
		Head:      check.Head{Client: string(name), Step: c.step(), At: int64(c.world.Now()), Called: o.called, Returned: c.world.Events() + 1},
		Partition: p.Partition, Topic: p.Topic, Cursor: o.cursor,
	}
	o.called = seen.Returned // the next fetch leaves within this event
	for _, r := range p.Records {
		if o.open == 0 {
			break
		}
		o.open--
		o.outcome.Records = append(o.outcome.Records, RecordOutcome{Offset: r.Offset, Key: string(r.Key), Value: string(r.Value)})
		read := seen
		read.Key, read.Value, read.Offset = string(r.Key), string(r.Value), r.Offset
		c.evidence.History = append(c.evidence.History, &read)
	}
	if p.Next >= o.bound && o.open != 0 {
		seen.Kind, seen.Offset = check.EndReached, p.Next
		c.evidence.History = append(c.evidence.History, &seen)
	}
	if p.Next >= o.bound || o.open == 0 {
		o.done = true
		n.Consumer.Unassign(p.Partition)
		c.readOn(e, n, p.Partition, name)
	}
}

// reading is the read that a client has under way on a partition: the oldest that is not done, because a consumer has
// one position on each. Nil if there is none.
func (c *cluster) reading(name env.Addr, tp wire.TopicPartition) *operation {
	for _, o := range c.ops {
		if o.reads && !o.done && o.client == name && o.tp == tp {
			return o
		}
	}
	return nil
}

// readOn begins the read that waited for the one before it.
func (c *cluster) readOn(e env.Env, n *client.Client, tp wire.TopicPartition, name env.Addr) {
	if next := c.reading(name, tp); next != nil {
		next.called = c.world.Events() + 1
		n.Consumer.Assign(e, tp, next.from)
	}
}

// step is the number that the step under way, or the next one, will have.
func (c *cluster) step() uint64 { return c.world.Steps() + 1 }

// ask has the operator send a request; judge looks at the answer: to be asked again, or the error.
func (c *cluster) ask(req env.Request, o *operation, judge func(env.Response) (again bool, code int16)) Op {
	o.asks = kmsg.NameForKey(req.Key())
	op := c.start(o)
	c.world.Do(operator, "admin", func(e env.Env, n env.Node) {
		admin := n.(*client.Admin)
		admin.Ask(e, req, func(r env.Response) bool {
			o.unsure = admin.Ambiguous()
			again, _ := judge(r)
			return again
		}, func(_ env.Env, r env.Response) {
			o.done, o.unsure = true, admin.Ambiguous()
			if _, code := judge(r); code != 0 {
				o.outcome.Status, o.outcome.Error = OutcomeFailed, kerr.TypedErrorForCode(code).Message
			}
		})
	})
	return op
}

// CreateTopic implements Operations. A topic cannot be placed before enough brokers are in, so the operator asks again;
// after a lost answer the topic exists already, and that is success.
func (c *cluster) CreateTopic(spec TopicSpec) Op {
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
	at := len(c.ops) // a topic that somebody deletes again need not be led
	o.ready = func() bool { return spec.AtOnce || c.led(spec.Name, spec.Partitions) || c.deleted[spec.Name] > at }
	return c.ask(req, o, func(r env.Response) (bool, int16) {
		code := r.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
		switch code {
		case kerr.TopicAlreadyExists.Code:
			if o.unsure {
				return false, 0
			}
		case kerr.InvalidReplicationFactor.Code, kerr.InvalidReplicaAssignment.Code:
			return !spec.AtOnce && !c.allIn(), code
		}
		return false, code
	})
}

// allIn tells whether every broker that runs has been let in.
func (c *cluster) allIn() bool {
	k := c.active()
	for _, h := range c.brokers {
		b := c.brokerNode(h)
		if b == nil {
			continue
		}
		if k == nil || k.Image().Broker(h.node) == nil || k.Image().Broker(h.node).Fenced {
			return false
		}
	}
	return true
}

// led tells whether every partition of a topic has a leader that knows it.
func (c *cluster) led(topic string, partitions int32) bool {
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

// SetConfig implements Operations.
func (c *cluster) SetConfig(topic string, settings []Setting) Op {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.SetVersion(1)
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	if topic == "" {
		r.ResourceType = kmsg.ConfigResourceTypeBroker
	}
	for _, s := range settings {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		cfg.Name, cfg.Op, cfg.Value = s.Name, kmsg.IncrementalAlterConfigOpSet, kmsg.StringPtr(s.Value)
		r.Configs = append(r.Configs, cfg)
	}
	req.Resources = append(req.Resources, r)
	return c.ask(req, &operation{client: operator}, func(r env.Response) (bool, int16) {
		return false, r.(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode
	})
}
