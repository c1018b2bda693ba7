package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"samsa/check"
	"samsa/sim/env"
	"samsa/wire"
)

// The fingerprint of a failure consists of constants. Only its text differs from seed to seed.
func TestFingerprint(t *testing.T) {
	a := Failure{ClassViolated, "x", "consumer of a partition: read", "", 3, `p1 read "v17" at 204 of orders-0`}.Fingerprint()
	b := Failure{ClassViolated, "x", "consumer of a partition: read", "", 3, `p2 read "v9, 3" at 7 of payments-12`}.Fingerprint()
	if want := "x: consumer of a partition: read"; a != want || b != want {
		t.Errorf("%q and %q, want %q", a, b, want)
	}
	if got := (Failure{Check: OfSoundness, Text: "changed"}).Fingerprint(); got != "unsound" {
		t.Errorf("without a kind the fingerprint is %q", got)
	}
}

// Every kind of failure of a run has its own check and constant kind.
func TestFailuresOfAVerdict(t *testing.T) {
	program := load(t, "cluster\n")
	fact := check.Fact{Subject: check.Subject{Kind: check.APartition, Name: "orders-0"}, Role: check.ByLeader, Way: "cut it", Offset: 7}
	for want, v := range map[string]Verdict{
		"violated acked-durable: leader of a partition: cut it": {Findings: []check.Finding{{Check: check.AckedDurable,
			Result: check.Result{Status: check.Violated, Fact: fact, Explanation: "offset 7 is gone"}}}},
		"stuck heals: leader of a partition: no leader": {Findings: []check.Finding{{Check: check.Named("heals"),
			Result: check.Result{Status: check.Violated, Fact: check.Fact{Subject: fact.Subject, Role: check.ByLeader, Way: "no leader"}}}}},
		"internal unsound: a response was changed after it was sent: Fetch": {Unsound: &Unsound{Kind: 1, API: "Fetch", Text: "was changed"}},
		"internal unsound":                    {Unsound: fmt.Errorf("something of another type")},
		"unknown budget: there is no cluster": {Reason: StopBudget, Stopped: "the budget of 7 events is spent"},
		"stuck quiet: there is no cluster":    {Reason: StopPatience, Stopped: "line 3"},
	} {
		got := FailuresOf(New(program, RunOptions{}), &v)
		if len(got) != 1 || string(got[0].Verdict)+" "+got[0].Fingerprint() != want {
			t.Errorf("%+v, want %s", got, want)
		}
	}
	priced := Verdict{Findings: []check.Finding{{Check: check.AckedDurable, Result: check.Result{Status: check.Priced, Fact: fact}}}}
	if got := FailuresOf(New(program, RunOptions{}), &priced); len(got) > 0 {
		t.Errorf("a price is the failure %+v", got)
	}
	for _, reason := range []StopReason{StopAtStep, StopInterrupted, StopUnfinished} {
		if got := FailuresOf(New(program, RunOptions{}), &Verdict{Reason: reason}); len(got) > 0 {
			t.Errorf("a run that its caller stopped (%s) is the failure %+v", reason, got)
		}
	}
}

// The same obstacles form one kind, whatever their partitions and number, and each is listed once.
func TestUnrestIsTyped(t *testing.T) {
	replica := func(node wire.NodeID, end wire.Offset) ReplicaState {
		return ReplicaState{Node: node, Host: env.Addr(fmt.Sprintf("b%d", node)), Up: true, Leads: node == 1, Epoch: 4, HW: end, End: end}
	}
	state := func(topic string, others ...ReplicaState) PartitionState {
		return PartitionState{TP: wire.TopicPartition{Topic: topic}, Leader: 1, Epoch: 4, HW: 9, End: 9, ISR: []wire.NodeID{1, 2},
			Replicas: append([]ReplicaState{replica(1, 9)}, others...)}
	}
	one, two := &obstacles{}, &obstacles{}
	one.partition(state("orders", replica(2, 7), replica(3, 9)))
	two.partition(state("payments", replica(3, 9), replica(2, 1), replica(2, 1)))
	kind, text := one.words()
	if kind != "a follower's log ends elsewhere" ||
		text != "the log of orders-0 on b2 ends at 7, and that of the leader at 9; b3 is not in the ISR of orders-0" {
		t.Errorf("%q: %q", kind, text)
	}
	if other, _ := two.words(); other != kind {
		t.Errorf("the same obstacles are %q and %q", kind, other)
	}
	led := &obstacles{}
	p := state("orders")
	p.Leader = 2
	led.partition(p)
	if kind, text := led.words(); kind != "a partition has no leader" || text != "orders-0 has no leader" {
		t.Errorf("%q: %q", kind, text)
	}
	rest := &obstacles{}
	rest.partition(state("orders", replica(2, 9)))
	if kind, _ := rest.words(); kind != "" {
		t.Errorf("a partition at rest has the obstacle %q", kind)
	}
}

