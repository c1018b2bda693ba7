package coordinator

import "samsa/sim/env"

// ApplyMarker ends a producer's transaction in this log. No other function writes a marker. The control record is appended
// after all earlier ops, both machines apply it, and the answers wait until it is committed. ApplyMarker returns errors as
// Write does; the log refuses a marker with an old coordinator epoch or producer epoch.
func (r *Runtime[M]) ApplyMarker(e env.Env, m Marker, answers ...Answer) error {
	if err := r.state.refusal(); err != nil {
		return err
	}
	err := r.flush(e)
	if err == nil {
		stamp := Stamp{Transactional: true, Producer: m.Producer, Epoch: m.Epoch}
		err = r.append(e, Batch{Stamp: stamp, Marker: m}, true)
	}
	if err != nil {
		r.release(e, answers, answerFor(err))
		return err
	}
	r.park(e, answers, nil, nil)
	r.completeParked(e)
	return nil
}
