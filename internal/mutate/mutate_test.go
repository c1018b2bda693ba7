package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// toy is a module of three small files with a log and an explorer of its own.
var toy = module{mutable: []string{"log"}, explorer: "./seeds", mistakes: fstest.MapFS{
	"testdata/planted/limit-ignored.txt": {Data: []byte(limitIgnored)},
	"testdata/planted/fill-forgets.txt":  {Data: []byte("Fill returns nothing.\ntoday: it is not used\n\nin log/log.go Log.Fill\n  \t\tn++\n")},
}}

const limitIgnored = `The log grows over its limit.

in log/log.go Log.Append
- if l.Size+n > l.Limit {
+ if l.Size+n > l.Limit+1 {
`

var toySource = sync.OnceValues(func() (*Source, error) { return loadSource("testdata/toy") })

func loadToy(t *testing.T) *Source {
	s, err := toySource()
	require.NoError(t, err)
	return s
}

// Every operator on one small file, in its order. The list has what is possible, also what does not compile or is equivalent.
func TestMutants(t *testing.T) {
	s := loadToy(t)
	var got []string
	for _, m := range s.mutants(s.find("log")) {
		_, change, _ := strings.Cut(m.Change, "  →  ")
		got = append(got, strings.TrimPrefix(m.ID, "log.Log.")+" | "+change)
	}
	require.Equal(t, []string{
		"Append/true#1 | if (l.Size+n > l.Limit) || true {",
		"Append/false#1 | if (l.Size+n > l.Limit) && false {",
		"Append/negate#1 | if l.Size+n <= l.Limit {",
		"Append/bound#1 | if l.Size+n >= l.Limit {",
		"Append/arith#1 | if l.Size-n > l.Limit {",
		"Append/drop#1 | nothing",
		"Append/no-error#1 | return nil",
		"Append/drop#2 | nothing",
		"Append/minmax#1 | l.Size = max(l.Size+n, 1000)",
		"Append/arith#2 | l.Size = min(l.Size-n, 1000)",
		"Fill/false#1 | for (l.Size < l.Limit) && false {",
		"Fill/negate#1 | for l.Size >= l.Limit {",
		"Fill/bound#1 | for l.Size <= l.Limit {",
		"Fill/unchecked#1 | if err := l.Append(1); (err != nil) && false {",
		"Fill/drop#1 | nothing",
		"Compact/true#1 | if (l.Size > 0 && l.Limit == 0) || true {",
		"Compact/false#1 | if (l.Size > 0 && l.Limit == 0) && false {",
		"Compact/logic#1 | if l.Size > 0 || l.Limit == 0 {",
		"Compact/negate#1 | if l.Size <= 0 && l.Limit == 0 {",
		"Compact/bound#1 | if l.Size >= 0 && l.Limit == 0 {",
		"Compact/negate#2 | if l.Size > 0 && l.Limit != 0 {",
		"Compact/drop#1 | nothing",
		"Compact/negate#3 | return !(true)",
		"Compact/negate#4 | return !(false)",
		"Rare/true#1 | case (seed == 3) || true:",
		"Rare/false#1 | case (seed == 3) && false:",
		"Rare/negate#1 | case seed != 3:",
		"Rare/bound#1 | return l.Size",
	}, got)
}

// The order of a draw depends on the seed and on the names alone, and takes operators and packages in turn.
func TestDraw(t *testing.T) {
	var all []Mutant
	for _, m := range []string{"a drop 1", "a drop 2", "a drop 3", "a drop 4", "a bound 1", "b drop 1"} {
		f := strings.Fields(m)
		all = append(all, Mutant{ID: m, Package: f[0], Operator: Operator(f[1])})
	}
	ids := func(of []Mutant, seed uint64) (ids []string) {
		for m := range draw(of, seed) {
			ids = append(ids, m.ID)
		}
		return ids
	}
	first := ids(all, 1)
	require.ElementsMatch(t, ids(all, 2), first)
	require.NotEqual(t, ids(all, 2), first)
	require.Contains(t, first[:2], "b drop 1", "packages take turns")
	require.Contains(t, first[:3], "a bound 1", "operators take turns")
	slices.Reverse(all)
	require.Equal(t, first, ids(all, 1), "the order of the source does not matter")
	without := slices.DeleteFunc(slices.Clone(all), func(m Mutant) bool { return m.ID == "a drop 2" })
	require.Equal(t, slices.DeleteFunc(slices.Clone(first), func(id string) bool { return id == "a drop 2" }), ids(without, 1))
}

