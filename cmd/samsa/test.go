package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"samsa/scenarios"
	"samsa/scenarios/view"
)

// testFlags are the flags of `samsa test`.
type testFlags struct {
	commonFlags
	seeds   int
	rewrite bool
}

// testCommand tests what scenario files say.
func (a *app) testCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Tests the claims and the recorded outputs of scenario files",
		Long: "Runs each file on its own seed, and compares the outputs of its blocks with those that it has recorded after ---- lines. " +
			"Its claims (expect, saw, run until) must hold on that seed and on 20 seeds derived from it, and nothing may be violated that it " +
			"does not expect. The derived seeds show whether a claim holds in general, or on one seed by luck.\n\n" +
			"FILE is a scenario file, a directory of them, or a name (samsa list scenarios). --rewrite records the outputs anew; read the " +
			"difference before you keep it. The same files give the same report for any number of jobs.\n\n" +
			exitCodes + " The worst of all files counts, and an output that is not the recorded one is a claim that is not met.\n\n" +
			`With --json there is exactly one object on stdout: schema "samsa.test/1".`,
		Example: "  samsa test mine.txt\n" +
			"  samsa test ./scenarios --seeds 100\n" +
			"  samsa test mine.txt --rewrite && git diff mine.txt",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(helpOf(cmd), "%s needs a scenario file", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.test(args, f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.seeds, "seeds", 20, "runs each file on `N` derived seeds besides its own")
	flags.BoolVar(&f.rewrite, "rewrite", false, "writes the outputs of each file's own seed into the file")
	f.common(cmd, "jobs", "json")
	return cmd
}

// tested is a file under test.
type tested struct {
	name    string
	path    string // empty for a scenario that is compiled in
	program *scenarios.Program
	seeds   []uint64
	results []*scenarios.Trial // one for each seed; nil until the run has ended
}

// test implements `samsa test`.
func (a *app) test(args []string, f testFlags) error {
	if f.seeds < 0 {
		return usage("samsa test FILE --seeds 20", "--seeds must be a number from 0, not %d", f.seeds)
	}
	if err := knownJobs("samsa test FILE", f.jobs); err != nil {
		return err
	}
	files, err := filesToTest(args, f)
	if err != nil {
		return err
	}
	report := view.NewTrials(f.seeds)
	var unwritten error
	report.Interrupted = a.tryAll(files, f.jobs, func(t *tested) {
		one := view.NewFileTrials(t.name, t.program.Seed())
		for _, trial := range t.results {
			if trial == nil {
				trial = &scenarios.Trial{Stopped: true}
			}
			if f.rewrite && trial.Own && !trial.Stopped {
				rewritten, err := rewriteOutputs(t, trial)
				one.Rewritten = rewritten
				unwritten = errors.Join(unwritten, err)
			}
			one.Add(*trial)
		}
		report.Add(one)
		if !f.json {
			fmt.Fprint(a.out, one.Text())
		}
	})
	if a.code = codeOf(report.End()); report.Interrupted {
		a.code = exitInterrupted
	}
	if f.json {
		a.printJSON(report)
	} else {
		fmt.Fprint(a.out, report.Closing())
	}
	if unwritten != nil {
		return usage("", "%v", unwritten)
	}
	return nil
}

// filesToTest loads all files before any of them runs, so that a mistake in the last file is not reported after minutes.
func filesToTest(args []string, f testFlags) ([]*tested, error) {
	var files []*tested
	var mistakes []*scenarios.Error
	for _, arg := range args {
		names, err := namesIn(arg)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			program, err := load("test", name)
			var u *usageError
			if errors.As(err, &u) && len(u.details) > 0 {
				mistakes = append(mistakes, u.details...)
				continue
			}
			if err != nil {
				return nil, err
			}
			t := &tested{name: name, path: name, program: program, seeds: append([]uint64{program.Seed()}, scenarios.DerivedSeeds(program.Seed(), f.seeds)...)}
			if _, compiledIn := scenarios.Source(name); compiledIn {
				if t.path = ""; f.rewrite {
					return nil, usage(fmt.Sprintf("samsa print %s > mine.txt", name), "--rewrite needs a file, and %s is compiled in", name)
				}
			}
			if slices.ContainsFunc(files, func(have *tested) bool { return have.name == name }) {
				continue
			}
			t.results = make([]*scenarios.Trial, len(t.seeds))
			files = append(files, t)
		}
	}
	if len(mistakes) > 0 {
		u := usage("samsa list verbs", "%s", mistakes[0].Error())
		if u.details = mistakes; mistakes[0].Verb != "" {
			u.next = "samsa help " + mistakes[0].Verb
		}
		return nil, u
	}
	return files, nil
}

