package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/scenarios/view"
)

// whyFlags are the flags of `samsa why` as typed.
type whyFlags struct {
	commonFlags
	noTry bool
}

// whyCommand explains a failure.
func (a *app) whyCommand() *cobra.Command {
	var f whyFlags
	cmd := &cobra.Command{
		Use:   "why SCENARIO [CHECK]",
		Short: "Explains a failure, from its symptom back to its cause",
		Long: "Runs a scenario that fails and explains one finding: what the check saw, and for each question that this raises the events, " +
			"messages and faults that answer it, across machines and back in time. Then it changes the scenario in one place at a time " +
			"(an old rule, a config, a fault, an operation), runs it again, and says with which changes the check holds.\n\n" +
			"SCENARIO is a name (samsa list scenarios) or the path of a file. Without CHECK it explains the violation that the file's " +
			"found line names; if that is gone, it says so. Without found lines it is the one that its old rule is known for, or else the first. A check that is priced, not violated, is explained if it is " +
			"named. CHECK may be quiet: why the cluster does not become quiet.\n\n" +
			"In the output, > is a line of the scenario, ! an old rule that decided otherwise than today's, = the reason for a price.\n\n" +
			"Exit codes: 0 it is explained; 2 there is nothing to explain, wrong usage, or a malformed scenario; 70 a bug of Samsa's; " +
			"130 interrupted, with the changes that were tried. With --json there is exactly one object on stdout: schema " +
			`"samsa.why/1", or "samsa.error/1" if nothing could be explained.`,
		Example: "  samsa why museum-m1 --rule M1\n" +
			"  samsa why samsa-found/seed-7-small.txt\n" +
			"  samsa why acks-one acked-durable",
		Args:              oneOrTwo("a scenario, and at most one check"),
		ValidArgsFunction: completeScenarios,
		RunE:              func(_ *cobra.Command, args []string) error { return a.why(args, f) },
	}
	cmd.Long = hardWrap(cmd.Long)
	f.common(cmd, "seed", "set", "rule")
	cmd.Flags().BoolVar(&f.noTry, "no-try", false, "only explains, and tries no change")
	f.common(cmd, "json")
	return cmd
}

// why implements `samsa why`.
func (a *app) why(args []string, f whyFlags) error {
	name := args[0]
	src, err := source("why", name)
	if err != nil {
		return err
	}
	j, err := understand("why", name, f.commonFlags)
	if err != nil {
		return err
	}
	named := ""
	if len(args) == 2 {
		named = args[1]
		if err := knownFailure("why", named); err != nil {
			return err
		}
	}
	s := scenarios.New(j.program, j.options)
	defer s.Close()
	seed := strconv.FormatUint(s.Seed(), 10)
	j.again = "samsa why " + shellWord(name) + strings.TrimRight(" "+named, " ") + " --seed " + seed + j.again
	defer func() {
		if p := recover(); p != nil {
			a.internal(p, j, seed)
		}
	}()
	interrupted, err := a.drive(s, j)
	if err != nil {
		return usage("", "%s cannot be run: %v", name, err)
	}
	if interrupted {
		a.code = exitInterrupted
		a.tell(j, "interrupted before the run ended")
		return nil
	}
	v := s.Verdict()
	if v.Unsound != nil {
		a.internal(v.Unsound, j, seed)
		return nil
	}
	finding, err := whichFinding(j, v, named)
	if err != nil {
		return err
	}
	chain, err := view.NewChain(s, finding)
	if err != nil {
		return err
	}
	r := newWhyReport(name, seed, v, finding, chain)
	if !f.noTry {
		a.tryVariants(r, explore.NewVariants(src, j.program, j.options, finding.Check.Name, v, linesOf(chain)))
	}
	if f.json {
		a.printJSON(r)
		return nil
	}
	fmt.Fprint(a.out, r.Text(j.again))
	return nil
}

// tell prints why there is no explanation. The caller has set the exit code.
func (a *app) tell(j *job, text string) {
	if j.json {
		a.printJSON(errorReport{Schema: "samsa.error/1", Code: int(a.code), Message: text, Next: j.again})
		return
	}
	fmt.Fprintf(a.err, "samsa: %s\n", text)
}

// newWhyReport makes the report of a chain.
func newWhyReport(name, seed string, v *scenarios.Verdict, f check.Finding, c *view.Chain) *view.WhyReport {
	r := &view.WhyReport{
		Schema: "samsa.why/1", Scenario: name, Seed: seed, Rules: append([]string{}, v.Rules...), Hash: fmt.Sprintf("%016x", v.Hash),
		Finding: view.Property{Name: f.Check.Name, Status: f.Status.String(), Step: f.Step, Explanation: f.Explanation, Clause: f.Clause, Known: f.Known},
		Promise: f.Check.Doc, Links: c.Links, Others: []string{}, Tried: []view.Tried{},
	}
	for _, o := range violated(v) {
		if o.Check.Name != f.Check.Name {
			r.Others = append(r.Others, o.Check.Name)
		}
	}
	return r
}

