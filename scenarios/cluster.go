package scenarios

import (
	"fmt"
	"slices"

	"samsa/broker"
	"samsa/check"
	"samsa/client"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// Assemble builds a cluster in a simulated world: controllers, brokers, and one admin machine for the operator.
// Controllers boot first; nothing has happened yet when it returns.
func Assemble(o Options) (Cluster, error) {
	c := &cluster{options: o, topics: map[int64]string{}, hosts: map[env.Addr]*host{}, deleted: map[string]int{}}
	cfg, err := configure(o)
	if err != nil {
		return nil, err
	}
	c.cfg = cfg
	net, disk := noiseOf(o.Noise)
	c.world = sim.New(sim.Config{
		Seed: o.Seed, Mode: sim.Mode(o.Mode), Overrides: o.Overrides, Trace: c, Net: net, Disk: disk,
	})
	c.judges = newJudges(c)
	if o.Noise == rough {
		c.judges.ail("noise") // until Calm
	}
	c.evidence.View = c.judges.view
	c.world.AfterEvent(c.after)
	for i := range o.Controllers {
		c.controllers = append(c.controllers, c.add(env.Addr(fmt.Sprintf("c%d", i+1)), controllerID(i), "controller"))
	}
	for i := range o.Brokers {
		c.brokers = append(c.brokers, c.add(env.Addr(fmt.Sprintf("b%d", i+1)), wire.NodeID(i+1), "broker"))
	}
	var voters []raft.Voter
	for _, h := range c.controllers {
		voters = append(voters, raft.Voter{ID: h.node, Addr: h.addr})
	}
	for _, h := range slices.Concat(c.controllers, c.brokers) {
		c.judges.watch(h)
	}
	for _, h := range c.controllers {
		c.boot(h, func() env.Node { return controller.New(c.cfg.controller(h.node, voters)) })
	}
	for _, h := range c.brokers {
		c.boot(h, func() env.Node { return broker.New(c.cfg.broker(h.node, c.addrs(c.controllers))) })
	}
	op := c.add(operator, wire.NoNode, "operator")
	c.boot(op, func() env.Node { return client.NewAdmin(c.addrs(c.controllers), c.patient()) })
	return c, nil
}

// operator is the machine of whoever creates topics and sets configs.
const operator env.Addr = "op"

// trimmer is another machine of theirs, for what is asked of brokers and not of controllers.
const trimmer env.Addr = "op-brokers"

// controllerID is the node id of the i-th controller: apart from the brokers', as Kafka wants it.
func controllerID(i int32) wire.NodeID { return wire.NodeID(101 + i) }

// cluster implements Cluster on a sim.World.
type cluster struct {
	options Options
	cfg     configs
	world   *sim.World
	hosts   map[env.Addr]*host

	controllers, brokers, clients []*host
	doubles                       []*host // machines that claim to be one of brokers

	patience env.Duration // the longest request timeout of a client

	ops     []*operation   // Op is the index plus one
	deleted map[string]int // by topic: the last Op that deletes it
	records []*sent        // by the id that the producer carries
	topics  map[int64]string

	judges   *judges
	evidence check.Case
	ended    bool // see End
	keeps    bool // some host is or was kept: every event is looked at for an end
	leaders  bool // a leader appeared in the event under way
	tally    Tally
	seen     map[wire.TopicPartition]wire.Epoch // the newest epoch in which a leader appeared; never walked
}

// host is one machine.
type host struct {
	addr   env.Addr
	node   wire.NodeID
	role   string
	paused bool
	kept   bool  // it is started again when it ends by itself
	acks   int16 // a client's
	sends  int64 // a client's: how many records it was given to send
}

// add makes an entry for a machine.
func (c *cluster) add(addr env.Addr, node wire.NodeID, role string) *host {
	h := &host{addr: addr, node: node, role: role}
	c.hosts[addr] = h
	return h
}

// boot puts a machine into the world and starts it.
func (c *cluster) boot(h *host, make func() env.Node) {
	c.world.Add(sim.Machine{Addr: h.addr, New: make, RequestThreads: c.cfg.threads()})
	c.world.Start(h.addr)
}

func (c *cluster) addrs(hosts []*host) []env.Addr {
	var all []env.Addr
	for _, h := range hosts {
		all = append(all, h.addr)
	}
	return all
}

// machines are brokers, controllers, clients, in that order.
func (c *cluster) machines() []*host {
	return slices.Concat(c.brokers, c.controllers, c.clients, c.doubles)
}

// brokerNode is a running broker's struct, or nil.
func (c *cluster) brokerNode(h *host) *broker.Broker {
	if !c.world.Running(h.addr) || c.world.Ending(h.addr) {
		return nil
	}
	b, _ := c.world.Node(h.addr).(*broker.Broker)
	return b
}

// active is the active controller, or nil; of several that believe they are, the one of the newest epoch.
func (c *cluster) active() (active *controller.Controller) {
	for _, h := range c.controllers {
		if !c.world.Running(h.addr) {
			continue
		}
		if k, ok := c.world.Node(h.addr).(*controller.Controller); ok && k.Active() && (active == nil || k.Epoch() > active.Epoch()) {
			active = k
		}
	}
	return active
}

// Step implements Clockwork.
func (c *cluster) Step() bool { return c.world.Step() }

// Now implements Clockwork.
func (c *cluster) Now() env.Duration { return env.Duration(c.world.Now()) }

// Events implements Clockwork.
func (c *cluster) Events() uint64 { return c.world.Events() }

// Steps implements Clockwork.
func (c *cluster) Steps() uint64 { return c.world.Steps() }

// Hash implements Clockwork.
func (c *cluster) Hash() uint64 { return c.world.Hash() }

// Shape implements Clockwork.
func (c *cluster) Shape() uint64 { return c.world.Shape() }

// End implements Clockwork.
func (c *cluster) End() {
	c.ended = true
	c.judges.end()
}

// Close implements Clockwork.
func (c *cluster) Close() { c.world.Close() }

// At implements Clockwork.
func (c *cluster) At(t env.Duration, label string, do func()) { c.world.At(sim.Time(t), label, do) }

// Event implements sim.TraceSink: notes become those of the story, in which steps count from 1.
func (c *cluster) Event(e *sim.Event) {
	c.judges.observe(e)
	for i := range e.Notes {
		n := &e.Notes[i]
		c.leaders = c.leaders || n.Kind.Name == "partition.leads"
		if n.Kind.Name == "topic.created" {
			c.learnTopics() // while the image has it: its name is asked for when the topic may be gone
		}
		c.judges.moved(e.Node, n)
		if c.options.Sink == nil {
			continue
		}
		note := Note{Event: e.Seq, Cause: e.Cause, Time: env.Duration(e.Time), Who: e.Node, Kind: n.Kind, Args: n.Field}
		if e.Story {
			note.Step = e.Step + 1
		}
		c.options.Sink(note)
	}
}

// after runs behind every event.
func (c *cluster) after(e *sim.Event) {
	c.judges.after(e)
	if c.leaders {
		c.leaders = false
		c.moves()
	}
}
