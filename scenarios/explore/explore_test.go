package explore

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsa/check"
	"samsa/scenarios"
)

var rewrite = flag.Bool("rewrite", false, "write the golden plans again")

// A plan is a pure function of its seed. These files change only with the drawing code, and every recorded seed then gives
// another run.
func TestPlansStayWhatTheyAre(t *testing.T) {
	for name, p := range map[string]*Plan{
		"seed-1": Draw(1, Compressed), "seed-2": Draw(2, Compressed), "kafka-3": Draw(3, Kafka), "seed-max": Draw(1<<64-1, Mixed),
	} {
		path := filepath.Join("testdata", name+".txt")
		if *rewrite {
			if err := os.WriteFile(path, []byte(p.Text()), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Text(); got != string(want) {
			t.Errorf("%s is another plan now; if that is meant: go test ./scenarios/explore -run Plans -rewrite\n%s", name, firstDifference(string(want), got))
		}
	}
}

// firstDifference returns the first line in which two texts differ.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d was %q and is %q", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines were %d", len(g), len(w))
}

// Every seed gives the same valid file each time, in every profile.
func TestEverySeedCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		profile := rapid.SampledFrom(Profiles()).Draw(t, "profile")
		text := Draw(seed, profile).Text()
		if again := Draw(seed, profile).Text(); again != text {
			t.Fatalf("seed %d is two plans: %s", seed, firstDifference(text, again))
		}
		p, err := scenarios.Load("drawn", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if p.Seed() != seed {
			t.Fatalf("seed %d is written as %d", seed, p.Seed())
		}
	})
}

// Every seed runs to a verdict, and the file of a failing seed repeats the run.
func TestEverySeedRuns(t *testing.T) {
	seeds := 0
	rapid.Check(t, func(t *rapid.T) {
		if seeds++; seeds > 20 {
			return // a run takes a while, and the rest of rapid's hundred tries add little
		}
		seed := rapid.Uint64().Draw(t, "seed")
		r := Run(seed, Options{Profile: Compressed, Events: 200_000})
		if r.Verdict == Internal || r.Hash == 0 || r.Events == 0 {
			t.Fatalf("seed %d: %+v\nagain: samsa explore --runs 1 --profile compressed --seed %d", seed, r, seed)
		}
	})
}

