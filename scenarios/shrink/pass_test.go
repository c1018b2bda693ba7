package shrink

import (
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/sim/env"
)

// wanting returns a trial that reports a failure for each scenario that has all of these texts. No world runs.
func wanting(texts ...string) (Trial, explore.Failure) {
	f := explore.Failure{Verdict: explore.Violated, Check: "wanted"}
	return func(p *scenarios.Program, _ uint64) Tried {
		for _, want := range texts {
			if !strings.Contains(p.File.String(), want) {
				return Tried{}
			}
		}
		return Tried{Failures: []explore.Failure{f}}
	}, f
}

// shrunk shrinks a scenario of which only these texts matter.
func shrunk(t *testing.T, src string, texts ...string) string {
	t.Helper()
	try, target := wanting(texts...)
	small, err := (&Shrinker{Try: try, Target: target}).Shrink([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return string(small.Text)
}

// What does not matter goes, and what is left is as simple as it can be.
func TestPasses(t *testing.T) {
	for name, c := range map[string]struct {
		src   string
		texts []string
		want  string
	}{
		"lines, comments, outputs and claims": {
			"# A story.\ncluster brokers=3 controllers=3 seed=7\ntopic orders\nproduce p1 orders-0 a\n----\nnothing\n\ncrash b1\nstart b1\nexpect acked-durable held\n",
			[]string{"crash"}, "cluster brokers=1 controllers=1 seed=7\ncrash b1\n",
		},
		"machines": {
			"cluster brokers=5 controllers=5 seed=7\ntopic orders replicas=5\ncrash b2,b5 power\nstop c4\n",
			[]string{"crash", "stop c"}, "cluster brokers=1 controllers=1 seed=7\ncrash b1\nstop c1\n",
		},
		"topics, partitions and clients": {
			"cluster brokers=1 controllers=1\ntopic orders partitions=4\ntopic audit\nsend p1 orders-3 x acks=1\nsend p2 orders-2 y\nsend p2 audit-0 z\n",
			[]string{"send", "orders-"}, "cluster brokers=1 controllers=1\ntopic orders\nsend p1 orders-0 a\n",
		},
		"what happens to a topic happens to another": {
			"cluster brokers=1 controllers=1\ntopic orders\ntopic audit\nsend p1 orders-0 x\nconsume r1 audit-0\n",
			[]string{"send p1 orders-0", "consume"}, "cluster brokers=1 controllers=1\ntopic orders\nsend p1 orders-0 a\nconsume p1 orders-0\n",
		},
		"the configs of a client go to its next line": {
			"cluster brokers=1 controllers=1\ntopic orders\nsend p1 orders-0 a acks=1 linger.ms=5\nproduce p1 orders-0 b\n",
			[]string{"produce", "acks=1"}, "cluster brokers=1 controllers=1\ntopic orders\nproduce p1 orders-0 a acks=1\n",
		},
		"values": {
			"cluster brokers=1 controllers=1\ntopic orders\nsend p1 orders-0 v10..v49 x y\nsend p1 orders-0 v50..v59\n",
			[]string{"send p1 orders-0"}, "cluster brokers=1 controllers=1\ntopic orders\nsend p1 orders-0 a\n",
		},
		"times": {
			"cluster brokers=1 controllers=1\nat 3014ms crash b1\nat 4321ms start b1\nrun until time 7s\n",
			[]string{"s crash b1\nat ", "s start b1\nrun until time "},
			"cluster brokers=1 controllers=1\nat 0s crash b1\nat 0s start b1\nrun until time 0s\n",
		},
		"plain order": {
			"cluster brokers=1 controllers=1\ntopic orders\nat 3014ms send p1 orders-0 a\nat 4321ms crash b1\n",
			[]string{"send", "crash b1"}, "cluster brokers=1 controllers=1\ntopic orders\nsend p1 orders-0 a\ncrash b1\n",
		},
		"a last line with a time only ends the run": {
			"cluster brokers=1 controllers=1\ntopic orders\nat 2s crash b1\nat 3s start b1\nat 7s slow b1 times 1\n",
			[]string{"at 2s crash b1", "start b1\n", " 7s"},
			"cluster brokers=1 controllers=1\nat 2s crash b1\nat 3s start b1\nrun until time 7s\n",
		},
		"a last line that waits after a line with a time": {
			"cluster brokers=1 controllers=1\nat 2s crash b1\nwait 5s\n",
			[]string{"at 2s crash b1\n", "s\n"},
			"cluster brokers=1 controllers=1\nat 2s crash b1\nrun until time 2s\n",
		},
		"roles and arrows": {
			"cluster brokers=3 controllers=3\ntopic orders on=1,2,3\ncut leader:orders-0 <-> brokers\n",
			[]string{"cut ", "> b"}, "cluster brokers=1 controllers=1\ncut b1 -> b1\n",
		},
		"the noise": {
			"cluster brokers=1 controllers=1 noise=rough\nsalt 9\npin net.jitter b1>c1 17 3\noff net.loss\ncrash b1 power\n",
			[]string{"crash"}, "cluster brokers=1 controllers=1\nsalt 9\ncrash b1\n",
		},
		"spans and numbers": {
			"cluster brokers=1 controllers=1\nwait 3217ms\nslow b1 times 10000\nclock b1 drift -12345ppm\ndisk b1 slow by 81ms for 7s\n",
			[]string{"wait", "slow b1", "drift -", "disk b1 slow by"},
			"cluster brokers=1 controllers=1\nwait 1ms\nslow b1 times 2\nclock b1 drift -1ppm\ndisk b1 slow by 1ms\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shrunk(t, c.src, c.texts...); got != c.want {
				t.Errorf("got\n%swanted\n%s", got, c.want)
			}
		})
	}
}

