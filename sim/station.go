package sim

import "samsa/sim/env"

// A station serves the events of one lane, one after the other: in queueing theory a single queue with k servers, in an
// operating system a thread.
//
//	arrivals ──▶ waiting, in order ──▶ first free server ──▶ node ──▶ busy until the event's cost is paid
//
// A machine has one station with one server per lane, and one with RequestThreads servers for requests:
//
//	requests on client, coordinator, fetcher, alter-partition, markers     request handlers
//	requests on raft, heartbeat, background                                the lane's own
//	everything else (answers, lost links, timers)                          the lane's own
//
// Servers are threads of one process, and they share its memory. In a real process a lock keeps the others from seeing half
// of a change: the thread that appends holds the log's lock until the page cache has the bytes. Here a handler runs at one
// instant and pays afterwards, so the lock is the machine's: no event begins before the disk changes of earlier events are
// complete, on whatever lane. So a disk's changes come one after the other, in the order in which they were made; much here
// and in the judges rests on it. A sync changes nothing that other threads see, and keeps only its own lane; but a change
// after a sync, like the rename of a checkpoint that was written and synced, lets the other lanes wait for the sync as well.
// Kafka's threads do not wait for that.
//
// Heartbeats take no such lock, in Kafka neither: a broker with a disk that stalls under a write stands still, and its
// heartbeats go on.
type station struct {
	machine    *machine
	heartbeats bool   // it is the heartbeat lane's own
	busy       []Time // per server: until when
	waiting    ring
	slot       slotID // scheduled for when the first server is free, if anything waits
}

// handlers is the index of the request handlers' station; the lanes' own come before it.
const handlers = int(env.Lanes)

// work is an event that has not been handled yet.
// It is a value and not a closure: it can be looked at, dropped with a process, and costs no memory of its own.
type work struct {
	kind  Kind
	err   env.Error // Returned, Lost
	place int32     // of the timer or flush
	gen   uint32    // of the timer
	cause uint64    // the event that made this one happen
	link  *link     // Received, Lost
	pkt   *packet   // Received: the request
	call  *call     // Returned
}

// receiver is the station for requests of a lane.
// Raft and heartbeats have their own, as in Kafka the controller's and the broker's listener do: a leader does not lose
// its leadership because all request handlers wait for a disk.
func (m *machine) receiver(lane env.Lane) *station {
	switch lane {
	case env.LaneRaft, env.LaneHeartbeat, env.LaneBackground:
		return &m.stations[lane]
	}
	return &m.stations[handlers]
}

// server is the server that is free first, and since or until when.
// There are eight; a heap of them would be slower than looking.
func (s *station) server() (int, Time) {
	first := 0
	for i, t := range s.busy {
		if t < s.busy[first] {
			first = i
		}
	}
	return first, s.busy[first]
}

// submit hands an event to its station. It is handled at once if nothing is in its way; then submit reports true.
// Only the event loop may call it: from inside an event use post.
func (m *machine) submit(s *station, k work) bool {
	if m.state != running {
		m.world.discard(&k)
		return false
	}
	// The common case costs no visit to the event queue.
	if s.waiting.n == 0 && !m.paused {
		if i, free := s.server(); max(free, s.unlocked(&k)) <= m.world.now {
			return m.world.serve(s, i, &k)
		}
	}
	m.post(s, k)
	return false
}

// unlocked is from when on an event may see the changes of the events before it.
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

// schedule schedules the station for when its first server is free.
func (s *station) schedule() {
	m := s.machine
	if s.waiting.n == 0 || m.paused || m.world.queue.queued(s.slot) {
		return
	}
	_, free := s.server()
	at := max(free, s.unlocked(s.waiting.first()), m.world.now)
	// One entry for all that waits: it comes up again for the next.
	m.world.queue.set(s.slot, at, m.world.order(m.entity, at))
}

// stationUp serves the first waiting event, if a server is really free by now.
func (w *World) stationUp(s *station) bool {
	if s.machine.state != running {
		return false // it is dying; what waits goes with it
	}
	if i, free := s.server(); free <= w.now {
		// Void work takes no time and is no event, so the next in line is served at once.
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
	buf  []work // a power of two long
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

// first is what pop would take.
func (r *ring) first() *work { return &r.buf[r.head] }

func (r *ring) pop() work {
	k := r.buf[r.head]
	r.buf[r.head] = work{}
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	return k
}