// A changed file that leaves a variable unused does not compile, and the files on disk never change.
func TestApplyAndCompile(t *testing.T) {
	s := loadToy(t)
	before, err := os.ReadFile("testdata/toy/log/log.go")
	require.NoError(t, err)
	compiling := 0
	for _, m := range s.mutants(s.find("log")) {
		changed := s.apply(m.edits)
		require.Len(t, changed, 1)
		require.NotEqual(t, string(before), string(changed["log/log.go"]), m.ID)
		if s.compiles(changed) == nil {
			compiling++
		}
	}
	require.Equal(t, 28, compiling)
	require.ErrorContains(t, s.compiles(map[string][]byte{"log/log.go": []byte("package log\n\nfunc f() { x := 1 }\n")}), "x")
	require.ErrorContains(t, s.compiles(map[string][]byte{"gone/other.go": []byte("package gone\n")}), "only 0")
	require.Equal(t, "ab1d2e", string(apply2(s)), "two edits of one file")
}

// The code may change while the tool runs, and then the files on disk are not those of the types and positions.
func TestAChangedCheckoutIsAnError(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/toy")))
	s, err := loadSource(dir)
	require.NoError(t, err)
	require.NoError(t, s.unchanged())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "seeds", "main.go"), []byte("package main\n"), 0o666))
	require.ErrorContains(t, s.unchanged(), "seeds/main.go has changed since the start")
}

func apply2(s *Source) []byte {
	t := Source{text: map[string][]byte{"f": []byte("abcde")}}
	return t.apply([]Edit{{"f", 2, 3, "1"}, {"f", 4, 4, "2"}})["f"]
}

// call runs the tool on the toy.
func call(t *testing.T, dir string, args ...string) (code int, report Report, stderr string) {
	var out, errs bytes.Buffer
	o, err := parseFlags(toy, append([]string{"-root", "testdata/toy", "-dir", dir, "-runs", "8", "-json"}, args...), &errs)
	require.NoError(t, err)
	code, err = run(context.Background(), o, &out, &errs)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	return code, report, errs.String()
}

