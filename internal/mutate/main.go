// Command mutate changes the code in small ways and checks whether exploration notices.
//
//	go run ./internal/mutate -n 20 -seed 1                    20 mutants of all six packages, drawn by the seed
//	go run ./internal/mutate -pkg replication,storage -n 20   only of these packages
//	go run ./internal/mutate -planted                         the planted mistakes of testdata/planted
//	go run ./internal/mutate 'storage.Log.Retain/bound#1'     one mutant, by the name that a report gives it
//
//	original ──coverage──▶ reach: hash, failures and executed blocks of each seed
//	    │                      │
//	  mutants ──draw──▶ batch ──go build──▶ seeds ──▶ killed, survived, or equal
//
// A mutant is the module with one changed place: an operator negated, a bound shifted, a statement dropped, an error ignored.
// go build reads the changed files from an overlay, so the checkout never changes and the build cache is shared. The drawn
// mutants are built together, each as a copy of its function, and the process selects one. A mutant explores the seeds from
// 1 on with default settings and stops at the first failure that the original does not have. A run of the original that does
// not execute the changed code is also the mutant's run, so the mutant repeats only the others.
//
// A mutant that survives may show a hole. If a hash changed, no judge looks at what the mutant broke, or the change
// breaks no promise. If no hash changed, no run reaches a state in which the change matters, or there is no such state.
//
// Read operators.go for the kinds of change, mutants.go for names and the draw, reach.go for the coverage, batch.go for the
// build, and trial.go for the life of one mutant. planted.go has the format of a planted mistake. The tool changes no judge,
// no plan and no default, and it does not decide whether a mutant is equivalent.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The exit codes.
const (
	exitOK          = 0
	exitSurvived    = 1 // a planted mistake survived
	exitUsage       = 2
	exitInterrupted = 130
)

// options are the flags.
type options struct {
	packages, dir, root string
	n, runs, jobs       int
	seed                uint64
	limit, stall        time.Duration
	tests, json, list   bool
	planted             bool
	names               []string
	module
}

// module says what the tool changes and how it explores. Tests have a module of their own.
type module struct {
	mutable  []string // the packages that can be changed, inside the module
	explorer string   // the package that explores seeds
	mistakes fs.FS    // the planted mistakes
	readings string   // what readers found out about mutants
}

// samsa is this module.
var samsa = module{
	mutable:  []string{"storage", "coordinator", "replication", "controller/raft", "controller", "broker"},
	explorer: "./internal/mutate/seeds",
	mistakes: plantedFiles,
	readings: readingsFile,
}

func main() {
	o, err := parseFlags(samsa, os.Args[1:], os.Stderr)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "mutate:", err)
			os.Exit(exitUsage)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, o, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	stop()
	os.Exit(code)
}

