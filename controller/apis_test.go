package controller_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// versions asks a controller for its ApiVersions.
func (b *bench) versions(version int16) *kmsg.ApiVersionsResponse {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = version
	return b.ask(req).(*kmsg.ApiVersionsResponse)
}

// Requests or versions that controllers do not serve close the connection without a response.
func TestUnservedRequestsCloseTheConnection(t *testing.T) {
	b := newBench(t, nil)
	at := func(req env.Request, version int16) env.Request { req.SetVersion(version); return req }
	for _, req := range []env.Request{
		at(kmsg.NewPtrProduceRequest(), 9), at(kmsg.NewPtrJoinGroupRequest(), 5), at(kmsg.NewPtrAlterPartitionRequest(), 1), at(kmsg.NewPtrFetchRequest(), 3),
		at(topic("t", 1, 1), 8),
	} {
		b.reply, b.closed = nil, nil
		end := b.End()
		b.Receive(b, env.Ticket{Link: 7}, req)
		if len(b.closed) != 1 || b.closed[0] != 7 || b.reply != nil || b.End() != end {
			t.Errorf("%s version %d: closed %v, answer %v, %d records", kmsg.NameForKey(req.Key()), req.GetVersion(), b.closed, b.reply, b.End()-end)
		}
	}
}

// ApiVersions in an unknown version is answered (KIP-511), with all that a client needs to ask again.
func TestApiVersions(t *testing.T) {
	b := newBench(t, nil)
	r := b.versions(99)
	require.Equal(t, kerr.UnsupportedVersion.Code, r.ErrorCode)
	require.Empty(t, r.FinalizedFeatures)
	known := map[int16]kmsg.ApiVersionsResponseApiKey{}
	for i, k := range r.ApiKeys {
		known[k.ApiKey] = k
		require.True(t, i == 0 || r.ApiKeys[i-1].ApiKey < k.ApiKey, "api %d is out of order", k.ApiKey)
	}
	for _, version := range []int16{2, 3, 4} {
		r := b.versions(version)
		require.Zero(t, r.ErrorCode)
		require.Len(t, r.ApiKeys, len(known))
		var supported, finalized []string
		for _, f := range r.SupportedFeatures {
			supported = append(supported, f.Name)
		}
		for _, f := range r.FinalizedFeatures {
			finalized = append(finalized, f.Name)
		}
		switch all := []string{"eligible.leader.replicas.version", "group.version", "metadata.version", "transaction.version"}; version {
		case 2:
			require.Empty(t, append(supported, finalized...))
		case 3:
			require.Equal(t, []string{"metadata.version"}, supported, "a lowest level of 0 is an error to version 3 (KAFKA-17011)")
			require.Equal(t, all, finalized)
		case 4:
			require.Equal(t, all, supported)
			require.Equal(t, all, finalized)
		}
	}
}

// Every request that ApiVersions names is answered, in its lowest and its highest version.
func TestServedRequestsAreAnswered(t *testing.T) {
	b := newBench(t, nil)
	for _, k := range b.versions(0).ApiKeys {
		for _, version := range []int16{k.MinVersion, k.MaxVersion} {
			req := kmsg.RequestForKey(k.ApiKey)
			req.SetVersion(version)
			b.closed = nil
			if b.ask(req); b.closed != nil {
				t.Errorf("%s version %d ends the connection", kmsg.NameForKey(k.ApiKey), version)
			}
		}
	}
}
