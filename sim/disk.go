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
	// chance is 0 but for ppm times in a million, and then uniform in [1, n). At ppm >= 1e6 it is never 0.
	chance(site env.Site, ordinal uint64, ppm uint32, n uint64) uint64
	// activated counts a fault that did something.
	activated(f Fault)
}

// diskOp names what a call did to the disk.
type diskOp uint8

const (
	diskWrite    diskOp = iota + 1 // bytes [Off, Off+Len) were written (Append and WriteAt)
	diskTruncate                   // the file's length is now Off
	diskSync                       // the file's bytes and length are durable at Completes (Sync and Flush)
	diskSyncDir                    // the directory's names are durable at Completes
	diskCreate                     // a file was made
	diskMkdir                      // a directory was made
	diskRename                     // Path is now To
	diskRemove                     // Path is gone
)

// diskChange is one change that took effect on the page cache, or is on its way to the device.
type diskChange struct {
	Op        diskOp
	Inode     uint32 // the file or directory; stays through a rename, never used again
	Path      string // its path; a file that was removed keeps its last one
	To        string // the new path of a rename
	Off, Len  int64
	Completes Time // when the call is over, and a sync takes effect
	Lied      bool // a sync that will make nothing durable and says it did
}

// DiskProfile is what a disk costs, holds and suffers. The zero value is a free disk without end or fault.
type DiskProfile struct {
	Capacity int64 // bytes; 0 is 1 TiB

	Call    env.Duration // every call: a system call into the page cache
	CopyKiB env.Duration // and per KiB carried between process and page cache

	Sync    env.Duration // a sync of a file or directory: one trip to the device
	SyncKiB env.Duration // and per dirty KiB

	Noise DiskNoise
}

// DiskNoise is what goes wrong by chance.
type DiskNoise struct{}

// Disk is one machine's file system behind its page cache.
type Disk struct {
	host    diskHost
	profile DiskProfile
}

var _ env.Disk = (*Disk)(nil)

func newDisk(profile DiskProfile, host diskHost) *Disk {
	return &Disk{host: host, profile: profile}
}

// processCrashed ends the incarnation: its handles die, the page cache stays.
func (d *Disk) processCrashed() {}

// powerLost takes the machine's power at that time: what was synced stays, chance decides about the rest.
func (d *Disk) powerLost(at Time) {}

func (d *Disk) Mkdir(path string) error                             { return env.ErrIO }
func (d *Disk) List(dir string) ([]env.Entry, error)                { return nil, env.ErrIO }
func (d *Disk) Open(path string, create bool) (env.File, error)     { return 0, env.ErrIO }
func (d *Disk) Close(f env.File) error                              { return env.ErrIO }
func (d *Disk) Size(f env.File) (int64, error)                      { return 0, env.ErrIO }
func (d *Disk) ReadAt(f env.File, off int64, n int) ([]byte, error) { return nil, env.ErrIO }
func (d *Disk) Append(f env.File, p []byte) error                   { return env.ErrIO }
func (d *Disk) WriteAt(f env.File, off int64, p []byte) error       { return env.ErrIO }
func (d *Disk) Truncate(f env.File, size int64) error               { return env.ErrIO }
func (d *Disk) Sync(f env.File) error                               { return env.ErrIO }
func (d *Disk) Flush(f env.File, tok env.Token)                     {}
func (d *Disk) Rename(from, to string) error                        { return env.ErrIO }
func (d *Disk) Remove(path string) error                            { return env.ErrIO }
func (d *Disk) SyncDir(dir string) error                            { return env.ErrIO }
func (d *Disk) Space() (free, total int64, err error)               { return 0, 0, env.ErrIO }
