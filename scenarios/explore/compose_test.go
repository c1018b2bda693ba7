package explore

import (
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

var transfers = Needs{Test: "TestTransfers", Topics: []string{"payments partitions=2 replicas=3 min.insync.replicas=2", "audit replicas=1"}}

func compose(t *testing.T, parts Parts, needs Needs) *Plan {
	t.Helper()
	p, err := Compose(parts, needs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every composed plan is a valid file with the caller's topics, one workload line before all faults, and only allowed faults.
func TestComposedPlansAreFiles(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		parts := Parts{World: seed, Cluster: seed, Workload: seed, Operations: []uint64{seed, seed + 1}, Faults: []uint64{seed, seed + 7, seed + 9}}
		needs := transfers
		needs.Operations = []string{"elect", "grow"}
		text := compose(t, parts, needs).Text()
		p, err := scenarios.Load("plan", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if p.Workload() != "TestTransfers" || !strings.Contains(text, "topic payments partitions=2 replicas=3 min.insync.replicas=2\ntopic audit replicas=1\n") {
			t.Errorf("seed %d:\n%s", seed, text)
		}
		for _, l := range compose(t, parts, needs).Lines() {
			if l.Family != "" {
				seen[l.Family] = true
			}
			if l.Family != "" && l.Part == Serving && !slices.Contains(append(Survivable(), "elect", "grow"), l.Family) {
				t.Errorf("seed %d: %s is not allowed", seed, l.Family)
			}
		}
	}
	for seed := range uint64(30) {
		needs := transfers
		needs.Operations = []string{"elect"}
		parts := Parts{Cluster: seed, Operations: []uint64{seed, seed + 1, seed + 2}}
		if text := compose(t, parts, needs).Text(); strings.Contains(text, "elect unclean") {
			t.Errorf("seed %d: an operator that may elect holds an unclean election\n%s", seed, text)
		}
		needs.Operations = append(needs.Operations, "unclean")
		seen["elect unclean"] = seen["elect unclean"] || strings.Contains(compose(t, parts, needs).Text(), "elect unclean")
	}
	if want := len(Survivable()) + 3; len(seen) != want {
		t.Errorf("%d families and kinds in the plans, want %d: %v", len(seen), want, seen)
	}
}

// Each fault has a seed of its own: to drop or to change one leaves the lines of the others as they are.
func TestFaultsOfAComposedPlanAreIndependent(t *testing.T) {
	lines := func(faults ...uint64) map[int][]string {
		all := map[int][]string{}
		for _, l := range compose(t, Parts{World: 1, Cluster: 4, Faults: faults}, transfers).Lines() {
			if l.Part == Serving && l.ID > 0 {
				all[l.ID] = append(all[l.ID], l.String())
			}
		}
		return all
	}
	whole, short, other := lines(11, 12, 13), lines(11, 12), lines(11, 99, 13)
	if len(whole) != 3 || !slices.Equal(whole[1], short[1]) || !slices.Equal(whole[2], short[2]) {
		t.Errorf("%v, without the last %v", whole, short)
	}
	if !slices.Equal(whole[1], other[1]) || !slices.Equal(whole[3], other[3]) || slices.Equal(whole[2], other[2]) {
		t.Errorf("%v, with another second %v", whole, other)
	}
}

// Without a test, clients and topics are drawn, and the plan is a campaign's in all else.
func TestComposedPlanWithoutATest(t *testing.T) {
	for seed := range uint64(5) {
		p := compose(t, Parts{World: seed, Cluster: seed, Workload: seed, Faults: []uint64{seed}}, Needs{Rules: []string{"M1"}})
		program, err := scenarios.Load("plan", []byte(p.Text()))
		if err != nil {
			t.Fatal(err)
		}
		if program.Workload() != "" || !slices.Equal(program.Rules(), []string{"M1"}) || !strings.Contains(p.Text(), "send p1 ") {
			t.Errorf("%s", p.Text())
		}
		if r, err := Replay(program, Options{}); err != nil || r.Verdict == Internal || r.Tally.AckedRecords == 0 {
			t.Errorf("seed %d: %+v %v", seed, r.Failures, err)
		}
	}
}

func TestComposeErrors(t *testing.T) {
	for _, c := range []struct {
		needs Needs
		want  string
	}{
		{Needs{Faults: []string{"crsh"}}, `no family of faults "crsh" (did you mean "crash"?); there are crash, die-inside`},
		{Needs{Operations: []string{"delete-record"}}, `no kind of operation "delete-record" (did you mean "delete-records"?)`},
		{Needs{Topics: []string{"orders partitoins=3"}}, `no topic config "partitoins" (did you mean "partitions"?)`},
		{Needs{Topics: []string{"orders replicas=3"}, Brokers: 2}, "a topic has 3 replicas, and there are 2 brokers"},
		{Needs{Topics: []string{"orders"}, Operations: []string{"come-and-go"}}, "the operation come-and-go makes topics of its own"},
		{Needs{Test: "TestX", Faults: []string{"disk-rot"}}, "faults of disk-rot destroy synced bytes"},
	} {
		if _, err := Compose(Parts{}, c.needs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if got := compose(t, Parts{}, Needs{Test: `TestX/a=b "c"`, Configs: []string{"acks=1"}}).Text(); !strings.Contains(got, `workload "TestX/a=b \"c\"" as app acks=1 auto.offset.reset=earliest`) {
		t.Error(got)
	}
}
