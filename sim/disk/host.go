package disk

import "samsa/sim/env"

// Time is true time: nanoseconds since the world began. Nodes never see it; they see clocks that may lie.
type Time int64

// Fault is one kind of harm, of a disk or of another part of the world: its id, as counters and reports name it, and its
// effect. Two equal values are the same fault. Each part of the world lists its own.
type Fault struct {
	Name string // dotted lower case: "disk.sync-lies"
	Doc  string // one sentence
}

// Host is the machine that a disk is built into.
type Host interface {
	// Dead says that this incarnation died earlier in the event: every call returns ErrDead and does nothing.
	Dead() bool
	// Spend adds to the time the event's lane is busy and returns when that is over. Spend(0) asks only.
	Spend(cost env.Duration) Time
	// Operated follows each change that took effect, as the last thing the call does: it may end in LosePower.
	Operated(change Change)
	// Flushed schedules Returned for an asynchronous flush.
	Flushed(at Time, tok env.Token, err error)
	// Now is true time at the start of the event.
	Now() Time
	// Ran is until when the process has run: calls that begin later it has not made yet. It is Now, but for a process
	// that stands still.
	Ran() Time
	// Chance is 0 but for ppm times in a million, and then uniform in [1, n). At ppm >= 1e6 it is never 0.
	Chance(site env.Site, ordinal uint64, ppm uint32, n uint64) uint64
	// Activated counts a fault that did something.
	Activated(f Fault)
	// Ordered reports that a fault was ordered, by a method of Disk that is not of env.Disk: nodes cannot.
	Ordered(what, path string, how ...int64)
}

// Op names the effect of a call on the disk.
type Op uint8

const (
	OpWrite    Op = iota + 1 // bytes [Off, Off+Len) were written (Append and WriteAt)
	OpTruncate               // the file's length is now Len
	OpSync                   // bytes [0, Len) and the length are durable at Completes (Sync and Flush)
	OpSyncDir                // the directory's names are durable at Completes
	OpCreate                 // a file was made
	OpMkdir                  // a directory was made
	OpRename                 // Path is now To
	OpRemove                 // Path is gone
)

// Change is one change that took effect in the page cache, or is on its way to the device.
type Change struct {
	Op        Op
	Lied      bool   // a sync that will make nothing durable and says it did
	Inode     uint32 // the file or directory; it stays through a rename and is never used again
	Path      string // its path; a file that was removed keeps its last one
	To        string // the new path of a rename
	Off, Len  int64
	Sum       uint64 // of the bytes of a write; nothing else has one
	Begins    Time   // when the process makes the call
	Completes Time   // when the call is over, and when a sync takes effect
}

// Profile is the costs, the room and the noise of a disk. The zero value is a free disk of 1 TiB without a fault.
type Profile struct {
	Capacity int64 // bytes; 0 is 1 TiB

	Call    env.Duration // every call: a system call into the page cache
	CopyKiB env.Duration // and per KiB carried between process and page cache

	Sync    env.Duration // a sync of a file or directory: one trip to the device
	SyncKiB env.Duration // and per dirty KiB

	Noise Noise
}

// CloudVolume is a cloud volume: 2 us a call, 4 GiB/s through the page cache, 2 ms a sync, 200 MiB/s to the device.
func CloudVolume() Profile {
	return Profile{
		Call:    2 * env.Microsecond,
		CopyKiB: 240,
		Sync:    2 * env.Millisecond,
		SyncKiB: 5 * env.Microsecond,
	}
}

// perKiB is the cost of n bytes, rounded up to a nanosecond.
func perKiB(cost env.Duration, n int64) env.Duration {
	return (cost*env.Duration(n) + 1023) / 1024
}

// aloneHost is the machine of a disk without a world: time moves with each cost, so a sync that returned is done,
// and nothing happens by chance. Flushes run and return nowhere.
type aloneHost struct{ clock Time }

func (h *aloneHost) Dead() bool                                     { return false }
func (h *aloneHost) Spend(cost env.Duration) Time                   { h.clock += Time(cost); return h.clock }
func (h *aloneHost) Operated(Change)                                {}
func (h *aloneHost) Flushed(at Time, _ env.Token, _ error)          { h.clock = max(h.clock, at) }
func (h *aloneHost) Now() Time                                      { return h.clock }
func (h *aloneHost) Ran() Time                                      { return h.clock }
func (h *aloneHost) Chance(env.Site, uint64, uint32, uint64) uint64 { return 0 }
func (h *aloneHost) Activated(Fault)                                {}
func (h *aloneHost) Ordered(string, string, ...int64)               {}

// flag is a bool as a number, for Ordered.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
