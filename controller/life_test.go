package controller_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller"
	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// look returns a partition in one line.
func look(p *image.Partition) string {
	return fmt.Sprintf("leader %d isr %v elr %v last %v recovery %d epoch %d/%d", p.Leader, p.ISR, p.ELR, p.LastKnown, p.Recovery, p.LeaderEpoch, p.PartitionEpoch)
}

func (b *bench) want(topic, what, want string) {
	b.t.Helper()
	if got := look(b.part(topic, 0)); got != want {
		b.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func wantShutdown(r *kmsg.BrokerHeartbeatRequest) { r.WantShutdown = true }

// A broker goes through every row of the table in heartbeat.go, beginning with its registration.
func TestBrokerLife(t *testing.T) {
	b := newBench(t, nil)
	epoch := b.register(1, 1, -1)
	if r := b.ask(heartbeat(1, epoch, epoch-1)).(*kmsg.BrokerHeartbeatResponse); !r.IsFenced || r.IsCaughtUp {
		t.Errorf("it has not read its own registration, and is %+v", r)
	}
	if r := b.beat(1, epoch, func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true }); !r.IsFenced {
		t.Error("it wants to stay fenced, and is let in")
	}
	if r := b.beat(1, epoch, nil); r.IsFenced {
		t.Error("it has caught up, and stays fenced")
	}
	if again := b.register(1, 1, -1); again != epoch || b.Image().Broker(1).Fenced {
		t.Errorf("the same incarnation registers again: epoch %d, was %d; fenced %v", again, epoch, b.Image().Broker(1).Fenced)
	}
	b.beat(1, epoch, func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
	if !b.Image().Broker(1).Fenced {
		t.Error("it wants a fence, and has none")
	}
	b.beat(1, epoch, nil)
	b.sleep(8 * env.Second)
	b.beat(1, epoch, nil)
	b.sleep(8 * env.Second)
	if b.Image().Broker(1).Fenced {
		t.Error("it was heard of 8 s ago, and is fenced")
	}
	b.sleep(2 * env.Second)
	if !b.Image().Broker(1).Fenced {
		t.Error("its last heartbeat was 10 s ago, and it is not fenced")
	}
	if r := b.beat(1, epoch, wantShutdown); !r.ShouldShutdown {
		t.Error("a fenced broker may go at once")
	}
	next := b.register(1, 2, epoch)
	if next <= epoch {
		t.Errorf("a new incarnation has epoch %d, the old one had %d", next, epoch)
	}
	if r := b.beat(1, epoch, nil); r.ErrorCode != kerr.StaleBrokerEpoch.Code {
		t.Errorf("the old incarnation still beats: %d", r.ErrorCode)
	}
	b.beat(1, next, nil)
	if r := b.beat(1, next, wantShutdown); !r.ShouldShutdown || !b.Image().Broker(1).Fenced {
		t.Error("a broker that leads nothing may go at once, and is fenced then")
	}
}

// Controlled shutdown: leaderships move first, and the broker may shut down when all active brokers have applied that.
func TestControlledShutdown(t *testing.T) {
	b := newBench(t, nil)
	epochs := b.brokers(3)
	b.create(assigned("t", []int32{1, 2, 3}))
	if r := b.beat(1, epochs[1], wantShutdown); r.ShouldShutdown || r.IsFenced {
		t.Errorf("it leads, and may go at once: %+v", r)
	}
	b.want("t", "broker 1 is leaving", "leader 2 isr [2 3] elr [] last [] recovery 0 epoch 1/1")
	moved := int64(b.End()) - 1
	if r := b.beat(1, epochs[1], wantShutdown); r.ShouldShutdown {
		t.Error("the others have not applied the change of leaders")
	}
	b.ask(heartbeat(2, epochs[2], moved))
	if r := b.beat(1, epochs[1], wantShutdown); r.ShouldShutdown {
		t.Error("broker 3 has not applied it yet")
	}
	b.ask(heartbeat(3, epochs[3], moved))
	if r := b.beat(1, epochs[1], wantShutdown); !r.ShouldShutdown || !b.Image().Broker(1).Fenced {
		t.Errorf("all active brokers have applied it: %+v", r)
	}
	if r := b.ask(registration(1, 9, epochs[1])).(*kmsg.BrokerRegistrationResponse); r.ErrorCode != 0 {
		t.Errorf("its next incarnation need not wait for the session to end (KAFKA-19047): %d", r.ErrorCode)
	}
}

// The session of a broker in controlled shutdown expires, and a late heartbeat unfences it again: it requests the
// shutdown again, and may shut down.
func TestControlledShutdownAfterAnOldHeartbeat(t *testing.T) {
	b := newBench(t, nil)
	epochs := b.brokers(1)
	b.create(assigned("t", []int32{1}))
	b.beat(1, epochs[1], wantShutdown)
	b.sleep(10 * env.Second)
	if !b.Image().Broker(1).Fenced {
		t.Fatal("its session is over, and it is not fenced")
	}
	b.beat(1, epochs[1], nil) // the old one
	b.want("t", "an old heartbeat unfences it", "leader 1 isr [1] elr [] last [] recovery 0 epoch 2/2")
	b.beat(1, epochs[1], wantShutdown)
	if r := b.beat(1, epochs[1], wantShutdown); !r.ShouldShutdown || !b.Image().Broker(1).Fenced {
		t.Errorf("it leads nothing, and there is no other broker: %+v", r)
	}
}

// A session is soft state, so a new active controller starts a new one for every broker.
func TestSessionsStartAnewWithTheController(t *testing.T) {
	b := newBench(t, nil)
	b.brokers(1)
	b.sleep(8 * env.Second)
	b.disk.LosePower()
	b.start(nil) // which takes up to three seconds of the nine
	b.sleep(5 * env.Second)
	if b.Image().Broker(1) == nil || b.Image().Broker(1).Fenced {
		t.Error("less than 8 s after the controller came back the broker is fenced or forgotten")
	}
	b.sleep(5 * env.Second)
	if !b.Image().Broker(1).Fenced {
		t.Error("10 s after the controller came back, and not heard of: not fenced")
	}
}

// The leader when brokers are fenced and unfenced, with eligible leader replicas (KIP-966) and without.
func TestLastReplicaStanding(t *testing.T) {
	for _, tc := range []struct {
		elr  bool
		want []string // after 3, 2 and 1 are gone, and after 3 and 1 are back
	}{
		{true, []string{
			"leader 1 isr [1 2] elr [] last [] recovery 0 epoch 0/1",
			"leader 1 isr [1] elr [2] last [] recovery 0 epoch 0/2",
			"leader -1 isr [] elr [1 2] last [1] recovery 0 epoch 1/3",
			"leader -1 isr [] elr [1 2] last [1] recovery 0 epoch 1/3",
			"leader 2 isr [2] elr [1] last [] recovery 0 epoch 2/4",
		}},
		{false, []string{
			"leader 1 isr [1 2] elr [] last [] recovery 0 epoch 0/1",
			"leader 1 isr [1] elr [] last [] recovery 0 epoch 0/2",
			"leader -1 isr [1] elr [] last [] recovery 0 epoch 1/3",
			"leader -1 isr [1] elr [] last [] recovery 0 epoch 1/3",
			"leader -1 isr [1] elr [] last [] recovery 0 epoch 1/3",
		}},
	} {
		b := newBench(t, func(c *controller.Config) {
			if !tc.elr {
				c.Features[0].Level = 0
			}
		})
		epochs := b.brokers(3)
		b.create(withConfigs(assigned("t", []int32{1, 2, 3}), "min.insync.replicas", "2"))
		fence := func(id int32) {
			b.beat(id, epochs[id], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		}
		fence(3)
		b.want("t", fmt.Sprint("elr ", tc.elr, ", 3 is gone"), tc.want[0])
		fence(2)
		b.want("t", fmt.Sprint("elr ", tc.elr, ", 2 is gone"), tc.want[1])
		fence(1)
		b.want("t", fmt.Sprint("elr ", tc.elr, ", 1 is gone"), tc.want[2])
		b.beat(3, epochs[3], nil)
		b.want("t", fmt.Sprint("elr ", tc.elr, ", 3 is back"), tc.want[3])
		b.beat(2, epochs[2], nil)
		b.want("t", fmt.Sprint("elr ", tc.elr, ", 2 is back"), tc.want[4])
	}
}

func withConfigs(req *kmsg.CreateTopicsRequest, pairs ...string) *kmsg.CreateTopicsRequest {
	req.Topics[0].Configs = topic("", 1, 1, pairs...).Topics[0].Configs
	return req
}

// After an unclean restart a broker leaves the ISR and the ELR; after a clean restart it leaves only the ISR.
func TestRestartAndELR(t *testing.T) {
	for _, clean := range []bool{true, false} {
		b := newBench(t, nil)
		epochs := b.brokers(2)
		b.create(withConfigs(assigned("t", []int32{1, 2}), "min.insync.replicas", "2"))
		b.beat(2, epochs[2], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		b.beat(1, epochs[1], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		b.want("t", "both are gone", "leader -1 isr [] elr [1 2] last [1] recovery 0 epoch 1/2")
		b.sleep(10 * env.Second)
		found := int64(-1)
		if clean {
			found = epochs[2]
		}
		b.beat(2, b.register(2, 9, found), nil)
		if clean {
			b.want("t", "2 is back from a clean shutdown", "leader 2 isr [2] elr [1] last [] recovery 0 epoch 2/3")
		} else {
			b.want("t", "2 is back from an unclean one", "leader -1 isr [] elr [1] last [1] recovery 0 epoch 1/3")
		}
	}
}

// With an empty ISR and ELR the last known leader leads again, alone, if it is active; that counts as unclean.
func TestLastKnownLeader(t *testing.T) {
	for _, old := range []bool{false, true} {
		b := newBench(t, use("M30", old))
		epochs := b.brokers(2)
		b.create(withConfigs(assigned("t", []int32{1, 2}), "min.insync.replicas", "2"))
		b.beat(2, epochs[2], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		b.beat(1, epochs[1], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		b.sleep(10 * env.Second)
		two := b.register(2, 9, -1)
		one := b.register(1, 8, -1)
		if !old {
			b.want("t", "both lost their tails", "leader -1 isr [] elr [] last [1] recovery 0 epoch 1/4")
		}
		b.beat(2, two, nil)
		leader := b.part("t", 0).Leader
		if down := b.Image().Broker(1).Fenced && leader == 1; down != old {
			t.Errorf("old rule %v: 1 is down and leads: %v (leader %d)", old, down, leader)
		}
		b.beat(1, one, nil)
		if !old {
			b.want("t", "the last known leader is back", "leader 1 isr [1] elr [] last [] recovery 1 epoch 2/5")
		}
	}
}

func use(id string, on bool) func(*controller.Config) {
	return func(c *controller.Config) {
		for _, x := range controller.OldRules() {
			if on && x.ID == id {
				x.Replace(&c.Rules)
			}
		}
	}
}

// A config or an admin can cause an unclean election; otherwise the partition waits.
func TestUncleanElection(t *testing.T) {
	setup := func(t *testing.T, pairs ...string) (*bench, []int64) {
		b := newBench(t, nil)
		epochs := b.brokers(2)
		b.create(withConfigs(assigned("t", []int32{1, 2}), pairs...))
		if code := b.alter("t", 1); code != 0 {
			t.Fatalf("shrinking the ISR: %d", code)
		}
		b.beat(1, epochs[1], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		return b, epochs
	}
	t.Run("not allowed", func(t *testing.T) {
		b, _ := setup(t)
		b.want("t", "2 lives and was not in sync", "leader -1 isr [] elr [1] last [1] recovery 0 epoch 1/2")
	})
	t.Run("by config", func(t *testing.T) {
		b, _ := setup(t, "unclean.leader.election.enable", "true")
		b.want("t", "2 lives and was not in sync", "leader 2 isr [2] elr [] last [] recovery 1 epoch 1/2")
	})
	t.Run("twice in a row", func(t *testing.T) {
		b, epochs := setup(t, "unclean.leader.election.enable", "true")
		b.beat(1, epochs[1], nil)
		b.beat(2, epochs[2], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		b.want("t", "1 lives and was not in sync", "leader 1 isr [1] elr [] last [] recovery 1 epoch 2/3")
		noted := 0
		for _, n := range b.notes {
			if n == "partition.elected-uncleanly" {
				noted++
			}
		}
		if noted != 2 {
			t.Errorf("%d unclean elections are noted, wanted 2: %v", noted, b.notes)
		}
	})
	t.Run("by config, later", func(t *testing.T) {
		b, epochs := setup(t)
		b.ask(configs(kmsg.ConfigResourceTypeTopic, "t", "unclean.leader.election.enable", "true"))
		b.want("t", "the config changed", "leader -1 isr [] elr [1] last [1] recovery 0 epoch 1/2")
		for range 101 {
			b.beat(2, epochs[2], nil)
			b.sleep(3 * env.Second)
		}
		b.want("t", "the controller looked for such partitions", "leader 2 isr [2] elr [] last [] recovery 1 epoch 2/3")
	})
	t.Run("by admin", func(t *testing.T) {
		b, _ := setup(t)
		if r := b.ask(elect(1, "t", 0)).(*kmsg.ElectLeadersResponse); r.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Errorf("the election failed: %d", r.Topics[0].Partitions[0].ErrorCode)
		}
		b.want("t", "the admin asked", "leader 2 isr [2] elr [] last [] recovery 1 epoch 2/3")
		if code := b.alter("t", 2); code != 0 {
			t.Errorf("the leader alone keeps recovering: %d", code)
		}
	})
}

// Leadership returns to the preferred replica when an admin requests it, and every 300 s without a request.
func TestPreferredElection(t *testing.T) {
	for _, admin := range []bool{true, false} {
		b := newBench(t, nil)
		epochs := b.brokers(2)
		b.create(assigned("t", []int32{1, 2}))
		b.beat(1, epochs[1], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		b.beat(1, epochs[1], nil)
		if code := b.alter("t", 2, 1); code != 0 {
			t.Fatalf("1 joins again: %d", code)
		}
		b.want("t", "1 is back, 2 leads", "leader 2 isr [1 2] elr [] last [] recovery 0 epoch 1/2")
		if admin {
			b.ask(elect(0, "t", 0))
		} else {
			for range 101 {
				b.beat(1, epochs[1], nil)
				b.beat(2, epochs[2], nil)
				b.sleep(3 * env.Second)
			}
		}
		b.want("t", "the preferred leader leads", "leader 1 isr [1 2] elr [] last [] recovery 0 epoch 2/3")
	}
}

// A topic is created with an id, created again with another id, and gets more partitions.
func TestTopicLife(t *testing.T) {
	b := newBench(t, nil)
	b.brokers(3)
	b.create(topic("t", 2, 3))
	first := b.Image().TopicNamed("t").ID
	more := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = "t", 4
	more.Topics = append(more.Topics, rt)
	if r := b.ask(more).(*kmsg.CreatePartitionsResponse); r.Topics[0].ErrorCode != 0 || len(b.Image().TopicNamed("t").Partitions) != 4 {
		t.Errorf("more partitions: code %d, %d partitions", r.Topics[0].ErrorCode, len(b.Image().TopicNamed("t").Partitions))
	}
	var leaders []wire.NodeID
	for _, p := range b.Image().TopicNamed("t").Partitions {
		leaders = append(leaders, p.Leader)
	}
	if !slices.Equal(leaders[:3], []wire.NodeID{1, 2, 3}) { // the fourth is of another round, and that is shuffled
		t.Errorf("leaders %v, wanted them spread", leaders)
	}
	b.ask(configs(kmsg.ConfigResourceTypeTopic, "t", "retention.ms", "5"))
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version = 6
	dt := kmsg.NewDeleteTopicsRequestTopic()
	dt.TopicID = first
	del.Topics = append(del.Topics, dt)
	if r := b.ask(del).(*kmsg.DeleteTopicsResponse); r.Topics[0].ErrorCode != 0 || *r.Topics[0].Topic != "t" {
		t.Errorf("deleting by id: %+v", r.Topics[0])
	}
	if b.Image().TopicNamed("t") != nil || b.Image().Topic(first) != nil || len(b.Image().TopicConfigs("t")) != 0 {
		t.Error("something of the deleted topic is left")
	}
	b.create(topic("t", 1, 1))
	if b.Image().TopicNamed("t").ID == first {
		t.Error("the new topic has the old one's id")
	}
}

// A new cluster's log begins with its features, once; a bootstrap of another era leaves ELR off.
func TestBootstrap(t *testing.T) {
	b := newBench(t, nil)
	if b.Image().Feature("metadata.version") != 27 || b.Image().Feature("eligible.leader.replicas.version") != 1 || b.Image().Feature("transaction.version") != 2 {
		t.Errorf("features %v", b.Image().Features())
	}
	end := b.End()
	b.start(nil)
	if b.End() != end+1 {
		t.Errorf("a second term wrote %d records, wanted LEADER_CHANGE alone", b.End()-end)
	}
}

// When ELR is enabled, min.insync.replicas becomes one value for the cluster.
func TestELRComesOn(t *testing.T) {
	b := newBench(t, func(c *controller.Config) { c.Features[0].Level = 0 })
	b.ask(configs(kmsg.ConfigResourceTypeBroker, "3", "min.insync.replicas", "2"))
	u := kmsg.NewPtrUpdateFeaturesRequest()
	u.Version = 1
	f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	f.Feature, f.MaxVersionLevel, f.UpgradeType = "eligible.leader.replicas.version", 1, 1
	u.FeatureUpdates = append(u.FeatureUpdates, f)
	if r := b.ask(u).(*kmsg.UpdateFeaturesResponse); r.ErrorCode != 0 {
		t.Fatalf("the update failed: %d", r.ErrorCode)
	}
	_, own := b.Image().Config(image.ConfigKey{Resource: wire.ConfigBroker, Of: "3", Name: "min.insync.replicas"})
	all, _ := b.Image().Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: "min.insync.replicas"})
	if own || all != "1" || b.Image().Feature("eligible.leader.replicas.version") != 1 {
		t.Errorf("broker 3's own value is there: %v; the cluster's is %q, wanted 1", own, all)
	}
}

// Below 3.7-IV2 registrations need no directories, and none are in their records (KIP-858).
func TestRegistrationOfAnOldCluster(t *testing.T) {
	b := newBench(t, func(c *controller.Config) {
		for i := range c.Features {
			if c.Features[i].Level = c.Features[i].Min; c.Features[i].Name == "metadata.version" {
				c.Features[i].Level = 16
			}
		}
	})
	req := registration(1, 1, -1)
	b.ask(req)
	if got := b.Image().Broker(1); got == nil || len(got.LogDirs) != 0 || len(got.Features) != len(req.Features) {
		t.Fatalf("registered as %+v", got)
	}
	none := registration(2, 2, -1)
	none.LogDirs = nil
	if got := b.ask(none).(*kmsg.BrokerRegistrationResponse); got.ErrorCode != 0 {
		t.Errorf("without a directory: %d", got.ErrorCode)
	}
}

// Below metadata.version 3.6 a smaller ISR begins a new leader epoch, a larger one does not; since then neither does
// (KAFKA-15021).
func TestShrinkAndTheLeaderEpoch(t *testing.T) {
	for level, want := range map[int16]string{11: "epoch 1/", 12: "epoch 0/"} {
		b := newBench(t, func(c *controller.Config) {
			for i := range c.Features {
				if c.Features[i].Level = c.Features[i].Min; c.Features[i].Name == "metadata.version" {
					c.Features[i].Level = level
				}
			}
		})
		b.brokers(3)
		b.create(assigned("t", []int32{1, 2, 3}))
		b.alter("t", 1, 2)
		b.want("t", fmt.Sprint("a shrink at level ", level), "leader 1 isr [1 2] elr [] last [] recovery 0 "+want+"1")
		b.alter("t", 1, 2, 3)
		b.want("t", fmt.Sprint("growth at level ", level), "leader 1 isr [1 2 3] elr [] last [] recovery 0 "+want+"2")
	}
}

// Eligible leader replicas need records that an old metadata.version does not have; both may move in one request.
func TestELRNeedsItsMetadataVersion(t *testing.T) {
	b := newBench(t, func(c *controller.Config) {
		for i := range c.Features {
			if c.Features[i].Level = c.Features[i].Min; c.Features[i].Name == "metadata.version" {
				c.Features[i].Level = 11
			}
		}
	})
	elr := feature("eligible.leader.replicas.version", 1, 1)
	if r := b.ask(elr).(*kmsg.UpdateFeaturesResponse); r.ErrorCode != kerr.InvalidUpdateVersion.Code {
		t.Errorf("on its own: %d", r.ErrorCode)
	}
	elr.FeatureUpdates = append(elr.FeatureUpdates, feature("metadata.version", 23, 1).FeatureUpdates...)
	if r := b.ask(elr).(*kmsg.UpdateFeaturesResponse); r.ErrorCode != 0 || b.Image().Feature("eligible.leader.replicas.version") != 1 {
		t.Errorf("with it: %d", r.ErrorCode)
	}
}
