package raft_test

import (
	"testing"

	"samsa/controller/raft"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// bench is one replica without a world: the test is its network and its clock.
type bench struct {
	*raft.Replica
	t     *testing.T
	disk  *disk.Disk
	now   env.Instant
	calls []call
	links []env.Addr
	reply env.Response // the last one
	exit  error
	armed map[env.Timer]env.Duration
}

type call struct {
	to  env.Addr
	req env.Request
	tok env.Token
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, disk: disk.New(disk.Profile{}), armed: map[env.Timer]env.Duration{}}
}

// bench is an Env.
func (b *bench) Self() env.Addr                 { return "c1" }
func (b *bench) Wall() env.Time                 { return env.Time(b.now) }
func (b *bench) Now() env.Instant               { return b.now }
func (b *bench) Choose(env.Site, uint64) uint64 { return 0 }
func (b *bench) Dial(to env.Addr, _ env.Lane) env.Link {
	b.links = append(b.links, to)
	return env.Link(len(b.links))
}
func (b *bench) Call(l env.Link, _ env.Duration, req env.Request, tok env.Token) {
	b.calls = append(b.calls, call{b.links[l-1], req, tok})
}
func (b *bench) Close(env.Link)                                 {}
func (b *bench) Reply(_ env.Ticket, r env.Response)             { b.reply = r }
func (b *bench) NoReply(env.Ticket)                             {}
func (b *bench) Arm(t env.Timer, after env.Duration)            { b.armed[t] = after }
func (b *bench) Disarm(t env.Timer)                             { delete(b.armed, t) }
func (b *bench) Disk() env.Disk                                 { return b.disk }
func (b *bench) Note(*env.NoteKind, int64, int64, int64, int64) {}
func (b *bench) Exit(reason error)                              { b.exit = reason }

var benchVoters = []raft.Voter{{ID: 101, Addr: "c1"}, {ID: 102, Addr: "c2"}, {ID: 103, Addr: "c3"}}

