package broker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
	"samsa/wire/config"
)

// drop deletes a topic through broker 1.
func (r *room) drop(topic string) {
	r.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.SetVersion(6)
	req.TimeoutMillis = 10000
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, rt)
	require.Zero(r.t, ask[*kmsg.DeleteTopicsResponse](r, 1, req).Topics[0].ErrorCode)
}

// dirs returns the directories on a broker's disk with this prefix.
func (r *room) dirs(i int, prefix string) (all []string) {
	for _, f := range r.w.Disk(at(i)).Files() {
		if f.Dir && strings.HasPrefix(f.Path, prefix) {
			all = append(all, f.Path)
		}
	}
	return all
}

func TestADeletedTopicIsRemovedLater(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a")
	long := fetch("orders", 1)
	long.MaxWaitMillis = 30000
	turn := r.send(1, long)
	r.run(100 * env.Millisecond)
	r.drop("orders")
	resp, err := r.answer(turn)
	require.NoError(t, err)
	require.EqualValues(t, 3, resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode, "a parked fetch is answered")
	r.until("the topic is deleted", func() bool { return r.broker(2).Replica(wire.TopicPartition{Topic: "orders"}) == nil })
	require.Len(t, r.dirs(2, "orders"), 1)
	require.True(t, strings.HasSuffix(r.dirs(2, "orders")[0], "-delete"), "renamed at once")
	r.run(61 * env.Second)
	require.Empty(t, r.dirs(2, "orders"), "and removed after file.delete.delay.ms")
}

func TestADiscardedLogIsRemovedByTheNextIncarnation(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	r.write(1, "orders", "a")
	r.drop("orders")
	r.until("it is renamed", func() bool { d := r.dirs(1, "orders"); return len(d) == 1 && strings.HasSuffix(d[0], "-delete") })
	r.w.Restart("b1")
	r.run(90 * env.Second)
	require.Empty(t, r.dirs(1, "orders"))
}

// A topic that is deleted and created again while a broker is down has another id: the broker's log of the first topic
// is not used for the second (KIP-516, KAFKA-14616).
func TestARecreatedTopicIsAnotherTopic(t *testing.T) {
	r := newRoom(t, 2)
	first := r.topic("orders", []int{1, 2})
	r.write(1, "orders", "old", "older")
	r.w.Crash("b2")
	r.until("b2 is fenced", func() bool { return r.broker(1).Image().Broker(2).Fenced })
	r.drop("orders")
	r.until("the topic is deleted", func() bool { return r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}) == nil })
	second := r.topic("orders", []int{1, 2})
	require.NotEqual(t, first, second)
	r.write(1, "orders", "new")
	r.w.Start("b2")
	r.until("b2 has what is new", func() bool {
		b := r.broker(2)
		if b == nil {
			return false
		}
		p := b.Replica(wire.TopicPartition{Topic: "orders"})
		return p != nil && p.ID == second && p.Log().End() == 1
	})
	stray := 0
	for _, d := range r.dirs(2, "orders") {
		if strings.HasSuffix(d, "-stray") {
			stray++
		}
	}
	require.Equal(t, 1, stray, "the old log is set aside")
}

// A log that cannot be renamed keeps its name and its records, and the new topic does not use them.
func TestALogThatCannotBeSetAsideIsLeftAlone(t *testing.T) {
	r := newRoom(t, 2)
	first := r.topic("orders", []int{1, 2})
	r.write(1, "orders", "old", "older")
	r.w.Crash("b2")
	r.until("b2 is fenced", func() bool { return r.broker(1).Image().Broker(2).Fenced })
	r.drop("orders")
	r.until("the topic is deleted", func() bool { return r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}) == nil })
	r.topic("orders", []int{1, 2})
	r.w.Start("b2")
	r.run(env.Millisecond) // the broker has loaded the log, and not yet fetched the metadata
	r.w.Disk("b2").FailOnce("orders-0", disk.OnNames)
	r.until("b2 halts", func() bool { return !r.w.Running("b2") })
	id, _, err := storage.LoadTopicID(r.w.Disk("b2"), "orders-0")
	require.NoError(t, err)
	require.Equal(t, first, id)
}

