package storage

import (
	"maps"
	"math/rand"
	"slices"
	"strings"

	"samsa/sim/env"
)

// memDisk is a minimal disk that can crash: a tree of files, each with a page cache and durable bytes.
//
// A power loss may undo any part of the unsynced changes. Each sector of a file has its old bytes or its new bytes, or
// was never written; each create, rename and remove in a directory happened or did not. The test's random source
// decides.
type memDisk struct {
	root  *memNode
	files map[env.File]*memNode
	next  env.File

	ops  int // that changed something, so far
	dead bool

	dieAfter int       // the operation after which nothing happens any more; 0 is never
	failAt   int       // the operation that returns failWith, once; 0 is never
	failWith env.Error // ErrIO if 0
	failAll  bool      // and every one after it
	trace    func(op, path string)
}

type memNode struct {
	path    string // for the trace
	data    []byte // in the page cache
	durable []byte

	dir     bool
	entries map[string]*memNode
	synced  map[string]*memNode
	pending []dirOp // since the directory was synced
}

// dirOp is a create (from ""), a remove (to "") or a rename.
type dirOp struct {
	from, to string
	node     *memNode
}

const sector = 64 // small, so that a batch of a test can be torn

func newMemDisk() *memDisk {
	return &memDisk{root: newDirNode(), files: map[env.File]*memNode{}}
}

func newDirNode() *memNode {
	return &memNode{dir: true, entries: map[string]*memNode{}, synced: map[string]*memNode{}}
}

// change counts a mutating operation. It returns the error to be returned instead of running the operation, if there is
// one. torn reports that a failing append has written half of its bytes.
func (d *memDisk) change(op, path string) (err error, torn bool) {
	if d.dead {
		return env.ErrDead, false
	}
	d.ops++
	if d.trace != nil {
		d.trace(op, path)
	}
	if d.failAt > 0 && (d.ops == d.failAt || d.failAll && d.ops > d.failAt) {
		if d.failWith == 0 {
			return env.ErrIO, true
		}
		return d.failWith, true
	}
	return nil, false
}

// did is called after a mutating operation, because a crash may be due.
func (d *memDisk) did() {
	if d.dieAfter > 0 && d.ops >= d.dieAfter {
		d.dead = true
	}
}

func (d *memDisk) find(path string) *memNode {
	n := d.root
	if path == "" {
		return n
	}
	for _, part := range strings.Split(path, "/") {
		if n == nil || !n.dir {
			return nil
		}
		n = n.entries[part]
	}
	return n
}

func split(path string) (dir, name string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

func (d *memDisk) Mkdir(path string) error {
	dir, name := split(path)
	p := d.find(dir)
	if p == nil {
		return env.ErrNotExist
	}
	if p.entries[name] != nil {
		return env.ErrExist
	}
	if err, _ := d.change("mkdir", path); err != nil {
		return err
	}
	n := newDirNode()
	n.path = path
	p.entries[name] = n
	p.pending = append(p.pending, dirOp{to: name, node: n})
	d.did()
	return nil
}

func (d *memDisk) List(dir string) ([]env.Entry, error) {
	if d.dead {
		return nil, env.ErrDead
	}
	n := d.find(dir)
	if n == nil || !n.dir {
		return nil, env.ErrNotExist
	}
	var all []env.Entry
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		all = append(all, env.Entry{Name: name, Dir: n.entries[name].dir})
	}
	return all, nil
}

func (d *memDisk) Open(path string, create bool) (env.File, error) {
	if d.dead {
		return 0, env.ErrDead
	}
	n := d.find(path)
	if n == nil && !create {
		return 0, env.ErrNotExist
	}
	if n == nil {
		dir, name := split(path)
		p := d.find(dir)
		if p == nil {
			return 0, env.ErrNotExist
		}
		if err, _ := d.change("create", path); err != nil {
			return 0, err
		}
		n = &memNode{path: path}
		p.entries[name] = n
		p.pending = append(p.pending, dirOp{to: name, node: n})
		defer d.did()
	}
	if n.dir {
		return 0, env.ErrBadFile
	}
	d.next++
	d.files[d.next] = n
	return d.next, nil
}

func (d *memDisk) Close(f env.File) error {
	if d.dead {
		return env.ErrDead
	}
	if d.files[f] == nil {
		return env.ErrBadFile
	}
	delete(d.files, f)
	return nil
}

func (d *memDisk) Size(f env.File) (int64, error) {
	if d.dead {
		return 0, env.ErrDead
	}
	if n := d.files[f]; n != nil {
		return int64(len(n.data)), nil
	}
	return 0, env.ErrBadFile
}

func (d *memDisk) ReadAt(f env.File, off int64, n int) ([]byte, error) {
	if d.dead {
		return nil, env.ErrDead
	}
	x := d.files[f]
	if x == nil || off < 0 || off > int64(len(x.data)) {
		return nil, env.ErrBadFile
	}
	end := min(off+int64(n), int64(len(x.data)))
	return x.data[off:end:end], nil
}

func (d *memDisk) Append(f env.File, p []byte) error {
	x := d.files[f]
	if x == nil {
		return env.ErrBadFile
	}
	if err, torn := d.change("append", x.path); err != nil {
		if torn {
			x.data = append(slices.Clip(x.data), p[:len(p)/2]...)
		}
		return err
	}
	x.data = append(x.data, p...)
	d.did()
	return nil
}

