package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/view"
)

// runFlags are the flags of `samsa run`.
type runFlags struct {
	commonFlags
	trace, html string
	expect      []string
}

// runCommand runs a scenario once.
func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Runs a scenario: its story, and a verdict",
		Long: "Runs a scenario once and prints its story: which broker led, which records were lost, which response each client got, and " +
			"the findings of the checks. The same seed gives the same bytes.\n\n" +
			"SCENARIO is a name (samsa list scenarios) or the path of a file.\n\n" +
			"With --seed, --set or --rule the file's claims and found lines are reported and do not count, because they are about " +
			"the run of the file as it is. With --until, the safety properties are judged as far as the run came, and liveness is not.\n\n" +
			exitCodes + "\n\nWith --json there is exactly one object on stdout: " +
			`schema "samsa.run/1", or "samsa.error/1" if nothing could be run.`,
		Example: "  samsa run leader-failover\n" +
			"  samsa run leader-failover --seed 7 --set min.insync.replicas=1\n" +
			"  samsa run museum-m1 --rule M1 --expect violated:truncation-licensed\n" +
			"  samsa run ./mine.txt --json",
		Args:              exactly(1, "one scenario"),
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.run(args[0], f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	f.common(cmd, "seed", "set", "rule", "until", "mode")
	flags := cmd.Flags()
	flags.StringArrayVar(&f.expect, "expect", nil, "expects `violated:CHECK,...`; it fails without them; may be repeated")
	flags.StringVar(&f.trace, "trace", "", "writes every note to `FILE`, one JSON object a line")
	flags.StringVar(&f.html, "html", "", "writes the story and the verdict to `FILE` too, as one page")
	f.common(cmd, "json")
	_ = cmd.RegisterFlagCompletionFunc("expect", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var all []string
		for _, c := range check.All() {
			all = append(all, "violated:"+c.Name)
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// job is one run with its parsed flags.
type job struct {
	name     string // as the user wrote it
	program  *scenarios.Program
	options  scenarios.RunOptions
	until    uint64   // the step to stop at; 0 runs to the end
	expected []string // the checks of --expect
	json     bool
	html     string // the file for the page; empty if none
	again    string // the command that repeats the run
}

// run implements `samsa run`.
func (a *app) run(name string, f runFlags) (err error) {
	j, err := f.job(name)
	if err != nil {
		return err
	}
	if f.trace != "" {
		t, err := newTrace(f.trace)
		if err != nil {
			return err
		}
		defer func() {
			if e := t.close(); e != nil && err == nil {
				err = usage("", "cannot write %s: %v", f.trace, e)
			}
		}()
		j.options.Heard = t.heard
		return a.play(j, t)
	}
	return a.play(j, nil)
}

// job makes a job from the flags and reports every mistake in them before anything runs.
func (f runFlags) job(name string) (*job, error) {
	j, err := understand("run", name, f.commonFlags)
	if err != nil {
		return nil, err
	}
	j.html = f.html
	for _, s := range f.expect {
		names, err := understandExpect(s)
		if err != nil {
			return nil, err
		}
		j.expected = append(j.expected, names...)
	}
	return j, nil
}

// understandExpect reads the value of --expect, such as violated:CHECK,CHECK, and returns the checks. The prefix violated:
// may also stand before each of the later checks.
func understandExpect(s string) (names []string, err error) {
	status, rest, ok := strings.Cut(s, ":")
	if !ok || status != "violated" {
		return nil, usage("samsa list checks", "--expect must be violated:CHECK, not %q", s)
	}
	for name := range strings.SplitSeq(rest, ",") {
		name = strings.TrimPrefix(name, "violated:")
		if err := knownCheck("--expect "+s, name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// knownCheck refuses an unknown check.
func knownCheck(flag, name string) error {
	var names []string
	for _, c := range check.All() {
		names = append(names, c.Name)
	}
	if slices.Contains(names, name) {
		return nil
	}
	u := usage("samsa list checks", "%s: no check %q", flag, name)
	u.meant = scenarios.Nearest(name, names)
	return u
}

// load loads a scenario by its name or path. command is the subcommand that the hint in an error suggests.
func load(command, name string) (*scenarios.Program, error) {
	src, err := source(command, name)
	if err != nil {
		return nil, err
	}
	p, err := scenarios.Load(name, src)
	if es, ok := err.(scenarios.Errors); ok {
		next := "samsa list verbs"
		if es[0].Verb != "" {
			next = "samsa help " + es[0].Verb
		}
		return nil, &usageError{what: es[0].Error(), details: es, next: next}
	}
	if err == nil && p.Workload() != "" {
		return nil, needsTest(name, p.Workload())
	}
	return p, err
}

// needsTest refuses a file whose workload is the Go code of a test. Its hint is the command that runs the file.
func needsTest(name, test string) error {
	file, dir := name, ""
	if at := strings.LastIndex(name, "testdata/samsa/"); at > 0 { // the command must run in the directory of testdata
		file, dir = name[at:], "cd "+shellWord(name[:at])+" && "
	}
	return usage(fmt.Sprintf("%sgo test -run '%s' -samsa.file %s", dir, scenarios.TestPattern(test), shellWord(file)),
		"%s: its workload is Go code, which only %s has", name, test)
}

// source returns the text of a scenario, by its name or path. command is the subcommand that the hint in an error suggests.
func source(command, name string) ([]byte, error) {
	if src, ok := scenarios.Source(name); ok {
		return src, nil
	}
	file, err := os.Open(name)
	switch {
	case err == nil:
		defer file.Close()
		src, err := io.ReadAll(io.LimitReader(file, 2<<20)) // more than the parser accepts, so the parser reports the error
		if err != nil {
			return nil, usage("samsa list scenarios", "cannot read the scenario %s: %v", name, err)
		}
		return src, nil
	case strings.ContainsAny(name, "/\\") || strings.HasSuffix(name, ".txt"):
		return nil, usage("samsa list scenarios", "cannot open the scenario %s: %v", name, err)
	}
	u := usage("samsa list scenarios", "no scenario %q, neither compiled in nor as a file", name)
	if u.meant = scenarios.Nearest(name, scenarios.Library()); u.meant != "" {
		u.next = "samsa " + command + " " + u.meant
	}
	return nil, u
}

// play runs the job and prints the result. A panic of the world is reported with its seed.
func (a *app) play(j *job, t *trace) error {
	s := scenarios.New(j.program, j.options)
	t.names(s)
	seed := strconv.FormatUint(s.Seed(), 10)
	j.again = "samsa run " + shellWord(j.name) + " --seed " + seed + j.again
	defer func() {
		if p := recover(); p != nil {
			a.internal(p, j, seed)
		}
	}()
	interrupted, err := a.drive(s, j)
	if err != nil {
		return usage("", "%s cannot be run: %v", j.name, err)
	}
	stop := scenarios.Stop{Reason: scenarios.StopAtStep, Text: fmt.Sprintf("stopped at step %d, as requested; the findings are about the run so far", j.until)}
	if interrupted {
		stop = scenarios.Stop{Reason: scenarios.StopInterrupted, Text: "interrupted; the findings are about the run so far"}
	}
	v := scenarios.VerdictAt(s, stop)
	if v.Unsound != nil {
		a.internal(v.Unsound, j, seed)
		return nil
	}
	r := view.NewReport(j.name, v, j.expected...)
	r.Until, r.Again = j.until, j.again
	a.code = codeOf(v.Conclude(j.expected))
	if r.Interrupted = interrupted; interrupted {
		a.code = exitInterrupted
		r.Stopped = stop.Text // also if Ctrl-C came before the first event
	}
	marked := view.MarkStory(s, v, func() check.Finding { best, _ := bestFinding(j.program, v); return best })
	r.Marks = append(r.Marks, marked.Marks...)
	if j.html != "" {
		if err := (page{r, j.program.File.Story, marked}).write(j.html); err != nil {
			return err
		}
	}
	if j.json {
		a.printJSON(r)
		return nil
	}
	fmt.Fprint(a.out, view.Opening(j.name, seed, j.program.File.Story), view.StoryText(marked.Story), marked.Legend(), "\n", r.Closing())
	return nil
}

// drive runs the session to its end, to --until or to Ctrl-C.
func (a *app) drive(s *scenarios.Session, j *job) (interrupted bool, err error) {
	advance := s.Advance
	if j.until > 0 {
		// Advance by single events, because the next step may be many events away.
		advance = func(n int) (more bool, err error) {
			for more = s.Position() < j.until; n > 0 && more && err == nil; n-- {
				more, err = s.Advance(1)
				more = more && s.Position() < j.until
			}
			return more, err
		}
	}
	return a.watch(advance, func() (uint64, int64) {
		events, now := s.Progress()
		return events, int64(now)
	})
}

// watch calls advance until it returns false or the user presses Ctrl-C, and shows the progress of a run.
func (a *app) watch(advance func(int) (bool, error), progress func() (uint64, int64)) (interrupted bool, err error) {
	const quantum = 1 << 12 // the events between two checks for Ctrl-C; they take a few milliseconds
	m := a.meter()
	defer m.wipe()
	for more := true; more && err == nil; {
		if a.pressed() {
			return true, nil
		}
		more, err = advance(quantum)
		m.tick(func(time.Duration) string {
			events, now := progress()
			return fmt.Sprintf("%s  %s of virtual time", counted(int(events), "event"), view.Seconds(now))
		})
	}
	return false, err
}

// internal reports a bug in Samsa itself, with the command that repeats it.
func (a *app) internal(p any, j *job, seed string) {
	a.code = exitInternal
	if j.json {
		a.printJSON(errorReport{Schema: "samsa.error/1", Code: int(exitInternal), Message: fmt.Sprint(p), Seed: seed, Next: j.again})
		return
	}
	fmt.Fprintf(a.err, "samsa: internal error: %v\n  This is a bug of Samsa's, and the seed repeats it:\n    %s\n  Please report that line, the scenario and this build:\n    %s\n\n%s",
		p, j.again, build(), debug.Stack())
}

// shellWord quotes a word for a shell if necessary.
func shellWord(s string) string { return view.ShellWord(s) }
