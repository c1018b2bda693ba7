package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/scenarios/shrink"
)

// exploreFlags are the flags of `samsa explore`. The run of a seed is the same for any number of jobs, with or without a
// time limit.
type exploreFlags struct {
	commonFlags
	runs                   int
	lasts                  time.Duration // the limit of --for in real time, which is read only between runs
	profile, out           string
	find                   string // the name of a check
	first, cover, noShrink bool
}

// exploreCommand looks for seeds on which a promise is violated.
func (a *app) exploreCommand() *cobra.Command {
	var f exploreFlags
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Draws clusters, workloads and faults from seeds, and looks for a broken promise",
		Long: "Draws a cluster, its configs, a workload, operations and faults from each seed, writes them as a scenario, runs it, " +
			"ends the faults, and checks that every promise was kept and that the cluster became quiet. The same seeds give the " +
			"same report for any number of jobs.\n\n" +
			"A seed that fails is saved as a scenario file, and the report says how to run it again. A file that was edited or is about " +
			"another failure is kept, and the new one has another name. If a file cannot be saved, the report is printed all the same. The first of each kind of failure is " +
			"also made small, as samsa shrink does, in the last third of --for, or else within a minute for all kinds.\n\n" +
			"A violation that Kafka itself shares is no failure: the report counts the findings of FINDINGS.md that happened, each on a line of its own.\n\n" +
			"Exit codes: 0 every seed held; 1 a safety property is violated; 2 wrong usage; 3 inconclusive, or with " +
			"--require-coverage a fault never fired; 4 a cluster did not become quiet in time, or most records are not acknowledged; 70 a bug of Samsa's; 130 interrupted, " +
			`with the report so far. With --json there is exactly one object on stdout: schema "samsa.explore/1".`,
		Example: "  samsa explore --runs 1000\n" +
			"  samsa explore --for 60s --seed 20260101000 --jobs 2\n" +
			"  samsa explore --runs 1 --seed 437 --json\n" +
			"  samsa explore --rule M22 --find hw-justified\n" +
			"  samsa explore --profile handover --runs 300",
		Args: exactly(0, "no words"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.explore(f, cmd.Flags().Changed("runs")) },
	}
	cmd.Long = hardWrap(cmd.Long)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.runs, "runs", 200, "runs `N` seeds")
	flags.DurationVar(&f.lasts, "for", 0, "instead of --runs: begins runs for `TIME`")
	f.common(cmd, "jobs")
	flags.StringVar(&f.seed, "seed", "1", "begins with seed `N`; the others follow it")
	flags.StringVar(&f.profile, "profile", string(explore.Mixed), "timeouts: mixed, compressed or kafka's own; or a family of faults or a kind of operation that every plan shall have, as `P`")
	f.common(cmd, "rule", "mode")
	flags.BoolVar(&f.first, "first", false, "stops at the first seed that fails")
	flags.StringVar(&f.find, "find", "", "stops at the first seed that violates `CHECK`")
	flags.BoolVar(&f.cover, "require-coverage", false, "fails if a fault never fired")
	flags.StringVar(&f.out, "out", "samsa-found", "saves the scenarios of failing seeds in `DIR`")
	flags.BoolVar(&f.noShrink, "no-shrink", false, "saves no small scenario beside the first of each kind of failure")
	f.common(cmd, "json")
	return cmd
}

// campaign makes a campaign from the flags. It reports every mistake in them before the first run, so that a typo in --rule
// does not cost an hour.
func (f exploreFlags) campaign(runsGiven bool) (explore.Campaign, error) {
	c := explore.Campaign{Runs: f.runs, Jobs: f.jobs, First: f.first}
	seed, err := seedOf("samsa explore", f.seed)
	if err == nil {
		err = knownJobs("samsa explore", f.jobs)
	}
	switch {
	case err != nil:
		return c, err
	case f.runs < 1:
		return c, usage("samsa explore --runs 100", "--runs must be a number from 1, not %d", f.runs)
	case f.lasts < 0:
		return c, usage("samsa explore --for 60s", "--for must be a time such as 60s, not %s", f.lasts)
	case f.lasts > 0 && runsGiven:
		return c, usage("samsa help explore", "--runs and --for exclude each other")
	}
	c.Seed = seed
	if f.lasts > 0 {
		c.Runs = 0 // run until Stop returns true
	}
	c.Profile = explore.Profile(f.profile)
	if !slices.Contains(explore.Profiles(), c.Profile) {
		var names []string
		for _, p := range explore.Profiles() {
			names = append(names, string(p))
		}
		u := usage("samsa help explore", "--profile %s: there are the timeouts %s, and the families and kinds %s", f.profile, strings.Join(names[:3], ", "), strings.Join(names[3:], ", "))
		u.meant = scenarios.Nearest(f.profile, names)
		return c, u
	}
	if c.Mode, err = modeOf(f.mode, "samsa help explore"); err != nil {
		return c, err
	}
	if err := knownRules(f.rules); err != nil {
		return c, err
	}
	if f.find != "" {
		if err := knownCheck("--find", f.find); err != nil {
			return c, err
		}
	}
	c.Rules, c.Find, c.Version = f.rules, f.find, version()
	return c, nil
}

