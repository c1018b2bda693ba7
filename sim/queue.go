package sim

// The event queue: a binary heap of small structs that knows where each of its entries is.
//
// Whatever can be scheduled (a timer, the head of a pipe, a busy lane) owns one *slot* for as long as it lives, and
// a slot has at most one entry in the heap. So cancelling removes, re-arming moves, and the queue can hold no
// garbage however often either happens. A timer that is re-armed to a later time is the one exception, on purpose:
// its entry stays where it is and is moved when it comes up (see timer.go), because moving it each time costs more.

// slotID names a slot. Slots are never given back: what owns one is reused together with it (see newLink).
type slotID uint32

// slotKind says what happens when a slot's time has come.
type slotKind uint8

const (
	slotTimer    slotKind = iota // machine a, timer b
	slotPipe                     // link a, direction b: the first packet arrives
	slotDeadline                 // link a: a call or the connect may have timed out
	slotServe                    // link a: the server may read the next request
	slotWritten                  // link a: a request that has no response was written
	slotStation                  // machine a, station b: a lane is free again
	slotFlush                    // machine a, flush b: an asynchronous sync is over
	slotStart                    // machine a: the process starts
	slotDeath                    // machine a: the process ends
	slotControl                  // control action a
)

// slot is what can be scheduled.
type slot struct {
	pos  int32 // in the heap; -1 when it is not scheduled
	kind slotKind
	a, b int32
}

// entry is one scheduled slot.
type entry struct {
	at    Time
	order uint64 // tie-break in the upper bits, sequence below: no two are equal
	slot  slotID
}

// tieShift leaves 56 bits for the sequence: 2^56 schedulings are two centuries at ten million a second.
const tieShift = 56

// queue is the heap with its slots.
// Heap and slots point at each other: slots[s].pos is where heap[pos].slot is s. Only up, down, set, drop and pop know.
type queue struct {
	heap  []entry
	slots []slot
	seq   uint64 // of the last scheduling
}

// order is the place of a scheduling among those of the same instant: by tie, then first come first served.
func (q *queue) order(tie uint64) uint64 {
	q.seq++
	return tie<<tieShift | q.seq
}

// newSlot makes a slot, not scheduled.
func (q *queue) newSlot(kind slotKind, a, b int32) slotID {
	q.slots = append(q.slots, slot{-1, kind, a, b})
	return slotID(len(q.slots) - 1)
}

// queued reports whether the slot is scheduled.
func (q *queue) queued(id slotID) bool { return q.slots[id].pos >= 0 }

// at is the time the slot is scheduled for; it must be scheduled.
func (q *queue) at(id slotID) Time { return q.heap[q.slots[id].pos].at }

// set schedules the slot, or moves it.
func (q *queue) set(id slotID, at Time, order uint64) {
	e := entry{at, order, id}
	pos := q.slots[id].pos
	if pos < 0 {
		q.heap = append(q.heap, e)
		q.up(int32(len(q.heap)-1), e)
		return
	}
	if e.before(q.heap[pos]) {
		q.up(pos, e)
	} else {
		q.down(pos, e)
	}
}

// drop unschedules the slot if it is scheduled.
func (q *queue) drop(id slotID) {
	pos := q.slots[id].pos
	if pos < 0 {
		return
	}
	q.slots[id].pos = -1
	last := int32(len(q.heap) - 1)
	e := q.heap[last]
	q.heap = q.heap[:last]
	if pos == last {
		return
	}
	// The last entry takes the empty place, and may be too early for it as well as too late: it comes from another branch.
	if pos > 0 && e.before(q.heap[(pos-1)/2]) {
		q.up(pos, e)
	} else {
		q.down(pos, e)
	}
}

// pop takes the first entry out.
func (q *queue) pop() entry {
	first := q.heap[0]
	q.slots[first.slot].pos = -1
	last := int32(len(q.heap) - 1)
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.down(0, e)
	}
	return first
}

// Time, then tie class, then first come first served: a total order, or equal configs would not be equal runs.
func (e entry) before(f entry) bool {
	return e.at < f.at || e.at == f.at && e.order < f.order
}

// up puts e into the hole at pos or above it.
func (q *queue) up(pos int32, e entry) {
	h, s := q.heap, q.slots
	for pos > 0 {
		parent := (pos - 1) / 2
		if !e.before(h[parent]) {
			break
		}
		h[pos] = h[parent]
		s[h[pos].slot].pos = pos
		pos = parent
	}
	h[pos] = e
	s[e.slot].pos = pos
}

// down puts e into the hole at pos or below it.
func (q *queue) down(pos int32, e entry) {
	h, s := q.heap, q.slots
	n := int32(len(h))
	for {
		child := 2*pos + 1
		if child >= n {
			break
		}
		if child+1 < n && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(e) {
			break
		}
		h[pos] = h[child]
		s[h[pos].slot].pos = pos
		pos = child
	}
	h[pos] = e
	s[e.slot].pos = pos
}
