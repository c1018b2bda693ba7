package disk

import (
	"slices"

	"samsa/sim/env"
)

// These are the states that a power loss may leave.
//
//	file bytes     the device's bytes, with each sector (512 bytes) in the state after some number of its unsynced writes
//	file length    a length the file had since its last sync, or a sector boundary between two such lengths; a sector
//	               within the length that was never written has zeros (or, only by chance, stale bytes)
//	directories    deviceNames, plus a prefix of each directory's unsynced changes, and all changes that it depends on
//
// Files and directories are independent: a name may survive without the bytes and the bytes without a name.
// LosePower picks one such state by chance; CrashStates lists them all. The random value 0 means that everything unsynced
// is lost. So a power loss without random decisions loses all unsynced changes; each decision lets some of them survive,
// and a shrinker removes decisions one by one.

// The device writes a sector whole or not at all. The kernel writes back whole pages.
const (
	sector         = 512
	sectorsPerPage = 8
)

// remains is the part of one file's dirty log that survives.
type remains struct {
	length int64
	writes func(sector int64) int // how many of the writes, in order, had reached the sector
}

// recovered returns a file's content after a power loss.
// It starts with the device's bytes and applies each write, in order, to the sectors that the write had reached. LosePower
// and CrashStates both use it, with different remains.
func (f *inode) recovered(r remains) content {
	b := f.device.clone()
	mine := map[int]bool{} // the chunks that b shares with no other content; never iterated
	own := func(i, n int) []byte {
		c := b.own(i, n, mine[i])
		mine[i] = true
		return c
	}
	for n := range f.dirty {
		w := &f.dirty[n]
		// A truncate reaches each sector separately, like a write of zeros. The length is decided separately, at the end.
		if w.truncate {
			// Cut bytes become zeros if the file is, or becomes, longer than the cut.
			for at := w.end; at < b.size; {
				end := min(at/sector*sector+sector, b.size)
				if r.writes(at/sector) > n {
					i := int(at >> chunkBits)
					clear(own(i, int((end-1)&chunkMask)+1)[at&chunkMask : (end-1)&chunkMask+1])
				}
				at = end
			}
			continue
		}
		for j, p := range w.pieces {
			i := int(w.off>>chunkBits) + j
			base := int64(i) << chunkBits
			from, end := base+int64(p.from), base+int64(len(p.chunk))
			// Usually the write reached all sectors; then no copy is needed.
			if all(r, n, from, end) {
				b.place(i, p)
				mine[i] = false
				continue
			}
			for at := from; at < end; {
				next := min(at/sector*sector+sector, end)
				if r.writes(at/sector) > n {
					copy(own(i, int(next-base))[at-base:next-base], p.chunk[at-base:next-base])
				}
				at = next
			}
		}
	}
	b.resize(r.length)
	return b
}

// all reports whether write number n reached every sector of [from, end).
func all(r remains, n int, from, end int64) bool {
	for s := from / sector; s*sector < end; s++ {
		if r.writes(s) <= n {
			return false
		}
	}
	return true
}

// whole returns the remains of a power loss in which nothing is lost.
func (f *inode) whole() remains {
	return remains{f.finalSize(), func(int64) int { return len(f.dirty) }}
}

// finalSize returns the length after all writes, which is the page cache's length.
func (f *inode) finalSize() int64 {
	if n := len(f.dirty); n > 0 {
		return f.dirty[n-1].size
	}
	return f.device.size
}

// survivor returns the disk after a power loss. The argument names marks the name changes that survive; nil means none.
// The function bytes returns the content that a file has after the loss.
func (d *Disk) survivor(names []bool, bytes func(*inode) content) *Disk {
	// This builds a new tree, because CrashStates needs thousands of survivors while the disk itself stays in use.
	s := NewIn(d.profile, d.host)
	s.capacity, s.inodes, s.seq = d.capacity, d.inodes, d.seq
	s.root = d.survive(d.root, nil, "", names, bytes)
	s.each(func(f *inode) { s.used += f.cache.size })
	return s
}

// survive copies an inode with all inodes that are below it after the power loss.
func (d *Disk) survive(node, parent *inode, name string, names []bool, bytes func(*inode) content) *inode {
	// The inode keeps its number, because judges and random decisions identify the file by it after the loss.
	c := &inode{id: node.id, dir: node.dir, linked: true}
	if parent != nil {
		c.moved(parent, name)
	}
	if !node.dir {
		c.device = bytes(node)
		c.cache = c.device.clone()
		return c
	}
	entries := slices.Clone(node.deviceNames)
	for i := range names {
		for _, e := range d.nameLog[i].edits {
			if names[i] && e.dir == node {
				entries = bind(entries, e.name, e.node)
			}
		}
	}
	for _, e := range entries {
		c.deviceNames = append(c.deviceNames, dirent{e.name, d.survive(e.node, c, e.name, names, bytes)})
	}
	c.names = slices.Clone(c.deviceNames)
	return c
}

