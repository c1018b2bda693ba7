package scenarios

import (
	"slices"
	"strings"
	"testing"

	"samsa/sim/env"
	"samsa/wire"
)

// What an operator asks for reaches the cluster, and a refusal is said.
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

// A topic that was deleted cannot be named any more.
func TestDeletedTopicsAreGone(t *testing.T) {
	_, err := Load("x", []byte("cluster\ntopic orders\ndelete topic orders\nshow orders-0\n"))
	if err == nil || !strings.Contains(err.Error(), `x:4:6: no topic "orders"`) {
		t.Errorf("got %v", err)
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

// A digit is a record's epoch; gaps are dots, and what the leader does not have is marked.
func TestDescribeEpochs(t *testing.T) {
	at := func(batches ...int64) (log []BatchState) { // base, next, epoch of each
		for i := 0; i < len(batches); i += 3 {
			log = append(log, BatchState{Base: wire.Offset(batches[i]), Next: wire.Offset(batches[i+1]), Epoch: wire.Epoch(batches[i+2])})
		}
		return log
	}
	logs := map[string][]BatchState{
		"b1": at(0, 2, 0, 2, 3, 11), "b2": at(0, 2, 0, 2, 4, 10), "b3": nil, "b4": at(1, 2, 0, 4, 5, 11),
	}
	p := PartitionState{Leader: 1}
	p.TP.Topic = "orders"
	for i, h := range []string{"b1", "b2", "b3", "b4"} {
		p.Replicas = append(p.Replicas, ReplicaState{Node: wire.NodeID(i + 1), Host: env.Addr(h)})
	}
	got := describeEpochs([]PartitionState{p}, func(host env.Addr, _ PartitionState) []BatchState { return logs[string(host)] })
	if want := "orders-0   b1* 001   b2  00!00!   b3  empty   b4  .0..!1!\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
