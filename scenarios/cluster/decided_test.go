package cluster

import (
	"slices"
	"testing"

	"samsa/broker"
	"samsa/controller"
	"samsa/controller/raft"
)

// Today's rules never decide otherwise than today's rules. An old rule reports its question: a flag once and for all, a
// function for each answer that differs.
func TestOldRulesReportTheirDecisions(t *testing.T) {
	var said []string
	report := func(question string, always bool) {
		if always {
			question += " always"
		}
		said = append(said, question)
	}
	ask := func(n nodeRules) {
		r := &n.broker.Replication
		r.TruncateOnFollow(3, 5)
		r.MayJoin(2, 2, 1)
		r.MaximalISR(nil, nil)
	}
	today := nodeRules{broker: broker.CurrentRules(), controller: controller.CurrentRules(), quorum: raft.CurrentRules()}
	ask(today.compared(report))
	if said != nil {
		t.Errorf("today's rules report %v", said)
	}
	for id, want := range map[string][]string{"M1": {"TruncateOnFollow"}, "K22": {"AnswerCommitted always"}, "M35": {"TakeMarkerFirst always"}} {
		said = nil
		n, err := rules([]string{id})
		if err != nil {
			t.Fatal(err)
		}
		n = n.compared(report)
		if ask(n); !slices.Equal(said, want) {
			t.Errorf("%s reports %v, want %v", id, said, want)
		}
		if got := n.broker.Replication.TruncateOnFollow(3, 5); id == "M1" && got != 3 {
			t.Errorf("compared, M1 truncates to %d", got)
		}
	}
}
