package config

import "slices"

// order is a rule for two configs of a node: the first must not exceed the second.
type order struct {
	less, more string
	strict     bool // if set, the two must not be equal either
}

// orders has Kafka's requirements for pairs of node configs (AbstractKafkaConfig, GroupCoordinatorConfig,
// ShareGroupConfig). Among them are the rules that a group config must be between a minimum and a maximum that the node
// configures.
var orders = slices.Concat(
	[]order{
		{"replica.fetch.wait.max.ms", "replica.socket.timeout.ms", false},
		{"replica.fetch.wait.max.ms", "replica.lag.time.max.ms", false},
		{"group.share.max.size", "group.share.max.share.sessions", false},
		{"group.streams.num.standby.replicas", "group.streams.max.standby.replicas", false},
		{"group.streams.num.warmup.replicas", "group.streams.max.warmup.replicas", false},
		{"group.streams.min.task.offset.interval.ms", "group.streams.task.offset.interval.ms", false},
	},
	heartbeats("group.consumer."), heartbeats("group.share."), heartbeats("group.streams."),
	ranged("group.share.", "delivery.count.limit"),
	ranged("group.share.", "record.lock.duration.ms"),
	ranged("group.share.", "partition.max.record.locks"),
)

// ranged returns the rules that keep a config between two other configs, its minimum and its maximum.
func ranged(prefix, name string) []order {
	least, most := prefix+"min."+name, prefix+"max."+name
	return []order{{least, most, false}, {least, prefix + name, false}, {prefix + name, most, false}}
}

// heartbeats returns the rules for the heartbeat and session times of a kind of group.
func heartbeats(prefix string) []order {
	return slices.Concat(
		ranged(prefix, "session.timeout.ms"), ranged(prefix, "heartbeat.interval.ms"), ranged(prefix, "assignment.interval.ms"),
		[]order{{prefix + "heartbeat.interval.ms", prefix + "session.timeout.ms", true}},
	)
}

// Check returns an error for settings that are each allowed but contradict each other. A node, producer or consumer
// refuses to start with such settings, and a controller refuses to set them. Errors are *Error.
//
// Check looks only at the settings. It does not check conditions outside of them, for example that the node has tiered
// storage if a topic sets a retention for it.
func (s *Set) Check() error {
	if s.scope&Node != 0 {
		if err := s.checkNode(); err != nil {
			return err
		}
	}
	switch {
	case s.scope&Topic != 0:
		return s.atMost(order{"min.compaction.lag.ms", "max.compaction.lag.ms", false})
	case s.scope&Client == Producer:
		return s.checkProducer()
	case s.scope&Client == Consumer:
		return s.checkConsumer()
	}
	return nil
}

// object returns an error for the value of a config.
func (s *Set) object(name, why string) error {
	v, _ := s.Get(name)
	return &Error{Name: name, Value: v.String(), Why: name + "=" + v.String() + ": " + why}
}

func (s *Set) atMost(o order) error {
	less, more := s.Int(o.less), s.Int(o.more)
	limit, _ := s.Get(o.more)
	switch {
	case o.strict && less >= more:
		return s.object(o.less, "must be less than "+o.more+"="+limit.String())
	case less > more:
		return s.object(o.less, "must not exceed "+o.more+"="+limit.String())
	}
	return nil
}

func (s *Set) checkNode() error {
	for _, o := range orders {
		if err := s.atMost(o); err != nil {
			return err
		}
	}
	const mebibyte = 1 << 20
	switch {
	case s.Int("log.cleaner.threads") > 0 && s.Int("log.cleaner.dedupe.buffer.size")/s.Int("log.cleaner.threads") <= mebibyte:
		return s.object("log.cleaner.dedupe.buffer.size", "must be more than 1 MiB for each of log.cleaner.threads")
	case s.Int("log.retention.ms") == 0:
		return s.object("log.retention.ms", "must be -1, which is no limit, or at least 1")
	case s.Int("log.roll.ms") < 1:
		return s.object("log.roll.ms", "must be at least 1")
	case s.Int("log.roll.jitter.ms") < 0:
		return s.object("log.roll.jitter.ms", "must be at least 0")
	case s.Int("queued.max.request.bytes") > 0 && s.Int("queued.max.request.bytes") < s.Int("socket.request.max.bytes"):
		return s.object("queued.max.request.bytes", "must be at least socket.request.max.bytes, or one request could never be taken")
	case !slices.Contains(s.List("group.coordinator.rebalance.protocols"), "classic"):
		return s.object("group.coordinator.rebalance.protocols", "must contain classic")
	}
	return nil
}

