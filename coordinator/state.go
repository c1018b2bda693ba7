package coordinator

import "fmt"

// State is the state of a runtime. Kafka has the same five states, but in its state INITIAL a coordinator only waits,
// while a Standby follows the log.
//
//	          Load      LoadStep            Unload    an append breaks   Close     Committed
//	Standby   Loading   ·                   ·         ·                  Closed    reads the log up to there
//	Loading   ·         Active, or Failed   Standby   ·                  Closed    limits stable after each step
//	Active    ·         ·                   Standby   Failed             Closed    releases answers
//	Failed    Loading   ·                   Standby   ·                  Closed    ignored
//	Closed    ·         ·                   ·         ·                  ·         ignored
//
// A dot is an illegal call by the host and panics. Ops and reads run in Active. Loading refuses them with ErrLoading, and
// all other states refuse them with ErrNotActive.
type State uint8

// The states.
const (
	Standby State = iota // follows the committed log, or is new
	Loading              // reads the log chunk by chunk
	Active               // leads: ops run
	Failed               // the log could not be read or written; the next Load begins at the log's base
	Closed               // dropped
)

// String returns the state in words.
func (s State) String() string {
	return [...]string{"standby", "loading", "active", "failed", "closed"}[s]
}

// legal has the transitions of the table: legal[a][b] says whether state a may become state b.
var legal = [...][5]bool{
	Standby: {Loading: true, Closed: true},
	Loading: {Standby: true, Active: true, Failed: true, Closed: true},
	Active:  {Standby: true, Failed: true, Closed: true},
	Failed:  {Standby: true, Loading: true, Closed: true},
	Closed:  {},
}

// transitionTo makes a transition. No other function changes the state.
func (s *State) transitionTo(to State) {
	if !legal[*s][to] {
		panic(fmt.Sprintf("coordinator: no transition from %s to %s", *s, to))
	}
	*s = to
}

// refusal returns the error for ops and reads in this state, or nil.
func (s State) refusal() error {
	switch s {
	case Active:
		return nil
	case Loading:
		return ErrLoading
	default:
		return ErrNotActive
	}
}
