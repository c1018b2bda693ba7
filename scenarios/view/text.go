package view

import (
	"fmt"
	"strings"
	"unicode"
)

// width is the largest width of any text. Every terminal has that many columns.
const width = 80

// Opening returns the text before a story: the name of the scenario, the seed, and the scenario's leading comment.
func Opening(scenario, seed, tale string) string {
	s := fmt.Sprintf("%s   seed %s\n\n", clean(scenario), seed)
	for para := range strings.SplitSeq(tale, "\n\n") {
		if text := clean(para); strings.TrimSpace(text) != "" {
			s += fill(text, "", "") + "\n\n"
		}
	}
	return s
}

// storyHead is the header line of a story.
const storyHead = " step       time  node  what happened\n"

// StoryText returns a story as text:
//
//	step       time  node  what happened
//	        1.002s       > crash b1
//	  14    3.201s  b2    leads orders-0 from offset 2 in epoch 1
func StoryText(story []Line) string {
	var b strings.Builder
	b.WriteString(storyHead)
	before, last := "", uint64(0)
	for _, l := range story {
		at := Seconds(l.Time)
		shown := at
		if at == before {
			shown = "" // a repeated time is shown only once
		}
		before = at
		text := clean(l.Text)
		switch l.Kind {
		case Verb:
			b.WriteString(fill(text, fmt.Sprintf("%s%4s %10s  > ", l.Mark.sign(), "", shown), strings.Repeat(" ", 22)))
		case Output:
			before = ""
			b.WriteString(keep(l.Text, strings.Repeat(" ", 20)))
		default:
			step := fmt.Sprint(l.Step)
			if l.Step == last {
				step = "" // a repeated step is shown only once
			}
			last = l.Step
			head := fmt.Sprintf("%5s %10s  %-5s ", step, shown, clean(l.Who))
			if l.Mark != "" { // the mark is in the margin, which is blank up to step 9,999
				head = l.Mark.sign() + strings.TrimPrefix(head, " ")
			}
			b.WriteString(fill(text, head, strings.Repeat(" ", len(head)+2)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Seconds formats a time in seconds with three decimals, rounded down.
func Seconds(ns int64) string { return fmt.Sprintf("%d.%03ds", ns/1e9, ns%1e9/1e6) }

// Closing returns the text after a story: the findings, the verdict, and the command that repeats the run. For the checks
// that held or were not exercised, it gives only their names.
func (r Report) Closing() string {
	var b strings.Builder
	b.WriteString("what the judges say\n")
	quiet := map[string][]string{}
	for _, p := range r.Properties {
		if p.Status == "held" || p.Status == "unexercised" {
			quiet[p.Status] = append(quiet[p.Status], p.Name)
			continue
		}
		word := strings.ToUpper(p.Status)
		if p.Expected {
			word += ", as expected,"
		}
		if p.Step > 0 {
			word += fmt.Sprintf(" at step %d", p.Step)
		}
		fmt.Fprintf(&b, "  %-22s %s\n", p.Name, word)
		if p.Explanation != "" {
			b.WriteString(fill(clean(p.Explanation), "    ", "    ") + "\n")
		}
		switch {
		case p.Known != "":
			b.WriteString(fill(clean(p.Known+" of FINDINGS.md: "+p.Clause), "    known: ", "      ") + "\n")
		case p.Clause != "":
			b.WriteString(fill(clean(p.Clause), "    allowed by: ", "      ") + "\n")
		}
	}
	for _, status := range []string{"held", "unexercised"} {
		if names := quiet[status]; len(names) > 0 {
			b.WriteString(fill(strings.Join(names, ", "), fmt.Sprintf("  %-12s ", strings.ToUpper(status)), strings.Repeat(" ", 15)) + "\n")
		}
	}
	for _, c := range r.Claims {
		if !c.OK {
			b.WriteString(fill(clean(c.Text), fmt.Sprintf("  line %d: ", c.Line), "    ") + "\n")
		}
	}
	if text := r.foundText(); text != "" {
		b.WriteString("\n" + text)
	}
	fmt.Fprintf(&b, "\nverdict   %s\n", r.Verdict)
	if r.Why != "" {
		b.WriteString(fill(clean(r.Why), "          ", "          ") + "\n")
	}
	if r.Stopped != "" {
		b.WriteString(fill(clean(r.Stopped), "ended     ", "          ") + "\n")
	}
	fmt.Fprintf(&b, "run       %s events   %s steps   %s virtual time   hash %s\n",
		thousands(r.Events), thousands(r.Steps), Seconds(r.VirtualNS), r.Hash)
	b.WriteString("again     " + clean(r.Again) + "\n") // never wrapped, so that it can be copied
	return b.String()
}

// fill breaks text at spaces so that no line is wider than width. A longer word is broken at the width.
func fill(text, head, indent string) string {
	lines, line, empty := []string{}, head, true
	for _, word := range strings.Fields(text) {
		if !empty && runes(line)+1+runes(word) > width {
			lines = append(lines, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
		for runes(line) > width {
			r := []rune(line)
			lines = append(lines, string(r[:width]))
			line = indent + string(r[width:])
		}
	}
	return strings.Join(append(lines, strings.TrimRight(line, " ")), "\n")
}

// keep breaks text at the width and keeps its spaces, because the text may be a table.
func keep(text, indent string) string {
	r := []rune(clean(text))
	room := width - len(indent)
	margin := 2 // the indent of later lines, two more than the indent of the first line
	for margin-2 < len(r) && margin < room/2 && r[margin-2] == ' ' {
		margin++
	}
	var lines []string
	for len(r) > room {
		cut := room
		for cut > margin && r[cut] != ' ' {
			cut--
		}
		if cut == margin {
			cut = room // a single word is wider than the line
		}
		lines = append(lines, strings.TrimRight(indent+string(r[:cut]), " "))
		r = append([]rune(strings.Repeat(" ", margin)), []rune(strings.TrimLeft(string(r[cut:]), " "))...)
	}
	return strings.Join(append(lines, strings.TrimRight(indent+string(r), " ")), "\n")
}

func runes(s string) int { return len([]rune(s)) }

// clean replaces control characters, which files and values may contain.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}

// thousands groups the digits, as in 1,204.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ShellWord quotes a word for a shell if necessary.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,+@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
