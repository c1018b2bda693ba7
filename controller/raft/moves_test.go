package raft_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/raft"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// The ways into each state, on a bench of three voters of which this is 101.
func (b *bench) unattached()  { b.start() }
func (b *bench) prospective() { b.start(); b.expire() }
func (b *bench) candidate()   { b.prospective(); b.answer("c2", voteResp(0, -1, 0, true)) }
func (b *bench) leader()      { b.candidate(); b.answer("c2", voteResp(0, -1, 1, true)) }
func (b *bench) follower()    { b.start(); b.ask(beginReq(102, 1)) }
func (b *bench) resigned()    { b.leader(); b.Resign(b, 1) }

var ways = map[raft.State]func(*bench){
	raft.Unattached: (*bench).unattached, raft.Prospective: (*bench).prospective, raft.Candidate: (*bench).candidate,
	raft.Leader: (*bench).leader, raft.Follower: (*bench).follower, raft.Resigned: (*bench).resigned,
}

// Every row of the table in state.go.
func TestTransitions(t *testing.T) {
	for _, tc := range []struct {
		from  raft.State
		when  string
		do    func(*bench)
		to    raft.State
		epoch wire.Epoch
	}{
		{raft.Unattached, "election timeout", (*bench).expire, raft.Prospective, 0},
		{raft.Unattached, "leader found", func(b *bench) { b.ask(beginReq(103, 0)) }, raft.Follower, 0},
		{raft.Unattached, "higher epoch", func(b *bench) { b.ask(voteReq(102, 4, 0, 0, false)) }, raft.Unattached, 4},
		{raft.Unattached, "leader of a higher epoch", func(b *bench) { b.ask(beginReq(102, 4)) }, raft.Follower, 4},
		{raft.Prospective, "pre-votes", func(b *bench) { b.answer("c3", voteResp(0, -1, 0, true)) }, raft.Candidate, 1},
		{raft.Prospective, "one refusal", func(b *bench) { b.answer("c3", voteResp(0, -1, 0, false)) }, raft.Prospective, 0},
		{raft.Prospective, "refusals", func(b *bench) { b.answer("c3", voteResp(0, -1, 0, false)); b.answer("c2", voteResp(0, -1, 0, false)) }, raft.Unattached, 0},
		{raft.Prospective, "election timeout", (*bench).expire, raft.Unattached, 0},
		{raft.Prospective, "leader found", func(b *bench) { b.ask(beginReq(103, 0)) }, raft.Follower, 0},
		{raft.Prospective, "a response knows the leader", func(b *bench) { b.answer("c2", voteResp(0, 103, 0, false)) }, raft.Follower, 0},
		{raft.Prospective, "a response knows a higher epoch", func(b *bench) { b.answer("c2", voteResp(74, -1, 6, false)) }, raft.Unattached, 6},
		{raft.Candidate, "votes", func(b *bench) { b.answer("c2", voteResp(0, -1, 1, true)) }, raft.Leader, 1},
		{raft.Candidate, "refusals wait for the timeout", func(b *bench) { b.answer("c3", voteResp(0, -1, 1, false)); b.answer("c2", voteResp(0, -1, 1, false)) }, raft.Candidate, 1},
		{raft.Candidate, "election timeout", (*bench).expire, raft.Prospective, 1},
		{raft.Candidate, "leader found", func(b *bench) { b.ask(beginReq(103, 1)) }, raft.Follower, 1},
		{raft.Candidate, "higher epoch", func(b *bench) { b.ask(voteReq(102, 2, 0, 0, true)) }, raft.Unattached, 2},
		{raft.Leader, "check-quorum", (*bench).expire, raft.Resigned, 1},
		{raft.Leader, "resigns", func(b *bench) { b.Resign(b, 1) }, raft.Resigned, 1},
		{raft.Leader, "is asked to resign in an older epoch", func(b *bench) { b.Resign(b, 0) }, raft.Leader, 1},
		{raft.Leader, "higher epoch", func(b *bench) { b.ask(voteReq(102, 2, 0, 0, false)) }, raft.Unattached, 2},
		{raft.Leader, "leader of a higher epoch", func(b *bench) { b.ask(beginReq(102, 2)) }, raft.Follower, 2},
		{raft.Leader, "a second leader of its epoch", func(b *bench) { b.ask(beginReq(102, 1)) }, raft.Leader, 1},
		{raft.Follower, "fetch timeout", (*bench).expire, raft.Prospective, 1},
		{raft.Follower, "fetch timeout, and the pre-vote is lost", func(b *bench) { b.expire(); b.expire() }, raft.Follower, 1},
		{raft.Follower, "higher epoch", func(b *bench) { b.ask(voteReq(103, 2, 0, 0, false)) }, raft.Unattached, 2},
		{raft.Resigned, "election timeout", (*bench).expire, raft.Unattached, 2},
		{raft.Resigned, "leader of a higher epoch", func(b *bench) { b.ask(beginReq(102, 2)) }, raft.Follower, 2},
	} {
		t.Run(fmt.Sprint(tc.from, " ", tc.when), func(t *testing.T) {
			b := newBench(t)
			ways[tc.from](b)
			if b.State() != tc.from {
				t.Fatalf("the way into %v led to %v", tc.from, b.State())
			}
			tc.do(b)
			if b.State() != tc.to || b.Epoch() != tc.epoch {
				t.Errorf("it became %v in epoch %d, wanted %v in %d", b.State(), b.Epoch(), tc.to, tc.epoch)
			}
			b.sameAfterRestart()
		})
	}
}

