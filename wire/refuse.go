package wire

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Refusal returns the response to a request that is refused as a whole. The response has the type and version that
// match the request (AbstractRequest.getErrorResponse). Some responses have one error code for the whole request;
// others have one for each topic or resource of the request. Refusal sets all of them to code. It panics for a type of
// request that no caller refuses as a whole.
func Refusal(req kmsg.Request, code int16) kmsg.Response {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for _, t := range req.(*kmsg.CreateTopicsRequest).Topics {
			rt := kmsg.NewCreateTopicsResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, code
			r.Topics = append(r.Topics, rt)
		}
	case *kmsg.DeleteTopicsResponse:
		for _, t := range TopicsToDelete(req.(*kmsg.DeleteTopicsRequest)) {
			rt := kmsg.NewDeleteTopicsResponseTopic()
			rt.Topic, rt.TopicID, rt.ErrorCode = t.Topic, t.TopicID, code
			r.Topics = append(r.Topics, rt)
		}
	case *kmsg.CreatePartitionsResponse:
		for _, t := range req.(*kmsg.CreatePartitionsRequest).Topics {
			rt := kmsg.NewCreatePartitionsResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, code
			r.Topics = append(r.Topics, rt)
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		for _, c := range req.(*kmsg.IncrementalAlterConfigsRequest).Resources {
			rr := kmsg.NewIncrementalAlterConfigsResponseResource()
			rr.ResourceType, rr.ResourceName, rr.ErrorCode = c.ResourceType, c.ResourceName, code
			r.Resources = append(r.Resources, rr)
		}
	case *kmsg.AlterConfigsResponse:
		for _, c := range req.(*kmsg.AlterConfigsRequest).Resources {
			rr := kmsg.NewAlterConfigsResponseResource()
			rr.ResourceType, rr.ResourceName, rr.ErrorCode = c.ResourceType, c.ResourceName, code
			r.Resources = append(r.Resources, rr)
		}
	case *kmsg.DescribeConfigsResponse:
		for _, c := range req.(*kmsg.DescribeConfigsRequest).Resources {
			rr := kmsg.NewDescribeConfigsResponseResource()
			rr.ResourceType, rr.ResourceName, rr.ErrorCode = c.ResourceType, c.ResourceName, code
			r.Resources = append(r.Resources, rr)
		}
	case *kmsg.BrokerRegistrationResponse:
		r.ErrorCode, r.BrokerEpoch = code, -1
	case *kmsg.BrokerHeartbeatResponse:
		r.ErrorCode, r.IsFenced = code, true
	default:
		setCode(resp, code)
	}
	return resp
}

// setCode sets the code of a response that has one code for the whole request.
func setCode(resp kmsg.Response, code int16) {
	switch r := resp.(type) {
	case *kmsg.UnregisterBrokerResponse:
		r.ErrorCode = code
	case *kmsg.AlterPartitionResponse:
		r.ErrorCode = code
	case *kmsg.ElectLeadersResponse:
		r.ErrorCode = code
	case *kmsg.UpdateFeaturesResponse:
		r.ErrorCode = code
	case *kmsg.DescribeQuorumResponse:
		r.ErrorCode = code
	case *kmsg.FetchResponse:
		r.ErrorCode = code
	case *kmsg.VoteResponse:
		r.ErrorCode = code
	case *kmsg.BeginQuorumEpochResponse:
		r.ErrorCode = code
	case *kmsg.EndQuorumEpochResponse:
		r.ErrorCode = code
	default:
		panic(fmt.Sprintf("wire: no refusal of %s with code %d", kmsg.NameForKey(resp.Key()), code))
	}
}

// TopicsToDelete returns the topics of a DeleteTopics request. Below version 6 they are names; since version 6 they are
// names or ids.
func TopicsToDelete(req *kmsg.DeleteTopicsRequest) []kmsg.DeleteTopicsRequestTopic {
	if req.Version >= 6 {
		return req.Topics
	}
	var all []kmsg.DeleteTopicsRequestTopic
	for _, name := range req.TopicNames {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		all = append(all, t)
	}
	return all
}
