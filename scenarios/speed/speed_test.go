package speed

import (
	"fmt"
	"slices"
	"testing"

	"samsa/check"
	"samsa/scenarios"
)

// counted is work that does nothing and counts at a rate of its own.
type counted struct{ done Done }

func (c *counted) Round() {
	c.done.Rounds++
	c.done.Events += 10
	c.done.Virtual += 5
}

func (c *counted) Done() Done { return c.done }

// Each workload gets the same time, and its warm-up rounds are not counted.
func TestMeasure(t *testing.T) {
	clock := int64(0)
	now := func() int64 { clock += 7; return clock }
	a, b := &counted{}, &counted{}
	paces := Measure([]Work{a, b}, now, 100*turns, nil)
	for i, p := range paces {
		// Each turn takes 100 units of the clock and a round takes 7, so a turn has 15 rounds.
		if p.Rounds != 15*turns || p.Events != 150*turns || p.Virtual != 75*turns || p.Spent != 105*turns {
			t.Errorf("work %d: %+v", i, p)
		}
	}
	if a.done.Rounds != 16*turns {
		t.Errorf("%d rounds were done, one a turn is to warm up", a.done.Rounds)
	}
	asked := 0
	stopped := Measure([]Work{&counted{}}, now, 1<<40, func() bool { asked++; return asked > 4 })
	if stopped[0].Rounds != 3 {
		t.Errorf("stopped after %+v", stopped[0])
	}
}

// The three workloads are deterministic.
func TestWorks(t *testing.T) {
	var first []Done
	for range 2 {
		k := NewKernel()
		k.Round()
		if d := k.Done(); d.Events != 10_000 || d.Virtual < 10_000_000 {
			t.Errorf("the kernel did %+v", d)
		}
		l, err := NewCluster(1000)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			l.Round()
		}
		if d := l.Done(); l.Acked() < 1900 || d.Rounds != 200 || d.Virtual != 2_000_000_000 || d.Events < 4_000 {
			t.Errorf("the cluster did %+v and acknowledged %d batches of 2000", d, l.Acked())
		}
		s := &Seeds{}
		s.Round()
		if d := s.Done(); d.Rounds != 1 || d.Events < 1000 || d.Virtual == 0 {
			t.Errorf("the seed did %+v", d)
		}
		did := []Done{k.Done(), l.Done(), s.Done()}
		if first != nil && !slices.Equal(did, first) {
			t.Errorf("the workloads did %+v, and the first time %+v", did, first)
		}
		first = did
	}
}

func BenchmarkKernel(b *testing.B) {
	b.ReportAllocs()
	k := NewKernel()
	for b.Loop() {
		k.Round()
	}
	b.ReportMetric(float64(k.Done().Events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkCluster reports x-real, the ratio of virtual to real time, and acked/s, the number of batches acknowledged per
// second of real time. acked/s alone means little at a low rate.
func BenchmarkCluster(b *testing.B) {
	for _, rate := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			l, err := NewCluster(rate)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				l.Round()
			}
			b.StopTimer()
			spent := b.Elapsed().Seconds()
			b.ReportMetric(float64(l.Acked())/spent, "acked/s")
			b.ReportMetric(float64(l.Done().Virtual)/1e9/spent, "x-real")
			b.ReportMetric(float64(l.Done().Events)/spent, "events/s")
			for _, f := range l.Cluster().Judge() {
				if f.Status == check.Violated {
					b.Fatal(f.Check.Name, f.Explanation)
				}
			}
		})
	}
}

// BenchmarkSeeds measures the cost of exploring. The important figure is the number of seeds per second of one core.
func BenchmarkSeeds(b *testing.B) {
	for _, mode := range []scenarios.Mode{scenarios.ModePointer, scenarios.ModeWire, scenarios.ModeGuard} {
		b.Run(mode.String(), func(b *testing.B) {
			b.ReportAllocs()
			s := &Seeds{Mode: mode}
			for b.Loop() {
				s.Round()
			}
			b.ReportMetric(float64(s.Done().Rounds)/b.Elapsed().Seconds(), "seeds/s")
			b.ReportMetric(float64(s.Done().Events)/float64(b.N), "events/seed")
		})
	}
}
