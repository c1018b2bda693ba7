package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A partition that is passed over waits for its turn, which comes after as many responses as the request has partitions. Only
// responses that the follower has processed count.
func TestAPartitionWaitsForItsTurn(t *testing.T) {
	for name, c := range map[string]struct {
		play func(s *stage, busy *Partition)
		want Status
	}{
		"it is passed over for good": {func(s *stage, busy *Partition) {
			for at := range wire.Offset(5) {
				s.served(busy, at, true, 0, false)
			}
		}, Violated},
		"it is served in time": {func(s *stage, busy *Partition) {
			for at := range wire.Offset(4) {
				s.served(busy, at, true, 0, false)
			}
			s.served(busy, 4, false, 0, true)
		}, Held},
		"its leader has nothing for it": {func(s *stage, busy *Partition) {
			for at := range wire.Offset(9) {
				s.served(busy, at, true, 1, false)
			}
		}, Unexercised},
		"the responses are lost": {func(s *stage, busy *Partition) {
			for range 9 {
				s.served(busy, 0, true, 0, false)
			}
		}, Held},
		"no other partition is served": {func(s *stage, busy *Partition) {
			for range 9 {
				s.served(busy, 0, false, 0, false)
			}
		}, Unexercised},
		"it is refused between": {func(s *stage, busy *Partition) {
			for at := range wire.Offset(9) {
				f := FollowerFetch{1, 2, []Portion{{busy, at, true, false}, {s.p, 0, false, at%3 == 2}}}
				s.tick()
				f.Sent(s.View)
			}
		}, Held},
		"another leader's response comes between": {func(s *stage, busy *Partition) {
			for at := range wire.Offset(3) {
				s.served(busy, at, true, 0, false)
			}
			s.write(0, 0, 0xA, 3)
			for at := range wire.Offset(3) {
				f := FollowerFetch{3, 2, []Portion{{busy, at, true, false}, {s.p, 0, false, false}}}
				s.tick()
				f.Sent(s.View)
			}
		}, Held},
	} {
		t.Run(name, func(t *testing.T) {
			s, busy := fetchStage(NewView(Contract{}, All()))
			c.play(s, busy)
			f := find(t, s.done(), "followers-served")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A disk that changed what the leader reads explains a partition that a follower does not get.
func TestADamagedPartitionIsNotServed(t *testing.T) {
	s, busy := fetchStage(NewView(Contract{}, All()))
	s.DiskFaulted(1, "bit rot")
	for at := range wire.Offset(9) {
		s.served(busy, at, true, 0, false)
	}
	require.Equal(t, Priced, find(t, s.done(), "followers-served").Status)
}
