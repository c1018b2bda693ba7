package scenarios

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkHistory runs the same load for longer and longer. The cost of an event must not grow with the length of the run,
// so ns/event must be about the same for all of them.
func BenchmarkHistory(b *testing.B) {
	const each = 100 // records per line
	for _, lines := range []int{10, 100, 1_000} {
		b.Run(fmt.Sprint(lines*each), func(b *testing.B) {
			text := "cluster brokers=3 controllers=1 seed=1\ntopic orders partitions=1 replicas=3\n"
			for i := range lines {
				text += fmt.Sprintf("produce p1 orders-0 batch.size=200 v%d..v%d\n", i*each+1, (i+1)*each)
			}
			program, err := Load("history.txt", []byte(text))
			require.NoError(b, err)
			var events uint64
			for b.Loop() {
				s := New(program, RunOptions{})
				v, err := s.Finish()
				require.NoError(b, err)
				require.Equal(b, "", v.Stopped)
				events += v.Events
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			b.ReportMetric(float64(lines*each)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
