package disk

import (
	"github.com/cespare/xxhash/v2"

	"samsa/sim/env"
)

// Disk is the file system of one machine. It outlives the processes on it.
type Disk struct {
	host    Host
	profile Profile

	root    *inode
	inodes  uint32 // the number of the newest inode
	handles []handle
	closed  []uint32 // free entries of handles
	used    int64    // bytes of files with a name or a handle

	seq         uint64        // the number of the last sync or change (of bytes or of names)
	begins      Time          // when the running call begins: now plus the time that the event has spent before the call
	latest      Time          // when the last call that changed or synced anything begins
	completedTo uint64        // changes up to this number count as issued, see completeIssued in issued.go
	nameLog     []nameChange  // name changes that are not in deviceNames yet, in order
	pending     []pendingSync // syncs that are not complete, in order of completion
	idle        Time          // when the device has finished its queue

	// Faults in force, see fault.go.
	capacity  int64
	filled    bool // no space is left, whatever the capacity
	armed     []armed
	lies      bool
	slow      int64        // the cost of calls in permille of the normal cost
	delay     env.Duration // added to every call
	slowUntil Time         // until this time, calls are ten times slower, by chance
	stall     Time
	noisy     bool
	drawn     [noiseSites]uint64 // the tick of each site's last draw, plus one
}

var _ env.Disk = (*Disk)(nil)

// New makes an empty disk without a world, for tests. The disk has its own clock, which advances with the cost of each
// call. So a sync is complete when the call of Sync returns. A Flush takes effect at once, and no node gets its result.
func New(profile Profile) *Disk { return NewIn(profile, &aloneHost{}) }

// NewIn makes an empty disk for the given host.
func NewIn(profile Profile, host Host) *Disk {
	d := &Disk{host: host, profile: profile, capacity: profile.Capacity, slow: 1000, inodes: 1}
	if d.capacity == 0 {
		d.capacity = 1 << 40
	}
	d.root = &inode{id: d.inodes, dir: true, linked: true}
	d.suffer(profile.Noise)
	return d
}

// CrashProcess ends the incarnation of the process: its handles become invalid, the page cache stays, and pending syncs
// complete.
func (d *Disk) CrashProcess() {
	d.completeIssued()
	for slot := range d.handles {
		if d.handles[slot].file != nil {
			d.closeHandle(slot)
		}
	}
}

// Latest considers only calls that changed or synced something, and returns the time at which the last of them begins.
func (d *Disk) Latest() Time { return d.latest }

// enter begins a call.
func (d *Disk) enter() error {
	if d.host.Dead() {
		return env.ErrDead
	}
	d.begins = d.host.Spend(0)
	// Syncs complete lazily, because only the next call, a judge or a power loss can see that a sync is complete.
	if len(d.pending) > 0 {
		d.completeSyncs(d.host.Now())
	}
	if d.noisy {
		d.weather()
	}
	return nil
}

// enterFile begins a call on an open file.
func (d *Disk) enterFile(f env.File) (*inode, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	return d.file(f)
}

// changed ends a call that took effect.
func (d *Disk) changed(op Op, node *inode, off, n int64, done Time) {
	d.host.Operated(Change{Op: op, Inode: node.id, Path: node.path, Off: off, Len: n, Begins: d.begins, Completes: done})
}

// Mkdir makes a directory.
func (d *Disk) Mkdir(path string) error {
	if err := d.enter(); err != nil {
		return err
	}
	done := d.pay(d.profile.Call)
	dir, name := d.locate(path)
	if dir == nil {
		return env.ErrNotExist
	}
	if child(dir.names, name) != nil {
		return env.ErrExist
	}
	if h := d.strike(OnNames, dir); h.err != nil {
		return h.err
	}
	d.changed(OpMkdir, d.create(dir, name, true), 0, 0, done)
	return nil
}

// List returns the entries of a directory.
func (d *Disk) List(dir string) ([]env.Entry, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	d.pay(d.profile.Call)
	at := d.walk(dir)
	if at == nil || !at.dir {
		return nil, env.ErrNotExist
	}
	if h := d.strike(OnRead, at); h.err != nil {
		return nil, h.err
	}
	list := make([]env.Entry, len(at.names))
	for i, e := range at.names {
		list[i] = env.Entry{Name: e.name, Dir: e.node.dir}
	}
	return list, nil
}

