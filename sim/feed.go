package sim

import (
	"cmp"
	"slices"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// Feed sees the changes of the world, in the order in which they are complete. Judges subscribe here, so
// they never see, for example, a vote before the sync of the vote is complete.
//
//	handler runs   t0: append (5 us), sync (2 ms), reply
//	feed sees      t0+5us EffectDisk   t0+2.005ms EffectDisk (sync)   t0+2.005ms EffectDeparted   t0+2.3ms EffectDelivered
//
// If a process dies before its change is complete, no Feed sees the change. A Feed may read the world and its nodes,
// but must not act on them.
type Feed interface {
	Changed(*Effect)
}

// EffectKind is the kind of a change.
type EffectKind uint8

const (
	EffectDisk      EffectKind = iota + 1 // a change took effect in the page cache, or a sync completed on the device
	EffectDeparted                        // a message left its sender
	EffectDelivered                       // a message reached its receiver's handler
	EffectNote                            // a note took effect
	EffectStarted                         // a process began
	EffectDied                            // a process ended; if Power is set, its machine lost power
)

// Effect is one change. It is valid during the call only.
type Effect struct {
	Kind  EffectKind
	At    Time
	Cause uint64 // the event that caused the change
	Node  env.Addr

	Disk disk.Change // of EffectDisk
	Note Noted       // of EffectNote

	Peer     env.Addr    // Departed: the receiver; Delivered: the sender
	Link     env.Link    // in Node's numbering
	Lane     env.Lane    // of the link
	Arrives  Time        // Departed: when the message arrives if no fault delays it
	Call     uint64      // Departed, Delivered: the number of the call in this world, from 1
	Request  env.Request // Departed, Delivered: either Request or Response is set
	Response env.Response
	Power    bool // Died: the machine lost power
}

// Subscribe adds a feed. Feeds change neither the run nor its hash.
func (w *World) Subscribe(f Feed) { w.feeds = append(w.feeds, f) }

// AfterEvent calls f after every event, after its trace line and after feeds have seen its immediate effects. Unlike a
// Feed, f may act on the world: crash a machine, cut a cable.
// A hook sees all effects of the handler at once, even those that are not complete. Judges use Subscribe instead.
func (w *World) AfterEvent(f func(*Event)) {
	w.after = append(w.after, f)
	w.observed = true
}

// pending is an effect that is not complete. It waits outside the event queue, so that feeds cannot change the order of
// events.
type pending struct {
	seq uint64 // keeps effects of one instant in the order they were made
	Effect
}

func (p *pending) before(q *pending) bool {
	return p.At < q.At || p.At == q.At && p.seq < q.seq
}

// effects is a binary heap of indexes into a slab, so that sifting moves four bytes and not an Effect.
type effects struct {
	slab []pending
	free []int32
	heap []int32
	seq  uint64
}

// effect records a change that will be complete at e.At.
// It is not called if there are no feeds, so a run without judges has no cost.
func (w *World) effect(e Effect) {
	p := &w.pending
	e.Cause = w.cause
	p.seq++
	var place int32
	if n := len(p.free); n > 0 {
		place = p.free[n-1]
		p.free = p.free[:n-1]
		p.slab[place] = pending{p.seq, e}
	} else {
		place = int32(len(p.slab))
		p.slab = append(p.slab, pending{p.seq, e})
	}
	p.push(place)
}

func (p *effects) push(place int32) {
	p.heap = append(p.heap, place)
	i := len(p.heap) - 1
	for i > 0 && p.slab[place].before(&p.slab[p.heap[(i-1)/2]]) {
		p.heap[i] = p.heap[(i-1)/2]
		i = (i - 1) / 2
	}
	p.heap[i] = place
}

func (p *effects) pop() int32 {
	first, last := p.heap[0], p.heap[len(p.heap)-1]
	p.heap = p.heap[:len(p.heap)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(p.heap) {
			break
		}
		if child+1 < len(p.heap) && p.slab[p.heap[child+1]].before(&p.slab[p.heap[child]]) {
			child++
		}
		if !p.slab[p.heap[child]].before(&p.slab[last]) {
			break
		}
		p.heap[i] = p.heap[child]
		i = child
	}
	if len(p.heap) > 0 {
		p.heap[i] = last
	}
	return first
}

// complete passes to the feeds all effects that are complete at time t. A feed cannot make new effects, so no effect is
// added meanwhile.
func (w *World) complete(t Time) {
	p := &w.pending
	for len(p.heap) > 0 && p.slab[p.heap[0]].At <= t {
		place := p.pop()
		for _, f := range w.feeds {
			f.Changed(&p.slab[place].Effect)
		}
		// Otherwise the slab would keep old messages in memory.
		p.slab[place].Effect = Effect{}
		p.free = append(p.free, place)
	}
}

// dropUnfinished handles the pending effects of a machine that dies now. Messages that have not departed and notes that
// are not due are dropped; after a power loss, all pending effects are dropped. After a kill, the handler's disk
// changes are in the page cache now (see disk/issued.go). Syncs before the last change are complete now, and the device
// completes the later syncs.
func (w *World) dropUnfinished(m *machine, power bool) {
	early := m.disk.Latest()
	if early <= m.ran() {
		early = 0
	}
	if !power {
		m.suspended = slices.DeleteFunc(m.suspended, func(e pending) bool { return e.Kind != EffectDisk })
		w.resume(m)
	}
	p := &w.pending
	old := p.heap
	p.heap = nil
	for _, place := range old {
		e := &p.slab[place]
		if e.Node == m.addr && e.At > w.now {
			if e.Kind != EffectDisk || power {
				e.Effect = Effect{}
				p.free = append(p.free, place)
				continue
			}
			if !e.syncs() || e.At <= early {
				e.At = w.now
			}
		}
		p.push(place)
	}
}

// syncs reports whether the effect is a sync, which the device completes even if the process is dead or paused.
func (p *pending) syncs() bool {
	return p.Kind == EffectDisk && (p.Disk.Op == disk.OpSync || p.Disk.Op == disk.OpSyncDir)
}

// suspend takes back the effects that a paused machine has not reached yet; resume puts them back.
func (w *World) suspend(m *machine) {
	p := &w.pending
	old := p.heap
	p.heap = nil
	// first is the number of the first sync that is not issued. The device handles syncs in order, so even an issued
	// sync of another lane waits if it has a larger number.
	first := ^uint64(0)
	for _, place := range old {
		if e := &p.slab[place]; e.Node == m.addr && e.syncs() && e.Disk.Begins > w.now {
			first = min(first, e.seq)
		}
	}
	for _, place := range old {
		e := &p.slab[place]
		if e.Node == m.addr && e.At > w.now && (e.Kind != EffectDisk || e.Disk.Begins > w.now || e.syncs() && e.seq > first) {
			m.suspended = append(m.suspended, *e)
			e.Effect = Effect{}
			p.free = append(p.free, place)
			continue
		}
		p.push(place)
	}
	slices.SortStableFunc(m.suspended, func(a, b pending) int { return cmp.Compare(a.seq, b.seq) })
}

// resume puts suspended effects back.
func (w *World) resume(m *machine) {
	for _, e := range m.suspended {
		cause := w.cause
		w.cause = e.Cause
		// Effects that were due meanwhile happen now; later ones keep their time.
		e.At = max(e.At, w.now)
		w.effect(e.Effect)
		w.cause = cause
	}
	m.suspended = m.suspended[:0]
}