// The kind of a stuck run is the first of its obstacles in the order of causes. What a smaller file no longer has does not
// change it: clients that wait, partitions that do not exist, machines that the file leaves down or does not ask for.
func TestUnrestIsItsCause(t *testing.T) {
	machine := func(host, role string, up, fenced, active bool) MachineState {
		return MachineState{Host: env.Addr(host), Role: role, Up: up, Fenced: fenced, Active: active}
	}
	c1 := machine("c1", "controller", true, false, true)
	b1, b2 := machine("b1", "broker", true, false, false), machine("b2", "broker", true, false, false)
	replica := func(node wire.NodeID, end wire.Offset) ReplicaState {
		return ReplicaState{Node: node, Host: env.Addr(fmt.Sprintf("b%d", node)), Up: true, Leads: node == 1, HW: end, End: end}
	}
	led := PartitionState{TP: wire.TopicPartition{Topic: "orders"}, Leader: 1, HW: 9, End: 9, ISR: []wire.NodeID{1, 2}, Replicas: []ReplicaState{replica(1, 9), replica(2, 9)}}
	behind, leaderless := led, led
	behind.Replicas = []ReplicaState{replica(1, 9), replica(2, 7)}
	leaderless.Leader = wire.NoNode
	waits := func(o *obstacles) {
		o.add(ConsumerWaits, "a consumer waits")
		o.add(NoPartition, "orders-7 does not exist")
	}
	for _, c := range []struct {
		name, want string
		core       []env.Addr
		machines   []MachineState
		partitions []PartitionState
		also       func(*obstacles)
	}{
		{"a follower", "a follower's log ends elsewhere", nil, []MachineState{c1, b1, b2}, []PartitionState{led, behind}, waits},
		{"a fenced broker", "a broker is fenced", nil, []MachineState{c1, b1, machine("b2", "broker", true, true, false)}, []PartitionState{behind}, waits},
		{"no controller", "no controller is active", nil, []MachineState{machine("c1", "controller", true, false, false), b1}, []PartitionState{leaderless}, waits},
		{"a controller that died while it was active", "no controller is active", nil, []MachineState{machine("c1", "controller", false, false, true), b1}, nil, waits},
		{"no leader, and a follower elsewhere", "a partition has no leader", nil, []MachineState{c1, b1}, []PartitionState{leaderless, behind}, nil},
		{"a machine is down", "a broker or controller is down", nil, []MachineState{c1, machine("b2", "broker", false, false, false)}, []PartitionState{led}, func(o *obstacles) { o.add(ConsumerWaits, "x") }},
		{"a machine is down, and a follower is elsewhere", "a follower's log ends elsewhere", nil, []MachineState{c1, machine("b3", "broker", false, false, false)}, []PartitionState{behind}, nil},
		{"the core's follower, and a leaderless partition", "a follower's log ends elsewhere", []env.Addr{"b1", "b2", "c1"}, []MachineState{c1, b1, b2}, []PartitionState{leaderless, behind}, waits},
		{"the core has only a leaderless partition", "a partition has no leader", []env.Addr{"b1", "b2", "c1"}, []MachineState{c1, b1, b2}, []PartitionState{leaderless}, waits},
		{"a follower outside the core", "a consumer waits", []env.Addr{"b1", "c1"}, []MachineState{c1, b1, machine("b2", "broker", true, true, false)}, []PartitionState{behind}, func(o *obstacles) { o.add(ConsumerWaits, "x") }},
		{"a client", "a partition does not exist", nil, []MachineState{c1, b1, machine("p1", "client", false, false, false)}, []PartitionState{led}, waits},
	} {
		o := &obstacles{core: c.core}
		if c.also != nil {
			c.also(o)
		}
		for _, p := range c.partitions {
			o.partition(p)
		}
		o.machines(c.machines)
		if kind, text := o.words(); kind != c.want {
			t.Errorf("%s: %q, want %q of: %s", c.name, kind, c.want, text)
		}
	}
}

