package broker_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

func metadata(version int16, names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(version)
	req.AllowAutoTopicCreation = true
	for _, n := range names {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, rt)
	}
	return req
}

func TestMetadata(t *testing.T) {
	r := newRoom(t, 2)
	id := r.topic("orders", []int{2, 1})
	r.topic("audit", []int{1})
	for version := int16(0); version <= 13; version++ {
		m := ask[*kmsg.MetadataResponse](r, 1, metadata(version, "orders"))
		require.Len(t, m.Brokers, 2)
		require.Equal(t, "b1", m.Brokers[0].Host)
		p := m.Topics[0].Partitions[0]
		require.EqualValues(t, 2, p.Leader, "version %d", version)
		require.Equal(t, []int32{2, 1}, p.Replicas)
		require.Len(t, ask[*kmsg.MetadataResponse](r, 1, metadata(version)).Topics, 2, "all of them, in version %d", version)
	}
	byID := metadata(12)
	rt := kmsg.NewMetadataRequestTopic()
	rt.TopicID = id
	strange := kmsg.NewMetadataRequestTopic()
	strange.TopicID = wire.TopicID{9}
	byID.Topics = append(byID.Topics, rt, strange)
	m := ask[*kmsg.MetadataResponse](r, 1, byID)
	require.Equal(t, "orders", *m.Topics[0].Topic)
	require.Equal(t, kerr.UnknownTopicID.Code, m.Topics[1].ErrorCode)

	m = ask[*kmsg.MetadataResponse](r, 1, metadata(9, "nothing", "no/slash", "", strings.Repeat("x", 250)))
	require.Equal(t, kerr.UnknownTopicOrPartition.Code, m.Topics[0].ErrorCode)
	for _, mt := range m.Topics[1:] {
		require.Equal(t, kerr.InvalidTopicException.Code, mt.ErrorCode)
	}
	r.run(env.Second)
	require.Len(t, ask[*kmsg.MetadataResponse](r, 1, metadata(9)).Topics, 2, "asking makes no topic")

	r.w.Crash("b2")
	r.until("b1 leads", func() bool {
		p := ask[*kmsg.MetadataResponse](r, 1, metadata(9, "orders")).Topics[0].Partitions[0]
		return p.Leader == 1 && len(p.OfflineReplicas) == 1 && p.OfflineReplicas[0] == 2
	})
}

func TestDescribeTopicPartitionsPages(t *testing.T) {
	r := newRoom(t, 1)
	for i := range 3 {
		r.topic("t"+strconv.Itoa(i), []int{1})
	}
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = 2
	resp := ask[*kmsg.DescribeTopicPartitionsResponse](r, 1, req)
	require.Len(t, resp.Topics, 2)
	require.NotNil(t, resp.NextCursor)
	require.NotNil(t, resp.Topics[0].Partitions[0].EligibleLeaderReplicas, "null kills the Java admin client")
	next := kmsg.NewPtrDescribeTopicPartitionsRequest()
	c := kmsg.NewDescribeTopicPartitionsRequestCursor()
	c.Topic, c.Partition = resp.NextCursor.Topic, resp.NextCursor.Partition
	next.Cursor, next.ResponsePartitionLimit = &c, 2
	resp = ask[*kmsg.DescribeTopicPartitionsResponse](r, 1, next)
	require.Len(t, resp.Topics, 1)
	require.Equal(t, "t2", *resp.Topics[0].Topic)
	require.Nil(t, resp.NextCursor)
	one := kmsg.NewPtrDescribeTopicPartitionsRequest()
	rt := kmsg.NewDescribeTopicPartitionsRequestTopic()
	rt.Topic = "nothing"
	one.Topics = append(one.Topics, rt)
	require.Equal(t, kerr.UnknownTopicOrPartition.Code, ask[*kmsg.DescribeTopicPartitionsResponse](r, 1, one).Topics[0].ErrorCode)
}

func TestDescribeCluster(t *testing.T) {
	r := newRoom(t, 2)
	ask2 := func(kind int8, fenced bool) *kmsg.DescribeClusterResponse {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.SetVersion(2)
		req.EndpointType, req.IncludeFencedBrokers = kind, fenced
		return ask[*kmsg.DescribeClusterResponse](r, 1, req)
	}
	require.Len(t, ask2(1, false).Brokers, 2)
	require.Equal(t, kerr.MismatchedEndpointType.Code, ask2(2, false).ErrorCode)
	require.Equal(t, kerr.UnsupportedEndpointType.Code, ask2(7, false).ErrorCode)
	r.w.Crash("b2")
	r.until("b2 is fenced", func() bool { return len(ask2(1, false).Brokers) == 1 })
	all := ask2(1, true).Brokers
	require.Len(t, all, 2)
	require.True(t, all[1].IsFenced)
}

