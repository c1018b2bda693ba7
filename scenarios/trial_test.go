package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/check"
)

// A trial finds what is not as the file says: claims on every seed, outputs and found lines on the file's own.
func TestTry(t *testing.T) {
	const plain = "cluster brokers=1 controllers=1 seed=7\n"
	wrong := plain + "topic orders\n----\nnothing\n\nsaw broker.fenced\nshow epochs\n----\norders-0 b1\n\nexpect acked-durable priced\n"
	for _, c := range []struct {
		name, src string
		seed      uint64
		lines     []int // of the breaches
		worst     Conclusion
		outputs   bool
	}{
		{"as it says", plain + "topic orders\nsaw partition.leads\n", 7, nil, Fine, true},
		{"all is wrong", wrong, 7, []int{1, 6, 6, 11}, Unmet, true},
		{"on another seed only claims count", wrong, 8, []int{6, 11}, Unmet, false},
		{"a line waits in vain", plain + "topic orders\nrun until hw orders-0 >= 2 within 1s\nsaw broker.fenced\n", 7, []int{3}, Unmet, false},
		{"what was found is still there", plain + "topic orders\nrun until hw orders-0 >= 2 within 1s\nfound quiet\n", 7, []int{4, 3}, Late, false},
		{"what was found on another seed", plain + "topic orders\nrun until hw orders-0 >= 2 within 1s\nfound quiet\n", 8, []int{3}, Unmet, false},
		{"the budget of the file", plain + "wait 10d\nfound budget events=300\n", 7, []int{0}, Undecided, false},
	} {
		got := Try(load(t, c.src), c.seed, nil)
		var lines []int
		for _, b := range got.Breaches {
			require.NotEmpty(t, b.Text, c.name)
			lines = append(lines, b.Line)
		}
		require.Equal(t, c.lines, lines, "%s: %+v", c.name, got.Breaches)
		require.Equal(t, c.worst, got.Worst(), c.name)
		require.Equal(t, c.outputs, got.Outputs != nil, c.name)
		require.Equal(t, c.seed == 7, got.Own, c.name)
	}
}

// A violation is a breach unless the file expects it. On the worst of several breaches depends what the run is called.
func TestBreachesOfAVerdict(t *testing.T) {
	finding := func(name string, status check.Status) check.Finding {
		return check.Finding{Check: check.Named(name), Result: check.Result{Status: status, Step: 4, Explanation: "so"}}
	}
	v := &Verdict{Expected: []string{"lost-write"}, Findings: []check.Finding{
		finding("acked-durable", check.Violated), finding("lost-write", check.Violated), finding("heals", check.Violated), finding("reads-fresh", check.Unknown), finding("no-storm", check.Held),
	}}
	var got []string
	for _, b := range breaches(v) {
		got = append(got, string(b.End)+" "+b.Text)
	}
	require.Equal(t, []string{"unsafe acked-durable is violated: so", "late heals is violated: so", "unknown reads-fresh is not decided: so"}, got)
	v.Unsound = &Unsound{Text: "a message was changed"}
	require.Equal(t, []Breach{{End: Bug, Check: OfSoundness, Text: "a bug of Samsa's: " + v.Unsound.Error()}}, breaches(v))
}

// A trial that its caller stops shows nothing, and does not claim to.
func TestTrialIsStopped(t *testing.T) {
	calls := 0
	got := Try(load(t, "cluster brokers=1 controllers=1\nwait 10d\n"), 1, func() bool { calls++; return calls == 3 })
	require.True(t, got.Stopped)
	require.Empty(t, got.Breaches)
	require.Equal(t, 3, calls)
}

// The order of conclusions is total, and Fine is the least bad.
func TestWorse(t *testing.T) {
	for i, a := range severity {
		for k, b := range severity {
			require.Equal(t, severity[min(i, k)], Worse(a, b))
		}
	}
}
