package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/controller/raft"
	"samsa/sim/env"
)

// api has the key of a request that controllers serve, and the lowest and highest version of it that they serve.
type api struct{ key, min, max int16 }

// apis lists the implemented requests of a controller's listener by key. The lowest versions are those of Kafka 4
// (KIP-896).
var apis = []api{
	{1, 4, 18}, // Fetch
	{18, 0, 4}, // ApiVersions
	{19, 2, 7}, // CreateTopics
	{20, 1, 6}, // DeleteTopics
	{32, 1, 4}, // DescribeConfigs
	{33, 0, 2}, // AlterConfigs
	{37, 0, 3}, // CreatePartitions
	{43, 0, 2}, // ElectLeaders
	{44, 0, 1}, // IncrementalAlterConfigs
	{52, 0, 2}, // Vote
	{53, 0, 1}, // BeginQuorumEpoch
	{54, 0, 1}, // EndQuorumEpoch
	{55, 0, 2}, // DescribeQuorum
	{56, 2, 3}, // AlterPartition
	{57, 0, 2}, // UpdateFeatures
	{60, 0, 2}, // DescribeCluster
	{62, 0, 4}, // BrokerRegistration
	{63, 0, 1}, // BrokerHeartbeat
	{64, 0, 0}, // UnregisterBroker
}

// serves reports whether controllers serve a request and its version.
func serves(req env.Request) bool {
	i := slices.IndexFunc(apis, func(a api) bool { return a.key == req.Key() })
	return i >= 0 && apis[i].min <= req.GetVersion() && req.GetVersion() <= apis[i].max
}

// apiVersions serves ApiVersions, versions 0 to 4. Responses have features since version 3. Versions below 4 omit features
// with a lowest level of 0, because old clients treat 0 as an error (KAFKA-17011). A request with an unknown version gets
// a response without features.
func apiVersions(req *kmsg.ApiVersionsRequest, known bool, features []Feature, committed *image.Image) *kmsg.ApiVersionsResponse {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	if !known {
		resp.ErrorCode = kerr.UnsupportedVersion.Code
	}
	for _, a := range apis {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	if req.Version < 3 || !known {
		return resp
	}
	resp.FinalizedFeaturesEpoch = int64(committed.Next) - 1
	for _, f := range features {
		if f.Min > 0 || req.Version >= 4 {
			s := kmsg.NewApiVersionsResponseSupportedFeature()
			s.Name, s.MinVersion, s.MaxVersion = f.Name, f.Min, f.Max
			resp.SupportedFeatures = append(resp.SupportedFeatures, s)
		}
		if level := committed.Feature(f.Name); level > 0 {
			s := kmsg.NewApiVersionsResponseFinalizedFeature()
			s.Name, s.MinVersionLevel, s.MaxVersionLevel = f.Name, level, level
			resp.FinalizedFeatures = append(resp.FinalizedFeatures, s)
		}
	}
	return resp
}

// describeCluster returns the addresses of the controllers (KIP-919). Any controller can serve this request.
func describeCluster(clusterID string, quorum *raft.Replica, req *kmsg.DescribeClusterRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.EndpointType, resp.ClusterID, resp.ControllerID = 2, clusterID, int32(quorum.Leader())
	switch req.EndpointType {
	case 2:
	case 1:
		resp.ErrorCode = kerr.MismatchedEndpointType.Code
		return resp
	default:
		resp.ErrorCode = kerr.UnsupportedEndpointType.Code
		return resp
	}
	for _, v := range quorum.Voters() {
		b := kmsg.NewDescribeClusterResponseBroker()
		b.NodeID, b.Host, b.Port = int32(v.ID), string(v.Addr), raft.ControllerPort
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}
