package config

import (
	"slices"
	"strconv"
	"strings"
)

// Rule restricts the values of a config. The zero Rule allows every value of the config's type.
type Rule struct {
	shape    shape
	min, max int64 // bounds of a number; the bounds of a ratio are in permille
	words    []string
}

// shape is the kind of check that a rule makes. Kafka has a class with its own error text for each kind
// (ConfigDef.Range, ValidString, ValidList, ...).
type shape uint8

const (
	anything     shape = iota
	bounds             // a number from min to max
	gzipEffort         // 1 to 9, or -1
	word               // one of words
	wordAnyCase        // one of words, in upper or lower case
	modeWord           // like wordAnyCase; words are the values of an enum of the share consumer
	filled             // a text that is not empty
	startOffset        // one of words, or by_duration:ISO-8601
	distinct           // a list without repetitions and without empty elements
	distinctSome       // like distinct, with at least one element
	throttled          // partition:broker pairs, or *
)

const unbounded = 1<<63 - 1

func atLeast(n int64) Rule            { return Rule{shape: bounds, min: n, max: unbounded} }
func between(n, m int64) Rule         { return Rule{shape: bounds, min: n, max: m} }
func oneOf(words ...string) Rule      { return Rule{shape: word, words: words} }
func oneOfAnyCase(w ...string) Rule   { return Rule{shape: wordAnyCase, words: w} }
func modes(words ...string) Rule      { return Rule{shape: modeWord, words: words} }
func start(words ...string) Rule      { return Rule{shape: startOffset, words: words} }
func someOf(words ...string) Rule     { return Rule{shape: distinctSome, words: words} }
func noneOrSome(words ...string) Rule { return Rule{shape: distinct, words: words} }

var (
	gzipLevel = Rule{shape: gzipEffort}
	nonEmpty  = Rule{shape: filled}
	replicas  = Rule{shape: throttled}
)

// Bounds returns the smallest and largest allowed number (permille for a ratio). ok is false if numbers have no bounds.
func (r Rule) Bounds() (least, most int64, ok bool) { return r.min, r.max, r.shape == bounds }

// Words returns the allowed words, if only certain ones are allowed.
func (r Rule) Words() []string { return slices.Clone(r.words) }

// Allowed describes the allowed values briefly, in Kafka's notation: "[1,...]", "[compact, delete]". It returns "" if
// every value of the type is allowed.
func (c *Config) Allowed() string { return c.Rule.allowed(c.Kind) }

// boundText returns a bound as Kafka prints it.
func boundText(k Kind, n int64) string {
	if k == Ratio {
		return strings.TrimSuffix(permilleText(n), ".0")
	}
	return strconv.FormatInt(n, 10)
}

func (r Rule) allowed(k Kind) string {
	words := "[" + strings.Join(r.words, ", ") + "]"
	switch r.shape {
	case bounds:
		if r.max == unbounded {
			return "[" + boundText(k, r.min) + ",...]"
		}
		return "[" + boundText(k, r.min) + ",...," + boundText(k, r.max) + "]"
	case gzipEffort:
		return "[1,...,9] or -1"
	case word, modeWord:
		return words
	case wordAnyCase:
		return "(case insensitive) " + words
	case startOffset:
		return "[" + strings.Join(r.words, ", ") + ", by_duration:PnDTnHnMn.nS]"
	case filled:
		return "non-empty string"
	case distinct, distinctSome:
		if len(r.words) > 0 {
			return words
		}
	case throttled:
		return "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
	}
	return ""
}