func (d *memDisk) WriteAt(f env.File, off int64, p []byte) error {
	x := d.files[f]
	if x == nil || off < 0 || off > int64(len(x.data)) {
		return env.ErrBadFile
	}
	if err, _ := d.change("write", x.path); err != nil {
		return err
	}
	data := slices.Clone(x.data)
	if grow := int(off) + len(p) - len(data); grow > 0 {
		data = append(data, make([]byte, grow)...)
	}
	copy(data[off:], p)
	x.data = data
	d.did()
	return nil
}

func (d *memDisk) Truncate(f env.File, size int64) error {
	x := d.files[f]
	if x == nil {
		return env.ErrBadFile
	}
	if err, _ := d.change("truncate", x.path); err != nil {
		return err
	}
	data := make([]byte, size)
	copy(data, x.data)
	x.data = data
	d.did()
	return nil
}

func (d *memDisk) Sync(f env.File) error {
	x := d.files[f]
	if x == nil {
		return env.ErrBadFile
	}
	if err, _ := d.change("sync", x.path); err != nil {
		return err
	}
	x.durable = slices.Clone(x.data)
	d.did()
	return nil
}

func (d *memDisk) Flush(f env.File, tok env.Token) {}

func (d *memDisk) Rename(from, to string) error {
	if d.dead {
		return env.ErrDead
	}
	dir, a := split(from)
	dir2, b := split(to)
	p := d.find(dir)
	if p == nil || dir != dir2 || p.entries[a] == nil {
		return env.ErrNotExist
	}
	if err, _ := d.change("rename", from+" -> "+b); err != nil {
		return err
	}
	n := p.entries[a]
	delete(p.entries, a)
	p.entries[b] = n
	n.path = to
	p.pending = append(p.pending, dirOp{from: a, to: b, node: n})
	d.did()
	return nil
}

func (d *memDisk) Remove(path string) error {
	if d.dead {
		return env.ErrDead
	}
	dir, name := split(path)
	p := d.find(dir)
	if p == nil || p.entries[name] == nil {
		return env.ErrNotExist
	}
	if n := p.entries[name]; n.dir && len(n.entries) > 0 {
		return env.ErrNotEmpty
	}
	if err, _ := d.change("remove", path); err != nil {
		return err
	}
	delete(p.entries, name)
	p.pending = append(p.pending, dirOp{from: name})
	d.did()
	return nil
}

func (d *memDisk) SyncDir(dir string) error {
	n := d.find(dir)
	if n == nil {
		return env.ErrNotExist
	}
	if err, _ := d.change("syncdir", dir); err != nil {
		return err
	}
	n.synced, n.pending = maps.Clone(n.entries), nil
	d.did()
	return nil
}

func (d *memDisk) Space() (int64, int64, error) { return 1 << 40, 1 << 40, nil }

// crash returns the disk after a process crash. The page cache survives; file handles do not.
func (d *memDisk) crash() *memDisk {
	c := newMemDisk()
	c.root = copyNode(d.root, map[*memNode]*memNode{})
	return c
}

// copyNode copies a tree. A node that is reachable twice, because an old directory entry may come back, stays one node.
func copyNode(n *memNode, seen map[*memNode]*memNode) *memNode {
	if n == nil {
		return nil
	}
	if c := seen[n]; c != nil {
		return c
	}
	c := &memNode{path: n.path, dir: n.dir, data: slices.Clip(n.data), durable: n.durable}
	seen[n] = c
	if n.dir {
		c.entries, c.synced = map[string]*memNode{}, map[string]*memNode{}
		for name, x := range n.entries {
			c.entries[name] = copyNode(x, seen)
		}
		for name, x := range n.synced {
			c.synced[name] = copyNode(x, seen)
		}
		for _, op := range n.pending {
			c.pending = append(c.pending, dirOp{op.from, op.to, copyNode(op.node, seen)})
		}
	}
	return c
}

// These are the possible outcomes of unsynced changes in powerLoss.
const (
	fateLost  = iota // all of it is gone
	fateKept         // all of it made it
	fateMixed        // each piece for itself
)

// powerLoss returns the disk after a power loss.
func (d *memDisk) powerLoss(fate int, rng *rand.Rand) *memDisk {
	c := d.crash()
	keep := func() bool { return fate == fateKept || fate == fateMixed && rng.Intn(2) == 0 }
	loseDir(c.root, keep, fate, rng, map[*memNode]bool{})
	return c
}

func loseDir(n *memNode, keep func() bool, fate int, rng *rand.Rand, seen map[*memNode]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	if !n.dir {
		n.data = loseBytes(n.data, n.durable, keep, fate, rng)
		n.durable = n.data
		return
	}
	now := maps.Clone(n.synced)
	for _, op := range n.pending {
		if !keep() {
			continue
		}
		if op.from != "" {
			if op.to != "" && now[op.from] == nil {
				continue // what was to be renamed was never created
			}
			delete(now, op.from)
		}
		if op.to != "" {
			now[op.to] = op.node
		}
	}
	n.entries, n.synced, n.pending = now, maps.Clone(now), nil
	for _, name := range slices.Sorted(maps.Keys(now)) {
		loseDir(now[name], keep, fate, rng, seen)
	}
}

// loseBytes mixes the cached and the durable bytes of a file.
func loseBytes(cached, durable []byte, keep func() bool, fate int, rng *rand.Rand) []byte {
	size := len(durable)
	if keep() {
		size = len(cached)
		if fate == fateMixed && len(cached) > len(durable) && rng.Intn(2) == 0 {
			size = len(durable) + rng.Intn(len(cached)-len(durable)+1)
		}
	}
	out := make([]byte, size)
	for at := 0; at < size; at += sector {
		end := min(at+sector, size)
		from := durable
		if keep() {
			from = cached
		}
		if at < len(from) {
			copy(out[at:end], from[at:])
		}
	}
	return out
}
