package wire

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestUnknownKeysAndVersionsAreTypedErrors(t *testing.T) {
	parse := func(key, version int16) (RequestHeader, error) {
		frame := []byte{byte(key >> 8), byte(key), byte(version >> 8), byte(version), 0, 0, 0, 9, 0, 1, 'c', 0}
		h, req, err := ParseRequest(frame)
		require.Nil(t, req)
		require.Equal(t, int32(9), h.Correlation, "a broker needs it to answer")
		return h, err
	}
	var unsupported *UnsupportedError
	for _, key := range []int16{-1, 95, 32767, -32768} {
		_, err := parse(key, 0)
		require.ErrorAs(t, err, &unsupported)
		require.ErrorIs(t, err, kerr.InvalidRequest)
		require.Equal(t, int16(-1), unsupported.Max)
	}
	for _, version := range []int16{-1, 99, 32767} {
		h, err := parse(18, version)
		require.ErrorAs(t, err, &unsupported)
		require.ErrorIs(t, err, kerr.UnsupportedVersion)
		require.Equal(t, UnsupportedError{18, version, unsupported.Max}, *unsupported)
		require.Equal(t, RequestHeader{18, version, 9, "c"}, h)
		_, _, err = ParseResponse([]byte{0, 0, 0, 1}, 18, version)
		require.ErrorAs(t, err, &unsupported)
	}
	_, _, err := ParseResponse([]byte{0, 0, 0, 1}, 95, 0)
	require.ErrorAs(t, err, &unsupported)
}

func TestTruncatedFramesAreErrors(t *testing.T) {
	req := kmsg.NewPtrFetchRequest()
	req.Version = 12
	req.Topics = []kmsg.FetchRequestTopic{{Topic: "orders", Partitions: []kmsg.FetchRequestTopicPartition{{Partition: 3}}}}
	frame := AppendRequest(nil, RequestHeader{ClientID: "c"}, req)[4:]
	for n := range frame {
		_, _, err := ParseRequest(frame[:n])
		var fe *FrameError
		require.ErrorAs(t, err, &fe, "first %d bytes", n)
		require.ErrorIs(t, err, kerr.InvalidRequest)
	}
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	resp.Topics = []kmsg.FetchResponseTopic{{Topic: "orders", Partitions: []kmsg.FetchResponseTopicPartition{{RecordBatches: []byte("abc")}}}}
	frame = AppendResponse(nil, 5, resp)[4:]
	for n := range frame {
		_, _, err := ParseResponse(frame[:n], 1, 12)
		var fe *FrameError
		require.ErrorAs(t, err, &fe, "first %d bytes", n)
	}
}

func TestNextFrame(t *testing.T) {
	two := append(AppendRequest(nil, RequestHeader{Correlation: 1}, kmsg.NewPtrHeartbeatRequest()), 0, 0, 0, 2, 'a', 'b', 0)
	first, rest, err := NextFrame(two)
	require.NoError(t, err)
	require.Equal(t, two[4:4+len(first)], first)
	second, rest, err := NextFrame(rest)
	require.NoError(t, err)
	require.Equal(t, "ab", string(second))
	_, _, err = NextFrame(rest)
	require.ErrorIs(t, err, ErrShortFrame)
	_, _, err = NextFrame([]byte{0, 0, 0, 2, 'a'})
	require.ErrorIs(t, err, ErrShortFrame)
	var fe *FrameError
	_, _, err = NextFrame([]byte{0xff, 0xff, 0xff, 0xff})
	require.ErrorAs(t, err, &fe)
	_, _, err = NextFrame([]byte{0x7f, 0, 0, 0})
	require.ErrorAs(t, err, &fe, "a size over the limit is refused before its bytes are awaited")
}

// TestAPIVersionsDowngrade checks that a broker responds to an unknown version with version 0 and error 35 (KIP-511).
func TestAPIVersionsDowngrade(t *testing.T) {
	answer := &kmsg.ApiVersionsResponse{Version: 0, ErrorCode: kerr.UnsupportedVersion.Code, FinalizedFeaturesEpoch: -1}
	answer.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: 18, MaxVersion: 3}}
	correlation, got, err := ParseResponse(AppendResponse(nil, 8, answer)[4:], 18, 4)
	require.NoError(t, err)
	require.Equal(t, int32(8), correlation)
	require.Equal(t, answer, got)

	answer = &kmsg.ApiVersionsResponse{Version: 4, ApiKeys: answer.ApiKeys, FinalizedFeaturesEpoch: -1}
	frame := AppendResponse(nil, 8, answer)
	require.Equal(t, "000000080000", hex.EncodeToString(frame[4:10]), "no tags in the header, although the body is flexible")
	_, got, err = ParseResponse(frame[4:], 18, 4)
	require.NoError(t, err)
	require.Equal(t, answer, got)
}