// A client must say what it is, in letters and digits, with dots and hyphens between them (KIP-511).
func TestApiVersionsNeedsAName(t *testing.T) {
	r := newRoom(t, 1)
	for name, valid := range map[string]bool{"a": true, "kafka-java.4": true, "": false, "-a": false, "a.": false, "a b": false, "ä": false} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.SetVersion(3)
		req.ClientSoftwareName, req.ClientSoftwareVersion = "samsa", name
		resp := ask[*kmsg.ApiVersionsResponse](r, 1, req)
		require.Equal(t, valid, resp.ErrorCode == 0, name)
		require.Equal(t, valid, len(resp.ApiKeys) > 0, name)
	}
}

func TestApiVersions(t *testing.T) {
	r := newRoom(t, 1)
	for version := int16(0); version <= 4; version++ {
		req := kmsg.NewPtrApiVersionsRequest()
		req.SetVersion(version)
		req.ClientSoftwareName, req.ClientSoftwareVersion = "samsa-client", "1.0"
		resp := ask[*kmsg.ApiVersionsResponse](r, 1, req)
		require.Zero(t, resp.ErrorCode)
		require.Greater(t, len(resp.ApiKeys), 12)
		for _, f := range resp.SupportedFeatures {
			require.True(t, version >= 4 || f.MinVersion > 0, "%s would end an old client (KAFKA-17011)", f.Name)
		}
		if version >= 3 {
			require.NotEmpty(t, resp.FinalizedFeatures)
		}
	}
	newer := kmsg.NewPtrApiVersionsRequest()
	newer.SetVersion(5)
	resp := ask[*kmsg.ApiVersionsResponse](r, 1, newer)
	require.Equal(t, kerr.UnsupportedVersion.Code, resp.ErrorCode)
	require.Zero(t, resp.Version, "in a version that every client can read (KIP-511)")
	require.NotEmpty(t, resp.ApiKeys)
}

// Requests that brokers do not serve close the connection. Every request is answered or closed.
func TestUnknownRequestsEndTheConnection(t *testing.T) {
	r := newRoom(t, 1)
	old := produce("orders", -1, nil)
	old.SetVersion(2)
	vote := kmsg.NewPtrVoteRequest()
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	for _, req := range []env.Request{old, vote, heartbeat} {
		began := r.w.Now()
		_, err := r.answer(r.send(1, req))
		require.ErrorIs(t, err, env.ErrReset)
		require.Less(t, env.Duration(r.w.Now()-began), env.Second)
	}
}

// Clients of version 0 expect an error for a replica that is away, and do not see it.
func TestMetadataOfOldClientsHidesReplicas(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("orders", []int{1, 2})
	ask0 := func(version int16) kmsg.MetadataResponseTopicPartition {
		req := metadata(version)
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr("orders")
		req.Topics = append(req.Topics, rt)
		return ask[*kmsg.MetadataResponse](r, 1, req).Topics[0].Partitions[0]
	}
	require.Equal(t, []int32{1, 2}, ask0(0).Replicas)
	r.w.Crash("b2")
	r.until("b2 is fenced", func() bool { return len(ask0(5).OfflineReplicas) == 1 })
	require.Equal(t, kerr.ReplicaNotAvailable.Code, ask0(0).ErrorCode)
	require.Equal(t, []int32{1}, ask0(0).Replicas)
	require.Equal(t, []int32{1, 2}, ask0(1).Replicas)
	require.Zero(t, ask0(1).ErrorCode)
}

// A Metadata request that is not valid in its version gets its error for every topic, and no broker.
func TestInvalidMetadataRequests(t *testing.T) {
	r := newRoom(t, 1)
	for _, tc := range []struct {
		version int16
		id      wire.TopicID
		want    *kerr.Error
	}{{10, wire.TopicID{1}, kerr.InvalidRequest}, {12, wire.TopicID{}, kerr.UnknownServerError}} {
		req := metadata(tc.version)
		rt := kmsg.NewMetadataRequestTopic()
		rt.TopicID = tc.id
		req.Topics = append(req.Topics, rt)
		resp := ask[*kmsg.MetadataResponse](r, 1, req)
		require.Empty(t, resp.Brokers)
		require.Len(t, resp.Topics, 1)
		require.Equal(t, tc.want.Code, resp.Topics[0].ErrorCode)
	}
}

