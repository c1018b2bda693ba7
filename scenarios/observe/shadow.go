package observe

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"samsa/check"
	"samsa/controller"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// shadowLogs holds the true logs of all replicas, which it reads from the disks and not from the nodes. It reads only the
// changes of a disk, so the cost of a change does not depend on the length of the log. It reports every change to its
// listener.
type shadowLogs struct {
	disk     func(env.Addr) *disk.Disk
	hosts    map[env.Addr]map[string]*shadowLog // by host and directory
	torn     []*shadowLog                       // logs torn by a power loss, each until its recovered replica is observed
	listener shadowListener
}

// shadowListener receives the changes of true logs. The observer implements it.
type shadowListener interface {
	// bind returns the replica of a directory, and false while the directory has no topic id yet.
	bind(host env.Addr, dir string) (*check.Partition, *check.Replica, bool)
	grew(*shadowLog, check.Batch)
	cut(*shadowLog, wire.Offset, string)
	trimmed(*shadowLog, wire.Offset) bool
	flushed(*shadowLog, wire.Offset)
	deleted(*shadowLog)
}

// shadowLog is the log of one replica: its segment files by base offset.
type shadowLog struct {
	host  env.Addr
	dir   string
	files []*shadowFile
	part  *check.Partition // nil until the log is bound
	copy  *check.Replica
}

// shadowFile is one .log file, parsed up to a batch boundary.
type shadowFile struct {
	path    string
	written int64         // bytes written, as reported by the disk
	parsed  int64         // every complete batch below this position is in batches
	durable int64         // synced bytes
	batches []shadowBatch // by position
}

type shadowBatch struct {
	pos, size int64
	check.Batch
}

// changed applies a change of a disk.
func (g *shadowLogs) changed(host env.Addr, c *disk.Change) {
	dir, isLog := logFile(c.Path)
	switch c.Op {
	case disk.OpWrite:
		if isLog {
			l := g.open(host, dir)
			f := l.file(c.Path)
			f.written = max(f.written, c.Off+c.Len)
			g.parse(l, f)
		}
	case disk.OpTruncate:
		if isLog {
			l := g.open(host, dir)
			g.truncated(l, l.file(c.Path), c.Len)
		}
	case disk.OpSync:
		if isLog && !c.Lied {
			l := g.open(host, dir)
			f := l.file(c.Path)
			f.durable = max(f.durable, c.Len)
			g.synced(l, f)
		}
	case disk.OpRename, disk.OpRemove:
		if _, _, again := g.disk(host).Peek(c.Path, 0, 0); isLog && again && c.Op == disk.OpRemove {
			l := g.open(host, dir)
			g.truncated(l, l.file(c.Path), 0)
		} else if isLog {
			g.removed(g.open(host, dir), c.Path)
		} else if l := g.hosts[host][c.Path]; l != nil { // the path is a whole directory
			g.listener.deleted(l)
			delete(g.hosts[host], c.Path)
		}
		if to, ok := logFile(c.To); ok && c.Op == disk.OpRename {
			l := g.open(host, to)
			f := l.file(c.To)
			f.written = 1 << 62
			g.parse(l, f)
		}
	}
}

// powerLost reads the disk of a host after a power loss, which leaves only synced bytes.
func (g *shadowLogs) powerLost(host env.Addr, by string) {
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
		l.part = nil // nil, so that reading the log reports nothing
		torn := false
		for _, f := range g.disk(host).Files() {
			if d, ok := logFile(f.Path); ok && d == dir {
				file := l.file(f.Path)
				file.written = f.Size
				if torn {
					continue // recovery deletes the segments after one that it truncates
				}
				g.parse(l, file)
				g.dropTorn(l, file)
				torn = file.parsed < f.Size
				file.durable = file.parsed // every byte that is left was synced
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
			g.listener.cut(l, was[same].Base, by)
		}
		for _, b := range now[same:] {
			g.listener.grew(l, b)
		}
	}
}

