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

// serve hands a request to its op. What is not for a controller gets no answer.
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
		e.NoReply(t)
		return
	}
	c.run(e, coordinator.Caller{Ticket: t, Request: req}, o)
}

// read answers from what is committed, on the active controller.
func (c *Controller) read(e env.Env, t env.Ticket, req env.Request, f func(machine) env.Response) {
	if err := c.rt.Read(func(m machine) { e.Reply(t, f(m)) }); err != nil {
		e.Reply(t, refusal(req, notController))
	}
}

// refusal is the answer that says one error about everything a request asked for. NOT_CONTROLLER after a request was
// taken in means that nobody knows: its records may be committed or lost.
func refusal(req env.Request, err *kerr.Error) env.Response {
	code := err.Code
	switch req := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
		resp.ErrorCode, resp.BrokerEpoch = code, -1
		return resp
	case *kmsg.BrokerHeartbeatRequest:
		resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
		resp.ErrorCode, resp.IsFenced = code, true
		return resp
	case *kmsg.UnregisterBrokerRequest:
		resp := req.ResponseKind().(*kmsg.UnregisterBrokerResponse)
		resp.ErrorCode = code
		return resp
	case *kmsg.AlterPartitionRequest:
		resp := req.ResponseKind().(*kmsg.AlterPartitionResponse)
		resp.ErrorCode = code
		return resp
	case *kmsg.ElectLeadersRequest:
		resp := req.ResponseKind().(*kmsg.ElectLeadersResponse)
		resp.ErrorCode = code
		return resp
	case *kmsg.UpdateFeaturesRequest:
		resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
		resp.ErrorCode = code
		return resp
	case *kmsg.CreateTopicsRequest:
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, rt := range req.Topics {
			at := kmsg.NewCreateTopicsResponseTopic()
			at.Topic, at.ErrorCode = rt.Topic, code
			resp.Topics = append(resp.Topics, at)
		}
		return resp
	case *kmsg.DeleteTopicsRequest:
		resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
		for _, rt := range deletions(req) {
			at := kmsg.NewDeleteTopicsResponseTopic()
			at.Topic, at.TopicID, at.ErrorCode = rt.Topic, rt.TopicID, code
			resp.Topics = append(resp.Topics, at)
		}
		return resp
	case *kmsg.CreatePartitionsRequest:
		resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
		for _, rt := range req.Topics {
			at := kmsg.NewCreatePartitionsResponseTopic()
			at.Topic, at.ErrorCode = rt.Topic, code
			resp.Topics = append(resp.Topics, at)
		}
		return resp
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, r := range req.Resources {
			ar := kmsg.NewIncrementalAlterConfigsResponseResource()
			ar.ResourceType, ar.ResourceName, ar.ErrorCode = r.ResourceType, r.ResourceName, code
			resp.Resources = append(resp.Resources, ar)
		}
		return resp
	case *kmsg.DescribeConfigsRequest:
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, r := range req.Resources {
			ar := kmsg.NewDescribeConfigsResponseResource()
			ar.ResourceType, ar.ResourceName, ar.ErrorCode = r.ResourceType, r.ResourceName, code
			resp.Resources = append(resp.Resources, ar)
		}
		return resp
	}
	panic("controller: no refusal for " + kmsg.NameForKey(req.Key()))
}

// codeOf is the number of an error that may be none.
func codeOf(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}
