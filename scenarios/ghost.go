package scenarios

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"samsa/check"
	"samsa/controller"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// ghosts are the true logs of all replicas, read from the disks and not asked of the nodes. They follow the disks'
// changes, so what they cost follows the change and not the length of the log, and they hand every change to the judges.
type ghosts struct {
	disk  func(env.Addr) *sim.Disk
	hosts map[env.Addr]map[string]*ghost // by directory
	torn  []*ghost                       // logs that power has torn, until a node says what it has recovered of them
	heard listener
}

// listener is who wants to know how true logs change.
type listener interface {
	// bind names the replica of a directory; ok is false while nobody can tell whose it is.
	bind(host env.Addr, dir string) (*check.Partition, *check.Replica, bool)
	grew(*ghost, check.Batch)
	cut(*ghost, wire.Offset, string)
	trimmed(*ghost, wire.Offset) bool
	flushed(*ghost, wire.Offset)
	deleted(*ghost)
}

// ghost is one replica's log: its segment files by base offset.
type ghost struct {
	host  env.Addr
	dir   string
	files []*ghostFile
	part  *check.Partition // nil until it is bound
	copy  *check.Replica
}

// ghostFile is one .log file, parsed up to a batch boundary.
type ghostFile struct {
	path    string
	told    int64        // what was written up to here has been told
	parsed  int64        // all whole batches below are in batches
	durable int64        // bytes that true syncs have carried to the device
	batches []ghostBatch // by position
}

type ghostBatch struct {
	pos, size int64
	check.Batch
}

// changed takes a change of a disk in.
func (g *ghosts) changed(host env.Addr, c *sim.DiskChange) {
	dir, isLog := logFile(c.Path)
	switch c.Op {
	case sim.DiskWrite:
		if isLog {
			l := g.of(host, dir)
			f := l.file(c.Path)
			f.told = max(f.told, c.Off+c.Len)
			g.follow(l, f)
		}
	case sim.DiskTruncate:
		if isLog {
			l := g.of(host, dir)
			g.shrunk(l, l.file(c.Path), c.Len)
		}
	case sim.DiskSync:
		if isLog && !c.Lied {
			l := g.of(host, dir)
			f := l.file(c.Path)
			f.durable = max(f.durable, c.Len)
			g.harden(l, f)
		}
	case sim.DiskRename, sim.DiskRemove:
		if _, _, again := g.disk(host).Peek(c.Path, 0, 0); isLog && again && c.Op == sim.DiskRemove {
			l := g.of(host, dir)
			g.shrunk(l, l.file(c.Path), 0)
		} else if isLog {
			g.without(g.of(host, dir), c.Path)
		} else if l := g.hosts[host][c.Path]; l != nil { // a whole directory
			g.heard.deleted(l)
			delete(g.hosts[host], c.Path)
		}
		if to, ok := logFile(c.To); ok && c.Op == sim.DiskRename {
			l := g.of(host, to)
			f := l.file(c.To)
			f.told = 1 << 62
			g.follow(l, f)
		}
	}
}

// lost reads a host's disk again after its power went: whatever the device has left.
func (g *ghosts) lost(host env.Addr, by string) {
	dirs := make([]string, 0, len(g.hosts[host]))
	for dir := range g.hosts[host] { //order: sorted below
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		l := g.hosts[host][dir]
		old := l.files
		l.files = nil
		part := l.part
		l.part = nil // silent while it is read
		torn := false
		for _, f := range g.disk(host).Files() {
			if d, ok := logFile(f.Path); ok && d == dir {
				file := l.file(f.Path)
				file.told = f.Size
				if torn {
					continue // recovery that has to cut a segment deletes those behind it
				}
				g.follow(l, file)
				g.untorn(l, file)
				torn = file.parsed < f.Size
				file.durable = file.parsed // what power has left is on the device
			}
		}
		if l.part = part; torn && !slices.Contains(g.torn, l) {
			g.torn = append(g.torn, l)
		}
		if part == nil {
			continue
		}
		was, now := flat(old), flat(l.files)
		same := 0
		for same < len(was) && same < len(now) && was[same] == now[same] {
			same++
		}
		if same < len(was) {
			g.heard.cut(l, was[same].Base, by)
		}
		for _, b := range now[same:] {
			g.heard.grew(l, b)
		}
	}
}

