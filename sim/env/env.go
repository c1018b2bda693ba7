// Package env is the contract between a node and its machine. It lists all of a node's access to the outside.
//
// A node (broker, controller, producer, consumer, admin) is a plain struct. The world hands it one event at a
// time together with an Env, and the node handles the event to its end: no goroutine, no lock, no waiting.
// If it must wait, it arms a timer or parks the request.
//
//	          Start Receive Returned Lost Fire Stop
//	world  ─────────────────────────────────────────▶  node
//	       ◀─────────────────────────────────────────
//	          Env: time, chance, links, timers, disk, notes
//
// Two worlds implement this contract: sim (a seed decides everything) and sim/live (real time, TCP and files).
// The world passes an Env with each event. The node must not store it, because with it the node could act outside an event.
//
// Read this file, then disk.go, then note.go. The package has no behaviour of its own, only interfaces and their types.
package env

import "github.com/twmb/franz-go/pkg/kmsg"

// Node is one process of the cluster or one of its clients. Every method is one event and runs to its end;
// time does not move inside it. A crash drops the struct, so state that must survive has to be on the disk.
type Node interface {
	// Start is the first event of an incarnation. The disk may hold files of earlier incarnations.
	Start(Env)
	// Receive hands over a request. It is answered by exactly one Env.Reply or Env.NoReply, now or later.
	Receive(Env, Ticket, Request)
	// Returned ends one Env.Call (the request comes back with its response, or with a nil response and an
	// error) or one Disk.Flush (request and response are nil). Every Call and every Flush returns exactly once
	// unless the node dies first.
	Returned(Env, Token, Request, Response, error)
	// Lost reports that a link is gone for good; its open calls have already been returned with the same error.
	// It is also called after a Dial that could not connect, but not after the node's own Close.
	Lost(Env, Link, error)
	// Fire reports that a timer has expired.
	Fire(Env, Timer)
	// Stop asks for a clean shutdown (SIGTERM). The node calls Env.Exit when it is done.
	Stop(Env)
}

// Env is everything that a node may ask of its machine. It is valid only during the event with which the node got it.
type Env interface {
	// Self returns this machine's address.
	Self() Addr

	// Wall reads this machine's own wall clock, which may be skewed, drift and step, even backwards.
	Wall() Time
	// Now reads this machine's monotonic clock, which may drift but never decreases within an incarnation.
	Now() Instant

	// Choose draws a number in [0, n). 0 is the benign value. The site names the decision. The world counts the draws of
	// each machine and site, and the count survives restarts.
	Choose(site Site, n uint64) uint64

	// Dial opens a connection. The node may make calls on the link at once; their requests leave when the connection
	// is established.
	Dial(to Addr, lane Lane) Link
	// Call sends a request. If timeout is positive and no response comes in that time, the call returns with ErrTimeout and
	// the link is closed, as in Kafka's network client. The sender sets the request's version, and must not change the
	// struct afterwards, because the receiver may hold it even after the call returned. A request to which Kafka sends no
	// response (Produce with acks=0) returns with a nil response and a nil error once it is written.
	Call(link Link, timeout Duration, req Request, tok Token)
	// Close shuts a connection down: open calls return with ErrClosed. Requests in flight may still be processed.
	// A server may close a ticket's Link, as Kafka does if it cannot answer a request; the client then sees a reset.
	Close(link Link)

	// Reply answers a ticket. The response is stamped with the ticket's version.
	Reply(to Ticket, resp Response)
	// NoReply ends a ticket of a request that has no response (acks=0); any other use is a bug of the node.
	NoReply(to Ticket)

	// Arm starts a timer, or re-arms a running one. A disarmed or re-armed timer never fires at the old time. If the event
	// made disk calls before Arm, the timer never fires before the cost of these calls is paid.
	Arm(t Timer, after Duration)
	// Disarm stops a timer. It does nothing if the timer is not running.
	Disarm(t Timer)

	// Disk returns this machine's disk. It outlives the node.
	Disk() Disk

	// Note records something that happened, for the trace and the story. See NoteKind.
	Note(kind *NoteKind, a, b, c, d int64)

	// Exit ends this incarnation after the current event, like a process that calls exit.
	// A nil reason is a clean end.
	Exit(reason error)
}

// Addr is the address of one machine: "b1", "c2", "p1". Kafka's node id is configuration and not identity: two
// machines can claim the same id, which is a fault that a scenario can inject.
type Addr string

