package main

import "samsa/scenarios"

// code is the exit code of the process.
type code int

const (
	exitOK           code = 0   // no property is violated unexpectedly, and all claims are met
	exitViolated     code = 1   // a safety property is violated
	exitUsage        code = 2   // the command line, the configuration or the scenario is wrong
	exitInconclusive code = 3   // the run ended too early, or there is not enough evidence to decide
	exitLiveness     code = 4   // a liveness property is violated
	exitUnmet        code = 6   // a claim of the file or of --expect is not met
	exitInternal     code = 70  // Samsa has a bug
	exitInterrupted  code = 130 // the user pressed Ctrl-C; the findings so far are printed
)

// codeOf maps a conclusion to an exit code. A bug in Samsa itself is reported before codeOf is called.
func codeOf(c scenarios.Conclusion) code {
	switch c {
	case scenarios.Bug:
		return exitInternal
	case scenarios.Unsafe:
		return exitViolated
	case scenarios.Late:
		return exitLiveness
	case scenarios.Unmet:
		return exitUnmet
	case scenarios.Undecided:
		return exitInconclusive
	}
	return exitOK
}

// exitCodes describes the exit codes in the help of all commands that run scenarios.
const exitCodes = "Exit codes, the first that applies: 70 a bug of Samsa's; 1 a safety property is violated that neither an expect line nor " +
	"--expect names, or what a found line names is still there; 4 the same of a liveness property; 6 a claim is not met: an expect, saw or " +
	"run until line, or --expect; 3 inconclusive; 0 otherwise. Besides, 2 wrong usage or a malformed scenario; 130 interrupted."
