package scenarios

// StopReason is the reason why a run ended before its last line, or was judged before its end.
type StopReason uint8

const (
	NotStopped      StopReason = iota // the run reached its end
	StopBudget                        // the run spent its budget of events
	StopPatience                      // a line waited for something that did not happen in time
	StopUnfinished                    // the verdict was read before the end
	StopAtStep                        // the caller stopped the run at a step
	StopInterrupted                   // the caller was interrupted
)

// String returns the reason in one word, for reports and fingerprints.
func (r StopReason) String() string {
	return [...]string{"finished", "budget", "patience", "unfinished", "step", "interrupted"}[r]
}

// Stop is a reason with its sentence. The zero value means that the run reached its end.
type Stop struct {
	Reason StopReason
	Text   string // a sentence with the numbers of this run
}