// LosePower cuts the machine's power now. All unsynced changes are lost, unless Noise.Torn lets some survive.
func (d *Disk) LosePower() {
	at := d.host.Now()
	d.completeSyncs(at)
	d.undoUnissued()
	loss := powerLoss{d: d, at: uint64(at/Time(100*env.Millisecond)) & 0xfffff}
	s := d.survivor(loss.names(), loss.bytes)
	d.root, d.used = s.root, s.used
	d.nameLog, d.pending = nil, nil
	// The device is idle now: its queue is lost, and no process waits for it any more.
	d.idle, d.latest = at, 0
	d.closed = d.closed[:0]
	for slot := range d.handles {
		h := &d.handles[slot]
		if h.file != nil {
			h.file, h.generation = nil, h.generation+1
		}
		d.closed = append(d.closed, uint32(slot))
	}
}

// Wipe replaces the device by an empty one. The machine must be without power; otherwise its process still has files open.
// The new device has no fault, and the numbers of inodes go on.
func Wipe(d *Disk) {
	d.host.Ordered("disk.wipe", "")
	d.inodes++
	d.root, d.used = &inode{id: d.inodes, dir: true, linked: true}, 0
	d.armed, d.slow, d.delay, d.stall, d.lies, d.filled, d.slowUntil = nil, 1000, 0, 0, false, false, 0
}

// powerLoss draws the state that one power loss leaves. The ordinal of a decision consists of the time (in steps of 100
// ms), the inode, and the sector or page. So another power loss, or a change of another file, does not affect the
// decision.
type powerLoss struct {
	d  *Disk
	at uint64
}

// The values of site disk.power.file, which decide how much of a file's unsynced writes survives.
const (
	keepNothing = iota
	keepAll
	keepFirstPages   // pages were written back in order, up to some page
	keepFirstSectors // as with keepFirstPages, but the last page is torn
	keepSomePages    // each page is decided independently
	keepSomeSectors  // each sector is decided independently
	keepValues
)

// The values of site disk.power.length, which decide the length that the device has for a file.
const (
	lengthOfBytes = iota // up to the first sector that is missing (ext4, data=ordered)
	lengthFinal          // the newest length, with zeros in missing sectors (xfs)
	lengthStale          // the newest length, with stale bytes in missing sectors (ext4, data=writeback)
	lengthBetween        // any sector boundary between the device's length and the newest length
	lengthValues
)

// draw makes one decision. It consults Chance even if Noise.Torn is 0, so that a scenario can pin the result.
func (p powerLoss) draw(site env.Site, node *inode, unit int64, ppm uint32, n uint64) uint64 {
	// With one possible value there is nothing to decide, and nothing for a shrinker to remove.
	if n < 2 {
		return 0
	}
	ordinal := p.at<<44 | uint64(node.id)&0xffff<<28 | uint64(unit)&0xfffffff
	return p.d.host.Chance(site, ordinal, ppm, n)
}

// names draws which unsynced name changes survive: a prefix of each directory's changes.
func (p powerLoss) names() []bool {
	d := p.d
	var chosen []bool
	var seen []*inode
	for i := range d.nameLog {
		for _, e := range d.nameLog[i].edits {
			if e.dir == nil || slices.Contains(seen, e.dir) {
				continue
			}
			seen = append(seen, e.dir)
			var marks []uint64
			for j := range d.nameLog {
				if d.nameLog[j].touches(e.dir) {
					marks = append(marks, d.nameLog[j].seq)
				}
			}
			n := p.draw("disk.power.names", e.dir, 0, d.profile.Noise.Torn, uint64(len(marks)+1))
			if n == 0 {
				continue
			}
			d.host.Activated(FaultNames)
			// The first n changes of this directory survive, with all changes in other directories that they depend on. For
			// example, a file that was moved in must also be missing from its old directory.
			more := d.closure(e.dir, marks[n-1])
			if chosen == nil {
				chosen = more
			}
			for j := range more {
				chosen[j] = chosen[j] || more[j]
			}
		}
	}
	return chosen
}

