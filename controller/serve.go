package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/coordinator"
	"samsa/sim/env"
	"samsa/wire"
)

var (
	notController = kerr.NotController
	tooLarge      = kerr.UnknownServerError // an op whose records do not fit one batch (Kafka's UNKNOWN_SERVER_ERROR)
)

// op decides on one kind of request.
type op func(m cluster) ([]wire.MetadataRecord, env.Response)

// serve hands a request to its op.
func (c *Controller) serve(e env.Env, t env.Ticket, req env.Request) {
	var o op
	switch req := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return c.register(e, m, req) }
	case *kmsg.BrokerHeartbeatRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return c.heartbeat(e, m, req) }
	case *kmsg.UnregisterBrokerRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return unregister(m, req) }
	case *kmsg.AlterPartitionRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return alterPartition(m, req) }
	case *kmsg.ElectLeadersRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return electLeaders(m, req) }
	case *kmsg.CreateTopicsRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return c.createTopics(e, m, req) }
	case *kmsg.DeleteTopicsRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return deleteTopics(m, req) }
	case *kmsg.CreatePartitionsRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return createPartitions(e, m, req) }
	case *kmsg.IncrementalAlterConfigsRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return c.alterConfigs(m, req) }
	case *kmsg.UpdateFeaturesRequest:
		o = func(m cluster) ([]wire.MetadataRecord, env.Response) { return c.updateFeatures(m, req) }
	case *kmsg.DescribeConfigsRequest:
		c.read(e, t, req, func(m machine) env.Response { return describeConfigs(c.look(m), req) })
		return
	case *kmsg.DescribeClusterRequest:
		e.Reply(t, c.describeCluster(req))
		return
	default:
		panic("controller: no op for " + kmsg.NameForKey(req.Key())) // it is in apis
	}
	c.run(e, coordinator.Caller{Ticket: t, Request: req}, o)
}

// read answers from what is committed, on the active controller.
func (c *Controller) read(e env.Env, t env.Ticket, req env.Request, f func(machine) env.Response) {
	if err := c.rt.Read(func(m machine) { e.Reply(t, f(m)) }); err != nil {
		e.Reply(t, refusal(req, notController))
	}
}

// refusal is the answer that says one error about everything a request asked for. NOT_CONTROLLER after a request was accepted
// means that its outcome is unknown: its records may be committed or lost.
func refusal(req env.Request, err *kerr.Error) env.Response { return wire.Refusal(req, err.Code) }

// codeOf is the number of an error that may be none.
func codeOf(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}
