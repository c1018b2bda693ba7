package shrink

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"samsa/scenarios"
)

// made is the beginning of the first line of every file that File makes.
const made = "# A small failure: "

// sealed is the beginning of the line with the checksum of the other lines; see Unedited.
const sealed = "# Checksum of the other lines: "

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
	Rules []string // the old rules with which the scenario fails, in words if the caller has them; empty if none
	Again string   // the command that repeats the run
	Fails int      // the number of other draws of the noise with which the scenario fails too
	Salts int      // the number of other draws that were tried; 0 if none
	Found []string // the lines at the end of the file, see Small.FoundLines; empty if none
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
	comment(&b, strings.TrimPrefix(made, "# ")+m.Failure.Fingerprint()+".")
	b.WriteString("#\n")
	comment(&b, tale(v)+" Then: "+sentence(m.Failure.Text))
	b.WriteString("#\n")
	if len(a.Found) > 1 {
		comment(&b, "samsa shrink kept the failure of the first found line. The run also has the others.")
	}
	if len(a.Rules) > 0 {
		comment(&b, "It fails under "+and(a.Rules)+".")
	}
	comment(&b, m.making(a, SizeOf(program)))
	if a.Again != "" {
		b.WriteString("# Again: " + a.Again + "\n")
	}
	b.WriteString(breath(d))
	if len(a.Found) > 0 {
		b.WriteString("\n" + strings.Join(a.Found, "\n") + "\n")
	}
	return Sealed(b.String())
}

// making describes the search in sentences.
func (m *Small) making(a About, is Size) string {
	text := fmt.Sprintf("samsa shrink made it from %s: %s became %s.", a.From, a.Was, is)
	if m.Stopped {
		text += " The search was ended early, so it may become smaller still."
	}
	if a.Salts > 0 {
		text += fmt.Sprintf(" It also fails on %d of %d other draws of the noise (salt).", a.Fails, a.Salts)
	}
	if len(m.Differs) > 0 {
		text += " " + m.Bug()
	}
	return text
}

// Bug says in words that the result fails in some message modes only. It returns "" if that is not so.
func (m *Small) Bug() string {
	if len(m.Differs) == 0 {
		return ""
	}
	return "It does not fail in the same way " + and(m.Differs) + ", which is a bug of Samsa's."
}

// checksum returns a number that most probably changes with any edit of a text.
func checksum(text string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) }

// Sealed puts a line with the checksum of the other lines after the leading comment of a file, so that Unedited recognises it.
func Sealed(text string) []byte {
	at := 0
	for strings.HasPrefix(text[at:], "#") && strings.Contains(text[at:], "\n") {
		at += strings.Index(text[at:], "\n") + 1
	}
	return []byte(text[:at] + sealed + checksum(text) + "\n" + text[at:])
}

// Unedited reports whether a file is, byte for byte, as Sealed made it.
func Unedited(src []byte) bool {
	head, rest, ok := strings.Cut("\n"+string(src), "\n"+sealed)
	if !ok {
		return false
	}
	if head = strings.TrimPrefix(head, "\n"); head != "" {
		head += "\n"
	}
	sum, rest, ok := strings.Cut(rest, "\n")
	return ok && sum == checksum(head+rest)
}

// Replaceable reports whether the file after, a result of samsa shrink or samsa explore, may take the place of the file before. It may if before is
// unedited, both files have the same first found line and the same old rules, and after is not larger. Otherwise why says
// in words why not.
func Replaceable(before, after []byte) (why string, ok bool) {
	if !Unedited(before) {
		return "it was edited, or samsa did not write it", false
	}
	old, err := scenarios.Load("before", before)
	if err != nil {
		return "it is of another version of Samsa", false
	}
	small, err := scenarios.Load("after", after)
	switch {
	case err != nil:
		return "the new one cannot be read", false
	case len(old.Found()) == 0 || len(small.Found()) == 0 || !old.Found()[0].Same(small.Found()[0]):
		return "it is about another failure", false
	case !slices.Equal(old.Rules(), small.Rules()):
		return "it fails under other rules", false
	case larger(small, old):
		return "it is smaller than the new one", false
	}
	return "", true
}

// larger reports whether scenario a is larger than b: it has more lines, or as many lines and more faults and operations, or
// equally many of them in more characters.
func larger(a, b *scenarios.Program) bool {
	x, y := SizeOf(a), SizeOf(b)
	return cmp.Or(cmp.Compare(x.Lines, y.Lines), cmp.Compare(x.Faults+x.Operations, y.Faults+y.Operations),
		cmp.Compare(len(draftOf(a).text()), len(draftOf(b).text()))) > 0
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
	for _, l := range strings.Split(strings.TrimRight(scenarios.Wrap(text, 76), "\n"), "\n") {
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

// Salted runs a small scenario with up to n other salts, which are derived from its seed. It returns the number of runs, and
// how many of them fail with the target. A salt changes the random noise and leaves the lines as they are. Stop and an
// abandoned trial end the runs early.
func (s *Shrinker) Salted(m *Small, n int) (fails, tried int) {
	program, err := scenarios.Load("small", m.Text)
	if err != nil {
		return 0, 0
	}
	d := draftOf(program)
	for _, salt := range scenarios.DerivedSeeds(program.Seed(), n) {
		if s.Stop != nil && s.Stop() {
			break
		}
		p, err := scenarios.Load("small", []byte(d.salted(salt).text()))
		if err != nil {
			continue
		}
		t := s.Try(p, firstBudget)
		if t.Abandoned {
			break
		}
		if tried++; t.has(s.Target) {
			fails++
		}
	}
	return fails, tried
}
