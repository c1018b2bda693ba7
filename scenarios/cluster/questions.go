package cluster

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim/env"
	"samsa/wire"
)

// OffsetWords are the special timestamps of ListOffsets, in the words of kafka-get-offsets.sh.
var OffsetWords = [...]struct {
	Word      string
	Timestamp int64
}{
	{"latest", -1}, {"earliest", -2}, {"max-timestamp", -3}, {"earliest-local", -4}, {"latest-tiered", -5}, {"earliest-pending-upload", -6},
}

// ListOffsetsVersions are the lowest and highest version of ListOffsets that a question can have.
const (
	LowestListOffsets  = 1
	HighestListOffsets = 11
)

// Ask implements Operations.
func (c *simCluster) Ask(q Question) Op {
	bootOperatorOfBrokers(c)
	o := &operation{client: operator, tp: q.TP}
	op := c.start(o)
	c.world.Do(operatorOfBrokers, "ask", func(e env.Env, n env.Node) {
		req := q.request(e)
		o.api = kmsg.NameForKey(req.Key())
		n.(*client.Client).Ask(e, req, func(_ env.Env, a client.CallResult) {
			o.done = true
			err := a.Err
			if a.Response != nil {
				o.outcome.Lines, err = linesOf(q, a.Response)
			}
			if err != nil {
				o.outcome.Status, o.outcome.Error = OutcomeFailed, err.Message
			}
			if a.Outcome == client.Unknown {
				o.outcome.Status = OutcomeUnknown
			}
		})
	})
	return op
}