// violated returns the violated findings of a verdict. If the cluster did not become quiet, the last finding says so.
func violated(v *scenarios.Verdict) (all []check.Finding) {
	for _, f := range v.Findings {
		if f.Status == check.Violated {
			all = append(all, f)
		}
	}
	if stuck, ok := scenarios.Quiet(v); ok {
		all = append(all, stuck)
	}
	return all
}

// linesOf returns the lines of the scenario that a chain names.
func linesOf(c *view.Chain) (all []int) {
	for _, l := range c.Links {
		if l.Line > 0 {
			all = append(all, l.Line)
		}
	}
	return all
}

// whichFinding returns the finding to explain. The error says why there is none, and what to try.
func whichFinding(j *job, v *scenarios.Verdict, named string) (check.Finding, error) {
	var failed, priced []string
	all := v.Findings
	if stuck, ok := scenarios.Quiet(v); ok {
		all = append(slices.Clip(all), stuck)
	}
	for _, f := range all {
		switch {
		case f.Check.Name == named && (f.Status == check.Violated || f.Status == check.Priced):
			return f, nil
		case f.Status == check.Violated:
			failed = append(failed, f.Check.Name)
		case f.Status == check.Priced:
			priced = append(priced, f.Check.Name)
		}
	}
	command := "samsa why " + shellWord(j.name)
	if named != "" {
		status := check.Unexercised
		for _, f := range all {
			if f.Check.Name == named {
				status = f.Status
			}
		}
		if len(failed)+len(priced) > 0 {
			other := append(failed, priced...)
			return check.Finding{}, usage(command+" "+other[0], "%s is %s in %s: there is nothing to explain; what failed there is %s", named, status, j.name, strings.Join(other, ", "))
		}
	}
	if len(failed) > 0 {
		f, none := bestFinding(j.program, v)
		if none != nil {
			return f, goneError(none, j.name, command+" "+failed[0]+strings.TrimPrefix(j.again, command))
		}
		return f, nil
	}
	if len(priced) > 0 {
		return check.Finding{}, usage(command+" "+priced[0], "no check is violated in %s, but a promise has its price: %s", j.name, strings.Join(priced, ", "))
	}
	return check.Finding{}, doesNotFail(j, v)
}

// bestFinding returns the violation that scenarios.Program.Subject chooses. If the violations of the found lines are gone, the
// error says so, and the finding is the first violation. There must be a violation.
func bestFinding(p *scenarios.Program, v *scenarios.Verdict) (check.Finding, *scenarios.SubjectError) {
	all := violated(v)
	of := func(name string) int {
		return slices.IndexFunc(all, func(f check.Finding) bool { return f.Check.Name == name })
	}
	explained := slices.DeleteFunc(slices.Clone(v.Failures), func(f scenarios.Failure) bool { return of(f.Check) < 0 })
	f, err := p.Subject(explained, v.Rules, "")
	var none *scenarios.SubjectError
	if errors.As(err, &none) {
		return all[0], none
	}
	return all[of(f.Check)], nil
}

// ruleInText finds the id of an old rule in a comment.
var ruleInText = regexp.MustCompile(`\b[MKI][0-9]+\b`)

// doesNotFail returns the error for a scenario in which no check is violated. If its comment names an old rule that is not
// enabled, that rule is probably missing.
func doesNotFail(j *job, v *scenarios.Verdict) error {
	text := fmt.Sprintf("%s does not fail: no check is violated", j.name)
	if v.Reason != scenarios.NotStopped {
		text = fmt.Sprintf("%s violates no check, so there is no finding to explain; it ended early: %s", j.name, v.Stopped)
	}
	for _, id := range ruleInText.FindAllString(j.program.File.Story, -1) {
		if slices.Contains(ruleNames(), id) && !slices.Contains(v.Rules, id) {
			return usage("samsa why "+shellWord(j.name)+" --rule "+id, "%s; its comment names the old rule %s, which is not enabled", text, id)
		}
	}
	return usage("samsa run "+shellWord(j.name), "%s; if its failure needs an old rule or another seed, name it with --rule or --seed", text)
}

// tryVariants tries changes until all are tried or Ctrl-C is pressed.
func (a *app) tryVariants(r *view.WhyReport, v *explore.Variants) {
	all, m := v.Left(), a.meter()
	for more := all > 0; more; {
		if a.pressed() {
			r.Interrupted, a.code = true, exitInterrupted
			break
		}
		more = v.Next()
		m.tick(func(spent time.Duration) string {
			return fmt.Sprintf("%d of %s tried%s", all-v.Left(), counted(all, "change"), eta(spent, all-v.Left(), all))
		})
	}
	m.wipe()
	r.Tried, r.Untried = append(r.Tried, v.Tried...), v.Left()
}
