package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/client"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// configs holds a cluster's settings in the form that its nodes need.
type configs struct {
	brokers     *config.Set // the configs of nodes
	controllers *config.Set
	features    []controller.Feature // the feature levels of a new cluster
	rules       nodeRules
	own         map[wire.NodeID]*config.Set // the configs of brokers that have some of their own
}

// configure sorts the settings of the cluster verb by kind of node. A config that both kinds have goes to both, as if all
// nodes shared one server.properties.
func configure(o Options) (configs, error) {
	c := configs{brokers: config.New(config.Broker), controllers: config.New(config.Controller), features: controller.DefaultFeatures()}
	var err error
	if c.rules, err = rules(o.Rules); err != nil {
		return c, err
	}
	if o.Decided != nil {
		c.rules = c.rules.compared(o.Decided)
	}
	if o.Otherwise != nil {
		c.rules = c.rules.watched(o.Otherwise)
	}
	for _, s := range o.Configs {
		known := c.finalise(s)
		ofBrokers, ofControllers := take(&c.brokers, config.Broker, s), take(&c.controllers, config.Controller, s)
		if !known && !ofBrokers && !ofControllers {
			return c, fmt.Errorf("%s=%s is no setting of a broker or a controller, and no feature of this build", s.Name, s.Value)
		}
	}
	for _, own := range o.Own {
		id, err := strconv.ParseInt(strings.TrimPrefix(string(own.Host), "b"), 10, 32)
		if err != nil {
			return c, fmt.Errorf("%s is no broker", own.Host)
		}
		set := c.of(wire.NodeID(id))
		for _, s := range own.Configs {
			if !take(&set, config.Broker, s) {
				return c, fmt.Errorf("%s=%s is no setting of a broker", s.Name, s.Value)
			}
		}
		if c.own == nil {
			c.own = map[wire.NodeID]*config.Set{}
		}
		c.own[wire.NodeID(id)] = set
	}
	return c, nil
}

// sharedConfigs are the configs that all brokers must have in common besides the defaults of topics: the bounds of liveness checks
// are made of them.
var sharedConfigs = [...]string{"broker.session.timeout.ms", "broker.heartbeat.interval.ms", "replica.lag.time.max.ms", "replica.fetch.wait.max.ms",
	"request.timeout.ms", "replica.fetch.backoff.ms"}

// Shared reports whether all brokers must have a config in common, because checks rely on it.
func Shared(name string) bool {
	for _, c := range config.Of(config.Topic) {
		for _, y := range c.Synonyms() {
			if y.Name == name {
				return true
			}
		}
	}
	return slices.Contains(sharedConfigs[:], name)
}

// take adds a setting to a set if the scope has the setting. It looks the name up first, because most names that are not in
// this scope are in the other one, and building an error about an unknown name is slow, because it computes suggestions.
func take(set **config.Set, scope config.Scope, s Setting) bool {
	if _, ok := config.Lookup(scope, s.Name); !ok {
		return false
	}
	with, err := (*set).With(s.Name, s.Value)
	if err == nil {
		*set = with
	}
	return err == nil
}

// finalise adds the level of a feature if the setting names a feature.
func (c *configs) finalise(s Setting) bool {
	for i := range c.features {
		f := &c.features[i]
		level, err := strconv.ParseInt(s.Value, 10, 16)
		if f.Name == s.Name && err == nil && int16(level) >= f.Min && int16(level) <= f.Max {
			f.Level = int16(level)
			return true
		}
	}
	return false
}

// clusterID is the id of every simulated cluster.
const clusterID = "c2Ftc2Etc2Ftc2Etc2Ftcw"

