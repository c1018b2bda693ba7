package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
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
	lasts      time.Duration // the limit of --for in real time, which is read only between runs
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
			"SCENARIO is the path of a file, or a name (samsa list scenarios). --seed, --set and --rule change it first, and the result " +
			"has them in its lines. Of several failures the one is kept that a found line of the file names. A file without found lines: that " +
			"of the check of an old rule, or else the worst. --check names another, also if the found ones are gone. The result has a found line for every failure of its run, first for the one that was kept.\n\n" +
			"The result is written to FILE-small.txt beside the scenario. A file that is there is only replaced if it is a result of samsa " +
			"shrink, byte for byte (its checksum says so), about the same failure under the same rules, and not smaller than the new one. " +
			"Otherwise it is kept, and the result goes to FILE-small-2.txt, and so on. --output replaces any file but the scenario itself; " +
			"with - the result goes to stdout and the report to stderr. Ctrl-C ends the search and writes the smallest scenario so far.\n\n" +
			"Exit codes: 0 a small scenario is written; 2 wrong usage, a scenario that does not fail, or a result that cannot be " +
			"written; 70 a bug of Samsa's, such as a result that does not fail in each message mode; 130 interrupted: the smallest " +
			"scenario so far is written, if the scenario had run once. With --json there is exactly one object on stdout: schema " +
			`"samsa.shrink/1", or "samsa.error/1" if nothing was shrunk.`,
		Example: "  samsa shrink samsa-found/seed-6.txt\n" +
			"  samsa shrink museum-m1 --rule M1 --check truncation-licensed\n" +
			"  samsa shrink mine.txt --seed 7 --set min.insync.replicas=1\n" +
			"  samsa shrink mine.txt --for 30s -o small.txt",
		Args:              exactly(1, "one scenario"),
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.shrink(args[0], f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.out, "output", "o", "", "writes the result to `FILE`, whatever is there; - is stdout")
	flags.StringVar(&f.check, "check", "", "keeps the violation of `CHECK`; otherwise of the found line, or the worst")
	f.common(cmd, "seed", "set", "rule", "mode")
	flags.DurationVar(&f.lasts, "for", 0, "ends the search after `TIME`; otherwise when no line can go")
	f.common(cmd, "jobs", "json")
	return cmd
}

// shrinkReport is the object that --json prints.
type shrinkReport struct {
	Schema      string     `json:"schema"` // "samsa.shrink/1"
	Scenario    string     `json:"scenario"`
	Small       string     `json:"small"` // the file that was written; - is stdout
	Kept        []keptFile `json:"kept"`  // files that were there and are not replaced
	Check       string     `json:"check"`
	Fingerprint string     `json:"fingerprint"`
	Text        string     `json:"text"`   // the failure in words, with the names of the small scenario
	Others      []string   `json:"others"` // the fingerprints of the other failures of the small scenario
	Rules       []string   `json:"rules"`
	Was         shrinkSize `json:"was"`
	Is          shrinkSize `json:"is"`
	Runs        int        `json:"runs"`
	Salts       int        `json:"salts"`         // the number of other draws of the random noise that were tried
	SaltsFail   int        `json:"salts_fail"`    // the number of those draws with which the small scenario fails too
	Interrupted bool       `json:"interrupted"`   // Ctrl-C ended the search or a later run
	Ended       bool       `json:"ended_early"`   // Ctrl-C or --for ended the search, so more lines may be unnecessary
	Confirmed   bool       `json:"confirmed"`     // it fails in the same way in all message modes, and all were tried
	Bug         string     `json:"bug,omitempty"` // the message modes in which it does not; this is a bug in Samsa
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
	src     []byte             // the scenario, with the seed, the settings and the rules of the command line
	program *scenarios.Program // src as a program; its found lines are those of the file
	changes string             // the flags that change the scenario
	target  explore.Failure
	first   *shrink.Tried // the first run, if the command has done it
	mode    scenarios.Mode
	out     string
	named   bool // --output names the file
	json    bool
	jobs    int
	lasts   time.Duration
	confirm []shrink.Confirmation

	meter *meter // shows the progress, and has the time at which the search began
}

// shrunk is the result of a search, before it is written to a file.
type shrunk struct {
	small  shrink.Small
	about  shrink.About
	report shrinkReport
}

