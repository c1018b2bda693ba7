package disk

import (
	"slices"
	"strings"

	"samsa/sim/env"
)

// inode is a file or a directory. It lives as long as a name, a handle or the device refers to it.
type inode struct {
	id  uint32
	dir bool

	// Its position in the page cache's tree.
	path   string // from the root; a file that was removed keeps its last path
	linked bool   // some directory has an entry for it
	opens  int    // number of open handles

	// A file's bytes: in the page cache, on the device, and the changes between the two.
	cache    content
	device   content
	dirty    []dirtyWrite // changes that are not in device yet, in order
	unsynced int64        // bytes written since the last sync began, which the next sync writes

	// A directory's entries, in byte order: in the page cache, and on the device.
	names       []dirent
	deviceNames []dirent
}

// dirent is a directory entry.
type dirent struct {
	name string
	node *inode
}

// find returns the index of a name in a directory, or the index at which to insert it.
func find(names []dirent, name string) (int, bool) {
	return slices.BinarySearchFunc(names, name, func(e dirent, name string) int { return strings.Compare(e.name, name) })
}

// child returns the inode of a name in a directory, or nil.
func child(names []dirent, name string) *inode {
	if i, ok := find(names, name); ok {
		return names[i].node
	}
	return nil
}

// bind sets a name to an inode, replacing the old inode; nil removes the name.
func bind(names []dirent, name string, node *inode) []dirent {
	i, ok := find(names, name)
	switch {
	case ok && node == nil:
		return slices.Delete(names, i, i+1)
	case ok:
		names[i].node = node
		return names
	case node == nil:
		return names
	}
	return slices.Insert(names, i, dirent{name, node})
}

// handle is one entry of the process's table of open files.
// The number that a process gets includes the entry's generation, so that using a closed handle is an error and never
// reaches another file.
type handle struct {
	file       *inode // nil if the entry is free
	generation uint32 // counts the closes of the entry
}

// An env.File has the table index plus one in its low bits, and the entry's generation in the higher bits.
const (
	handleBits = 20
	handleMask = 1<<handleBits - 1
)

// open gives a file an entry in the table of open files.
func (d *Disk) open(file *inode) env.File {
	slot := len(d.handles)
	if n := len(d.closed); n > 0 {
		slot = int(d.closed[n-1])
		d.closed = d.closed[:n-1]
	} else {
		d.handles = append(d.handles, handle{})
	}
	h := &d.handles[slot]
	h.file = file
	file.opens++
	return env.File(h.generation<<handleBits | uint32(slot+1)&handleMask)
}

// file returns the file of a handle.
func (d *Disk) file(f env.File) (*inode, error) {
	if d.host.Dead() {
		return nil, env.ErrDead
	}
	slot := int(f&handleMask) - 1
	if slot < 0 || slot >= len(d.handles) {
		return nil, env.ErrBadFile
	}
	h := &d.handles[slot]
	if h.file == nil || h.generation<<handleBits>>handleBits != uint32(f)>>handleBits {
		return nil, env.ErrBadFile
	}
	return h.file, nil
}

// closeHandle frees an entry of the table. Closing the last handle on a file without a name frees the file's space.
func (d *Disk) closeHandle(slot int) {
	h := &d.handles[slot]
	file := h.file
	h.file = nil
	h.generation++
	d.closed = append(d.closed, uint32(slot))
	file.opens--
	d.release(file)
}

// release frees the space of a file that has neither a name nor a handle. The device may still have the file's name,
// and a power loss may restore it, but only files of the page cache use space.
func (d *Disk) release(file *inode) {
	if !file.linked && file.opens == 0 {
		d.used -= file.cache.size
	}
}

// walk returns the file or directory at a path, or nil. "" is the root.
// It starts at the root each time, because directories are few and flat, and every rename would change a cache of paths.
func (d *Disk) walk(path string) *inode {
	at := d.root
	for path != "" && at != nil {
		name, rest, more := strings.Cut(path, "/")
		if !at.dir || more && rest == "" {
			return nil
		}
		at, path = child(at.names, name), rest
	}
	return at
}

// locate returns a path's directory and last name. The directory is nil if it does not exist or the path is invalid.
func (d *Disk) locate(path string) (dir *inode, name string) {
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 {
		dir, name = d.root, path
	} else if cut > 0 {
		dir, name = d.walk(path[:cut]), path[cut+1:]
	}
	if dir == nil || !dir.dir || name == "" || name == "." || name == ".." {
		return nil, ""
	}
	return dir, name
}

// create makes an inode under a name that the directory does not have yet.
func (d *Disk) create(dir *inode, name string, isDir bool) *inode {
	d.inodes++
	node := &inode{id: d.inodes, dir: isDir, linked: true}
	dir.names = bind(dir.names, name, node)
	node.moved(dir, name)
	d.log(nameEdit{dir, name, node}, nameEdit{})
	return node
}

// unlink removes a name.
func (d *Disk) unlink(dir *inode, name string, node *inode) {
	dir.names = bind(dir.names, name, nil)
	d.orphan(node)
	d.log(nameEdit{dir, name, nil}, nameEdit{})
}

// orphan marks an inode that lost its name.
func (d *Disk) orphan(node *inode) {
	node.linked = false
	d.release(node)
}

// rename moves an inode to a new name. A file that has the new name is replaced.
func (d *Disk) rename(from *inode, name string, to *inode, newName string) {
	node := child(from.names, name)
	if old := child(to.names, newName); old != nil {
		d.orphan(old)
	}
	from.names = bind(from.names, name, nil)
	to.names = bind(to.names, newName, node)
	node.moved(to, newName)
	d.log(nameEdit{from, name, nil}, nameEdit{to, newName, node})
}

// moved sets the path of an inode that got a new name, and the paths of all inodes below it.
func (node *inode) moved(dir *inode, name string) {
	node.path = name
	if dir.path != "" {
		node.path = dir.path + "/" + name
	}
	for _, e := range node.names {
		e.node.moved(node, e.name)
	}
}

// within reports whether node is dir or is below it.
func (d *Disk) within(node, dir *inode) bool {
	return node == dir || strings.HasPrefix(node.path, dir.path+"/")
}
