package wire

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// For every request that is refused as a whole, each field for an error code must have the code, and the response must
// be encodable and readable in the request's version.
func TestRefusal(t *testing.T) {
	create := func(r *kmsg.CreateTopicsRequest) {
		for _, name := range []string{"a", "b"} {
			rt := kmsg.NewCreateTopicsRequestTopic()
			rt.Topic = name
			r.Topics = append(r.Topics, rt)
		}
	}
	partitions := func(r *kmsg.CreatePartitionsRequest) {
		for _, name := range []string{"a", "b"} {
			rt := kmsg.NewCreatePartitionsRequestTopic()
			rt.Topic = name
			r.Topics = append(r.Topics, rt)
		}
	}
	alter := func(r *kmsg.IncrementalAlterConfigsRequest) {
		rr := kmsg.NewIncrementalAlterConfigsRequestResource()
		rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeTopic, "a"
		r.Resources = append(r.Resources, rr)
	}
	describe := func(r *kmsg.DescribeConfigsRequest) {
		rr := kmsg.NewDescribeConfigsRequestResource()
		rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeBroker, "1"
		r.Resources = append(r.Resources, rr)
	}
	byName := func(r *kmsg.DeleteTopicsRequest) { r.TopicNames = []string{"a", "b"} }
	byID := func(r *kmsg.DeleteTopicsRequest) {
		rt := kmsg.NewDeleteTopicsRequestTopic()
		rt.TopicID = TopicID{7}
		r.Topics = append(r.Topics, rt)
	}
	for _, tc := range []struct {
		req     kmsg.Request
		version int16
		codes   int // places that hold the code
		named   string
	}{
		{filled(kmsg.NewPtrCreateTopicsRequest(), create), 7, 2, "a b"},
		{filled(kmsg.NewPtrCreatePartitionsRequest(), partitions), 2, 2, "a b"},
		{filled(kmsg.NewPtrDeleteTopicsRequest(), byName), 5, 2, "a b"},
		{filled(kmsg.NewPtrDeleteTopicsRequest(), byID), 6, 1, "[7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0]"},
		{filled(kmsg.NewPtrIncrementalAlterConfigsRequest(), alter), 1, 1, "a"},
		{filled(kmsg.NewPtrDescribeConfigsRequest(), describe), 4, 1, "1"},
		{kmsg.NewPtrBrokerRegistrationRequest(), 4, 1, ""},
		{kmsg.NewPtrBrokerHeartbeatRequest(), 1, 1, ""},
		{kmsg.NewPtrUnregisterBrokerRequest(), 0, 1, ""},
		{kmsg.NewPtrFetchRequest(), 18, 1, ""},
		{kmsg.NewPtrAlterPartitionRequest(), 3, 1, ""},
		{kmsg.NewPtrElectLeadersRequest(), 2, 1, ""},
		{kmsg.NewPtrUpdateFeaturesRequest(), 1, 1, ""},
		{kmsg.NewPtrDescribeQuorumRequest(), 2, 1, ""},
		{kmsg.NewPtrVoteRequest(), 1, 1, ""},
		{kmsg.NewPtrBeginQuorumEpochRequest(), 1, 1, ""},
		{kmsg.NewPtrEndQuorumEpochRequest(), 1, 1, ""},
	} {
		tc.req.SetVersion(tc.version)
		resp := Refusal(tc.req, kerr.NotController.Code)
		what := fmt.Sprintf("%s v%d", kmsg.NameForKey(tc.req.Key()), tc.version)
		require.Equal(t, tc.req.Key(), resp.Key(), what)
		require.Equal(t, tc.version, resp.GetVersion(), what)

		again := tc.req.ResponseKind()
		require.NoError(t, again.ReadFrom(resp.AppendTo(nil)), what)
		codes := codesIn(reflect.ValueOf(again))
		require.Len(t, codes, tc.codes, what)
		for _, c := range codes {
			require.Equal(t, kerr.NotController.Code, c, what)
		}
		require.Equal(t, tc.named, namesIn(again), what)
	}
}

// A broker reads other fields beside the code: a refused registration must have no broker epoch, and a refused
// heartbeat must leave the broker fenced.
func TestRefusalOfABroker(t *testing.T) {
	r := Refusal(kmsg.NewPtrBrokerRegistrationRequest(), kerr.DuplicateBrokerRegistration.Code).(*kmsg.BrokerRegistrationResponse)
	require.EqualValues(t, -1, r.BrokerEpoch)
	h := Refusal(kmsg.NewPtrBrokerHeartbeatRequest(), kerr.StaleBrokerEpoch.Code).(*kmsg.BrokerHeartbeatResponse)
	require.True(t, h.IsFenced)
}

func TestRefusalOfAnotherRequestPanics(t *testing.T) {
	require.PanicsWithValue(t, "wire: no refusal of Produce with code 41", func() { Refusal(kmsg.NewPtrProduceRequest(), 41) })
}

func filled[R kmsg.Request](r R, fill func(R)) R {
	fill(r)
	return r
}

// codesIn returns every field ErrorCode of a value.
func codesIn(v reflect.Value) (all []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			all = codesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, codesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name == "ErrorCode" {
				all = append(all, int16(v.Field(i).Int()))
			} else if f.IsExported() && f.Name != "UnknownTags" {
				all = append(all, codesIn(v.Field(i))...)
			}
		}
	}
	return all
}

// namesIn returns the names in a response, in order.
func namesIn(resp kmsg.Response) (all string) {
	add := func(name string) {
		if all != "" {
			all += " "
		}
		all += name
	}
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			add(t.Topic)
		}
	case *kmsg.CreatePartitionsResponse:
		for _, t := range r.Topics {
			add(t.Topic)
		}
	case *kmsg.DeleteTopicsResponse:
		for _, t := range r.Topics {
			if t.Topic != nil {
				add(*t.Topic)
			} else {
				add(fmt.Sprint(t.TopicID))
			}
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		for _, c := range r.Resources {
			add(c.ResourceName)
		}
	case *kmsg.DescribeConfigsResponse:
		for _, c := range r.Resources {
			add(c.ResourceName)
		}
	}
	return all
}
