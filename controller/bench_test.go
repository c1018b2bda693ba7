package controller_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller"
	"samsa/controller/image"
	"samsa/controller/raft"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// bench is one controller, its own quorum, without a world: the test has its clock and plays its brokers.
type bench struct {
	*controller.Controller
	t      *testing.T
	disk   *disk.Disk
	now    env.Instant
	reply  env.Response // the last one
	closed []env.Link
	exit   error
	armed  map[env.Timer]env.Instant
	notes  []string
}

func (b *bench) Self() env.Addr                                      { return "c1" }
func (b *bench) Wall() env.Time                                      { return env.Time(b.now) }
func (b *bench) Now() env.Instant                                    { return b.now }
func (b *bench) Choose(env.Site, uint64) uint64                      { return 0 }
func (b *bench) Dial(env.Addr, env.Lane) env.Link                    { return 1 }
func (b *bench) Close(l env.Link)                                    { b.closed = append(b.closed, l) }
func (b *bench) Reply(_ env.Ticket, r env.Response)                  { b.reply = r }
func (b *bench) NoReply(env.Ticket)                                  {}
func (b *bench) Arm(t env.Timer, after env.Duration)                 { b.armed[t] = b.now.Add(after) }
func (b *bench) Disarm(t env.Timer)                                  { delete(b.armed, t) }
func (b *bench) Disk() env.Disk                                      { return b.disk }
func (b *bench) Note(k *env.NoteKind, _, _, _, _ int64)              { b.notes = append(b.notes, k.Name) }
func (b *bench) Exit(reason error)                                   { b.exit = reason }
func (b *bench) Call(env.Link, env.Duration, env.Request, env.Token) {}

var alone = []raft.Voter{{ID: 101, Addr: "c1"}}

// newBench returns an active controller without brokers.
func newBench(t *testing.T, change func(*controller.Config)) *bench {
	t.Helper()
	b := &bench{t: t, disk: disk.New(disk.Profile{})}
	b.start(change)
	return b
}

// start begins an incarnation and lets it be elected.
func (b *bench) start(change func(*controller.Config)) {
	b.t.Helper()
	cfg := controller.DefaultConfig(101, alone)
	cfg.ClusterID, cfg.Oracle = "samsa", true
	if change != nil {
		change(&cfg)
	}
	b.armed = map[env.Timer]env.Instant{}
	b.Controller = controller.New(cfg)
	b.Start(b)
	for range 5 {
		if !b.Active() {
			b.sleep(3 * env.Second)
		}
	}
	if !b.Active() {
		b.t.Fatalf("the controller is not active: %v", b.Quorum().State())
	}
}

// sleep lets time pass, timer by timer.
func (b *bench) sleep(d env.Duration) {
	end := b.now.Add(d)
	for {
		var next env.Timer
		found := false
		for t, at := range b.armed { // the earliest; of equal ones the lower kind, then id
			if at <= end && (!found || at < b.armed[next] || at == b.armed[next] && (t.Kind < next.Kind || t.Kind == next.Kind && t.A < next.A)) {
				next, found = t, true
			}
		}
		if !found {
			b.now = end
			return
		}
		b.now = max(b.now, b.armed[next])
		delete(b.armed, next)
		b.Fire(b, next)
	}
}

// ask passes a request to the controller and returns the response.
func (b *bench) ask(req env.Request) env.Response {
	b.t.Helper()
	b.reply = nil
	b.Receive(b, env.Ticket{}, req)
	b.sleep(0) // what it wrote becomes durable, and committed, in an event of its own
	if b.reply == nil {
		b.t.Fatalf("no answer to %s", kmsg.NameForKey(req.Key()))
	}
	return b.reply
}

func (b *bench) part(topic string, partition int32) *image.Partition {
	b.t.Helper()
	t := b.Image().TopicNamed(topic)
	if t == nil || int(partition) >= len(t.Partitions) {
		b.t.Fatalf("there is no %s-%d", topic, partition)
	}
	return t.Partitions[partition]
}

// Requests.

func registration(id int32, incarnation byte, previous int64) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID, req.IncarnationID, req.PreviousBrokerEpoch = 4, id, "samsa", [16]byte{incarnation}, previous
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", "b", 9092
	req.Listeners = append(req.Listeners, l)
	req.LogDirs = [][16]byte{{1, byte(id)}}
	for _, known := range controller.DefaultFeatures() {
		f := kmsg.NewBrokerRegistrationRequestFeature()
		f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = known.Name, known.Min, known.Max
		req.Features = append(req.Features, f)
	}
	return req
}

