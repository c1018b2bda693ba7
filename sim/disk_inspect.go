package sim

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// For judges, tests and exports: what a disk holds, seen without touching it. Nodes have no way here.

// DiskFile is one file or directory of a view.
// It is of the moment it was made: what the disk does later does not show in it, since chunks never change.
type DiskFile struct {
	Path  string // from the root
	Inode uint32 // stays through renames
	Dir   bool
	Size  int64
	bytes diskBytes
}

// Bytes is a copy of the content.
func (f DiskFile) Bytes() []byte { return slices.Clone(f.bytes.read(0, int(f.bytes.size))) }

// Files is what processes see, each directory before what is in it, names in byte order.
func (d *Disk) Files() []DiskFile {
	return list(nil, d.root, "", func(n *inode) []dirent { return n.names }, func(n *inode) *diskBytes { return &n.cache })
}

// DurableFiles is what a power loss now leaves at least, in the same order.
func (d *Disk) DurableFiles() []DiskFile {
	d.settle(d.host.now())
	return list(nil, d.root, "", func(n *inode) []dirent { return n.deviceNames }, func(n *inode) *diskBytes { return &n.device })
}

func list(to []DiskFile, dir *inode, prefix string, names func(*inode) []dirent, bytes func(*inode) *diskBytes) []DiskFile {
	for _, e := range names(dir) {
		f := DiskFile{Path: prefix + e.name, Inode: e.node.id, Dir: e.node.dir}
		if !f.Dir {
			f.bytes = bytes(e.node).clone()
			f.Size = f.bytes.size
		}
		to = append(to, f)
		to = list(to, e.node, f.Path+"/", names, bytes)
	}
	return to
}

// DurableSize is how many of a file's bytes a power loss now leaves at least, whatever becomes of its name.
func (d *Disk) DurableSize(path string) int64 {
	d.settle(d.host.now())
	if f := d.walk(path); f != nil {
		return f.device.size
	}
	return 0
}

// Export hands over what processes see, in the order of Files, until visit fails: to write it into a real directory.
func (d *Disk) Export(visit func(path string, dir bool, bytes []byte) error) error {
	for _, f := range d.Files() {
		if err := visit(f.Path, f.Dir, f.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// each visits every file that has a name or a handle, or had one on the device.
// A file that was removed while somebody has it open still takes room and still reads: only its last handle ends it.
func (d *Disk) each(visit func(*inode)) {
	eachBelow(d.root, visit)
	for _, h := range d.handles {
		if h.file != nil && !h.file.linked {
			visit(h.file)
		}
	}
}

func eachBelow(dir *inode, visit func(*inode)) {
	for _, e := range dir.names {
		if e.node.dir {
			eachBelow(e.node, visit)
		} else {
			visit(e.node)
		}
	}
}

// Digest is a hash of the whole disk, page cache and device. It costs a visit to each file and directory, and a look at
// the chunks that changed since the last one.
// It settles first: syncs come true lazily, and two equal disks must not differ by when somebody looked at them.
func (d *Disk) Digest() uint64 {
	d.settle(d.host.now())
	h := fold(uint64(d.used), uint64(len(d.nameLog)))
	h = digestNames(h, d.root, func(n *inode) ([]dirent, *diskBytes) { return n.names, &n.cache })
	return digestNames(h, d.root, func(n *inode) ([]dirent, *diskBytes) { return n.deviceNames, &n.device })
}

func digestNames(h uint64, dir *inode, view func(*inode) ([]dirent, *diskBytes)) uint64 {
	names, _ := view(dir)
	for _, e := range names {
		_, bytes := view(e.node)
		h = fold(fold(fold(h, xxhash.Sum64String(e.name)), uint64(e.node.id)), bytes.digest())
		h = digestNames(h, e.node, view)
	}
	return fold(h, uint64(len(names)))
}

// CrashProcess and LosePower are for a disk alone: what a process crash and a power loss do in a world.
func (d *Disk) CrashProcess() { d.processCrashed() }

// LosePower loses what is not synced, or by Noise.Torn less.
func (d *Disk) LosePower() { d.powerLost(d.host.now()) }
