package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A controller answers operators, and a broker in controlled shutdown, with success only when the change is committed.
func TestAControllerAnswersAfterTheCommit(t *testing.T) {
	set := func(value *string, known wire.Offset) Reply {
		return Reply{Kind: ToConfig, Setting: Setting{Resource: wire.ConfigTopic, Of: "orders", Name: "retention.ms", Value: value, Known: known}}
	}
	config := func(value *string) wire.MetadataRecord {
		return &wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: "orders", Name: "retention.ms", Value: value}
	}
	for name, c := range map[string]struct {
		booked []wire.MetadataRecord
		reply  Reply
		want   Status
	}{
		"a deletion":                  {[]wire.MetadataRecord{&wire.RemoveTopicRecord{TopicID: ordersID}}, Reply{Kind: ToDeletion, Topic: ordersID}, Held},
		"a deletion too early":        {nil, Reply{Kind: ToDeletion, Topic: ordersID}, Violated},
		"a partition more":            {[]wire.MetadataRecord{&wire.PartitionRecord{TopicID: ordersID, PartitionID: 1, Replicas: ids(1), ISR: ids(1), Leader: 1}}, Reply{Kind: ToGrowth, Topic: ordersID, Partitions: 2}, Held},
		"a partition more, too early": {nil, Reply{Kind: ToGrowth, Topic: ordersID, Partitions: 2}, Violated},
		"a config":                    {[]wire.MetadataRecord{config(text("5"))}, set(text("5"), 99), Held},
		"a config too early":          {nil, set(text("5"), 99), Violated},
		"a config that was set again": {[]wire.MetadataRecord{config(text("6"))}, set(text("5"), 0), Held},
		"another config":              {[]wire.MetadataRecord{config(text("6"))}, set(text("5"), 99), Violated},
		"a config taken back":         {[]wire.MetadataRecord{config(text("6")), config(nil)}, set(nil, 99), Held},
		"a config not taken back":     {[]wire.MetadataRecord{config(text("6"))}, set(nil, 99), Violated},
		"a level":                     {[]wire.MetadataRecord{&wire.FeatureLevelRecord{Name: elrVersion, Level: 1}}, Reply{Kind: ToLevel, Setting: Setting{Name: elrVersion, Level: 1, Known: 99}}, Held},
		"a level too early":           {nil, Reply{Kind: ToLevel, Setting: Setting{Name: elrVersion, Level: 1, Known: 99}}, Violated},
		"a broker may shut down":      {nil, Reply{Kind: ToShutdown, Broker: 2, BrokerEpoch: 3}, Held},
		"a leader may not":            {nil, Reply{Kind: ToShutdown, Broker: 1, BrokerEpoch: 1}, Violated},
		"an incarnation that is gone": {nil, Reply{Kind: ToShutdown, Broker: 1, BrokerEpoch: 0}, Held},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			for _, r := range c.booked {
				s.commit(r)
			}
			if c.reply.Kind == ToShutdown && c.reply.BrokerEpoch > 0 {
				c.reply.BrokerEpoch = s.Registered(c.reply.Broker)
			}
			s.Replied(nil, c.reply)
			f := find(t, s.done(), "reply-after-commit")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// Bytes are not compared if a leader may change the batches of its producers, or if the stored batch is of a later epoch.
func TestALeaderMayStoreOtherBytes(t *testing.T) {
	for name, c := range map[string]struct {
		config, value string
		epoch         wire.Epoch
		want          Status
	}{
		"as sent":           {"retention.ms", "1", 0, Violated},
		"compressed anew":   {"compression.type", "gzip", 0, Unexercised},
		"as the producer":   {"compression.type", "producer", 0, Violated},
		"with its own time": {"message.timestamp.type", "LogAppendTime", 0, Unexercised},
		"overwritten since": {"retention.ms", "1", 1, Unexercised},
	} {
		s := staged(2)
		s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: c.config, Value: text(c.value)})
		s.write(0, c.epoch, 0xA, 1, 2, 3)
		s.Acked(s.p, s.p.Replica(1), 0, 1, Given{CRC: 0xB})
		require.Equal(t, c.want, find(t, s.done(), "stored-as-sent").Status, name)
	}
}
