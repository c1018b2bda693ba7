package replication_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

const lag = 30 * env.Second

// node is one replica with its own disk.
type node struct {
	*replication.Partition
	t       *testing.T
	d       env.Disk
	brokers *registry
}

func newNode(t *testing.T, id wire.NodeID) *node {
	return newNodeUnder(t, replication.CurrentRules(), id)
}

// newNodeUnder does the same as newNode with other rules.
func newNodeUnder(t *testing.T, rules replication.Rules, id wire.NodeID) *node {
	d := disk.New(disk.Profile{})
	log, _, err := storage.Open(d, "orders-0", storage.DefaultConfig(), storage.OpenOptions{})
	require.NoError(t, err)
	r := &registry{7, 7, 7, 7}
	return &node{replication.New(replication.Replica{
		TP: wire.TopicPartition{Topic: "orders"}, ID: wire.TopicID{1}, Self: id, Rules: rules, Registry: r,
	}, log, 0), t, d, r}
}

// registry has the broker epoch of nodes 0 to 3; 0 is fenced, and a negative one is shutting down.
type registry [4]wire.BrokerEpoch

func (r *registry) Registered(id wire.NodeID) wire.BrokerEpoch {
	if r[id] == 0 {
		return -1
	}
	return max(r[id], -r[id])
}

func (r *registry) InService(id wire.NodeID) bool { return r[id] > 0 }

// become gives the node a role; its arguments are the leader, the epoch, the partition epoch and the ISR.
func (n *node) become(leader wire.NodeID, epoch wire.Epoch, version wire.PartitionEpoch, now env.Instant, isr ...wire.NodeID) bool {
	newEpoch, err := n.Become(n.d, replication.Assignment{
		Leader: leader, LeaderEpoch: epoch, PartitionEpoch: version, Replicas: []wire.NodeID{1, 2, 3}, ISR: isr, MinISR: 2, LagMax: lag,
	}, now)
	require.NoError(n.t, err)
	return newEpoch
}

// write appends one record per value, each in its own batch.
func (n *node) write(values ...string) {
	for _, v := range values {
		b, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: 1, Value: []byte(v)}})
		require.NoError(n.t, err)
		_, err = n.Append(n.d, replication.ClientAppend(b, -1, 0), 1)
		require.NoError(n.t, err)
	}
}

// fetch does one round of replication from a leader, as brokers do it.
func (n *node) fetch(from *node, now env.Instant) {
	at := n.Position()
	a := replication.FetchState{Follower: id(n), BrokerEpoch: 7, FetchOffset: at.FetchOffset, LogStartOffset: n.Log().Start(), CurrentLeaderEpoch: at.CurrentLeaderEpoch, LastFetchedEpoch: at.LastFetchedEpoch}
	g := from.DecideFetch(a)
	require.Nil(n.t, g.Err)
	_, err := from.Partition.UpdateFollowerFetchState(a, g, now)
	require.Nil(n.t, err)
	if g.Diverges {
		_, err := n.TruncateToDivergence(n.d, g.DivergingEpoch)
		require.NoError(n.t, err)
		return
	}
	data, e := from.Log().Read(from.d, at.FetchOffset, g.MaxOffset, 1<<20, true)
	require.NoError(n.t, e)
	from.Advance(now)
	require.NoError(n.t, n.Replicate(n.d, data.Bytes, from.HW(), from.Log().Start()))
}

// Fetched does a fetch of another replica in the leader's epoch, with a log that matches the leader's.
func (n *node) Fetched(from wire.NodeID, incarnation wire.BrokerEpoch, next wire.Offset, now env.Instant) {
	a := replication.FetchState{Follower: from, BrokerEpoch: incarnation, FetchOffset: next, CurrentLeaderEpoch: n.LeaderEpoch(), LastFetchedEpoch: wire.NoEpoch}
	_, err := n.Partition.UpdateFollowerFetchState(a, n.DecideFetch(a), now)
	require.Nil(n.t, err)
	n.Advance(now)
}

func id(n *node) wire.NodeID {
	if n.Leads() {
		return n.Leader()
	}
	return 5 - n.Leader() // with two nodes under test, 2 and 3
}

func (n *node) values() (all []string) {
	data, err := n.Log().Read(n.d, n.Log().Start(), n.Log().End(), 1<<20, true)
	require.NoError(n.t, err)
	for b, err := range wire.Batches(data.Bytes) {
		require.NoError(n.t, err)
		for r, err := range b.Records() {
			require.NoError(n.t, err)
			all = append(all, string(r.Value))
		}
	}
	return all
}

