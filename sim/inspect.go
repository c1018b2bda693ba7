package sim

import "samsa/sim/env"

// The functions of this file read a world for screens, judges and tests. They do not change the run.

// Flight is a message in flight.
type Flight struct {
	From, To env.Addr
	Lane     env.Lane
	Key      int16 // Kafka api key
	Response bool
	Departs  Time // in the future if the cost of the sender's earlier calls is not paid yet
	Arrives  Time // when the message arrives if no fault delays it
	Held     bool // a fault holds the message back: a cut, a clog, a machine without power or a pause
	Cause    uint64
}

// Flights lists the messages on the wire, link by link and in the order they were sent.
func (w *World) Flights() []Flight {
	var list []Flight
	for _, l := range w.links {
		for _, p := range [...]*pipe{&l.toServer, &l.toClient} {
			for k := p.head; k != nil; k = k.next {
				if k.kind != packetRequest && k.kind != packetResponse {
					continue
				}
				from, to := p.path.from, p.path.to
				list = append(list, Flight{from.addr, to.addr, l.lane, k.key, k.kind == packetResponse, k.depart, k.arrive, p.held, k.cause})
			}
		}
	}
	return list
}

// Backlog describes how busy a lane of a machine is.
type Backlog struct {
	Busy    Time // when the first of the lane's threads becomes free; in the past if a thread is free now
	Waiting int  // number of events that wait for the lane
}

// Lanes returns the backlog of each of a machine's lanes; the last element is that of its request handlers.
func (w *World) Lanes(addr env.Addr) []Backlog {
	m := w.must(addr)
	list := make([]Backlog, len(m.stations))
	for i := range m.stations {
		s := &m.stations[i]
		_, busy := s.server()
		list[i] = Backlog{busy, s.waiting.n}
	}
	return list
}

// DiskRefused returns the numbers of reads and of other disk calls that a fault made fail in a machine's current process, or
// in its last one.
func DiskRefused(w *World, addr env.Addr) (reads, others uint64) {
	m := w.must(addr)
	return m.refusedReads, m.refused
}

// Paused reports whether a machine's process is paused.
func (w *World) Paused(addr env.Addr) bool { return w.must(addr).paused }

// Acting returns the machine that is handling an event now, or "" between events. After a panic it is the machine
// that panicked.
func (w *World) Acting() env.Addr {
	if w.current == nil {
		return ""
	}
	return w.current.addr
}

// Unanswered is a request that its server has had for too long.
type Unanswered struct {
	Server env.Addr
	Ticket env.Ticket
	Since  Time
	Step   uint64 // the number of steps before the request was received
}

// Unanswered lists the requests that nodes received longer than bound ago and have not answered yet. They are ordered
// by machine and then by link. A long poll that lasts longer than bound is listed too.
func (w *World) Unanswered(bound env.Duration) []Unanswered {
	var list []Unanswered
	for _, m := range w.machines {
		for i, l := range m.links {
			mine := l != nil && l.server.machine == m && l.server.id == m.firstLink+env.Link(i)
			if mine && l.serving && l.handed && w.now-l.since > Time(bound) {
				list = append(list, Unanswered{m.addr, l.request, l.since, l.step})
			}
		}
	}
	return list
}