// isSet reports whether the config is set, even if it is set to its default.
func (s *Set) isSet(name string) bool { _, set := s.search(name); return set }

// Idempotent reports whether a producer with these settings is idempotent. A producer is idempotent by default, unless
// acks or retries have values that silently turn idempotence off.
func (s *Set) Idempotent() bool {
	return s.Bool("enable.idempotence") && s.acksAll() && s.Int("retries") > 0
}

func (s *Set) acksAll() bool { acks := s.Text("acks"); return acks == "all" || acks == "-1" }

// DeliveryTimeout returns delivery.timeout.ms of a producer. If delivery.timeout.ms is not set, the result is at least
// the sum of linger.ms and request.timeout.ms, even if the default is smaller.
func (s *Set) DeliveryTimeout() Duration {
	d := s.Duration("delivery.timeout.ms")
	if !s.isSet("delivery.timeout.ms") {
		d = max(d, s.lingerAndRequest())
	}
	return d
}

// lingerAndRequest returns the shortest time in which a batch can be delivered. Kafka stores this time in milliseconds
// as an int, so it is at most MaxInt32 milliseconds.
func (s *Set) lingerAndRequest() Duration {
	const most = (1<<31 - 1) * millisecond
	return min(min(s.Duration("linger.ms"), most)+s.Duration("request.timeout.ms"), most)
}

// checkProducer makes the checks of ProducerConfig and KafkaProducer.
func (s *Set) checkProducer() error {
	wanted := s.isSet("enable.idempotence") && s.Bool("enable.idempotence")
	switch {
	case wanted && s.Int("retries") == 0:
		return s.object("retries", "an idempotent producer must retry")
	case wanted && !s.acksAll():
		return s.object("acks", "an idempotent producer needs acks=all")
	case s.Bool("enable.idempotence") && s.Int("max.in.flight.requests.per.connection") > 5:
		// This is an error since 4.0, even if idempotence is off for another reason.
		return s.object("max.in.flight.requests.per.connection", "must be at most 5 unless enable.idempotence=false")
	case s.isSet("transactional.id") && !s.Idempotent():
		return s.object("transactional.id", "needs an idempotent producer: enable.idempotence=true, acks=all and retries")
	case s.Bool("transaction.two.phase.commit.enable") && s.isSet("transaction.timeout.ms"):
		return s.object("transaction.timeout.ms", "transactions with transaction.two.phase.commit.enable=true do not time out")
	case s.DeliveryTimeout() < s.lingerAndRequest():
		return s.object("delivery.timeout.ms", "must be at least linger.ms + request.timeout.ms")
	}
	return nil
}

// byProtocol has the consumer configs that only one value of group.protocol allows. If group.protocol has the other
// value, these configs must not be set.
var byProtocol = []struct {
	name    string
	classic bool
}{
	{"session.timeout.ms", true},
	{"heartbeat.interval.ms", true},
	{"partition.assignment.strategy", true},
	{"group.remote.assignor", false},
}

// checkConsumer makes the checks of ConsumerConfig and KafkaConsumer.
func (s *Set) checkConsumer() error {
	classic := len(s.Text("group.protocol")) == len("classic") // the only other value is "consumer"; case is ignored
	for _, c := range byProtocol {
		if c.classic != classic && s.isSet(c.name) {
			return s.object(c.name, "cannot be set with group.protocol="+s.Text("group.protocol"))
		}
	}
	switch {
	case s.isSet("group.id") && s.Text("group.id") == "":
		return s.object("group.id", "must not be empty")
	case s.IsNull("group.id") && s.isSet("enable.auto.commit") && s.Bool("enable.auto.commit"):
		return s.object("enable.auto.commit", "there is nothing to commit for without a group.id")
	case classic && !s.IsNull("group.id"):
		return s.atMost(order{"heartbeat.interval.ms", "session.timeout.ms", true})
	}
	return nil
}
