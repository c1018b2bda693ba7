package disk

import (
	"slices"

	"samsa/sim/env"
)

// These are the logs of the changes that are in the page cache but not yet on the device.
//
//	file:       device ──▶ dirty[0] ──▶ dirty[1] ──▶ … ──▶ cache        one log for each file
//	directory:  deviceNames ──▶ the name log's edits of it ──▶ names    one log for the disk
//	sync:       a sync marks a position in a log; earlier changes move to the device when the sync completes
//
// Logs are bounded: the oldest changes of a long log go to the device without a sync, as a kernel writes old pages back.

const (
	mostDirtyWrites = 1024 // for each file; appends in a row without a sync count as one
	mostNameEdits   = 4096
	mostSteps       = 16 // lengths remembered in a run of appends, for CrashStates
)

// dirtyWrite is a change of a file's bytes or length. The change is not on the device yet.
type dirtyWrite struct {
	stamp          // of the first call of the change
	truncate bool  // the change cut or extended the file to the length in end
	lost     bool  // the device will never have the bytes, only the length
	open     bool  // the bytes of [off, end) are still in the page cache, and appends may join; only the last write is open
	off, end int64 // bytes [off, end) were written
	size     int64 // the file's length after the write
	pieces   []piece
	steps    []int64 // some lengths that the file had between the appends
	joins    []join  // the latest appends that joined the write; some of them may be unissued
}

// join is an append that joined a write.
type join struct {
	stamp
	off int64 // the file's length before the append
}

// pendingSync is a sync that is not complete.
type pendingSync struct {
	stamp      // the sync covers the changes with smaller numbers
	at    Time // when these changes are on the device
	node  *inode
}

// nameEdit sets a name in a directory to node; a nil node removes the name.
type nameEdit struct {
	dir  *inode
	name string
	node *inode
}

// nameChange is one create, rename or remove: one or two edits that reach the device together, as in a journal.
type nameChange struct {
	stamp
	edits [2]nameEdit // the second has a nil dir if there is only one edit
	// barrier is set if a directory moves between directories. Such a move depends on all earlier changes; otherwise a crash
	// could leave the directory below itself.
	barrier bool
}

// touches reports whether the change edits dir.
func (c *nameChange) touches(dir *inode) bool { return c.edits[0].dir == dir || c.edits[1].dir == dir }

// log records a name change that just took effect in the page cache.
func (d *Disk) log(first, second nameEdit) {
	moved := second.node
	d.nameLog = append(d.nameLog, nameChange{
		stamp:   d.next(),
		edits:   [2]nameEdit{first, second},
		barrier: moved != nil && moved.dir && first.dir != second.dir,
	})
	if len(d.nameLog) > mostNameEdits {
		// A change that is not issued yet must not reach the device, however long the log is.
		oldest := 0
		for oldest < mostNameEdits/2 && d.issued(d.nameLog[oldest].stamp) {
			oldest++
		}
		for i := range d.nameLog[:oldest] {
			d.nameLog[i].apply()
		}
		d.nameLog = slices.Delete(d.nameLog, 0, oldest)
	}
}

// apply edits the names on the device.
func (c *nameChange) apply() {
	for _, e := range c.edits {
		if e.dir != nil {
			e.dir.deviceNames = bind(e.dir.deviceNames, e.name, e.node)
		}
	}
}

// closure marks the changes of the name log that must reach the device if dir's changes up to mark do. These are dir's
// changes, and all earlier changes of the directories that they touch.
func (d *Disk) closure(dir *inode, mark uint64) []bool {
	chosen := make([]bool, len(d.nameLog))
	need := []*inode{}
	// The loop goes from the newest change to the oldest, because a change depends on earlier ones.
	all := false
	for i := len(d.nameLog) - 1; i >= 0; i-- {
		c := &d.nameLog[i]
		if !(all || c.seq <= mark && c.touches(dir) || slices.ContainsFunc(need, c.touches)) {
			continue
		}
		chosen[i] = true
		all = all || c.barrier
		for _, e := range c.edits {
			if e.dir != nil && !slices.Contains(need, e.dir) {
				need = append(need, e.dir)
			}
		}
	}
	return chosen
}

// commitNames makes a directory's name changes up to mark durable. The journals of ext4 and xfs would commit all
// earlier changes of every directory too. commitNames commits as few as it can, because POSIX promises no more, and a
// weaker promise is a better test.
func (d *Disk) commitNames(dir *inode, mark uint64) {
	chosen := d.closure(dir, mark)
	rest := d.nameLog[:0]
	for i := range d.nameLog {
		if chosen[i] {
			d.nameLog[i].apply()
		} else {
			rest = append(rest, d.nameLog[i])
		}
	}
	clear(d.nameLog[len(rest):])
	d.nameLog = rest
}