// file puts a quorum-state file on the disk.
func (b *bench) file(q wire.QuorumState) {
	b.t.Helper()
	b.disk.Mkdir(raft.Dir)
	f, err := b.disk.Open(raft.Dir+"/"+wire.QuorumStateFile, true)
	if err == nil {
		err = b.disk.Append(f, wire.AppendQuorumState(nil, q))
	}
	if err == nil {
		err = b.disk.Sync(f) // the name is not synced: the next process must do it
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// append appends records of an epoch, a batch each, to the log on the disk.
func (b *bench) append(epoch wire.Epoch, values ...string) {
	b.t.Helper()
	log, _, err := storage.Open(b.disk, raft.Dir, storage.DefaultConfig(), storage.OpenOptions{})
	for _, v := range values {
		if err == nil {
			_, err = log.AppendAsLeader(b.disk, one(log.End(), epoch, v), epoch, storage.OriginRaft, 0)
		}
	}
	if err == nil {
		err = log.Close(b.disk)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// one returns a batch of one record.
func one(at wire.Offset, epoch wire.Epoch, value string) []byte {
	p, err := wire.AppendBatch(nil, wire.PlainBatch(at, epoch), []wire.Record{{Offset: at, Value: []byte(value)}})
	if err != nil {
		panic(err)
	}
	return p
}

func (b *bench) start() {
	b.t.Helper()
	b.Replica = raft.New(fast(101, benchVoters))
	if err := b.Replica.Start(b); err != nil {
		b.t.Fatal(err)
	}
}

// expire fires the timer of the state.
func (b *bench) expire() {
	b.t.Helper()
	for t, after := range b.armed {
		if t.Kind == raft.FirstKind && t.A == 0 {
			b.now = b.now.Add(after)
			b.Fire(b, t)
			return
		}
	}
	b.t.Fatal("the state has no timer")
}

// flush fires the timers that make appended records durable: the sync, and the event after it.
func (b *bench) flush() {
	for kind := raft.FirstKind + 5; kind <= raft.FirstKind+6; kind++ {
		t := env.Timer{Kind: uint16(kind), Lane: env.LaneRaft}
		if _, ok := b.armed[t]; ok {
			delete(b.armed, t)
			b.Fire(b, t)
		}
	}
}

// answer answers the newest request to a machine.
func (b *bench) answer(from env.Addr, resp env.Response) {
	b.t.Helper()
	for i := len(b.calls) - 1; i >= 0; i-- {
		if c := b.calls[i]; c.to == from {
			b.calls = append(b.calls[:i], b.calls[i+1:]...)
			b.Returned(b, c.tok, resp, nil)
			b.flush()
			return
		}
	}
	b.t.Fatalf("nothing was asked of %s", from)
}

// last returns the newest request to a machine.
func (b *bench) last(to env.Addr) env.Request {
	for i := len(b.calls) - 1; i >= 0; i-- {
		if b.calls[i].to == to {
			return b.calls[i].req
		}
	}
	return nil
}

// ask sends a request and returns the response of the same event, or nil.
func (b *bench) ask(req env.Request) env.Response {
	b.flush()
	b.reply = nil
	b.Receive(b, env.Ticket{}, req)
	return b.reply
}

func voteReq(candidate int32, epoch, lastEpoch int32, end int64, pre bool) *kmsg.VoteRequest {
	req := kmsg.NewPtrVoteRequest()
	req.Version, req.ClusterID, req.VoterID = 2, kmsg.StringPtr("samsa"), 101
	p := kmsg.NewVoteRequestTopicPartition()
	p.CandidateID, p.CandidateEpoch, p.LastOffsetEpoch, p.LastOffset, p.PreVote = candidate, epoch, lastEpoch, end, pre
	t := kmsg.NewVoteRequestTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func voteResp(code int16, leader, epoch int32, granted bool) *kmsg.VoteResponse {
	resp := kmsg.NewPtrVoteResponse()
	p := kmsg.NewVoteResponseTopicPartition()
	p.ErrorCode, p.LeaderID, p.LeaderEpoch, p.VoteGranted = code, leader, epoch, granted
	t := kmsg.NewVoteResponseTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, append(t.Partitions, p)
	resp.Topics = append(resp.Topics, t)
	return resp
}

func beginReq(leader, epoch int32) *kmsg.BeginQuorumEpochRequest {
	req := kmsg.NewPtrBeginQuorumEpochRequest()
	req.Version, req.ClusterID, req.VoterID = 1, kmsg.StringPtr("samsa"), 101
	p := kmsg.NewBeginQuorumEpochRequestTopicPartition()
	p.LeaderID, p.LeaderEpoch = leader, epoch
	t := kmsg.NewBeginQuorumEpochRequestTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func endReq(leader, epoch int32, successors ...int32) *kmsg.EndQuorumEpochRequest {
	req := kmsg.NewPtrEndQuorumEpochRequest()
	req.Version, req.ClusterID = 1, kmsg.StringPtr("samsa")
	p := kmsg.NewEndQuorumEpochRequestTopicPartition()
	p.LeaderID, p.LeaderEpoch = leader, epoch
	for _, id := range successors {
		c := kmsg.NewEndQuorumEpochRequestTopicPartitionPreferredCandidate()
		c.CandidateID = id
		p.PreferredCandidates = append(p.PreferredCandidates, c)
	}
	t := kmsg.NewEndQuorumEpochRequestTopic()
	t.Topic, t.Partitions = wire.MetadataTopic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func fetchReq(id int32, epoch int32, from int64, last int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ClusterID, req.MaxBytes, req.MaxWaitMillis = 18, kmsg.StringPtr("samsa"), 1<<20, 10
	req.ReplicaState.ID = id
	p := kmsg.NewFetchRequestTopicPartition()
	p.CurrentLeaderEpoch, p.FetchOffset, p.LastFetchedEpoch, p.PartitionMaxBytes = epoch, from, last, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.TopicID, t.Partitions = wire.MetadataTopicID, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}