func TestDescribeConfigs(t *testing.T) {
	r := newRoom(t, 1, "min.insync.replicas=2")
	r.topic("orders", []int{1}, "retention.ms=1000")
	get := func(kind kmsg.ConfigResourceType, name string, names ...string) kmsg.DescribeConfigsResponseResource {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.SetVersion(4)
		req.IncludeSynonyms, req.IncludeDocumentation = true, true
		rr := kmsg.NewDescribeConfigsRequestResource()
		rr.ResourceType, rr.ResourceName, rr.ConfigNames = kind, name, names
		req.Resources = append(req.Resources, rr)
		return ask[*kmsg.DescribeConfigsResponse](r, 1, req).Resources[0]
	}
	for _, c := range []struct {
		name, value string
		source      kmsg.ConfigSource
	}{
		{"retention.ms", "1000", kmsg.ConfigSourceDynamicTopicConfig},
		{"min.insync.replicas", "2", kmsg.ConfigSourceStaticBrokerConfig},
		{"segment.bytes", "1073741824", kmsg.ConfigSourceDefaultConfig},
	} {
		got := get(kmsg.ConfigResourceTypeTopic, "orders", c.name).Configs
		require.Len(t, got, 1)
		require.Equal(t, c.value, *got[0].Value)
		require.Equal(t, c.source, got[0].Source)
	}
	require.Greater(t, len(get(kmsg.ConfigResourceTypeTopic, "orders").Configs), 20, "all of them")
	require.Equal(t, "2", *get(kmsg.ConfigResourceTypeBroker, "1", "min.insync.replicas").Configs[0].Value)
	require.Equal(t, kerr.UnknownTopicOrPartition.Code, get(kmsg.ConfigResourceTypeTopic, "nothing").ErrorCode)
	require.Equal(t, kerr.InvalidRequest.Code, get(kmsg.ConfigResourceTypeBroker, "7").ErrorCode, "only the broker itself knows")
	require.Equal(t, kerr.InvalidRequest.Code, get(kmsg.ConfigResourceTypeGroupConfig, "g").ErrorCode)
}

// Requests for the controller can be sent to any broker, even while the controller is down.
func TestForwarding(t *testing.T) {
	r := newRoom(t, 2)
	id := r.topic("orders", []int{1, 2})
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.SetVersion(3)
	more.TimeoutMillis = 10000
	ct := kmsg.NewCreatePartitionsRequestTopic()
	ct.Topic, ct.Count = "orders", 3
	more.Topics = append(more.Topics, ct)
	require.Zero(t, ask[*kmsg.CreatePartitionsResponse](r, 2, more).Topics[0].ErrorCode)
	r.until("there are three", func() bool { return len(r.broker(2).Image().Topic(id).Partitions) == 3 })

	set := kmsg.NewPtrIncrementalAlterConfigsRequest()
	set.SetVersion(1)
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeTopic, "orders"
	cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	cfg.Name, cfg.Op, cfg.Value = "max.message.bytes", kmsg.IncrementalAlterConfigOpSet, kmsg.StringPtr("200")
	rr.Configs = append(rr.Configs, cfg)
	set.Resources = append(set.Resources, rr)
	require.Zero(t, ask[*kmsg.IncrementalAlterConfigsResponse](r, 2, set).Resources[0].ErrorCode)
	r.until("it is in force", func() bool {
		return r.broker(1).Replica(wire.TopicPartition{Topic: "orders"}).Log().Config().MaxMessageBytes == 200
	})

	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.SetVersion(2)
	qt := kmsg.NewDescribeQuorumRequestTopic()
	qt.Topic = "__cluster_metadata"
	qt.Partitions = append(qt.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	quorum.Topics = append(quorum.Topics, qt)
	require.EqualValues(t, 101, ask[*kmsg.DescribeQuorumResponse](r, 1, quorum).Topics[0].Partitions[0].LeaderID)

	r.w.Crash("c1")
	drop := kmsg.NewPtrDeleteTopicsRequest()
	drop.SetVersion(6)
	drop.TimeoutMillis = 60000
	dt := kmsg.NewDeleteTopicsRequestTopic()
	dt.Topic = kmsg.StringPtr("orders")
	drop.Topics = append(drop.Topics, dt)
	turn := r.send(1, drop)
	r.run(3 * env.Second)
	require.False(t, r.asker.done[turn])
	r.w.Start("c1")
	resp, err := r.answer(turn)
	require.NoError(t, err)
	require.Zero(t, resp.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode)

	r.w.Crash("c1")
	late := ask[*kmsg.DeleteTopicsResponse](r, 1, drop)
	require.Equal(t, kerr.RequestTimedOut.Code, late.Topics[0].ErrorCode)
}

// Responses have the ELR, because an operator needs it to decide whether to wait or to elect uncleanly.
func TestDescribeTopicPartitionsNamesWhoMayLead(t *testing.T) {
	r := newRoom(t, 2)
	r.topic("t", []int{2})
	r.w.Crash("b2")
	r.until("no broker leads, and b2 is the last known leader", func() bool {
		p := ask[*kmsg.DescribeTopicPartitionsResponse](r, 1, kmsg.NewPtrDescribeTopicPartitionsRequest()).Topics[0].Partitions[0]
		return p.LeaderID == -1 && slices.Equal(p.EligibleLeaderReplicas, []int32{2}) && slices.Equal(p.LastKnownELR, []int32{2})
	})
}
