package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsa/scenarios/view"
)

// diffCommand compares two runs.
func (a *app) diffCommand() *cobra.Command {
	var f commonFlags
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
		Args:              oneOrTwo("one or two scenarios"),
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.diff(args, f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	f.common(cmd, "seed", "set", "rule", "json")
	return cmd
}

// diff implements `samsa diff`.
func (a *app) diff(names []string, f commonFlags) error {
	if len(names) == 1 && f.seed == "" && len(f.set)+len(f.rules) == 0 {
		return usage("samsa diff "+names[0]+" --seed 8", "samsa diff needs a second scenario, or a --rule, --set or --seed to compare %s with", names[0])
	}
	flags := [2]commonFlags{f, f}
	if len(names) == 1 {
		names, flags[0] = append(names, names[0]), commonFlags{}
	}
	var of [2]view.Diffed
	for i, name := range names {
		j, err := understand("diff", name, flags[i])
		if err != nil {
			return err
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