// dropTorn drops the first invalid batch and all later ones, because the header of a torn batch may contain anything. The checksum
// does not cover the base offset. So a batch is invalid too if its base offset is below the end of the batch before it: a power
// loss has left zeros in the sector where the batch begins, and the rest of the batch in the next sector.
// Recovery may truncate the log at that batch or leave the batches in the log; see the method recovered.
func (g *shadowLogs) dropTorn(l *shadowLog, f *shadowFile) {
	end := wire.Offset(0)
	for i, b := range f.batches {
		bytes, _, _ := g.disk(l.host).Peek(f.path, b.pos, int(b.size))
		if wire.Batch(bytes).Validate() != nil || b.Base < end {
			f.parsed, f.batches = b.pos, f.batches[:i]
			return
		}
		end = b.Next
	}
}

// recovered reads the rest of a torn log at the first observation of its replica. Batches that recovery did not truncate
// count again. Recovery does not read below the recovery point, so a corrupt batch below it stays in the log, and so do all
// later batches.
func (g *shadowLogs) recovered(of *check.Replica) {
	i := slices.IndexFunc(g.torn, func(l *shadowLog) bool { return l.copy == of })
	if i < 0 {
		return
	}
	for _, f := range g.torn[i].files {
		g.parse(g.torn[i], f)
	}
	g.torn = slices.Delete(g.torn, i, i+1)
}

func flat(files []*shadowFile) (all []check.Batch) {
	for _, f := range files {
		for _, b := range f.batches {
			all = append(all, b.Batch)
		}
	}
	return all
}

// logFile returns the directory in the path of a segment's .log file.
func logFile(path string) (dir string, ok bool) {
	if !strings.HasSuffix(path, ".log") {
		return "", false
	}
	dir, _, ok = strings.Cut(path, "/")
	return dir, ok
}

// open returns the log in a directory of a host. It creates the log and binds it to its replica if the log is new.
func (g *shadowLogs) open(host env.Addr, dir string) *shadowLog {
	if g.hosts[host] == nil {
		g.hosts[host] = map[string]*shadowLog{}
	}
	l := g.hosts[host][dir]
	if l == nil {
		l = &shadowLog{host: host, dir: dir}
		g.hosts[host][dir] = l
	}
	if l.part == nil {
		g.bind(l)
	}
	return l
}

// find returns the log in a directory of a host, or nil. Unlike open, it changes nothing.
func (g *shadowLogs) find(host env.Addr, dir string) *shadowLog { return g.hosts[host][dir] }

// bind finds the replica of a log and reports the batches in the log to the listener.
func (g *shadowLogs) bind(l *shadowLog) {
	part, copy, ok := g.listener.bind(l.host, l.dir)
	if !ok {
		return
	}
	l.part, l.copy = part, copy
	for _, b := range flat(l.files) {
		g.listener.grew(l, b)
	}
}

// file returns the entry of a file and creates it if it is new.
func (l *shadowLog) file(path string) *shadowFile {
	if n := len(l.files); n > 0 && l.files[n-1].path == path {
		return l.files[n-1]
	}
	i, ok := slices.BinarySearchFunc(l.files, path, func(f *shadowFile, p string) int { return cmp.Compare(f.path, p) })
	if !ok {
		l.files = slices.Insert(l.files, i, &shadowFile{path: path})
	}
	return l.files[i]
}

// removed drops a file. Retention deletes files at the start of a log, and truncation deletes files at its end.
func (g *shadowLogs) removed(l *shadowLog, path string) {
	i, ok := slices.BinarySearchFunc(l.files, path, func(f *shadowFile, p string) int { return cmp.Compare(f.path, p) })
	if !ok {
		return
	}
	f := l.files[i]
	if len(f.batches) > 0 {
		below := slices.ContainsFunc(l.files[:i], func(f *shadowFile) bool { return len(f.batches) > 0 })
		if next := f.batches[len(f.batches)-1].Next; below || l.part == nil || !g.listener.trimmed(l, next) {
			g.dropFrom(l, f, 0, "")
		}
	}
	l.files = slices.Delete(l.files, i, i+1)
}

// dropFrom drops the batches of a file that end after a position.
func (g *shadowLogs) dropFrom(l *shadowLog, f *shadowFile, at int64, by string) {
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
		g.listener.cut(l, base, by)
	}
}

// truncated applies the truncation of a file.
func (g *shadowLogs) truncated(l *shadowLog, f *shadowFile, size int64) {
	g.dropFrom(l, f, size, "")
	f.written = size
}

