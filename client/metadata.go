package client

import (
	"cmp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// The kinds of tokens and timers of Client and Admin.
const (
	tokMetadata        = iota + 1
	tokProduce         // A: request
	tokFetch           // A: node, B: fetch number
	tokPosition        // A: cursor, B: generation, C: the leader epoch up to which the response validates the position
	tokCall            // A: call, B: attempt
	tokAdmin           // A: generation
	tokDescribeCluster // A: generation
)

const (
	timMetadata    = iota + 1 // the metadata backoff is over
	timMetadataAge            // metadata.max.age.ms is over
	timLinger                 // A: queue
	timRetry                  // A: queue
	timDelivery               // the delivery.timeout.ms of batch A is over
	timBlock                  // the max.block.ms of record A is over
	timFetch                  // A: cursor
	timCall                   // A: call, B: attempt
	timSleep                  // A: script
	timAdmin
)

// metadataCache is a client's view of the cluster, with its links and the leader of every partition (Metadata). It may be
// stale until a broker's response corrects it.
type metadataCache struct {
	cfg       Config
	bootstrap []env.Addr
	nodes     map[wire.NodeID]env.Addr
	links     map[env.Addr]env.Link
	topics    map[string]*topic
	names     []string // names of the topics that the client uses, in the order of their first use
	asksNodes bool     // the client needs the brokers' addresses, even if it uses no topic

	updating    bool // a Metadata request or its backoff is under way
	updateAgain bool // an update was requested while one was under way
	attempts    int  // number of attempts that failed in a row
}

// topic is the metadata of one topic.
type topic struct {
	id      wire.TopicID
	err     *kerr.Error // the error of the last response, or nil
	leaders []leader    // by partition; empty before the first response without an error
}

// leader is the leader of a partition as far as this client knows. For a given topic id, the epoch never decreases. A
// response of a broker with older metadata is ignored (KIP-320).
type leader struct {
	topicID wire.TopicID
	node    wire.NodeID // NoNode while there is none
	epoch   wire.Epoch
}

func newMetadataCache(bootstrap []env.Addr, cfg Config) *metadataCache {
	return &metadataCache{
		bootstrap: bootstrap, cfg: cfg.withDefaults(),
		nodes: map[wire.NodeID]env.Addr{}, links: map[env.Addr]env.Link{}, topics: map[string]*topic{},
	}
}

// link returns the connection to a machine, and dials it if there is none.
func (c *metadataCache) link(e env.Env, to env.Addr) env.Link {
	l, ok := c.links[to]
	if !ok {
		l = e.Dial(to, env.LaneClient)
		c.links[to] = l
	}
	return l
}

// handleDisconnect drops a closed link and requests a metadata update, because with acks=0 a closed link is the only sign
// that the producer's broker is not the leader (NetworkClient.handleServerDisconnect).
func (c *metadataCache) handleDisconnect(e env.Env, l env.Link) {
	for to, have := range c.links { //order: irrelevant, at most one entry matches
		if have == l {
			delete(c.links, to)
		}
	}
	c.refresh(e)
}

// addTopic adds a topic to the metadata requests of this client.
func (c *metadataCache) addTopic(e env.Env, name string) {
	if c.topics[name] == nil {
		c.topics[name] = &topic{}
		c.names = append(c.names, name)
		c.refresh(e)
	}
}

// refresh requests the metadata of all topics from a broker, unless an update is under way.
func (c *metadataCache) refresh(e env.Env) {
	if c.updating {
		c.updateAgain = true
		return
	}
	if len(c.names) == 0 && !c.asksNodes {
		return
	}
	c.updating, c.updateAgain = true, false
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(13)
	for _, name := range c.names {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, rt)
	}
	e.Call(c.link(e, c.anyBroker(e)), c.cfg.RequestTimeout, req, env.Token{Kind: tokMetadata})
}

// anyBroker returns a broker for a request that every broker serves. It chooses one of the bootstrap machines, because here
// all bootstrap machines are brokers.
func (c *metadataCache) anyBroker(e env.Env) env.Addr {
	return c.bootstrap[e.Choose("client.metadata-broker", uint64(len(c.bootstrap)))]
}