// shrink implements `samsa shrink`.
func (a *app) shrink(name string, f shrinkFlags) error {
	j, err := a.understandShrink(name, f)
	if err != nil {
		return err
	}
	j.say("running %s, to see how it fails", name)
	first, err := explore.Replay(j.program, explore.Options{Mode: j.mode, Events: j.budget(), Abandon: a.pressed})
	if err != nil {
		return usage("", "%s cannot be run: %v", name, err)
	}
	if first.Abandoned {
		return j.nothing("interrupted before the scenario had run once; nothing is written")
	}
	j.first = &shrink.Tried{Failures: first.Failures, Events: first.Events, Hash: first.Hash}
	if j.target, err = j.choose(first.Failures, f.check); err != nil {
		if a.pressed() {
			return j.nothing("interrupted; " + err.Error() + ", and nothing is written")
		}
		return err
	}
	j.say("shrinking it, %s at once: it must fail with\n  %s", counted(j.jobs, "world"), strings.ReplaceAll(scenarios.Wrap(j.target.Fingerprint(), 78), "\n", "\n  "))
	s, err := j.search()
	if err != nil {
		return err
	}
	return j.finish(s)
}

// finish writes the result and prints the report.
func (j *shrinking) finish(s *shrunk) error {
	if err := j.write(s); err != nil {
		lost := j.app.out // the result is printed, so that the search was not for nothing
		if j.json || j.out == stdout {
			lost = j.err
		}
		fmt.Fprintf(lost, "%s", s.small.File(s.about))
		return err
	}
	switch {
	case s.report.Bug != "":
		j.code = exitInternal
		fmt.Fprintf(j.err, "samsa: %s %s has the scenario; please report it.\n", s.report.Bug, s.report.Small)
	case s.report.Interrupted:
		j.code = exitInterrupted
	}
	switch {
	case j.json:
		j.printJSON(s.report)
	case j.out == stdout:
		fmt.Fprint(j.err, s.report.text())
	default:
		fmt.Fprint(j.app.out, s.report.text())
	}
	return nil
}

// nothing ends an interrupted command that has no result.
func (j *shrinking) nothing(text string) error {
	j.code = exitInterrupted
	j.tell(&job{json: j.json, again: "samsa shrink " + shellWord(j.name) + j.changes}, text)
	return nil
}

// say prints on stderr what begins now. A terminal shows a line of progress instead.
func (j *shrinking) say(format string, args ...any) {
	if !j.errTTY {
		fmt.Fprintf(j.err, format+"\n", args...)
	}
}

// budget returns the budget of events for the first run. It is the budget that samsa run has.
func (j *shrinking) budget() uint64 {
	least := uint64(scenarios.DefaultEvents)
	for _, f := range j.program.Found() {
		least = min(least, cmp.Or(f.Events, least))
	}
	return least
}

// understandShrink reports every mistake in the flags before the first run.
func (a *app) understandShrink(name string, f shrinkFlags) (*shrinking, error) {
	run, err := understand("shrink", name, f.commonFlags)
	if err != nil {
		return nil, err
	}
	j := &shrinking{app: a, name: name, json: f.json, jobs: f.jobs, lasts: f.lasts, meter: a.meter(), program: run.program, mode: run.options.Mode}
	if j.src, err = source("shrink", name); err != nil {
		return nil, err
	}
	if f.lasts < 0 {
		return nil, usage("samsa shrink "+name+" --for 60s", "--for must be a time such as 60s, not %s", f.lasts)
	}
	if err := knownJobs("samsa shrink "+name, f.jobs); err != nil {
		return nil, err
	}
	if f.check != "" && f.check != scenarios.OfRest {
		if err := knownCheck("--check", f.check); err != nil {
			return nil, err
		}
	}
	if err := j.change(run.options); err != nil {
		return nil, err
	}
	j.out, j.named = cmp.Or(f.out, smallName(name, 1)), f.out != ""
	j.confirmAll()
	return j, j.mayWrite()
}

