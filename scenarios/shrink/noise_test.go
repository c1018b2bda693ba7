package shrink

import (
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// If a fault of the noise matters, a line takes the place of the noise.
func TestNoiseBecomesALine(t *testing.T) {
	target := explore.Failure{Verdict: explore.Violated, Check: "wanted"}
	try := func(p *scenarios.Program, _ uint64) Tried {
		text := p.File.String()
		if !strings.Contains(text, "brokers=2") || !strings.Contains(text, "p1") || !strings.Contains(text, "noise=rough") && !strings.Contains(text, "link b2 -> b1 reset") {
			return Tried{}
		}
		return Tried{Failures: []explore.Failure{target}}
	}
	drawn := []Decision{
		{"net.loss", "b1>b2", 1234, 8}, {"net.reset", "b2>b1", 30, 1}, {"net.stall", "p1>b1", 3, 4}, {"net.refuse", "b1>b2", 7, 1},
		{"disk.slow", "b1", 5, 3}, {"disk.stalled", "b2", 5, 3},
	}
	s := &Shrinker{Try: try, Target: target, Noise: func(*scenarios.Program, uint64) []Decision { return drawn }}
	small, err := s.Shrink([]byte("cluster brokers=2 controllers=1 noise=rough\ntopic orders\nat 2s send p1 orders-0 a\ncrash b1 power\n"))
	if want := "cluster brokers=2 controllers=1\nlink b2 -> b1 reset\ntopic orders on=1,2\nsend p1 orders-0 a\n"; err != nil || string(small.Text) != want {
		t.Errorf("%v, got\n%swanted\n%s", err, small.Text, want)
	}
}

// If many of them matter, the noise stays.
func TestNoiseStaysIfMuchOfItMatters(t *testing.T) {
	target := explore.Failure{Verdict: explore.Violated, Check: "wanted"}
	try := func(p *scenarios.Program, _ uint64) Tried {
		text := p.File.String()
		if !strings.Contains(text, "noise=rough") && strings.Count(text, " reset\n") < maxTold+1 {
			return Tried{}
		}
		return Tried{Failures: []explore.Failure{target}}
	}
	var drawn []Decision
	for tick := range uint64(20) {
		drawn = append(drawn, Decision{"net.reset", "b1>c1", tick, 1})
	}
	s := &Shrinker{Try: try, Target: target, Noise: func(*scenarios.Program, uint64) []Decision { return drawn }}
	small, err := s.Shrink([]byte("cluster brokers=1 controllers=1 noise=rough\ncrash b1\n"))
	if want := "cluster brokers=1 controllers=1 noise=rough\n"; err != nil || string(small.Text) != want {
		t.Errorf("%v, got\n%swanted\n%s", err, small.Text, want)
	}
}

// The faults that a run draws can be read as lines, and a calm run draws none.
func TestDecidingNamesTheFaultsOfARun(t *testing.T) {
	text := "cluster brokers=3 controllers=3 seed=5 noise=rough\ntopic orders\nproduce p1 orders-0 v1..v50\nwait 10s\n"
	load := func(text string) *scenarios.Program {
		p, err := scenarios.Load("x", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	drawn := Deciding(explore.Options{})(load(text), firstBudget)
	sites := map[string]bool{}
	for _, d := range drawn {
		sites[d.Site] = true
		for _, l := range d.fault() {
			load("cluster brokers=3 controllers=3\ntopic orders\nproduce p1 orders-0 a\n" + l.String() + "\n")
		}
	}
	if !sites["net.loss"] || !sites["net.stall"] {
		t.Errorf("the run drew %v", sites)
	}
	if drawn := Deciding(explore.Options{})(load(strings.Replace(text, " noise=rough", "", 1)), firstBudget); len(drawn) > 0 {
		t.Errorf("a calm run drew %v", drawn)
	}
}