// bytes draws the content that a file has after the power loss.
func (p powerLoss) bytes(f *inode) content {
	f = p.d.withoutUnissued(f)
	if len(f.dirty) == 0 {
		return f.device.clone()
	}
	f.freeze()
	// The first draw decides the way in which bytes survive. Later draws decide only how many survive.
	keep := p.draw("disk.power.file", f, 0, p.d.profile.Noise.Torn, keepValues)
	switch keep {
	case keepNothing:
		return f.device.clone()
	case keepAll:
		p.d.host.Activated(FaultKept)
		return f.recovered(f.whole())
	}
	p.d.host.Activated(FaultTorn)
	r := remains{f.finalSize(), p.writes(f, keep)}
	// The length is decided separately from the bytes, because file systems treat the length differently, and Kafka must
	// work with each.
	missing := f.missing(r)
	how := p.draw("disk.power.length", f, 0, 750_000, lengthValues)
	if f.finalSize() > f.device.size {
		switch how {
		case lengthOfBytes:
			r.length = max(min(missing*sector, f.finalSize()), f.device.size)
		case lengthBetween:
			first := f.device.size/sector + 1
			n := max(f.finalSize()/sector-first+1, 0)
			r.length = min((first+int64(p.draw("disk.power.between", f, 0, 1_000_000, uint64(n+1))))*sector, f.finalSize())
		}
	}
	b := f.recovered(r)
	if how == lengthStale {
		p.stale(f, r, &b)
	}
	return b
}

// writes draws how many of a file's writes had reached each sector. A kernel may write back in order, while a device may
// flush the pages of its cache in any order. A power loss between two writes of the kernel cuts the file at a page
// boundary. A power loss inside one write cuts the file at a sector boundary.
func (p powerLoss) writes(f *inode, keep uint64) func(int64) int {
	n := len(f.dirty)
	first, end := f.dirtySectors()
	unit := int64(1)
	if keep == keepFirstPages || keep == keepSomePages {
		unit = sectorsPerPage
	}
	// Either all units before a cut have all writes, or each unit has a random number of its writes.
	if keep == keepFirstPages || keep == keepFirstSectors {
		units := uint64(end/unit - first/unit + 1)
		cut := (first/unit + int64(p.draw("disk.power.cut", f, 0, 1_000_000, units))) * unit
		return func(s int64) int {
			if s < cut {
				return n
			}
			return 0
		}
	}
	return func(s int64) int {
		return int(p.draw("disk.power.unit", f, s/unit, 500_000, uint64(n+1)))
	}
}

// dirtySectors returns the range [first, end) of sectors that a file's unsynced writes touch.
func (f *inode) dirtySectors() (first, end int64) {
	first = f.device.size / sector
	end = (f.device.size + sector - 1) / sector
	for i := range f.dirty {
		first = min(first, f.dirty[i].off/sector)
		end = max(end, (f.dirty[i].end+sector-1)/sector)
	}
	return first, end
}

// missing returns the first sector that lacks a write.
func (f *inode) missing(r remains) int64 {
	first, end := f.dirtySectors()
	for s := first; s < end; s++ {
		if last := f.lastWrite(s); r.writes(s) < last {
			return s
		}
	}
	return end
}

// lastWrite returns how many writes must have reached a sector before it equals the same sector of the page cache. It
// searches the log each time, because logs are short and power losses rare.
func (f *inode) lastWrite(s int64) int {
	for n := len(f.dirty); n > 0; n-- {
		if f.dirty[n-1].reaches(s, f.sizeBefore(n-1)) {
			return n
		}
	}
	return 0
}

// sizeBefore returns the file's length before write number n.
func (f *inode) sizeBefore(n int) int64 {
	if n == 0 {
		return f.device.size
	}
	return f.dirty[n-1].size
}

// reaches reports whether a write changed a sector; before is the file's length before the write.
func (w *dirtyWrite) reaches(s, before int64) bool {
	off, end := w.off, w.end
	if w.truncate {
		off, end = w.end, before // the bytes that were cut read as zeros
	}
	return off < (s+1)*sector && end > s*sector && off < end
}

// stale puts old bytes of the device into the sectors of a file that were never written.
func (p powerLoss) stale(f *inode, r remains, b *content) {
	done := false
	for s := (f.device.size + sector - 1) / sector; s*sector < b.size; s++ {
		if r.writes(s) > 0 {
			continue
		}
		from, end := s*sector, min(s*sector+sector, b.size)
		// The bytes are neither zero nor random: each call gives the same bytes, and they cannot form a valid batch by
		// accident.
		junk := make([]byte, end-from)
		for i := range junk {
			junk[i] = byte(fold(uint64(f.id), uint64(s)<<16|uint64(i)))
		}
		b.write(from, junk)
		done = true
	}
	if done {
		p.d.host.Activated(FaultStale)
	}
}

