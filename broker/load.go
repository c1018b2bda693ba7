package broker

import (
	"samsa/sim/env"
	"samsa/storage"
)

// load opens every log of the disk, as it was left (LogManager). The mark of a clean shutdown is gone before the first
// log is read: should this start die half way, the next one recovers.
func (b *Broker) load(e env.Env) error {
	d := e.Disk()
	if err := b.format(e); err != nil {
		return err
	}
	clean, epoch, err := b.dir.TakeCleanMarker(d) // KAFKA-10471
	if err != nil {
		return err
	}
	b.life.previous = epoch // what the registration shows the controller (KIP-966)
	points, err := b.dir.LoadRecoveryPoints(d)
	if err != nil {
		return err
	}
	starts, err := b.dir.LoadLogStarts(d)
	if err != nil {
		return err
	}
	hws, err := b.dir.LoadHighWatermarks(d)
	if err != nil {
		return err
	}
	entries, err := d.List(b.dir.Path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		tp, kind, ok := storage.ParseDir(entry.Name)
		switch {
		case !entry.Dir || !ok:
			continue
		case kind == storage.DirDeleted:
			b.discarded = append(b.discarded, entry.Name)
			continue
		case kind != storage.DirLog:
			continue
		}
		id, known, err := storage.LoadTopicID(d, entry.Name)
		if err != nil {
			return err
		}
		if !known { // died between making the directory and naming its topic: nothing was written yet
			if err := storage.RemoveLog(d, entry.Name); err != nil {
				return err
			}
			continue
		}
		log, rec, err := storage.Open(d, entry.Name, b.cfg.log, storage.OpenOptions{
			Clean: clean, RecoveryPoint: points[tp], LogStart: starts[tp], Wall: e.Wall(),
		})
		if err != nil {
			return err
		}
		b.add(e, tp, id, log, hws[tp])
		if !clean {
			e.Note(noteRecovered, id.Short(), int64(tp.Partition), int64(log.End()), rec.Truncated)
		}
	}
	// What was recovered is on the device now: should this start die later, the next one need not read it again.
	return b.saveRecoveryPoints(d)
}

// format gives a new disk its identity.
func (b *Broker) format(e env.Env) error {
	m, ok, err := b.dir.LoadMeta(e.Disk())
	if err != nil || ok {
		b.life.directory = m.Directory
		return err
	}
	m = storage.Meta{Cluster: b.cfg.ClusterID, Node: b.cfg.Node}
	for i := range m.Directory {
		m.Directory[i] = byte(e.Choose("broker.directory-id", 256))
	}
	m.Directory[0] |= 1 // ids below 100 are reserved
	b.life.directory = m.Directory
	return b.dir.SaveMeta(e.Disk(), m)
}

// checkpoint writes the high watermarks down: after a restart a replica begins with at least these.
func (b *Broker) checkpoint(d env.Disk) error {
	hws := storage.Offsets{}
	for _, r := range b.live() {
		hws[r.TP] = r.HW()
	}
	return b.dir.SaveHighWatermarks(d, hws)
}

// saveRecoveryPoints is due now and then, and after every truncation: a recovery point above the end of a log that
// grows again would hide what must be read again.
func (b *Broker) saveRecoveryPoints(d env.Disk) error {
	points, starts := storage.Offsets{}, storage.Offsets{}
	for _, r := range b.live() {
		points[r.TP] = r.Log().RecoveryPoint()
		starts[r.TP] = r.Log().Start()
	}
	if err := b.dir.SaveRecoveryPoints(d, points); err != nil {
		return err
	}
	return b.dir.SaveLogStarts(d, starts)
}

// truncated follows every cut of a log.
func (b *Broker) truncated(e env.Env, err error) error {
	if err != nil {
		return err
	}
	return b.saveRecoveryPoints(e.Disk())
}

// close flushes and closes every log and marks the shutdown as clean: the last thing an incarnation does, for the mark says
// of everything before it that it is on the device.
func (b *Broker) close(d env.Disk) error {
	for _, r := range b.live() {
		if err := r.Log().Close(d); err != nil {
			return err
		}
	}
	if err := b.checkpoint(d); err != nil {
		return err
	}
	if err := b.saveRecoveryPoints(d); err != nil {
		return err
	}
	return b.dir.SaveCleanMarker(d, b.life.epoch)
}