// check returns the reason why a value is not allowed, in Kafka's words, or "".
func (r Rule) check(name string, v Value) string {
	why := ""
	switch r.shape {
	case bounds:
		if v.n < r.min {
			why = "Value must be at least " + boundText(v.kind, r.min)
		} else if v.n > r.max {
			why = "Value must be no more than " + boundText(v.kind, r.max)
		}
	case gzipEffort:
		if v.n != -1 && (v.n < 1 || v.n > 9) {
			why = "Value must be between 1 and 9 or equal to -1"
		}
	case word:
		if !slices.Contains(r.words, v.text) {
			why = "String must be one of: " + strings.Join(r.words, ", ")
		}
	case wordAnyCase:
		if !r.hasAnyCase(v.text) {
			why = "String must be one of (case insensitive): " + strings.Join(r.words, ", ")
		}
	case modeWord:
		if !r.hasAnyCase(v.text) {
			why = "Invalid value `" + v.text + "` for configuration " + name + ". The value must either be '" + strings.Join(r.words, "' or '") + "'."
		}
	case filled:
		if v.text == "" {
			why = "String must be non-empty"
		}
	case startOffset:
		_, ok := StartDuration(v.text)
		if !ok && !slices.Contains(r.words, v.text) {
			why = "Invalid value `" + v.text + "` for configuration " + name + ". The value must be " + r.allowed(v.kind)
		}
	case distinct, distinctSome:
		return r.checkList(name, v)
	case throttled:
		if !isThrottled(v.list) {
			why = name + " must be the literal '*' or a list of replicas in the following format: " + r.allowed(v.kind)
		}
	}
	if why == "" {
		return ""
	}
	return "Invalid value " + v.printed() + " for configuration " + name + ": " + why
}

// printed returns the value as Kafka's error messages print it.
func (v Value) printed() string {
	if v.kind == List {
		return "[" + strings.Join(v.list, ", ") + "]"
	}
	if v.kind == Ratio && v.n%1000 != 0 {
		return permilleText(v.n)
	}
	return v.String()
}

func (r Rule) hasAnyCase(s string) bool {
	return slices.ContainsFunc(r.words, func(w string) bool { return strings.EqualFold(w, s) })
}

// checkList makes the checks of Kafka's ConfigDef.ValidList.
func (r Rule) checkList(name string, v Value) string {
	if len(v.list) == 0 {
		if r.shape == distinct {
			return ""
		}
		allowed := r.allowed(v.kind)
		if allowed == "" {
			allowed = "any non-empty value"
		}
		return "Configuration '" + name + "' must not be empty. Valid values include: " + allowed
	}
	for i, s := range v.list {
		if slices.Contains(v.list[:i], s) {
			return "Configuration '" + name + "' values must not be duplicated."
		}
	}
	for _, s := range v.list {
		if s == "" {
			return "Configuration '" + name + "' values must not be empty."
		}
		if len(r.words) > 0 && !slices.Contains(r.words, s) {
			return "Invalid value " + s + " for configuration " + name + ": String must be one of: " + strings.Join(r.words, ", ")
		}
	}
	return ""
}

// isThrottled reports whether a list is * or consists of replicas.
func isThrottled(list []string) bool {
	if len(list) == 1 && list[0] == "*" {
		return true
	}
	number := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	for _, s := range list {
		partition, broker, ok := strings.Cut(s, ":")
		if !ok || !number(partition) || !number(broker) {
			return false
		}
	}
	return true
}

// StartDuration parses "by_duration:P1DT2H3M4.5S" (KIP-1106) and returns the duration. The text stands for the time that
// is this duration before now. ok is false for other texts.
func StartDuration(text string) (d Duration, ok bool) {
	s, ok := strings.CutPrefix(text, "by_duration:P")
	date, clock, timed := strings.Cut(s, "T")
	if !ok || s == "" || timed && clock == "" {
		return 0, false
	}
	ok = addUnits(&d, date, []unit{{"D", day}}) && addUnits(&d, clock, []unit{{"H", hour}, {"M", minute}, {"S", second}})
	return d, ok
}

// unit is a letter that ISO 8601 uses for a unit of time, and the duration of this unit.
type unit struct {
	letter string
	d      Duration
}

// addUnits parses numbers that are each followed by the letter of a unit, in the order of units, and adds these
// durations to d. A number of seconds may have up to nine decimal places.
func addUnits(d *Duration, s string, units []unit) bool {
	for _, u := range units {
		number, rest, found := strings.Cut(s, u.letter)
		if !found {
			continue
		}
		s = rest
		whole, places, fraction := strings.Cut(number, ".")
		if fraction && u.d == second {
			nanos, err := strconv.ParseUint((places + "000000000")[:9], 10, 63)
			if err != nil || len(places) > 9 {
				return false
			}
			*d += Duration(nanos)
		} else if fraction {
			return false
		}
		n, err := strconv.ParseUint(whole, 10, 63)
		if err != nil || int64(n) > (unbounded-int64(*d))/int64(u.d) {
			return false
		}
		*d += Duration(n) * u.d
	}
	return s == ""
}