// CrashStates calls visit for every state that a power loss could leave now, except the states with stale bytes. The
// argument of visit is a disk in that state. CrashStates stops when visit returns false. The number of states is
// exponential in the number of dirty sectors, so use CrashStates only if few sectors are dirty. In the first state,
// everything unsynced is lost. Each disk is independent, like one made by New, and shares no mutable state.
//
//	for survivor := range disk.CrashStates { … }
//
// A test that visits all states proves that recovery never fails; a thousand random power losses only suggest it.
func (d *Disk) CrashStates(visit func(*Disk) bool) {
	d.completeSyncs(d.host.Now())
	seen := map[uint64]bool{} // by digest, because changes below a lost directory make no new state
	d.eachKept(make([]bool, 0, len(d.nameLog)), func(names []bool) bool {
		// The files that have a name in this state, and a content for each.
		var files []*inode
		h := d.survivor(names, func(f *inode) content {
			files = append(files, f)
			return content{}
		}).Digest()
		if seen[h] {
			return true
		}
		seen[h] = true
		contents := make(map[*inode]content, len(files)) // never iterated
		return d.eachContent(files, contents, func() bool {
			s := d.survivor(names, func(f *inode) content {
				b := contents[f]
				return b.clone()
			})
			s.host = &aloneHost{}
			s.SetNoise(Noise{})
			return visit(s)
		})
	})
}

// eachKept lists the sets of name changes that may survive. If a set has a change, it also has all changes that this change
// depends on.
func (d *Disk) eachKept(kept []bool, visit func([]bool) bool) bool {
	n := len(kept)
	if n == len(d.nameLog) {
		return visit(kept)
	}
	if !d.eachKept(append(kept, false), visit) {
		return false
	}
	c := &d.nameLog[n]
	if !d.issued(c.stamp) {
		return true
	}
	// The change may survive only with the changes that it depends on. The method closure applies this rule to a sync.
	for i := range kept {
		before := &d.nameLog[i]
		stands := c.barrier
		for _, e := range c.edits {
			stands = stands || e.dir != nil && before.touches(e.dir)
		}
		if stands && !kept[i] {
			return true
		}
	}
	return d.eachKept(append(kept, true), visit)
}

// eachContent lists the combinations of contents that these files may have after a power loss.
func (d *Disk) eachContent(files []*inode, contents map[*inode]content, visit func() bool) bool {
	if len(files) == 0 {
		return visit()
	}
	f := d.withoutUnissued(files[0])
	f.freeze()
	seen := map[uint64]bool{} // by digest, because equal contents are one state
	writes := make(map[int64]int)
	for _, length := range f.lengths() {
		first, end := f.dirtySectors()
		end = min(end, (length+sector-1)/sector)
		more := f.eachWrites(first, end, writes, func() bool {
			b := f.recovered(remains{length, func(s int64) int { return writes[s] }})
			if h := b.digest(); seen[h] {
				return true
			} else {
				seen[h] = true
			}
			contents[files[0]] = b
			return d.eachContent(files[1:], contents, visit)
		})
		if !more {
			return false
		}
	}
	return true
}

// eachWrites lists the combinations of how many writes may have reached each sector of [s, end).
func (f *inode) eachWrites(s, end int64, writes map[int64]int, visit func() bool) bool {
	if s >= end {
		return visit()
	}
	for n := 0; n <= len(f.dirty); n++ {
		// Skip a write that does not change this sector; otherwise the state would be listed twice.
		if n > 0 && !f.dirty[n-1].reaches(s, f.sizeBefore(n-1)) {
			continue
		}
		writes[s] = n
		if !f.eachWrites(s+1, end, writes, visit) {
			return false
		}
	}
	delete(writes, s)
	return true
}

// lengths returns the lengths that the file may have after a power loss. The synced length comes first.
func (f *inode) lengths() []int64 {
	list := []int64{f.device.size}
	add := func(n int64) {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	size := f.device.size
	for i := range f.dirty {
		w := &f.dirty[i]
		for _, step := range w.steps {
			add(step)
		}
		for border := size/sector*sector + sector; border < w.size; border += sector {
			add(border)
		}
		add(w.size)
		size = w.size
	}
	return list
}