// A saved file repeats the run that it was saved from, with the same hash.
func TestTheFileIsTheRun(t *testing.T) {
	always := func(*scenarios.Session) []Failure {
		return []Failure{{Verdict: Violated, Check: "own:planted", Text: "always"}}
	}
	for seed := range uint64(5) {
		r := Run(seed, Options{Judge: always})
		program, err := scenarios.Load("saved", []byte(r.Text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := scenarios.New(program, scenarios.RunOptions{Events: budget}).Finish()
		if err != nil || v.Hash != r.Hash || v.Events != r.Events {
			t.Errorf("seed %d: the file is run %x of %d events, the exploration was %x of %d; %v", seed, v.Hash, v.Events, r.Hash, r.Events, err)
		}
	}
}

// explored runs a small campaign and returns its report, also as JSON.
func explored(t *testing.T, c Campaign) (*Report, string) {
	t.Helper()
	r := NewReport(c)
	c.Done = r.Add
	c.Explore()
	r.Finish()
	out, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return r, string(out)
}

// The report depends neither on the number of jobs nor, apart from the mode's name, on the message mode.
func TestDeterminismOfJobsAndModes(t *testing.T) {
	c := Campaign{Options: Options{Profile: Compressed, Events: 200_000}, Seed: 100, Runs: 10, Jobs: 1}
	_, want := explored(t, c)
	for _, jobs := range []int{2, 7} {
		c.Jobs = jobs
		if _, got := explored(t, c); got != want {
			t.Errorf("with %d jobs instead of 1 the report differs: %s", jobs, firstDifference(want, got))
		}
	}
	for _, mode := range []scenarios.Mode{scenarios.ModeWire, scenarios.ModeGuard} {
		c.Mode = mode
		r, got := explored(t, c)
		if got = strings.Replace(got, `"mode": "`+r.Mode+`"`, `"mode": "pointer"`, 1); got != want {
			t.Errorf("in %s mode the report differs from that by pointer: %s", mode, firstDifference(want, got))
		}
	}
}

// A bug that some seeds show is found under one fingerprint, and First stops after the first of these seeds.
func TestPlantedFlawIsFound(t *testing.T) {
	// The planted failure is that a partition changed its leader while writes were in flight.
	planted := func(s *scenarios.Session) []Failure {
		if n := s.Tally().MovesInFlight; n > 0 {
			return []Failure{{Verdict: Violated, Check: "own:leaders-stay", Kind: "leader of a partition", Text: fmt.Sprintf("%d leaders of orders-%d went", n, n)}}
		}
		return nil
	}
	c := Campaign{Options: Options{Profile: Compressed, Judge: planted}, Seed: 1, Runs: 30, Jobs: 2}
	r, _ := explored(t, c)
	k := r.Of(Failure{Check: "own:leaders-stay", Kind: "leader of a partition", Text: "7 leaders of payments-3 went"})
	if k == nil || k.Runs != r.RunsWithMoves || k.Runs < 5 {
		t.Fatalf("the flaw was found as %+v, in %d runs with moved leaders", k, r.RunsWithMoves)
	}
	find := c
	find.Find = "own:leaders-stay"
	c.First = true
	first, _ := explored(t, c)
	if found, _ := explored(t, find); found.Runs != first.Runs {
		t.Errorf("the campaign that looks for the check stopped after %d runs, the one that looks for any after %d", found.Runs, first.Runs)
	}
	if find.Find = "another"; func() int { r, _ := explored(t, find); return r.Runs }() != find.Runs {
		t.Error("a check that is not violated ended the campaign")
	}
	failed := func(r Result) bool { return r.Verdict != Held }
	for seed := uint64(1); ; seed++ {
		if failed(Run(seed, c.Options)) {
			if want := int(seed); first.Runs != want {
				t.Errorf("the campaign stopped after %d runs, the first failure is in run %d", first.Runs, want)
			}
			return
		}
	}
}

// In a campaign of bounded length, every family of faults occurs, every fault fires, leaders change under writes, and
// records are acknowledged.
func TestEveryFaultFires(t *testing.T) {
	struck := map[string]bool{}
	for seed := range uint64(300) {
		for _, f := range Draw(seed, Mixed).families {
			struck[f] = true
		}
	}
	for _, f := range families() {
		if !struck[f.name] {
			t.Errorf("no seed below 300 has the family %s", f.name)
		}
	}
	r := NewReport(Campaign{})
	rare := []string{"disk.stale", "disk.misdirected", "disk.bit-rot", "disk.sync-lies", "disk.sync-forgets", "disk.lost-write", "disk.names", "net.drop-unread"}
	missing := func() (names []string) {
		for _, f := range r.Faults {
			if f.Count == 0 && !slices.Contains(rare, f.Fault) { // these need a longer campaign than a test can run
				names = append(names, f.Fault)
			}
		}
		return names
	}
	for seed := uint64(1); seed <= 100 && len(missing()) > 0; seed++ {
		r.Add(Run(seed, Options{Profile: Compressed, Events: 100_000}))
	}
	r.Finish()
	if m := missing(); len(m) > 0 {
		t.Errorf("never fired in %d runs: %s", r.Runs, strings.Join(m, ", "))
	}
	if r.AckedRecords.Median < 200 || r.RunsWithMoves*4 < r.Runs {
		t.Errorf("of %d runs the median acknowledged %d records, and in %d a leader moved under writes", r.Runs, r.AckedRecords.Median, r.RunsWithMoves)
	}
}

// A run that spent its budget has its own check, and the kind of the failure lists the obstacles.
func TestSpentBudgetIsUnknown(t *testing.T) {
	r := Run(2, Options{Profile: Compressed, Events: 300})
	if r.Verdict != Unknown || len(r.Failures) == 0 {
		t.Fatalf("after 300 events: %s %+v", r.Verdict, r.Failures)
	}
	if f := r.Failures[len(r.Failures)-1]; f.Check != scenarios.OfBudget || f.Kind == "" || !strings.Contains(f.Text, "the budget of 300 events is spent") {
		t.Errorf("%+v", f)
	}
}

// A panic is the result of its seed, and the campaign continues.
func TestPanicIsAResult(t *testing.T) {
	boom := func(*scenarios.Session) []Failure { panic("boom 7") }
	r := Run(1, Options{Profile: Compressed, Judge: boom})
	if r.Verdict != Internal || len(r.Failures) == 0 || r.Failures[len(r.Failures)-1].Fingerprint() != "panic: samsa/scenarios/explore.TestPanicIsAResult.func1" || r.Text == "" {
		t.Errorf("%+v", r.Failures)
	}
}

// The text of a report contains the failures and the commands that repeat them.
func TestReportText(t *testing.T) {
	r := NewReport(Campaign{Seed: 7, Options: Options{Rules: []string{"M1"}}})
	x := Result{Seed: 7, Verdict: Violated, Failures: []Failure{{Verdict: Violated, Check: "acked-durable", Kind: "leader of a partition", Step: 9, Text: "it is gone"}}}
	x.Tally.AckedRecords, x.Tally.MovesInFlight = 12, 1
	r.Add(x)
	r.Of(x.Failures[0]).Files = []string{"found/seed-7.txt"}
	r.Finish()
	for _, want := range []string{
		"VIOLATED  acked-durable: it is gone\n          1 run, seeds 7\n          again  samsa run found/seed-7.txt\n",
		"1 from seed 7, mixed timeouts, pointer mode, old rules M1", "1 violated", "12 (12 to 12) acked records", "in 1 of 1 runs", "never     process.crash",
	} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.Text())
		}
	}

	// Every line fits a terminal of 80 columns, whatever the findings are.
	x.Failures[0].Text = strings.Repeat("it is gone ", 30)
	x.Checks = []Judged{{"registration-linearizable", check.Held, false}, {"registration-linearizable", check.Violated, false}, {"registration-linearizable", check.Priced, false},
		{"registration-linearizable", check.Unknown, false}, {"registration-linearizable", check.Unexercised, false}}
	for seed := uint64(20_000_000); seed < 20_000_020; seed++ {
		x.Seed, x.Events, x.Time = seed, 1_000_000, 700_000_000_000
		r.Add(x)
	}
	r.Finish()
	for _, line := range strings.Split(r.Text(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// The report says in how many runs an old rule decided otherwise, because a campaign in which it never did proves nothing.
func TestReportCountsTheDecisionsOfOldRules(t *testing.T) {
	for rule, want := range map[string]string{
		"M1": "rules     TruncateOnFollow decided otherwise than today's in ",
		"K4": "rules     K4 decided as today's rules in every run, so nothing was tested\n",
	} {
		c := Campaign{Options: Options{Rules: []string{rule}}, Seed: 1, Runs: 6}
		r := NewReport(c)
		c.Done = r.Add
		c.Explore()
		r.Finish()
		if text := r.Text(); !strings.Contains(text, want) {
			t.Errorf("with %s the report does not say %q:\n%s", rule, want, text)
		}
		if (len(r.Decided) > 0) != (rule == "M1") {
			t.Errorf("with %s the counts are %+v", rule, r.Decided)
		}
	}
}

// A run that is abandoned ends there, says so, and claims nothing.
func TestAbandonedRun(t *testing.T) {
	p, err := scenarios.Load("long.txt", []byte("cluster brokers=3 controllers=3\ntopic orders\nwait 1h\nexpect acked-durable violated\n"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	r, err := Replay(p, Options{Abandon: func() bool { asked++; return asked == 3 }})
	if err != nil || !r.Abandoned || len(r.Failures) > 0 || asked != 3 || r.Verdict != Held {
		t.Errorf("%v, abandoned %v after %d calls: %v", err, r.Abandoned, asked, r.Failures)
	}
	whole, err := Replay(p, Options{Abandon: func() bool { return false }})
	if err != nil || whole.Abandoned {
		t.Fatalf("%v, abandoned %v", err, whole.Abandoned)
	}
	if plain, err := Replay(p, Options{}); err != nil || plain.Hash != whole.Hash || plain.Events != whole.Events {
		t.Errorf("%v: a run that is asked ends with hash %x after %d events, another with %x after %d", err, whole.Hash, whole.Events, plain.Hash, plain.Events)
	}
}
