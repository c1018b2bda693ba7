package broker

import (
	"testing"

	"samsa/controller/image"
	"samsa/wire"
	"samsa/wire/config"
)

// internal.segment.bytes has no lower bound and wins over segment.bytes, as in Kafka's LogConfig.segmentSize.
func TestInternalSegmentBytes(t *testing.T) {
	set := config.New(config.Topic)
	for _, s := range [][2]string{{"segment.bytes", "2097152"}, {"internal.segment.bytes", "4096"}} {
		with, err := set.With(s[0], s[1])
		if err != nil {
			t.Fatal(err)
		}
		set = with
		log, _ := LogConfig(set)
		if want := map[string]int32{"segment.bytes": 2097152, "internal.segment.bytes": 4096}[s[0]]; log.SegmentBytes != want {
			t.Errorf("with %s=%s segments have %d bytes", s[0], s[1], log.SegmentBytes)
		}
	}
}

// A topic's own config overrides that of its broker, which overrides the default of all brokers, which overrides
// server.properties (KIP-226). A config that Kafka reads only at the start does not change.
func TestDynamicBrokerConfigs(t *testing.T) {
	static, err := config.New(config.Broker).With("min.insync.replicas", "1")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Node: 2, Static: static}.withDefaults()
	m := image.New()
	set := func(of wire.ConfigResource, name, key, value string) {
		m.Apply(&wire.ConfigRecord{ResourceType: of, ResourceName: name, Name: key, Value: &value})
	}
	m.Apply(&wire.TopicRecord{Name: "orders", TopicID: wire.TopicID{1}})
	check := func(what string, wantISR int, wantBytes int64) {
		t.Helper()
		if log, minISR := c.topic(m, "orders"); minISR != wantISR || log.RetentionBytes != wantBytes {
			t.Errorf("%s: min.insync.replicas %d and retention.bytes %d, want %d and %d", what, minISR, log.RetentionBytes, wantISR, wantBytes)
		}
	}
	check("server.properties", 1, -1)
	set(wire.ConfigBroker, "", "log.retention.bytes", "900")
	set(wire.ConfigBroker, "", "min.insync.replicas", "2")
	check("the default of all brokers", 2, 900)
	set(wire.ConfigBroker, "3", "min.insync.replicas", "7")
	check("another broker's", 2, 900)
	set(wire.ConfigBroker, "2", "min.insync.replicas", "3")
	check("its own", 3, 900)
	set(wire.ConfigTopic, "orders", "min.insync.replicas", "4")
	check("the topic's", 4, 900)
	set(wire.ConfigBroker, "2", "replica.lag.time.max.ms", "5")
	if c.current(m).Duration("replica.lag.time.max.ms") != static.Duration("replica.lag.time.max.ms") {
		t.Error("replica.lag.time.max.ms changed, which Kafka reads only at the start")
	}
}
