package cluster

import (
	"fmt"
	"slices"

	"samsa/broker"
	"samsa/client"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// Assemble builds a cluster in a simulated world: controllers, brokers, and one admin machine for the operator. No event has
// run when it returns; the controllers will boot first. observe makes the observer before the first event.
func Assemble(o Options, observe func(Inside) Observer) (Cluster, error) {
	c := &simCluster{options: o, topics: map[int64]topicName{}, hosts: map[env.Addr]*Host{}, deleted: map[string]int{}}
	cfg, err := configure(o)
	if err != nil {
		return nil, err
	}
	c.cfg = cfg
	net, disk := noiseOf(o.Noise)
	c.world = sim.New(sim.Config{
		Seed: o.Seed, Mode: sim.Mode(o.Mode), Overrides: o.Overrides, Trace: c, Net: net, Disk: disk, Decisions: o.Decisions,
	})
	for i := range o.Controllers {
		c.controllers = append(c.controllers, c.add(env.Addr(fmt.Sprintf("c%d", i+1)), controllerID(i), "controller"))
	}
	for i := range o.Brokers {
		c.brokers = append(c.brokers, c.add(env.Addr(fmt.Sprintf("b%d", i+1)), wire.NodeID(i+1), "broker"))
	}
	c.stages = pipelines{c.world, map[env.Addr]*requests{}}
	for _, h := range slices.Concat(c.controllers, c.brokers) {
		c.stages.of[h.Addr] = &requests{open: map[env.Link][]request{}}
	}
	c.world.Subscribe(&c.stages)
	c.observer = observe(Inside{c})
	if o.Noise == rough {
		c.observer.FaultBegan("noise") // Calm ends it
	}
	c.world.AfterEvent(c.after)
	var voters []raft.Voter
	for _, h := range c.controllers {
		voters = append(voters, raft.Voter{ID: h.Node, Addr: h.Addr})
	}
	for _, h := range c.controllers {
		c.boot(h, func() env.Node { return controller.New(c.cfg.controller(h.Node, voters)) })
	}
	for _, h := range c.brokers {
		c.boot(h, func() env.Node { return broker.New(c.cfg.broker(h.Node, c.addrs(c.controllers))) })
	}
	op := c.add(operator, wire.NoNode, "operator")
	c.boot(op, func() env.Node { return client.NewAdmin(c.addrs(c.controllers), c.adminConfig()) })
	return c, nil
}

// operator is the machine that creates topics and sets configs.
const operator env.Addr = "op"

// operatorOfBrokers is the operator's machine for requests to brokers.
const operatorOfBrokers env.Addr = "op-brokers"

// controllerID returns the node id of the i-th controller. No broker has this node id.
func controllerID(i int32) wire.NodeID { return wire.NodeID(101 + i) }

// simCluster implements Cluster on a sim.World.
type simCluster struct {
	options Options
	cfg     configs
	world   *sim.World
	hosts   map[env.Addr]*Host

	controllers, brokers, clients []*Host
	doubles                       []*Host // machines with the node id of another broker

	patience env.Duration // the longest request timeout of any client

	ops     []*operation        // the operation of an Op is at the index Op-1
	deleted map[string]int      // by topic name: the last Op that deletes the topic
	records []*Record           // by the id that the producer keeps with the record
	topics  map[int64]topicName // by the short form of the id that notes have

	observer       Observer
	stages         pipelines
	autoRestarts   bool // some host restarts by itself, so its process may end in any event
	leaderAppeared bool // a leader appeared in the current event
	tally          Tally
	ledIn          map[wire.TopicPartition]wire.Epoch // the latest epoch in which a leader appeared; never iterated
}

// Host is one machine.
type Host struct {
	Addr        env.Addr
	Node        wire.NodeID // NoNode for clients and the operator
	Role        string      // "broker", "controller", "client", "operator", "double"
	paused      bool
	autoRestart bool         // the machine starts again when its process ends
	acks        int16        // for a client: its acks
	delivery    env.Duration // for a client: its delivery.timeout.ms
	sent        int64        // for a client: the number of records in its produce operations so far
}

// add makes an entry for a machine.
func (c *simCluster) add(addr env.Addr, node wire.NodeID, role string) *Host {
	h := &Host{Addr: addr, Node: node, Role: role}
	c.hosts[addr] = h
	return h
}

// boot puts a machine into the world and starts it.
func (c *simCluster) boot(h *Host, make func() env.Node) {
	c.world.Add(sim.Machine{Addr: h.Addr, New: make, RequestThreads: c.cfg.threads(h.Node)})
	c.world.Start(h.Addr)
}

func (c *simCluster) addrs(hosts []*Host) []env.Addr {
	var all []env.Addr
	for _, h := range hosts {
		all = append(all, h.Addr)
	}
	return all
}

// machines returns the brokers, then the controllers, the clients and the doubles.
func (c *simCluster) machines() []*Host {
	return slices.Concat(c.brokers, c.controllers, c.clients, c.doubles)
}

// brokerNode returns a running broker, or nil.
func (c *simCluster) brokerNode(h *Host) *broker.Broker {
	if !c.world.Running(h.Addr) || c.world.Ending(h.Addr) {
		return nil
	}
	b, _ := c.world.Node(h.Addr).(*broker.Broker)
	return b
}

// active returns the active controller, or nil. If several are active by their own state, it returns the one with the
// highest epoch.
func (c *simCluster) active() (active *controller.Controller) {
	for _, h := range c.controllers {
		if !c.world.Running(h.Addr) {
			continue
		}
		if k, ok := c.world.Node(h.Addr).(*controller.Controller); ok && k.Active() && (active == nil || k.Epoch() > active.Epoch()) {
			active = k
		}
	}
	return active
}

// Step implements Clockwork.
func (c *simCluster) Step() bool { return c.world.Step() }

// Now implements Clockwork.
func (c *simCluster) Now() env.Duration { return env.Duration(c.world.Now()) }

// Events implements Clockwork.
func (c *simCluster) Events() uint64 { return c.world.Events() }

// Steps implements Clockwork.
func (c *simCluster) Steps() uint64 { return c.world.Steps() }

// Hash implements Clockwork.
func (c *simCluster) Hash() uint64 { return c.world.Hash() }

// Shape implements Clockwork.
func (c *simCluster) Shape() uint64 { return c.world.Shape() }

// Close implements Clockwork.
func (c *simCluster) Close() { c.world.Close() }

// At implements Clockwork.
func (c *simCluster) At(t env.Duration, label string, do func()) { c.world.At(sim.Time(t), label, do) }

// Event implements sim.TraceSink. It passes the notes of an event to the observer and to the sink. The steps of the story
// count from 1.
func (c *simCluster) Event(e *sim.Event) {
	c.observer.Event(e)
	c.stages.received(e)
	for i := range e.Notes {
		n := &e.Notes[i]
		c.leaderAppeared = c.leaderAppeared || n.Kind.Name == "partition.leads"
		if n.Kind.Name == "topic.created" {
			c.learnTopics() // keep the names, because a note may need the name of a topic that has been deleted
		}
		c.observer.Noted(e.Node, n)
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

// after runs after every event.
func (c *simCluster) after(e *sim.Event) {
	c.observer.After(e)
	if h := c.hosts[e.Node]; e.Kind == sim.Died && h != nil && h.Role == "client" {
		c.abandon(h.Addr)
	}
	if c.leaderAppeared {
		c.leaderAppeared = false
		c.countMoves()
	}
	if c.options.Events != nil {
		c.options.Events(happened(e, c.world.Hash()))
	}
}