// The tool sees what exploration sees, and passes over what no seed executes.
func TestTheToy(t *testing.T) {
	dir := t.TempDir()
	names := []string{"log.Log.Append/false#1", "log.Log.Append/drop#1", "log.Log.Append/drop#2", "log.Log.Rare/bound#1"}
	code, report, stderr := call(t, dir, append([]string{"-stall", "1s", "-jobs", "2"}, names...)...)
	require.Zero(t, code)
	for _, r := range report.Results {
		require.False(t, r.TestsRun)
	}
	require.Equal(t, []string{"five: known"}, report.Failing)
	require.Contains(t, stderr, "original: 8 of 8 runs")

	code, tested, stderr := call(t, dir, append([]string{"-tests"}, names...)...)
	require.Zero(t, code)
	require.NotContains(t, stderr, "original: 8", "the reach is on disk")
	require.Contains(t, stderr, "4/4")
	got := map[string]Result{}
	for i, r := range tested.Results {
		got[r.ID] = r
		require.Equal(t, report.Results[i].Seconds, r.Seconds, "no mutant runs again for its tests")
	}
	require.Len(t, got, 4)

	over := got["log.Log.Append/false#1"]
	require.Equal(t, Killed, over.State)
	require.Equal(t, []string{"limit"}, over.By)
	require.EqualValues(t, 1, over.Run)

	require.Equal(t, Equal, got["log.Log.Append/drop#1"].State, "no check and no hash has the number of refusals")
	require.Equal(t, "TestRefused", got["log.Log.Append/drop#1"].TestFail)

	endless := got["log.Log.Append/drop#2"]
	require.Equal(t, Killed, endless.State, "Fill never ends")
	require.Equal(t, []string{"budget"}, endless.By)
	require.False(t, endless.TestsRun, "the tests run on survivors alone")

	rare := got["log.Log.Rare/bound#1"]
	require.Equal(t, Moved, rare.State)
	require.Equal(t, 1, rare.Reached, "only seed 3 executes it")
	require.EqualValues(t, 3, rare.MovedAt)
	require.True(t, rare.TestsRun)
	require.Empty(t, rare.TestFail)

	t.Run("draw", func(t *testing.T) {
		s := loadToy(t)
		tool := &tool{Source: s, dir: dir, digest: s.digest(), runs: 8}
		reach, err := tool.measure(t.Context())
		require.NoError(t, err)
		var drawn Report
		o := options{module: toy, n: 99}
		chosen := tool.drawReached(s.mutants(s.find("log")), o, reach, &drawn)
		require.Equal(t, []Skip{{Package: "log", Possible: 28, Unreached: 10}}, drawn.Skipped, "no seed calls Compact, and no append fails in Fill")
		require.Len(t, chosen, 18)
		seeds := map[string][]uint64{}
		for _, m := range chosen {
			seeds[strings.TrimPrefix(m.ID, "log.Log.")] = tool.seedsFor(m, reach)
		}
		require.Len(t, seeds["Rare/negate#1"], 8, "the condition of a case runs with its switch")
		require.Len(t, seeds["Rare/true#1"], 8)
		require.Equal(t, []uint64{3}, seeds["Rare/false#1"], "only seed 3 makes the condition true")
		require.Len(t, seeds["Append/true#1"], 8, "what follows the if runs when its condition is false")
	})
	t.Run("planted", func(t *testing.T) {
		code, report, _ := call(t, dir, "-planted")
		require.Zero(t, code)
		require.Len(t, report.Results, 1)
		require.Equal(t, Killed, report.Results[0].State)
		require.Equal(t, []Today{{"planted/fill-forgets", "it is not used"}}, report.Today)
	})
	t.Run("planted that survives", func(t *testing.T) {
		before := toy.mistakes
		defer func() { toy.mistakes = before }()
		toy.mistakes = fstest.MapFS{"testdata/planted/small.txt": {Data: []byte("Nothing counts.\n\nin log/log.go Log.Append\n- l.Refused++\n+ l.Refused--\n")}}
		code, report, _ := call(t, dir, "small")
		require.Equal(t, exitSurvived, code)
		require.Equal(t, Equal, report.Results[0].State)
		require.Equal(t, 8, report.Results[0].Reached)
	})
	t.Run("interrupted", func(t *testing.T) {
		o, err := parseFlags(toy, []string{"-root", "testdata/toy", "-dir", dir, "-runs", "8", names[0], "log.Log.Fill/drop#1"}, io.Discard)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		var out bytes.Buffer
		code, err := run(ctx, o, &out, io.Discard)
		require.NoError(t, err)
		require.Equal(t, exitInterrupted, code)
		require.Contains(t, out.String(), names[0], "the report has the results that are there")
		require.Contains(t, out.String(), "interrupted; the same call continues")
		require.NotContains(t, out.String(), "Fill/drop#1")
	})
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-pkg nothing", "there are storage, coordinator"},
		{"-n 0", "numbers from 1"},
		{"-limit 0s", "times such as 20m"},
		{"-planted x", "not both"},
		{"-what", "not defined"},
	} {
		_, err := parseFlags(samsa, strings.Fields(c.args), io.Discard)
		require.ErrorContains(t, err, c.want, c.args)
	}
	o, err := parseFlags(toy, []string{"-root", "testdata/toy", "-dir", t.TempDir(), "log.Log.Nothing/drop#1"}, io.Discard)
	require.NoError(t, err)
	code, err := run(context.Background(), o, io.Discard, io.Discard)
	require.Equal(t, exitUsage, code)
	require.ErrorContains(t, err, `no mutant "log.Log.Nothing/drop#1"`)
}