// At the end no single line can go, whatever matters.
func TestNoLineCanGo(t *testing.T) {
	src := "cluster brokers=1 controllers=1\ntopic orders\n"
	for i := range 40 {
		src += "at " + scenarios.FormatSpan(env.Duration(2000+i)*env.Millisecond) + " crash b1\n"
	}
	// The run fails if it has an odd number of crashes, and at least seven.
	target := explore.Failure{Verdict: explore.Violated, Check: "odd"}
	try := func(p *scenarios.Program, _ uint64) Tried {
		if n := strings.Count(p.File.String(), "crash"); n < 7 || n%2 == 0 {
			return Tried{}
		}
		return Tried{Failures: []explore.Failure{target}}
	}
	small, err := (&Shrinker{Try: try, Target: target}).Shrink([]byte(strings.Replace(src, "crash", "stop", 1)))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(small.Text), "\n")
	for i := range lines[1:] {
		p, err := scenarios.Load("x", []byte(strings.Join(slices.Delete(slices.Clone(lines), i+1, i+2), "")))
		if err == nil && i+2 < len(lines) && try(p, 0).has(target) {
			t.Errorf("%q can go from\n%s", lines[i+1], small.Text)
		}
	}
}

// A search that is stopped returns the smallest scenario so far, and it fails.
func TestStopKeepsTheSmallest(t *testing.T) {
	try, target := wanting("crash b1", "start b1")
	left := 9
	s := &Shrinker{Try: try, Target: target, Stop: func() bool { left--; return left < 0 }}
	src := "cluster brokers=1 controllers=1\n" + strings.Repeat("pause b1\nresume b1\n", 20) + "crash b1\nstart b1\n"
	small, err := s.Shrink([]byte(src))
	if err != nil || !small.Stopped || small.Failure != target || strings.Count(string(small.Text), "\n") >= 43 {
		t.Errorf("stopped %v, failure %v, error %v\n%s", small.Stopped, small.Failure, err, small.Text)
	}
}