// explore implements `samsa explore`.
func (a *app) explore(f exploreFlags, runsGiven bool) error {
	c, err := f.campaign(runsGiven)
	if err != nil {
		return err
	}
	report := explore.NewReport(c)
	began := a.now()
	c.Stop = func() bool {
		return a.pressed() || f.lasts > 0 && a.now().Sub(began) >= f.searches(len(report.Kinds) > 0)
	}
	if !a.errTTY {
		fmt.Fprintf(a.err, "exploring from seed %s, %s at once\n", f.seed, counted(f.jobs, "world"))
	}
	m := a.meter()
	c.Tick = func(ended int) {
		m.tick(func(spent time.Duration) string {
			left := eta(spent, ended, c.Runs)
			if f.lasts > 0 {
				left = "  ETA " + max(f.lasts-spent, 0).Round(time.Second).String()
			}
			return fmt.Sprintf("%s  %s  %s%s", counted(ended, "run"), rate(ended, spent), kinds(len(report.Kinds)), left)
		})
	}
	// The campaign continues if a scenario cannot be saved, and its report is printed.
	var unsaved error
	var keeps []string
	c.Done = func(r explore.Result) {
		report.Add(r)
		kept, err := save(report, r, f.out)
		unsaved, keeps = errors.Join(unsaved, err), append(keeps, kept...)
	}
	c.Explore()
	report.Interrupted = a.pressed()
	report.Finish()
	m.wipe()
	spent := a.now().Sub(began)
	fmt.Fprintf(a.err, "%s in %s, %s\n", counted(report.Runs, "run"), spent.Round(10*time.Millisecond), rate(report.Runs, spent))
	for _, kept := range keeps {
		fmt.Fprintf(a.err, "samsa: %s\n", kept)
	}
	if unsaved != nil {
		fmt.Fprintf(a.err, "samsa: cannot save a scenario: %v\n  try: samsa explore --out DIR, with another folder\n", unsaved)
	}
	if !f.noShrink && !report.Interrupted {
		a.shrinkKinds(report, f, began)
	}
	a.code = codeOfReport(report, f.cover)
	if f.json {
		a.printJSON(report)
		return nil
	}
	fmt.Fprint(a.out, report.Text())
	return nil
}

// searches returns the part of the time of --for in which new runs may begin. If a run has failed, the rest of the time is
// for shrinking its scenario.
func (f exploreFlags) searches(failed bool) time.Duration {
	if failed && !f.noShrink {
		return f.lasts * 2 / 3
	}
	return f.lasts
}

// codeOfReport returns the exit code of the campaign's worst failure. A bug in Samsa itself is the worst failure, because it
// may cause violations. The next worst is a violation, and then a cluster that does not become quiet.
func codeOfReport(r *explore.Report, cover bool) code {
	switch {
	case r.Interrupted:
		return exitInterrupted
	case r.Count(explore.Internal) > 0:
		return exitInternal
	case r.Count(explore.Violated) > 0:
		return exitViolated
	case r.Count(explore.Stuck) > 0, r.BelowFloor:
		return exitLiveness
	case r.Count(explore.Unknown) > 0 || cover && len(r.NeverFired) > 0:
		return exitInconclusive
	}
	return exitOK
}

// savedPerKind is the number of saved scenarios per kind of failure.
const savedPerKind = 3

// save writes the scenario of a failed run if fewer than savedPerKind scenarios are saved for one of its kinds of failure. It
// never replaces a file that was edited or is about another failure or other rules; it returns a sentence for each of these.
func save(report *explore.Report, r explore.Result, dir string) (keeps []string, err error) {
	var wanted []*explore.Kind
	for _, f := range r.Failures {
		if k := report.Of(f); k != nil && len(k.Files) < savedPerKind && !slices.Contains(wanted, k) {
			wanted = append(wanted, k)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	file := shrink.Sealed(r.Text)
	path, kept, err := place(filepath.Join(dir, fmt.Sprintf("seed-%d.txt", r.Seed)), func(string) []byte { return file })
	if err != nil {
		return nil, err
	}
	for _, k := range wanted {
		k.Files = append(k.Files, path)
	}
	for _, k := range kept {
		keeps = append(keeps, fmt.Sprintf("%s is kept: %s; the scenario of seed %d is %s", k.File, k.Why, r.Seed, path))
	}
	return keeps, nil
}

func rate(runs int, spent time.Duration) string {
	if spent <= 0 {
		return "0/s"
	}
	return fmt.Sprintf("%.0f/s", float64(runs)/spent.Seconds())
}

// counted formats a number with its noun. The noun's plural must end in s.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func kinds(n int) string {
	if n == 1 {
		return "1 kind of failure"
	}
	return fmt.Sprintf("%d kinds of failure", n)
}
