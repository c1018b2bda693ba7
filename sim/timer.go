package sim

import "samsa/sim/env"

// This file has the timers of one machine: a slab of records, and an open-addressed index from env.Timer to its record.
//
//	          Arm                    its time comes            the lane is free
//	idle ───────────────▶ armed ───────────────────▶ due ─────────────────────▶ firing ──▶ idle
//	                       │  ▲                       │  Disarm, Arm              │ Arm
//	                       └──┘ Arm                   └─▶ idle, armed             └─▶ armed
//
// A due timer waits in the queue of its lane; its gen shows whether the queued event is still valid.

type timerState uint8

const (
	timerIdle timerState = iota
	timerArmed
	timerDue
	timerFiring
)

// timer is one record of the slab. A record keeps its slot in the event queue even when it is reused.
type timer struct {
	key   env.Timer
	due   env.Instant // on the machine's monotonic clock
	armed Time        // when the cost before the Arm is paid; the timer fires no earlier
	at    Time        // when the timer is due in true time, at the clock's current speed
	order uint64      // rank among the entries of that instant; fixed when armed
	cause uint64      // the event that armed the timer
	gen   uint32      // counts arms and disarms of this record
	state timerState
	slot  slotID
}

// timers is the table of a machine's timers. It only grows; the records of disarmed timers are reused.
// It is not a Go map, because a map would allocate and its hash is slower. Probing is linear and removal shifts entries
// back, so arming and disarming leaves no tombstones.
type timers struct {
	slab  []timer
	free  []int32
	index []int32 // index into slab + 1, or 0 for an empty entry; the length is a power of two
	live  int     // timers in the index
}

// hashTimer only has to spread the keys; it is not part of a run's identity.
func hashTimer(t env.Timer) uint64 {
	h := (uint64(t.A) + uint64(t.Kind)<<40) * golden
	h = (h ^ h>>32 ^ uint64(t.B)) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>29 ^ uint64(t.C) ^ uint64(t.Lane)<<56) * 0x94D049BB133111EB
	return h ^ h>>32
}

// find returns the slab index of a timer, or -1.
func (ts *timers) find(key env.Timer) int32 {
	if len(ts.index) == 0 {
		return -1
	}
	mask := uint64(len(ts.index) - 1)
	for i := hashTimer(key) & mask; ; i = (i + 1) & mask {
		place := ts.index[i] - 1
		if place < 0 || ts.slab[place].key == key {
			return place
		}
	}
}

// add makes a record for a timer that has none, and returns its slab index.
func (ts *timers) add(key env.Timer, q *queue, machine int32) int32 {
	// The index is kept at most half full, so that the lookup at each Arm is short.
	if 2*(ts.live+1) > len(ts.index) {
		ts.grow()
	}
	var place int32
	if n := len(ts.free); n > 0 {
		place = ts.free[n-1]
		ts.free = ts.free[:n-1]
	} else {
		place = int32(len(ts.slab))
		ts.slab = append(ts.slab, timer{slot: q.newSlot(slotTimer, machine, place)})
	}
	t := &ts.slab[place]
	t.key, t.state = key, timerIdle
	ts.insert(place)
	ts.live++
	return place
}

func (ts *timers) insert(place int32) {
	mask := uint64(len(ts.index) - 1)
	i := hashTimer(ts.slab[place].key) & mask
	for ts.index[i] != 0 {
		i = (i + 1) & mask
	}
	ts.index[i] = place + 1
}

func (ts *timers) grow() {
	old := ts.index
	ts.index = make([]int32, max(16, 2*len(old)))
	for _, p := range old {
		if p != 0 {
			ts.insert(p - 1)
		}
	}
}

// remove takes a timer out of the index, closes the gap so that no tombstone is left, and frees its record.
func (ts *timers) remove(place int32, q *queue) {
	t := &ts.slab[place]
	mask := uint64(len(ts.index) - 1)
	hole := hashTimer(t.key) & mask
	for ts.index[hole] != place+1 {
		hole = (hole + 1) & mask
	}
	for i := (hole + 1) & mask; ts.index[i] != 0; i = (i + 1) & mask {
		// An entry may fill the hole unless its home is after the hole, because a search begins at the home.
		home := hashTimer(ts.slab[ts.index[i]-1].key) & mask
		if (i-home)&mask >= (i-hole)&mask {
			ts.index[hole] = ts.index[i]
			hole = i
		}
	}
	ts.index[hole] = 0
	ts.live--
	q.drop(t.slot)
	t.state = timerIdle
	t.gen++
	ts.free = append(ts.free, place)
}

// clear drops all timers at the end of an incarnation.
func (ts *timers) clear(q *queue) {
	if ts.live == 0 {
		return
	}
	clear(ts.index)
	ts.live = 0
	ts.free = ts.free[:0]
	for i := len(ts.slab) - 1; i >= 0; i-- {
		t := &ts.slab[i]
		q.drop(t.slot)
		t.state = timerIdle
		t.gen++
		ts.free = append(ts.free, int32(i))
	}
}

// Arm implements env.Env.
func (m *machine) Arm(key env.Timer, after env.Duration) {
	if m.silent() {
		return
	}
	if key.Lane >= env.Lanes {
		m.misuse("Arm: lane %d does not exist", key.Lane)
	}
	w := m.world
	place := m.timers.find(key)
	if place < 0 {
		place = m.timers.add(key, &w.queue, m.index)
	}
	t := &m.timers.slab[place]
	// t.due is in the machine's time. t.at is computed from it, and computed again by retime when the clock's speed changes.
	t.due = env.Instant(m.mono.read(w.now)).Add(max(after, 0))
	t.armed = m.spent()
	t.at = max(m.mono.when(int64(t.due)), t.armed)
	// The order is drawn when the timer is armed, so that it does not change when the entry is moved.
	t.order = w.order(m.entity, t.at)
	t.cause = w.cause
	t.gen++
	t.state = timerArmed
	// An entry that comes up too early is moved then, which is cheaper than moving it at every re-arm.
	if !w.queue.queued(t.slot) || w.queue.at(t.slot) > t.at {
		w.queue.set(t.slot, t.at, t.order)
	}
}

// Disarm implements env.Env.
func (m *machine) Disarm(key env.Timer) {
	if m.silent() {
		return
	}
	// The timer of the running handler has fired, so it cannot be disarmed any more.
	if place := m.timers.find(key); place >= 0 && m.timers.slab[place].state != timerFiring {
		m.timers.remove(place, &m.world.queue)
	}
}

// timerUp handles a timer's entry in the event queue.
func (w *World) timerUp(m *machine, place int32, e entry) bool {
	t := &m.timers.slab[place]
	// If the orders differ, the entry is from an earlier Arm, and the timer was re-armed to a later time since.
	if t.order != e.order {
		w.queue.set(t.slot, t.at, t.order)
		return false
	}
	t.state = timerDue
	return m.submit(&m.stations[t.key.Lane], work{kind: Fired, place: place, gen: t.gen, cause: t.cause})
}

// retime moves all armed timers and all timeouts after the monotonic clock has changed its speed.
// A timer that is already due stays due, even if the clock now shows an earlier time.
func (m *machine) retime() {
	w := m.world
	for i := range m.timers.slab {
		t := &m.timers.slab[i]
		if t.state != timerArmed {
			continue
		}
		t.at = max(m.mono.when(int64(t.due)), t.armed, w.now)
		w.queue.set(t.slot, t.at, t.order)
	}
	m.recheckDeadlines()
}
