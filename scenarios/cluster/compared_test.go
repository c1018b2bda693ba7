package cluster

import (
	"slices"
	"testing"

	"samsa/wire"
)

// compare applies old rules and returns them with the questions that they report.
func compare(t *testing.T, ids ...string) (n nodeRules, standing, decided *[]string) {
	t.Helper()
	n, err := rules(ids)
	if err != nil {
		t.Fatal(err)
	}
	standing, decided = &[]string{}, &[]string{}
	return n.compared(func(question string, always bool) {
		if always {
			*standing = append(*standing, question)
		} else {
			*decided = append(*decided, question)
		}
	}), standing, decided
}

// A compared rule gives the answer of the rule itself, and reports it only if the current rule would have given another.
func TestComparedRulesReportOtherAnswers(t *testing.T) {
	n, standing, decided := compare(t, "M1")
	if got := n.broker.Replication.TruncateOnFollow(5, 5); got != 5 || len(*decided) != 0 {
		t.Errorf("at its high watermark a follower truncates to %d and the rule reports %v", got, *decided)
	}
	if got := n.broker.Replication.TruncateOnFollow(3, 5); got != 3 || !slices.Equal(*decided, []string{"TruncateOnFollow"}) {
		t.Errorf("above its high watermark a follower truncates to %d and the rule reports %v", got, *decided)
	}
	if n.broker.Replication.MayJoin(1, 1, 2) || len(*decided) != 1 || len(*standing) != 0 {
		t.Errorf("a rule that is not replaced reports: %v %v", *decided, *standing)
	}

	n, _, decided = compare(t, "M20")
	ids := []wire.NodeID{1, 2}
	if got := n.broker.Replication.MaximalISR(ids, ids); !slices.Equal(got, ids) || len(*decided) != 0 {
		t.Errorf("without a change in flight the maximal ISR is %v and the rule reports %v", got, *decided)
	}
	if got := n.broker.Replication.MaximalISR(ids, []wire.NodeID{1, 2, 3}); !slices.Equal(got, ids) || !slices.Equal(*decided, []string{"MaximalISR"}) {
		t.Errorf("with a change in flight the maximal ISR is %v and the rule reports %v", got, *decided)
	}

	n, _, decided = compare(t, "K3")
	if !n.quorum.MayExpose(3, 5) || !slices.Equal(*decided, []string{"MayExpose"}) {
		t.Errorf("the quorum rule reports %v", *decided)
	}
	n, _, decided = compare(t, "M26")
	if n.controller.Outdated(1, 2) || !slices.Equal(*decided, []string{"Outdated"}) {
		t.Errorf("the controller's rule reports %v", *decided)
	}
}

// A rule without arguments holds for the whole run; the current rules report nothing.
func TestComparedRulesReportStandingAnswers(t *testing.T) {
	for _, c := range []struct {
		ids  []string
		want []string
	}{
		{nil, nil},
		{[]string{"K2"}, []string{"FlushFirst"}},
		{[]string{"K1"}, []string{"ResumeLead", "FlushFirst"}},
		{[]string{"K22"}, []string{"AnswerCommitted"}},
		{[]string{"M39"}, []string{"LeaveOnRestart", "RefuseDuplicate"}},
		{[]string{"M1"}, nil},
	} {
		_, standing, decided := compare(t, c.ids...)
		slices.Sort(*standing)
		slices.Sort(c.want)
		if !slices.Equal(*standing, c.want) || len(*decided) != 0 {
			t.Errorf("the rules %v report %v and %v, want %v", c.ids, *standing, *decided, c.want)
		}
	}
}

// Every old rule is seen: each reports a standing answer, or replaces a rule that is compared.
func TestComparedRulesAreAll(t *testing.T) {
	for _, r := range OldRules() {
		_, standing, _ := compare(t, r.ID)
		if len(*standing) == 0 && !functions[r.ID] {
			t.Errorf("%s reports nothing, and is not known as a rule with arguments", r.ID)
		}
		if len(*standing) > 0 && functions[r.ID] {
			t.Errorf("%s has no arguments: %v", r.ID, *standing)
		}
	}
}

// functions are the old rules that replace only rules with arguments.
var functions = map[string]bool{
	"M1": true, "M2": true, "M3": true, "M6": true, "M9": true, "M10": true, "M20": true, "M22": true, "M23": true, "M24": true, "M26": true,
	"M28": true, "M29": true, "M30": true, "M37": true, "M43": true, "K3": true, "K4": true, "K5": true, "K7": true,
}
