package view

import (
	"fmt"
	"strconv"

	"samsa/check"
	"samsa/scenarios"
)

// Report is a verdict as one object, for --json and for the text. New versions may add fields but never remove one.
type Report struct {
	Schema      string     `json:"schema"` // "samsa.run/1"
	Scenario    string     `json:"scenario"`
	Seed        string     `json:"seed"`       // decimal; a string because JSON numbers are exact only up to 2^53
	Verdict     string     `json:"verdict"`    // "ok", "violated", "unknown"
	Hash        string     `json:"hash"`       // sixteen hex digits
	Events      uint64     `json:"events"`     // all events that ran
	Steps       uint64     `json:"steps"`      // the events that are in the story
	VirtualNS   int64      `json:"virtual_ns"` // nanoseconds of true time in the world
	Properties  []Property `json:"properties"`
	Claims      []Claim    `json:"claims"`
	StopReason  string     `json:"stop_reason,omitempty"` // why the run ended early, in one word: see scenarios.StopReason
	Stopped     string     `json:"stopped,omitempty"`     // the same reason as a sentence
	Interrupted bool       `json:"interrupted,omitempty"`
}

// Property is the finding of one judge.
type Property struct {
	Name        string `json:"name"`
	Status      string `json:"status"` // "held", "violated", "priced", "unknown", "unexercised"
	Step        uint64 `json:"step"`   // the step that decided the status; 0 if no single step did
	Explanation string `json:"explanation"`
	Clause      string `json:"clause,omitempty"` // for priced: the clause of the contract that allows the violation
}

// Claim is the claim of one line of the scenario, and whether it holds.
type Claim struct {
	Line int    `json:"line"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// NewReport makes the report of a verdict.
func NewReport(scenario string, v *scenarios.Verdict) Report {
	r := Report{
		Schema: "samsa.run/1", Scenario: scenario, Seed: strconv.FormatUint(v.Seed, 10), Verdict: verdictWord(v.Status),
		Hash: fmt.Sprintf("%016x", v.Hash), Events: v.Events, Steps: v.Steps, VirtualNS: int64(v.Time),
		Properties: []Property{}, Claims: []Claim{}, Stopped: v.Stopped,
	}
	if v.Reason != scenarios.NotStopped {
		r.StopReason = v.Reason.String()
	}
	for _, f := range v.Findings {
		r.Properties = append(r.Properties, property(f))
	}
	for _, c := range v.Claims {
		r.Claims = append(r.Claims, Claim{c.Line.Num, c.OK, c.Text})
	}
	return r
}

// verdictWord returns the schema's word for a verdict.
func verdictWord(s check.Status) string {
	switch s {
	case check.Violated:
		return "violated"
	case check.Unknown:
		return "unknown"
	}
	return "ok"
}
