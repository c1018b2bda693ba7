package scenarios

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"samsa/sim/env"
)

// words splits one line. Words are separated by spaces. "..." quotes text, in which \" \\ \n and \t are escapes. A # at the
// start of a word opens a comment. words returns false if it has recorded an error.
func (p *parser) words(num int, raw string) ([]Word, bool) {
	var words []Word
	col := 1
	for len(raw) > 0 {
		r, size := utf8.DecodeRuneInString(raw)
		if unicode.IsSpace(r) {
			raw, col = raw[size:], col+1
			continue
		}
		if r == '#' {
			break
		}
		if len(words) == maxLineWords {
			p.fail(Word{Line: num, Col: col}, fmt.Sprintf("more than %d words on one line", maxLineWords), "")
			return nil, false
		}
		w, msg := cutWord(raw)
		w.Line, w.Col = num, col
		if msg != "" {
			p.fail(w, msg, "")
			return nil, false
		}
		words = append(words, w)
		raw, col = raw[len(w.Raw):], col+utf8.RuneCountInString(w.Raw)
	}
	return words, true
}

// cutWord splits the first word from s. The message is empty if the word is well-formed.
func cutWord(s string) (Word, string) {
	var text strings.Builder
	inside, escaped := false, false
	opened, closed := -1, -1 // the indexes of the first opening and the last closing quote
	eq := -1                 // the index in text of the first = outside quotes
	end := len(s)
	for i, r := range s {
		switch {
		case escaped:
			switch r {
			case 'n':
				r = '\n'
			case 't':
				r = '\t'
			case '"', '\\':
			default:
				return Word{Raw: s[:i+utf8.RuneLen(r)]}, fmt.Sprintf(`no escape \%c: there are \" \\ \n \t`, r)
			}
			text.WriteRune(r)
			escaped = false
			continue
		case inside && r == '\\':
			escaped = true
			continue
		case r == '"':
			if inside = !inside; inside {
				if opened < 0 {
					opened = i
				}
			} else {
				closed = i
			}
			continue
		case !inside && unicode.IsSpace(r):
			end = i
		case !inside && r == '=' && eq < 0:
			eq = text.Len()
		}
		if end != len(s) {
			break
		}
		if unicode.IsControl(r) {
			return Word{Raw: s[:i+utf8.RuneLen(r)]}, fmt.Sprintf("a control character %q", r)
		}
		text.WriteRune(r)
	}
	w := Word{Text: text.String(), Raw: s[:end]}
	if inside {
		return w, "a quote that is never closed"
	}
	w.Quoted = opened == 0 && closed == end-1
	if !w.Quoted && eq > 0 && isKey(w.Text[:eq]) {
		w.Key, w.Value = w.Text[:eq], w.Text[eq+1:]
	}
	return w, ""
}

// isKey reports whether s is a valid key. A key begins with a letter and consists of letters, digits, dots, dashes and
// underscores.
func isKey(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')) {
			return false
		}
	}
	return s != ""
}

// durationUnits are the units of a span, longer names first.
var durationUnits = [...]struct {
	name string
	size env.Duration
}{
	{"ns", 1}, {"us", env.Microsecond}, {"ms", env.Millisecond},
	{"s", env.Second}, {"m", env.Minute}, {"h", env.Hour}, {"d", env.Day},
}

// maxDuration bounds every span in a scenario, so that sums do not overflow.
const maxDuration = 50 * 365 * env.Day

// parseDuration reads a span such as 40ms, 1.2s or 1m30s in integer arithmetic. The message is empty if s is a valid span.
func parseDuration(s string) (env.Duration, string) {
	bad := fmt.Sprintf("%q is not a span of time such as 40ms, 1.2s or 1m30s", s)
	rest, sign := s, env.Duration(1)
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		if rest[0] == '-' {
			sign = -1
		}
		rest = rest[1:]
	}
	if rest == "0" {
		return 0, ""
	}
	if rest == "" {
		return 0, bad
	}
	var total env.Duration
	for rest != "" {
		part, after, ok := cutDuration(rest)
		if !ok {
			return 0, bad
		}
		if total += part; part > maxDuration || total > maxDuration {
			return 0, fmt.Sprintf("%q is longer than 50 years", s)
		}
		rest = after
	}
	return sign * total, ""
}

// cutDuration removes one number with its unit from the start of s.
func cutDuration(s string) (env.Duration, string, bool) {
	digits := func(s string) int {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		return n
	}
	n := digits(s)
	if n == 0 || n > 15 {
		return 0, "", false
	}
	var whole int64
	for _, c := range s[:n] {
		whole = whole*10 + int64(c-'0')
	}
	s = s[n:]
	frac := ""
	if strings.HasPrefix(s, ".") {
		k := digits(s[1:])
		if k == 0 || k > 9 {
			return 0, "", false
		}
		frac, s = s[1:1+k], s[1+k:]
	}
	for _, u := range durationUnits {
		if !strings.HasPrefix(s, u.name) {
			continue
		}
		if whole > int64(maxDuration/u.size) {
			return maxDuration + 1, s[len(u.name):], true
		}
		total, tenth := env.Duration(whole)*u.size, u.size
		for _, c := range frac {
			tenth /= 10
			total += env.Duration(c-'0') * tenth
		}
		return total, s[len(u.name):], true
	}
	return 0, "", false
}

// formatDuration writes a span in the form that parseDuration reads. It uses a single unit if that is exact.
func formatDuration(d env.Duration) string {
	if d == 0 {
		return "0s"
	}
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	unit := durationUnits[0]
	for _, u := range durationUnits[:4] { // the largest unit is seconds, because 90s reads better than 1m30s in a table
		if d >= u.size {
			unit = u
		}
	}
	s := fmt.Sprintf("%d", int64(d/unit.size))
	if rest := d % unit.size; rest != 0 {
		width := 0
		for u := unit.size; u > 1; u /= 10 {
			width++
		}
		s += "." + strings.TrimRight(fmt.Sprintf("%0*d", width, int64(rest)), "0")
	}
	return sign + s + unit.name
}
