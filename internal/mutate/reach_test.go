package main

import (
	"bytes"
	"encoding/json"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A seed is in the set of each block that its profile counts. What runs before the first seed belongs to all of them.
func TestBlocks(t *testing.T) {
	marks := blocks{}
	require.NoError(t, marks.add([]byte("mode: atomic\nsamsa/wire/crc.go:1.2,3.4 1 0\nsamsa/wire/crc.go:5.1,6.1 2 9\n"), "samsa/", 1))
	require.NoError(t, marks.add([]byte("mode: atomic\nsamsa/wire/crc.go:1.2,3.4 1 7\nsamsa/wire/crc.go:5.1,6.1 2 0\n"), "samsa/", 40))
	require.NoError(t, marks.add([]byte("mode: atomic\nsamsa/wire/crc.go:8.1,9.1 1 1\n"), "samsa/", 0))
	get := func(from, to int) string {
		return marks[place{"wire/crc.go", [2]int{from, map[int]int{1: 2, 5: 1, 8: 1}[from]}, [2]int{to, map[int]int{3: 4, 6: 1, 9: 1}[to]}}].String()
	}
	require.Equal(t, "1", get(5, 6))
	require.Equal(t, "*", get(8, 9))

	r := Reach{Runs: make([]Outcome, 40), Blocks: map[string][]At{"wire/crc.go": {
		{[2]int{1, 2}, [2]int{3, 4}, get(1, 3)}, {[2]int{5, 1}, [2]int{6, 1}, get(5, 6)}, {[2]int{8, 1}, [2]int{9, 1}, "*"},
	}}}
	for i := range r.Runs {
		r.Runs[i].Seed = uint64(i + 1)
	}
	at := func(line, column int) token.Position { return token.Position{Line: line, Column: column} }
	require.Equal(t, []uint64{40}, r.seedsOf("wire/crc.go", []token.Position{at(1, 2)}))
	require.Equal(t, []uint64{1}, r.seedsOf("wire/crc.go", []token.Position{at(3, 4), at(5, 9)}), "the end is outside, so the statement around it counts")
	require.Len(t, r.seedsOf("wire/crc.go", []token.Position{at(8, 5)}), 40)
	require.Len(t, r.seedsOf("wire/crc.go", []token.Position{at(7, 1)}), 40, "code in no block may run on every seed")
	require.ErrorContains(t, marks.add([]byte("samsa/wire/crc.go:x\n"), "samsa/", 1), "coverage profile")
}

// Which failures kill.
func TestKilledBy(t *testing.T) {
	known := map[string]bool{"five: known": true}
	for _, c := range []struct {
		failures []Failure
		by       []string
	}{
		{nil, nil},
		{[]Failure{{"violated", "five", "five: known", ""}}, nil},
		{[]Failure{{"violated", "five", "five: other", ""}}, []string{"five"}},
		{[]Failure{{"violated", "five", "five: known", ""}, {"stuck", "quiet", "quiet: b1", "b1 waits"}}, []string{"quiet"}},
		{[]Failure{{"unknown", "linear", "linear", ""}}, nil},
		{[]Failure{{"unknown", "budget", "budget", ""}}, []string{"budget"}},
		{[]Failure{{"internal", "panic", "panic: f", ""}, {"violated", "lost", "lost", ""}}, []string{"panic", "lost"}},
	} {
		var r Result
		require.Equal(t, c.by != nil, r.killedBy(Outcome{Seed: 7, Failures: c.failures}, known))
		require.Equal(t, c.by, r.By)
		if c.by != nil {
			require.EqualValues(t, 7, r.Run)
		}
	}
}

func TestReport(t *testing.T) {
	r := Report{
		Schema: "samsa.mutate/1", Seed: "1", Runs: 600,
		Results: []Result{
			{ID: "b.F/drop#1", Package: "b", Operator: Drop, File: "b/f.go", Line: 3, Change: "x++  →  nothing", State: Moved, Reached: 9, MovedAt: 4, TestsRun: true},
			{ID: "a.F/drop#1", Package: "a", Operator: Drop, File: "a/f.go", Line: 3, Change: "x++  →  nothing", State: Killed, By: []string{"lost-write", "lost-write", "quiet"}, Run: 8},
			{ID: "a.F/bound#1", Package: "a", Operator: Bound, File: "a/f.go", Line: 2, Change: "<  →  <=", State: Equal, Reached: 9, TestsRun: true, TestFail: "TestF"},
			{ID: "planted/x", Operator: "planted", File: "a/f.go", Line: 9, Change: "X.", State: Killed, By: []string{"quiet"}, Run: 2},
		},
		Skipped: []Skip{{"a", 10, 3, 1}}, Today: []Today{{"planted/y", "so it is"}}, Failing: []string{"five: known"},
	}
	r.finish()
	require.Equal(t, Totals{Drawn: 4, Killed: 2, Survived: 1, Equal: 1, Permille: 500}, r.Totals)
	require.Equal(t, exitOK, codeOf(&r))
	var out bytes.Buffer
	r.write(&out)
	require.Equal(t, strings.TrimPrefix(`
killed     planted/x: quiet at run 2
    a/f.go:9  X.
equal      a.F/bound#1: reached by 9 runs, all with the hash of the original; killed by the test TestF
    a/f.go:2  <  →  <=
killed     a.F/drop#1: lost-write, quiet at run 8
    a/f.go:3  x++  →  nothing
survived   b.F/drop#1: reached by 9 runs; run 4 is the first with another hash; no test of the package sees it
    b/f.go:3  x++  →  nothing
planted/y: the code has this mistake today: so it is

  package  drawn  killed  survived  equal  read  unfinished
        a      2       1         0      1     0           0
        b      1       0         1      0     0           0

  operator  drawn  killed  survived  equal  read  unfinished
     bound      1       0         0      1     0           0
      drop      2       1         1      0     0           0
   planted      1       1         0      0     0           0

killed by: quiet 2, lost-write 1

a: 10 possible mutants; passed over 3 that no run executes and 1 that do not compile
the original fails too, which kills no mutant: five: known
2 of 4 mutants killed; 1 survived with another hash, 1 without; readers found 0 equivalent and 0 of performance alone; 0 unfinished
killed, of those that are neither unfinished nor read: 50.0 %
`, "\n"), out.String())
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(data), `"schema":"samsa.mutate/1"`)
	require.Contains(t, string(data), `"killed_permille":500`)
	r.Interrupted = true
	require.Equal(t, exitInterrupted, codeOf(&r))
}
