// Command search finds, for each old rule, the first explored seed in which the check that the rule names fires. So it tells
// whether exploration, which knows no rule, would have found the flaw of each rule.
//
//	go run ./internal/search                  all rules, among the seeds 1 to 4000
//	go run ./internal/search M3 K2            only these
//	go run ./internal/search -with voters K13 this one, among the seeds with that family of faults
//	go run ./internal/search -plans DIR       and keeps the plan of each rule in DIR
//
//	seed ──run without old rules──▶ the rules that would have decided otherwise ──run with each of them──▶ its check fires?
//
// A rule changes a run only if it decides otherwise somewhere. So the run without old rules says which rules need a run of
// their own for this seed. The outcome is that of `samsa explore --rule ID --find CHECK`. A rule that leaves out an effect,
// such as a sync, changes every run. For such a rule, -with skips the seeds that cannot show it. The seed that is found is
// then not always the first one.
//
// Results are kept in a file of their own for each version of the program, so a call that is interrupted continues where it
// was. The command is a test tool; it starts no processes and takes hours for all rules, so `.ci/run` does not run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// Exit codes.
const (
	exitFound       = 0
	exitMissed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// options are the flags of the command.
type options struct {
	runs  int
	seed  uint64
	dir   string
	with  []string // families of faults and kinds of operations; a plan must have one of them; empty for all plans
	plans string   // the directory of the plans; empty if they are not kept
	rules []string // the ids
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "search:", err)
			os.Exit(exitUsage)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err == nil {
		err = os.MkdirAll(o.dir, 0o777)
	}
	var kept *store
	if err == nil {
		kept, err = openStore(o.dir, program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(exitUsage)
	}
	s := newSearch(o, kept, func(line string) { fmt.Fprintln(os.Stderr, line) })
	err = s.run(ctx)
	s.write(os.Stdout)
	stop()
	switch {
	case ctx.Err() != nil:
		os.Exit(exitInterrupted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(exitUsage)
	case s.missing() > 0:
		os.Exit(exitMissed)
	}
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("search", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, "examples:\n"+
			"  search                 all old rules\n"+
			"  search -runs 600 M3    one of them, among fewer seeds\n"+
			"  search -plans DIR      and keeps the plan of each rule in DIR\n\nflags:\n")
		f.PrintDefaults()
		fmt.Fprint(stderr, "\nexit codes: 0 all are found; 1 some are not; 2 wrong usage; 130 interrupted\n")
	}
	f.IntVar(&o.runs, "runs", 4000, "look among `N` seeds")
	f.Uint64Var(&o.seed, "seed", 1, "begin with `SEED`")
	f.StringVar(&o.dir, "dir", "searched", "keep results in `DIR`; a call continues where an earlier one of the same program ended")
	with := f.String("with", "", "only seeds with one of these `FAMILIES` of faults or kinds of operations, with commas between them")
	f.StringVar(&o.plans, "plans", "", "keep the plan in which a rule is found as `DIR`/RULE.txt")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *with != "" {
		o.with = strings.Split(*with, ",")
	}
	for _, name := range o.with {
		if drawn := append(explore.FaultFamilies(), explore.OperationKinds()...); !slices.Contains(drawn, name) {
			return o, fmt.Errorf("-with %s: there are %s", name, strings.Join(drawn, " "))
		}
	}
	if o.runs < 1 {
		return o, fmt.Errorf("-runs is a number from 1, not %d", o.runs)
	}
	var known []string
	for _, r := range scenarios.OldRules() {
		if !slices.Contains(known, r.ID) {
			known = append(known, r.ID)
		}
	}
	if o.rules = f.Args(); len(o.rules) == 0 {
		o.rules = known
	}
	for _, id := range o.rules {
		if !slices.Contains(known, id) {
			err := fmt.Errorf("there is no old rule %s; there are %s", id, strings.Join(known, " "))
			if near := scenarios.Nearest(id, known); near != "" {
				err = fmt.Errorf("there is no old rule %s (did you mean %s?); there are %s", id, near, strings.Join(known, " "))
			}
			return o, err
		}
	}
	return o, nil
}