func TestHighWatermarkIsTheLeastEndOfTheISR(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2, 3)
	l.write("a", "b", "c")
	require.EqualValues(t, 0, l.HW(), "no follower has fetched")
	l.Fetched(2, 7, 3, 1)
	require.EqualValues(t, 0, l.HW(), "3 is in the ISR and has nothing")
	l.Fetched(3, 7, 1, 1)
	require.EqualValues(t, 1, l.HW())
	l.Fetched(3, 7, 3, 2)
	require.EqualValues(t, 3, l.HW())
	l.Fetched(3, 7, 2, 3)
	require.EqualValues(t, 3, l.HW(), "it never goes back within an epoch")
}

func TestBelowMinISRTheHighWatermarkStandsStill(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2, 3)
	l.write("a")
	l.become(1, 0, 1, 0, 1)
	require.EqualValues(t, 0, l.HW(), "the leader alone has it, and min.insync.replicas is 2")
	b, err := wire.AppendBatch(nil, wire.PlainBatch(0, wire.NoEpoch), []wire.Record{{Timestamp: 1}})
	require.NoError(t, err)
	_, err = l.Append(l.d, replication.ClientAppend(b, -1, 0), 1)
	require.ErrorIs(t, err, kerr.NotEnoughReplicas)
	_, err = l.Append(l.d, replication.ClientAppend(b, 1, 0), 1)
	require.NoError(t, err, "acks=1 asks for no more than the leader")
}

func TestAReplicaAboutToJoinHoldsTheHighWatermarkBack(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a", "b")
	l.Fetched(2, 7, 2, 1)
	require.EqualValues(t, 2, l.HW())
	l.Fetched(3, 7, 2, 2) // 3 has caught up
	p, ok := l.ProposeExpand(3)
	require.True(t, ok)
	require.Equal(t, []replication.Member{{ID: 1, BrokerEpoch: -1}, {ID: 2, BrokerEpoch: 7}, {ID: 3, BrokerEpoch: 7}}, p.ISR)
	l.write("c")
	l.Fetched(2, 7, 3, 3)
	require.EqualValues(t, 2, l.HW(), "3 may be in the ISR already, for the controller (KIP-497)")
	l.Fetched(3, 7, 3, 4)
	require.EqualValues(t, 3, l.HW())
}

func TestAReplicaJoinsOnlyWithEverythingOfThisEpochsStart(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a", "b", "c")
	l.become(1, 1, 1, 0, 1, 2) // a new epoch: the high watermark is still 0
	l.Fetched(3, 7, 2, 1)
	_, ok := l.ProposeExpand(3)
	require.False(t, ok, "it is past the high watermark and not at the epoch's start (KAFKA-7128)")
	l.Fetched(3, 7, 3, 2)
	for _, c := range []struct {
		epoch wire.BrokerEpoch
		why   string
	}{{0, "it is fenced"}, {-7, "it is shutting down (KIP-841)"}, {8, "it restarted since it fetched (KIP-903)"}} {
		l.brokers[3] = c.epoch
		_, ok = l.ProposeExpand(3)
		require.False(t, ok, c.why)
	}
	l.brokers[3] = 7
	_, ok = l.ProposeExpand(3)
	require.True(t, ok)
	_, ok = l.ProposeExpand(3)
	require.False(t, ok, "one change at a time")
}

func TestTheHighWatermarkWaitsForALaggardUntilTheControllerRemovesIt(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2, 3)
	l.write("a")
	l.Fetched(2, 7, 1, 1)
	l.Fetched(3, 7, 0, 1)
	_, ok := l.ProposeShrink(env.Instant(lag))
	require.False(t, ok, "it may lag for as long as replica.lag.time.max.ms")
	l.Fetched(2, 7, 1, env.Instant(lag))
	p, ok := l.ProposeShrink(env.Instant(lag) + 2)
	require.True(t, ok)
	require.Len(t, p.ISR, 2)
	require.EqualValues(t, 0, l.HW(), "3 may still be elected: nothing is committed without it")
	agreed := replication.AlterPartitionResult{LeaderEpoch: l.LeaderEpoch(), PartitionEpoch: 1, ISR: []wire.NodeID{1, 2}}
	later := agreed
	later.LeaderEpoch++
	require.False(t, l.HandleAlterPartitionResult(p, later, env.Instant(lag)+3))
	require.EqualValues(t, 0, l.HW(), "a response of another epoch commits nothing: the image will")
	require.False(t, l.HandleAlterPartitionResult(p, agreed, env.Instant(lag)+3))
	require.EqualValues(t, 1, l.HW())
}

func TestAFollowerCaughtUpAtItsPreviousFetch(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2, 3)
	second := env.Instant(env.Second)
	for i := range env.Instant(60) { // 2 always lags by one record, as a follower under load does
		l.write("x")
		l.Fetched(2, 7, wire.Offset(i), i*second)
		l.Fetched(3, 7, l.Log().End(), i*second)
	}
	_, ok := l.ProposeShrink(60 * second)
	require.False(t, ok, "a lag of a second is not out of sync")
	l.Fetched(3, 7, l.Log().End(), 100*second)
	p, ok := l.ProposeShrink(100 * second)
	require.True(t, ok, "but forty seconds of silence are")
	require.Equal(t, wire.NodeID(3), p.ISR[1].ID)
}

