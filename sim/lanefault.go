package sim

import "samsa/sim/env"

// laneFaults are the faults of a path that concern only the connections of some lanes. A real network can do that too: each
// lane is a connection of its own, and a firewall, a quota or a full socket buffer treats each in its own way.
type laneFaults struct {
	cut      [env.Lanes]bool
	healedAt [env.Lanes]Time // end of the last cut
	extra    [env.Lanes]env.Duration
}

// ofLanes returns the faults of the path's lanes. The caller may change them.
func (p *path) ofLanes() *laneFaults {
	if p.lanes == nil {
		p.lanes = &laneFaults{}
	}
	return p.lanes
}

// cutLanes cuts lanes.
func (p *path) cutLanes(lanes []env.Lane) {
	for _, l := range lanes {
		p.ofLanes().cut[l] = true
	}
}

// slowLanes adds extra latency to lanes.
func (p *path) slowLanes(lanes []env.Lane, extra env.Duration) {
	for _, l := range lanes {
		p.ofLanes().extra[l] = extra
	}
}

// cutFor reports whether the packets of a lane are lost.
func (p *path) cutFor(lane env.Lane) bool { return p.cut || p.lanes != nil && p.lanes.cut[lane] }

// healedFor returns the end of the last cut that hit a lane.
func (p *path) healedFor(lane env.Lane) Time {
	if p.lanes == nil {
		return p.healedAt
	}
	return max(p.healedAt, p.lanes.healedAt[lane])
}

// healLanes ends the faults of single lanes. The packets that a cut lane held are retransmitted.
func (p *path) healLanes(w *World) {
	f := p.lanes
	if f == nil {
		return
	}
	for l := range f.cut {
		f.extra[l] = 0
		if f.cut[l] {
			f.cut[l], f.healedAt[l] = false, w.now
			w.release(func(q *pipe) bool { return q.path == p && q.link.lane == env.Lane(l) }, true)
		}
	}
}

// numbered returns lanes as numbers, for the hash.
func numbered(lanes []env.Lane) []int64 {
	var all []int64
	for _, l := range lanes {
		all = append(all, int64(l))
	}
	return all
}
