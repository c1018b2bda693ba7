package client

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Token and timer kinds of all clients.
const (
	tokMetadata = iota + 1
	tokProduce
	tokListOffsets
	tokFetch
	tokAdmin
)

const (
	timMetadata = iota + 1 // the metadata backoff is over
	timLinger              // A: partition index
	timRetry               // A: partition index
	timFetch               // A: partition index
	timAdmin
)

// cluster is what a client knows of the brokers: the links it has and who leads what. Stale knowledge is normal; a
// broker's answer corrects it.
type cluster struct {
	bootstrap []env.Addr
	nodes     map[wire.NodeID]env.Addr
	links     map[env.Addr]env.Link
	leaders   map[wire.TopicPartition]leader
	topics    []string // that the client asked about, in order
	asking    bool     // a Metadata request or its backoff is under way
	again     bool     // somebody wanted fresher metadata while asking
	cfg       Config
}

// leader is who leads a partition, as far as this client heard. The epoch never goes back: an older answer of a broker
// that lags behind is ignored (KIP-320).
type leader struct {
	id    wire.TopicID
	node  wire.NodeID
	epoch wire.Epoch
}

// Config are a client's settings, Kafka's defaults.
type Config struct {
	Acks            int16        // acks: -1 all, 0, 1
	Linger          env.Duration // linger.ms
	BatchBytes      int          // batch.size
	RequestTimeout  env.Duration // request.timeout.ms
	DeliveryTimeout env.Duration // delivery.timeout.ms
	RetryBackoff    env.Duration // retry.backoff.ms
	FetchWait       env.Duration // fetch.max.wait.ms
	FetchBytes      int32        // max.partition.fetch.bytes
	Reset           Reset        // auto.offset.reset
}

// DefaultConfig is what Kafka's clients do when nobody tells them otherwise.
func DefaultConfig() Config {
	return Config{
		Acks: -1, Linger: 5 * env.Millisecond, BatchBytes: 16384,
		RequestTimeout: 30 * env.Second, DeliveryTimeout: 120 * env.Second, RetryBackoff: 100 * env.Millisecond,
		FetchWait: 500 * env.Millisecond, FetchBytes: 1 << 20, Reset: ResetLatest,
	}
}

func newCluster(bootstrap []env.Addr, cfg Config) *cluster {
	return &cluster{
		bootstrap: bootstrap, cfg: cfg,
		nodes: map[wire.NodeID]env.Addr{}, links: map[env.Addr]env.Link{}, leaders: map[wire.TopicPartition]leader{},
	}
}

// link is the connection to a machine, dialled if there is none.
func (c *cluster) link(e env.Env, to env.Addr) env.Link {
	l, ok := c.links[to]
	if !ok {
		l = e.Dial(to, env.LaneClient)
		c.links[to] = l
	}
	return l
}

// lost forgets a link that is gone.
func (c *cluster) lost(l env.Link) {
	for to, have := range c.links { //order: a link has one address
		if have == l {
			delete(c.links, to)
		}
	}
}

// want makes sure that a topic's metadata are asked for.
func (c *cluster) want(e env.Env, topic string) {
	for _, t := range c.topics {
		if t == topic {
			return
		}
	}
	c.topics = append(c.topics, topic)
	c.refresh(e)
}

// refresh asks some broker for the metadata of all wanted topics, unless that is already under way.
func (c *cluster) refresh(e env.Env) {
	if c.asking {
		c.again = true
		return
	}
	if len(c.topics) == 0 {
		return
	}
	c.asking, c.again = true, false
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(12)
	for _, t := range c.topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(t)
		req.Topics = append(req.Topics, rt)
	}
	to := c.bootstrap[e.Choose("client.metadata-broker", uint64(len(c.bootstrap)))]
	e.Call(c.link(e, to), c.cfg.RequestTimeout, req, env.Token{Kind: tokMetadata})
}

// backOff waits before the next refresh.
func (c *cluster) backOff(e env.Env) {
	c.asking = true
	e.Arm(env.Timer{Kind: timMetadata, Lane: env.LaneBackground}, c.cfg.RetryBackoff)
}

// rested ends the backoff.
func (c *cluster) rested(e env.Env) {
	c.asking = false
	c.refresh(e)
}

// learn takes a Metadata answer in. It backs off and asks again while a wanted topic has a partition without a leader.
func (c *cluster) learn(e env.Env, resp env.Response, err error) {
	c.asking = false
	if err != nil {
		c.backOff(e)
		return
	}
	m := resp.(*kmsg.MetadataResponse)
	for _, b := range m.Brokers {
		c.nodes[wire.NodeID(b.NodeID)] = env.Addr(b.Host)
	}
	missing := c.again
	for _, t := range m.Topics {
		if t.ErrorCode != 0 {
			missing = true
			continue
		}
		for _, p := range t.Partitions {
			tp := wire.TopicPartition{Topic: strings.Clone(*t.Topic), Partition: p.Partition}
			if p.Leader < 0 || p.ErrorCode == kerr.LeaderNotAvailable.Code {
				missing = true
			}
			if l := (leader{wire.TopicID(t.TopicID), wire.NodeID(p.Leader), wire.Epoch(p.LeaderEpoch)}); l.epoch >= c.leaders[tp].epoch {
				c.leaders[tp] = l
			}
		}
	}
	if missing {
		c.backOff(e)
	}
}

// leaderOf is the link to a partition's leader; ok is false if none is known.
func (c *cluster) leaderOf(e env.Env, tp wire.TopicPartition) (env.Link, leader, bool) {
	l, ok := c.leaders[tp]
	if !ok || l.node < 0 {
		return 0, l, false
	}
	addr, ok := c.nodes[l.node]
	if !ok {
		return 0, l, false
	}
	return c.link(e, addr), l, true
}
