package sim

// The event queue is a binary heap of small structs. It knows the position of each of its entries.
//
// Everything that can be scheduled (a timer, the head of a pipe, a busy lane) owns one *slot* for as long as it lives, and
// a slot has at most one entry in the heap. Cancelling removes the entry and re-arming moves it, so the queue holds no
// stale entries. The one exception is a timer that is re-armed to a later time. Its entry is moved only when the entry
// comes up (see timer.go), because a move at each re-arm costs more.

// slotID identifies a slot. Slots are never freed: an owner is reused together with its slots (see newLink).
type slotID uint32

// slotKind is the kind of entry, which decides how it is handled. The comments below give the meaning of slot.a and
// slot.b.
type slotKind uint8

const (
	slotTimer    slotKind = iota // machine a, timer b
	slotPipe                     // link a, direction b: the first packet arrives
	slotDeadline                 // link a: connecting or a call may have timed out
	slotServe                    // link a: the server may read the next request
	slotWritten                  // link a: a request that has no response was written
	slotStation                  // machine a, station b: a lane is free again
	slotFlush                    // machine a, flush b: an asynchronous sync is over
	slotStart                    // machine a: the process starts
	slotDeath                    // machine a: the process ends
	slotControl                  // control action a
)

// slot is anything that can be scheduled.
type slot struct {
	pos  int32 // in the heap; -1 when it is not scheduled
	kind slotKind
	a, b int32
}

// entry is one scheduled slot.
type entry struct {
	at    Time
	order uint64 // tie class in the upper bits, sequence number in the lower: no two are equal
	slot  slotID
}

// tieShift leaves 56 bits for the sequence number, enough for two centuries at ten million entries a second.
const tieShift = 56

// queue is the heap with its slots.
// Heap and slots point at each other: if slots[s].pos is p, then heap[p].slot is s. Only up, down, set, drop and pop
// change them.
type queue struct {
	heap  []entry
	slots []slot
	seq   uint64 // of the last scheduling
}

// order returns the rank of an entry among those of the same instant: by tie class, then in the order of scheduling.
func (q *queue) order(tie uint64) uint64 {
	q.seq++
	return tie<<tieShift | q.seq
}

// newSlot makes a slot that is not scheduled.
func (q *queue) newSlot(kind slotKind, a, b int32) slotID {
	q.slots = append(q.slots, slot{-1, kind, a, b})
	return slotID(len(q.slots) - 1)
}

// queued reports whether the slot is scheduled.
func (q *queue) queued(id slotID) bool { return q.slots[id].pos >= 0 }

// at returns the time of a slot, which must be scheduled.
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
	// The last entry fills the hole. It comes from another branch of the heap, so it may have to move up or down.
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

// before orders entries by time, then tie class, then the order of scheduling. This must be a total order; otherwise equal
// configs could give different runs.
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