// request returns the request of a question.
func (q Question) request(e env.Env) env.Request {
	switch q.About {
	case SubjectTopic:
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		rt := kmsg.NewDescribeTopicPartitionsRequestTopic()
		rt.Topic = q.TP.Topic
		req.Topics = append(req.Topics, rt)
		return req
	case SubjectConfigs:
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.SetVersion(4)
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName, r.ConfigNames = kmsg.ConfigResourceTypeTopic, q.Configs.Topic, q.Names
		if q.Configs.Topic == "" {
			r.ResourceType = kmsg.ConfigResourceTypeBroker
		}
		if q.Configs.Broker != 0 {
			r.ResourceName = strconv.Itoa(int(q.Configs.Broker))
		}
		req.Resources = append(req.Resources, r)
		return req
	case SubjectCluster:
		req := kmsg.NewPtrDescribeClusterRequest()
		req.SetVersion(1)
		req.EndpointType = 1 // brokers
		return req
	case SubjectQuorum:
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.SetVersion(2)
		rt, rp := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
		rt.Topic, rt.Partitions = wire.MetadataTopic, append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		return req
	case SubjectFeatures:
		req := kmsg.NewPtrApiVersionsRequest()
		req.SetVersion(4)
		req.ClientSoftwareName, req.ClientSoftwareVersion = "samsa", "1"
		return req
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(HighestListOffsets)
	if q.Version > 0 {
		req.SetVersion(q.Version)
	}
	req.ReplicaID = -1
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = q.TP.Partition, q.timestamp(e), -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = q.TP.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// timestamp returns the timestamp of a ListOffsets request.
func (q Question) timestamp(e env.Env) int64 {
	for _, w := range OffsetWords {
		if w.Word == q.Offsets {
			return w.Timestamp
		}
	}
	if q.At.Fixed {
		return q.At.Millis
	}
	return max(0, e.Wall().Millis()+int64(q.At.Shift/env.Millisecond))
}

// linesOf returns what a response says.
func linesOf(q Question, resp env.Response) (lines []string, err *kerr.Error) {
	switch r := resp.(type) {
	case *kmsg.ListOffsetsResponse:
		p := &r.Topics[0].Partitions[0]
		return []string{q.TP.String() + "  " + q.Offsets + "  " + foundOffset(p, r.Version)}, kerr.TypedErrorForCode(p.ErrorCode)
	case *kmsg.DescribeTopicPartitionsResponse:
		for _, p := range r.Topics[0].Partitions {
			lines = append(lines, fmt.Sprintf("%s-%d  leader %s  epoch %d  replicas %s  isr %s  elr %s  offline %s", q.TP.Topic, p.Partition, ids(p.LeaderID),
				p.LeaderEpoch, ids(p.Replicas...), ids(p.ISR...), ids(p.EligibleLeaderReplicas...), ids(p.OfflineReplicas...)))
		}
		return lines, kerr.TypedErrorForCode(r.Topics[0].ErrorCode)
	case *kmsg.DescribeConfigsResponse:
		for _, c := range r.Resources[0].Configs {
			value := "null"
			if c.Value != nil {
				value = *c.Value
			}
			if len(q.Names) > 0 || !c.IsDefault {
				lines = append(lines, fmt.Sprintf("%s=%s  %s", c.Name, value, strings.ToLower(strings.ReplaceAll(c.Source.String(), "_", " "))))
			}
		}
		return lines, kerr.TypedErrorForCode(r.Resources[0].ErrorCode)
	case *kmsg.DescribeClusterResponse:
		for _, b := range r.Brokers {
			line := fmt.Sprintf("%d  %s", b.NodeID, b.Host)
			if b.Rack != nil {
				line += "  rack " + *b.Rack
			}
			lines = append(lines, line)
		}
		return lines, kerr.TypedErrorForCode(r.ErrorCode)
	case *kmsg.DescribeQuorumResponse:
		return quorumLines(r)
	case *kmsg.ApiVersionsResponse:
		for _, f := range r.SupportedFeatures {
			level := int16(0)
			for _, done := range r.FinalizedFeatures {
				if done.Name == f.Name {
					level = done.MaxVersionLevel
				}
			}
			lines = append(lines, fmt.Sprintf("%s  finalised %d  supported %d to %d", f.Name, level, f.MinVersion, f.MaxVersion))
		}
		return lines, kerr.TypedErrorForCode(r.ErrorCode)
	}
	return nil, nil
}

// foundOffset describes the offset of a ListOffsets response, with its leader epoch and timestamp if it has them. A response
// has epochs since version 4.
func foundOffset(p *kmsg.ListOffsetsResponseTopicPartition, version int16) string {
	if p.Offset < 0 {
		return "no offset"
	}
	line := strconv.FormatInt(p.Offset, 10)
	if version >= 4 && p.LeaderEpoch >= 0 {
		line += fmt.Sprintf("  epoch %d", p.LeaderEpoch)
	}
	if p.Timestamp >= 0 {
		line += fmt.Sprintf("  timestamp %d", p.Timestamp)
	}
	return line
}

// quorumLines describes the quorum's leader, voters and observers, with the ends of their logs as the leader knows them.
func quorumLines(r *kmsg.DescribeQuorumResponse) (lines []string, err *kerr.Error) {
	if r.ErrorCode != 0 {
		return nil, kerr.TypedErrorForCode(r.ErrorCode)
	}
	p := r.Topics[0].Partitions[0]
	lines = append(lines, fmt.Sprintf("leader %s  epoch %d  hw %d", ids(p.LeaderID), p.LeaderEpoch, p.HighWatermark))
	for _, v := range p.CurrentVoters {
		lines = append(lines, fmt.Sprintf("  voter %d  end %d", v.ReplicaID, v.LogEndOffset))
	}
	for _, v := range p.Observers {
		lines = append(lines, fmt.Sprintf("  observer %d  end %d", v.ReplicaID, v.LogEndOffset))
	}
	return lines, kerr.TypedErrorForCode(p.ErrorCode)
}

// ids lists node ids as Kafka's tools do.
func ids(list ...int32) string {
	text := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ","), "[]")
	if text == "" || text == "-1" {
		return "none"
	}
	return text
}
