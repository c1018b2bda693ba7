package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// causeFlags are the flags of `samsa cause`.
type causeFlags struct {
	commonFlags
	futures int
}

// causeCommand finds the step at which a failure was decided.
func (a *app) causeCommand() *cobra.Command {
	var f causeFlags
	cmd := &cobra.Command{
		Use:   "cause SCENARIO [CHECK]",
		Short: "Finds the step at which a failure was decided",
		Long: "Runs a scenario that fails, rewinds it to some of its steps, and draws the noise after each of these steps anew, again " +
			"and again. Noise moves things in time and breaks nothing; the lines of the file stay. The share of these futures that fail " +
			"in the same way says whether the failure was decided by then. The search goes to the step at which the share rises " +
			"most.\n\n" +
			"SCENARIO is a name (samsa list scenarios) or the path of a file. CHECK is one of the checks that fail, or quiet if the " +
			"cluster does not become quiet. Without CHECK it is that of the file's found line; if that failure is gone, it says so. Without " +
			"found lines it is the one that an old rule is known for, or else the worst.\n\n" +
			"Exit codes: 0 there is a result; 2 wrong usage, a malformed scenario, or one that does not fail; 70 a bug of Samsa's; " +
			`130 interrupted, with the figures so far. With --json there is exactly one object on stdout: schema "samsa.cause/1".`,
		Example: "  samsa cause samsa-found/seed-437.txt\n" +
			"  samsa cause museum-m1 acked-durable --rule M1 --futures 50",
		Args:              oneOrTwo("a scenario, and at most one check"),
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.cause(args, f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	f.common(cmd, "seed", "set", "rule")
	cmd.Flags().IntVar(&f.futures, "futures", explore.DefaultFutures, "plays `N` futures of each rewind point")
	f.common(cmd, "json")
	return cmd
}

// cause implements `samsa cause`.
func (a *app) cause(args []string, f causeFlags) error {
	if f.futures < 1 || f.futures > 10_000 {
		return usage("samsa cause "+args[0]+" --futures 20", "--futures must be a number from 1 to 10000, not %d", f.futures)
	}
	j, err := understand("cause", args[0], f.commonFlags)
	if err != nil {
		return err
	}
	r := explore.Rewind{Name: args[0], Source: []byte(j.program.File.String()), Options: j.options, Futures: f.futures}
	if len(args) == 2 {
		r.Check = args[1]
		if err := knownFailure("cause", r.Check); err != nil {
			return err
		}
	}
	r.Stop = a.pressed
	m := a.meter()
	r.Tick = func(done, most int) {
		m.tick(func(time.Duration) string { return fmt.Sprintf("%s of at most %d", counted(done, "run"), most) })
	}
	defer func() {
		if p := recover(); p != nil {
			a.internal(p, &job{json: f.json, again: "samsa run " + shellWord(args[0]) + j.again}, "")
		}
	}()
	c, err := r.Find()
	m.wipe()
	var none *explore.RewindError
	switch {
	case errors.As(err, &none):
		next := "samsa run " + shellWord(args[0]) + j.again
		if len(none.Failures) > 0 {
			next = "samsa cause " + shellWord(args[0]) + " " + none.Failures[0] + j.again
		} else if len(f.rules) == 0 && !none.Budget {
			next = "samsa cause " + shellWord(args[0]) + " --rule ID, if an old rule makes it fail"
		}
		if none.Gone != nil {
			return goneError(none.Gone, args[0], next)
		}
		return usage(next, "%s: %v", args[0], err)
	case err != nil:
		return usage("", "%s cannot be run: %v", args[0], err)
	}
	if c.Interrupted {
		a.code = exitInterrupted
	}
	if f.json {
		a.printJSON(c)
		return nil
	}
	fmt.Fprint(a.out, c.Text())
	return nil
}

// knownFailure refuses a word that is neither a check nor quiet.
func knownFailure(command, name string) error {
	if slices.Contains(failureNames(), name) {
		return nil
	}
	u := usage("samsa list checks", "samsa %s: no check %q", command, name)
	u.meant = scenarios.Nearest(name, failureNames())
	return u
}

// failureNames lists the checks, and the word for a cluster that does not become quiet.
func failureNames() []string {
	names := []string{scenarios.OfRest}
	for _, c := range check.All() {
		names = append(names, c.Name)
	}
	return names
}
