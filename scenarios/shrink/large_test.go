package shrink

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

var rewrite = flag.Bool("rewrite", false, "write the large and small scenarios again; this takes minutes")

// failing is a known failure with a scenario that a person wrote for it.
type failing struct {
	name  string
	story string // the file of the scenario, inside the folder scenarios or testdata
	check string // only if padded: the check that the padded scenario must violate
}

// known are failures that are shrunk from the plan of an explored seed (explore/testdata/planted), or, where check is set, from
// the hand-written scenario with other lines between its own (testdata/large).
var known = []failing{
	{"M1", "museum-m1.txt", ""}, {"M2", "museum-m2.txt", "logs-match"}, {"M3", "museum-m3.txt", ""}, {"M6", "museum-m6.txt", ""},
	{"M9", "museum-m9.txt", ""}, {"M20", "museum-m20.txt", ""}, {"M22", "museum-m22.txt", ""}, {"M24", "museum-m24.txt", "acked-durable"},
	{"M29", "museum-m29.txt", ""}, {"K1", "museum-k1.txt", ""}, {"K2", "museum-k2.txt", ""}, {"K3", "museum-k3.txt", "metadata-complete"},
	{"K22", "museum-k22.txt", ""}, {"skipped-epoch", "skipped-epoch.txt", "acked-durable"},
}

// large returns the large scenario of a failure.
func (f failing) large(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join("..", "explore", "testdata", "planted", f.name+".txt")
	if f.check != "" {
		path = filepath.Join("testdata", "large", f.name+".txt")
	}
	return readFile(t, path)
}

// written returns the hand-written scenario.
func (f failing) written(t *testing.T) []byte {
	t.Helper()
	if f.name == "skipped-epoch" {
		return readFile(t, filepath.Join("testdata", f.story))
	}
	return readFile(t, filepath.Join("..", f.story))
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// target returns the failure of the first found line of a scenario.
func target(t *testing.T, name string, src []byte) explore.Failure {
	t.Helper()
	p, err := scenarios.Load(name, src)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Found()) == 0 {
		t.Fatalf("%s has no found line", name)
	}
	want := p.Found()[0].Fingerprint()
	for _, f := range Replaying(explore.Options{})(p, firstBudget).Failures {
		if f.Fingerprint() == want {
			return f
		}
	}
	t.Fatalf("%s does not fail with %s", name, want)
	return explore.Failure{}
}

// padding is the number of lines that are put between those of a hand-written scenario.
const padding = 30

// padded returns a scenario with random faults and operations between its lines. Lines that only look are left out. If the
// failure is one of the metadata log, metadata is set, and no operation waits or adds records to that log.
func padded(src []byte, seed uint64, metadata bool) string {
	p, err := scenarios.Load("story", src)
	if err != nil {
		panic(err)
	}
	d := draftOf(p)
	draw := func(site string, ordinal, n int) int {
		return int(scenarios.Draw(seed, "padding."+site, "", uint64(ordinal), uint64(n)))
	}
	v, _ := d.look()
	broker := func(i int) string { return fmt.Sprintf("b%d", 1+draw("broker", i, v.count("brokers"))) }
	controller := func(i int) string { return fmt.Sprintf("c%d", 1+draw("controller", i, v.count("controllers"))) }
	at := map[int][]string{}
	kinds := 14
	if metadata {
		kinds = 10 // those that do not wait
	}
	for i := range padding {
		line := [...]string{
			fmt.Sprintf("send p8 audit-0 n%d", i), fmt.Sprintf("send p8 audit-0 n%d..n%d", 100*i, 100*i+draw("many", i, 30)),
			"disk " + broker(i) + " slow by 1ms for 50ms", "clock " + broker(i) + " skew 3s", "slow " + broker(i) + " times 2",
			"slow " + broker(i) + " times 1", "link " + broker(i) + " -> " + controller(i) + " reset",
			"clock " + controller(i) + " drift 200ppm", "pause p8", "resume p8",
			"consume r8 audit-0", "delete records audit-0 before 1", "elect preferred audit-0", "config topic audit retention.ms=86400000",
		}[draw("line", i, kinds)]
		place := 2 + draw("place", i, len(d.lines)-2)
		at[place] = append(at[place], line)
	}
	var b strings.Builder
	for i, l := range d.lines {
		for _, extra := range at[i] {
			b.WriteString(extra + "\n")
		}
		b.WriteString(l.String() + "\n")
		if i == 1 && !metadata {
			b.WriteString("topic audit replicas=1\n")
		}
		if i == 1 {
			b.WriteString("send p8 audit-0 first\n")
		}
	}
	if metadata { // no more topics
		return strings.ReplaceAll(b.String(), "audit", "orders")
	}
	return b.String()
}

// The padded scenarios fail as their found lines say. With -rewrite they are drawn anew.
func TestPaddedScenariosFail(t *testing.T) {
	for _, f := range known {
		if f.check == "" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			if *rewrite {
				f.pad(t)
			}
			target(t, f.name, f.large(t))
		})
	}
}

// pad draws the padding of a hand-written scenario until the scenario fails.
func (f failing) pad(t *testing.T) {
	rule := ""
	if f.name[0] != 's' {
		rule = "rule " + f.name + "\n"
	}
	for seed := range uint64(400) {
		text := rule + padded(f.written(t), seed, f.name[0] == 'K')
		p, err := scenarios.Load(f.name, []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		tried := Replaying(explore.Options{})(p, firstBudget)
		i := slices.IndexFunc(tried.Failures, func(x explore.Failure) bool { return x.Check == f.check })
		if i < 0 {
			continue
		}
		head := fmt.Sprintf("# %s with %d random faults and operations between its lines, drawn from %d.\n", f.story, padding, seed)
		found := tried.Failures[i].FoundLine(tried.Hash, 0, "")
		if err := os.WriteFile(filepath.Join("testdata", "large", f.name+".txt"), []byte(head+text+"\n"+found+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no padding was found with which it fails")
}