// change puts the seed, the settings and the old rules of the command line into the scenario, so that the result needs no
// flag.
func (j *shrinking) change(o scenarios.RunOptions) (err error) {
	if o.Seed != nil || len(o.Set) > 0 {
		j.src = shrink.Altered(j.program, o.Seed, o.Set)
		for _, f := range j.program.Found() { // the found lines name the failure for which the file was saved
			j.src = append(j.src, f.Line.String()+"\n"...)
		}
	}
	if o.Seed != nil {
		j.changes += " --seed " + strconv.FormatUint(*o.Seed, 10)
	}
	for _, s := range o.Set {
		j.changes += " --set " + shellWord(s.Name+"="+s.Value)
	}
	j.changes += ruleFlags(o.Rules)
	have := j.program.Rules()
	for _, id := range slices.Backward(o.Rules) {
		if !slices.Contains(have, id) {
			have = append(have, id)
			j.src = append([]byte("rule "+id+"\n"), j.src...)
		}
	}
	j.program, err = scenarios.Load(j.name, j.src)
	return err
}

// confirmAll makes the search try its result in the other message modes. Ctrl-C ends these runs, and --for does not.
func (j *shrinking) confirmAll() {
	for _, m := range [...]scenarios.Mode{scenarios.ModePointer, scenarios.ModeWire, scenarios.ModeGuard} {
		if m != j.mode {
			j.confirm = append(j.confirm, shrink.Confirmation{Where: "in " + m.String() + " mode", Try: shrink.Replaying(explore.Options{Mode: m, Abandon: j.pressed})})
		}
	}
}

// choose returns the failure that the small scenario must have: one of --check, or that for which the file was saved, or the
// worst; see scenarios.Program.Subject.
func (j *shrinking) choose(failures []explore.Failure, name string) (explore.Failure, error) {
	f, err := j.program.Subject(failures, j.program.Rules(), name)
	var none *scenarios.SubjectError
	errors.As(err, &none)
	spent := func(f explore.Failure) bool { return f.Verdict == explore.Unknown }
	switch {
	case err == nil && !spent(f):
		return f, nil
	case slices.ContainsFunc(failures, spent):
		return f, usage("samsa run "+shellWord(j.name)+j.changes, "%s did not end within %d events, so no smaller scenario can be compared with it", j.name, j.budget())
	case len(none.Gone) > 0:
		return f, goneError(none, j.name, "samsa shrink "+shellWord(j.name)+j.changes+" --check "+none.Have[0].Check)
	case len(none.Have) > 0:
		return f, usage("samsa shrink "+shellWord(j.name)+j.changes+" --check "+none.Have[0].Check,
			"%s does not violate %s; it fails with %s", j.name, name, strings.Join(none.Checks(), ", "))
	}
	return f, j.holds(name)
}

// goneError returns the error for a run that fails, but with none of the failures of the file's found lines.
func goneError(e *scenarios.SubjectError, name, next string) error {
	return usage(next, "%s: %v; if that is the failure you mean, name its check", name, e)
}

// holds returns the error for a scenario that does not fail. The error names the old rules that may be missing.
func (j *shrinking) holds(name string) error {
	what := "does not fail"
	if name != "" {
		what = "does not violate " + name
	}
	if rules := j.program.Rules(); len(rules) > 0 {
		return usage("samsa run "+shellWord(j.name)+j.changes, "%s %s with the old rules %s; there is nothing to shrink", j.name, what, strings.Join(rules, ", "))
	}
	under, known := j.under(name)
	switch {
	case len(under) > 0:
		return usage("samsa shrink "+shellWord(j.name)+j.changes+" --rule "+under[0], "%s %s; under these old rules it does: %s", j.name, what, strings.Join(under, ", "))
	case len(known) > 0:
		return usage("samsa list rules", "%s %s, and no single old rule brings back what its found line names; old rules with that check are %s", j.name, what, strings.Join(known, ", "))
	}
	return usage("samsa explore --first", "%s %s, with no old rule either; there is nothing to shrink", j.name, what)
}

// under returns the old rules under each of which the scenario fails as wanted: with the check of that name, or else as a
// found line says, or else at all. It also returns the old rules that are known for the checks of the found lines.
func (j *shrinking) under(name string) (under, known []string) {
	wanted := func(f explore.Failure) bool {
		if f.Verdict != explore.Violated && f.Verdict != explore.Stuck {
			return false
		}
		names := func(found scenarios.Found) bool { return found.Names(f) }
		all := j.program.Found()
		return f.Check == name || name == "" && (len(all) == 0 || slices.ContainsFunc(all, names))
	}
	for _, id := range ruleNames() {
		if j.stop() {
			break
		}
		if slices.Contains(under, id) {
			continue
		}
		r, err := explore.Replay(j.program, explore.Options{Rules: []string{id}, Abandon: j.stop})
		if err == nil && slices.ContainsFunc(r.Failures, wanted) {
			under = append(under, id)
		}
	}
	for _, r := range scenarios.OldRules() {
		is := func(found scenarios.Found) bool { return found.Check == r.Check && name == "" }
		if slices.ContainsFunc(j.program.Found(), is) && !slices.Contains(known, r.ID) {
			known = append(known, r.ID)
		}
	}
	return under, known
}

