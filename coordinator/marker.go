package coordinator

import "samsa/sim/env"

// ApplyMarker ends a producer's transaction in this log: the one door for markers. The control record is appended after
// everything that was decided before, both machines see it, and the answers are held until it is committed. Its errors
// are those of Write; the log refuses a marker of an old coordinator or producer epoch.
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
