package main

import (
	"samsa/check"
	"samsa/scenarios"
)

// code is the exit code of the process.
type code int

const (
	exitOK           code = 0   // all properties held, or the only violation is the one that --expect names
	exitViolated     code = 1   // a safety property is violated
	exitUsage        code = 2   // the command line, the configuration or the scenario is wrong
	exitInconclusive code = 3   // the run ended too early for a verdict, or the violation that --expect names did not happen
	exitLiveness     code = 4   // a liveness property is violated
	exitInternal     code = 70  // Samsa has a bug
	exitInterrupted  code = 130 // the user pressed Ctrl-C; the findings so far are printed
)

// codeOf maps a verdict to an exit code. expected is the check that --expect names, or "".
func codeOf(v *scenarios.Verdict, expected string) code {
	others, liveness, met := false, true, false
	for _, f := range v.Findings {
		if f.Status != check.Violated {
			continue
		}
		if f.Check.Name == expected {
			met = true
			continue
		}
		others = true
		liveness = liveness && f.Check.Liveness
	}
	switch {
	case others && liveness:
		return exitLiveness
	case others:
		return exitViolated
	case met:
		return exitOK
	case expected != "" || v.Status == check.Unknown:
		return exitInconclusive
	}
	return exitOK
}
