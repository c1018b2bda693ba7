package sim

import "samsa/sim/env"

// diskHost is what a disk needs of the machine it is in.
type diskHost interface {
	// dead says that this incarnation died earlier in the event: every call returns ErrDead and does nothing.
	dead() bool
	// spend adds to the time the event's lane is busy and returns when that is over. spend(0) asks only.
	spend(cost env.Duration) Time
	// operated follows each change that took effect, as the last thing the call does: it may end in powerLost.
	operated(change diskChange)
	// flushed schedules Returned for an asynchronous flush.
	flushed(at Time, tok env.Token, err error)
	// now is true time at the start of the event.
	now() Time
	// ran is until when the process has run: calls that begin later it has not made yet. It is now, but for a process
	// that stands still.
	ran() Time
	// chance is 0 but for ppm times in a million, and then uniform in [1, n). At ppm >= 1e6 it is never 0.
	chance(site env.Site, ordinal uint64, ppm uint32, n uint64) uint64
	// activated counts a fault that did something.
	activated(f Fault)
	// ordered tells that somebody ordered a fault. Nodes cannot: their door is env.Disk.
	ordered(what, path string, how ...int64)
}

// diskOp names what a call did to the disk.
type diskOp uint8

const (
	diskWrite    diskOp = iota + 1 // bytes [Off, Off+Len) were written (Append and WriteAt)
	diskTruncate                   // the file's length is now Len
	diskSync                       // bytes [0, Len) and the length are durable at Completes (Sync and Flush)
	diskSyncDir                    // the directory's names are durable at Completes
	diskCreate                     // a file was made
	diskMkdir                      // a directory was made
	diskRename                     // Path is now To
	diskRemove                     // Path is gone
)

// diskChange is one change that took effect in the page cache, or is on its way to the device.
type diskChange struct {
	Op        diskOp
	Lied      bool   // a sync that will make nothing durable and says it did
	Inode     uint32 // the file or directory; it stays through a rename and is never used again
	Path      string // its path; a file that was removed keeps its last one
	To        string // the new path of a rename
	Off, Len  int64
	Sum       uint64 // of the bytes of a write; nothing else has one
	Begins    Time   // when the process makes the call
	Completes Time   // when the call is over, and when a sync takes effect
}

// DiskProfile is what a disk costs, holds and suffers. The zero value is a free disk of 1 TiB without a fault.
type DiskProfile struct {
	Capacity int64 // bytes; 0 is 1 TiB

	Call    env.Duration // every call: a system call into the page cache
	CopyKiB env.Duration // and per KiB carried between process and page cache

	Sync    env.Duration // a sync of a file or directory: one trip to the device
	SyncKiB env.Duration // and per dirty KiB

	Noise DiskNoise
}

// CommonDisk is a cloud volume: 2 us a call, 4 GiB/s through the page cache, 2 ms a sync, 200 MiB/s to the device.
func CommonDisk() DiskProfile {
	return DiskProfile{
		Call:    2 * env.Microsecond,
		CopyKiB: 240,
		Sync:    2 * env.Millisecond,
		SyncKiB: 5 * env.Microsecond,
	}
}

// perKiB is what n bytes cost, rounded up to a nanosecond.
func perKiB(cost env.Duration, n int64) env.Duration {
	return (cost*env.Duration(n) + 1023) / 1024
}

// aloneHost is the machine of a disk without a world: time moves with each cost, so a sync that returned is done,
// and nothing happens by chance. Flushes run but nobody is told.
type aloneHost struct{ clock Time }

func (h *aloneHost) dead() bool                                     { return false }
func (h *aloneHost) spend(cost env.Duration) Time                   { h.clock += Time(cost); return h.clock }
func (h *aloneHost) operated(diskChange)                            {}
func (h *aloneHost) flushed(at Time, _ env.Token, _ error)          { h.clock = max(h.clock, at) }
func (h *aloneHost) now() Time                                      { return h.clock }
func (h *aloneHost) ran() Time                                      { return h.clock }
func (h *aloneHost) chance(env.Site, uint64, uint32, uint64) uint64 { return 0 }
func (h *aloneHost) activated(Fault)                                {}
func (h *aloneHost) ordered(string, string, ...int64)               {}

// NewDisk makes an empty disk that is in no world, for tests of what lies on disks: its own clock runs as calls cost
// time, so a sync has taken effect when it returns. A Flush takes effect at once and returns to nobody.
func NewDisk(profile DiskProfile) *Disk { return newDisk(profile, &aloneHost{}) }