// parseFlags reads the command line.
func parseFlags(of module, args []string, stderr io.Writer) (o options, err error) {
	o.module = of
	f := flag.NewFlagSet("mutate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, "examples:\n"+
			"  mutate -n 20 -seed 1                     20 mutants of all packages\n"+
			"  mutate -pkg replication,storage -n 20    of these packages\n"+
			"  mutate -planted -runs 1500               the planted mistakes\n"+
			"  mutate 'storage.Log.Retain/bound#1'      one mutant, by its name\n\nflags:\n")
		f.PrintDefaults()
		fmt.Fprint(stderr, "\nexit codes: 0 done; 1 a planted mistake survived; 2 wrong usage, or the code does not compile; 130 interrupted\n")
	}
	f.StringVar(&o.packages, "pkg", strings.Join(of.mutable, ","), "change these `PACKAGES`")
	f.IntVar(&o.n, "n", 20, "draw `N` mutants")
	f.Uint64Var(&o.seed, "seed", 1, "the `SEED` of the draw")
	f.IntVar(&o.runs, "runs", 600, "explore the seeds from 1 to `N`")
	f.IntVar(&o.jobs, "jobs", 1, "try `N` mutants at once")
	f.DurationVar(&o.limit, "limit", 20*time.Minute, "the `TIME` for the runs of one mutant")
	f.DurationVar(&o.stall, "stall", 3*time.Minute, "a run that takes more `TIME` is endless, which kills the mutant")
	f.BoolVar(&o.tests, "tests", false, "run the tests of the package on each survivor")
	f.BoolVar(&o.planted, "planted", false, "try the planted mistakes")
	f.BoolVar(&o.list, "list", false, "print the mutants and try none")
	f.BoolVar(&o.json, "json", false, `print one JSON object instead of text: schema "samsa.mutate/1"`)
	f.StringVar(&o.dir, "dir", "mutants", "keep results in `DIR`; a call continues where an earlier one with the same code ended")
	f.StringVar(&o.root, "root", ".", "the `DIR` of the module")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.names = f.Args()
	for _, name := range strings.Split(o.packages, ",") {
		if !slices.Contains(of.mutable, name) {
			return o, fmt.Errorf("-pkg %s: there are %s", name, strings.Join(of.mutable, ", "))
		}
	}
	switch {
	case o.n < 1 || o.runs < 1 || o.jobs < 1:
		return o, fmt.Errorf("-n, -runs and -jobs are numbers from 1")
	case o.limit <= 0 || o.stall <= 0:
		return o, fmt.Errorf("-limit and -stall are times such as 20m")
	case o.planted && len(o.names) > 0:
		return o, fmt.Errorf("name mutants, or -planted for all planted mistakes; not both")
	}
	return o, nil
}

// run tries mutants and reports on them.
func run(ctx context.Context, o options, stdout, stderr io.Writer) (code int, err error) {
	readings, err := parseReadings(o.readings)
	if err != nil {
		return exitUsage, fmt.Errorf("readings: %w", err)
	}
	source, err := loadSource(o.root)
	if err != nil {
		return exitUsage, err
	}
	t := &tool{
		Source: source, root: source.Root, dir: o.dir, digest: source.digest(), packages: o.mutable, explorer: o.explorer,
		runs: o.runs, jobs: o.jobs, limit: o.limit, stall: o.stall, tests: o.tests,
		progress: func(line string) { fmt.Fprintln(stderr, line) },
	}
	results, err := openStore(o.dir)
	if err != nil {
		return exitUsage, err
	}
	report := &Report{Schema: "samsa.mutate/1", Digest: t.digest, Runs: o.runs, Skipped: []Skip{}, Results: []Result{}, Today: []Today{}, Failing: []string{}}
	reach, mutants, err := t.choose(ctx, o, report)
	switch {
	case err != nil && ctx.Err() != nil:
		return exitInterrupted, errors.New("interrupted before the first mutant; the original's runs were not complete")
	case err != nil:
		return exitUsage, err
	case o.list:
		for _, m := range mutants {
			fmt.Fprintf(stdout, "%s\n    %s:%d  %s\n", m.ID, m.File, m.Line, m.Change)
		}
		for _, x := range report.Today {
			fmt.Fprintf(stdout, "%s\n    the code has this mistake today: %s\n", x.ID, x.Reason)
		}
		return exitOK, nil
	}
	err = t.tryAll(ctx, mutants, reach, results, report)
	report.Interrupted = ctx.Err() != nil
	if err != nil && !report.Interrupted {
		return exitUsage, err
	}
	for i := range report.Results {
		report.Results[i].read(readings)
	}
	report.finish()
	if !o.json {
		report.write(stdout)
		return codeOf(report), nil
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	return codeOf(report), out.Encode(report)
}

// codeOf returns the exit code.
func codeOf(r *Report) int {
	switch {
	case r.Interrupted:
		return exitInterrupted
	case slices.ContainsFunc(r.Results, func(x Result) bool { return x.Operator == "planted" && x.State != Killed }):
		return exitSurvived
	}
	return exitOK
}