// untorn forgets what power has torn, from the first batch on that is not sound: its header may be made of two, and say
// anything. Recovery will cut it off, or leave it; see recovered.
func (g *ghosts) untorn(l *ghost, f *ghostFile) {
	for i, b := range f.batches {
		bytes, _, _ := g.disk(l.host).Peek(f.path, b.pos, int(b.size))
		if wire.Batch(bytes).Validate() != nil {
			f.parsed, f.batches = b.pos, f.batches[:i]
			return
		}
	}
}

// recovered reads on where a torn log was thought to end, once its node has a belief of it: what recovery has not cut off
// counts again. It does not look below the recovery point, and a batch that has rotted there stays, with all behind it.
func (g *ghosts) recovered(of *check.Replica) {
	i := slices.IndexFunc(g.torn, func(l *ghost) bool { return l.copy == of })
	if i < 0 {
		return
	}
	for _, f := range g.torn[i].files {
		g.follow(g.torn[i], f)
	}
	g.torn = slices.Delete(g.torn, i, i+1)
}

func flat(files []*ghostFile) (all []check.Batch) {
	for _, f := range files {
		for _, b := range f.batches {
			all = append(all, b.Batch)
		}
	}
	return all
}

// logFile tells whether a path is a segment's log, and of which directory.
func logFile(path string) (dir string, ok bool) {
	if !strings.HasSuffix(path, ".log") {
		return "", false
	}
	dir, _, ok = strings.Cut(path, "/")
	return dir, ok
}

// of is the log in a host's directory, read from the disk if it is not known.
func (g *ghosts) of(host env.Addr, dir string) *ghost {
	if g.hosts[host] == nil {
		g.hosts[host] = map[string]*ghost{}
	}
	l := g.hosts[host][dir]
	if l == nil {
		l = &ghost{host: host, dir: dir}
		g.hosts[host][dir] = l
	}
	if l.part == nil {
		g.bind(l)
	}
	return l
}

// find is the log in a host's directory as far as it was told, nil if nothing was. Unlike of it changes nothing.
func (g *ghosts) find(host env.Addr, dir string) *ghost { return g.hosts[host][dir] }

// bind finds out whose log this is; the judges hear of what is in it already.
func (g *ghosts) bind(l *ghost) {
	part, copy, ok := g.heard.bind(l.host, l.dir)
	if !ok {
		return
	}
	l.part, l.copy = part, copy
	for _, b := range flat(l.files) {
		g.heard.grew(l, b)
	}
}

// file is one file's entry, made if it is new.
func (l *ghost) file(path string) *ghostFile {
	if n := len(l.files); n > 0 && l.files[n-1].path == path {
		return l.files[n-1]
	}
	i, ok := slices.BinarySearchFunc(l.files, path, func(f *ghostFile, p string) int { return cmp.Compare(f.path, p) })
	if !ok {
		l.files = slices.Insert(l.files, i, &ghostFile{path: path})
	}
	return l.files[i]
}

// without takes a file out: retention deletes from the log's beginning, truncation from its end.
func (g *ghosts) without(l *ghost, path string) {
	i, ok := slices.BinarySearchFunc(l.files, path, func(f *ghostFile, p string) int { return cmp.Compare(f.path, p) })
	if !ok {
		return
	}
	f := l.files[i]
	if len(f.batches) > 0 {
		below := slices.ContainsFunc(l.files[:i], func(f *ghostFile) bool { return len(f.batches) > 0 })
		if next := f.batches[len(f.batches)-1].Next; below || l.part == nil || !g.heard.trimmed(l, next) {
			g.pop(l, f, 0, "")
		}
	}
	l.files = slices.Delete(l.files, i, i+1)
}

// pop forgets the batches that end above a position of a file.
func (g *ghosts) pop(l *ghost, f *ghostFile, at int64, by string) {
	n := len(f.batches)
	for ; n > 0 && at < f.parsed; n-- {
		f.parsed = f.batches[n-1].pos
	}
	f.durable = min(f.durable, f.parsed)
	if n == len(f.batches) {
		return
	}
	base := f.batches[n].Base
	f.batches = f.batches[:n]
	if l.part != nil {
		g.heard.cut(l, base, by)
	}
}