func heartbeat(id int32, epoch, metadata int64) *kmsg.BrokerHeartbeatRequest {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version, req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = 1, id, epoch, metadata
	return req
}

// register registers a broker's incarnation and returns its epoch.
func (b *bench) register(id int32, incarnation byte, previous int64) int64 {
	b.t.Helper()
	r := b.ask(registration(id, incarnation, previous)).(*kmsg.BrokerRegistrationResponse)
	if r.ErrorCode != 0 {
		b.t.Fatalf("broker %d was refused: %d", id, r.ErrorCode)
	}
	return r.BrokerEpoch
}

// beat sends a heartbeat of a broker that has applied everything.
func (b *bench) beat(id int32, epoch int64, change func(*kmsg.BrokerHeartbeatRequest)) *kmsg.BrokerHeartbeatResponse {
	b.t.Helper()
	req := heartbeat(id, epoch, int64(b.End())-1)
	if change != nil {
		change(req)
	}
	return b.ask(req).(*kmsg.BrokerHeartbeatResponse)
}

// brokers registers and unfences brokers 1..n; it returns their epochs.
func (b *bench) brokers(n int32) []int64 {
	b.t.Helper()
	epochs := []int64{-1}
	for id := int32(1); id <= n; id++ {
		epoch := b.register(id, byte(id), -1)
		if r := b.beat(id, epoch, nil); r.ErrorCode != 0 || r.IsFenced {
			b.t.Fatalf("broker %d is not let in: %+v", id, r)
		}
		epochs = append(epochs, epoch)
	}
	return epochs
}

func topic(name string, partitions int32, factor int16, configs ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, factor
	for i := 0; i+1 < len(configs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		t.Configs = append(t.Configs, c)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func assigned(name string, replicas ...[]int32) *kmsg.CreateTopicsRequest {
	req := topic(name, -1, -1)
	for i, r := range replicas {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), r
		req.Topics[0].ReplicaAssignment = append(req.Topics[0].ReplicaAssignment, a)
	}
	return req
}

// create makes a topic.
func (b *bench) create(req *kmsg.CreateTopicsRequest) {
	b.t.Helper()
	if r := b.ask(req).(*kmsg.CreateTopicsResponse); r.Topics[0].ErrorCode != 0 {
		b.t.Fatalf("creating %s: %d", req.Topics[0].Topic, r.Topics[0].ErrorCode)
	}
}

// alteration returns the proposal that a leader would send now: members of the ISR with their registered epochs.
func (b *bench) alteration(topic string, isr ...wire.NodeID) *kmsg.AlterPartitionRequest {
	p := b.part(topic, 0)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID = 3, int32(p.Leader)
	if l := b.Image().Broker(p.Leader); l != nil {
		req.BrokerEpoch = int64(l.Epoch)
	}
	rp := kmsg.NewAlterPartitionRequestTopicPartition()
	rp.LeaderEpoch, rp.PartitionEpoch, rp.LeaderRecoveryState = int32(p.LeaderEpoch), int32(p.PartitionEpoch), int8(p.Recovery)
	for _, id := range isr {
		n := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		n.BrokerID, n.BrokerEpoch = int32(id), -1
		if m := b.Image().Broker(id); m != nil {
			n.BrokerEpoch = int64(m.Epoch)
		}
		rp.NewEpochISR = append(rp.NewEpochISR, n)
	}
	rt := kmsg.NewAlterPartitionRequestTopic()
	rt.TopicID, rt.Partitions = p.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// alter proposes an ISR and returns the partition's error.
func (b *bench) alter(topic string, isr ...wire.NodeID) int16 {
	b.t.Helper()
	r := b.ask(b.alteration(topic, isr...)).(*kmsg.AlterPartitionResponse)
	if r.ErrorCode != 0 {
		return r.ErrorCode
	}
	return r.Topics[0].Partitions[0].ErrorCode
}

func configs(kind kmsg.ConfigResourceType, of string, pairs ...string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kind, of
	for i := 0; i+1 < len(pairs); i += 2 {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Op, c.Value = pairs[i], kmsg.IncrementalAlterConfigOpSet, &pairs[i+1]
		r.Configs = append(r.Configs, c)
	}
	req.Resources = append(req.Resources, r)
	return req
}

func elect(kind int8, topic string, partitions ...int32) *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.ElectionType = 2, kind
	t := kmsg.NewElectLeadersRequestTopic()
	t.Topic, t.Partitions = topic, partitions
	req.Topics = append(req.Topics, t)
	return req
}
