package broker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// dirs returns the directories on the disk with this prefix.
func (s *solo) dirs(prefix string) (all []string) {
	for _, f := range s.w.Disk("b1").Files() {
		if f.Dir && strings.HasPrefix(f.Path, prefix) {
			all = append(all, f.Path)
		}
	}
	return all
}

func (s *solo) hosts(topic string) bool {
	return s.b.Replica(wire.TopicPartition{Topic: topic}) != nil
}

// This test checks the effect of a metadata change on a partition that the broker leads, and on a producer that waits for
// it.
func TestPublishedChanges(t *testing.T) {
	const stopped, retry = "note partition.stepped-down", "b2/fetcher Fetch orders-0@1"
	for _, tc := range []struct {
		name   string
		change func(*solo) []wire.MetadataRecord
		want   []string
		code   *kerr.Error // error in the response to the producer; nil if it still waits
		hosted bool
	}{
		{"another leads", func(*solo) []wire.MetadataRecord { return []wire.MetadataRecord{leader("orders", 2, 2, 1)} },
			[]string{"reply 0 Produce", stopped, retry}, kerr.NotLeaderForPartition, true},
		{"it leads on, in a new epoch", func(*solo) []wire.MetadataRecord { return []wire.MetadataRecord{leader("orders", 1, 1, 2)} },
			[]string{"note partition.leads"}, nil, true},
		{"it was deposed and elected again since the last time", func(*solo) []wire.MetadataRecord {
			return []wire.MetadataRecord{leader("orders", 2, 2, 1), leader("orders", 1, 2, 1)}
		}, []string{"note partition.leads"}, nil, true},
		{"no broker leads", func(*solo) []wire.MetadataRecord { return []wire.MetadataRecord{leader("orders", wire.NoNode, 1)} },
			[]string{"reply 0 Produce", stopped}, kerr.NotLeaderForPartition, true},
		{"the topic is deleted", func(*solo) []wire.MetadataRecord {
			return []wire.MetadataRecord{&wire.RemoveTopicRecord{TopicID: topicID("orders")}}
		}, []string{"reply 0 Produce"}, kerr.UnknownTopicOrPartition, false},
		{"the partition moves away", func(*solo) []wire.MetadataRecord {
			r := leader("orders", 2, 2)
			r.Replicas = []wire.NodeID{2, 3}
			return []wire.MetadataRecord{r}
		}, []string{"reply 0 Produce"}, kerr.NotLeaderForPartition, false},
		{"another topic comes", func(s *solo) []wire.MetadataRecord { return s.topic("audit", 2, 3) }, nil, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSolo(t)
			s.boot()
			s.publish(s.topic("orders", 1, 2)...)
			s.expect("note partition.leads")
			n := s.receive(produce("orders", -1, batch("a")))
			require.True(t, s.waits(n))
			s.publish(tc.change(s)...)
			s.expect(tc.want...)
			require.Equal(t, tc.hosted, s.hosts("orders"))
			if tc.code == nil {
				require.True(t, s.waits(n))
				return
			}
			require.Equal(t, tc.code.Code, got[*kmsg.ProduceResponse](s, n).Topics[0].Partitions[0].ErrorCode)
		})
	}
}

// A deleted topic's log is renamed at once and removed after file.delete.delay.ms. Meanwhile a new topic of that name has
// its own log.
func TestADeletedTopicsNameIsFree(t *testing.T) {
	s := newSolo(t, "log.segment.delete.delay.ms=2000")
	s.boot()
	s.publish(s.topic("orders", 1)...)
	s.receive(produce("orders", 1, batch("a")))
	require.EqualValues(t, 1, s.logEnd("orders"))
	again := s.topic("orders", 1)
	again[0].(*wire.TopicRecord).TopicID, again[1].(*wire.PartitionRecord).TopicID = topicID("second"), topicID("second")
	s.publish(&wire.RemoveTopicRecord{TopicID: topicID("orders")}, again[0], again[1])
	require.EqualValues(t, 0, s.logEnd("orders"))
	require.Len(t, s.dirs("orders-0"), 2)
	s.advance(2*env.Second - 1)
	require.Len(t, s.dirs("orders-0"), 2)
	s.advance(1)
	require.Equal(t, []string{"orders-0"}, s.dirs("orders-0"))
}

