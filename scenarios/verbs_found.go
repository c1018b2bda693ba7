package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios/cluster"
)

// With the verbs of this file, a scenario file contains everything that is needed to repeat a failure: the old rules that
// must be enabled, and the failure that was found.

var verbRule = &Verb{
	Name:  "rule",
	Group: "make",
	Forms: []string{"RULE"},
	Doc: "Enables an old rule for the whole run, as samsa run --rule does. Like pin and salt, it applies before the first event. " +
		"The flag --rule adds to these lines. samsa list rules names the rules.",
	Example: "rule M1\nrule K22",
	Declare: func(p *Program, c *Command) *complaint {
		id := arg[string](c.Args, "RULE")
		if slices.Contains(p.rules, id) {
			b, _ := c.Args.get("RULE")
			return &complaint{word: b.word, msg: "the old rule " + id + " is enabled already"}
		}
		p.rules = append(p.rules, id)
		return nil
	},
}

var verbFound = &Verb{
	Name:  "found",
	Group: groupLook,
	Forms: []string{"FAILURE [SENTENCE]"},
	Keys: []Key{
		{"kind", "TEXT", "how it came about, in constants; with FAILURE it is the fingerprint. If left out, every kind counts"},
		{"step", "STEP", "the step at which it was decided"},
		{"hash", "HASH", "the hash of the run"},
		{"version", "TEXT", "the version of Samsa"},
		{"events", "BUDGET", "the budget of events that the run spent; samsa run has the same budget"},
	},
	Doc: "Says what was found when the file was saved: a check, quiet for a cluster that did not become quiet, budget for a run that " +
		"was too long, panic or unsound for a bug of Samsa's. It is no claim: samsa run exits with 1 while that failure is still there " +
		"(with 4 if it is one of liveness), and with 0 when it is gone. Explore and shrink write these lines. A file that becomes " +
		"a scenario has expect lines instead.",
	Example: "found hw-justified step=58 kind=\"leader of a partition\" \"b1 has no 6\"\n" +
		"found quiet kind=\"a follower is not in sync\"",
	Declare: func(p *Program, c *Command) *complaint {
		line := c.Line
		f := Found{Line: &line, Check: arg[string](c.Args, "FAILURE"), Kind: arg[string](c.Args, "kind"), Step: arg[uint64](c.Args, "step"),
			Hash: arg[string](c.Args, "hash"), Version: arg[string](c.Args, "version"), Events: arg[uint64](c.Args, "events"), Text: arg[string](c.Args, "SENTENCE")}
		for _, have := range p.found {
			if have.Check == f.Check && have.Kind == f.Kind {
				return &complaint{msg: fmt.Sprintf("line %d says the same", have.Line.Num)}
			}
		}
		p.found = append(p.found, f)
		return nil
	},
}

// Found is a found line of a file.
type Found struct {
	Line        *Line
	Check, Kind string // the fingerprint; an empty Kind means any kind of failure of the check
	Step        uint64
	Hash        string // sixteen hex digits; empty if not given
	Version     string
	Events      uint64 // the budget of events; 0 if not given
	Text        string // the sentence of the run in which it was found
}

// Fingerprint returns the check and the kind.
func (f Found) Fingerprint() string { return Failure{Check: f.Check, Kind: f.Kind}.Fingerprint() }

// Names reports whether the line names a failure. The mark of a finding about Kafka does not count: which failures are known
// changes with FINDINGS.md, and the failure stays.
func (f Found) Names(x Failure) bool {
	return f.Check == x.Check && (f.Kind == "" || unmarked(f.Kind) == unmarked(x.Kind))
}

// Same reports whether two lines are about one failure.
func (f Found) Same(other Found) bool {
	return f.Check == other.Check && unmarked(f.Kind) == unmarked(other.Kind)
}

// FoundState says whether a run has the failure of a found line.
type FoundState string

const (
	StillThere FoundState = "there"     // the run has a failure with the same fingerprint
	Gone       FoundState = "gone"      // the run ended without it
	NotReached FoundState = "undecided" // the run was stopped before its end and does not have the failure so far
	NotJudged  FoundState = "unjudged"  // the invariant is a user's own, and this run does not have it
)

// FoundResult is a found line with its state in one run.
type FoundResult struct {
	Found
	State FoundState
	Now   *Failure // the failure of this run that the line names, or another failure of the same check, or nil
}

// foundIn compares a file's found lines with the failures of a run.
func foundIn(p *Program, v *Verdict) (all []FoundResult) {
	for _, f := range p.found {
		r := FoundResult{Found: f, State: Gone}
		for i := range v.Failures {
			switch x := &v.Failures[i]; {
			case f.Names(*x):
				r.State, r.Now = StillThere, x
			case x.Check == f.Check && r.Now == nil:
				r.Now = x
			}
		}
		if r.State == Gone && strings.HasPrefix(f.Check, Own) && p.Workload() == "" {
			r.State = NotJudged
		}
		if r.State == Gone && v.Reason != NotStopped && v.Reason != StopPatience {
			r.State = NotReached
		}
		all = append(all, r)
	}
	return all
}

// Rules returns the old rules that the file enables, in the order of its lines.
func (p *Program) Rules() []string { return slices.Clone(p.rules) }

// Found returns the file's found lines.
func (p *Program) Found() []Found { return slices.Clone(p.found) }

// allRules returns all enabled old rules: first those of the file, then those that only the caller enables.
func allRules(p *Program, o RunOptions) []string {
	all := p.Rules()
	for _, id := range o.Rules {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// budgetOf returns the budget of events of a run: the budget of the caller or, if it is 0, the smallest budget in the file's
// found lines.
func budgetOf(p *Program, o RunOptions) uint64 {
	if o.Events > 0 {
		return o.Events
	}
	least := uint64(DefaultEvents)
	for _, f := range p.found {
		least = min(least, cmp.Or(f.Events, least))
	}
	return least
}

func ruleIDs(*names) (all []string) {
	for _, r := range cluster.OldRules() {
		if !slices.Contains(all, r.ID) { // two packages may have an old rule with the same ID
			all = append(all, r.ID)
		}
	}
	return all
}

func readRule(_ *names, w Word) (any, string) {
	if !slices.Contains(ruleIDs(nil), w.Text) {
		return nil, fmt.Sprintf("no old rule %q; samsa list rules names them", w.Text)
	}
	return w.Text, ""
}

// failureNames lists the words that may follow the verb found.
func failureNames(*names) []string {
	return append(checkNames(), OfRest, OfBudget, OfPanic, OfSoundness)
}

// Own is the prefix of Failure.Check for a failure that a user's own invariant found. The name of the invariant follows it.
const Own = "own:"

func readFailure(_ *names, w Word) (any, string) {
	if name, own := strings.CutPrefix(w.Text, Own); own && plainName(name) == "" {
		return w.Text, ""
	}
	if !slices.Contains(failureNames(nil), w.Text) {
		return nil, fmt.Sprintf("no check %q; samsa list checks names them, and there are %s, %s, %s and %s", w.Text, OfRest, OfBudget, OfPanic, OfSoundness)
	}
	return w.Text, ""
}

func readSentence(_ *names, w Word) (any, string) {
	if !w.Quoted {
		return nil, fmt.Sprintf("a sentence is in quotes: %q is not", w.Text)
	}
	return w.Text, ""
}

func readHash(_ *names, w Word) (any, string) {
	if len(w.Text) != 16 || strings.Trim(w.Text, "0123456789abcdef") != "" {
		return nil, fmt.Sprintf("a hash is sixteen hex digits, not %q", w.Text)
	}
	return w.Text, ""
}
