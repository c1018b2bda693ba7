package controller_test

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"samsa/controller"
	"samsa/controller/image"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// TestPartitionInvariants applies random actions to four brokers and two topics, and after every request checks every
// partition: which states are allowed, and which changes from one state to the next.
func TestPartitionInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := &bench{t: t, disk: disk.New(disk.Profile{})}
		elr := rapid.Bool().Draw(rt, "elr")
		b.start(func(c *controller.Config) {
			if !elr {
				c.Features[0].Level = 0
			}
			c.BalanceEvery, c.UncleanEvery = 20*env.Second, 20*env.Second
		})
		epochs := []int64{-1}
		clean := map[int32]int64{}  // the brokers that may shut down, with the epoch in their clean-shutdown file
		leaving := map[int32]bool{} // the brokers that want to shut down: every heartbeat says so, until a restart
		beat := func(id int32, change func(*kmsg.BrokerHeartbeatRequest)) {
			r := b.beat(id, epochs[id], func(r *kmsg.BrokerHeartbeatRequest) {
				if r.WantShutdown = leaving[id]; change != nil {
					change(r)
				}
			})
			if r.ShouldShutdown {
				clean[id] = epochs[id]
			}
		}
		incarnation := byte(10)
		for id := int32(1); id <= 4; id++ {
			epochs = append(epochs, b.register(id, byte(id), -1))
			b.beat(id, epochs[id], nil)
		}
		b.create(withConfigs(assigned("t", []int32{1, 2, 3}, []int32{2, 3, 4}), "min.insync.replicas", "2"))
		b.create(assigned("u", []int32{1, 4}, []int32{4, 1}))
		before := snapshot(b.Image())
		forced := false          // an unclean election is allowed or asked for
		uncleanly := wire.NoNode // the broker that this action restarted after an unclean shutdown
		broker := rapid.Int32Range(1, 4)
		name := rapid.SampledFrom([]string{"t", "u"})
		rt.Repeat(map[string]func(*rapid.T){
			"beat": func(rt *rapid.T) { beat(broker.Draw(rt, "id"), nil) },
			"fence": func(rt *rapid.T) {
				beat(broker.Draw(rt, "id"), func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
			},
			"shutdown": func(rt *rapid.T) {
				id := broker.Draw(rt, "id")
				leaving[id] = true
				beat(id, nil)
			},
			"restart": func(rt *rapid.T) {
				id := broker.Draw(rt, "id")
				found, ok := clean[id]
				if !ok {
					found = -1
				}
				delete(clean, id)
				incarnation++
				if r := b.ask(registration(id, incarnation, found)).(*kmsg.BrokerRegistrationResponse); r.ErrorCode == 0 {
					if r.BrokerEpoch <= epochs[id] {
						rt.Fatalf("broker %d got epoch %d after %d", id, r.BrokerEpoch, epochs[id])
					}
					epochs[id] = r.BrokerEpoch
					delete(leaving, id)
					if found == -1 {
						uncleanly = wire.NodeID(id)
					}
				}
			},
			"alter": func(rt *rapid.T) {
				topic, members := name.Draw(rt, "topic"), rapid.SliceOfNDistinct(rapid.Int32Range(1, 4), 1, 3, rapid.ID[int32]).Draw(rt, "isr")
				var isr []wire.NodeID
				for _, id := range members {
					isr = append(isr, wire.NodeID(id))
				}
				if b.part(topic, 0).Leader != wire.NoNode {
					b.alter(topic, isr...)
				}
			},
			"elect": func(rt *rapid.T) {
				kind := rapid.Int8Range(0, 1).Draw(rt, "kind")
				forced = forced || kind == 1
				b.ask(elect(kind, name.Draw(rt, "topic"), 0, 1))
			},
			"unclean": func(rt *rapid.T) {
				on := rapid.SampledFrom([]string{"true", "false"}).Draw(rt, "on")
				forced = forced || on == "true"
				b.ask(configs(kmsg.ConfigResourceTypeTopic, name.Draw(rt, "topic"), "unclean.leader.election.enable", on))
			},
			"min ISR": func(rt *rapid.T) {
				b.ask(configs(kmsg.ConfigResourceTypeTopic, name.Draw(rt, "topic"), "min.insync.replicas", rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "n")))
			},
			"sleep":     func(rt *rapid.T) { b.sleep(env.Duration(rapid.IntRange(1, 12).Draw(rt, "s")) * env.Second) },
			"fail over": func(rt *rapid.T) { b.disk.LosePower(); b.start(func(c *controller.Config) {}) },
			"": func(rt *rapid.T) {
				after := snapshot(b.Image())
				for k, p := range after {
					was := before[k]
					stands(rt, b.Image(), elr, &p)
					steps(rt, forced, uncleanly, &was, &p)
				}
				before, uncleanly = after, wire.NoNode
			},
		})
		b.Stop(b)
		if b.exit != nil {
			rt.Fatalf("it ended with %v", b.exit)
		}
	})
}