// The checkpoints of a deleted topic do not apply to another topic of the same name. With the log start of the first
// topic's log, the new log would lose its records.
func TestARecreatedTopicBeginsAtItsStart(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	r.write(1, "orders", "a", "b", "c")
	del := kmsg.NewPtrDeleteRecordsRequest()
	del.SetVersion(2)
	del.TimeoutMillis = 2000
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset = 3
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic, rt.Partitions = "orders", append(rt.Partitions, rp)
	del.Topics = append(del.Topics, rt)
	require.Zero(t, ask[*kmsg.DeleteRecordsResponse](r, 1, del).Topics[0].Partitions[0].ErrorCode)
	r.run(61 * env.Second) // the log start is now in the checkpoint
	r.drop("orders")
	r.until("the topic is deleted", func() bool { return r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}) == nil })
	r.topic("orders", []int{1})
	r.write(1, "orders", "new")
	r.w.Restart("b1")
	r.until("b1 leads again", func() bool { return r.broker(1) != nil && leads(r, "orders") == 1 })
	require.Zero(t, r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}).Log().Start())
	require.EqualValues(t, 1, r.replica(1, "orders").end())
}

// A broker must not treat its logs as strays before it has caught up with the metadata.
func TestLogsSurviveARestartWithoutTheController(t *testing.T) {
	r := newRoom(t, 1)
	r.topic("orders", []int{1})
	r.write(1, "orders", "a", "b")
	r.w.Crash("c1")
	r.w.Restart("b1")
	r.run(20 * env.Second)
	require.Len(t, r.dirs(1, "orders"), 1)
	r.w.Start("c1")
	r.until("b1 leads again", func() bool { return leads(r, "orders") == 1 })
	require.EqualValues(t, 2, r.replica(1, "orders").end())
}

// As in Kafka a new incarnation fetches before it is registered, with broker epoch -1, and the leader counts its fetches as
// those of the incarnation that is still registered. This needs no second process: a restart within the session is enough.
// FINDINGS.md has the consequences.
func TestABrokerFollowsBeforeItIsRegistered(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2}, "min.insync.replicas=2")
	r.write(1, "orders", "a")
	r.w.Restart("b2") // its last session lasts for nine more seconds, so its registration is refused
	req := produce("orders", -1, batch("b"))
	req.TimeoutMillis = 4000
	p := ask[*kmsg.ProduceResponse](r, 1, req).Topics[0].Partitions[0]
	require.Zero(t, p.ErrorCode)
	require.True(t, r.broker(2).Fenced())
	require.EqualValues(t, 2, r.replica(2, "orders").end())
}

func TestTheHighWatermarkIsCheckpointed(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2}, "min.insync.replicas=2")
	r.write(1, "orders", "a", "b")
	r.run(6 * env.Second)
	r.w.Crash("b2")
	r.w.Crash("b1")
	r.w.Start("b1")
	r.until("b1 has loaded", func() bool {
		return r.broker(1) != nil && r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}) != nil
	})
	require.EqualValues(t, 2, r.replica(1, "orders").hw())
}

func TestRetention(t *testing.T) {
	r := newRoom(t, 2, "log.retention.check.interval.ms=10000", "log.initial.task.delay.ms=0")
	r.topic("orders", []int{1, 2}, "segment.bytes=1048576", "retention.bytes=1500000")
	for range 40 {
		r.write(1, "orders", strings.Repeat("x", 100000))
	}
	for i := 1; i <= 2; i++ {
		require.Zero(t, r.broker(i).Replica(wire.TopicPartition{Topic: "orders"}).Log().Start())
	}
	r.run(20 * env.Second)
	log := r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}).Log()
	require.Positive(t, log.Start())
	require.Less(t, log.Bytes(), int64(3<<20))
	require.Equal(t, log.Start(), r.broker(2).Replica(wire.TopicPartition{Topic: "orders"}).Log().Start())
	require.Equal(t, log.ActiveBase(), log.RecoveryPoint(), "what a roll completes is flushed")
	deleted := func() (n int) {
		for _, f := range r.w.Disk("b1").Files() {
			if strings.HasSuffix(f.Path, ".deleted") {
				n++
			}
		}
		return n
	}
	require.Positive(t, deleted())
	r.run(61 * env.Second)
	require.Zero(t, deleted(), "files are removed when no reader can have them open")
}

