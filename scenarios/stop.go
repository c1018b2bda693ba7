package scenarios

// StopReason is the reason why a run ended before its last line, or was judged before its end.
type StopReason uint8

const (
	NotStopped      StopReason = iota // it ran to its end
	StopBudget                        // the budget of events is spent
	StopPatience                      // a line waited for something that did not happen in time
	StopUnfinished                    // the verdict was read before the end
	StopAtStep                        // the caller stopped it at a step, as asked
	StopInterrupted                   // the caller was interrupted
)

// String is the reason in one word, for reports and fingerprints.
func (r StopReason) String() string {
	return [...]string{"finished", "budget", "patience", "unfinished", "step", "interrupted"}[r]
}

// Stop is a reason with its sentence. The zero value is a run to its end.
type Stop struct {
	Reason StopReason
	Text   string // in words, with the numbers of this run
}
