package disk

import "slices"

// A call is issued when the process makes it in true time. A handler runs to its end at one instant, and the cost of
// its calls is paid afterwards. So the disk has already received calls that the process has not issued yet.
//
//	true time    t            t+2us                          t+2ms        t+2.002ms
//	handler      │ append ──▶ │ sync ──────────────────────▶ │ rename ──▶ │ sync of the directory ──▶
//	                                       ▲
//	                                       power fails: the append may survive or not, and the sync may be partly done;
//	                                       but rename was never called, so it cannot survive
//
// So each change records when its call begins. A power loss first undoes the changes that were not issued, and then chance
// decides about the others. A process crash undoes nothing, because a page cache has no log to roll back. At the time of
// the crash, all calls of the handler count as complete, even its syncs. A faster machine could have made all these calls
// and then died before it sent its answers. World.DieAfter makes a process die between two calls.
//
// Changes are sequential on all lanes: none begins before the previous one is complete (station.go in sim). So the changes
// that are not issued are always the last changes of the disk, of a file or of a directory. A sync begins after all changes
// that it covers. But it may also begin after later changes of other lanes, if its own lane first waits for a long read or
// another sync.
//
// Destroyed bytes are an exception: a misdirected write, or a sync that forgets pages, destroys bytes even if its call is
// not issued yet. This is accepted, because a fault may strike at the worst time.

// stamp is the number of a change and the time at which its call begins.
type stamp struct {
	seq    uint64
	begins Time
}

// next returns the stamp of a new change or sync, with the next number.
func (d *Disk) next() stamp {
	d.seq++
	d.latest = max(d.latest, d.begins)
	return stamp{d.seq, d.begins}
}

// issued reports whether the process has made the call with the stamp m. After a crash, all calls of the process count as
// made.
func (d *Disk) issued(m stamp) bool { return m.seq <= d.completedTo || m.begins <= d.host.Ran() }

// completeIssued is called when the process ends, and makes all its calls count as made.
func (d *Disk) completeIssued() {
	d.completedTo = d.seq
	if d.latest > d.host.Ran() {
		d.completeSyncs(d.latest) // the latest change was made, so all syncs before it are complete
	}
	d.latest = 0
}

// withoutUnissued returns a copy of the file without the changes that are not issued, or the file itself if all are issued.
func (d *Disk) withoutUnissued(f *inode) *inode {
	n := len(f.dirty)
	for n > 0 && !d.issued(f.dirty[n-1].stamp) {
		n--
	}
	end := int64(-1)
	if n > 0 {
		for _, j := range f.dirty[n-1].joins {
			if !d.issued(j.stamp) {
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

// until returns the part of a write up to the offset end, without the appends that joined it later.
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

// undoUnissued drops the name changes that are not issued.
func (d *Disk) undoUnissued() {
	n := len(d.nameLog)
	for n > 0 && !d.issued(d.nameLog[n-1].stamp) {
		n--
	}
	clear(d.nameLog[n:])
	d.nameLog = d.nameLog[:n]
}