// stop reports whether the search must end.
func (j *shrinking) stop() bool {
	return j.pressed() || j.lasts > 0 && j.now().Sub(j.meter.began) >= j.lasts
}

// search runs the search.
func (j *shrinking) search() (*shrunk, error) {
	s := &shrink.Shrinker{
		Try: shrink.Replaying(explore.Options{Mode: j.mode, Abandon: j.stop}), Noise: shrink.Deciding(explore.Options{Abandon: j.stop}),
		Target: j.target, First: j.first, Jobs: j.jobs, Stop: j.stop, Progress: j.progress,
	}
	if j.target.Verdict != explore.Internal { // guard mode alone finds a message that was changed
		s.Confirm = j.confirm
	}
	small, err := s.Shrink(j.src)
	if err != nil {
		j.meter.wipe()
		return nil, usage("samsa run "+shellWord(j.name)+j.changes, "%s cannot be shrunk: %v", j.name, err)
	}
	r := shrinkReport{
		Schema: "samsa.shrink/1", Scenario: j.name, Check: j.target.Check, Fingerprint: j.target.Fingerprint(), Text: small.Failure.Text,
		Kept: []keptFile{}, Others: []string{}, Runs: small.Tries, Ended: small.Stopped, Confirmed: small.Confirmed, Bug: small.Bug(),
	}
	if !small.Stopped {
		r.SaltsFail, r.Salts = s.Salted(&small, saltsTried)
	}
	j.meter.wipe()
	r.Interrupted = j.pressed()
	is, err := scenarios.Load(j.out, small.Text)
	if err != nil {
		return nil, usage("", "the result cannot be read: %v", err)
	}
	r.Rules = append([]string{}, is.Rules()...)
	about := shrink.About{From: filepath.Base(j.name), Was: shrink.SizeOf(j.program), Rules: describeRules(r.Rules), Salts: r.Salts, Fails: r.SaltsFail,
		Found: small.FoundLines(version())}
	for _, f := range small.Failures {
		if print := f.Fingerprint(); print != r.Fingerprint && !slices.Contains(r.Others, print) {
			r.Others = append(r.Others, print)
		}
	}
	r.Was, r.Is = shrinkSize(about.Was), shrinkSize(shrink.SizeOf(is))
	return &shrunk{small, about, r}, nil
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
	row := func(head, text string) { // without paths and commands, which are never wrapped
		fmt.Fprintf(&b, "%-9s %s\n", head, strings.ReplaceAll(scenarios.Wrap(text, 70), "\n", "\n          "))
	}
	row(word, r.Fingerprint)
	fmt.Fprintf(&b, "was       %s\nis        %s, after %s\n", r.Was, r.Is, counted(r.Runs, "run"))
	if r.Salts > 0 {
		fmt.Fprintf(&b, "noise     it also fails on %d of %d other draws\n", r.SaltsFail, r.Salts)
	}
	switch {
	case r.Interrupted && !r.Ended:
		b.WriteString("ended     interrupted, when no line could go any more\n")
	case r.Interrupted:
		b.WriteString("ended     interrupted; this is the smallest scenario so far\n")
	case r.Ended:
		b.WriteString("ended     by --for; this is the smallest scenario so far\n")
	}
	if !r.Confirmed && r.Bug == "" {
		b.WriteString("unchecked it was not run in the other message modes\n")
	}
	for _, print := range r.Others {
		row("also", print)
	}
	for _, k := range r.Kept {
		fmt.Fprintf(&b, "kept      %s: %s\n", k.File, k.Why)
	}
	fmt.Fprintf(&b, "small     %s\n", r.Small)
	if r.Again != "" {
		fmt.Fprintf(&b, "again     %s\n", r.Again)
	}
	return b.String()
}

// String returns the size in words.
func (n shrinkSize) String() string { return shrink.Size(n).String() }
