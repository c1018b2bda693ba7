package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

func createTopics(names ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	for _, n := range names {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = n, 1, 1
		req.Topics = append(req.Topics, rt)
	}
	return req
}

// Every request for the active controller is forwarded unchanged. After NOT_CONTROLLER it is sent again after 100 ms;
// any other response, even an error, goes to the client unchanged.
func TestForwardedRequests(t *testing.T) {
	version := func(r env.Request, v int16) env.Request { r.SetVersion(v); return r }
	deletion := kmsg.NewPtrDeleteTopicsRequest()
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr("a")
	deletion.Topics = append(deletion.Topics, rt)
	partitions := kmsg.NewPtrCreatePartitionsRequest()
	pt := kmsg.NewCreatePartitionsRequestTopic()
	pt.Topic, pt.Count = "a", 2
	partitions.Topics = append(partitions.Topics, pt)
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceName = "a"
	alter.Resources = append(alter.Resources, rr)
	for _, req := range []env.Request{
		createTopics("a"), version(deletion, 6), version(partitions, 2), version(alter, 1),
		version(kmsg.NewPtrElectLeadersRequest(), 2), version(kmsg.NewPtrUpdateFeaturesRequest(), 1), version(kmsg.NewPtrDescribeQuorumRequest(), 2),
	} {
		name := kmsg.NameForKey(req.Key())
		s := newSolo(t)
		s.boot()
		n := s.receive(req)
		s.expect("c1/client " + name)
		refuse := func(err *kerr.Error) {
			c := s.call("c1/client")
			resp := wire.Refusal(c.req, err.Code)
			s.calls = s.calls[:0]
			s.event(func(e env.Env) { s.b.Returned(e, c.tok, c.req, resp, nil) })
		}
		refuse(kerr.NotController)
		s.advance(100*env.Millisecond - 1)
		s.expect()
		s.advance(1)
		s.expect("c1/client " + name)
		refuse(kerr.InvalidRequest)
		s.expect("reply 0 " + name)
		require.False(t, s.waits(n))
	}
}

// A request that finds no controller for request.timeout.ms is answered REQUEST_TIMED_OUT.
func TestForwardingTimesOut(t *testing.T) {
	s := newSolo(t, "request.timeout.ms=1000")
	s.boot()
	n := s.receive(createTopics("a", "b"))
	for range 9 {
		s.reset("client")
		s.advance(100 * env.Millisecond)
	}
	require.True(t, s.waits(n))
	s.reset("client")
	s.advance(100 * env.Millisecond)
	resp := got[*kmsg.CreateTopicsResponse](s, n)
	require.Len(t, resp.Topics, 2)
	for _, rt := range resp.Topics {
		require.Equal(t, kerr.RequestTimedOut.Code, rt.ErrorCode)
	}

	n = s.receive(createTopics("c"))
	s.advance(1100 * env.Millisecond) // this request gets no response at all
	require.Equal(t, kerr.RequestTimedOut.Code, got[*kmsg.CreateTopicsResponse](s, n).Topics[0].ErrorCode)
}

// Requests are forwarded independently: each is answered when its own response arrives.
func TestForwardingOutOfOrder(t *testing.T) {
	s := newSolo(t)
	s.boot()
	first, second := s.receive(createTopics("a")), s.receive(createTopics("b"))
	s.reset("client") // the connection is gone for both; only the first has failed yet
	answer(s, "client", func(req *kmsg.CreateTopicsRequest, resp *kmsg.CreateTopicsResponse) {
		rt := kmsg.NewCreateTopicsResponseTopic()
		rt.Topic = req.Topics[0].Topic
		resp.Topics = append(resp.Topics, rt)
	})
	require.True(t, s.waits(first))
	require.Equal(t, "b", got[*kmsg.CreateTopicsResponse](s, second).Topics[0].Topic)
}

// Metadata names a live broker as the controller, because clients cannot reach a controller.
func TestTheControllerThatClientsSee(t *testing.T) {
	s := newSolo(t)
	s.boot()
	require.EqualValues(t, 1, got[*kmsg.MetadataResponse](s, s.receive(metadata(9))).ControllerID)
	s.publish(s.fence(1), s.fence(2))
	require.EqualValues(t, 3, got[*kmsg.MetadataResponse](s, s.receive(metadata(9))).ControllerID)
	s.publish(s.fence(3))
	require.EqualValues(t, -1, got[*kmsg.MetadataResponse](s, s.receive(metadata(9))).ControllerID)
}