// Open opens a file. It returns ErrBadFile for a directory.
func (d *Disk) Open(path string, create bool) (env.File, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	done := d.pay(d.profile.Call)
	dir, name := d.locate(path)
	if dir == nil {
		return 0, env.ErrNotExist
	}
	node := child(dir.names, name)
	switch {
	case node == nil && !create:
		return 0, env.ErrNotExist
	case node != nil && node.dir:
		return 0, env.ErrBadFile
	}
	if h := d.strike(OnNames, dir); h.err != nil {
		return 0, h.err
	}
	if node != nil {
		return d.open(node), nil
	}
	node = d.create(dir, name, false)
	f := d.open(node)
	d.changed(OpCreate, node, 0, 0, done)
	return f, nil
}

// Close closes the handle.
func (d *Disk) Close(f env.File) error {
	if _, err := d.enterFile(f); err != nil {
		return err
	}
	d.pay(d.profile.Call)
	d.closeHandle(int(f&handleMask) - 1)
	return nil
}

// Size returns the file's length.
func (d *Disk) Size(f env.File) (int64, error) {
	file, err := d.enterFile(f)
	if err != nil {
		return 0, err
	}
	return file.cache.size, nil
}

// ReadAt reads up to n bytes at off, and none at or after the end. A negative off or n is ErrBadFile.
func (d *Disk) ReadAt(f env.File, off int64, n int) ([]byte, error) {
	file, err := d.enterFile(f)
	if err != nil {
		return nil, err
	}
	if off < 0 || n < 0 {
		return nil, env.ErrBadFile
	}
	n = int(max(min(int64(n), file.cache.size-off), 0))
	d.pay(d.profile.Call + perKiB(d.profile.CopyKiB, int64(n)))
	if h := d.strike(OnRead, file); h.err != nil {
		return nil, h.err
	}
	if d.noisy {
		d.rotSome(file)
	}
	return file.cache.read(off, n), nil
}

// Append writes p at the end.
func (d *Disk) Append(f env.File, p []byte) error {
	file, err := d.enterFile(f)
	if err != nil {
		return err
	}
	return d.write(file, file.cache.size, p)
}

// WriteAt writes p at off, inside the file or directly after its end.
func (d *Disk) WriteAt(f env.File, off int64, p []byte) error {
	file, err := d.enterFile(f)
	if err != nil {
		return err
	}
	if off < 0 || off > file.cache.size {
		return env.ErrBadFile
	}
	return d.write(file, off, p)
}

// write writes at off as many bytes of p as the free space and the faults allow.
func (d *Disk) write(file *inode, off int64, p []byte) error {
	// The cost is paid before anything can fail, so that a failing call takes time too, even in a retry loop.
	done := d.pay(d.profile.Call + perKiB(d.profile.CopyKiB, int64(len(p))))
	h := d.strike(OnWrite, file)
	if h.err != nil {
		p = p[:uint64(len(p))*min(h.short, 8)/8]
	}
	size := file.cache.size
	// A full device writes as many bytes as fit, as write(2) does. The log then ends in half a batch, which recovery must cut.
	if lacks := off + int64(len(p)) - size - d.room(); lacks > 0 {
		p = p[:int64(len(p))-lacks]
		h.err = env.ErrNoSpace
		d.host.Activated(FaultFull)
		d.host.Refused(OnWrite)
	}
	if len(p) == 0 {
		return h.err
	}
	file.write(d, off, p, h.lost)
	d.used += file.cache.size - size
	// The page cache has the bytes at the right offset; only the device's bytes go elsewhere.
	if h.target != nil {
		h.target.hit(h.off, p)
	}
	d.host.Operated(Change{Op: OpWrite, Inode: file.id, Path: file.path, Off: off, Len: int64(len(p)),
		Sum: xxhash.Sum64(p), Begins: d.begins, Completes: done})
	return h.err
}

