package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// searched searches for rules among some seeds, with the results of earlier calls in a directory.
func searched(t *testing.T, ctx context.Context, o options, dir string) (*search, error) {
	t.Helper()
	kept, err := openStore(dir, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	s := newSearch(o, kept, func(string) {})
	return s, s.run(ctx)
}

// K22 is found within a few seeds. Its plan, with the only found line of its check, violates the check when it is run as a file,
// and the table names the seed.
func TestARuleIsFoundAndItsPlanKept(t *testing.T) {
	dir, plans := t.TempDir(), t.TempDir()
	o := options{runs: 10, seed: 1, plans: plans, rules: []string{"K22"}}
	s, err := searched(t, t.Context(), o, dir)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	s.write(&table)
	f := s.flaws[0]
	if !f.is || f.decides == 0 || !strings.Contains(table.String(), "| K22 | `reply-after-commit` | ") || !strings.Contains(table.String(), "1 of 1 found") {
		t.Fatalf("%+v\n%s", f, &table)
	}
	text, err := os.ReadFile(filepath.Join(plans, "K22.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\nfound "); n != 1 {
		t.Errorf("the plan has %d found lines", n)
	}
	p, err := scenarios.Load("K22.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := scenarios.New(p, scenarios.RunOptions{}).Finish()
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Found) != 1 || v.Found[0].State != scenarios.StillThere {
		t.Errorf("as a file the plan gives %+v", v.Found)
	}
}

// A second call runs nothing again, not even if it is interrupted at once, and gives the same table. A call with more to do ends
// with the interruption.
func TestACallContinues(t *testing.T) {
	dir := t.TempDir()
	o := options{runs: 10, seed: 1, rules: []string{"K22"}}
	first, err := searched(t, t.Context(), o, dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	again, err := searched(t, ctx, o, dir)
	if err != nil {
		t.Fatalf("the second call ran something: %v", err)
	}
	if !reflect.DeepEqual(again.flaws[0], first.flaws[0]) || again.seeds != first.seeds {
		t.Errorf("first %+v, then %+v", first.flaws[0], again.flaws[0])
	}
	o.seed = 4000
	if _, err := searched(t, ctx, o, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("with other seeds: %v", err)
	}
}

// With a family, seeds without it are passed over.
func TestSeedsWithAFamily(t *testing.T) {
	s, err := searched(t, t.Context(), options{runs: 30, seed: 1, with: []string{"voters"}, rules: []string{"K4"}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.kept.clean) == 0 || len(s.kept.clean) == 30 || s.seeds != 30 {
		t.Errorf("%d of %d seeds ran", len(s.kept.clean), s.seeds)
	}
	for seed := range s.kept.clean {
		if !slices.Contains(explore.Draw(seed, explore.Mixed).Drawn(), "voters") {
			t.Errorf("seed %d has no faults of voters", seed)
		}
	}
}

// A line that was cut off is dropped, and the results before it are used.
func TestACutOffLineIsDropped(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []entry{{Seed: 1, Otherwise: []string{"M1"}}, {Seed: 1, Rule: "M1", Failed: []string{"acked-durable"}}} {
		if err := s.add(e); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seed":2,"rule":"M`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	again, err := openStore(dir, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(again.clean) != 1 || len(again.with) != 1 || again.with[tried{"M1", 1}].Failed[0] != "acked-durable" {
		t.Errorf("read %+v %+v", again.clean, again.with)
	}
}

// An unknown rule is refused with the nearest known one.
func TestAnUnknownRule(t *testing.T) {
	for args, want := range map[string]string{"M33": "did you mean M3", "-runs=0": "number from 1", "-with=vote": "-with vote: there are"} {
		var out strings.Builder
		if _, err := parse([]string{args}, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
