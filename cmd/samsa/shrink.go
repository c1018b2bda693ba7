package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/scenarios/shrink"
)

// shrinkFlags are the flags of `samsa shrink`.
type shrinkFlags struct {
	commonFlags
	out, check string
	lasts      time.Duration // real time, which is read only between runs
}

// shrinkCommand makes a failing scenario small.
func (a *app) shrinkCommand() *cobra.Command {
	var f shrinkFlags
	cmd := &cobra.Command{
		Use:   "shrink SCENARIO",
		Short: "Makes a failing scenario small: the few lines that its failure needs",
		Long: "Runs a failing scenario again and again with fewer lines, machines and records, shorter times and calmer noise, and keeps " +
			"what still fails in the same way: the same check, role and kind. It ends when no single line can go. The result is a " +
			"scenario file with its story and the command that repeats it.\n\n" +
			"SCENARIO is the path of a file, or a name (samsa list scenarios). The result is written to FILE-small.txt beside it. An " +
			"earlier result of samsa shrink there is replaced; any other file is only replaced if --output names it, and the " +
			"scenario itself never is. Ctrl-C ends the search and writes the smallest scenario so far.\n\n" +
			"Exit codes: 0 a small scenario is written; 2 wrong usage, a scenario that does not fail, or a result that cannot be " +
			"written; 70 a bug of Samsa's; 130 interrupted, the smallest scenario so far is written. With --json there is exactly one " +
			`object on stdout: schema "samsa.shrink/1", or "samsa.error/1" if there is nothing to shrink.`,
		Example: "  samsa shrink samsa-found/seed-6.txt\n" +
			"  samsa shrink museum-m1 --rule M1 --check truncation-licensed\n" +
			"  samsa shrink mine.txt --for 30s -o small.txt",
		Args:              exactly(1, "one scenario"),
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.shrink(args[0], f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.out, "output", "o", "", "writes the result to `FILE`, whatever is there")
	flags.StringVar(&f.check, "check", "", "keeps the violation of `CHECK`; otherwise the worst failure")
	f.common(cmd, "rule", "mode")
	flags.DurationVar(&f.lasts, "for", 0, "ends the search after `TIME`; otherwise when no line can go")
	f.common(cmd, "jobs", "json")
	return cmd
}

// shrinkReport is the object that --json prints.
type shrinkReport struct {
	Schema      string     `json:"schema"` // "samsa.shrink/1"
	Scenario    string     `json:"scenario"`
	Small       string     `json:"small"` // the file that was written
	Check       string     `json:"check"`
	Fingerprint string     `json:"fingerprint"`
	Text        string     `json:"text"` // the failure in words, with the names of the small scenario
	Rules       []string   `json:"rules"`
	Was         shrinkSize `json:"was"`
	Is          shrinkSize `json:"is"`
	Runs        int        `json:"runs"`
	Salts       int        `json:"salts"`       // the number of other draws of the noise that were tried
	SaltsFail   int        `json:"salts_fail"`  // the number of those draws with which it fails too
	Interrupted bool       `json:"interrupted"` // by Ctrl-C
	Ended       bool       `json:"ended_early"` // by Ctrl-C or --for, so more lines may be unnecessary
	Again       string     `json:"again"`
}

// shrinkSize is the size of a scenario.
type shrinkSize struct {
	Lines      int `json:"lines"`
	Faults     int `json:"faults"`
	Operations int `json:"operations"`
}

// saltsTried is the number of other draws of the noise with which a small scenario is run.
const saltsTried = 20

// shrinking is one search that a command runs.
type shrinking struct {
	*app
	name    string
	src     []byte
	program *scenarios.Program
	rules   []string // of the command line
	target  explore.Failure
	mode    scenarios.Mode
	out     string
	jobs    int
	lasts   time.Duration

	meter *meter // also of the time at which the search began
}

// shrink implements `samsa shrink`.
func (a *app) shrink(name string, f shrinkFlags) error {
	j, err := a.understandShrink(name, f)
	if err != nil {
		return err
	}
	first, err := explore.Replay(j.program, explore.Options{Mode: j.mode, Events: scenarios.DefaultEvents})
	if err != nil {
		return usage("", "%s cannot be run: %v", name, err)
	}
	if j.target, err = j.choose(first.Failures, f.check); err != nil {
		return err
	}
	small, report, err := j.search()
	if err != nil {
		return err
	}
	if err := j.write(small); err != nil {
		lost := a.out // the result is printed, so that the search was not for nothing
		if f.json {
			lost = a.err
		}
		fmt.Fprintf(lost, "%s", small)
		return err
	}
	if report.Interrupted {
		a.code = exitInterrupted
	}
	if f.json {
		a.printJSON(report)
		return nil
	}
	fmt.Fprint(a.out, report.text())
	return nil
}

// understandShrink reports every mistake in the flags before the first run.
func (a *app) understandShrink(name string, f shrinkFlags) (*shrinking, error) {
	j := &shrinking{app: a, name: name, rules: f.rules, jobs: f.jobs, lasts: f.lasts, meter: a.meter()}
	var err error
	if j.src, err = source("shrink", name); err != nil {
		return nil, err
	}
	if j.program, err = load("shrink", name); err != nil {
		return nil, err
	}
	if f.lasts < 0 {
		return nil, usage("samsa shrink "+name+" --for 60s", "--for must be a time such as 60s, not %s", f.lasts)
	}
	if err := knownJobs("samsa shrink "+name, f.jobs); err != nil {
		return nil, err
	}
	if err := knownRules(f.rules); err != nil {
		return nil, err
	}
	if j.mode, err = modeOf(f.mode, "samsa help shrink"); err != nil {
		return nil, err
	}
	if err := j.enable(f.rules); err != nil {
		return nil, err
	}
	if f.check != "" && f.check != scenarios.OfRest {
		if err := knownCheck("--check", f.check); err != nil {
			return nil, err
		}
	}
	j.out = f.out
	if j.out == "" {
		j.out = smallName(name)
	}
	return j, j.mayWrite(f.out != "")
}

// enable adds rule lines to the scenario for the old rules of the command line, so that the result needs no flag.
func (j *shrinking) enable(rules []string) (err error) {
	have := j.program.Rules()
	for _, id := range slices.Backward(rules) {
		if !slices.Contains(have, id) {
			have = append(have, id)
			j.src = append([]byte("rule "+id+"\n"), j.src...)
		}
	}
	j.program, err = scenarios.Load(j.name, j.src)
	return err
}

// smallName returns the default name of the result for a scenario.
func smallName(name string) string {
	return strings.TrimSuffix(name, ".txt") + "-small.txt"
}

// mayWrite refuses a file that must not be replaced, and a folder that cannot be written to, before the search.
func (j *shrinking) mayWrite(named bool) error {
	again := "samsa shrink " + shellWord(j.name) + ruleFlags(j.rules) + " -o other.txt"
	if sameFile(j.name, j.out) {
		return usage(again, "%s is the scenario itself, which samsa shrink never replaces", j.out)
	}
	switch info, err := os.Stat(j.out); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return usage(again, "cannot write the result: %v", err)
	case info.IsDir():
		return usage(again, "cannot write the result: %s is a folder", j.out)
	case !info.Mode().IsRegular() && named:
		return nil // a device or a pipe, which has nothing to lose
	case !named && !madeByShrink(j.out):
		return usage(again, "%s exists and samsa shrink did not write it; --output names another file, or this one to replace it", j.out)
	}
	probe, err := os.CreateTemp(filepath.Dir(j.out), ".samsa-shrink-*")
	if err != nil {
		return usage(again, "cannot write the result: %v", err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// madeByShrink reports whether a file is an earlier result of samsa shrink.
func madeByShrink(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(shrink.Made))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == shrink.Made
}

// sameFile reports whether two paths are one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// choose returns the failure that the small scenario must have: that of --check, or the worst one. A bug in Samsa itself
// is the worst failure. The next worst is a violation, and then a cluster that does not become quiet.
func (j *shrinking) choose(failures []explore.Failure, name string) (explore.Failure, error) {
	var broken []string
	for _, f := range failures {
		if !slices.Contains(broken, f.Check) {
			broken = append(broken, f.Check)
		}
	}
	for _, found := range j.program.Found() { // the failure for which the file was saved
		for _, f := range failures {
			if f.Fingerprint() == found.Fingerprint() && f.Verdict != explore.Unknown && (name == "" || f.Check == name) {
				return f, nil
			}
		}
	}
	for _, verdict := range [...]explore.Verdict{explore.Internal, explore.Violated, explore.Stuck} {
		for _, f := range failures {
			if f.Verdict == verdict && (name == "" || f.Check == name) {
				return f, nil
			}
		}
	}
	run := "samsa run " + shellWord(j.name) + ruleFlags(j.rules)
	for _, f := range failures {
		if f.Verdict == explore.Unknown {
			return f, usage(run, "%s did not end within %d events, so no smaller scenario can be compared with it", j.name, scenarios.DefaultEvents)
		}
	}
	if len(broken) > 0 {
		return explore.Failure{}, usage("samsa shrink "+shellWord(j.name)+ruleFlags(j.rules)+" --check "+broken[0],
			"%s does not violate %s; it fails with %s", j.name, name, strings.Join(broken, ", "))
	}
	return explore.Failure{}, j.holds(name)
}

// holds returns the error for a scenario that does not fail. The error says under which old rules the scenario fails.
func (j *shrinking) holds(name string) error {
	what := "does not fail"
	if name != "" {
		what = "does not violate " + name
	}
	if rules := j.program.Rules(); len(rules) > 0 {
		return usage("samsa run "+shellWord(j.name)+ruleFlags(j.rules), "%s %s with the old rules %s; there is nothing to shrink", j.name, what, strings.Join(rules, ", "))
	}
	var under []string
	for _, id := range ruleNames() {
		if j.stop() || slices.Contains(under, id) {
			break
		}
		r, err := explore.Replay(j.program, explore.Options{Rules: []string{id}})
		if err == nil && slices.ContainsFunc(r.Failures, func(f explore.Failure) bool {
			return (f.Verdict == explore.Violated || f.Verdict == explore.Stuck) && (name == "" || f.Check == name)
		}) {
			under = append(under, id)
		}
	}
	if len(under) == 0 {
		return usage("samsa explore --first", "%s %s, with no old rule either; there is nothing to shrink", j.name, what)
	}
	return usage("samsa shrink "+shellWord(j.name)+" --rule "+under[0], "%s %s; under these old rules it does: %s", j.name, what, strings.Join(under, ", "))
}

// stop reports whether the search must end.
func (j *shrinking) stop() bool {
	return j.pressed() || j.lasts > 0 && j.now().Sub(j.meter.began) >= j.lasts
}

// search runs the search. It returns the file of the small scenario and the report.
func (j *shrinking) search() ([]byte, shrinkReport, error) {
	s := &shrink.Shrinker{
		Try: shrink.Replaying(explore.Options{Mode: j.mode}), Noise: shrink.Deciding(explore.Options{}), Target: j.target, Jobs: j.jobs, Stop: j.stop, Progress: j.progress,
	}
	if j.target.Verdict != explore.Internal { // guard mode alone finds a message that was changed
		for _, m := range [...]scenarios.Mode{scenarios.ModePointer, scenarios.ModeWire, scenarios.ModeGuard} {
			s.Confirm = append(s.Confirm, shrink.Replaying(explore.Options{Mode: m}))
		}
	}
	small, err := s.Shrink(j.src)
	j.meter.wipe()
	if err != nil {
		return nil, shrinkReport{}, usage("samsa run "+shellWord(j.name)+ruleFlags(j.rules), "%s cannot be shrunk: %v", j.name, err)
	}
	r := shrinkReport{
		Schema: "samsa.shrink/1", Scenario: j.name, Small: j.out, Check: j.target.Check, Fingerprint: j.target.Fingerprint(), Text: small.Failure.Text,
		Runs: small.Tries, Interrupted: j.pressed(), Ended: small.Stopped,
		Again: "samsa run " + shellWord(j.out) + modeFlag(j.mode),
	}
	if !small.Stopped {
		r.Salts, r.SaltsFail = saltsTried, s.Salted(&small, saltsTried)
	}
	is, err := scenarios.Load(j.out, small.Text)
	if err != nil {
		return nil, r, usage("", "the result cannot be read: %v", err)
	}
	r.Rules = append([]string{}, is.Rules()...)
	about := shrink.About{From: filepath.Base(j.name), Was: shrink.SizeOf(j.program), Rules: describeRules(r.Rules), Again: r.Again, Salts: r.Salts, Fails: r.SaltsFail,
		Found: small.Failure.FoundLine(small.Hash, 0, version())}
	r.Was, r.Is = shrinkSize(about.Was), shrinkSize(shrink.SizeOf(is))
	return small.File(about), r, nil
}

// describeRules names old rules for a comment.
func describeRules(ids []string) (all []string) {
	for _, id := range ids {
		for _, r := range scenarios.OldRules() {
			if r.ID == id {
				all = append(all, fmt.Sprintf("the old rule %s (%s)", id, r.Source))
				break
			}
		}
	}
	return all
}

// write writes the result in one step, so that no interruption leaves half a file.
func (j *shrinking) write(small []byte) error {
	next := "samsa shrink " + shellWord(j.name) + ruleFlags(j.rules) + " -o other.txt"
	fail := func(err error) error { return usage(next, "cannot write the result: %v", err) }
	out, err := filepath.EvalSymlinks(j.out) // so that a link stays a link
	if err != nil {
		out = j.out
	}
	if info, err := os.Stat(out); err == nil && !info.Mode().IsRegular() {
		// A device or a pipe must not be replaced by a file.
		if err := os.WriteFile(out, small, 0o644); err != nil {
			return fail(err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".samsa-shrink-*")
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(small)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), out)
	}
	if err != nil {
		os.Remove(f.Name())
		return fail(err)
	}
	return nil
}

// progress shows how far the search is.
func (j *shrinking) progress(p shrink.Progress) {
	j.meter.tick(func(spent time.Duration) string {
		return fmt.Sprintf("%s of %d left after %s in %s: %s", counted(p.Lines, "line"), p.From, counted(p.Tries, "run"), spent.Round(time.Second), p.Pass)
	})
}

// text returns the report as text.
func (r shrinkReport) text() string {
	var b strings.Builder
	word := "VIOLATED"
	if check.Named(r.Check) == nil {
		word = "FAILS"
	}
	fmt.Fprintf(&b, "%-9s %s\n", word, r.Fingerprint)
	fmt.Fprintf(&b, "was       %s\nis        %s, after %s\n", r.Was, r.Is, counted(r.Runs, "run"))
	if r.Salts > 0 {
		fmt.Fprintf(&b, "noise     it also fails on %d of %d other draws\n", r.SaltsFail, r.Salts)
	}
	switch {
	case r.Interrupted:
		b.WriteString("ended     interrupted; this is the smallest scenario so far\n")
	case r.Ended:
		b.WriteString("ended     by --for; this is the smallest scenario so far\n")
	}
	fmt.Fprintf(&b, "small     %s\nagain     %s\n", r.Small, r.Again)
	return b.String()
}

// String returns the size in words.
func (n shrinkSize) String() string { return shrink.Size(n).String() }

// shrinkTime is the real time for shrinking in a campaign without --for. All kinds of failure share it.
const shrinkTime = time.Minute

// shrinkKinds makes the first saved scenario of each kind of failure small, and writes the result beside it. The kinds share
// the time. If a scenario cannot be shrunk or saved, shrinkKinds prints a line on stderr and continues.
func (a *app) shrinkKinds(report *explore.Report, f exploreFlags, began time.Time) {
	mode, err := modeOf(f.mode, "samsa help explore")
	if err != nil {
		return // the flags have been checked before the campaign
	}
	until := a.now().Add(shrinkTime)
	if f.lasts > 0 {
		until = began.Add(f.lasts)
	}
	for i := range report.Kinds {
		k := &report.Kinds[i]
		left := until.Sub(a.now()) / time.Duration(len(report.Kinds)-i)
		if len(k.Files) == 0 || k.Verdict == explore.Unknown || left <= 0 || report.Interrupted {
			continue
		}
		from := k.Files[0]
		j := &shrinking{app: a, name: from, mode: mode, jobs: f.jobs, lasts: left, meter: a.meter(), out: smallOf(report, i)}
		err := j.mayWrite(false)
		if err == nil {
			err = j.shrinkKind(k)
		}
		if report.Interrupted = a.pressed(); err != nil {
			fmt.Fprintf(a.err, "samsa: %s is not made small: %v\n", from, err)
			continue
		}
		k.Small = j.out
	}
}

// smallOf returns the name of the small scenario of a kind of failure. A seed may be the first of several kinds.
func smallOf(report *explore.Report, i int) string {
	k := &report.Kinds[i]
	base, n := strings.TrimSuffix(k.Files[0], ".txt")+"-"+k.Check, 1
	for _, other := range report.Kinds[:i] {
		if len(other.Files) > 0 && other.Files[0] == k.Files[0] && other.Check == k.Check {
			n++
		}
	}
	if n > 1 {
		base += fmt.Sprintf("-%d", n)
	}
	return base + "-small.txt"
}

// shrinkKind makes the scenario of one kind small and writes it.
func (j *shrinking) shrinkKind(k *explore.Kind) (err error) {
	if j.src, err = os.ReadFile(j.name); err != nil {
		return err
	}
	if j.program, err = scenarios.Load(j.name, j.src); err != nil {
		return err
	}
	_, kind, _ := strings.Cut(k.Fingerprint, ": ")
	j.target = explore.Failure{Verdict: k.Verdict, Check: k.Check, Kind: kind}
	small, _, err := j.search()
	if err != nil {
		return err
	}
	return j.write(small)
}