// sameAfterRestart checks that epoch and vote survive a power loss now.
func (b *bench) sameAfterRestart() {
	b.t.Helper()
	epoch, voted := b.Epoch(), b.Voted()
	b.disk.LosePower()
	b.start()
	if b.Epoch() != epoch || b.Voted() != voted {
		b.t.Errorf("after a power loss it is in epoch %d with a vote for %d, and was in %d with one for %d", b.Epoch(), b.Voted(), epoch, voted)
	}
}

// The table at canGrantVote, for a candidate with an up-to-date log and for one with an older log.
func TestGrants(t *testing.T) {
	for _, tc := range []struct {
		state     raft.State
		pre, vote bool // of an up-to-date candidate, in the voter's epoch
	}{
		{raft.Unattached, true, true},
		{raft.Prospective, true, true},
		{raft.Candidate, true, false},
		{raft.Follower, true, false}, // the leader has not answered it yet
		{raft.Leader, false, false},
		{raft.Resigned, true, false},
	} {
		for _, pre := range []bool{true, false} {
			for _, older := range []bool{false, true} {
				b := newBench(t)
				b.append(1, "x")
				b.file(wire.QuorumState{LeaderEpoch: 1, LeaderID: -1, VotedID: -1})
				b.start()
				switch tc.state {
				case raft.Follower:
					b.ask(beginReq(102, 2))
				case raft.Unattached:
				default:
					b.expire()
					if tc.state != raft.Prospective {
						b.answer("c2", voteResp(0, -1, 1, true))
					}
					if tc.state == raft.Leader || tc.state == raft.Resigned {
						b.answer("c2", voteResp(0, -1, 2, true))
					}
					if tc.state == raft.Resigned {
						b.Resign(b, 2)
					}
				}
				if b.State() != tc.state {
					t.Fatalf("wanted %v, got %v", tc.state, b.State())
				}
				lastEpoch, end := int32(1), int64(b.End())
				if tc.state == raft.Unattached || tc.state == raft.Prospective {
					b.ask(voteReq(103, 3, 0, 0, true)) // a newer epoch, for a log of epoch 1
					if tc.state == raft.Prospective {
						b.expire()
					}
				}
				if tc.state == raft.Leader || tc.state == raft.Resigned {
					lastEpoch = 1 // an election in epoch 2 cannot have records of it; only a longer log of 1 is as good
					if pre {
						lastEpoch = 2
					}
				}
				if older {
					end = 0
				}
				resp := b.ask(voteReq(103, int32(b.Epoch()), lastEpoch, end, pre)).(*kmsg.VoteResponse)
				want := (pre && tc.pre || !pre && tc.vote) && !older
				if got := resp.Topics[0].Partitions[0].VoteGranted; got != want {
					t.Errorf("%v, pre-vote %v, older log %v: granted %v, wanted %v (%+v)", tc.state, pre, older, got, want, resp.Topics[0].Partitions[0])
				}
			}
		}
	}
}