// write puts p at off into the page cache and records it as dirty.
func (f *inode) write(d *Disk, off int64, p []byte, lost bool) {
	appending := off == f.cache.size
	end := off + int64(len(p))
	f.unsynced += int64(len(p))
	at := d.next()
	if last := len(f.dirty) - 1; appending && !lost && last >= 0 && f.dirty[last].open && f.dirty[last].end == off {
		w := &f.dirty[last]
		if len(w.steps) < mostSteps {
			w.steps = append(w.steps, off)
		}
		if n := len(w.joins); n == 0 || d.issued(w.joins[n-1].stamp) {
			w.joins = w.joins[:0]
		}
		if !d.issued(at) {
			w.joins = append(w.joins, join{at, off})
		}
		w.end, w.size = end, end
		f.cache.append(p)
		return
	}
	f.freeze()
	f.cache.write(off, p)
	f.record(d, dirtyWrite{stamp: at, off: off, end: end, size: f.cache.size, lost: lost, open: true})
	if lost {
		f.freeze()
	}
}

// resize cuts or extends the file in the page cache.
func (f *inode) resize(d *Disk, size int64) {
	f.freeze()
	f.cache.resize(size)
	f.record(d, dirtyWrite{stamp: d.next(), truncate: true, off: size, end: size, size: size})
}

func (f *inode) record(d *Disk, w dirtyWrite) {
	if n := mostDirtyWrites / 2; len(f.dirty) >= mostDirtyWrites && d.issued(f.dirty[n+1].stamp) {
		f.commit(f.dirty[n].seq)
	}
	f.dirty = append(f.dirty, w)
}

// freeze saves the current bytes of the open write, because the page cache is about to change or a sync begins.
func (f *inode) freeze() {
	if last := len(f.dirty) - 1; last >= 0 && f.dirty[last].open {
		w := &f.dirty[last]
		w.open = false
		if !w.lost {
			w.pieces = f.cache.pieces(w.off, w.end)
		}
	}
}

// commit moves the writes up to mark to the device. The writes must be frozen.
func (f *inode) commit(mark uint64) {
	n := 0
	for n < len(f.dirty) && f.dirty[n].seq <= mark {
		f.dirty[n].apply(&f.device)
		n++
	}
	f.dirty = slices.Delete(f.dirty, 0, n)
}

// apply performs a write on the device's bytes, or on a copy of them.
func (w *dirtyWrite) apply(device *content) {
	for i, p := range w.pieces {
		device.place(int(w.off>>chunkBits)+i, p)
	}
	switch {
	case w.truncate:
		device.resize(w.end)
	case device.size < w.end: // a lost write leaves a hole
		device.resize(w.end)
	}
}

// completeSyncs moves changes to the device: the changes of all syncs that are complete at time now.
func (d *Disk) completeSyncs(now Time) {
	n := 0
	for n < len(d.pending) && d.pending[n].at <= now && d.issued(d.pending[n].stamp) {
		if s := d.pending[n]; s.node.dir {
			d.commitNames(s.node, s.seq)
		} else {
			s.node.commit(s.seq)
		}
		n++
	}
	if n > 0 {
		d.pending = slices.Delete(d.pending, 0, n)
	}
}

// sync puts a sync on the device's queue and returns the time at which it completes. The device does one sync at a time, so
// the list pending is in order of completion. The sync covers the changes made so far; later writes need another sync.
func (d *Disk) sync(node *inode) (done Time, h harm) {
	at := d.next()
	h = d.strike(OnSync, node)
	start := max(d.host.Spend(d.called(d.profile.Call)), d.idle)
	done = d.outlast(start + Time(d.slowed(d.profile.Sync+perKiB(d.profile.SyncKiB, node.unsynced))))
	// A sync that lies or fails takes as long as one that works, so its duration does not reveal the fault.
	d.idle = done
	switch {
	case h.forget:
		d.forget(node)
	// A failed sync that also forgets the dirty pages is a separate fault, see forget.
	case h.err != nil || h.lied:
		// Dirty pages stay dirty, so a later sync may write them.
	default:
		node.freeze()
		node.unsynced = 0
		d.pending = append(d.pending, pendingSync{at, done, node})
	}
	return done, h
}

// forget makes dirty pages that could not be written count as clean, as kernels do. The changes of an earlier sync that is
// not complete still reach the device.
func (d *Disk) forget(f *inode) {
	f.freeze()
	sent := uint64(0)
	for _, s := range d.pending {
		if s.node == f {
			sent = s.seq
		}
	}
	for i := range f.dirty {
		// The length is journaled metadata and survives, so the file has holes after a power loss.
		if w := &f.dirty[i]; w.seq > sent && !w.truncate {
			w.lost, w.pieces = true, nil
		}
	}
	f.unsynced = 0
}

// wait keeps the lane busy until the given time.
func (d *Disk) wait(until Time) {
	if lane := d.host.Spend(0); lane < until {
		d.host.Spend(env.Duration(until - lane))
	}
}
