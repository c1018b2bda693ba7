package scenarios

import (
	"fmt"
	"strings"

	"samsa/check"
)

// Class is the class of a failure, or of a whole run.
type Class string

const (
	NoFailure      Class = "held"     // no violation; priced findings are allowed
	ClassViolated  Class = "violated" // a check of safety is violated
	ClassStuck     Class = "stuck"    // a check of liveness is violated, the cluster did not become quiet, or a line waited in vain
	ClassUndecided Class = "unknown"  // the run spent its budget of events
	ClassInternal  Class = "internal" // a bug in Samsa itself, such as a panic or a message that was changed after it was sent
)

// These values of Failure.Check are for failures that no check found.
const (
	OfRest      = "quiet"   // the cluster did not become quiet, or a line waited in vain
	OfBudget    = "budget"  // the run spent its budget of events
	OfPanic     = "panic"   // a node or the world panicked
	OfSoundness = "unsound" // the world detected a bug in Samsa itself
)

// knownMark begins the end of a kind that names a finding about Kafka.
const knownMark = "; known: "

// unmarked returns a kind without the mark of a finding.
func unmarked(kind string) string {
	kind, _, _ = strings.Cut(kind, knownMark)
	return kind
}

// Failure is one failure of a run.
//
// Check and Kind together are the fingerprint of the failure. They consist of constants, so the same failure has the same
// fingerprint on every seed and in a file with fewer lines. Exploration counts failures by fingerprint, a shrinker keeps the
// fingerprint, and a found line contains it.
type Failure struct {
	Verdict Class
	Check   string // the name of the check, or OfRest, OfBudget, OfPanic, OfSoundness
	Kind    string // check.Fact.Kind for a check; the first obstacle for a stuck run; otherwise another constant
	Known   string // the finding about Kafka that has happened, see check.Result; "" if the failure is news
	Step    uint64 // the step at which it was decided; 0 if there is no such step
	Text    string // a description with the names and numbers of this seed
}

// Fingerprint returns the check and the kind.
func (f Failure) Fingerprint() string {
	if f.Kind == "" {
		return f.Check
	}
	return f.Check + ": " + f.Kind
}

// isOwn reports whether an invariant of the user's own code is broken.
func (f Failure) isOwn() bool { return strings.HasPrefix(f.Check, Own) }

// FailuresOf returns the failures of a run that has ended with a verdict. A run that was stopped by its caller is not stuck.
func FailuresOf(s *Session, v *Verdict) (all []Failure) {
	for _, f := range v.Findings {
		class := ClassViolated
		if f.Check.Liveness {
			class = ClassStuck
		}
		if f.Status == check.Violated {
			kind := f.Fact.Kind()
			if f.Known != "" { // the same check without the mark of the finding is another failure, but not to a found line
				kind += knownMark + f.Known
			}
			all = append(all, Failure{Verdict: class, Check: f.Check.Name, Kind: kind, Known: f.Known, Step: f.Step, Text: f.Explanation})
		}
	}
	all = append(all, s.work.failures()...)
	if v.Unsound != nil {
		kind := ""
		if u, ok := v.Unsound.(*Unsound); ok {
			kind = u.Fingerprint()
		}
		all = append(all, Failure{Verdict: ClassInternal, Check: OfSoundness, Kind: kind, Text: v.Unsound.Error()})
	}
	switch v.Reason {
	case StopBudget:
		kind, text := unrest(s)
		all = append(all, Failure{Verdict: ClassUndecided, Check: OfBudget, Kind: kind, Step: v.Steps, Text: v.Stopped + "; " + text})
	case StopPatience:
		kind, text := unrest(s)
		all = append(all, Failure{Verdict: ClassStuck, Check: OfRest, Kind: kind, Step: v.Steps, Text: text})
	}
	return all
}

// FoundLine returns the found line for this failure. The arguments are the hash of the run (0 if the run has none because it
// panicked), the run's budget of events, and the version of Samsa.
func (f Failure) FoundLine(hash, limit uint64, version string) string {
	words := []string{verbFound.Name, f.Check}
	if f.Step > 0 {
		words = append(words, fmt.Sprintf("step=%d", f.Step))
	}
	if hash != 0 {
		words = append(words, fmt.Sprintf("hash=%016x", hash))
	}
	if f.Verdict == ClassUndecided && limit > 0 {
		words = append(words, fmt.Sprintf("events=%d", limit))
	}
	if version != "" {
		words = append(words, "version="+wordOf(version))
	}
	if f.Kind != "" {
		words = append(words, "kind="+quoted(f.Kind))
	}
	const most = maxLineBytes / 4 // an escape doubles a byte at most, and the other words are short
	text := f.Text
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " ..."
	}
	return strings.Join(append(words, quoted(text)), " ")
}

// wordOf returns a word of a line, in quotes if it has a space or a quote.
func wordOf(s string) string {
	if strings.ContainsAny(s, " \"\\\t\n#") {
		return quoted(s)
	}
	return s
}

// quoted returns a text in the quotes of the language. Control characters that have no escape become question marks.
func quoted(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(strings.ToValidUTF8(s, "?"))
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7F && r < 0xA0 {
			return '?'
		}
		return r
	}, s) + `"`
}
