package scenarios

import (
	"fmt"

	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
)

// Types of the ledger of causes are repeated here, so that packages that show causes need not import package observe.
type (
	// Causes is the ledger of the causes in a run.
	Causes = observe.Causes
	// CausedEvent is one event of the run with the message that it handled.
	CausedEvent = observe.Event
	// CausedMessage is a request or a response that left its sender.
	CausedMessage = observe.Message
	// CausedChange is one change that the judges saw, with the event that made it.
	CausedChange = observe.Change
	// CausedFault is one fault, with the line of the scenario that made it.
	CausedFault = observe.Fault
)

// causesAt is a ledger of causes, and the position of the session for which it was computed.
type causesAt struct {
	ticks  uint64
	ledger *Causes
}

// CausesOf returns the ledger of causes up to the position of the session. A session keeps no ledger itself, so that most
// runs have no additional cost. CausesOf runs the scenario again to the same position and keeps a ledger. It returns an
// error if the hashes of the two runs differ, because the ledger would then explain another run.
func CausesOf(s *Session) (*Causes, error) {
	if s.cluster == nil {
		return nil, fmt.Errorf("no event has run yet, so nothing has a cause")
	}
	if s.causes != nil && s.causes.ticks == s.ticks {
		return s.causes.ledger, nil
	}
	var ledger *Causes
	again := New(s.program, s.run)
	again.run.Heard, again.run.Each = nil, nil
	again.run.Build = func(o cluster.Options) (c observe.Cluster, err error) {
		c, ledger, err = observe.AssembleWithCauses(o)
		return c, err
	}
	again.began = func(num int) { ledger.At(num) }
	defer again.Close()
	for again.ticks < s.ticks && again.err == nil {
		again.tick()
	}
	if again.err != nil {
		return nil, again.err
	}
	if got, want := again.cluster.Hash(), s.cluster.Hash(); got != want {
		return nil, fmt.Errorf("the run that keeps causes has hash %016x, and the run that it explains has %016x", got, want)
	}
	s.causes = &causesAt{s.ticks, ledger}
	return ledger, nil
}
