package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire/config"
)

// api is one kind of request that brokers serve, with the versions that they serve. Brokers serve Produce since version 3
// but advertise it since version 0; otherwise old clients conclude that the broker cannot compress (KAFKA-18659).
type api struct {
	key, min, max int16
	forward       bool // the active controller answers it
}

// apis lists the requests that this broker serves, by key. The lowest version of a request is the same as in Kafka 4
// (KIP-896), or lower if a client in use needs that.
var apis = []api{
	{key: 0, min: 0, max: 13},                // Produce
	{key: 1, min: 4, max: 18},                // Fetch
	{key: 2, min: 1, max: 11},                // ListOffsets
	{key: 3, min: 0, max: 13},                // Metadata
	{key: 18, min: 0, max: 4},                // ApiVersions
	{key: 19, min: 2, max: 7, forward: true}, // CreateTopics
	{key: 20, min: 1, max: 6, forward: true}, // DeleteTopics
	{key: 21, min: 0, max: 2},                // DeleteRecords
	{key: 23, min: 2, max: 4},                // OffsetForLeaderEpoch
	{key: 32, min: 1, max: 4},                // DescribeConfigs
	{key: 33, min: 0, max: 2, forward: true}, // AlterConfigs
	{key: 37, min: 0, max: 3, forward: true}, // CreatePartitions
	{key: 43, min: 0, max: 2, forward: true}, // ElectLeaders
	{key: 44, min: 0, max: 1, forward: true}, // IncrementalAlterConfigs
	{key: 55, min: 0, max: 2, forward: true}, // DescribeQuorum
	{key: 57, min: 0, max: 2, forward: true}, // UpdateFeatures
	{key: 60, min: 0, max: 2},                // DescribeCluster
	{key: 75, min: 0, max: 0},                // DescribeTopicPartitions
}

// lowestProduce is the first version with record batches of format 2.
const lowestProduce = 3

// apiOf returns the row of a request; ok is false if brokers do not serve that version.
func apiOf(key, version int16) (a api, ok bool) {
	i, ok := slices.BinarySearchFunc(apis, key, func(a api, k int16) int { return int(a.key) - int(k) })
	if !ok || version < apis[i].min || version > apis[i].max || key == 0 && version < lowestProduce {
		return api{}, false
	}
	return apis[i], true
}

// earlyRequest is a request that arrived before the controller unfenced this incarnation.
type earlyRequest struct {
	ticket env.Ticket
	req    env.Request
}

// Receive serves one request if the controller has unfenced this incarnation. Until then requests wait, as in Kafka, where
// the socket server does not process requests yet. In the image, a broker that restarts before its session expires may still
// be the leader of its old epoch. It must not append or answer as that leader.
func (b *Broker) Receive(e env.Env, t env.Ticket, req env.Request) {
	if !b.Serves() {
		b.beforeUnfence = append(b.beforeUnfence, earlyRequest{t, req})
		return
	}
	b.receive(e, t, req)
	b.completeParked(e)
}

// serveEarly serves the early requests in order of arrival, once this incarnation is unfenced.
func (b *Broker) serveEarly(e env.Env) {
	if len(b.beforeUnfence) == 0 || !b.Serves() {
		return
	}
	waiting := b.beforeUnfence
	b.beforeUnfence = nil
	for _, w := range waiting {
		b.receive(e, w.ticket, w.req)
	}
}

// receive serves one request. For an unknown api key or version it closes the connection as Kafka does. ApiVersions is
// the exception, because every client can read its response (KIP-511).
func (b *Broker) receive(e env.Env, t env.Ticket, req env.Request) {
	a, ok := apiOf(req.Key(), req.GetVersion())
	switch versions, asks := req.(*kmsg.ApiVersionsRequest); {
	case !ok && asks:
		b.reply(e, t, b.metadata.handleApiVersionsRequest(versions, true))
	case !ok:
		e.Close(t.Link)
	case a.forward:
		if all, ok := alterationsOf(req); ok {
			b.forwarder.forwardConfigs(e, t, req, all)
		} else {
			b.forwarder.forward(e, t, req)
		}
	default:
		b.serve(e, t, req)
	}
}

