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

// Token and timer kinds of all clients.
const (
	tokMetadata = iota + 1
	tokProduce  // A: flight
	tokFetch    // A: node, B: fetch number
	tokPosition // A: cursor, B: turn, C: 1 if it is a validation
	tokAsk      // A: question
	tokAdmin    // A: turn
	tokWhoLeads // A: turn
)

const (
	timMetadata = iota + 1 // the metadata backoff is over
	timAge                 // the metadata are old
	timLinger              // A: outbox
	timRetry               // A: outbox
	timDelivery            // A: batch: its delivery.timeout.ms is over
	timBlock               // A: record: its max.block.ms is over
	timFetch               // A: cursor
	timAsk                 // A: question
	timSleep               // A: script
	timAdmin
)

// cluster is what a client knows of the brokers: the links it has and who leads what. Stale knowledge is normal; a
// broker's answer corrects it.
type cluster struct {
	cfg       Config
	bootstrap []env.Addr
	nodes     map[wire.NodeID]env.Addr
	links     map[env.Addr]env.Link
	topics    map[string]*topic
	order     []string // the topics that the client asked about, in order

	asking bool // a Metadata request or its backoff is under way
	again  bool // somebody wanted fresher metadata while asking
	tries  int  // attempts without a good answer, in a row
}

// topic is what a client heard of one topic.
type topic struct {
	id      wire.TopicID
	err     *kerr.Error // of the last answer, nil if there was none
	leaders []leader    // by partition; empty until the first good answer
}

// leader is who leads a partition, as far as this client heard. The epoch never goes back within one topic id: an answer
// of a broker that lags behind is ignored (KIP-320).
type leader struct {
	id    wire.TopicID
	node  wire.NodeID // NoNode while there is none
	epoch wire.Epoch
}

func newCluster(bootstrap []env.Addr, cfg Config) *cluster {
	return &cluster{
		bootstrap: bootstrap, cfg: cfg.settled(),
		nodes: map[wire.NodeID]env.Addr{}, links: map[env.Addr]env.Link{}, topics: map[string]*topic{},
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

// lost forgets a link that is gone, and asks who leads now: for a producer with acks=0 there is no other sign that it
// talks to the wrong one (NetworkClient.handleServerDisconnect).
func (c *cluster) lost(e env.Env, l env.Link) {
	for to, have := range c.links { //order: a link has one address
		if have == l {
			delete(c.links, to)
		}
	}
	c.refresh(e)
}

// want makes sure that a topic's metadata are asked for.
func (c *cluster) want(e env.Env, name string) {
	if c.topics[name] == nil {
		c.topics[name] = &topic{}
		c.order = append(c.order, name)
		c.refresh(e)
	}
}

// refresh asks some broker for the metadata of all wanted topics, unless that is already under way.
func (c *cluster) refresh(e env.Env) {
	if c.asking {
		c.again = true
		return
	}
	if len(c.order) == 0 {
		return
	}
	c.asking, c.again = true, false
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(13)
	for _, name := range c.order {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, rt)
	}
	e.Call(c.link(e, c.anybody(e)), c.cfg.RequestTimeout, req, env.Token{Kind: tokMetadata})
}

// anybody is a broker to ask what any broker can answer: one of the bootstrap machines, which every broker is here.
func (c *cluster) anybody(e env.Env) env.Addr {
	return c.bootstrap[e.Choose("client.metadata-broker", uint64(len(c.bootstrap)))]
}

// learn takes a Metadata answer in. It backs off and asks again while a wanted topic has a partition without a leader.
func (c *cluster) learn(e env.Env, resp env.Response, err error) {
	c.asking = false
	m, _ := resp.(*kmsg.MetadataResponse)
	if err != nil || m.ErrorCode != 0 {
		c.tries++
		c.backOff(e)
		return
	}
	for _, b := range m.Brokers {
		c.nodes[wire.NodeID(b.NodeID)] = env.Addr(b.Host)
	}
	missing := c.again
	for i := range m.Topics {
		missing = c.learnTopic(&m.Topics[i]) || missing
	}
	if missing {
		c.tries++
		c.backOff(e)
		return
	}
	c.tries = 0
	e.Arm(env.Timer{Kind: timAge, Lane: env.LaneBackground}, c.cfg.MetadataMaxAge)
}

// learnTopic takes one topic in, and says whether something about it is still missing.
func (c *cluster) learnTopic(m *kmsg.MetadataResponseTopic) (missing bool) {
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
	if id := wire.TopicID(m.TopicID); id != t.id { // another topic of that name: nothing we knew holds
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

// hint takes in who leads instead, from the answer of a broker that does not (KIP-951).
// An answer about a topic that was deleted meanwhile says nothing about the one that has its name now. Kafka's client does
// not look (Metadata.updatePartitionLeadership), and then refuses the new topic's lower epochs for good.
func (c *cluster) hint(tp wire.TopicPartition, id wire.TopicID, node wire.NodeID, epoch wire.Epoch, host string) {
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

// backOff waits before the next refresh.
func (c *cluster) backOff(e env.Env) {
	c.asking = true
	e.Arm(env.Timer{Kind: timMetadata, Lane: env.LaneBackground}, c.cfg.backoff(e, c.tries))
}

// rested ends the backoff.
func (c *cluster) rested(e env.Env) {
	c.asking = false
	c.refresh(e)
}

// leader is who leads a partition; ok is false if nobody is known to.
func (c *cluster) leader(tp wire.TopicPartition) (l leader, ok bool) {
	t := c.topics[tp.Topic]
	if t == nil || int(tp.Partition) >= len(t.leaders) {
		return leader{node: wire.NoNode, epoch: wire.NoEpoch}, false
	}
	l = t.leaders[tp.Partition]
	_, known := c.nodes[l.node]
	return l, known
}

// id is a topic's id as notes carry it, 0 if it is not known.
func (c *cluster) id(name string) int64 {
	if t := c.topics[name]; t != nil {
		return t.id.Short()
	}
	return 0
}

// sortedNodes are the keys of a map by node, ascending.
func sortedNodes[V any](m map[wire.NodeID]V) []wire.NodeID {
	all := make([]wire.NodeID, 0, len(m))
	for id := range m { //order: sorted below
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b wire.NodeID) int { return cmp.Compare(a, b) }) //total: ids are unique
	return all
}
