package wire

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkaMessages has 1938 bodies of requests and responses, generated from the message schemas of Apache Kafka 3.9.0
// with fields filled in three ways, for every api key and every version. A line has req or resp, key, version, way and
// hex.
//
//go:embed testdata/kafka-3.9-messages.txt.gz
var kafkaMessages []byte

// kafkaFrames were written by the message classes of kafka-clients 4.1.0. For every key and version they have the
// versions of the headers ("header", key, version, of the request, of the response). They also have bodies with
// nullable structs (as above) and two whole frames.
//
//go:embed testdata/kafka-4.1-frames.txt.gz
var kafkaFrames []byte

// exceptions has the vectors of kafkaMessages that do not come back byte for byte, each with the reason.
func exceptions() map[string]string {
	all := map[string]string{}
	add := func(vector, ways, why string) {
		for _, way := range ways {
			all[vector+" "+string(way)] = why
		}
	}
	const noPresence = "the generator left out the byte that says whether a nullable struct is there; kafkaFrames has it right"
	add("req 5 4", "012", "StopReplica, gone in Kafka 4: the generator put a random byte where a boolean is, and only 0 and 1 come back")
	add("resp 68 0", "012", "ConsumerGroupHeartbeat: "+noPresence)
	add("req 75 0", "012", "DescribeTopicPartitions: "+noPresence)
	add("resp 75 0", "012", "DescribeTopicPartitions: "+noPresence)
	add("resp 76 0", "012", "ShareGroupHeartbeat, unstable in 3.9: "+noPresence)
	add("resp 87 0", "02", "ReadShareGroupStateSummary, unstable in 3.9: LeaderEpoch came in 4.1 without a new version")
	return all
}

// vector is one line.
type vector struct {
	kind, way    string
	key, version int16
	body         []byte
}

func parseVector(t *testing.T, line string) (v vector) {
	t.Helper()
	f := strings.Fields(line)
	require.Len(t, f, 5, line)
	key, err := strconv.ParseInt(f[1], 10, 16)
	require.NoError(t, err)
	version, err := strconv.ParseInt(f[2], 10, 16)
	require.NoError(t, err)
	body, err := hex.DecodeString(strings.TrimPrefix(f[4], "-")) // "-" is an empty body
	require.NoError(t, err)
	return vector{f[0], f[3], int16(key), int16(version), body}
}

func (v vector) String() string { return fmt.Sprint(v.kind, " ", v.key, " ", v.version, " ", v.way) }

// TestKafkasMessagesComeBackByteForByte puts each body after a header, parses the frame and writes it again.
func TestKafkasMessagesComeBackByteForByte(t *testing.T) {
	lines := unzipLines(t, kafkaMessages)
	require.Len(t, lines, 1938)
	excused := exceptions()
	require.Len(t, excused, 17)
	for _, line := range lines {
		v := parseVector(t, line)
		err := comesBack(v.kind, v.key, v.version, v.body)
		if _, is := excused[v.String()]; is {
			require.Error(t, err, "%s is no exception any more", v)
			continue
		}
		require.NoError(t, err, "%s %s", v, kmsg.NameForKey(v.key))
	}
}

// TestHeadersHaveKafkasVersions compares the choice of header versions for every key and version of Kafka 4.1.
func TestHeadersHaveKafkasVersions(t *testing.T) {
	headers, bodies := 0, 0
	for _, line := range unzipLines(t, kafkaFrames) {
		f := strings.Fields(line)
		if f[0] != "header" {
			v := parseVector(t, line)
			bodies++
			if v.kind == "frame-req" {
				frame, rest, err := NextFrame(v.body)
				require.NoError(t, err)
				require.Empty(t, rest)
				h, req, err := ParseRequest(frame)
				require.NoError(t, err)
				require.Equal(t, RequestHeader{Key: v.key, Version: v.version, Correlation: 77, ClientID: "me"}, h)
				require.Equal(t, hex.EncodeToString(v.body), hex.EncodeToString(AppendRequest(nil, h, req)))
				continue
			}
			require.NoError(t, comesBack(v.kind, v.key, v.version, v.body), v.String())
			continue
		}
		headers++
		var key, version int16
		var reqHeader, respHeader int
		_, err := fmt.Sscan(strings.Join(f[1:], " "), &key, &version, &reqHeader, &respHeader)
		require.NoError(t, err)
		req := kmsg.RequestForKey(key)
		require.NotNil(t, req, "key %d", key)
		req.SetVersion(version)
		resp := req.ResponseKind()
		require.Equal(t, reqHeader, requestHeaderVersion(req), line)
		require.Equal(t, respHeader, responseHeaderVersion(resp), line)
	}
	require.Equal(t, 292, headers)
	require.Equal(t, 13, bodies)
	// Kafka 4 no longer has ControlledShutdown. Its version 0 is the only request without a client id.
	require.Equal(t, 0, requestHeaderVersion(&kmsg.ControlledShutdownRequest{Version: 0}))
	require.Equal(t, 1, requestHeaderVersion(&kmsg.ControlledShutdownRequest{Version: 1}))
}

// comesBack describes how a body differs after a round trip.
func comesBack(kind string, key, version int16, body []byte) error {
	var frame, again []byte
	if kind == "req" {
		frame = binary.BigEndian.AppendUint16(frame, uint16(key))
		frame = binary.BigEndian.AppendUint16(frame, uint16(version))
		frame = append(frame, 0, 0, 0, 77)
		if key != 7 || version != 0 {
			frame = append(frame, 0, 2, 'm', 'e')
		}
		if req := kmsg.RequestForKey(key); req != nil {
			req.SetVersion(version)
			if req.IsFlexible() {
				frame = append(frame, 0)
			}
		}
		frame = append(frame, body...)
		h, req, err := ParseRequest(frame)
		if err != nil {
			return err
		}
		if h.Correlation != 77 || h.Key != key || h.Version != version {
			return fmt.Errorf("header %v", h)
		}
		again = AppendRequest(nil, h, req)
	} else {
		frame = append(frame, 0, 0, 0, 77)
		if resp := kmsg.ResponseForKey(key); resp != nil {
			resp.SetVersion(version)
			if resp.IsFlexible() && key != 18 {
				frame = append(frame, 0)
			}
		}
		frame = append(frame, body...)
		correlation, resp, err := ParseResponse(frame, key, version)
		if err != nil {
			return err
		}
		again = AppendResponse(nil, correlation, resp)
	}
	inner, rest, err := NextFrame(again)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("not one frame: %v, %d bytes left", err, len(rest))
	}
	if !bytes.Equal(frame, inner) {
		return fmt.Errorf("%d bytes came back as %d:\n%x\n%x", len(frame), len(inner), frame, inner)
	}
	return nil
}
