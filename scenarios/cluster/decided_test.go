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

// Watched rules give today's answers. Each old rule is reported for an answer that would differ, both halves of a flaw under one
// id, and a rule without arguments at once.
func TestWatchedRulesReportOldRules(t *testing.T) {
	var said []string
	today := nodeRules{broker: broker.CurrentRules(), controller: controller.CurrentRules(), quorum: raft.CurrentRules()}
	n := today.watched(func(id string) { said = append(said, id) })
	for _, id := range []string{"K22", "M35", "K2"} {
		if !slices.Contains(said, id) {
			t.Errorf("%s has another answer in every run, and only these are reported at once: %v", id, said)
		}
	}
	for _, id := range []string{"M1", "M6", "M24"} {
		if slices.Contains(said, id) {
			t.Errorf("%s is reported before any question", id)
		}
	}
	said = nil
	if got := n.broker.Replication.TruncateOnFollow(5, 5); got != 5 || said != nil {
		t.Errorf("with the same answers: %d and %v", got, said)
	}
	if got := n.broker.Replication.TruncateOnFollow(3, 5); got != 5 || !slices.Equal(said, []string{"M1"}) {
		t.Errorf("with another answer of M1: %d and %v", got, said)
	}
	said = nil
	n.broker.Replication.SameIncarnation(1, 2)
	n.controller.SameIncarnation(1, 2)
	if halves := len(slices.DeleteFunc(slices.Clone(said), func(id string) bool { return id != "M24" })); halves != 2 {
		t.Errorf("the two halves of M24 report %v", said)
	}
	if n.broker.Replication.SameIncarnation(1, 2) {
		t.Error("watched rules give the answer of an old rule")
	}
}