func TestOneVotePerEpoch(t *testing.T) {
	b := newBench(t)
	b.start()
	granted := func(candidate, epoch int32) bool {
		return b.ask(voteReq(candidate, epoch, 0, 0, false)).(*kmsg.VoteResponse).Topics[0].Partitions[0].VoteGranted
	}
	if !granted(102, 3) || granted(103, 3) || !granted(102, 3) {
		t.Error("in epoch 3 102 must get the vote, also if it asks again, and 103 must not")
	}
	b.sameAfterRestart()
	if granted(103, 3) || !granted(103, 4) {
		t.Error("after a power loss 103 must still not get the vote of epoch 3; in epoch 4 it must")
	}
}

// A process dies between the rename of its quorum-state file and the sync of the name. The next process reads the vote from the
// page cache, and must make it durable before it grants it again: a power loss may follow.
func TestFoundVoteIsMadeDurable(t *testing.T) {
	b := newBench(t)
	b.file(wire.QuorumState{LeaderEpoch: 3, LeaderID: -1, VotedID: 102, CurrentVoters: []wire.NodeID{101, 102, 103}})
	b.append(2, "x")
	b.start()
	granted := func(candidate int32) bool {
		return b.ask(voteReq(candidate, 3, 2, 1, false)).(*kmsg.VoteResponse).Topics[0].Partitions[0].VoteGranted
	}
	if !granted(102) {
		t.Error("102 asks again and is refused")
	}
	b.sameAfterRestart()
	if granted(103) {
		t.Error("after a power loss 103 gets the vote that 102 has")
	}
}

// Likewise records: a process died between an append and its sync. The offset of the next process's fetch must be that of a log
// that survives a power loss.
func TestFoundRecordsAreMadeDurable(t *testing.T) {
	b := newBench(t)
	b.follower()
	b.answer("c2", fetchResp(0, 102, 1, 0, one(0, 1, "x")))
	f, err := b.disk.Open(raft.Dir+"/00000000000000000000.log", false)
	if err == nil {
		err = b.disk.Append(f, one(1, 1, "y"))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	req := b.last("c2").(*kmsg.FetchRequest).Topics[0].Partitions[0]
	if req.FetchOffset != 2 {
		t.Fatalf("it fetches from %d, wanted 2", req.FetchOffset)
	}
	b.disk.LosePower()
	b.start()
	if b.End() != 2 {
		t.Errorf("it fetched from offset 2, and has %d records after a power loss", b.End())
	}
}

// A voter that cannot persist its vote does not answer.
func TestNoVoteWithoutDisk(t *testing.T) {
	b := newBench(t)
	b.start()
	b.disk.Break("", disk.OnSync)
	if resp := b.ask(voteReq(102, 3, 0, 0, false)); resp != nil || b.exit == nil {
		t.Errorf("with a disk that does not sync it answered %v and ended with %v; wanted silence and an end", resp, b.exit)
	}
}

// A follower that its leader answered refuses pre-votes, until it has a new leader.
func TestContentFollowerRefusesPreVote(t *testing.T) {
	b := newBench(t)
	b.follower()
	pre := func() bool {
		return b.ask(voteReq(103, 1, 0, 0, true)).(*kmsg.VoteResponse).Topics[0].Partitions[0].VoteGranted
	}
	if !pre() {
		t.Error("before its leader has ever answered, it must grant a pre-vote")
	}
	b.answer("c2", fetchResp(0, 102, 1, 0, one(0, 1, "x")))
	if pre() {
		t.Error("its leader answered, and it still grants a pre-vote")
	}
}

func fetchResp(code int16, leader, epoch int32, hw int64, records []byte) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	p := kmsg.NewFetchResponseTopicPartition()
	p.ErrorCode, p.HighWatermark, p.RecordBatches = code, hw, records
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = leader, epoch
	t := kmsg.NewFetchResponseTopic()
	t.TopicID, t.Partitions = wire.MetadataTopicID, append(t.Partitions, p)
	resp.Topics = append(resp.Topics, t)
	return resp
}

func diverging(epoch int32, end int64) *kmsg.FetchResponse {
	resp := fetchResp(0, 102, 7, -1, nil)
	resp.Topics[0].Partitions[0].DivergingEpoch.Epoch, resp.Topics[0].Partitions[0].DivergingEpoch.EndOffset = epoch, end
	return resp
}