// Request and Response are Kafka's own messages. They are read-only once handed over, on both sides.
type (
	Request  = kmsg.Request
	Response = kmsg.Response
)

// Site names a kind of decision for Choose, in dotted lower case: "controller.incarnation-id".
type Site string

// Time is a wall clock reading in nanoseconds since the Unix epoch.
type Time int64

// Instant is a monotonic clock reading in nanoseconds since an arbitrary start.
type Instant int64

// Duration is a span of time in nanoseconds.
type Duration int64

const (
	Microsecond Duration = 1000
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
	Hour                 = 60 * Minute
	Day                  = 24 * Hour
)

// Millis returns the reading in milliseconds, the unit of Kafka's record timestamps.
func (t Time) Millis() int64 { return int64(t) / int64(Millisecond) }

// Add returns the instant d later.
func (i Instant) Add(d Duration) Instant { return i + Instant(d) }

// Sub returns the span from j to i.
func (i Instant) Sub(j Instant) Duration { return Duration(i - j) }

// Lane names one of the separate connections that Kafka keeps between the same two machines, so that a parked
// request on one does not delay the others. It also names the thread that runs the event: the cost of disk calls keeps
// only that lane busy and not the whole node. But no other lane runs an event before the disk changes of this event are
// complete, as if the event held a lock.
type Lane uint8

const (
	LaneBackground     Lane = iota // no connection: housekeeping timers and flushes
	LaneClient                     // a client to a broker; served by the request handlers (num.io.threads)
	LaneCoordinator                // a client to its coordinator
	LaneFetcher                    // a follower to its leader
	LaneRaft                       // KRaft: between controllers, and a broker fetching metadata
	LaneHeartbeat                  // a broker's registration and heartbeats
	LaneAlterPartition             // a leader's ISR changes
	LaneMarkers                    // a transaction coordinator's markers
	Lanes                          // the number of lanes
)

// String returns the lane's name.
func (l Lane) String() string {
	if l < Lanes {
		return [...]string{"background", "client", "coordinator", "fetcher", "raft", "heartbeat", "alter-partition", "markers"}[l]
	}
	return "lane?"
}

// Link is a connection that this node dialled. 0 is no link.
type Link uint32

// Ticket identifies one request on one connection of one incarnation. The server keeps it to answer the request.
type Ticket struct {
	Link        Link   // the connection, numbered by the serving machine
	Incarnation uint32 // of the serving node; tickets of earlier incarnations are invalid
	Correlation int32  // counts requests on the connection
	From        Addr   // the client
	Lane        Lane   // the connection's lane
	Key         int16  // Kafka api key
	Version     int16  // of the request and of the response
}

// Timer identifies a timer. Two equal values are the same timer. A role change disarms no timer, so put the epoch into the
// key and ignore a timer with an old epoch.
type Timer struct {
	Kind    uint16 // the node's own numbering
	Lane    Lane   // the lane on which Node.Fire runs
	A, B, C int64  // distinguish timers of the same kind
}

// Token carries the values (epoch, attempt, position) that the handler of an answer compares with the node's current
// state. It replaces a closure, which would hold old state.
type Token struct {
	Kind       uint16 // the node's own numbering
	A, B, C, D int64
}

// Error is the reason why a call, a link or a disk operation failed.
type Error uint8

const (
	ErrTimeout  Error = iota + 1 // no answer in time, or no connection in time
	ErrRefused                   // no process listens at that address
	ErrReset                     // the peer died or dropped the connection
	ErrClosed                    // the node closed the link itself, or used one that no longer exists
	ErrIO                        // EIO: the device failed
	ErrNoSpace                   // ENOSPC
	ErrNotExist                  // no such file or directory
	ErrExist                     // the name is taken
	ErrNotEmpty                  // a directory that still has entries
	ErrBadFile                   // a handle that is not open, or a position outside the file
	ErrDead                      // this incarnation died during the event; its further actions have no effect
)

// Error describes the condition.
func (e Error) Error() string {
	switch e {
	case ErrTimeout:
		return "timed out"
	case ErrRefused:
		return "connection refused"
	case ErrReset:
		return "connection reset"
	case ErrClosed:
		return "connection closed"
	case ErrIO:
		return "input/output error"
	case ErrNoSpace:
		return "no space left on device"
	case ErrNotExist:
		return "no such file or directory"
	case ErrExist:
		return "file exists"
	case ErrNotEmpty:
		return "directory not empty"
	case ErrBadFile:
		return "bad file handle"
	case ErrDead:
		return "the machine died during this event"
	}
	return "unknown error"
}
