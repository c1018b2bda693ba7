package controller_test

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"samsa/controller"
)

// racked registers broker 1, 2, … in these racks ("" is none) and unfences them.
func (b *bench) racked(racks ...string) (epochs []int64) {
	epochs = []int64{-1}
	for i, name := range racks {
		req := registration(int32(i+1), byte(i+1), -1)
		if name != "" {
			req.Rack = &name
		}
		epochs = append(epochs, b.ask(req).(*kmsg.BrokerRegistrationResponse).BrokerEpoch)
		b.beat(int32(i+1), epochs[i+1], nil)
	}
	return epochs
}

// placed makes a topic and returns its replicas, partition by partition.
func (b *bench) placed(name string, partitions int32, factor int16) (all [][]int32) {
	b.create(topic(name, partitions, factor))
	for _, p := range b.Image().TopicNamed(name).Partitions {
		var ids []int32
		for _, id := range p.Replicas {
			ids = append(ids, int32(id))
		}
		all = append(all, ids)
	}
	return all
}

func TestPlacement(t *testing.T) {
	for _, tc := range []struct {
		name  string
		racks []string
		down  []int32 // fenced
		n     int32
		want  [][]int32
	}{
		{"no racks", []string{"", "", ""}, nil, 3, [][]int32{{1, 2, 3}, {2, 3, 1}, {3, 1, 2}}},
		{"three racks of three", []string{"a", "a", "a", "b", "b", "b", "c", "c", "c"}, nil, 3, [][]int32{{1, 4, 7}, {5, 8, 2}, {9, 3, 6}}},
		{"two racks, one larger", []string{"a", "b", "a", "a"}, nil, 2, [][]int32{{1, 2, 3}, {2, 3, 4}}},
		{"a fenced broker does not lead, and comes last in its rack", []string{"", "", "", ""}, []int32{1}, 3, [][]int32{{2, 3, 4}, {3, 4, 2}, {4, 2, 3}}},
		{"a rack that is down leads nothing", []string{"a", "b", "c"}, []int32{1}, 2, [][]int32{{2, 1, 3}, {2, 3, 1}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, nil)
			epochs := b.racked(tc.racks...)
			for _, id := range tc.down {
				b.beat(id, epochs[id], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
			}
			if got := b.placed("t", tc.n, 3); !slices.EqualFunc(got, tc.want, slices.Equal) {
				t.Errorf("placed %v, wanted %v", got, tc.want)
			}
		})
	}
	t.Run("a broker that leaves takes nothing, one that has left may", func(t *testing.T) {
		b := newBench(t, nil)
		epochs := b.racked("", "", "")
		b.create(assigned("led", []int32{3}, []int32{3}))
		leave := func(r *kmsg.BrokerHeartbeatRequest) { r.WantShutdown = true }
		b.beat(3, epochs[3], leave) // it leads a partition that no other replica can lead
		if code := codes(b.ask(topic("early", 1, 3))); !slices.Equal(code, []int16{kerr.InvalidReplicationFactor.Code}) {
			t.Errorf("placed on a broker that is leaving: %v", code)
		}
		b.beat(3, epochs[3], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		for range 3 {
			b.beat(1, epochs[1], nil)
			b.beat(2, epochs[2], nil)
			b.beat(3, epochs[3], leave)
		}
		if !b.Image().Broker(3).Fenced {
			t.Fatal("it is still there")
		}
		if got := b.placed("late", 1, 3); !slices.Equal(got[0], []int32{1, 2, 3}) {
			t.Errorf("placed %v", got)
		}
	})
	t.Run("more partitions go on where the first ones ended", func(t *testing.T) {
		b := newBench(t, nil)
		b.racked("", "", "")
		b.create(topic("t", 1, 2))
		b.ask(more("t", 3))
		if p := b.part("t", 2); p.Replicas[0] != 3 || p.Replicas[1] != 1 {
			t.Errorf("placed %v", p.Replicas)
		}
	})
}

// For any racks and any fenced brokers: no replica twice, an active leader, leaders evenly spread over a round, and no rack with two
// replicas while another with active brokers has none.
func TestPlacementInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, func(*controller.Config) {})
		racks := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "c"}), 1, 9).Draw(rt, "racks")
		epochs := b.racked(racks...)
		down := map[int32]bool{}
		for id := int32(2); int(id) <= len(racks); id++ {
			if rapid.IntRange(0, 2).Draw(rt, "down") == 0 {
				down[id] = true
				b.beat(id, epochs[id], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
			}
		}
		factor := rapid.IntRange(1, len(racks)).Draw(rt, "factor")
		all := b.placed("t", int32(rapid.IntRange(1, 30).Draw(rt, "partitions")), int16(factor))
		names := map[string]int{}
		for _, name := range racks {
			names[name]++
		}
		for i, replicas := range all {
			used := map[string]int{}
			for j, id := range replicas {
				if slices.Contains(replicas[:j], id) {
					rt.Fatalf("partition %d has a replica twice: %v", i, replicas)
				}
				used[racks[id-1]]++
			}
			if len(replicas) != factor || down[replicas[0]] {
				rt.Fatalf("partition %d is placed on %v, down are %v", i, replicas, down)
			}
			for name, n := range used {
				for other, brokers := range names {
					if n > used[other]+1 && used[other] < brokers {
						rt.Fatalf("partition %d has %d replicas in rack %q and %d in %q, which has %d brokers: %v", i, n, name, used[other], other, brokers, replicas)
					}
				}
			}
		}
	})
}
