package disk

import "samsa/sim/env"

// Time is true time: nanoseconds since the world began. Nodes never see it; they see clocks that may be wrong.
type Time int64

// Fault is one kind of fault, of a disk or of another part of the world. Two equal values are the same fault. Each part of
// the world lists its own.
type Fault struct {
	Name string // the id in counters and reports, in dotted lower case: "disk.sync-lies"
	Doc  string // the effect, in one sentence
}

// Host is the machine that a disk is built into.
type Host interface {
	// Dead reports whether this incarnation died earlier in the event. Then every call returns ErrDead and does nothing.
	Dead() bool
	// Spend adds cost to the time for which the event's lane is busy, and returns when that time ends. Spend(0) adds nothing.
	Spend(cost env.Duration) Time
	// Operated is called after each change that took effect, at the end of the disk call, because it may call LosePower.
	Operated(change Change)
	// Flushed schedules the event Returned, which gives the node the result of a Flush.
	Flushed(at Time, tok env.Token, err error)
	// Now returns the true time at the start of the event.
	Now() Time
	// Ran returns the time up to which the process has run. Calls that begin later are not made yet. The time equals Now
	// unless the process is paused.
	Ran() Time
	// Chance returns a uniform value in [1, n) with a probability of ppm in a million, and 0 otherwise. At ppm >= 1e6 the
	// result is never 0.
	Chance(site env.Site, ordinal uint64, ppm uint32, n uint64) uint64
	// Activated counts a fault that had an effect.
	Activated(f Fault)
	// Refused is called for a call that a fault makes fail; op is one of the kinds of Calls.
	Refused(op Calls)
	// Ordered records that a scenario calls a method of Disk that env.Disk does not have, for example to start a fault.
	Ordered(what, path string, how ...int64)
}

// Op names the effect of a call on the disk.
type Op uint8

const (
	OpWrite    Op = iota + 1 // bytes [Off, Off+Len) were written (Append and WriteAt)
	OpTruncate               // the file's length is now Len
	OpSync                   // bytes [0, Len) and the length are durable at Completes (Sync and Flush)
	OpSyncDir                // the directory's entries are durable at Completes
	OpCreate                 // a file was made
	OpMkdir                  // a directory was made
	OpRename                 // Path was renamed to To
	OpRemove                 // Path was removed
)

// Change is one change that took effect in the page cache, or a sync to the device.
type Change struct {
	Op        Op
	Lied      bool   // the sync reports success but makes nothing durable
	Inode     uint32 // the number of the file or directory; a rename keeps it, and it is never reused
	Path      string // its path; a file that was removed keeps its last path
	To        string // the new path of a rename
	Off, Len  int64
	Sum       uint64 // a hash of the bytes of a write; 0 for other changes
	Begins    Time   // when the process makes the call
	Completes Time   // when the call is over, and when a sync takes effect
}

// Profile has the costs, the capacity and the noise of a disk. The zero value is a free disk of 1 TiB without a fault.
type Profile struct {
	Capacity int64 // bytes; 0 is 1 TiB

	Call    env.Duration // cost of every call: a system call into the page cache
	CopyKiB env.Duration // cost per KiB copied between process and page cache

	Sync    env.Duration // cost of a sync of a file or directory: one trip to the device
	SyncKiB env.Duration // cost of a sync per dirty KiB

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

// perKiB returns the cost of n bytes at the given cost per KiB, rounded up to a nanosecond.
func perKiB(cost env.Duration, n int64) env.Duration {
	return (cost*env.Duration(n) + 1023) / 1024
}

// aloneHost is the host of a disk without a world. Time moves with each cost, so a sync that returned is complete, and no
// fault happens by chance. A flush completes, but no node gets its result.
type aloneHost struct{ clock Time }

func (h *aloneHost) Dead() bool                                     { return false }
func (h *aloneHost) Spend(cost env.Duration) Time                   { h.clock += Time(cost); return h.clock }
func (h *aloneHost) Operated(Change)                                {}
func (h *aloneHost) Flushed(at Time, _ env.Token, _ error)          { h.clock = max(h.clock, at) }
func (h *aloneHost) Now() Time                                      { return h.clock }
func (h *aloneHost) Ran() Time                                      { return h.clock }
func (h *aloneHost) Chance(env.Site, uint64, uint32, uint64) uint64 { return 0 }
func (h *aloneHost) Activated(Fault)                                {}
func (h *aloneHost) Refused(Calls)                                  {}
func (h *aloneHost) Ordered(string, string, ...int64)               {}

// flag returns a bool as a number, for Ordered.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
