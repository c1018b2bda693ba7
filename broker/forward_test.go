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
	rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeTopic, "a"
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

// A broker refuses what it can judge itself and forwards the rest. The response has the order of the request.
func TestConfigsAreCheckedBeforeTheyAreForwarded(t *testing.T) {
	resource := func(kind kmsg.ConfigResourceType, name string, pairs ...string) kmsg.IncrementalAlterConfigsRequestResource {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kind, name
		for i := 0; i < len(pairs); i += 2 {
			c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			c.Name, c.Value = pairs[i], kmsg.StringPtr(pairs[i+1])
			r.Configs = append(r.Configs, c)
		}
		return r
	}
	broker, topic := kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeTopic
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.SetVersion(1)
	req.Resources = append(req.Resources,
		resource(broker, "2", "num.io.threads", "9"), resource(topic, "a", "retention.ms", "1"), resource(broker, "1", "node.id", "2"),
		resource(topic, "b", "retention.ms", "1", "retention.ms", "2"), resource(topic, "c", "retention.ms", "1"))
	s := newSolo(t)
	s.boot()
	n := s.receive(req)
	s.expect("c1/client IncrementalAlterConfigs")
	c := s.call("c1/client")
	rest := c.req.(*kmsg.IncrementalAlterConfigsRequest)
	require.Len(t, rest.Resources, 2)
	require.Equal(t, "a", rest.Resources[0].ResourceName)
	require.Equal(t, "c", rest.Resources[1].ResourceName)
	resp := rest.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for _, r := range rest.Resources {
		ar := kmsg.NewIncrementalAlterConfigsResponseResource()
		ar.ResourceType, ar.ResourceName = r.ResourceType, r.ResourceName
		resp.Resources = append(resp.Resources, ar)
	}
	resp.Resources[1].ErrorCode = kerr.UnknownTopicOrPartition.Code
	s.calls = s.calls[:0]
	s.event(func(e env.Env) { s.b.Returned(e, c.tok, c.req, resp, nil) })
	got := s.answers[n].(*kmsg.IncrementalAlterConfigsResponse).Resources
	var names []string
	var codes []int16
	for _, r := range got {
		names, codes = append(names, r.ResourceName), append(codes, r.ErrorCode)
	}
	require.Equal(t, []string{"2", "a", "1", "b", "c"}, names)
	invalid := kerr.InvalidRequest.Code
	require.Equal(t, []int16{invalid, 0, invalid, invalid, kerr.UnknownTopicOrPartition.Code}, codes)
	require.Equal(t, "Unexpected broker id, expected 1, but received 2", *got[0].ErrorMessage)
	require.Equal(t, "Cannot update these configs dynamically: [node.id]", *got[2].ErrorMessage)
	require.Equal(t, "Error due to duplicate config keys", *got[3].ErrorMessage)
}

// What a broker refuses in the configs of brokers.
func TestBrokerConfigsThatAreRefused(t *testing.T) {
	room := newRoom(t, 1)
	for _, tc := range []struct {
		of, name string
		op       kmsg.IncrementalAlterConfigOp
		value    string
		want     *kerr.Error
		message  string
	}{
		{"", "broker.session.timeout.ms", 0, "5", kerr.InvalidRequest, "Cannot update these configs dynamically: [broker.session.timeout.ms]"},
		{"", "listeners", 0, "x", kerr.InvalidRequest, "Cannot update these configs at default cluster level, broker id must be specified: [listeners]"},
		{"1", "num.io.threads", 0, "many", kerr.InvalidRequest, "Invalid value many for configuration num.io.threads: Not a number of type INT"},
		{"1", "num.io.threads", 2, "1", kerr.InvalidConfig, "Config value append is not allowed for config key: num.io.threads"},
		{"1", "num.io.threads", 3, "1", kerr.InvalidConfig, "Config value subtract is not allowed for config key: num.io.threads"},
		{"1", "no.such.config", 2, "1", kerr.InvalidConfig, "Unknown config name: no.such.config"},
		{"1", "num.io.threads", 9, "1", kerr.InvalidRequest, "Unknown operations type 9"},
		{"x", "num.io.threads", 0, "1", kerr.InvalidRequest, "Node id must be an integer, but it is: x"},
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.SetVersion(1)
		r, c := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		r.ResourceType, r.ResourceName, c.Name, c.Op, c.Value = kmsg.ConfigResourceTypeBroker, tc.of, tc.name, tc.op, &tc.value
		r.Configs = append(r.Configs, c)
		req.Resources = append(req.Resources, r)
		got := ask[*kmsg.IncrementalAlterConfigsResponse](room, 1, req).Resources[0]
		require.Equal(t, tc.want.Code, got.ErrorCode, tc.name)
		require.Equal(t, tc.message, *got.ErrorMessage)
	}
}
