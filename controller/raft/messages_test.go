package raft

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"samsa/sim/env"
	"samsa/wire"
)

const cluster = "samsa"

var (
	drawNode   = rapid.Custom(func(t *rapid.T) wire.NodeID { return wire.NodeID(rapid.Int32Min(-1).Draw(t, "node")) })
	drawEpoch  = rapid.Custom(func(t *rapid.T) wire.Epoch { return wire.Epoch(rapid.Int32Min(0).Draw(t, "epoch")) })
	drawOffset = rapid.Custom(func(t *rapid.T) wire.Offset { return wire.Offset(rapid.Int64Min(-1).Draw(t, "offset")) })
	drawBase   = rapid.Custom(func(t *rapid.T) response {
		return response{rapid.Int16().Draw(t, "code"), drawEpoch.Draw(t, "epoch"), drawNode.Draw(t, "leader")}
	})
)

// sent returns a message as its receiver decodes it in a version.
func sent[M interface {
	AppendTo([]byte) []byte
	SetVersion(int16)
}](t *rapid.T, m M, version int16, empty interface {
	ReadFrom([]byte) error
	SetVersion(int16)
}) {
	m.SetVersion(version)
	empty.SetVersion(version)
	require.NoError(t, empty.ReadFrom(m.AppendTo(nil)))
}

// Every message is the same after it has been encoded and decoded.
func TestMessagesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vote := voteRequest{
			drawNode.Draw(t, "voter"), drawNode.Draw(t, "candidate"), drawEpoch.Draw(t, "epoch"), drawEpoch.Draw(t, "last"), drawOffset.Draw(t, "end"),
			rapid.Bool().Draw(t, "pre"),
		}
		kv := kmsg.NewPtrVoteRequest()
		sent(t, voteRequestToKafka(vote, cluster), 2, kv)
		gotVote, err := voteRequestFromKafka(kv, cluster)
		require.Nil(t, err)
		require.Equal(t, vote, gotVote)

		voted := voteResponse{drawBase.Draw(t, "base"), rapid.Bool().Draw(t, "granted")}
		kvr := kmsg.NewPtrVoteResponse()
		sent(t, voteResponseToKafka(voted), 2, kvr)
		gotVoted, ok := voteResponseFromKafka(kvr)
		require.True(t, ok)
		require.Equal(t, voted, gotVoted)

		begin := beginRequest{drawNode.Draw(t, "voter"), drawNode.Draw(t, "leader"), drawEpoch.Draw(t, "epoch")}
		kb := kmsg.NewPtrBeginQuorumEpochRequest()
		sent(t, beginRequestToKafka(begin, cluster), 1, kb)
		gotBegin, err := beginRequestFromKafka(kb, cluster)
		require.Nil(t, err)
		require.Equal(t, begin, gotBegin)

		base := drawBase.Draw(t, "base")
		kbr, ker := kmsg.NewPtrBeginQuorumEpochResponse(), kmsg.NewPtrEndQuorumEpochResponse()
		sent(t, beginResponseToKafka(base), 1, kbr)
		sent(t, endResponseToKafka(base), 1, ker)
		gotBegun, ok := beginResponseFromKafka(kbr)
		require.True(t, ok)
		require.Equal(t, base, gotBegun)
		gotEnded, ok := endResponseFromKafka(ker)
		require.True(t, ok)
		require.Equal(t, base, gotEnded)

		version := rapid.Int16Range(0, 1).Draw(t, "version") // the successors stand in another field in each
		end := endRequest{drawNode.Draw(t, "leader"), drawEpoch.Draw(t, "epoch"), rapid.SliceOfN(drawNode, 1, 4).Draw(t, "successors")}
		ke := kmsg.NewPtrEndQuorumEpochRequest()
		sent(t, endRequestToKafka(end, cluster), version, ke)
		gotEnd, err := endRequestFromKafka(ke, cluster)
		require.Nil(t, err)
		require.Equal(t, end, gotEnd)
	})
}

func TestFetchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.Int16Range(17, 18).Draw(t, "version")
		q := fetchRequest{
			drawNode.Draw(t, "replica"), drawEpoch.Draw(t, "epoch"), drawOffset.Draw(t, "offset"), drawEpoch.Draw(t, "last"), drawOffset.Draw(t, "start"),
			drawOffset.Draw(t, "hw"), rapid.Int32Min(0).Draw(t, "bytes"), env.Duration(rapid.Int32().Draw(t, "wait")) * env.Millisecond,
		}
		kq := kmsg.NewPtrFetchRequest()
		sent(t, fetchRequestToKafka(q, cluster), version, kq)
		if version < 18 {
			q.hw = hwNotSent
		}
		gotQ, err := fetchRequestFromKafka(kq, cluster)
		require.Nil(t, err)
		require.Equal(t, q, gotQ)

		r := fetchResponse{
			response: drawBase.Draw(t, "base"), hw: drawOffset.Draw(t, "hw"), start: drawOffset.Draw(t, "start"), diverging: epochEnd{epoch: -1, end: -1},
			records: rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "records"),
		}
		if rapid.Bool().Draw(t, "diverges") {
			r.diverging = epochEnd{drawEpoch.Draw(t, "epoch"), drawOffset.Draw(t, "end")}
		}
		if r.leaderAddr = env.Addr(rapid.SampledFrom([]string{"", "c2"}).Draw(t, "addr")); r.leader < 0 {
			r.leaderAddr = ""
		}
		kr := kmsg.NewPtrFetchResponse()
		sent(t, fetchResponseToKafka(r), version, kr)
		if r.leaderAddr != "" {
			require.Equal(t, []kmsg.FetchResponseBroker{{NodeID: int32(r.leader), Host: "c2", Port: ControllerPort}}, kr.Brokers)
		}
		gotR, ok := fetchResponseFromKafka(kr)
		r.leaderAddr = "" // a voter knows the addresses of all voters
		require.True(t, ok)
		require.Equal(t, r, gotR)
	})
}

