package view

import (
	"fmt"
	"strings"

	"samsa/scenarios"
)

// Found is a found line of the scenario, and whether its failure is in this run.
type Found struct {
	Line        int    `json:"line"`
	Check       string `json:"check"` // a check, or "quiet", "budget", "panic", "unsound"
	Kind        string `json:"kind"`  // the other part of the fingerprint; empty if any kind of failure of the check counts
	State       string `json:"state"` // "there", "gone", "undecided", "unjudged"
	Step        uint64 `json:"step"`  // the step at which this run has the failure; 0 if there is no such step
	Explanation string `json:"explanation,omitempty"`
	Version     string `json:"version,omitempty"` // the version of Samsa that found it, if the line gives it
	Hash        string `json:"hash,omitempty"`    // the hash of the run in which it was found, if the line gives it
}

// Failure is a failure of this run with its fingerprint.
type Failure struct {
	Check       string `json:"check"`
	Kind        string `json:"kind"`
	Step        uint64 `json:"step"`
	Explanation string `json:"explanation"`
	Found       bool   `json:"found"` // a found line names it
}

// foundOf makes the found lines of a report from those of a verdict.
func foundOf(v *scenarios.Verdict) []Found {
	all := []Found{}
	for _, f := range v.Found {
		x := Found{Line: f.Line.Num, Check: f.Check, Kind: f.Kind, State: string(f.State), Version: f.Version, Hash: f.Hash}
		if f.State == scenarios.StillThere {
			x.Step, x.Explanation = f.Now.Step, f.Now.Text
		}
		all = append(all, x)
	}
	return all
}

// failuresOf makes the failures of a report from those of a verdict.
func failuresOf(v *scenarios.Verdict) []Failure {
	all := []Failure{}
	for _, f := range v.Failures {
		x := Failure{Check: f.Check, Kind: f.Kind, Step: f.Step, Explanation: f.Text}
		for _, line := range v.Found {
			x.Found = x.Found || line.State == scenarios.StillThere && line.Now.Fingerprint() == f.Fingerprint()
		}
		all = append(all, x)
	}
	return all
}

// foundText returns the part of the closing that compares the run with the found lines of the file. It is empty for a file
// without such lines.
func (r Report) foundText() string {
	if len(r.Found) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("what was found when the file was saved\n")
	for _, f := range r.Found {
		state := map[string]string{"there": "STILL THERE", "gone": "GONE", "undecided": "NOT THERE SO FAR", "unjudged": "NOT JUDGED, for only a test has the invariant"}[f.State]
		if f.Step > 0 {
			state += fmt.Sprintf(" at step %d", f.Step)
		}
		fmt.Fprintf(&b, "  %-22s %s\n", f.Check, state)
		text := f.Kind
		if f.State == "there" && f.Explanation != "" && !r.judged(f.Check) {
			text = strings.TrimPrefix(text+": "+f.Explanation, ": ")
		}
		if text != "" {
			b.WriteString(fill(clean(text), "    ", "    ") + "\n")
		}
	}
	if others := r.others(); len(others) > 0 {
		b.WriteString(fill("no found line names: "+strings.Join(others, "; "), "  ", "    ") + "\n")
	}
	if f, ok := r.otherRun(); ok {
		by := ""
		if f.Version != "" {
			by = " by Samsa " + f.Version
		}
		b.WriteString(fill("This is not the run that was saved"+by+": its hash is another.", "  ", "  ") + "\n")
	}
	return b.String()
}

// judged reports whether the findings of the report include a check. The closing then explains it already.
func (r Report) judged(name string) bool {
	for _, p := range r.Properties {
		if p.Name == name {
			return true
		}
	}
	return false
}

// others returns the fingerprints of the failures that no found line names.
func (r Report) others() (all []string) {
	for _, f := range r.Failures {
		if !f.Found {
			all = append(all, scenarios.Failure{Check: f.Check, Kind: f.Kind}.Fingerprint())
		}
	}
	return all
}

// otherRun returns the first found line with a hash that is not the hash of this run. If this run was stopped before its
// end, no hash is compared.
func (r Report) otherRun() (Found, bool) {
	for _, f := range r.Found {
		if f.Hash != "" && f.Hash != r.Hash && f.State != string(scenarios.NotReached) && r.StopReason != scenarios.StopAtStep.String() {
			return f, true
		}
	}
	return Found{}, false
}