// Truncate cuts the file to size, or extends it with zeros, which take space.
func (d *Disk) Truncate(f env.File, size int64) error {
	file, err := d.enterFile(f)
	if err != nil {
		return err
	}
	if size < 0 {
		return env.ErrBadFile
	}
	done := d.pay(d.profile.Call)
	if h := d.strike(OnWrite, file); h.err != nil {
		return h.err
	}
	// Extending takes space although nothing is written, because sparse files are not modelled. Cutting takes none.
	grows := size - file.cache.size
	if grows > 0 && grows > d.room() {
		d.host.Activated(FaultFull)
		d.host.Refused(OnWrite)
		return env.ErrNoSpace
	}
	if grows == 0 {
		return nil
	}
	file.resize(d, size)
	d.used += grows
	d.changed(OpTruncate, file, 0, size, done)
	return nil
}

// Sync makes the file's bytes and length durable. The lane waits until the device has completed the sync.
func (d *Disk) Sync(f env.File) error {
	file, err := d.enterFile(f)
	if err != nil {
		return err
	}
	return d.syncNow(file, OpSync)
}

// SyncDir makes the directory entries of dir durable, and all earlier changes that they depend on.
func (d *Disk) SyncDir(dir string) error {
	if err := d.enter(); err != nil {
		return err
	}
	at := d.walk(dir)
	if at == nil || !at.dir {
		d.pay(d.profile.Call)
		return env.ErrNotExist
	}
	return d.syncNow(at, OpSyncDir)
}

func (d *Disk) syncNow(node *inode, op Op) error {
	done, h := d.sync(node)
	d.wait(done)
	if h.err == nil {
		d.synced(op, node, done, h)
	}
	return h.err
}

// synced reports a sync to the host. The sync made its file durable, or claims so.
func (d *Disk) synced(op Op, node *inode, done Time, h harm) {
	d.host.Operated(Change{Op: op, Inode: node.id, Path: node.path, Len: node.cache.size, Begins: d.begins, Completes: done, Lied: h.lied})
}

// Flush does the same as Sync, but the lane does not wait for the device.
func (d *Disk) Flush(f env.File, tok env.Token) {
	file, err := d.enterFile(f)
	if err == env.ErrDead {
		return
	}
	if err != nil {
		d.host.Flushed(d.pay(d.profile.Call), tok, err)
		return
	}
	done, h := d.sync(file)
	d.host.Flushed(done, tok, h.err)
	if h.err == nil {
		d.synced(OpSync, file, done, h)
	}
}

// Rename moves a file or directory. If the new name belongs to a directory, or a directory would replace a file, Rename
// returns ErrExist. Directories can move because Kafka deletes a partition by renaming its directory first. Unlike in
// rename(2), a directory cannot replace an empty one.
func (d *Disk) Rename(from, to string) error {
	if err := d.enter(); err != nil {
		return err
	}
	done := d.pay(d.profile.Call)
	oldDir, oldName := d.locate(from)
	newDir, newName := d.locate(to)
	if oldDir == nil || newDir == nil {
		return env.ErrNotExist
	}
	node := child(oldDir.names, oldName)
	if node == nil {
		return env.ErrNotExist
	}
	there := child(newDir.names, newName)
	// As in rename(2), renaming a file to itself succeeds and does nothing.
	if there == node {
		return nil
	}
	if there != nil && (there.dir || node.dir) || node.dir && d.within(newDir, node) {
		return env.ErrExist
	}
	if h := d.strike(OnNames, node); h.err != nil {
		return h.err
	}
	d.rename(oldDir, oldName, newDir, newName)
	d.host.Operated(Change{Op: OpRename, Inode: node.id, Path: from, To: to, Begins: d.begins, Completes: done})
	return nil
}

// Remove unlinks a file or an empty directory.
func (d *Disk) Remove(path string) error {
	if err := d.enter(); err != nil {
		return err
	}
	done := d.pay(d.profile.Call)
	dir, name := d.locate(path)
	if dir == nil {
		return env.ErrNotExist
	}
	node := child(dir.names, name)
	if node == nil {
		return env.ErrNotExist
	}
	if len(node.names) > 0 {
		return env.ErrNotEmpty
	}
	if h := d.strike(OnNames, node); h.err != nil {
		return h.err
	}
	d.unlink(dir, name, node)
	d.changed(OpRemove, node, 0, 0, done)
	return nil
}

// Space returns the free and the total space in bytes.
func (d *Disk) Space() (free, total int64, err error) {
	if err := d.enter(); err != nil {
		return 0, 0, err
	}
	return d.room(), d.capacity, nil
}
