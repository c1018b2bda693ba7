package scenarios

import (
	"samsa/broker"
	"samsa/broker/storage"
	"samsa/client"
	"samsa/controller"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// configs are a cluster's settings, ready for its nodes.
type configs struct {
	client client.Config
}

func configure(Options) (configs, error) { return configs{client: client.DefaultConfig()}, nil }

const clusterID = "samsa-samsa-samsa-0000"

func (c *configs) controller(id wire.NodeID) controller.Config {
	return controller.Config{Node: id, SessionTimeout: 9 * env.Second, FetchWait: 500 * env.Millisecond, Log: storage.DefaultConfig()}
}

func (c *configs) broker(id wire.NodeID, controllers []env.Addr) broker.Config {
	return broker.Config{
		Node: id, ClusterID: clusterID, Controllers: controllers, Heartbeat: 2 * env.Second, LagMax: 30 * env.Second,
		FetchWait: 500 * env.Millisecond, FetchBackoff: env.Second, FetchBytes: 1 << 20, RequestTimeout: 30 * env.Second,
		RetryBackoff: 100 * env.Millisecond, MetadataWait: 2 * env.Second, CheckpointEvery: 5 * env.Second, MinISR: 1, Log: storage.DefaultConfig(),
	}
}

func (c *configs) clientWith([]Setting) client.Config { return c.client }

func pins(list []Pin) ([]sim.Override, error) {
	var all []sim.Override
	for _, p := range list {
		all = append(all, sim.Override{Kind: sim.Pin, Site: env.Site(p.Site), Entity: p.Entity, Ordinal: p.Ordinal, Value: p.Value})
	}
	return all, nil
}