// If the only log directory fails, the broker halts, as Kafka's does, and other brokers lead its partitions.
func TestALogDirectoryThatFailsEndsTheBroker(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	r.write(1, "orders", "a")
	r.w.Disk("b1").Break("", disk.OnAny)
	r.answer(r.send(1, produce("orders", -1, batch("b"))))
	r.until("b1 halts", func() bool { return !r.w.Running("b1") })
	reason, exited := r.w.Exited("b1")
	require.True(t, exited)
	require.Error(t, reason)
	r.until("b2 leads", func() bool { return leads(r, "orders") == 2 })
	require.Equal(t, []string{"a"}, values(t, r.fetched(2, fetch("orders", 0)).RecordBatches))
}

func TestMetricsHaveKafkasNames(t *testing.T) {
	r := newRoom(t, 2, "replica.lag.time.max.ms=1000")
	r.topic("orders", []int{1, 2}, "min.insync.replicas=2")
	r.write(1, "orders", "a")
	get := func(name string) int64 {
		for _, m := range r.broker(1).Metrics() {
			if m.Name == name {
				return m.Value
			}
		}
		t.Fatalf("no metric %s", name)
		return 0
	}
	require.EqualValues(t, 1, get("ReplicaManager.LeaderCount"))
	require.Zero(t, get("ReplicaManager.UnderReplicatedPartitions"))
	require.EqualValues(t, 1, get("ReplicaManager.AtMinIsrPartitionCount"))
	require.Positive(t, get("RequestMetrics.RemoteTime.Produce.Sum"), "it waited for b2")
	r.w.Cut([]env.Addr{"b1"}, []env.Addr{"b2"})
	ask[*kmsg.ProduceResponse](r, 1, produce("orders", 1, batch("b")))
	r.until("b2 is out", func() bool { return get("ReplicaManager.UnderReplicatedPartitions") == 1 })
	require.EqualValues(t, 1, get("ReplicaManager.UnderMinIsrPartitionCount"))
	require.EqualValues(t, 1, get("ReplicaManager.IsrShrinksPerSec.Count"))
	r.w.HealAll()
	r.until("b2 is back", func() bool { return get("ReplicaManager.UnderReplicatedPartitions") == 0 })
	require.EqualValues(t, 1, get("ReplicaManager.IsrExpandsPerSec.Count"))
}

func TestABrokerRegistersWithItsDirectoryFeaturesAndRack(t *testing.T) {
	r := newRoom(t, 1, "broker.rack=r7")
	first := *r.broker(1).Image().Broker(1)
	require.Equal(t, "r7", first.Rack)
	require.Len(t, first.LogDirs, 1)
	require.Contains(t, first.Features, wire.FeatureRange{Name: "transaction.version", Min: 0, Max: 2})
	r.w.Crash(at(1))
	r.w.Start(at(1))
	r.until("it is unfenced again", func() bool {
		b := r.broker(1)
		return b != nil && !b.Fenced() && b.Image().Broker(1).Incarnation != first.Incarnation
	})
	require.Equal(t, first.LogDirs, r.broker(1).Image().Broker(1).LogDirs, "the directory is named once, on its disk")
}

