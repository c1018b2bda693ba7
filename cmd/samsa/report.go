package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios"
)

// usageError is a mistake of the caller, with a hint.
type usageError struct {
	what    string // the mistake, in one line
	next    string // a command or a hint to follow; empty if none
	meant   string // the nearest valid word; empty if none is near
	details []*scenarios.Error
}

func (e *usageError) Error() string { return e.what }

// usage makes a usageError.
func usage(next, format string, args ...any) *usageError {
	return &usageError{what: fmt.Sprintf(format, args...), next: next}
}

// errorReport is the object that --json prints for an error.
type errorReport struct {
	Schema     string        `json:"schema"` // "samsa.error/1"
	Code       int           `json:"code"`   // the exit code
	Message    string        `json:"message"`
	Suggestion string        `json:"suggestion,omitempty"`
	Next       string        `json:"next,omitempty"`
	Scenario   []errorInFile `json:"scenario,omitempty"`
	Seed       string        `json:"seed,omitempty"` // only set for an internal error
}

// errorInFile is one error in a scenario file.
type errorInFile struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	Col        int    `json:"col"`
	Word       string `json:"word"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}

// report prints an error. If --json is anywhere on the command line, it prints one object on stdout and nothing else;
// otherwise it prints text on stderr.
func (a *app) report(err error) code {
	var u *usageError
	if !errors.As(err, &u) {
		u = usage("samsa help", "%s", strings.TrimSpace(err.Error()))
	}
	if slices.Contains(a.args, "--json") {
		r := errorReport{Schema: "samsa.error/1", Code: int(exitUsage), Message: u.what, Suggestion: u.meant, Next: u.next}
		for _, e := range u.details {
			r.Scenario = append(r.Scenario, errorInFile{e.File, e.Line, e.Col, e.Word, e.Msg, e.Suggestion})
		}
		a.printJSON(r)
		return exitUsage
	}
	if len(u.details) > 0 {
		fmt.Fprintln(a.err, scenarios.Errors(u.details).Error())
	} else {
		fmt.Fprintf(a.err, "samsa: %s", u.what)
		if u.meant != "" {
			fmt.Fprintf(a.err, " (did you mean %q?)", u.meant)
		}
		fmt.Fprintln(a.err)
	}
	if u.next != "" {
		fmt.Fprintf(a.err, "  try: %s\n", u.next)
	}
	return exitUsage
}

// printJSON prints one object on one line.
func (a *app) printJSON(v any) {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a.out keeps a write error for the end of the command
}