// A broker does not become leader according to an image from before its registration, because the leader in it may be its
// previous incarnation.
func TestNoLeadershipBeforeTheRegistration(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules func(*broker.Rules)
		leads bool
	}{
		{"today", func(*broker.Rules) {}, false},
		{"with the old rule", func(r *broker.Rules) { r.MayLead = func(wire.BrokerEpoch, wire.Offset) bool { return true } }, true},
	} {
		rules := broker.CurrentRules()
		tc.rules(&rules)
		s := newSoloUnder(t, rules)
		s.start()
		s.publish(append([]wire.MetadataRecord{s.registration(3), s.registration(2), s.registration(1)}, s.topic("orders", 1)...)...)
		require.Equal(t, tc.leads, s.hosts("orders"), tc.name)
		if tc.leads {
			continue
		}
		s.register(int64(s.metadata)) // the offset at which the registration's record will be
		s.publish(&wire.NoOpRecord{})
		require.True(t, s.hosts("orders"), tc.name)
	}
}

// Logs that the metadata does not assign to this broker are renamed at the first publication, and never later.
func TestStraysArePutAside(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.publish(append(s.topic("orders", 1), s.topic("audit", 1)...)...)
	s.receive(produce("orders", 1, batch("a")))
	s.receive(produce("audit", 1, batch("a")))
	s.renew()
	s.metadata = 0
	s.start()
	s.publish(append([]wire.MetadataRecord{s.registration(3), s.registration(2), s.registration(1)}, s.topic("audit", 1)...)...)
	require.Contains(t, s.lines, "note log.stray")
	require.Len(t, s.dirs("orders-0"), 1)
	require.True(t, strings.HasSuffix(s.dirs("orders-0")[0], "-stray"))
	require.Equal(t, []string{"audit-0"}, s.dirs("audit-0"))
	require.False(t, s.hosts("orders"))
}

// If the disk fails while the broker applies the metadata, the broker halts, and the rest of the change touches no log.
func TestAPublicationOnABrokenDiskExits(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.w.Disk("b1").FailOnce("audit-0", disk.OnNames)
	s.publish(append(s.topic("audit", 1), s.topic("orders", 1)...)...)
	s.expect("note log.dir-failed", "exit")
	require.Empty(t, s.dirs("orders-0"))
}

// A new leader of the quorum answers with the high watermark -1 until it has committed a record of its epoch, and with no record. A
// broker that has just started must not take that for an empty cluster, or all its logs for strays (MetadataLoader.stillNeedToCatchUp).
func TestAnUnknownHighWatermarkIsNoImage(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.publish(s.topic("orders", 1)...)
	s.receive(produce("orders", 1, batch("a")))
	s.renew()
	s.metadata = 0
	s.start()
	registrations := []wire.MetadataRecord{s.registration(3), s.registration(2), s.registration(1)}
	topic := s.topic("orders", 1)
	s.publishUpTo(-1)
	require.NotContains(t, s.lines, "note log.stray")
	s.publishUpTo(0) // the new leader has committed nothing, and the broker has seen no record
	require.NotContains(t, s.lines, "note log.stray")
	s.publishUpTo(-1, registrations...) // what an older leader has committed
	require.NotContains(t, s.lines, "note log.stray")
	s.publish(topic...)
	require.NotContains(t, s.lines, "note log.stray")
	require.Equal(t, []string{"orders-0"}, s.dirs("orders-0"))
	require.True(t, s.hosts("orders"))
}