// Where a follower truncates its log, for the diverging epoch of a leader.
func TestTruncation(t *testing.T) {
	for _, tc := range []struct {
		name  string
		epoch int32
		end   int64
		want  wire.Offset
	}{
		{"the leader has less of the same epoch", 5, 3, 3},
		{"the leader has nothing of it, and more of the one before", 3, 9, 2},
		{"nor of that one: the one before", 4, 9, 2},
		{"the leader has only the first epoch", 1, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.append(1, "a", "b")
			b.append(5, "c", "d")
			b.start()
			b.ask(beginReq(102, 7))
			req := b.last("c2").(*kmsg.FetchRequest).Topics[0].Partitions[0]
			if req.FetchOffset != 4 || req.LastFetchedEpoch != 5 || req.CurrentLeaderEpoch != 7 {
				t.Errorf("it asked from %d, last epoch %d, in epoch %d", req.FetchOffset, req.LastFetchedEpoch, req.CurrentLeaderEpoch)
			}
			b.answer("c2", diverging(tc.epoch, tc.end))
			if b.End() != tc.want {
				t.Errorf("its log ends at %d, wanted %d", b.End(), tc.want)
			}
			if next := b.last("c2").(*kmsg.FetchRequest).Topics[0].Partitions[0]; next.FetchOffset != int64(tc.want) {
				t.Errorf("it asks on from %d, wanted %d", next.FetchOffset, tc.want)
			}
		})
	}
}

func TestTruncationBelowHighWatermarkIsFatal(t *testing.T) {
	b := newBench(t)
	b.append(5, "c", "d", "e")
	b.start()
	b.ask(beginReq(102, 7))
	b.answer("c2", fetchResp(0, 102, 7, 2, nil))
	b.answer("c2", diverging(5, 1))
	if b.exit == nil || !strings.Contains(b.exit.Error(), "cut to 1, below the high watermark 2") {
		t.Errorf("it ended with %v, wanted an error with both offsets", b.exit)
	}
	if !b.Dead() || b.End() != 3 || b.Committed() != 2 {
		t.Errorf("dead %v, its log ends at %d, committed up to %d; wanted it dead, with its copy as it was: 3 and 2", b.Dead(), b.End(), b.Committed())
	}
}

