package scenarios_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/sim/env"
	"samsa/wire"
)

// Reading the state of a run does not change it. A run that is read at every step has the same hash, shape and findings as
// one that is never read. SAMSA_LOOK_SEEDS=300 runs more than eight seeds, each to its end.
func TestLookingChangesNothing(t *testing.T) {
	n, budget := uint64(8), uint64(3000)
	if s := os.Getenv("SAMSA_LOOK_SEEDS"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 32); err != nil {
			t.Fatalf("SAMSA_LOOK_SEEDS is %q, not a number of seeds", s)
		}
		budget = 0
	}
	for seed := uint64(1); seed <= n; seed++ {
		name := fmt.Sprintf("seed-%d.txt", seed)
		t.Run(name, func(t *testing.T) {
			compareLooks(t, name, []byte(explore.Draw(seed, explore.Mixed).Text()), budget)
		})
	}
	for _, name := range scenarios.Library() {
		t.Run(name, func(t *testing.T) {
			src, _ := scenarios.Source(name)
			compareLooks(t, name, src, 0)
		})
	}
}

// compareLooks runs a file twice, with and without reads of its state, and compares the verdicts.
func compareLooks(t *testing.T, name string, src []byte, budget uint64) {
	program, err := scenarios.Load(name, src)
	if err != nil {
		t.Fatal(err)
	}
	unseen, err := scenarios.New(program, scenarios.RunOptions{Events: budget}).Finish()
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(program, scenarios.RunOptions{Events: budget})
	looks := 0
	for before := uint64(0); ; {
		more, err := s.Advance(1)
		if err != nil {
			t.Fatal(err)
		}
		if now := s.Position(); now != before || !more {
			before = now
			look(s)
			looks++
		}
		if !more {
			break
		}
	}
	look(s)
	if looks < 2 {
		t.Fatalf("%s was looked at %d times", name, looks)
	}
	compareVerdicts(t, unseen, s.Verdict())
	if again := s.Cluster().Judge(); fmt.Sprint(results(again)) != fmt.Sprint(results(unseen.Findings)) {
		t.Errorf("asked after the end the judges say\n%v, and at the end said\n%v", results(again), results(unseen.Findings))
	}
}

// look reads the whole state of a session, and its findings twice.
func look(s *scenarios.Session) {
	s.Tally()
	s.Waiting()
	if c := s.Cluster(); c != nil {
		c.Judge() // Verdict calls it once more
		c.Sound()
		c.Unmet()
		c.Quiet(nil)
		for short := range int64(3) {
			c.Names().Topic(short)
		}
		for _, m := range c.Machines() {
			c.Names().Node(m.Node)
			c.Files(m.Host)
			c.Requests(m.Host)
			c.Metrics(m.Host)
			c.Log(m.Host, wire.TopicPartition{Topic: wire.MetadataTopic})
			c.Quiet([]env.Addr{m.Host})
			for _, tp := range s.Program().Partitions() {
				c.Partition(tp)
				c.Log(m.Host, tp)
			}
		}
	}
	s.Verdict()
}

// compareVerdicts fails for every difference of two verdicts.
func compareVerdicts(t *testing.T, want, got *scenarios.Verdict) {
	t.Helper()
	if got.Hash != want.Hash || got.Shape != want.Shape {
		t.Errorf("looked at, the run has hash %016x and shape %016x; unseen %016x and %016x", got.Hash, got.Shape, want.Hash, want.Shape)
	}
	if got.Status != want.Status || got.Stopped != want.Stopped || got.Events != want.Events || got.Steps != want.Steps || got.Time != want.Time {
		t.Errorf("looked at, the run ends %s %q, unseen %s %q", got.Status, got.Stopped, want.Status, want.Stopped)
	}
	if fmt.Sprint(got.Unsound) != fmt.Sprint(want.Unsound) {
		t.Errorf("looked at, the run is unsound by %v, unseen by %v", got.Unsound, want.Unsound)
	}
	if len(got.Findings) != len(want.Findings) || len(got.Claims) != len(want.Claims) {
		t.Fatalf("%d findings and %d claims, unseen %d and %d", len(got.Findings), len(got.Claims), len(want.Findings), len(want.Claims))
	}
	for i, w := range want.Findings {
		if g := got.Findings[i]; g.Check.Name != w.Check.Name || g.Result != w.Result {
			t.Errorf("looked at, %s is\n%+v, unseen\n%+v", g.Check.Name, g.Result, w.Result)
		}
	}
	for i, w := range want.Claims {
		if g := got.Claims[i]; g.Text != w.Text || g.OK != w.OK {
			t.Errorf("looked at, a claim is %q, unseen %q", g.Text, w.Text)
		}
	}
}

// results returns findings as text that can be compared.
func results(found []check.Finding) (all []string) {
	for _, f := range found {
		all = append(all, fmt.Sprintf("%s %+v", f.Check.Name, f.Result))
	}
	return all
}

// A viewer cannot reach a method that changes a run.
func TestViewersHaveNoLevers(t *testing.T) {
	src, _ := scenarios.Source("leader-failover")
	program, err := scenarios.Load("leader-failover", src)
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(program, scenarios.RunOptions{})
	if s.Cluster() != nil {
		t.Error("there is a cluster before the first line")
	}
	if _, err := s.RunUntil(3); err != nil {
		t.Fatal(err)
	}
	c := any(s.Cluster())
	if _, sees := c.(scenarios.Sight); !sees {
		t.Error("a viewer sees nothing")
	}
	for name, lever := range map[string]bool{
		"Step":  func() bool { _, ok := c.(interface{ Step() bool }); return ok }(),
		"End":   func() bool { _, ok := c.(interface{ End() }); return ok }(),
		"Crash": func() bool { _, ok := c.(interface{ Crash(env.Addr, bool) }); return ok }(),
		"Calm":  func() bool { _, ok := c.(interface{ Calm() }); return ok }(),
		"Close": func() bool { _, ok := c.(interface{ Close() }); return ok }(),
	} {
		if lever {
			t.Errorf("a viewer has %s", name)
		}
	}
}
