package disk

import "slices"

// What has begun. A handler runs to its end at one instant, and what its calls cost is paid afterwards: so the disk
// knows of calls that the process, in true time, has not made yet.
//
//	true time    t            t+2us                          t+2ms        t+2.002ms
//	handler      │ append ──▶ │ sync ──────────────────────▶ │ rename ──▶ │ sync of the directory ──▶
//	                                       ▲
//	                                       power fails: the append may survive or not, and the sync may have got some
//	                                       way or not; but nobody ever called rename, and no chance makes it survive
//
// So each change remembers when its call begins. A power loss first takes back what has not begun, and then asks chance
// about the rest. A process crash takes nothing back; it hurries: everything that the handler still had before it counts
// as done at that instant, the syncs between these calls too. That is the same process on a quicker machine, dead behind
// its last call with its answers unsent; a page cache has no log that it could be rolled back by. Crashes between the
// calls are what DieAfter is for.
//
// Changes come one after the other, whatever lane makes them: none begins before the one before it is complete (station.go).
// So those that have not begun are the last ones, of the disk, of each file and of each directory. A sync begins behind all
// that it carries, but need not begin before what it does not carry: its lane may have read for long, or have another sync
// to wait for, while another lane makes changes.
//
// Left out: what a fault destroys stays destroyed, be it by a call that has not begun (a misdirected write, pages that a
// sync forgets). Faults come at the worst time.

// moment is when a change was made: its number, and when its call begins.
type moment struct {
	seq    uint64
	begins Time
}

// next numbers a change of the disk, or a sync.
func (d *Disk) next() moment {
	d.seq++
	d.latest = max(d.latest, d.begins)
	return moment{d.seq, d.begins}
}

// begun says that a process has come as far as that, or that it is gone and hurried there.
func (d *Disk) begun(m moment) bool { return m.seq <= d.hurried || m.begins <= d.host.Ran() }

// hurry is what the end of a process does to the calls it had before it.
func (d *Disk) hurry() {
	d.hurried = d.seq
	if d.latest > d.host.Ran() {
		d.settle(d.latest) // whatever follows a sync follows it also on a quicker machine
	}
	d.latest = 0
}

// without is the file without those of its changes that have not begun; the file itself if all have.
func (d *Disk) without(f *inode) *inode {
	n := len(f.dirty)
	for n > 0 && !d.begun(f.dirty[n-1].moment) {
		n--
	}
	end := int64(-1)
	if n > 0 {
		for _, j := range f.dirty[n-1].joins {
			if !d.begun(j.moment) {
				end = j.off
				break
			}
		}
	}
	if n == len(f.dirty) && end < 0 {
		return f
	}
	c := *f
	c.dirty = slices.Clone(f.dirty[:n])
	if end >= 0 {
		c.dirty[n-1] = c.dirty[n-1].until(end)
	}
	return &c
}

// until is the beginning of a write that appends have joined.
func (w dirtyWrite) until(end int64) dirtyWrite {
	w.end, w.size, w.joins = end, end, nil
	n := 0
	for n < len(w.steps) && w.steps[n] < end {
		n++
	}
	w.steps = w.steps[:n:n]
	if len(w.pieces) > 0 {
		first, last := w.off>>chunkBits, (end-1)>>chunkBits
		w.pieces = slices.Clone(w.pieces[:last-first+1])
		p := &w.pieces[last-first]
		p.chunk = p.chunk[:end-last<<chunkBits]
	}
	return w
}

// takeBack forgets the changes of names that have not begun.
func (d *Disk) takeBack() {
	n := len(d.nameLog)
	for n > 0 && !d.begun(d.nameLog[n-1].moment) {
		n--
	}
	clear(d.nameLog[n:])
	d.nameLog = d.nameLog[:n]
}
