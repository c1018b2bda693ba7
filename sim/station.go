package sim

import "samsa/sim/env"

// A station serves the events of one lane in order. In queueing theory it is a single queue with k servers; in an operating
// system it is a thread, or a pool of k threads.
//
//	arrivals ──▶ waiting, in order ──▶ first free server ──▶ node ──▶ busy until the event's cost is paid
//
// A machine has a station with a single server for each lane. It has one more station, with RequestThreads servers, for
// requests:
//
//	requests on client, coordinator, fetcher, alter-partition, markers     request handlers
//	requests on raft, heartbeat, background                                the lane's own
//	everything else (answers, lost links, timers)                          the lane's own
//
// Servers are threads of one process, and they share its memory. In a real process a lock prevents other threads from
// seeing half of a change: the thread that appends holds the log's lock until the page cache has the bytes. Here a handler
// runs at one instant and its cost is paid afterwards, so the whole machine has one lock. On no lane does an event begin
// before the disk changes of earlier events are complete. So a disk's changes are sequential and keep the order of the
// calls; the simulator and the judges rely on that. A sync changes nothing that other threads see, so only its own lane
// waits. But a change after a sync, like the rename of a checkpoint that was synced, makes the other lanes wait for the
// sync too. Kafka's threads do not wait for that.
//
// As in Kafka, heartbeats take no such lock: a broker keeps sending heartbeats while its disk stalls a write.
type station struct {
	machine    *machine
	heartbeats bool   // this is the station of the heartbeat lane
	busy       []Time // per server, the time until which it is busy
	waiting    ring
	slot       slotID // scheduled for when the first server is free, if anything waits
}

// handlers is the index of the request handlers' station, after the stations of the lanes.
const handlers = int(env.Lanes)

// work is an event that has not been handled yet.
// It is a value and not a closure, so that it can be inspected, dropped with a process, and queued without an allocation.
type work struct {
	kind  Kind
	err   env.Error // Returned, Lost
	place int32     // Fired, Asked: the index of the timer or the action
	gen   uint32    // of the timer
	cause uint64    // the event that made this one happen
	link  *link     // Received, Lost
	pkt   *packet   // Received: the request
	call  *call     // Returned
}

// receiver returns the station for requests of a lane.
// Requests of raft and heartbeats have stations of their own, as Kafka's controller and broker listeners have
// threads of their own. Otherwise a leader could lose its leadership because all request handlers wait for a disk.
func (m *machine) receiver(lane env.Lane) *station {
	switch lane {
	case env.LaneRaft, env.LaneHeartbeat, env.LaneBackground:
		return &m.stations[lane]
	}
	return &m.stations[handlers]
}

// server returns the server that is free first, and the time at which it is (or was) free.
// With eight servers a linear search is faster than a heap.
func (s *station) server() (int, Time) {
	first := 0
	for i, t := range s.busy {
		if t < s.busy[first] {
			first = i
		}
	}
	return first, s.busy[first]
}

// submit hands an event to its station. If a server is free, the event is handled at once and submit reports true.
// Only the event loop may call submit; code inside an event must use post.
func (m *machine) submit(s *station, k work) bool {
	if m.state != running {
		m.world.discard(&k)
		return false
	}
	// The common case does not use the event queue.
	if s.waiting.n == 0 && !m.paused {
		if i, free := s.server(); max(free, s.unlocked(&k)) <= m.world.now {
			return m.world.serve(s, i, &k)
		}
	}
	m.post(s, k)
	return false
}

// unlocked returns the time from which an event may see the changes of earlier events.
func (s *station) unlocked(k *work) Time {
	if s.heartbeats && k.kind != Received {
		return 0
	}
	return s.machine.changed
}

// post queues an event after all others of its station.
func (m *machine) post(s *station, k work) {
	if m.state != running {
		m.world.discard(&k)
		return
	}
	s.waiting.push(k)
	s.schedule()
}

// schedule puts the station into the event queue, at the time when its first server is free.
func (s *station) schedule() {
	m := s.machine
	if s.waiting.n == 0 || m.paused || m.world.queue.queued(s.slot) {
		return
	}
	_, free := s.server()
	at := max(free, s.unlocked(s.waiting.first()), m.world.now)
	// All waiting events share one entry, which is scheduled again after each event.
	m.world.queue.set(s.slot, at, m.world.order(m.entity, at))
}

// stationUp serves the first waiting event if a server is free now.
func (w *World) stationUp(s *station) bool {
	if s.machine.state != running {
		return false // the process is dying, and its waiting events are dropped with it
	}
	if i, free := s.server(); free <= w.now {
		// A void event takes no time and does not count, so the next event is served at once.
		for s.waiting.n > 0 && s.unlocked(s.waiting.first()) <= w.now {
			k := s.waiting.pop()
			if w.serve(s, i, &k) {
				s.schedule()
				return true
			}
		}
	}
	s.schedule()
	return false
}

// ring is a queue of work that allocates only when it grows.
type ring struct {
	buf  []work // its length is a power of two
	head int
	n    int
}

func (r *ring) push(k work) {
	if r.n == len(r.buf) {
		buf := make([]work, max(8, 2*len(r.buf)))
		for i := range r.n {
			buf[i] = r.buf[(r.head+i)&(len(r.buf)-1)]
		}
		r.buf, r.head = buf, 0
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = k
	r.n++
}

// first returns the event that pop would take.
func (r *ring) first() *work { return &r.buf[r.head] }

func (r *ring) pop() work {
	k := r.buf[r.head]
	r.buf[r.head] = work{}
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	return k
}
