package sim

import "testing"

// What a machine's disk draws lies in [1, n), evenly, as disk.Host promises: a pin beyond it is the last value.
func TestDiskChanceKeepsItsRange(t *testing.T) {
	l := newLab(t, func(c *Config) {
		c.Overrides = []Override{{Kind: Pin, Site: "disk.pinned", Entity: "b1", Ordinal: 3, Value: 99}}
	})
	l.add("b1", &node{})
	m := diskHost{l.machines[0]}
	const n, draws = 5, 50_000
	var count [n + 1]int
	for i := range uint64(draws) {
		count[min(m.Chance("disk.test", i, 1_000_000, n), n)]++
	}
	for v, c := range count {
		want := draws / (n - 1)
		if v == 0 || v == n {
			want = 0
		}
		if c < want*9/10 || c > want*11/10 {
			t.Errorf("%d was drawn %d times of %d, want about %d", v, c, draws, want)
		}
	}
	for _, small := range []uint64{0, 1} {
		if v := m.Chance("disk.test", 1, 1_000_000, small); v != 0 {
			t.Errorf("drew %d below %d", v, small)
		}
	}
	if v := m.Chance("disk.pinned", 3, 0, n); v != n-1 {
		t.Errorf("a pin of 99 gave %d of [0, %d)", v, n)
	}
}
