package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/cluster"
	"samsa/scenarios/explore"
	"samsa/scenarios/observe"
)

// A run with a ledger of causes has the hash, the shape and the findings of one without, under old rules too.
func TestCausesChangeNothing(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		name := fmt.Sprintf("seed-%d.txt", seed)
		t.Run(name, func(t *testing.T) {
			compareCaused(t, name, []byte(explore.Draw(seed, explore.Mixed).Text()), nil, 4000)
		})
	}
	for _, name := range scenarios.Library() {
		src, _ := scenarios.Source(name)
		t.Run(name, func(t *testing.T) { compareCaused(t, name, src, nil, 0) })
		if id, ok := strings.CutPrefix(name, "museum-"); ok {
			t.Run(name+" with its rule", func(t *testing.T) { compareCaused(t, name, src, []string{strings.ToUpper(id)}, 6000) })
		}
	}
}

// compareCaused runs a file with and without a ledger.
func compareCaused(t *testing.T, name string, src []byte, rules []string, budget uint64) {
	program, err := scenarios.Load(name, src)
	if err != nil {
		t.Fatal(err)
	}
	o := scenarios.RunOptions{Events: budget, Rules: rules}
	s := scenarios.New(program, o)
	plain, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var ledger *observe.Causes
	o.Build = func(in cluster.Options) (c observe.Cluster, err error) {
		c, ledger, err = observe.AssembleWithCauses(in)
		return c, err
	}
	caused, err := scenarios.New(program, o).Finish()
	if err != nil {
		t.Fatal(err)
	}
	compareVerdicts(t, plain, caused)
	if uint64(len(ledger.Events)) != plain.Events || len(ledger.Messages) == 0 || len(ledger.Changes) == 0 {
		t.Errorf("of %d events the ledger has %d, with %d messages and %d changes", plain.Events, len(ledger.Events), len(ledger.Messages), len(ledger.Changes))
	}
	if again, err := scenarios.CausesOf(s); err != nil || len(again.Changes) != len(ledger.Changes) {
		t.Errorf("asked for its causes the session says %v", err)
	}
}

// The ledger knows the line of a fault, the messages that the fault held back, the change that decided a finding, and
// where an old rule decided otherwise than today's.
func TestCausesOfALoss(t *testing.T) {
	src, _ := scenarios.Source("museum-m1")
	program, err := scenarios.Load("museum-m1", src)
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(program, scenarios.RunOptions{Rules: []string{"M1"}})
	if _, err := scenarios.CausesOf(s); err == nil {
		t.Error("a run without events has causes")
	}
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	l, err := scenarios.CausesOf(s)
	if err != nil {
		t.Fatal(err)
	}
	if f := l.Faults[0]; f.Kind != "cut" || f.From != "b2" || f.To != "b3" || f.Line != 9 {
		t.Errorf("the first fault is %+v", f)
	}
	if s := l.Sends[0]; s.Client != "p1" || s.Value != "a" || s.Line != 10 {
		t.Errorf("the first record is %+v", s)
	}
	i := slices.IndexFunc(l.Found, func(f observe.Found) bool { return f.Check == "acked-durable" })
	if i < 0 {
		t.Fatalf("found %v", l.Found)
	}
	c := l.Changes[l.Found[i].Change]
	if c.Node != 3 || !c.State.Leads || c.State.Epoch != 2 || l.Events[c.Event].Step != 15 {
		t.Errorf("acked-durable was decided by %+v in %+v", c, l.Events[c.Event])
	}
	if m := l.Messages[l.Events[c.Event].Message]; m.From != "c1" || m.To != "b3" || m.Got != int64(c.Event) || m.Of < 0 {
		t.Errorf("b3 leads because of %+v", m)
	}
	if len(l.Decisions) == 0 || l.Decisions[0].Question != "TruncateOnFollow" || l.Events[l.Decisions[0].Event].Machine != "b3" {
		t.Errorf("the old rule decided %+v", l.Decisions)
	}
}

// The ledger has each fault with its line, and a message that a cut holds back has no receiver yet.
func TestCausesKnowEveryFault(t *testing.T) {
	src := `cluster brokers=3 controllers=1 seed=5
topic orders on=1,2,3 min.insync.replicas=1
produce p1 orders-0 a
cut b1 -> b2
slow b1 -> b3 by 1s
link b2 -> b3 reset
link b3 -> b2 lossy for 1s
pause b3
resume b3
slow b3 times 10
slow b3 times 1
disk b3 slow by 1ms
disk b3 heal
clock b3 skew 1s
send p1 orders-0 b
wait 1s
stop b3
wait 3s
start b3
crash b2
crash b1 power
heal b1 -> b2
`
	program, err := scenarios.Load("faults.txt", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(program, scenarios.RunOptions{})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	l, err := scenarios.CausesOf(s)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range l.Faults {
		got = append(got, fmt.Sprintf("%d %s %s %s", f.Line, f.Kind, f.From, f.To))
	}
	want := []string{
		"4 cut b1 b2", "5 slow b1 b3", "6 link reset b2 b3", "7 link lossy b3 b2", "8 pause b3 b3", "9 resume b3 b3", "10 slow cpu b3 b3", "11 fast cpu b3 b3",
		"12 disk slow b3 b3", "13 disk heal b3 b3", "14 clock skew b3 b3", "17 stop b3 b3", "19 start b3 b3", "20 crash b2 b2", "21 power b1 b1", "22 heal b1 b2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the faults are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(l.Began); n != 22 || l.Began[3].Line != 4 || l.Began[3].Event == 0 {
		t.Errorf("%d lines began: %+v", n, l.Began)
	}
	lost, answered := 0, 0
	for i := range l.Messages {
		m := &l.Messages[i]
		if m.From == "b1" && m.To == "b2" && m.Got == observe.None {
			lost++
		}
		if m.Got != observe.None {
			if e := l.Events[m.Got]; e.Machine != m.To || e.Message != i || e.Time != m.GotAt || m.GotAt < m.SentAt {
				t.Fatalf("the message %+v was handled by %+v", m, e)
			}
		}
		if m.Response != nil && m.Of != observe.None {
			if q := l.Messages[m.Of]; q.From != m.To || q.To != m.From || q.Request == nil || q.Got == observe.None {
				t.Fatalf("the response %+v answers %+v", m, q)
			}
			answered++
		}
	}
	if lost == 0 || answered < 20 {
		t.Errorf("%d messages are held back and %d requests are answered", lost, answered)
	}
	var died []string
	for _, e := range l.Events {
		if e.Kind == "died" {
			died = append(died, fmt.Sprint(e.Machine, " ", e.Power))
		}
	}
	if !slices.Equal(died, []string{"b3 false", "b2 false", "b1 true"}) {
		t.Errorf("these processes died: %q", died)
	}
}
