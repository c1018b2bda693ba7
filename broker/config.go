package broker

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
	"samsa/wire/config"
)

// Config has a broker's settings, which are read once when the process starts.
type Config struct {
	Node        wire.NodeID
	ClusterID   string
	Controllers []env.Addr  // controller.quorum.bootstrap.servers
	Static      *config.Set // server.properties; a topic's own configs override it
	Rules       Rules       // every rule must be set; see CurrentRules

	rack               *string
	heartbeat          env.Duration
	heartbeatWait      env.Duration // timeout of one attempt of a registration or heartbeat
	registrationWait   env.Duration
	lagMax             env.Duration
	fetchWait          env.Duration
	fetchBackoff       env.Duration
	fetchBytes         int32
	fetchBytesAll      int32
	fetchMin           int32
	fetchMax           int // maximal size of any fetch response
	requestTimeout     env.Duration
	retryBackoff       env.Duration
	metadataWait       env.Duration
	checkpointEvery    env.Duration
	recoveryEvery      env.Duration
	retentionEvery     env.Duration
	producersEvery     env.Duration
	flushEvery         env.Duration
	controlledShutdown bool
	initialDelay       env.Duration   // minimal wait before the first retention check, removal of producer ids, and flush
	log                storage.Config // settings of the logs of topics without configs of their own
	minISR             int            // min.insync.replicas of topics without configs of their own
}

// withDefaults returns the config with its unexported fields read from Static.
func (c Config) withDefaults() Config {
	s := c.Static
	if !s.IsNull("broker.rack") {
		c.rack = kmsg.StringPtr(s.Text("broker.rack"))
	}
	c.registrationWait = env.Duration(s.Duration("initial.broker.registration.timeout.ms"))
	c.heartbeat = env.Duration(s.Duration("broker.heartbeat.interval.ms"))
	c.lagMax = env.Duration(s.Duration("replica.lag.time.max.ms"))
	c.fetchWait = env.Duration(s.Duration("replica.fetch.wait.max.ms"))
	c.fetchBackoff = env.Duration(s.Duration("replica.fetch.backoff.ms"))
	c.fetchBytes = int32(s.Int("replica.fetch.max.bytes"))
	c.fetchBytesAll = int32(s.Int("replica.fetch.response.max.bytes"))
	c.requestTimeout = env.Duration(s.Duration("request.timeout.ms"))
	c.heartbeatWait = min(env.Duration(s.Duration("controller.socket.timeout.ms")), c.heartbeat)
	c.retryBackoff = 100 * env.Millisecond // Kafka's channels to the controller retry after a fixed 100 ms
	c.metadataWait = env.Duration(s.Duration("controller.quorum.fetch.timeout.ms"))
	c.checkpointEvery = env.Duration(s.Duration("replica.high.watermark.checkpoint.interval.ms"))
	c.recoveryEvery = env.Duration(s.Duration("log.flush.offset.checkpoint.interval.ms"))
	c.retentionEvery = env.Duration(s.Duration("log.retention.check.interval.ms"))
	c.producersEvery = env.Duration(s.Duration("producer.id.expiration.check.interval.ms"))
	c.flushEvery = env.Duration(s.Duration("log.flush.scheduler.interval.ms"))
	c.initialDelay = env.Duration(s.Duration("log.initial.task.delay.ms"))
	c.controlledShutdown = s.Bool("controlled.shutdown.enable")
	c.fetchMin = int32(s.Int("replica.fetch.min.bytes"))
	c.fetchMax = int(s.Int("fetch.max.bytes"))
	c.log, c.minISR = c.logConfig(config.New(config.Topic), s)
	return c
}

// topic returns a topic's settings. The topic's own configs in the image override the broker's. Set.With cannot fail here,
// because the controller refuses configs that are not in package config's table, so the image has none of them.
func (c *Config) topic(m *image.Image, name string) (storage.Config, int) {
	keys, broker := m.TopicConfigs(name), c.current(m)
	if len(keys) == 0 && broker == c.Static {
		return c.log, c.minISR
	}
	set := config.New(config.Topic)
	for _, k := range keys {
		v, _ := m.Config(k)
		if with, err := set.With(k.Name, v); err == nil {
			set = with
		}
	}
	return c.logConfig(set, broker)
}

// current returns the broker's settings with those that were set while the cluster runs (KIP-226): the broker's own override
// the ones of all brokers, which override server.properties. A config that Kafka reads only at the start stays as it was.
// Here a broker applies dynamic configs to its logs only: the defaults of its topics, and how long it keeps producer ids.
func (c *Config) current(m *image.Image) *config.Set {
	set := c.Static
	for _, of := range [...]string{"", strconv.Itoa(int(c.Node))} {
		for _, k := range m.ConfigsOf(wire.ConfigBroker, of) {
			row, known := config.Lookup(config.Broker, k.Name)
			if !known || !row.Is(config.Dynamic) {
				continue
			}
			v, _ := m.Config(k)
			if with, err := set.With(k.Name, v); err == nil {
				set = with
			}
		}
	}
	return set
}

// logConfig returns the result of LogConfig, and adds the settings that are the same for all topics of the broker.
func (c *Config) logConfig(topic, broker *config.Set) (log storage.Config, minISR int) {
	log, minISR = LogConfig(topic.Over(broker))
	log.Rules = c.Rules.Storage
	log.ProducerIDExpiration = env.Duration(broker.Duration("producer.id.expiration.ms"))
	log.MaxTransactionTime = env.Duration(broker.Duration("transaction.max.timeout.ms"))
	return log, minISR
}

// LogConfig turns a topic's configs into the settings of its logs and its min.insync.replicas.
func LogConfig(s *config.Set) (log storage.Config, minISR int) {
	log = storage.DefaultConfig()
	log.SegmentBytes = int32(s.Int("segment.bytes"))
	if !s.IsNull("internal.segment.bytes") {
		log.SegmentBytes = int32(s.Int("internal.segment.bytes"))
	}
	log.SegmentMs = env.Duration(s.Duration("segment.ms"))
	log.IndexIntervalBytes = int32(s.Int("index.interval.bytes"))
	log.IndexMaxBytes = int32(s.Int("segment.index.bytes"))
	log.RetentionMs = env.Duration(s.Duration("retention.ms"))
	log.RetentionBytes = s.Int("retention.bytes")
	log.MaxMessageBytes = int32(s.Int("max.message.bytes"))
	log.FlushMessages = s.Int("flush.messages")
	log.FlushMs = env.Duration(s.Duration("flush.ms"))
	log.FileDeleteDelay = env.Duration(s.Duration("file.delete.delay.ms"))
	log.TimestampBeforeMax = env.Duration(s.Duration("message.timestamp.before.max.ms"))
	log.TimestampAfterMax = env.Duration(s.Duration("message.timestamp.after.max.ms"))
	if s.Text("message.timestamp.type") == "LogAppendTime" {
		log.TimestampType = wire.LogAppendTime
	}
	log.Delete, log.Compact = false, false
	for _, policy := range s.List("cleanup.policy") {
		log.Delete = log.Delete || policy == "delete"
		log.Compact = log.Compact || policy == "compact"
	}
	return log, int(s.Int("min.insync.replicas"))
}