func (c *configs) controller(id wire.NodeID, voters []raft.Voter) controller.Config {
	ms := func(name string) env.Duration { return env.Duration(c.controllers.Duration(name)) }
	topics := config.New(config.Topic).Over(c.controllers)
	k := controller.DefaultConfig(id, voters)
	k.ClusterID, k.Oracle = clusterID, true
	k.Rules, k.Quorum.Rules = c.rules.controller, c.rules.quorum
	k.SessionTimeout, k.Features = ms("broker.session.timeout.ms"), c.features
	k.Unclean, k.MinISR = topics.Bool("unclean.leader.election.enable"), int(topics.Int("min.insync.replicas"))
	k.Quorum.Log, _ = broker.LogConfig(config.New(config.Topic))
	k.Quorum.ElectionTimeout, k.Quorum.FetchTimeout = ms("controller.quorum.election.timeout.ms"), ms("controller.quorum.fetch.timeout.ms")
	k.Quorum.RequestTimeout, k.Quorum.RetryBackoff = ms("controller.quorum.request.timeout.ms"), ms("controller.quorum.retry.backoff.ms")
	// Kafka holds a fetch for at most 500 ms (KafkaRaftClient.MAX_FETCH_WAIT_MS), a quarter of the default fetch timeout. A
	// shorter fetch timeout shortens this wait to a quarter of it; otherwise an idle quorum would hold elections again and
	// again.
	k.Quorum.FetchWait = min(k.Quorum.FetchWait, k.Quorum.FetchTimeout/4)
	k.Quorum.BackoffMax = ms("controller.quorum.election.backoff.max.ms")
	k.Quorum.FetchBytes = int32(c.controllers.Int("controller.quorum.fetch.max.bytes"))
	k.Partitions, k.Replication = int32(c.brokers.Int("num.partitions")), int16(c.brokers.Int("default.replication.factor"))
	k.BalanceEvery = 0
	if c.controllers.Bool("auto.leader.rebalance.enable") {
		k.BalanceEvery = env.Duration(c.controllers.Int("leader.imbalance.check.interval.seconds")) * env.Second
	}
	k.UncleanEvery = ms("unclean.leader.election.interval.ms")
	k.CheckConfigs, k.ListDefault = checkConfigs, listDefault
	k.TopicConfigs = func(brokers, topic []controller.Setting) []kmsg.CreateTopicsResponseTopicConfig {
		return topicConfigs(c.brokers, brokers, topic)
	}
	return k
}