// serve routes a request to the part that answers it. The handlers of Produce, Fetch and DeleteRecords may park the request,
// so they reply themselves.
func (b *Broker) serve(e env.Env, t env.Ticket, req env.Request) {
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		b.manager.handleProduceRequest(e, t, req)
	case *kmsg.FetchRequest:
		b.manager.handleFetchRequest(e, t, req)
	case *kmsg.DeleteRecordsRequest:
		b.manager.handleDeleteRecordsRequest(e, t, req)
	case *kmsg.ListOffsetsRequest:
		b.reply(e, t, b.manager.handleListOffsetsRequest(e, req))
	case *kmsg.OffsetForLeaderEpochRequest:
		b.reply(e, t, b.manager.handleOffsetForLeaderEpochRequest(req))
	case *kmsg.MetadataRequest:
		b.reply(e, t, b.metadata.handleMetadataRequest(e, req))
	case *kmsg.DescribeClusterRequest:
		b.reply(e, t, b.metadata.handleDescribeClusterRequest(req))
	case *kmsg.DescribeTopicPartitionsRequest:
		b.reply(e, t, b.metadata.handleDescribeTopicPartitionsRequest(req))
	case *kmsg.DescribeConfigsRequest:
		b.reply(e, t, b.metadata.handleDescribeConfigsRequest(req))
	case *kmsg.ApiVersionsRequest:
		b.reply(e, t, b.metadata.handleApiVersionsRequest(req, false))
	}
}

// reply answers a request at once. A nil response closes the connection.
func (b *Broker) reply(e env.Env, t env.Ticket, resp env.Response) {
	if resp == nil {
		e.Close(t.Link)
		return
	}
	b.metrics.reply(e, t, resp, e.Now())
}

// ApiVersions has versions 0 to 4. Since version 3 the response has features. Below version 4 the response omits the
// features with lowest level 0, because old clients read 0 as an error (KAFKA-17011).
func (c *metadataCache) handleApiVersionsRequest(req *kmsg.ApiVersionsRequest, unknown bool) *kmsg.ApiVersionsResponse {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	switch {
	case unknown: // the versions of this request alone, so that the client can send it again
		resp.ErrorCode = kerr.UnsupportedVersion.Code
	case req.Version >= 3 && !(validSoftware(req.ClientSoftwareName) && validSoftware(req.ClientSoftwareVersion)):
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	for _, a := range apis {
		if unknown && a.key != req.Key() {
			continue
		}
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	if req.Version < 3 || unknown {
		return resp
	}
	resp.FinalizedFeaturesEpoch = int64(c.image.Next) - 1
	for _, feature := range config.Of(config.Feature) {
		least, most, _ := feature.Rule.Bounds()
		if least > 0 || req.Version >= 4 {
			f := kmsg.NewApiVersionsResponseSupportedFeature()
			f.Name, f.MinVersion, f.MaxVersion = feature.Name, int16(least), int16(most)
			resp.SupportedFeatures = append(resp.SupportedFeatures, f)
		}
		if level := c.image.Feature(feature.Name); level > 0 {
			f := kmsg.NewApiVersionsResponseFinalizedFeature()
			f.Name, f.MinVersionLevel, f.MaxVersionLevel = feature.Name, level, level
			resp.FinalizedFeatures = append(resp.FinalizedFeatures, f)
		}
	}
	return resp
}

// validSoftware reports whether a text may be the name or the version of a client (KIP-511): letters and digits, between which
// may be dots and hyphens.
func validSoftware(text string) bool {
	alphanumeric := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }
	for i := range len(text) {
		inside := i > 0 && i < len(text)-1 && (text[i] == '.' || text[i] == '-')
		if !alphanumeric(text[i]) && !inside {
			return false
		}
	}
	return text != ""
}
