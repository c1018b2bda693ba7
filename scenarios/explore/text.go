package explore

import (
	"fmt"
	"strings"

	"samsa/scenarios"
)

// Text returns the report as text: first the failures, then the counts.
func (r *Report) Text() string {
	var b strings.Builder
	r.failures(&b)
	r.findings(&b)
	if len(r.Kinds)+len(r.Known) > 0 || r.BelowFloor {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "runs      %d from seed %s, %s timeouts, %s mode", r.Runs, r.Seed, r.Profile, r.Mode)
	if len(r.Rules) > 0 {
		fmt.Fprintf(&b, ", old rules %s", strings.Join(r.Rules, " "))
	}
	b.WriteString("\n")
	if r.Interrupted {
		b.WriteString("ended     interrupted; the report is about the runs so far\n")
	}
	b.WriteString(r.decidedText() + "verdicts ")
	for _, v := range r.Verdicts {
		fmt.Fprintf(&b, " %d %s ", v.Runs, v.Verdict)
	}
	b.WriteString("\n")
	var idle []string
	quiet := 0
	for _, c := range r.Checks {
		switch {
		case c.Violated+c.Known+c.Priced+c.Unknown > 0:
			b.WriteString(hang(fmt.Sprintf("  %-26s ", c.Check), c.text()))
		case c.Held == 0:
			idle = append(idle, c.Check)
		default:
			quiet++
		}
	}
	fmt.Fprintf(&b, "  %s held in every run that put them to the test\n", plural(quiet, "other check"))
	if len(idle) > 0 {
		b.WriteString(hang("  no run put to the test: ", strings.Join(idle, ", ")))
	}
	fmt.Fprintf(&b, "a run     %s events,\n          %s ms of virtual time\n", r.Events.text(), r.VirtualMs.text())
	fmt.Fprintf(&b, "          %s acked batches, %s acked records,\n          %s records read\n", r.AckedBatches.text(), r.AckedRecords.text(), r.ReadRecords.text())
	fmt.Fprintf(&b, "          %s of 1000 records with acks=all acked\n", r.AckedShare.text())
	b.WriteString(hang("          ", fmt.Sprintf("%s leaders moved; in %d of %d runs while acked writes were in flight", r.LeaderMoves.text(), r.RunsWithMoves, r.Runs)))
	b.WriteString("faults    how often, and in how many runs\n")
	for i, f := range r.Faults {
		if i%2 == 0 {
			b.WriteString("  ")
		}
		fmt.Fprintf(&b, "%-20s %8d %7d", f.Fault, f.Count, f.Runs)
		if i%2 == 1 || i == len(r.Faults)-1 {
			b.WriteString("\n")
		} else {
			b.WriteString("   ")
		}
	}
	if len(r.NeverFired) > 0 {
		b.WriteString(hang("never     ", strings.Join(r.NeverFired, ", ")))
	}
	if len(r.Operations) > 0 {
		b.WriteString("operators how often asked and done, and done in how many runs\n")
		for _, o := range r.Operations {
			fmt.Fprintf(&b, "  %-24s %7d %7d %6d\n", o.API, o.Asked, o.Done, o.Runs)
		}
		b.WriteString("cores     runs in which some machines were not healed\n")
		for _, c := range r.Cores {
			fmt.Fprintf(&b, "  %-24s %7d\n", c.Away, c.Runs)
		}
	}
	fmt.Fprintf(&b, "hash      %s\n", r.Hash)
	return b.String()
}

// failures writes the kinds of failure, with the commands that repeat them.
func (r *Report) failures(b *strings.Builder) {
	for _, k := range r.Kinds {
		b.WriteString(hang(fmt.Sprintf("%-9s ", strings.ToUpper(string(k.Verdict))), k.Check+": "+k.Example))
		b.WriteString(hang("          ", plural(k.Runs, "run")+", seeds "+strings.Join(k.Seeds, " ")))
		for _, f := range k.Files {
			fmt.Fprintf(b, "          again  samsa run %s%s\n", f, mode(r.Mode))
		}
		if k.Small != "" {
			fmt.Fprintf(b, "          small  samsa run %s%s\n", k.Small, mode(r.Mode))
		}
	}
}

// findings writes that the cluster does not serve, if so, and the findings about Kafka that happened.
func (r *Report) findings(b *strings.Builder) {
	if r.BelowFloor {
		b.WriteString(hang("IDLE      ", fmt.Sprintf("the cluster does not serve: in the median run %d of 1000 records sent with acks=all are acknowledged, and %d is the least that a campaign must reach", r.AckedShare.Median, leastAcked)))
	}
	for _, k := range r.Known {
		fmt.Fprintf(b, "known: %s, %s\n", k.Finding, plural(k.Runs, "run"))
		b.WriteString(hang("          ", "met by "+strings.Join(k.Checks, ", ")+"; seeds "+strings.Join(k.Seeds, " ")))
		fmt.Fprintf(b, "          told   samsa run %s, and FINDINGS.md\n", k.Finding)
	}
}

// hang returns text after a head, 80 columns wide, and indents later lines by the width of the head.
func hang(head, text string) string {
	lines := scenarios.Wrap(text, 80-len(head))
	return head + strings.ReplaceAll(lines, "\n", "\n"+strings.Repeat(" ", len(head))) + "\n"
}

// text lists the statuses of a check that occurred.
func (c CheckCount) text() string {
	var said []string
	for _, n := range [...]struct {
		runs int
		what string
	}{{c.Held, "held"}, {c.Violated, "violated"}, {c.Known, "known"}, {c.Priced, "priced"}, {c.Unknown, "unknown"}, {c.Unexercised, "unexercised"}} {
		if n.runs > 0 {
			said = append(said, fmt.Sprintf("%d %s", n.runs, n.what))
		}
	}
	return strings.Join(said, ", ")
}

// text returns the median, minimum and maximum of a spread.
func (s Spread) text() string { return fmt.Sprintf("%d (%d to %d)", s.Median, s.Min, s.Max) }

// mode returns the flag for the message mode, or "" for the default mode.
func mode(name string) string {
	if name == scenarios.ModePointer.String() {
		return ""
	}
	return " --mode " + name
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// decidedText says in how many runs the old rules decided otherwise than today's. It is empty without old rules.
func (r *Report) decidedText() string {
	if len(r.Rules) == 0 {
		return ""
	}
	if len(r.Decided) == 0 {
		return hang("rules     ", strings.Join(r.Rules, " ")+" decided as today's rules in every run, so nothing was tested")
	}
	var said []string
	for _, d := range r.Decided {
		said = append(said, fmt.Sprintf("%s decided otherwise than today's in %d of %s", d.Rule, d.Runs, plural(r.Runs, "run")))
	}
	return hang("rules     ", strings.Join(said, ", "))
}
