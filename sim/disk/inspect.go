package disk

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// The functions of this file read the content of a disk for judges, tests and exports, and do not change it. Nodes
// cannot call them.

// File is one file or directory of a view.
// It is a snapshot: later changes of the disk do not show in it, because chunks never change.
type File struct {
	Path  string // from the root
	Inode uint32 // a rename does not change it
	Dir   bool
	Size  int64
	bytes content
}

// Bytes returns a copy of the content.
func (f File) Bytes() []byte { return slices.Clone(f.bytes.read(0, int(f.bytes.size))) }

// Files returns the page cache's view. Each directory precedes its entries, and entries are in byte order of their
// names.
func (d *Disk) Files() []File {
	return list(nil, d.root, "", func(n *inode) []dirent { return n.names }, func(n *inode) *content { return &n.cache })
}

// DurableFiles returns the files that would be left if the power failed now and everything unsynced were lost. They are in
// the order of Files.
func (d *Disk) DurableFiles() []File {
	d.completeSyncs(d.host.Now())
	return list(nil, d.root, "", func(n *inode) []dirent { return n.deviceNames }, func(n *inode) *content { return &n.device })
}

func list(to []File, dir *inode, prefix string, names func(*inode) []dirent, bytes func(*inode) *content) []File {
	for _, e := range names(dir) {
		f := File{Path: prefix + e.name, Inode: e.node.id, Dir: e.node.dir}
		if !f.Dir {
			f.bytes = bytes(e.node).clone()
			f.Size = f.bytes.size
		}
		to = append(to, f)
		to = list(to, e.node, f.Path+"/", names, bytes)
	}
	return to
}

// DurableSize returns how many of a file's bytes would survive if the power failed now, even if the file's name is lost.
func (d *Disk) DurableSize(path string) int64 {
	d.completeSyncs(d.host.Now())
	if f := d.walk(path); f != nil {
		return f.device.size
	}
	return 0
}

// Export calls visit for each file of the page cache's view, in the order of Files, until visit fails. It is meant for
// writing the view into a real directory.
func (d *Disk) Export(visit func(path string, dir bool, bytes []byte) error) error {
	for _, f := range d.Files() {
		if err := visit(f.Path, f.Dir, f.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// each visits every file that has a name or a handle. A file that was removed while it is open still takes space and
// can be read until its last handle is closed.
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

// Digest returns a hash of the whole disk, page cache and device. It visits each file and directory, but reads only the
// chunks that changed since the last call. It first completes the syncs that are due. Otherwise the hashes of equal disks
// could differ, because syncs complete lazily.
func (d *Disk) Digest() uint64 {
	d.completeSyncs(d.host.Now())
	h := fold(uint64(d.used), uint64(len(d.nameLog)))
	h = digestNames(h, d.root, func(n *inode) ([]dirent, *content) { return n.names, &n.cache })
	return digestNames(h, d.root, func(n *inode) ([]dirent, *content) { return n.deviceNames, &n.device })
}

func digestNames(h uint64, dir *inode, view func(*inode) ([]dirent, *content)) uint64 {
	names, _ := view(dir)
	for _, e := range names {
		_, bytes := view(e.node)
		h = fold(fold(fold(h, xxhash.Sum64String(e.name)), uint64(e.node.id)), bytes.digest())
		h = digestNames(h, e.node, view)
	}
	return fold(h, uint64(len(names)))
}

// Peek reads the page cache's view, for judges: it costs no time, changes nothing and cannot fail. It returns up to n bytes
// at off, which are read-only and never change, and the file's size; ok is false if there is no such file.
func (d *Disk) Peek(path string, off int64, n int) (bytes []byte, size int64, ok bool) {
	f := d.walk(path)
	if f == nil || f.dir {
		return nil, 0, false
	}
	if off >= 0 && off < f.cache.size {
		bytes = f.cache.read(off, int(min(int64(n), f.cache.size-off)))
	}
	return bytes, f.cache.size, true
}