// A cluster that must become quiet keeps the lines that heal it, and every fault that was ended is ended in each try.
func TestStuckClusterStaysHealed(t *testing.T) {
	src := `cluster brokers=3 controllers=3 seed=7
topic orders
at 3s crash b1
at 4s start b1
at 5s cut b2 -> b3
run until time 7s
heal
start brokers,controllers for good
crash c3
run until quiet of b1,b2,b3,c1,c2 within 10s
`
	target := explore.Failure{Verdict: explore.Stuck, Check: "quiet", Kind: "a partition has no leader"}
	try := func(p *scenarios.Program, _ uint64) Tried {
		text := p.File.String()
		dead := strings.Contains(text, "\ncrash c")
		for _, l := range []string{"\nheal", "\nstart brokers", "\nrun until quiet of"} {
			if !strings.Contains(text, l) || dead && strings.Contains(text, "controllers=2") {
				t.Errorf("a draft without%s, or without a majority of its controllers:\n%s", l, text)
			}
		}
		if !strings.Contains(text, "cut") || !dead {
			return Tried{}
		}
		return Tried{Failures: []explore.Failure{target}}
	}
	small, err := (&Shrinker{Try: try, Target: target}).Shrink([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	want := "cluster brokers=2 controllers=3 seed=7\ncut b1 -> b2\nheal\nstart brokers,controllers for good\ncrash c3\n" +
		"run until quiet of b1,b2,c1,c2 within 10s\n"
	if string(small.Text) != want {
		t.Errorf("got\n%swanted\n%s", small.Text, want)
	}
}

// Of the lines after the faults only those are kept that end a fault which is still there, the wait for a quiet cluster, and the
// fault of the core. Requests, configs and reads go, and so do the ends of faults that are gone.
func TestStuckClusterKeepsNoMoreThanItsHealing(t *testing.T) {
	src := `cluster brokers=3 controllers=3 seed=7
topic orders
slow b1 times 9
pause b2
crash b1
cut b2 -> b3
run until time 7s
slow b1 times 1
resume b2
heal
start brokers
config topic orders retention.ms=1000
send p1 orders-0 a
consume k1 orders-0
crash c3
run until quiet of b1,b2,b3,c1,c2 within 10s
send p1 orders-0 b
`
	target := explore.Failure{Verdict: explore.Stuck, Check: "quiet", Kind: "a partition has no leader"}
	for _, c := range []struct {
		need string
		want []string
	}{
		{"\ncut", []string{"cut b1 -> b2", "heal", "start brokers"}},
		{"\npause", []string{"pause b1", "resume b1", "start brokers"}},
		{"\ncluster", nil},
	} {
		try := func(p *scenarios.Program, _ uint64) Tried {
			text := "\n" + p.File.String()
			for fault, end := range map[string]string{"\ncut": "\nheal", "\npause": "\nresume", "\nslow b1 times 9": "\nslow b1 times 1", "\ncrash b": "\nstart"} {
				if strings.Contains(text, fault) && !strings.Contains(text, end) {
					t.Errorf("a draft with%s and without%s:\n%s", fault, end, text)
				}
			}
			if !strings.Contains(text, "\nrun until quiet") {
				t.Errorf("a draft that waits for nothing:\n%s", text)
			}
			if !strings.Contains(text, c.need) {
				return Tried{}
			}
			return Tried{Failures: []explore.Failure{target}}
		}
		small, err := (&Shrinker{Try: try, Target: target}).Shrink([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range strings.Split(strings.TrimSpace(string(small.Text)), "\n") {
			if !strings.HasPrefix(l, "cluster") && !strings.HasPrefix(l, "run until quiet") && !strings.HasPrefix(l, "crash c") {
				got = append(got, l)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s", c.need, small.Text)
		}
	}
}

// If a file leaves a broker paused and resumes its clients, no smaller one leaves a client paused. A role has no clients.
func TestStuckClusterResumesItsClients(t *testing.T) {
	for _, lines := range []string{"pause b1\npause p1\nsend p1 orders-0 a\nresume p1\n", "pause p1\nsend p1 orders-0 a\npause b2\nresume brokers\nresume p1\n"} {
		target := explore.Failure{Verdict: explore.Stuck, Check: "quiet", Kind: "a producer waits"}
		try := func(p *scenarios.Program, _ uint64) Tried {
			text := p.File.String()
			paused, resumed := strings.Contains(text, "pause p1"), strings.Contains(text, "resume p1")
			if paused && !resumed {
				t.Errorf("p1 is paused for ever:\n%s", text)
			}
			if !paused { // so that the end of this fault is all that could go
				return Tried{}
			}
			return Tried{Failures: []explore.Failure{target}}
		}
		src := "cluster brokers=3 controllers=3 seed=7\ntopic orders\nsend p1 orders-0 z\n" + lines + "run until time 7s\nrun until quiet of b2,b3,c1,c2,c3 within 10s\n"
		if _, err := (&Shrinker{Try: try, Target: target}).Shrink([]byte(src)); err != nil {
			t.Fatal(err)
		}
	}
}

// A wait that is never over is no smaller scenario: it would end the run there.
func TestNewPatienceIsRefused(t *testing.T) {
	target := explore.Failure{Verdict: explore.Violated, Check: "wanted"}
	try := func(p *scenarios.Program, _ uint64) Tried {
		found := []explore.Failure{target}
		if text := p.File.String(); strings.Contains(text, "run until down") && !strings.Contains(text, "crash b1") {
			found = append(found, explore.Failure{Verdict: explore.Stuck, Check: "quiet"})
		}
		return Tried{Failures: found}
	}
	s := &Shrinker{Try: func(p *scenarios.Program, n uint64) Tried {
		if !strings.Contains(p.File.String(), "run until down b1") {
			return Tried{}
		}
		return try(p, n)
	}, Target: target}
	small, err := s.Shrink([]byte("cluster brokers=1 controllers=1\ncrash b1\nrun until down b1 within 5s\n"))
	if want := "cluster brokers=1 controllers=1\ncrash b1\nrun until down b1\n"; err != nil || string(small.Text) != want {
		t.Errorf("%v, got\n%swanted\n%s", err, small.Text, want)
	}
}

func TestSpansAreCheaper(t *testing.T) {
	for _, d := range []env.Duration{1, env.Millisecond, 3014 * env.Millisecond, 7 * env.Second, 90 * env.Second} {
		for _, s := range spans(d, 0) {
			if !cheaper(s, d) || cheaper(d, s) || s <= 0 {
				t.Errorf("%d is proposed for %d", s, d)
			}
		}
	}
}

// A cluster that cannot become quiet, because most controllers are down, shrinks too.
func TestStuckClusterWithoutCoreShrinks(t *testing.T) {
	src := []byte(`cluster brokers=3 controllers=3 seed=3
topic orders on=1,2,3
produce p1 orders-0 a b c
pause c2
resume c2
crash b2
crash c1,c3
start b2
run until quiet within 20s
`)
	p, err := scenarios.Load("stuck", src)
	if err != nil {
		t.Fatal(err)
	}
	try := Replaying(explore.Options{})
	failures := try(p, firstBudget).Failures
	if len(failures) != 1 || failures[0].Verdict != explore.Stuck {
		t.Fatalf("it fails with %v", failures)
	}
	small, err := (&Shrinker{Try: try, Target: failures[0]}).Shrink(src)
	if err != nil || strings.Contains(string(small.Text), "produce") || !strings.Contains(string(small.Text), "run until quiet within 20s") {
		t.Errorf("%v, got\n%s", err, small.Text)
	}
}