// The high watermark: on a majority, and past the epoch's first record. A follower's never exceeds its log.
func TestHighWatermark(t *testing.T) {
	b := newBench(t)
	b.append(1, "old", "older")
	b.file(wire.QuorumState{LeaderEpoch: 1, LeaderID: -1, VotedID: -1})
	b.start()
	b.expire()
	b.answer("c2", voteResp(0, -1, 1, true))
	b.answer("c2", voteResp(0, -1, 2, true))
	if b.State() != raft.Leader || b.End() != 3 {
		t.Fatalf("%v with a log of %d, wanted a leader with 3: two old records and LEADER_CHANGE", b.State(), b.End())
	}
	b.ask(fetchReq(102, 2, 2, 1))
	if b.Committed() != 0 || b.Ready() {
		t.Errorf("a majority has the old records only: committed %d, ready %v; wanted 0 (Raft's figure 8)", b.Committed(), b.Ready())
	}
	b.ask(fetchReq(103, 2, 3, 2))
	if b.Committed() != 3 || !b.Ready() {
		t.Errorf("a majority has LEADER_CHANGE: committed %d, ready %v; wanted 3", b.Committed(), b.Ready())
	}
	b.ask(fetchReq(7, 2, 3, 2)) // an observer
	if _, err := b.Append(b, []wire.Record{{Value: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	b.ask(fetchReq(7, 2, 4, 2))
	if b.Committed() != 3 {
		t.Errorf("an observer has it: committed %d, wanted 3", b.Committed())
	}
	d := b.ask(describeReq(wire.MetadataTopic)).(*kmsg.DescribeQuorumResponse).Topics[0].Partitions[0]
	var ends []int64
	for _, s := range slices.Concat(d.CurrentVoters, d.Observers) {
		ends = append(ends, int64(s.ReplicaID), s.LogEndOffset)
	}
	if !slices.Equal(ends, []int64{101, 4, 102, 2, 103, 3, 7, 4}) || d.HighWatermark != 3 || d.LeaderID != 101 {
		t.Errorf("DescribeQuorum: %v, high watermark %d, leader %d", ends, d.HighWatermark, d.LeaderID)
	}
}

// A voter gets all durable records, an observer only committed ones, and a fetch without news waits.
func TestParkedFetches(t *testing.T) {
	b := newBench(t)
	b.leader()
	if b.ask(fetchReq(7, 1, 0, 0)) != nil {
		t.Error("an observer was answered though nothing is committed")
	}
	if r, _ := b.ask(fetchReq(102, 1, 0, 0)).(*kmsg.FetchResponse); r == nil || len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Error("a voter was not served LEADER_CHANGE")
	}
	b.ask(fetchReq(102, 1, 1, 1))
	if r, _ := b.reply.(*kmsg.FetchResponse); r == nil || r.Topics[0].Partitions[0].HighWatermark != 1 {
		t.Errorf("the voter committed LEADER_CHANGE, the last answer is %+v", b.reply)
	}
	fresh := fetchReq(102, 1, 1, 1)
	fresh.Topics[0].Partitions[0].HighWatermark = 1
	if b.ask(fresh) != nil {
		t.Error("a voter that has everything was answered at once")
	}
	b.reply = nil
	b.Resign(b, 1)
	if r, _ := b.reply.(*kmsg.FetchResponse); r == nil || r.Topics[0].Partitions[0].ErrorCode != kerr.NotLeaderForPartition.Code {
		t.Errorf("the leader resigned, the parked fetch got %+v", b.reply)
	}
}

func describeReq(topic string) *kmsg.DescribeQuorumRequest {
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Version = 2
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic = topic
	t.Partitions = append(t.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, t)
	return req
}

// After EndQuorumEpoch the first successor campaigns at once, the others later, strictly one after the other.
func TestSuccession(t *testing.T) {
	for _, tc := range []struct {
		successors []int32
		want       env.Duration
	}{
		{[]int32{101, 103}, 0},
		{[]int32{103, 101}, 50 * env.Millisecond},
		{[]int32{103, 104, 101}, 50 * env.Millisecond},
		{[]int32{103}, 100 * env.Millisecond},
	} {
		b := newBench(t)
		b.follower()
		b.ask(endReq(102, 1, tc.successors...))
		if got := b.armed[env.Timer{Kind: raft.FirstKind, Lane: env.LaneRaft}]; got != tc.want {
			t.Errorf("101 among %v waits %d us, wanted %d", tc.successors, got/env.Microsecond, tc.want/env.Microsecond)
		}
	}
}

// Every error that a handler of the quorum can return, and that a refused request changes nothing.
func TestErrors(t *testing.T) {
	wrongCluster := func(s **string) { *s = kmsg.StringPtr("other") }
	seen := map[int16]bool{}
	for _, tc := range []struct {
		name string
		way  func(*bench)
		req  func() env.Request
		want *kerr.Error
	}{
		{"vote, other cluster", (*bench).unattached, func() env.Request { r := voteReq(102, 1, 0, 0, false); wrongCluster(&r.ClusterID); return r }, kerr.InconsistentClusterID},
		{"vote, other topic", (*bench).unattached, func() env.Request { r := voteReq(102, 1, 0, 0, false); r.Topics[0].Topic = "x"; return r }, kerr.InvalidRequest},
		{"vote, no topic", (*bench).unattached, func() env.Request { r := voteReq(102, 1, 0, 0, false); r.Topics = nil; return r }, kerr.InvalidRequest},
		{"vote, records of its own epoch", (*bench).unattached, func() env.Request { return voteReq(102, 1, 1, 4, false) }, kerr.InvalidRequest},
		{"pre-vote, records of a later epoch", (*bench).unattached, func() env.Request { return voteReq(102, 1, 2, 4, true) }, kerr.InvalidRequest},
		{"vote, negative offset", (*bench).unattached, func() env.Request { return voteReq(102, 1, 0, -1, false) }, kerr.InvalidRequest},
		{"vote, old epoch", (*bench).leader, func() env.Request { return voteReq(102, 0, -0, 0, true) }, kerr.FencedLeaderEpoch},
		{"vote, no candidate", (*bench).unattached, func() env.Request { return voteReq(-1, 0, 0, 0, true) }, kerr.InvalidRequest},
		{"vote, meant for another", (*bench).unattached, func() env.Request { r := voteReq(102, 0, 0, 0, true); r.VoterID = 103; return r }, kerr.InvalidVoterKey},
		{"begin, other cluster", (*bench).unattached, func() env.Request { r := beginReq(102, 1); wrongCluster(&r.ClusterID); return r }, kerr.InconsistentClusterID},
		{"begin, other topic", (*bench).unattached, func() env.Request { r := beginReq(102, 1); r.Topics[0].Topic = "x"; return r }, kerr.InvalidRequest},
		{"begin, old epoch", (*bench).leader, func() env.Request { return beginReq(102, 0) }, kerr.FencedLeaderEpoch},
		{"begin, second leader", (*bench).leader, func() env.Request { return beginReq(102, 1) }, kerr.UnknownServerError},
		{"begin, meant for another", (*bench).follower, func() env.Request { r := beginReq(102, 1); r.VoterID = 103; return r }, kerr.InvalidVoterKey},
		{"end, other cluster", (*bench).follower, func() env.Request { r := endReq(102, 1); wrongCluster(&r.ClusterID); return r }, kerr.InconsistentClusterID},
		{"end, other partition", (*bench).follower, func() env.Request { r := endReq(102, 1); r.Topics[0].Partitions[0].Partition = 1; return r }, kerr.InvalidRequest},
		{"end, old epoch", (*bench).follower, func() env.Request { return endReq(102, 0) }, kerr.FencedLeaderEpoch},
		{"end, second leader", (*bench).follower, func() env.Request { return endReq(103, 1) }, kerr.UnknownServerError},
		{"fetch, other cluster", (*bench).leader, func() env.Request { r := fetchReq(102, 1, 0, 0); wrongCluster(&r.ClusterID); return r }, kerr.InconsistentClusterID},
		{"fetch, other topic", (*bench).leader, func() env.Request { r := fetchReq(102, 1, 0, 0); r.Topics[0].TopicID[0] = 9; return r }, kerr.InvalidRequest},
		{"fetch, nonsense", (*bench).leader, func() env.Request { return fetchReq(102, 1, 0, 2) }, kerr.InvalidRequest},
		{"fetch, old epoch", (*bench).leader, func() env.Request { return fetchReq(102, 0, 0, 0) }, kerr.FencedLeaderEpoch},
		{"fetch, new epoch", (*bench).leader, func() env.Request { return fetchReq(102, 2, 0, 0) }, kerr.UnknownLeaderEpoch},
		{"fetch, follower", (*bench).follower, func() env.Request { return fetchReq(103, 1, 0, 0) }, kerr.NotLeaderForPartition},
		{"fetch, leader that cannot read", func(b *bench) { b.leader(); b.disk.Break("", disk.OnAny) }, func() env.Request { return fetchReq(102, 1, 0, 0) }, kerr.KafkaStorageError},
		{"fetch, shutting down", func(b *bench) { b.leader(); b.Replica.Stop(b) }, func() env.Request { return fetchReq(102, 1, 0, 0) }, kerr.NotLeaderForPartition},
		{"describe, follower", (*bench).follower, func() env.Request { return describeReq(wire.MetadataTopic) }, kerr.NotLeaderForPartition},
		{"describe, other topic", (*bench).leader, func() env.Request { return describeReq("x") }, kerr.UnknownTopicOrPartition},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			tc.way(b)
			state, epoch, voted, end, hw := b.State(), b.Epoch(), b.Voted(), b.End(), b.Committed()
			resp := b.ask(tc.req())
			if got := codeOf(resp); got != tc.want.Code {
				t.Errorf("the answer is %v, wanted %s", kerr.ErrorForCode(got), tc.want.Message)
			}
			seen[tc.want.Code] = true
			if b.State() != state || b.Epoch() != epoch || b.Voted() != voted || b.End() != end || b.Committed() != hw {
				t.Errorf("a refused request changed something: %v in epoch %d", b.State(), b.Epoch())
			}
		})
	}
	for _, e := range []*kerr.Error{kerr.InconsistentClusterID, kerr.InvalidRequest, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.InvalidVoterKey,
		kerr.NotLeaderForPartition, kerr.UnknownServerError, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError} {
		if !seen[e.Code] {
			t.Errorf("no test gets %s", e.Message)
		}
	}
}