// handleMetadataResponse updates the cache. While a partition has no leader, it requests the metadata again after a backoff.
func (c *metadataCache) handleMetadataResponse(e env.Env, resp env.Response, err error) {
	c.updating = false
	m, _ := resp.(*kmsg.MetadataResponse)
	if err != nil || m.ErrorCode != 0 {
		c.attempts++
		c.backOff(e)
		return
	}
	for _, b := range m.Brokers {
		c.nodes[wire.NodeID(b.NodeID)] = env.Addr(b.Host)
	}
	missing := c.updateAgain
	for i := range m.Topics {
		missing = c.updateTopic(&m.Topics[i]) || missing
	}
	if missing {
		c.attempts++
		c.backOff(e)
		return
	}
	c.attempts = 0
	e.Arm(env.Timer{Kind: timMetadataAge, Lane: env.LaneBackground}, c.cfg.MetadataMaxAge)
}

// updateTopic updates one topic, and reports whether a leader or the whole topic is missing.
func (c *metadataCache) updateTopic(m *kmsg.MetadataResponseTopic) (missing bool) {
	if m.Topic == nil {
		return false
	}
	t := c.topics[*m.Topic]
	if t == nil {
		return false
	}
	if t.err = kerr.TypedErrorForCode(m.ErrorCode); m.ErrorCode != 0 {
		return retriable(m.ErrorCode)
	}
	t.err = nil
	if id := wire.TopicID(m.TopicID); id != t.id { // the topic was created again, so its leaders are new
		t.id, t.leaders = id, nil
	}
	for _, p := range m.Partitions {
		for int(p.Partition) >= len(t.leaders) {
			t.leaders = append(t.leaders, leader{t.id, wire.NoNode, wire.NoEpoch})
		}
		if l := &t.leaders[p.Partition]; wire.Epoch(p.LeaderEpoch) >= l.epoch {
			l.node, l.epoch = wire.NodeID(p.Leader), wire.Epoch(p.LeaderEpoch)
		}
		missing = missing || t.leaders[p.Partition].node == wire.NoNode
	}
	return missing
}

// updateLeader takes the new leader from the response of a broker that does not lead (KIP-951). If the topic was deleted
// meanwhile, the response does not apply to the topic that has the same name now. Kafka's client does not compare the ids
// (Metadata.updatePartitionLeadership), and afterwards ignores the lower epochs of the new topic forever.
func (c *metadataCache) updateLeader(tp wire.TopicPartition, id wire.TopicID, node wire.NodeID, epoch wire.Epoch, host string) {
	t := c.topics[tp.Topic]
	if node < 0 || t == nil || t.id != id || int(tp.Partition) >= len(t.leaders) || epoch <= t.leaders[tp.Partition].epoch {
		return
	}
	if host != "" {
		c.nodes[node] = env.Addr(strings.Clone(host))
	}
	if _, known := c.nodes[node]; known {
		l := &t.leaders[tp.Partition]
		l.node, l.epoch = node, epoch
	}
}

// backOff arms the backoff before the next update.
func (c *metadataCache) backOff(e env.Env) {
	c.updating = true
	e.Arm(env.Timer{Kind: timMetadata, Lane: env.LaneBackground}, c.cfg.backoff(e, c.attempts))
}

// metadataBackoffOver requests the next update after a backoff.
func (c *metadataCache) metadataBackoffOver(e env.Env) {
	c.updating = false
	c.refresh(e)
}

// leader returns the leader of a partition; ok is false if none is known.
func (c *metadataCache) leader(tp wire.TopicPartition) (l leader, ok bool) {
	t := c.topics[tp.Topic]
	if t == nil || int(tp.Partition) >= len(t.leaders) {
		return leader{node: wire.NoNode, epoch: wire.NoEpoch}, false
	}
	l = t.leaders[tp.Partition]
	_, known := c.nodes[l.node]
	return l, known
}

// topicID returns a topic's id for notes, or 0 if it is not known.
func (c *metadataCache) topicID(name string) int64 {
	if t := c.topics[name]; t != nil {
		return t.id.Short()
	}
	return 0
}

// sortedNodes returns the keys of a map by node, in ascending order.
func sortedNodes[V any](m map[wire.NodeID]V) []wire.NodeID {
	all := make([]wire.NodeID, 0, len(m))
	for id := range m { //order: sorted below
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b wire.NodeID) int { return cmp.Compare(a, b) }) //total: ids are unique
	return all
}