// checkConfigs validates the configs of a resource that are set while the cluster runs (LogConfig.validate). A topic can have
// only configs of the table. A broker can have others, which have no effect here.
func checkConfigs(resource wire.ConfigResource, all []controller.Setting) error {
	if resource != wire.ConfigTopic {
		return checkNodeConfigs(all)
	}
	set := config.New(config.Topic)
	for _, s := range all {
		if _, known := config.Lookup(config.Topic, s.Name); !known {
			return fmt.Errorf("Unknown topic config name: %s", s.Name)
		}
	}
	for _, s := range all {
		with, err := set.With(s.Name, s.Value)
		if err != nil {
			return reasonOf(err)
		}
		set = with
	}
	if less, more := set.Int("min.compaction.lag.ms"), set.Int("max.compaction.lag.ms"); less > more {
		return fmt.Errorf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", less, more)
	}
	if set.Bool("remote.storage.enable") {
		return errors.New("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	return set.Check()
}

func checkNodeConfigs(all []controller.Setting) error {
	for _, s := range all {
		known, ok := config.Lookup(config.Node, s.Name)
		if !ok {
			continue
		}
		if _, err := config.Parse(known, s.Value); err != nil {
			return reasonOf(err)
		}
	}
	return nil
}

// reasonOf returns Kafka's message for a bad value.
func reasonOf(err error) error {
	if bad, ok := err.(*config.Error); ok && bad.Why != "" {
		return errors.New(bad.Why)
	}
	return err
}

// listDefault returns the default of a config that is a list.
func listDefault(resource wire.ConfigResource, name string) (string, bool) {
	scope := config.Node
	if resource == wire.ConfigTopic {
		scope = config.Topic
	}
	c, ok := config.Lookup(scope, name)
	if !ok || c.Kind != config.List {
		return "", false
	}
	if c.Default == config.Null {
		return "", true
	}
	return c.Default, true
}

// topicConfigs returns the configs in force for a new topic, sorted by name, with the source of each value.
func topicConfigs(node *config.Set, brokers, topic []controller.Setting) (all []kmsg.CreateTopicsResponseTopicConfig) {
	set := config.New(config.Topic)
	for _, s := range brokers {
		if with, err := node.With(s.Name, s.Value); err == nil {
			node = with
		}
	}
	for _, s := range topic {
		if with, err := set.With(s.Name, s.Value); err == nil {
			set = with
		}
	}
	set = set.Over(node)
	for _, row := range config.Of(config.Topic) {
		if row.Is(config.Internal) {
			continue
		}
		v, from := set.Get(row.Name)
		cfg := kmsg.NewCreateTopicsResponseTopicConfig()
		cfg.Name = row.Name
		if text := v.String(); text != config.Null {
			cfg.Value = kmsg.StringPtr(text)
		}
		switch {
		case from == config.FromOwn:
			cfg.Source = int8(kmsg.ConfigSourceDynamicTopicConfig)
		case from == config.FromNode && dynamic(row, brokers):
			cfg.Source = int8(kmsg.ConfigSourceDynamicDefaultBrokerConfig)
		case from == config.FromNode:
			cfg.Source = int8(kmsg.ConfigSourceStaticBrokerConfig)
		default:
			cfg.Source = int8(kmsg.ConfigSourceDefaultConfig)
		}
		all = append(all, cfg)
	}
	return all
}

// dynamic reports whether the value of a topic config comes from a dynamic config of all brokers, through its first synonym that
// is set.
func dynamic(row *config.Config, brokers []controller.Setting) bool {
	for _, y := range row.Synonyms() {
		if slices.ContainsFunc(brokers, func(s controller.Setting) bool { return s.Name == y.Name }) {
			return true
		}
	}
	return false
}

func (c *configs) broker(id wire.NodeID, controllers []env.Addr) broker.Config {
	return broker.Config{Node: id, ClusterID: clusterID, Controllers: controllers, Static: c.of(id), Rules: c.rules.broker}
}

// of returns the settings of one broker.
func (c *configs) of(id wire.NodeID) *config.Set {
	if own := c.own[id]; own != nil {
		return own
	}
	return c.inRack(id)
}

// inRack returns the brokers' settings with the broker.rack of one broker. One line sets all brokers, so a value may list
// several racks, such as "east,west", which are assigned in turn.
func (c *configs) inRack(id wire.NodeID) *config.Set {
	if c.brokers.IsNull("broker.rack") {
		return c.brokers
	}
	racks := strings.Split(c.brokers.Text("broker.rack"), ",")
	if own, err := c.brokers.With("broker.rack", racks[max(int(id)-1, 0)%len(racks)]); err == nil {
		return own
	}
	return c.brokers
}

// longestCall returns the longest request timeout of any client or node. The argument patience is the longest request
// timeout of any client.
func (c *configs) longestCall(patience env.Duration) env.Duration {
	return max(patience, env.Duration(c.brokers.Duration("request.timeout.ms")), env.Duration(c.brokers.Duration("controller.quorum.fetch.timeout.ms")))
}

// threads returns the num.io.threads of a node.
func (c *configs) threads(id wire.NodeID) int { return int(c.of(id).Int("num.io.threads")) }

// client returns a client's config for its producer and its consumer, from the settings on its line.
func (c *configs) client(settings []Setting) (client.Config, error) {
	p, k := config.New(config.Producer), config.New(config.Consumer)
	for _, s := range settings {
		if ofProducer, ofConsumer := take(&p, config.Producer, s), take(&k, config.Consumer, s); !ofProducer && !ofConsumer {
			return client.Config{}, fmt.Errorf("%s=%s is no setting of a client", s.Name, s.Value)
		}
	}
	span := func(s *config.Set, name string) env.Duration { return env.Duration(s.Duration(name)) }
	cfg := client.Config{
		RequestTimeout: span(p, "request.timeout.ms"), RetryBackoff: span(p, "retry.backoff.ms"), RetryBackoffMax: span(p, "retry.backoff.max.ms"),
		MetadataMaxAge: span(p, "metadata.max.age.ms"), Linger: span(p, "linger.ms"), BatchBytes: int(p.Int("batch.size")),
		RequestBytes: int(p.Int("max.request.size")), MaxBlock: span(p, "max.block.ms"), DeliveryTimeout: span(p, "delivery.timeout.ms"),
		FetchWait: span(k, "fetch.max.wait.ms"), FetchMin: int32(k.Int("fetch.min.bytes")), FetchBytes: int32(k.Int("max.partition.fetch.bytes")),
		FetchMax: int32(k.Int("fetch.max.bytes")), Committed: k.Text("isolation.level") == "read_committed",
	}
	// Kafka's default of 5 keeps the order only with idempotence, so the default here is 1.
	if v, from := p.Get("max.in.flight.requests.per.connection"); from == config.FromOwn {
		n, _ := strconv.Atoi(v.String())
		cfg.MaxInFlight = n
	}
	switch p.Text("acks") {
	case "0":
	case "1":
		cfg.Acks = 1
	default:
		cfg.Acks = -1
	}
	switch reset := k.Text("auto.offset.reset"); reset {
	case "earliest":
		cfg.Reset = client.ResetEarliest
	case "none":
		cfg.Reset = client.ResetNone
	default:
		if back, ok := config.StartDuration(reset); ok {
			cfg.Reset, cfg.ResetBack = client.ResetByDuration, env.Duration(back)
		}
	}
	return cfg, nil
}
