package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// An operator's requests reach the cluster, and a refusal is printed.
func TestAdminReachesTheCluster(t *testing.T) {
	s, f := play(t, `cluster brokers=3 controllers=3
topic orders
elect preferred orders-0
elect unclean orders-0
delete topic orders
topic orders partitions=2
produce p1 orders-1 x
crash standby
crash standbys
crash controller
run until down b1,controllers within 1s
----
`, RunOptions{})
	want := []string{"elect orders-0", "delete orders", "client p1", "crash c2", "crash c3", "crash c1"}
	if !slices.Equal(f.calls, want) {
		t.Errorf("calls %v, want %v", f.calls, want)
	}
	if out := s.Outputs()[0]; !strings.Contains(out, "elect orders-0: failed ELECTION_NOT_NEEDED") || !strings.Contains(out, "not so after 1s") {
		t.Errorf("output\n%s", out)
	}
}

// Later lines cannot name a deleted topic.
func TestDeletedTopicsAreGone(t *testing.T) {
	_, err := Load("x", []byte("cluster\ntopic orders\ndelete topic orders\nshow orders-0\n"))
	if err == nil || !strings.Contains(err.Error(), `x:4:6: no topic "orders"`) {
		t.Errorf("got %v", err)
	}
}

// A timed request of the operator does not delay any other line. The story contains a refusal.
func TestTimedAdminHoldsNothingUp(t *testing.T) {
	s, f := play(t, `cluster brokers=3 controllers=1
topic orders partitions=2
at 1500ms topic audit
at 1600ms grow orders to 3
at 1700ms delete records orders-2 before 7
at 1800ms delete records orders-0
at 1900ms finalise eligible.leader.replicas.version=0
at 2s delete topic audit
at 3s topic audit partitions=2
at 3100ms grow orders to 2
produce p1 orders-0 x
wait 5s
drain z1 auto.offset.reset=earliest
run until quiet of b1,controllers
----
`, RunOptions{})
	want := []string{"client p1 ", "grow orders 3", "delete records orders-2 7", "delete records orders-0 -1", "finalise eligible.leader.replicas.version=0",
		"delete audit", "client z1 auto.offset.reset=earliest", "quiet of [b1 c1]"}
	for i := range want {
		if i >= len(f.calls) || strings.TrimSpace(f.calls[i]) != strings.TrimSpace(want[i]) {
			t.Fatalf("calls %q, want %q", f.calls, want)
		}
	}
	if out := s.Outputs()[0]; !strings.Contains(out, `z1: orders-0  0 "x"`) || strings.Contains(out, "INVALID") {
		t.Errorf("output\n%s", out)
	}
	said := ""
	for _, e := range s.Entries() {
		said += e.Text
	}
	if !strings.Contains(said, "grow orders: failed INVALID_PARTITIONS") {
		t.Errorf("the story does not say that a topic cannot shrink:\n%s", said)
	}
}

// A timed line may create a topic again only if an earlier timed line deletes it.
func TestFleetingTopics(t *testing.T) {
	for src, want := range map[string]string{
		"topic a\nat 2s delete topic a\nat 3s topic a partitions=3\nat 4s send p1 a-2 x\n": "",
		"topic a\nat 2s delete topic a\nat 1s send p1 a-0 x\nat 5s crash leader:a-0\n":     "",
		"topic a\nat 2s topic a\n":                                                 `there is a topic "a" already`,
		"at 2s send p1 a-0 x\nat 1s topic a\n":                                     `no topic "a"`,
		"topic a\nat 2s grow a to 4\nat 1s show a-3\n":                             "show cannot be given a time",
		"topic a\nat 2s grow a to 4\nrun until leader a-3\nrun until leader a-4\n": "topic a has 4 partitions",
		"finalise\n": "at least one FEATURE=LEVEL",
	} {
		_, err := Load("x", []byte("cluster\n"+src))
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%q: got %v, want %q", src, err, want)
		}
	}
}

func TestSawWhenAndNot(t *testing.T) {
	s, _ := play(t, `cluster brokers=3 controllers=1
topic orders
wait 10s
saw partition.leads
saw partition.leads since 500ms
saw partition.leads since 5s
saw no partition.leads
saw no partition.leads since 5s
saw no partition.leads by b2
`, RunOptions{})
	var got []bool
	for _, c := range s.Verdict().Claims {
		got = append(got, c.OK)
	}
	if want := []bool{true, true, false, false, true, true}; !slices.Equal(got, want) {
		t.Errorf("claims %v, want %v", got, want)
	}
}

// A digit is the epoch of a record. A dot is a gap. Records that the leader does not have are marked.
func TestDescribeEpochs(t *testing.T) {
	at := func(batches ...int64) (log []cluster.BatchState) { // base, next and epoch of each batch
		for i := 0; i < len(batches); i += 3 {
			log = append(log, cluster.BatchState{Base: wire.Offset(batches[i]), Next: wire.Offset(batches[i+1]), Epoch: wire.Epoch(batches[i+2])})
		}
		return log
	}
	logs := map[string][]cluster.BatchState{
		"b1": at(0, 2, 0, 2, 3, 11), "b2": at(0, 2, 0, 2, 4, 10), "b3": nil, "b4": at(1, 2, 0, 4, 5, 11),
	}
	p := cluster.PartitionState{Leader: 1}
	p.TP.Topic = "orders"
	for i, h := range []string{"b1", "b2", "b3", "b4"} {
		p.Replicas = append(p.Replicas, cluster.ReplicaState{Node: wire.NodeID(i + 1), Host: env.Addr(h)})
	}
	got := describeEpochs([]cluster.PartitionState{p}, func(host env.Addr, _ cluster.PartitionState) []cluster.BatchState { return logs[string(host)] })
	if want := "orders-0   b1* 001   b2  00!00!   b3  empty   b4  .0..!1!\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