func TestAnUnknownNameGetsNearOnes(t *testing.T) {
	s := loadToy(t)
	all := s.mutants(s.find("log"))
	planted, err := s.plantedMistakes(toy.mistakes)
	require.NoError(t, err)
	require.ErrorContains(t, unknown("log.Log.Rare/drop#9", all, planted), "there are log.Log.Rare/true#1, log.Log.Rare/false#1,")
	require.ErrorContains(t, unknown("storage.Log.Rare/drop#9", all, planted), "there are log.Log.Rare/true#1")
	require.ErrorContains(t, unknown("nothing", all, planted), "there are planted/fill-forgets, planted/limit-ignored")
}

// A reading counts for the change that it is about, and for a mutant that was not killed.
func TestReadings(t *testing.T) {
	text := "# words\n\nequivalent a.F/drop#1\n  x++  →  nothing\n  nothing reads x\n  after this line\nperformance a.F/bound#1\n  <  →  <=\n  one more fetch is sent\n"
	readings, err := parseReadings(text)
	require.NoError(t, err)
	require.Len(t, readings, 2)
	require.Equal(t, "nothing reads x after this line", readings[0].Reason)
	x := Result{ID: "a.F/drop#1", Change: "x++  →  nothing", State: Moved}
	x.read(readings)
	require.Equal(t, Equivalent, x.Class)
	require.Contains(t, x.sentence(), "; equivalent: nothing reads x after this line")
	y := Result{ID: "a.F/bound#1", Change: "<=  →  <", State: Moved}
	y.read(readings)
	require.Empty(t, y.Class, "the name means another change by now")
	z := Result{ID: "a.F/drop#1", Change: "x++  →  nothing", State: Killed}
	z.read(readings)
	require.Empty(t, z.Class)
	r := Report{Results: []Result{x, y, z}}
	r.finish()
	require.Equal(t, Totals{Drawn: 3, Killed: 1, Survived: 1, Equivalent: 1, Permille: 500}, r.Totals)
	for _, bad := range []string{"  x\n", "same a.F/drop#1\n", "equivalent\n", "equivalent a\n  x\n", "equivalent a\n  x\n  no reason\n"} {
		_, err := parseReadings(bad)
		require.Error(t, err, bad)
	}
	_, err = parseReadings(readingsFile)
	require.NoError(t, err)
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir)
	require.NoError(t, err)
	require.NoError(t, s.save(Result{ID: "a", Digest: "d", Campaign: 600, Package: "log", State: Moved}))
	require.NoError(t, s.save(Result{ID: "b", Digest: "d", Campaign: 600, Package: "log", State: Killed}))
	f, err := os.OpenFile(filepath.Join(dir, "results.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"id":"c","dig`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	s, err = openStore(dir)
	require.NoError(t, err, "a line that was cut off is not the end of the file")
	for _, c := range []struct {
		id, digest string
		campaign   int
		ok         bool
	}{
		{"a", "d", 600, true}, {"b", "d", 600, true}, {"a", "e", 600, false}, {"a", "d", 500, false}, {"c", "d", 600, false},
	} {
		_, ok := s.find(c.id, c.digest, c.campaign)
		require.Equal(t, c.ok, ok, "%+v", c)
	}
}

func TestListOfSeeds(t *testing.T) {
	require.Equal(t, "1-3,7,9-10", list([]uint64{1, 2, 3, 7, 9, 10}))
	require.Equal(t, "5", list([]uint64{5}))
	require.EqualValues(t, 7, after([]uint64{2, 7, 9}, 2))
	require.EqualValues(t, 2, after([]uint64{2, 7, 9}, 0))
}
