package disk

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// For judges, tests and exports: the content of a disk, read without touching it. Nodes have no access.

// File is one file or directory of a view.
// It is of the moment it was made: what the disk does later does not show in it, since chunks never change.
type File struct {
	Path  string // from the root
	Inode uint32 // stays through renames
	Dir   bool
	Size  int64
	bytes content
}

// Bytes is a copy of the content.
func (f File) Bytes() []byte { return slices.Clone(f.bytes.read(0, int(f.bytes.size))) }

// Files is the page cache's view, each directory before what is in it, names in byte order.
func (d *Disk) Files() []File {
	return list(nil, d.root, "", func(n *inode) []dirent { return n.names }, func(n *inode) *content { return &n.cache })
}

// DurableFiles is the least that a power loss now leaves, in the same order.
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

// DurableSize is how many of a file's bytes a power loss now leaves at least, whatever becomes of its name.
func (d *Disk) DurableSize(path string) int64 {
	d.completeSyncs(d.host.Now())
	if f := d.walk(path); f != nil {
		return f.device.size
	}
	return 0
}

// Export hands over the page cache's view, in the order of Files, until visit fails: to write it into a real directory.
func (d *Disk) Export(visit func(path string, dir bool, bytes []byte) error) error {
	for _, f := range d.Files() {
		if err := visit(f.Path, f.Dir, f.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// each visits every file that has a name or a handle, or had one on the device.
// A file that was removed while it is open still takes room and still reads: only its last handle ends it.
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
// Syncs complete first: they do so lazily, and two equal disks must not differ by the time of the last look.
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

// Peek reads the page cache's view, for judges: it costs nothing, touches nothing and cannot fail. It returns up
// to n bytes at off, read-only and never changing, and the file's size; ok is false if there is no such file.
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