// namesIn returns a name itself, or the scenario files of a directory.
func namesIn(arg string) ([]string, error) {
	if _, compiledIn := scenarios.Source(arg); compiledIn {
		return []string{arg}, nil
	}
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		return []string{arg}, nil // load reports a file that cannot be opened
	}
	names, err := filepath.Glob(filepath.Join(arg, "*.txt"))
	if err != nil || len(names) == 0 {
		return nil, usage("samsa help test", "the directory %s has no file that ends in .txt", arg)
	}
	return names, nil
}

// tryAll runs all seeds of all files, and tries several seeds at once. It calls done with a file when all runs of this
// file and of all files before it have ended. If it was interrupted, it returns true and leaves out files without a
// complete run.
func (a *app) tryAll(files []*tested, jobs int, done func(*tested)) (interrupted bool) {
	type place struct{ file, seed int }
	type ended struct {
		place
		trial scenarios.Trial
	}
	work, results := make(chan place), make(chan ended, jobs)
	total := 0
	for _, t := range files {
		total += len(t.seeds)
	}
	for range jobs {
		go func() {
			for p := range work {
				t := files[p.file]
				results <- ended{p, scenarios.Try(t.program, t.seeds[p.seed], a.pressed)}
			}
		}()
	}
	go func() {
		defer close(work)
		for i, t := range files {
			for k := range t.seeds {
				work <- place{i, k}
			}
		}
	}()
	m := a.meter()
	next := 0
	for n := range total {
		r := <-results
		files[r.file].results[r.seed] = &r.trial
		for next < len(files) && !slices.Contains(files[next].results, nil) {
			m.wipe()
			if !a.pressed() || slices.ContainsFunc(files[next].results, func(t *scenarios.Trial) bool { return !t.Stopped }) {
				done(files[next])
			}
			next++
		}
		m.tick(func(spent time.Duration) string {
			return fmt.Sprintf("%d of %s  %s%s", n+1, counted(total, "run"), filepath.Base(files[r.file].name), eta(spent, n+1, total))
		})
	}
	m.wipe()
	return a.pressed()
}

// rewriteOutputs writes the outputs of a run into its file if the file has other outputs, and removes the breaches about
// outputs from the trial. If the run ended early, it does not have all outputs, and the file does not change.
func rewriteOutputs(t *tested, trial *scenarios.Trial) (rewritten bool, err error) {
	if trial.Outputs == nil {
		trial.Breaches = append(trial.Breaches, scenarios.Breach{End: scenarios.Unmet, Text: "the outputs are not rewritten, because the run ended before its last line"})
		return false, nil
	}
	before := t.program.File.String()
	after := t.program.File.Rewrite(trial.Outputs)
	if after == before {
		return false, nil
	}
	if err := replaceFile(t.path, []byte(after)); err != nil {
		return false, err
	}
	trial.Breaches = slices.DeleteFunc(trial.Breaches, func(b scenarios.Breach) bool { return b.Got != b.Want })
	return true, nil
}

// replaceFile writes the text to a new file in the same directory, and then renames the new file to path. So a full disk
// loses nothing.
func replaceFile(path string, text []byte) error {
	mode := fs.FileMode(0o666)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	beside, err := os.CreateTemp(filepath.Dir(path), ".samsa-*")
	if err != nil {
		return fmt.Errorf("cannot write %s, which is as it was: %w", path, err)
	}
	defer os.Remove(beside.Name()) // after the rename there is nothing to remove
	_, err = beside.Write(text)
	err = errors.Join(err, beside.Chmod(mode), beside.Close())
	if err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s, which is as it was: %w", path, err)
	}
	return nil
}
