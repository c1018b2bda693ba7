package check

import (
	"fmt"
	"testing"

	"samsa/wire"
)

// BenchmarkView plays one batch after the other through a partition with three replicas. Each batch is appended, copied,
// committed, acknowledged and read. The cost of a batch must not depend on the number of earlier batches, so compare ns/op
// between the lines.
func BenchmarkView(b *testing.B) {
	for _, before := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(before), func(b *testing.B) {
			v := NewView(Contract{}, All())
			s := newStage(v, 2)
			all := []*Replica{s.p.Replica(1), s.p.Replica(2), s.p.Replica(3)}
			state := all[0].State
			at := wire.Offset(0)
			one := func() {
				v.Clock(v.step+1, v.now+1e6)
				batch := Batch{Base: at, Next: at + 1, CRC: uint32(at)}
				for _, r := range all {
					v.Appended(s.p, r, batch)
				}
				at++
				state.HW, state.End = at, at
				v.ReplicaChanged(s.p, all[0], state)
				v.Acked(s.p, all[0], at-1, -1, Given{Client: "p1", InSync: 3, MinISR: 2})
				v.HighWatermarkSent(s.p, all[0], at)
				v.BatchDelivered(s.p, all[0], batch, at)
			}
			for range before {
				one()
			}
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
			for i, k := range All() {
				if r := k.result(s.done(), i); k.See != nil && r.Status == Violated {
					b.Fatal(k.Name, r.Explanation)
				}
			}
		})
	}
}

// The history checks take a time in proportion to the length of the history.
func BenchmarkHistory(b *testing.B) {
	for _, n := range []int{2_000, 20_000} {
		ops := crowd(n)
		b.Run(itoa(n), func(b *testing.B) {
			for b.Loop() {
				Judge(&Case{History: ops})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(2*n), "ns/operation")
		})
	}
}