// codeOf returns the error code of a response, from the field that has it.
func codeOf(resp env.Response) int16 {
	switch r := resp.(type) {
	case *kmsg.VoteResponse:
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		return r.Topics[0].Partitions[0].ErrorCode
	case *kmsg.BeginQuorumEpochResponse:
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		return r.Topics[0].Partitions[0].ErrorCode
	case *kmsg.EndQuorumEpochResponse:
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		return r.Topics[0].Partitions[0].ErrorCode
	case *kmsg.FetchResponse:
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		return r.Topics[0].Partitions[0].ErrorCode
	case *kmsg.DescribeQuorumResponse:
		return r.Topics[0].Partitions[0].ErrorCode
	}
	return -2
}

// A leader's record counts, and is served, only when it is durable: in an event after that of the sync, on the lane that serves
// fetches, on whatever lane it was appended.
func TestNothingIsServedBeforeItIsDurable(t *testing.T) {
	b := newBench(t)
	b.leader()
	b.ask(fetchReq(102, 1, 1, 1))
	if b.Committed() != 1 {
		t.Fatalf("a majority has LEADER_CHANGE: committed %d, wanted 1", b.Committed())
	}
	fetch := func(voter int32) {
		req := fetchReq(voter, 1, 1, 1)
		req.Topics[0].Partitions[0].HighWatermark = 1
		b.Receive(b, env.Ticket{}, req)
	}
	b.reply = nil
	fetch(102)
	if _, err := b.Append(b, []wire.Record{{Value: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if fetch(103); b.reply != nil {
		t.Error("a fetch was answered with records that no disk has")
	}
	b.Fire(b, env.Timer{Kind: raft.FirstKind + 5, Lane: env.LaneRaft})
	if fetch(103); b.reply != nil {
		t.Error("a fetch was answered while the sync is under way")
	}
	b.Fire(b, env.Timer{Kind: raft.FirstKind + 6, Lane: env.LaneRaft})
	if r, _ := b.reply.(*kmsg.FetchResponse); r == nil || len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Errorf("it is durable, and the parked fetch got %+v", b.reply)
	}
}

// A leader that is replaced between append and sync makes its log durable before it fetches.
func TestADeposedLeaderFlushesFirst(t *testing.T) {
	b := newBench(t)
	b.leader()
	if _, err := b.Append(b, []wire.Record{{Value: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	b.Receive(b, env.Ticket{}, beginReq(102, 2))
	end := b.End()
	if req := b.last("c2").(*kmsg.FetchRequest); req.Topics[0].Partitions[0].FetchOffset != int64(end) {
		t.Fatalf("it asks from %d on, its log ends at %d", req.Topics[0].Partitions[0].FetchOffset, end)
	}
	b.disk.LosePower()
	b.start()
	if b.End() != end {
		t.Errorf("it fetched from the new leader at %d; after a power loss its log ends at %d", end, b.End())
	}
}

// A response without the metadata partition does not count: the state is unchanged, and the request is sent again after
// the retry backoff.
func TestForeignAnswers(t *testing.T) {
	const timRetry = raft.FirstKind + 1
	other := func(r *kmsg.FetchResponse) *kmsg.FetchResponse { r.Topics[0].TopicID[0]++; return r }
	for _, tc := range []struct {
		state raft.State
		resp  env.Response
	}{
		{raft.Prospective, kmsg.NewPtrVoteResponse()},
		{raft.Candidate, kmsg.NewPtrVoteResponse()},
		{raft.Leader, kmsg.NewPtrBeginQuorumEpochResponse()},
		{raft.Follower, kmsg.NewPtrFetchResponse()},
		{raft.Follower, other(fetchResp(0, 102, 1, 0, one(0, 1, "x")))},
		{raft.Resigned, kmsg.NewPtrEndQuorumEpochResponse()},
	} {
		b := newBench(t)
		ways[tc.state](b)
		end := b.End()
		b.answer("c2", tc.resp)
		if b.State() != tc.state || b.End() != end {
			t.Errorf("%T made it %v with a log of %d, it was %v with %d", tc.resp, b.State(), b.End(), tc.state, end)
		}
		retries := 0
		for timer, after := range b.armed {
			if timer.Kind == timRetry && timer.A == 102 && after == 5*env.Millisecond {
				retries++
			}
		}
		if retries != 1 {
			t.Errorf("%v: after %T the request is sent again %d times, wanted once", tc.state, tc.resp, retries)
		}
	}
}