func TestOldMetadataRequestsCreateTopics(t *testing.T) {
	for version := range int16(14) {
		_, req, err := ParseRequest(AppendRequest(nil, RequestHeader{}, &kmsg.MetadataRequest{Version: version})[4:])
		require.NoError(t, err)
		require.Equal(t, version < 4, req.(*kmsg.MetadataRequest).AllowAutoTopicCreation, "version %d", version)
	}
}

// TestBytesAliasTheFrame checks that records point into the frame and strings do not, as documented.
func TestBytesAliasTheFrame(t *testing.T) {
	req := &kmsg.ProduceRequest{Version: 9, Acks: -1, Topics: []kmsg.ProduceRequestTopic{
		{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("rrrr")}}}}}
	frame := AppendRequest(nil, RequestHeader{ClientID: "client"}, req)[4:]
	h, got, err := ParseRequest(frame)
	require.NoError(t, err)
	for i := range frame {
		frame[i] = 'x'
	}
	p := got.(*kmsg.ProduceRequest)
	require.Equal(t, "client", h.ClientID)
	require.Equal(t, "orders", p.Topics[0].Topic)
	require.Equal(t, "xxxx", string(p.Topics[0].Partitions[0].Records))
}

func TestNullClientIDIsEmpty(t *testing.T) {
	h, req, err := ParseRequest([]byte{0, 16, 0, 0, 0, 0, 0, 1, 0xff, 0xff})
	require.NoError(t, err)
	require.Equal(t, RequestHeader{16, 0, 1, ""}, h)
	require.IsType(t, &kmsg.ListGroupsRequest{}, req)
}

func TestHeaderTagsAreSkipped(t *testing.T) {
	frame := []byte{0, 16, 0, 3, 0, 0, 0, 1, 0, 0, 2, 7, 1, 'x', 9, 0, 0} // two tags, then a body without any
	_, req, err := ParseRequest(frame)
	require.NoError(t, err)
	require.Equal(t, int16(3), req.GetVersion())
}

func TestSizeCountsRecordsExactly(t *testing.T) {
	produce := func(records ...int) *kmsg.ProduceRequest {
		r := &kmsg.ProduceRequest{Topics: make([]kmsg.ProduceRequestTopic, 1)}
		for _, n := range records {
			r.Topics[0].Partitions = append(r.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Records: make([]byte, n)})
		}
		return r
	}
	require.Equal(t, Size(produce(0, 0))+1000, Size(produce(1, 999)))
	fetch := func(n int) *kmsg.FetchResponse {
		p := []kmsg.FetchResponseTopicPartition{{RecordBatches: make([]byte, n)}}
		return &kmsg.FetchResponse{Topics: []kmsg.FetchResponseTopic{{Partitions: p}}}
	}
	require.Equal(t, Size(fetch(0))+777, Size(fetch(777)))
	diverging := fetch(10)
	diverging.Topics[0].Partitions[0].DivergingEpoch = kmsg.FetchResponseTopicPartitionDivergingEpoch{Epoch: 3, EndOffset: 9}
	require.Equal(t, Size(fetch(10)), Size(diverging))
	require.Equal(t, Size(&kmsg.EnvelopeRequest{})+5, Size(&kmsg.EnvelopeRequest{RequestData: make([]byte, 5)}))
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if req := kmsg.RequestForKey(key); req != nil {
			require.Positive(t, Size(req))
			require.Positive(t, Size(req.ResponseKind()))
		}
	}
	m := produce(10, 20)
	require.Zero(t, testing.AllocsPerRun(10, func() { Size(m) }))
}

// TestSizeIsNearTheEncoding checks that no constant is far off, which would make the model of bandwidth useless.
func TestSizeIsNearTheEncoding(t *testing.T) {
	for _, m := range []kmsg.Request{
		&kmsg.ProduceRequest{Version: 9, Topics: []kmsg.ProduceRequestTopic{{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: make([]byte, 300)}}}}},
		&kmsg.FetchRequest{Version: 17, Topics: []kmsg.FetchRequestTopic{{Partitions: make([]kmsg.FetchRequestTopicPartition, 10)}}},
		&kmsg.VoteRequest{Version: 2, Topics: []kmsg.VoteRequestTopic{{Topic: "__cluster_metadata", Partitions: make([]kmsg.VoteRequestTopicPartition, 1)}}},
		&kmsg.HeartbeatRequest{Version: 4, Group: "group", MemberID: "member"},
	} {
		real := len(AppendRequest(nil, RequestHeader{ClientID: "producer-1"}, m))
		require.InDelta(t, real, Size(m), 120, "%s", kmsg.NameForKey(m.Key()))
	}
}
