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
	tooLarge      = kerr.UnknownServerError // the records of an op do not fit into one batch
)

// op decides on one request and returns the records to append and the response.
type op func(s decisionState) ([]wire.MetadataRecord, env.Response)

// opOf returns the op of a request, or nil if it has none.
func opOf(e env.Env, req env.Request) op {
	type result = []wire.MetadataRecord
	switch req := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		return func(s decisionState) (result, env.Response) { return registerBroker(e, s, req) }
	case *kmsg.BrokerHeartbeatRequest:
		return func(s decisionState) (result, env.Response) { return processHeartbeat(e, s, req) }
	case *kmsg.UnregisterBrokerRequest:
		return func(s decisionState) (result, env.Response) { return unregisterBroker(s, req) }
	case *kmsg.AlterPartitionRequest:
		return func(s decisionState) (result, env.Response) { return alterPartition(s, req) }
	case *kmsg.ElectLeadersRequest:
		return func(s decisionState) (result, env.Response) { return electLeaders(s, req) }
	case *kmsg.CreateTopicsRequest:
		return func(s decisionState) (result, env.Response) { return createTopics(e, s, req) }
	case *kmsg.DeleteTopicsRequest:
		return func(s decisionState) (result, env.Response) { return deleteTopics(s, req) }
	case *kmsg.CreatePartitionsRequest:
		return func(s decisionState) (result, env.Response) { return createPartitions(e, s, req) }
	case *kmsg.IncrementalAlterConfigsRequest:
		return func(s decisionState) (result, env.Response) { return incrementalAlterConfigs(s, req) }
	case *kmsg.AlterConfigsRequest:
		return func(s decisionState) (result, env.Response) { return alterConfigs(s, req) }
	case *kmsg.UpdateFeaturesRequest:
		return func(s decisionState) (result, env.Response) { return updateFeatures(s, req) }
	}
	return nil
}

// serve answers a request from the committed state or runs its op.
func (c *Controller) serve(e env.Env, t env.Ticket, req env.Request) {
	switch req := req.(type) {
	case *kmsg.DescribeConfigsRequest:
		c.readCommitted(e, t, req, func(m machine) env.Response { return describeConfigs(c.decisionState(m), req) })
	case *kmsg.DescribeClusterRequest:
		e.Reply(t, describeCluster(c.cfg.ClusterID, c.quorum, req))
	default:
		c.runOp(e, coordinator.Caller{Ticket: t, Request: req}, opOf(e, req))
	}
}

// readCommitted answers a request from the committed state. A controller that is not active answers NOT_CONTROLLER.
func (c *Controller) readCommitted(e env.Env, t env.Ticket, req env.Request, f func(machine) env.Response) {
	if err := c.rt.Read(func(m machine) { e.Reply(t, f(m)) }); err != nil {
		e.Reply(t, refusal(req, notController))
	}
}

// refusal returns the response with one error for the whole request. If the records of an op were already appended,
// NOT_CONTROLLER means that the outcome is unknown.
func refusal(req env.Request, err *kerr.Error) env.Response { return wire.Refusal(req, err.Code) }

// codeOf returns the code of an error, or 0 for nil.
func codeOf(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}