// shrunk takes in that a file was cut to a size.
func (g *ghosts) shrunk(l *ghost, f *ghostFile, size int64) {
	g.pop(l, f, size, "")
	f.told = size
}

// batchOf is what the judges are told of a batch.
func batchOf(head []byte) check.Batch {
	b := wire.Batch(head)
	return check.Batch{Base: b.BaseOffset(), Next: b.NextOffset(), Epoch: b.LeaderEpoch(), CRC: b.CRC()}
}

// hurry reads what a node has written to a log and nobody was told of yet.
func (g *ghosts) hurry(host env.Addr, dir string) {
	for _, f := range g.disk(host).Files() {
		if d, ok := logFile(f.Path); ok && d == dir {
			l := g.of(host, dir)
			file := l.file(f.Path)
			file.told = f.Size
			g.follow(l, file)
		}
	}
}

// follow reads the whole batches that have been told.
func (g *ghosts) follow(l *ghost, f *ghostFile) {
	d := g.disk(l.host)
	for f.parsed < f.told {
		head, size, ok := d.Peek(f.path, f.parsed, wire.BatchHeaderSize)
		if !ok || len(head) < wire.BatchHeaderSize {
			return
		}
		b := wire.Batch(head)
		length := batchLength(head)
		if length < wire.BatchHeaderSize || b.Magic() != 2 || f.parsed+length > min(f.told, size) {
			return // not whole yet, or rubbish that recovery will cut off
		}
		batch := batchOf(head)
		f.batches = append(f.batches, ghostBatch{f.parsed, length, batch})
		f.parsed += length
		if l.part != nil {
			g.heard.grew(l, batch)
		}
	}
}

// harden tells how far the log is on the device: all files before this one must be there whole.
func (g *ghosts) harden(l *ghost, f *ghostFile) {
	i := slices.Index(l.files, f)
	if l.part == nil || i > 0 && l.files[i-1].durable < l.files[i-1].parsed {
		return
	}
	n := len(f.batches)
	for n > 0 && f.batches[n-1].pos+f.batches[n-1].size > f.durable {
		n--
	}
	if n > 0 {
		g.heard.flushed(l, f.batches[n-1].Next)
	}
}

// span is [start, end) of the batches, zero if the log is empty or not known.
func (l *ghost) span() (start, end wire.Offset) {
	if l == nil {
		return 0, 0
	}
	for _, f := range slices.Backward(l.files) {
		if n := len(f.batches); n > 0 {
			start, end = f.batches[0].Base, max(end, f.batches[n-1].Next)
		}
	}
	return start, end
}

// bytes are the whole batches in [from, to), oldest first, until visit says stop.
func (g *ghosts) bytes(l *ghost, from, to wire.Offset, visit func(wire.Batch) bool) {
	first := len(l.files) - 1
	for first > 0 && (len(l.files[first].batches) == 0 || l.files[first].batches[0].Base > from) {
		first--
	}
	for _, f := range l.files[max(first, 0):] {
		at, _ := slices.BinarySearchFunc(f.batches, from, func(b ghostBatch, o wire.Offset) int { return cmp.Compare(b.Base, o) })
		for _, b := range f.batches[at:] {
			if b.Base >= to {
				return
			}
			bytes, _, _ := g.disk(l.host).Peek(f.path, b.pos, int(b.size))
			if !visit(wire.Batch(bytes)) {
				return
			}
		}
	}
}

// batchLength is the whole length of the batch whose first bytes these are; it may be rubbish.
func batchLength(head []byte) int64 {
	return 12 + int64(int32(binary.BigEndian.Uint32(head[8:])))
}

// topicOf is the topic id in a directory's partition.metadata.
func topicOf(d *sim.Disk, dir string) (id wire.TopicID, ok bool) {
	bytes, _, ok := d.Peek(dir+"/partition.metadata", 0, 256)
	if !ok {
		return id, false
	}
	id, err := storage.ParseTopicID(bytes)
	return id, err == nil
}

// isMetadata tells whether a directory is of the metadata log.
func isMetadata(dir string) bool { return dir == controller.LogDir }
