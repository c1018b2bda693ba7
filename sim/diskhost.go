package sim

import (
	"fmt"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// diskHost implements disk.Host for a machine: the running event pays for the disk's calls, the world makes the disk's
// random decisions, and the disk's changes go into the hash and to the feeds.
type diskHost struct{ *machine }

var _ disk.Host = diskHost{}

// Dead reports whether the incarnation has died inside the running event.
func (m diskHost) Dead() bool { return m.killed }

// Now returns the true time.
func (m diskHost) Now() Time { return m.world.now }

// Ran returns the time up to which the process has run.
func (m diskHost) Ran() Time { return m.ran() }

// Spend adds cost to the running event.
func (m diskHost) Spend(cost env.Duration) Time { return m.spend(cost) }

// Chance makes a random decision of the machine.
func (m diskHost) Chance(name env.Site, ordinal uint64, ppm uint32, n uint64) uint64 {
	s := m.sites[name]
	if s == nil {
		s = &siteCount{site: newSite(name)}
		m.sites[name] = s
	}
	if n < 2 {
		return 0
	}
	return m.world.chance.rare(s.site, m.entity, ordinal, ppm, n-1) // rare draws from [1, n], a host from [1, n)
}

// Ordered adds a fault of the disk to the hash, as act does for the faults of the world.
func (m diskHost) Ordered(what, path string, how ...int64) {
	m.world.act(what, m.addr, how...)
	m.world.identity.mix(hashString(path))
}

// Operated adds a change to the hash, passes it to the feeds, and kills the process if DieAfter's count is reached.
func (m diskHost) Operated(change disk.Change) {
	w := m.world
	// Outside of an event the caller is a test or a judge. Then the machine cannot die here, and no feed sees the change.
	if w.current != m.machine {
		return
	}
	w.identity.mixBoth(weave(uint64(change.Op)|uint64(flag(change.Lied))<<8|uint64(change.Inode)<<16,
		uint64(change.Off), uint64(change.Len), uint64(change.Completes)))
	// Paths are hashed only if they change; otherwise the inode identifies the file.
	switch change.Op {
	case disk.OpWrite:
		w.identity.mixBoth(change.Sum) // runs that write different bytes of the same length are different runs
	case disk.OpCreate, disk.OpMkdir, disk.OpRename, disk.OpRemove:
		w.identity.mix(hashString(change.Path) ^ hashString(change.To)<<1)
	}
	if change.Begins < m.changed {
		panic(fmt.Sprintf("sim: %s changes %s at %d, inside a change that lasts until %d", m.addr, change.Path, change.Begins, m.changed))
	}
	if change.Op != disk.OpSync && change.Op != disk.OpSyncDir {
		m.changed = change.Completes
	}
	if len(w.feeds) > 0 {
		w.effect(Effect{Kind: EffectDisk, At: change.Completes, Node: m.addr, Disk: change})
	}
	if m.dieIn > 0 {
		// The process dies directly after this change, so the handler's next call returns ErrDead.
		if m.dieIn--; m.dieIn == 0 {
			w.count(FaultDieAfter)
			m.killed, m.ends = true, m.diePower
		}
	}
}

// Flushed schedules the return of an asynchronous sync.
// A failed sync returns at the same time as a successful one.
func (m diskHost) Flushed(at Time, tok env.Token, err error) {
	w := m.world
	var place int32
	if n := len(m.freeFlush); n > 0 {
		place = m.freeFlush[n-1]
		m.freeFlush = m.freeFlush[:n-1]
	} else {
		place = int32(len(m.flushes))
		m.flushes = append(m.flushes, flush{slot: w.queue.newSlot(slotFlush, m.index, place)})
	}
	f := &m.flushes[place]
	f.token, f.cause, f.err = tok, w.cause, 0
	if e, ok := err.(env.Error); ok {
		f.err = e
	}
	w.queue.set(f.slot, at, w.order(m.entity, at))
}

// Activated counts a fault that had an effect.
func (m diskHost) Activated(f disk.Fault) {
	w := m.world
	// A linear search is enough, because the list is short and faults are rare. A map would need sorting for every report.
	for i := range w.firedDisk {
		if w.firedDisk[i].Name == f.Name {
			w.firedDisk[i].Count++
			return
		}
	}
	w.firedDisk = append(w.firedDisk, Activation{f, 1})
}

// Refused counts a call that a fault made fail.
func (m diskHost) Refused(op disk.Calls) {
	switch {
	case m.world.current != m.machine:
	case op == disk.OnRead:
		m.refusedReads++
	default:
		m.refused++
	}
}

// flush is an asynchronous sync that has not returned.
type flush struct {
	token env.Token
	err   env.Error
	cause uint64
	slot  slotID
}

// flushUp returns an asynchronous sync to its node.
func (w *World) flushUp(m *machine, place int32) bool {
	f := &m.flushes[place]
	c := w.newCall()
	c.token, c.err, c.key = f.token, f.err, keyFlush
	m.freeFlush = append(m.freeFlush, place)
	return m.submit(&m.stations[env.LaneBackground], work{kind: Returned, call: c, cause: f.cause})
}

// keyFlush is the api key of a Returned event that ends a flush.
const keyFlush = -1