func TestAlterPartitionErrors(t *testing.T) {
	for _, c := range []struct {
		err     *kerr.Error
		again   bool
		pending bool
	}{
		{kerr.IneligibleReplica, false, false},
		{kerr.OperationNotAttempted, false, false},
		{kerr.FencedLeaderEpoch, false, true}, // the error may hide an earlier success, which the image will show
		{kerr.InvalidUpdateVersion, false, true},
		{kerr.InvalidRequest, false, true},
		{kerr.NewLeaderElected, false, true},
		{kerr.UnknownTopicID, false, true},
		{kerr.UnknownTopicOrPartition, false, true},
		{kerr.NotController, true, true},
		{kerr.RequestTimedOut, true, true},
	} {
		l := newNode(t, 1)
		l.become(1, 0, 0, 0, 1, 2)
		l.Fetched(3, 7, 0, 1)
		p, ok := l.ProposeExpand(3)
		require.True(t, ok)
		require.Equal(t, c.again, l.HandleAlterPartitionResult(p, replication.AlterPartitionResult{ErrorCode: c.err.Code}, 1), c.err.Message)
		_, pending := l.Pending()
		require.Equal(t, c.pending, pending, c.err.Message)
		require.Equal(t, []wire.NodeID{1, 2}, l.ISR(), "an error commits nothing")
	}
}

func TestOlderMetadataIsSkipped(t *testing.T) {
	l := newNode(t, 1)
	require.True(t, l.become(1, 3, 5, 0, 1, 2))
	require.False(t, l.become(2, 2, 6, 0, 1, 2), "an older leader epoch")
	require.True(t, l.Leads())
	require.False(t, l.become(1, 3, 4, 0, 1, 2, 3), "an older partition epoch")
	require.Equal(t, []wire.NodeID{1, 2}, l.ISR())
	require.False(t, l.become(1, 3, 6, 0, 1, 3), "news of the same epoch")
	require.Equal(t, []wire.NodeID{1, 3}, l.ISR())
}

// Each row is the history of two logs: the leader of each epoch, and the values that both or only the leader have. In the
// end the follower has the leader's log.
func TestAFollowerEndsWithTheLeadersLog(t *testing.T) {
	type chapter struct {
		leader int // 2 or 3
		common []string
		alone  []string // only the leader has them
	}
	for name, story := range map[string][]chapter{
		"shorter":          {{2, nil, []string{"a", "b"}}},
		"equal":            {{2, []string{"a", "b"}, nil}},
		"longer":           {{3, []string{"a"}, []string{"b", "c"}}, {2, nil, nil}},
		"forked":           {{3, []string{"a"}, []string{"b", "c"}}, {2, nil, []string{"d"}}},
		"forked and equal": {{3, []string{"a"}, []string{"b"}}, {2, nil, []string{"c"}}},
		"several epochs":   {{3, []string{"a"}, []string{"b"}}, {2, nil, []string{"c"}}, {3, nil, []string{"d"}}, {2, nil, []string{"e", "f"}}},
		"empty epochs":     {{3, []string{"a"}, nil}, {2, nil, nil}, {3, nil, []string{"b"}}, {2, nil, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			two, three := newNode(t, 2), newNode(t, 3)
			epoch := wire.Epoch(0)
			for _, c := range story {
				lead, other := two, three
				if c.leader == 3 {
					lead, other = three, two
				}
				lead.become(wire.NodeID(c.leader), epoch, wire.PartitionEpoch(epoch), 0, 2, 3)
				if len(c.common) > 0 {
					other.become(wire.NodeID(c.leader), epoch, wire.PartitionEpoch(epoch), 0, 2, 3)
					lead.write(c.common...)
					other.fetch(lead, 1)
				}
				lead.write(c.alone...)
				epoch++
			}
			two.become(2, epoch, wire.PartitionEpoch(epoch), 0, 2, 3)
			three.become(2, epoch, wire.PartitionEpoch(epoch), 0, 2, 3)
			for range 8 {
				three.fetch(two, 1)
			}
			require.Equal(t, two.values(), three.values())
			require.Equal(t, two.Log().End(), three.Log().End())
			require.LessOrEqual(t, three.HW(), two.HW())
		})
	}
}

func TestLatestIsUnknownBeforeTheEpochIsCommitted(t *testing.T) {
	l := newNode(t, 1)
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a")
	require.True(t, l.HWReachedEpochStart())
	l.become(1, 1, 1, 0, 1, 2)
	require.False(t, l.HWReachedEpochStart(), "the high watermark of an earlier leader may have been higher (KIP-207)")
	l.Fetched(2, 7, 1, 1)
	require.True(t, l.HWReachedEpochStart())
	require.Equal(t, "orders-0 L1 e1 [0‥1) hw=1 isr=1,2", l.String())
}