// A run that waited for something else than a quiet cluster says for what.
func TestUnrestNamesTheLine(t *testing.T) {
	const stuck = "cluster brokers=3 controllers=1\ntopic orders\nrun until quiet\n"
	for line, want := range map[string]string{
		"run until isr orders-0 2 within 2s":        "run until isr: a broker is not idle",
		"run until hw orders-0 >= 7 within 2s":      "run until hw >=: a broker is not idle",
		"run until leader orders-0 is b2 within 2s": "run until leader is: a broker is not idle",
	} {
		v, err := New(load(t, stuck+line+"\n"), RunOptions{}).Finish()
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Failures) != 1 || v.Failures[0].Check != OfRest || v.Failures[0].Kind != want {
			t.Errorf("%s: %+v, want %q", line, v.Failures, want)
		}
	}
}

// A found line is read back as the failure that it was written from, whatever its texts contain.
func TestFoundLineIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Failure{
			Verdict: ClassViolated, Check: rapid.SampledFrom(append(failureNames(nil), "own:my-sum")).Draw(t, "check"), Kind: rapid.String().Draw(t, "kind"),
			Step: rapid.Uint64().Draw(t, "step"), Text: rapid.String().Draw(t, "text"),
		}
		hash, version := rapid.Uint64().Draw(t, "hash"), rapid.SampledFrom([]string{"", "v1.2.3", "a dev build", `x"y`}).Draw(t, "version")
		line := f.FoundLine(hash, 0, version)
		p, err := Load("x", []byte("cluster\n"+line+"\n"))
		if err != nil {
			t.Fatalf("%s\n%v", line, err)
		}
		got := p.Found()[0]
		same := func(what, got, want string) {
			if want = strings.NewReplacer(`\n`, "\n").Replace(questioned(want)); got != want {
				t.Fatalf("%s is %q, want %q, in\n%s", what, got, want, line)
			}
		}
		same("check", got.Check, f.Check)
		same("kind", got.Kind, f.Kind)
		same("version", got.Version, version)
		same("text", got.Text, f.Text)
		if want := fmt.Sprintf("%016x", hash); got.Step != f.Step || hash != 0 && got.Hash != want {
			t.Fatalf("step %d hash %s, want %d and %s", got.Step, got.Hash, f.Step, want)
		}
	})
}

// questioned replaces the control characters that the language cannot write.
func questioned(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r >= 0x7F && r < 0xA0) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// A sentence of any length fits a line of the language, and the budget of a run that spent it is in the file.
func TestFoundLineFits(t *testing.T) {
	line := Failure{Verdict: ClassUndecided, Check: OfBudget, Kind: "a consumer waits", Text: strings.Repeat("é\"", 20_000)}.FoundLine(7, 1_000_000, "devel")
	p := load(t, "cluster\n"+line+"\n")
	require.Equal(t, uint64(1_000_000), p.Found()[0].Events)
	require.Equal(t, "0000000000000007", p.Found()[0].Hash)
	require.Less(t, len(line), maxLineBytes)

	require.Equal(t, uint64(1_000_000), New(p, RunOptions{}).run.Events, "the budget of the file")
	require.Equal(t, uint64(5), New(p, RunOptions{Events: 5}).run.Events, "the budget of the caller")
	require.Equal(t, uint64(DefaultEvents), New(load(t, "cluster\n"), RunOptions{}).run.Events)
}

// Rules of the file and of the caller add up, and each is in force once.
func TestRuleLines(t *testing.T) {
	p := load(t, "rule M1\ncluster brokers=3 controllers=1\nrule M22\n")
	require.Equal(t, []string{"M1", "M22"}, p.Rules())
	s, f := play(t, "rule M1\ncluster\nrule M22\n", RunOptions{Rules: []string{"M22", "K1"}})
	require.Equal(t, []string{"M1", "M22", "K1"}, f.options.Rules)
	require.Equal(t, f.options.Rules, s.Verdict().Rules)
	require.True(t, s.Verdict().Altered, "the caller added K1")
	s, _ = play(t, "rule M1\ncluster\n", RunOptions{Rules: []string{"M1"}})
	require.False(t, s.Verdict().Altered, "the caller added nothing")
}

// Each failure of a file is still there, gone, or not reached.
func TestFoundStates(t *testing.T) {
	p := load(t, "cluster\nfound heals kind=\"a\"\nfound lost-write\nfound acked-durable kind=\"b\"\n")
	v := &Verdict{Failures: []Failure{{Check: "heals", Kind: "a"}, {Check: "lost-write", Kind: "c"}, {Check: "acked-durable", Kind: "d"}}}
	states := func() (all []string) {
		for _, f := range foundIn(p, v) {
			now := "nothing"
			if f.Now != nil {
				now = f.Now.Kind
			}
			all = append(all, fmt.Sprintf("%s %s now %s", f.Fingerprint(), f.State, now))
		}
		return all
	}
	require.Equal(t, []string{"heals: a there now a", "lost-write there now c", "acked-durable: b gone now d"}, states())
	v.Reason = StopAtStep
	require.Equal(t, "acked-durable: b undecided now d", states()[2])
	own := load(t, "cluster\nfound own:sum\n")
	require.Equal(t, NotJudged, foundIn(own, &Verdict{})[0].State, "no run of samsa has a user's invariant")
	require.Equal(t, StillThere, foundIn(own, &Verdict{Failures: []Failure{{Check: "own:sum"}}})[0].State)
	v.Reason, v.Failures = StopPatience, nil
	require.Equal(t, []string{"heals: a gone now nothing", "lost-write gone now nothing", "acked-durable: b gone now nothing"}, states())
}

