package scenarios

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// ghosts are the true logs of all replicas, read from the disks and not asked of the brokers. They follow the disks'
// changes, so what they cost follows the change and not the length of the log.
type ghosts struct {
	disk  func(env.Addr) *sim.Disk
	hosts map[env.Addr]map[string]*ghost // by directory
}

// ghost is one replica's log: its segment files by base offset.
type ghost struct {
	files []*ghostFile
}

// ghostFile is one .log file, parsed up to a batch boundary.
type ghostFile struct {
	path    string
	parsed  int64        // all whole batches below are in batches
	batches []ghostBatch // by position
}

type ghostBatch struct {
	pos, size  int64
	base, next wire.Offset
	crc        uint32
}

// Changed implements sim.Feed.
func (g *ghosts) Changed(f *sim.Effect) {
	switch f.Kind {
	case sim.EffectDied:
		if f.Power { // whatever the device has left
			delete(g.hosts, f.Node)
		}
	case sim.EffectDisk:
		g.changed(f.Node, f.Disk)
	}
}

func (g *ghosts) changed(host env.Addr, c sim.DiskChange) {
	switch c.Op {
	case sim.DiskWrite, sim.DiskTruncate:
		if dir, ok := logFile(c.Path); ok {
			at := c.Off
			if c.Op == sim.DiskTruncate {
				at = c.Len
			}
			g.of(host, dir).file(c.Path).follow(g.disk(host), at)
		}
	case sim.DiskRename, sim.DiskRemove, sim.DiskCreate:
		for _, path := range []string{c.Path, c.To} {
			if dir, _, ok := strings.Cut(path, "/"); ok {
				delete(g.hosts[host], dir) // rare: read again
			} else if c.Op == sim.DiskRename {
				delete(g.hosts[host], path) // a whole directory
			}
		}
	}
}

// logFile tells whether a path is a segment's log, and of which directory.
func logFile(path string) (dir string, ok bool) {
	dir, name, ok := strings.Cut(path, "/")
	return dir, ok && strings.HasSuffix(name, ".log")
}

// of is the log in a host's directory, read from the disk if it is not known.
func (g *ghosts) of(host env.Addr, dir string) *ghost {
	if g.hosts[host] == nil {
		g.hosts[host] = map[string]*ghost{}
	}
	l := g.hosts[host][dir]
	if l == nil {
		l = &ghost{}
		g.hosts[host][dir] = l
		for _, f := range g.disk(host).Files() {
			if d, ok := logFile(f.Path); ok && d == dir {
				l.file(f.Path).follow(g.disk(host), 0)
			}
		}
	}
	return l
}

// file is one file's entry, made if it is new.
func (l *ghost) file(path string) *ghostFile {
	i, ok := slices.BinarySearchFunc(l.files, path, func(f *ghostFile, p string) int { return cmp.Compare(f.path, p) })
	if !ok {
		l.files = slices.Insert(l.files, i, &ghostFile{path: path})
	}
	return l.files[i]
}

// follow reads what changed at and behind a position.
func (f *ghostFile) follow(d *sim.Disk, at int64) {
	for n := len(f.batches); n > 0 && at < f.parsed; n-- {
		f.parsed = f.batches[n-1].pos
		f.batches = f.batches[:n-1]
	}
	for {
		head, size, ok := d.Peek(f.path, f.parsed, wire.BatchHeaderSize)
		if !ok || len(head) < wire.BatchHeaderSize {
			return
		}
		b := wire.Batch(head)
		length := batchLength(head)
		if length < wire.BatchHeaderSize || f.parsed+length > size {
			return // not whole yet, or rubbish that recovery will cut off
		}
		f.batches = append(f.batches, ghostBatch{f.parsed, length, b.BaseOffset(), b.NextOffset(), b.CRC()})
		f.parsed += length
	}
}

// batch is the batch that begins at an offset.
func (l *ghost) batch(base wire.Offset) (ghostBatch, bool) {
	for i := len(l.files) - 1; i >= 0; i-- {
		bs := l.files[i].batches
		if len(bs) == 0 || bs[0].base > base {
			continue
		}
		at, ok := slices.BinarySearchFunc(bs, base, func(b ghostBatch, o wire.Offset) int { return cmp.Compare(b.base, o) })
		if !ok {
			return ghostBatch{}, false
		}
		return bs[at], true
	}
	return ghostBatch{}, false
}

// end is the offset behind the last batch.
func (l *ghost) end() wire.Offset {
	for i := len(l.files) - 1; i >= 0; i-- {
		if n := len(l.files[i].batches); n > 0 {
			return l.files[i].batches[n-1].next
		}
	}
	return 0
}

// start is the first batch's offset.
func (l *ghost) start() wire.Offset {
	for _, f := range l.files {
		if len(f.batches) > 0 {
			return f.batches[0].base
		}
	}
	return 0
}

// batchLength is the whole length of the batch whose first bytes these are; it may be rubbish.
func batchLength(head []byte) int64 {
	return 12 + int64(int32(binary.BigEndian.Uint32(head[8:])))
}
