package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/check"
	"samsa/scenarios"
)

// Report is a verdict as one object, for --json and for the text. New versions may add fields but never remove one.
type Report struct {
	Schema      string      `json:"schema"` // "samsa.run/1"
	Scenario    string      `json:"scenario"`
	Seed        string      `json:"seed"`          // decimal; a string because JSON numbers are exact only up to 2^53
	Verdict     string      `json:"verdict"`       // "ok", "violated", "unmet", "unknown"
	Why         string      `json:"why,omitempty"` // a reason that is not in the findings, see whyOf
	Hash        string      `json:"hash"`          // sixteen hex digits
	Events      uint64      `json:"events"`        // all events that ran
	Steps       uint64      `json:"steps"`         // the events that are in the story
	VirtualNS   int64       `json:"virtual_ns"`    // nanoseconds of true time in the world
	Properties  []Property  `json:"properties"`
	Claims      []Claim     `json:"claims"`
	Found       []Found     `json:"found"`    // the found lines of the file
	Failures    []Failure   `json:"failures"` // all failures, each with its fingerprint
	Rules       []string    `json:"rules"`    // the enabled old rules: those of the file and those of --rule
	Set         []string    `json:"set"`      // the settings of --set
	Until       uint64      `json:"until,omitempty"`
	Marks       []StoryMark `json:"marks"` // where the story shows a broken promise and its causes
	Mode        string      `json:"mode"`
	Again       string      `json:"again"`                 // the command that repeats the run
	StopReason  string      `json:"stop_reason,omitempty"` // why the run ended early, in one word: see scenarios.StopReason
	Stopped     string      `json:"stopped,omitempty"`     // the same reason as a sentence
	Interrupted bool        `json:"interrupted,omitempty"`
}

// Property is the finding of one judge.
type Property struct {
	Name        string `json:"name"`
	Status      string `json:"status"` // "held", "violated", "priced", "unknown", "unexercised"
	Step        uint64 `json:"step"`   // the step that decided the status; 0 if no single step did
	Explanation string `json:"explanation"`
	Expected    bool   `json:"expected,omitempty"` // for violated: the file or the caller expects it
	Clause      string `json:"clause,omitempty"`   // for priced: the clause of the contract that allows the violation; with known: the evidence for that finding
	Known       string `json:"known,omitempty"`    // for violated: the finding of FINDINGS.md that has happened here, named like its scenario
}

// Claim is the claim of one line of the scenario, and whether it holds.
type Claim struct {
	Line int    `json:"line"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// NewReport makes the report of a verdict. The checks in expected are those that the caller expects to be violated.
func NewReport(scenario string, v *scenarios.Verdict, expected ...string) Report {
	end := v.Conclude(expected)
	r := Report{
		Schema: "samsa.run/1", Scenario: scenario, Seed: strconv.FormatUint(v.Seed, 10), Verdict: verdictWord(end), Why: whyOf(v, end, expected),
		Hash: fmt.Sprintf("%016x", v.Hash), Events: v.Events, Steps: v.Steps, VirtualNS: int64(v.Time),
		Properties: []Property{}, Claims: []Claim{}, Found: foundOf(v), Failures: failuresOf(v), Stopped: v.Stopped,
		Rules: append([]string{}, v.Rules...), Set: []string{}, Mode: v.Mode.String(), Marks: []StoryMark{},
	}
	for _, s := range v.Set {
		r.Set = append(r.Set, s.Name+"="+s.Value)
	}
	if v.Reason != scenarios.NotStopped {
		r.StopReason = v.Reason.String()
	}
	for _, f := range v.Findings {
		r.Properties = append(r.Properties, property(f))
		if f.Status == check.Violated {
			r.Properties[len(r.Properties)-1].Expected = v.Expects(f.Check.Name, expected)
		}
	}
	for _, c := range v.Claims {
		r.Claims = append(r.Claims, Claim{c.Line.Num, c.OK, c.Text})
	}
	return r
}

// verdictWord returns the schema's word for a conclusion.
func verdictWord(c scenarios.Conclusion) string {
	switch c {
	case scenarios.Bug:
		return "internal"
	case scenarios.Unsafe, scenarios.Late:
		return "violated"
	case scenarios.Unmet:
		return "unmet"
	case scenarios.Undecided:
		return "unknown"
	}
	return "ok"
}

// whyOf returns the reasons for a verdict that the findings do not show: the expected violations that happened or did not
// happen, the number of claims that do not hold, and whether the claims of the file count.
func whyOf(v *scenarios.Verdict, end scenarios.Conclusion, expected []string) string {
	var why []string
	var met []string
	for _, f := range v.Findings {
		if f.Status == check.Violated && v.Expects(f.Check.Name, expected) {
			met = append(met, f.Check.Name)
		}
	}
	if len(met) > 0 {
		why = append(why, list(met)+" violated, as expected")
	}
	for _, name := range expected {
		if !slices.Contains(met, name) {
			why = append(why, name+" is not violated, which was expected")
		}
	}
	if n := len(v.UnmetClaims()); n > 0 {
		why = append(why, unmetWords(n))
	}
	if end == scenarios.Late && !v.Altered {
		for _, f := range v.Found {
			if f.Check == scenarios.OfRest && f.State == scenarios.StillThere {
				why = append(why, "the cluster still does not become quiet")
				break
			}
		}
	}
	unmet := slices.ContainsFunc(v.Claims, func(c scenarios.Claim) bool { return !c.OK })
	if v.Altered && (unmet || len(v.Found) > 0) {
		text := "the file's "
		switch {
		case len(v.Found) == 0:
			text += "claims"
		case !unmet:
			text += "found lines"
		default:
			text += "claims and found lines"
		}
		why = append(why, text+" do not count: they are about its own seed, rules and settings")
	}
	return strings.Join(why, "; ")
}

// list joins names and adds a verb: "a is", "a and b are".
func list(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last] + " are"
}

func unmetWords(n int) string {
	if n == 1 {
		return "1 claim of the file is not met"
	}
	return fmt.Sprintf("%d claims of the file are not met", n)
}