// Every verdict has its conclusion.
func TestConclusions(t *testing.T) {
	broken := func(names ...string) (all []check.Finding) {
		for _, name := range names {
			all = append(all, check.Finding{Check: check.Named(name), Result: check.Result{Status: check.Violated}})
		}
		return all
	}
	skipped := append(broken("lost-write"), check.Finding{Check: check.Named("metadata-linearizable"), Result: check.Result{Status: check.Unknown}})
	there := func(names ...string) (all []FoundResult) {
		for _, name := range names {
			all = append(all, FoundResult{Found: Found{Check: name}, State: StillThere})
		}
		return all
	}
	unmet := []Claim{{Text: "x"}}
	for _, c := range []struct {
		name     string
		v        Verdict
		expected []string
		want     Conclusion
	}{
		{"nothing", Verdict{}, nil, Fine},
		{"a violation", Verdict{Findings: broken("lost-write")}, nil, Unsafe},
		{"it is expected by the caller", Verdict{Findings: broken("lost-write")}, []string{"lost-write"}, Fine},
		{"it is expected by the file", Verdict{Findings: broken("lost-write"), Expected: []string{"lost-write"}}, nil, Fine},
		{"it is expected by the file, with another seed", Verdict{Findings: broken("lost-write"), Expected: []string{"lost-write"}, Altered: true}, nil, Fine},
		{"both expect one", Verdict{Findings: broken("lost-write", "acked-durable"), Expected: []string{"lost-write"}}, []string{"acked-durable"}, Fine},
		{"another is expected", Verdict{Findings: broken("lost-write")}, []string{"acked-durable"}, Unsafe},
		{"an expected one is missing", Verdict{Findings: broken("lost-write")}, []string{"lost-write", "acked-durable"}, Unmet},
		{"an expected one is missing in a run that is altered", Verdict{Altered: true}, []string{"acked-durable"}, Unmet},
		{"liveness", Verdict{Findings: broken("heals")}, nil, Late},
		{"liveness and safety", Verdict{Findings: broken("heals", "lost-write")}, nil, Unsafe},
		{"liveness and expected safety", Verdict{Findings: broken("heals", "lost-write")}, []string{"lost-write"}, Late},
		{"a claim", Verdict{Claims: unmet}, nil, Unmet},
		{"a claim of another run", Verdict{Claims: unmet, Altered: true}, nil, Fine},
		{"a claim and liveness", Verdict{Claims: unmet, Findings: broken("heals")}, nil, Late},
		{"a claim, and too little evidence", Verdict{Claims: unmet, Status: check.Unknown}, nil, Unmet},
		{"too little evidence", Verdict{Status: check.Unknown}, nil, Undecided},
		{"a skipped model beside an expected violation", Verdict{Findings: skipped}, []string{"lost-write"}, Fine},
		{"a skipped model beside a violation", Verdict{Findings: skipped}, nil, Unsafe},
		{"a spent budget beside an expected violation", Verdict{Findings: broken("lost-write"), Reason: StopBudget}, []string{"lost-write"}, Undecided},
		{"stopped by its user", Verdict{Reason: StopAtStep}, nil, Fine},
		{"a found violation, which the file also expects", Verdict{Findings: broken("lost-write"), Expected: []string{"lost-write"}, Found: there("lost-write")}, nil, Unsafe},
		{"still stuck", Verdict{Claims: unmet, Found: there(OfRest), Status: check.Unknown}, nil, Late},
		{"still stuck, in another run", Verdict{Claims: unmet, Found: there(OfRest), Status: check.Unknown, Altered: true}, nil, Undecided},
		{"an invariant that only its test has", Verdict{Found: []FoundResult{{Found: Found{Check: "own:sum"}, State: NotJudged}}}, nil, Undecided},
		{"found liveness", Verdict{Findings: broken("heals"), Found: there("heals")}, nil, Late},
	} {
		if got := c.v.Conclude(c.expected); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
