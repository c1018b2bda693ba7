package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsa/scenarios/view"
)

// diffCommand compares two runs.
func (a *app) diffCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "diff A [B]",
		Short: "Compares two runs: the first event that differs, and what follows",
		Long: "Runs two scenarios side by side and prints the first event that differs, then for each machine the first note that " +
			"differs, then the findings that differ. With one scenario, a is the scenario as written and b is the same scenario under " +
			"the flags. With two, the flags apply to both.\n\n" +
			"A and B are names (samsa list scenarios) or paths of files. In the output, a is the first run and b the second.\n\n" +
			"Exit codes, as those of diff(1): 0 the runs are the same, event by event; 1 they differ; 2 wrong usage or a malformed " +
			"scenario. Also 70 a bug of Samsa's, and 130 interrupted, with the comparison so far. What the judges found does not change " +
			`the exit code. With --json there is exactly one object on stdout: schema "samsa.diff/1".`,
		Example: "  samsa diff museum-m1 --rule M1\n" +
			"  samsa diff leader-failover --seed 8\n" +
			"  samsa diff samsa-found/seed-7.txt samsa-found/seed-7-small.txt",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exactly(1, "one or two scenarios")(cmd, args)
		},
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.diff(args, f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.seed, "seed", "", "the seed `N` of all random decisions; overrides the file's")
	flags.StringArrayVar(&f.set, "set", nil, "sets a config, `NAME=VALUE`, instead of the file's value; may be repeated")
	flags.StringArrayVar(&f.rules, "rule", nil, "enables the old rule `ID`; may be repeated")
	flags.BoolVar(&f.json, "json", false, "prints one JSON object instead of text")
	return cmd
}

// diff implements `samsa diff`.
func (a *app) diff(names []string, f runFlags) error {
	if len(names) == 1 && f.seed == "" && len(f.set)+len(f.rules) == 0 {
		return usage("samsa diff "+names[0]+" --seed 8", "samsa diff needs a second scenario, or a --rule, --set or --seed to compare %s with", names[0])
	}
	flags := [2]runFlags{f, f}
	if len(names) == 1 {
		names, flags[0] = append(names, names[0]), runFlags{}
	}
	var of [2]view.Diffed
	for i, name := range names {
		j, err := understand(name, flags[i])
		if err != nil {
			return hintOf("diff", err)
		}
		if flags[i].seed != "" {
			j.again = " --seed " + flags[i].seed + j.again
		}
		of[i] = view.Diffed{Name: "samsa run " + shellWord(name) + j.again, Program: j.program, Options: j.options}
	}
	d := view.NewDiffer(of[0], of[1])
	defer d.Close()
	defer func() {
		if p := recover(); p != nil {
			a.internal(p, &job{json: f.json, again: of[0].Name + "; " + of[1].Name}, "")
		}
	}()
	interrupted, err := a.watch(d.Advance, d.Progress)
	if err != nil {
		return usage("", "%v", err)
	}
	out := d.Diff()
	out.Interrupted = interrupted
	switch {
	case interrupted:
		a.code = exitInterrupted
	case !out.Equal:
		a.code = exitViolated // 1, the exit code of diff(1) for a difference
	}
	if f.json {
		a.printJSON(out)
		return nil
	}
	fmt.Fprint(a.out, out.Text())
	return nil
}

// hintOf replaces samsa run in the hint of an error by the command that was typed.
func hintOf(command string, err error) error {
	var u *usageError
	if errors.As(err, &u) {
		u.next = strings.Replace(u.next, "samsa run ", "samsa "+command+" ", 1)
	}
	return err
}

// watch calls advance until it returns false or the user presses Ctrl-C. On a terminal it shows a line of progress on
// stderr.
func (a *app) watch(advance func(int) (bool, error), progress func() (uint64, int64)) (interrupted bool, err error) {
	const quantum = 1 << 12 // the events between two checks for Ctrl-C; they take a few milliseconds
	shown, next := false, a.now().Add(300*time.Millisecond)
	defer func() {
		if shown {
			fmt.Fprintf(a.err, "\r%60s\r", "")
		}
	}()
	for more := true; more && err == nil; {
		if a.pressed() {
			return true, nil
		}
		more, err = advance(quantum)
		if a.errTTY && a.now().After(next) {
			events, now := progress()
			fmt.Fprintf(a.err, "\r%d events  %s of virtual time ", events, view.Seconds(now))
			shown, next = true, a.now().Add(100*time.Millisecond)
		}
	}
	return false, err
}