// foreign calls f on a message that it changed, in turn, in each way that makes it name another partition, none, or more.
func foreign(message func() any, f func(how string, m any)) {
	topic := func(m any) reflect.Value { return reflect.ValueOf(m).Elem().FieldByName("Topics") }
	partitions := func(m any) reflect.Value { return topic(m).Index(0).FieldByName("Partitions") }
	twice := func(list reflect.Value) { list.Set(reflect.Append(list, list.Index(0))) }
	for _, c := range []struct {
		how    string
		change func(m any)
	}{
		{"no topic", func(m any) { topic(m).SetZero() }},
		{"two topics", func(m any) { twice(topic(m)) }},
		{"another topic", func(m any) {
			for _, name := range []string{"Topic", "TopicID"} {
				if t := topic(m).Index(0).FieldByName(name); t.IsValid() {
					t.SetZero()
				}
			}
		}},
		{"no partition", func(m any) { partitions(m).SetZero() }},
		{"two partitions", func(m any) { twice(partitions(m)) }},
		{"another partition", func(m any) { partitions(m).Index(0).FieldByName("Partition").SetInt(1) }},
	} {
		m := message()
		c.change(m)
		f(c.how, m)
	}
}

// A request that does not name the metadata partition alone is refused, and one of another cluster with another error.
func TestForeignRequests(t *testing.T) {
	for _, tc := range []struct {
		message func() any
		read    func(m any, cluster string) *kerr.Error
	}{
		{func() any { return voteRequestToKafka(voteRequest{}, cluster) }, func(m any, cluster string) *kerr.Error {
			_, err := voteRequestFromKafka(m.(*kmsg.VoteRequest), cluster)
			return err
		}},
		{func() any { return beginRequestToKafka(beginRequest{}, cluster) }, func(m any, cluster string) *kerr.Error {
			_, err := beginRequestFromKafka(m.(*kmsg.BeginQuorumEpochRequest), cluster)
			return err
		}},
		{func() any { return endRequestToKafka(endRequest{}, cluster) }, func(m any, cluster string) *kerr.Error {
			_, err := endRequestFromKafka(m.(*kmsg.EndQuorumEpochRequest), cluster)
			return err
		}},
		{func() any { return fetchRequestToKafka(fetchRequest{}, cluster) }, func(m any, cluster string) *kerr.Error {
			_, err := fetchRequestFromKafka(m.(*kmsg.FetchRequest), cluster)
			return err
		}},
	} {
		if err := tc.read(tc.message(), cluster); err != nil {
			t.Errorf("%T is refused with %v", tc.message(), err)
		}
		if err := tc.read(tc.message(), "other"); err != kerr.InconsistentClusterID {
			t.Errorf("%T of another cluster: %v", tc.message(), err)
		}
		foreign(tc.message, func(how string, m any) {
			if err := tc.read(m, cluster); err != kerr.InvalidRequest {
				t.Errorf("%T with %s: %v, wanted INVALID_REQUEST", m, how, err)
			}
			if err := tc.read(m, "other"); err != kerr.InconsistentClusterID {
				t.Errorf("%T of another cluster with %s: %v, the cluster is checked first", m, how, err)
			}
		})
	}
}

// A response that does not name the metadata partition alone, or that has an error for the whole request, is ignored.
func TestForeignResponses(t *testing.T) {
	for _, tc := range []struct {
		message func() any
		read    func(m any) bool
	}{
		{func() any { return voteResponseToKafka(voteResponse{}) }, func(m any) bool { _, ok := voteResponseFromKafka(m.(*kmsg.VoteResponse)); return ok }},
		{func() any { return beginResponseToKafka(response{}) }, func(m any) bool {
			_, ok := beginResponseFromKafka(m.(*kmsg.BeginQuorumEpochResponse))
			return ok
		}},
		{func() any { return endResponseToKafka(response{}) }, func(m any) bool {
			_, ok := endResponseFromKafka(m.(*kmsg.EndQuorumEpochResponse))
			return ok
		}},
		{func() any { return fetchResponseToKafka(fetchResponse{}) }, func(m any) bool { _, ok := fetchResponseFromKafka(m.(*kmsg.FetchResponse)); return ok }},
	} {
		if !tc.read(tc.message()) {
			t.Errorf("%T is not read", tc.message())
		}
		failed := tc.message()
		reflect.ValueOf(failed).Elem().FieldByName("ErrorCode").SetInt(int64(kerr.BrokerNotAvailable.Code))
		if tc.read(failed) {
			t.Errorf("%T with an error for the whole request is read", failed)
		}
		foreign(tc.message, func(how string, m any) {
			if tc.read(m) {
				t.Errorf("%T with %s is read", m, how)
			}
		})
	}
}