func TestABrokerThatIsNotRegisteredExits(t *testing.T) {
	r := newRoom(t, 1, "initial.broker.registration.timeout.ms=20000")
	r.run(30 * env.Second)
	require.NotNil(t, r.broker(1), "a registered broker goes on")
	r.w.Crash("c1")
	r.w.Crash(at(1))
	r.w.Start(at(1))
	r.run(19 * env.Second)
	require.NotNil(t, r.broker(1))
	r.run(2 * env.Second)
	reason, exited := r.w.Exited(at(1))
	require.True(t, exited)
	require.ErrorContains(t, reason, "initial.broker.registration.timeout.ms")
}

// The first of several ISR changes is sent alone, because no other is queued yet; the others are sent together after the
// controller's response to it (AlterPartitionManager).
func TestISRChangesDoNotWaitForABackoff(t *testing.T) {
	r := newRoom(t, 3, "replica.lag.time.max.ms=2000")
	var ids []wire.TopicID
	for _, name := range []string{"a", "b", "c"} {
		ids = append(ids, r.topic(name, []int{1, 2, 3}))
		r.write(1, name, "x")
	}
	inSync := func(n int) (all int) {
		for _, id := range ids {
			if len(r.broker(1).Image().Partition(id, 0).ISR) == n {
				all++
			}
		}
		return all
	}
	r.w.Pause(at(3)) // the pause is shorter than a session, so b3 is only late
	for _, name := range []string{"a", "b", "c"} {
		r.send(1, produce(name, 1, batch("y")))
	}
	r.until("the first shrink", func() bool { return inSync(2) > 0 })
	r.run(40 * env.Millisecond)
	require.Equal(t, 3, inSync(2), "the others follow at once")
}

// refusing is a controller that refuses every registration, or does not respond at all. It records the times of the
// requests.
type refusing struct {
	mute  bool
	asked []env.Instant
}

func (s *refusing) Start(env.Env) {}
func (s *refusing) Receive(e env.Env, t env.Ticket, req env.Request) {
	r, ok := req.(*kmsg.BrokerRegistrationRequest)
	if !ok {
		return // a fetch of the metadata waits
	}
	if s.asked = append(s.asked, e.Now()); s.mute {
		return
	}
	resp := r.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	resp.ErrorCode = kerr.DuplicateBrokerRegistration.Code
	e.Reply(t, resp)
}
func (s *refusing) Returned(env.Env, env.Token, env.Request, env.Response, error) {}
func (s *refusing) Lost(env.Env, env.Link, error)                                 {}
func (s *refusing) Fire(env.Env, env.Timer)                                       {}
func (s *refusing) Stop(e env.Env)                                                { e.Exit(nil) }

// under starts a broker that has only this controller, and runs for 50 s.
func (s *refusing) under(t *testing.T) {
	w := sim.New(sim.Config{Seed: 1, Mode: sim.Wire})
	t.Cleanup(w.Close)
	w.Add(sim.Machine{Addr: "c1", New: func() env.Node { return s }})
	w.Add(sim.Machine{Addr: "b1", New: func() env.Node {
		return broker.New(broker.Config{Node: 1, ClusterID: "cluster", Controllers: []env.Addr{"c1"}, Static: config.New(config.Broker), Rules: broker.CurrentRules()})
	}})
	w.Start("c1")
	w.Start("b1")
	w.RunUntil(sim.Time(50 * env.Second))
	require.Greater(t, len(s.asked), 9)
}

// A broker that is refused registers again after broker.heartbeat.interval.ms. A controller that does not answer has as long for
// one attempt, and the next one follows after another interval (KAFKA-19294).
func TestARefusedBrokerAsksAgain(t *testing.T) {
	for _, c := range []struct {
		mute bool
		want env.Duration
	}{{false, 2 * env.Second}, {true, 4 * env.Second}} {
		s := &refusing{mute: c.mute}
		s.under(t)
		for i := range s.asked[1:] {
			require.InEpsilon(t, float64(c.want), float64(s.asked[i+1].Sub(s.asked[i])), 0.02, "the time after attempt %d", i+1)
		}
	}
}
