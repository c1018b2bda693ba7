package shrink

import (
	"fmt"
	"strings"

	"samsa/scenarios"
)

// Made is the beginning of the first line of every file that File makes. A caller may overwrite only such files.
const Made = "# A small failure: "

// Size counts the lines, faults and operations of a scenario.
type Size struct {
	Lines      int // without comments, outputs, claims and other lines that have no effect on the run
	Faults     int // lines that begin a fault
	Operations int // records sent, reads, and requests of operators
}

// SizeOf counts the lines of a scenario.
func SizeOf(p *scenarios.Program) Size {
	v, ok := draftOf(p).look()
	if !ok {
		return Size{}
	}
	n := Size{Lines: len(v.lines)}
	for i := range v.lines {
		kind, ends := v.ill(i)
		switch verb, _ := scenarios.LookupVerb(v.lines[i].verb); {
		case kind != noIll && !ends, kind == noIll && verb.IsFault():
			n.Faults++
		case v.records(i) > 0:
			n.Operations += v.records(i)
		case verb.IsClient(), asks(verb.Name):
			n.Operations++
		}
	}
	return n
}

// asks reports whether a verb is a request of an operator to a running cluster.
func asks(verb string) bool {
	switch verb {
	case "config", "delete", "grow", "elect", "finalise":
		return true
	}
	return false
}

// String returns the size in words.
func (n Size) String() string {
	return some(n.Lines, "line") + " with " + some(n.Faults, "fault") + " and " + some(n.Operations, "operation")
}

// About holds the facts in the leading comment of a small file.
type About struct {
	From  string   // the name of the original scenario
	Was   Size     // the size of the original
	Rules []string // the old rules with which it fails, in words if the caller has them; empty if none
	Again string   // the command that repeats the run
	Fails int      // the number of other draws of the noise with which it fails too
	Salts int      // the number of other draws that were tried; 0 if none
	Found string   // the last line, see Failure.FoundLine; empty if none
}

// File returns the scenario as a file: a comment that tells the story, and the lines.
func (m *Small) File(a About) []byte {
	program, err := scenarios.Load("small", m.Text)
	if err != nil {
		panic("shrink: the small scenario cannot be read: " + err.Error())
	}
	d := draftOf(program)
	v, _ := d.look()
	var b strings.Builder
	head := strings.TrimPrefix(Made, "# ") + m.Failure.Fingerprint() + "."
	comment(&b, head)
	b.WriteString("#\n")
	comment(&b, tale(v)+" Then: "+sentence(m.Failure.Text))
	b.WriteString("#\n")
	if len(a.Rules) > 0 {
		comment(&b, "It fails under "+and(a.Rules)+".")
	}
	made := fmt.Sprintf("samsa shrink made it from %s: %s became %s.", a.From, a.Was, SizeOf(program))
	if m.Stopped {
		made += " The search was ended early, so it may become smaller still."
	}
	if a.Salts > 0 {
		made += fmt.Sprintf(" It also fails on %d of %d other draws of the noise (salt).", a.Fails, a.Salts)
	}
	comment(&b, made)
	if a.Again != "" {
		b.WriteString("# Again: " + a.Again + "\n")
	}
	b.WriteString(breath(d))
	if a.Found != "" {
		b.WriteString("\n" + a.Found + "\n")
	}
	return []byte(b.String())
}

// breath returns the lines of a draft, with an empty line after those that make the cluster and its topics.
func breath(d draft) string {
	text := d.text()
	made := 0
	for made < len(d.lines) && (d.lines[made].verb == "cluster" || d.lines[made].verb == "topic") && !d.lines[made].timed {
		made++
	}
	if made == len(d.lines) {
		return text
	}
	head := draft{rules: d.rules, lines: d.lines[:made], salt: d.salt}.text()
	return head + "\n" + strings.TrimPrefix(text, head)
}

// comment writes text as comment lines.
func comment(b *strings.Builder, text string) {
	for _, l := range strings.Split(strings.TrimRight(scenarios.Wrap(text, 110), "\n"), "\n") {
		b.WriteString("# " + l + "\n")
	}
}

// sentence adds a full stop to a text that does not end with one.
func sentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// Salted runs a small scenario with n other salts, which are derived from its seed, and returns the number of runs that fail
// with the target. A salt changes the random noise and leaves the lines as they are.
func (s *Shrinker) Salted(m *Small, n int) (fails int) {
	program, err := scenarios.Load("small", m.Text)
	if err != nil {
		return 0
	}
	d := draftOf(program)
	for _, salt := range scenarios.DerivedSeeds(program.Seed(), n) {
		p, err := scenarios.Load("small", []byte(d.salted(salt).text()))
		if err == nil && s.Try(p, firstBudget).has(s.Target) {
			fails++
		}
	}
	return fails
}
