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
	inodes  uint32 // numbers given out
	handles []handle
	closed  []uint32 // free entries of handles
	used    int64    // bytes of files with a name or a handle

	seq         uint64        // numbers changes, of bytes and of names, and syncs
	begins      Time          // when the running call begins: later than now by what its event has spent before
	latest      Time          // when the last call of the process begins that changed or synced anything
	completedTo uint64        // changes up to this number are issued whatever their moment says, see completeIssued
	nameLog     []nameChange  // in order; what is not in some deviceNames yet
	pending     []pendingSync // in order of time
	idle        Time          // when the device has done what is queued

	// Faults in force, see fault.go.
	capacity  int64
	filled    bool // no room, whatever the capacity
	armed     []armed
	lies      bool
	slow      int64        // permille
	delay     env.Duration // added to every call
	slowUntil Time         // a tenth of the speed by chance
	stall     Time
	noisy     bool
	drawn     [noiseSites]uint64 // the tick of each site's last draw, plus one
}

var _ env.Disk = (*Disk)(nil)

// New is an empty disk that is in no world, for tests of what lies on disks: its own clock runs as calls cost time, so a
// sync has taken effect when it returns. A Flush takes effect at once and returns nowhere.
func New(profile Profile) *Disk { return NewIn(profile, &aloneHost{}) }

// NewIn is an empty disk in a machine.
func NewIn(profile Profile, host Host) *Disk {
	d := &Disk{host: host, profile: profile, capacity: profile.Capacity, slow: 1000, inodes: 1}
	if d.capacity == 0 {
		d.capacity = 1 << 40
	}
	d.root = &inode{id: d.inodes, dir: true, linked: true}
	d.suffer(profile.Noise)
	return d
}

// CrashProcess ends the incarnation: its handles die, the page cache stays, syncs on their way arrive.
func (d *Disk) CrashProcess() {
	d.completeIssued()
	for slot := range d.handles {
		if d.handles[slot].file != nil {
			d.closeHandle(slot)
		}
	}
}

// Latest is when the last call of the process begins that changed or synced anything.
func (d *Disk) Latest() Time { return d.latest }

// enter begins a call.
func (d *Disk) enter() error {
	if d.host.Dead() {
		return env.ErrDead
	}
	d.begins = d.host.Spend(0)
	// Syncs complete lazily: only the next call, a judge or a power loss can see that the device is done.
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

// List is the entries of a directory.
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

// Open opens a file. A directory is ErrBadFile.
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

// Close gives the handle back.
func (d *Disk) Close(f env.File) error {
	if _, err := d.enterFile(f); err != nil {
		return err
	}
	d.pay(d.profile.Call)
	d.closeHandle(int(f&handleMask) - 1)
	return nil
}

// Size is the file's length.
func (d *Disk) Size(f env.File) (int64, error) {
	file, err := d.enterFile(f)
	if err != nil {
		return 0, err
	}
	return file.cache.size, nil
}

// ReadAt reads up to n bytes at off. At or after the end there is nothing to read; a negative off is ErrBadFile.
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

// write puts p at off, as much as there is room for and faults allow.
func (d *Disk) write(file *inode, off int64, p []byte) error {
	// Paid before anything can fail: a call that fails takes its time too, and a handler that retries in a loop should
	// feel it.
	done := d.pay(d.profile.Call + perKiB(d.profile.CopyKiB, int64(len(p))))
	h := d.strike(OnWrite, file)
	if h.err != nil {
		p = p[:uint64(len(p))*min(h.short, 8)/8]
	}
	size := file.cache.size
	// A full device takes as much as fits, as write(2) does: the log ends in half a batch, and recovery must cut it.
	if lacks := off + int64(len(p)) - size - d.room(); lacks > 0 {
		p = p[:int64(len(p))-lacks]
		h.err = env.ErrNoSpace
		d.host.Activated(FaultFull)
	}
	if len(p) == 0 {
		return h.err
	}
	file.write(d, off, p, h.lost)
	d.used += file.cache.size - size
	// The page cache has the bytes where they belong; only the device was hit elsewhere.
	if h.target != nil {
		h.target.hit(h.off, p)
	}
	d.host.Operated(Change{Op: OpWrite, Inode: file.id, Path: file.path, Off: off, Len: int64(len(p)),
		Sum: xxhash.Sum64(p), Begins: d.begins, Completes: done})
	return h.err
}

// Truncate cuts the file to size, or extends it with zeros, which takes room.
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
	// To extend takes room although nothing is written: sparse files are left out. Cutting never fails for want of it.
	grows := size - file.cache.size
	if grows > 0 && grows > d.room() {
		d.host.Activated(FaultFull)
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

// Sync makes the file's bytes and length durable when it completes: the lane waits for the device.
func (d *Disk) Sync(f env.File) error {
	file, err := d.enterFile(f)
	if err != nil {
		return err
	}
	return d.syncNow(file, OpSync)
}

// SyncDir makes the names in a directory durable, and all earlier changes that these stand on.
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

// synced ends a sync that made its file durable, or claims so.
func (d *Disk) synced(op Op, node *inode, done Time, h harm) {
	d.host.Operated(Change{Op: op, Inode: node.id, Path: node.path, Len: node.cache.size, Begins: d.begins, Completes: done, Lied: h.lied})
}

// Flush is Sync on the device's time alone.
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

// Rename moves a file or directory. A directory of the new name, or a file in the way of a directory, is ErrExist.
// Kafka deletes a partition by renaming its directory first, so directories move here too. That one may replace an empty
// one, as rename(2) allows, is left out.
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
	// rename(2) of a file to itself does nothing, and succeeds.
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

// Space is the free and total room.
func (d *Disk) Space() (free, total int64, err error) {
	if err := d.enter(); err != nil {
		return 0, 0, err
	}
	return d.room(), d.capacity, nil
}