type key struct {
	topic     string
	partition int32
}

func snapshot(m *image.Image) map[key]image.Partition {
	all := map[key]image.Partition{}
	for _, t := range m.Topics() {
		for _, p := range t.Partitions {
			all[key{t.Name, p.Partition}] = *p
		}
	}
	return all
}

// stands checks the invariants of a partition's state.
func stands(rt *rapid.T, m *image.Image, elr bool, p *image.Partition) {
	for _, id := range slices.Concat(p.ISR, p.ELR, p.LastKnown) {
		if !p.HasReplica(id) {
			rt.Fatalf("%d is no replica: %s", id, look(p))
		}
	}
	for _, id := range p.ELR {
		if p.InISR(id) {
			rt.Fatalf("%d is in sync and eligible: %s", id, look(p))
		}
	}
	switch {
	case p.Leader != wire.NoNode && !p.InISR(p.Leader):
		rt.Fatalf("the leader is not in sync: %s", look(p))
	case p.Leader != wire.NoNode && !m.Broker(p.Leader).Active():
		rt.Fatalf("the leader is not active: %s", look(p))
	case !elr && (len(p.ELR) > 0 || len(p.LastKnown) > 0 || len(p.ISR) == 0):
		rt.Fatalf("without ELR: %s", look(p))
	case p.Leader != wire.NoNode && len(p.LastKnown) > 0:
		rt.Fatalf("a leader, and a last known one: %s", look(p))
	}
}

// steps checks one change: epochs (S28), and that a leader without all of the data was licensed (S29).
func steps(rt *rapid.T, forced bool, uncleanly wire.NodeID, was, p *image.Partition) {
	if was.Topic != p.Topic {
		return
	}
	changed := look(was) != look(p)
	switch {
	case p.PartitionEpoch < was.PartitionEpoch, p.LeaderEpoch < was.LeaderEpoch:
		rt.Fatalf("an epoch fell: %s, was %s", look(p), look(was))
	case changed && p.PartitionEpoch == was.PartitionEpoch:
		rt.Fatalf("changed without a new partition epoch: %s, was %s", look(p), look(was))
	case p.Leader != was.Leader && p.LeaderEpoch == was.LeaderEpoch:
		rt.Fatalf("another leader in the same epoch: %s, was %s", look(p), look(was))
	}
	if p.Leader == was.Leader || p.Leader == wire.NoNode || p.PartitionEpoch > was.PartitionEpoch+1 {
		return // more than one step: a sleep
	}
	had := was.InISR(p.Leader) || slices.Contains(was.ELR, p.Leader)
	// The record that takes a broker out of ISR and ELR after an unclean shutdown also elects: PartitionChangeBuilder.build
	// computes the target ELR first, and canElectLastKnownLeader looks at that.
	left := slices.DeleteFunc(slices.Concat(was.ISR, was.ELR), func(id wire.NodeID) bool { return id == uncleanly })
	last := slices.Equal(was.LastKnown, []wire.NodeID{p.Leader}) && len(left) == 0
	if !had && !last && !forced {
		rt.Fatalf("unlicensed leader: %s, was %s", look(p), look(was))
	}
	if had == (p.Recovery == wire.Recovering) && was.Recovery == wire.Recovered {
		rt.Fatalf("the leader had all records: %v; %s, was %s", had, look(p), look(was))
	}
}