// batchOf converts a batch for the judges.
func batchOf(head []byte) check.Batch {
	b := wire.Batch(head)
	return check.Batch{
		Base: b.BaseOffset(), Next: b.NextOffset(), Epoch: b.LeaderEpoch(), CRC: b.CRC(), Size: int32(batchLength(head)), Newest: int64(b.MaxTimestamp()),
		AppendTime: b.TimestampType() == wire.LogAppendTime,
	}
}

// readAhead reads writes that the disk has not reported yet.
func (g *shadowLogs) readAhead(host env.Addr, dir string) {
	for _, f := range g.disk(host).Files() {
		if d, ok := logFile(f.Path); ok && d == dir {
			l := g.open(host, dir)
			file := l.file(f.Path)
			file.written = f.Size
			g.parse(l, file)
		}
	}
}

// parse reads the complete batches of the written bytes.
func (g *shadowLogs) parse(l *shadowLog, f *shadowFile) {
	d := g.disk(l.host)
	for f.parsed < f.written {
		head, size, ok := d.Peek(f.path, f.parsed, wire.BatchHeaderSize)
		if !ok || len(head) < wire.BatchHeaderSize {
			return
		}
		b := wire.Batch(head)
		length := batchLength(head)
		if length < wire.BatchHeaderSize || b.Magic() != 2 || f.parsed+length > min(f.written, size) {
			return // the batch is not complete yet, or it is torn and recovery will truncate it
		}
		batch := batchOf(head)
		f.batches = append(f.batches, shadowBatch{f.parsed, length, batch})
		f.parsed += length
		if l.part != nil {
			g.listener.grew(l, batch)
		}
	}
}

// synced reports the offset up to which the log is synced. If the previous file is not fully synced, it reports nothing.
func (g *shadowLogs) synced(l *shadowLog, f *shadowFile) {
	i := slices.Index(l.files, f)
	if l.part == nil || i > 0 && l.files[i-1].durable < l.files[i-1].parsed {
		return
	}
	n := len(f.batches)
	for n > 0 && f.batches[n-1].pos+f.batches[n-1].size > f.durable {
		n--
	}
	if n > 0 {
		g.listener.flushed(l, f.batches[n-1].Next)
	}
}

// span returns the offsets [start, end) of the batches, or zeros if there are none.
func (l *shadowLog) span() (start, end wire.Offset) {
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

// bytes visits the complete batches in [from, to), oldest first, until visit returns false.
func (g *shadowLogs) bytes(l *shadowLog, from, to wire.Offset, visit func(wire.Batch) bool) {
	first := len(l.files) - 1
	for first > 0 && (len(l.files[first].batches) == 0 || l.files[first].batches[0].Base > from) {
		first--
	}
	for _, f := range l.files[max(first, 0):] {
		at, _ := slices.BinarySearchFunc(f.batches, from, func(b shadowBatch, o wire.Offset) int { return cmp.Compare(b.Base, o) })
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

// batchLength returns the length of a batch from its header, which may be torn.
func batchLength(head []byte) int64 {
	return 12 + int64(int32(binary.BigEndian.Uint32(head[8:])))
}

// topicOf returns the topic id in a directory's partition.metadata.
func topicOf(d *disk.Disk, dir string) (id wire.TopicID, ok bool) {
	bytes, _, ok := d.Peek(dir+"/partition.metadata", 0, 256)
	if !ok {
		return id, false
	}
	id, err := storage.ParseTopicID(bytes)
	return id, err == nil
}

// isMetadata reports whether a directory holds the metadata log.
func isMetadata(dir string) bool { return dir == controller.LogDir }

// Span implements cluster.TrueLogs.
func (o *observer) Span(host env.Addr, dir string) (start, end wire.Offset) {
	return o.shadows.find(host, dir).span()
}

// Batches implements cluster.TrueLogs.
func (o *observer) Batches(host env.Addr, dir string, visit func(path string, pos, size int64) bool) {
	l := o.shadows.find(host, dir)
	if l == nil {
		return
	}
	for _, f := range l.files {
		for _, b := range f.batches {
			if !visit(f.path, b.pos, b.size) {
				return
			}
		}
	}
}
