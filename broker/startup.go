package broker

import (
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// logManager manages the one log directory (LogManager). It opens the logs, writes the checkpoints, and does the periodic
// work.
type logManager struct {
	cfg      *Config
	replicas *replicaTable
	dir      storage.Dir

	directory     wire.UUID        // the directory's id; it outlives incarnations
	previousEpoch wire.BrokerEpoch // broker epoch in the clean shutdown file, -1 if there was no file
	discarded     []string         // directories that earlier incarnations discarded and did not remove
	offline       bool             // the directory failed; the broker ends with this event and touches no log until then
}

// load opens every log of the disk. It removes the clean shutdown file before it reads the first log, so that after a crash
// in the middle of this start the next start runs recovery.
func (m *logManager) load(e env.Env) error {
	d := e.Disk()
	if err := m.format(e); err != nil {
		return err
	}
	clean, epoch, err := m.dir.TakeCleanMarker(d) // KAFKA-10471
	if err != nil {
		return err
	}
	m.previousEpoch = epoch // for the registration (KIP-966)
	points, err := m.dir.LoadRecoveryPoints(d)
	if err != nil {
		return err
	}
	starts, err := m.dir.LoadLogStarts(d)
	if err != nil {
		return err
	}
	hws, err := m.dir.LoadHighWatermarks(d)
	if err != nil {
		return err
	}
	entries, err := d.List(m.dir.Path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		tp, kind, ok := storage.ParseDir(entry.Name)
		switch {
		case !entry.Dir || !ok:
			continue
		case kind == storage.DirDeleted:
			m.discarded = append(m.discarded, entry.Name)
			continue
		case kind != storage.DirLog:
			continue
		}
		id, known, err := storage.LoadTopicID(d, entry.Name)
		if err != nil {
			return err
		}
		log, rec, err := storage.Open(d, entry.Name, m.cfg.log, storage.OpenOptions{
			Clean: clean, RecoveryPoint: points[tp], LogStart: starts[tp], Wall: e.Wall(),
		})
		if err != nil {
			return err
		}
		if !known {
			if err := m.setAside(e, tp, log); err != nil {
				return err
			}
			continue
		}
		m.replicas.add(e, tp, id, log, hws[tp])
		if !clean {
			e.Note(noteRecovered, id.Short(), int64(tp.Partition), int64(log.End()), rec.Truncated)
		}
	}
	// A log that lost records has a lower recovery point now, which must be saved before the first append.
	return m.saveRecoveryPoints(d)
}

// setAside renames a log without a topic id to a stray. Either the broker crashed before it wrote the id into the new directory,
// and the log has no record; or the file is lost, and no topic may take the log for its own (LogManager.isStrayKraftReplica,
// KAFKA-16814).
func (m *logManager) setAside(e env.Env, tp wire.TopicPartition, log *storage.Log) error {
	var unique wire.UUID
	for i := range unique {
		unique[i] = byte(e.Choose("broker.stray-id", 256))
	}
	e.Note(noteWithoutTopicID, int64(tp.Partition), int64(log.End()), 0, 0)
	return log.Rename(e.Disk(), storage.FormatDir(tp, storage.DirStray, unique))
}

// format gives a new disk its directory id.
func (m *logManager) format(e env.Env) error {
	meta, ok, err := m.dir.LoadMeta(e.Disk())
	if err != nil || ok {
		m.directory = meta.Directory
		return err
	}
	meta = storage.Meta{Cluster: m.cfg.ClusterID, Node: m.cfg.Node}
	for i := range meta.Directory {
		meta.Directory[i] = byte(e.Choose("broker.directory-id", 256))
	}
	meta.Directory[0] |= 1 // ids below 100 are reserved
	m.directory = meta.Directory
	return m.dir.SaveMeta(e.Disk(), meta)
}

// checkpoint writes the high watermarks to a file, so that after a restart each replica begins with its high watermark.
func (m *logManager) checkpoint(d env.Disk) error {
	hws := storage.Offsets{}
	for _, r := range m.replicas.inService() {
		hws[r.TP] = r.HW()
	}
	return m.dir.SaveHighWatermarks(d, hws)
}

// saveRecoveryPoints writes the recovery points and the log starts, periodically and after every truncation. If a log were
// truncated below its saved recovery point and grew again, recovery would not read the new records.
func (m *logManager) saveRecoveryPoints(d env.Disk) error {
	points, starts := storage.Offsets{}, storage.Offsets{}
	for _, r := range m.replicas.inService() {
		points[r.TP] = r.Log().RecoveryPoint()
		starts[r.TP] = r.Log().Start()
	}
	if err := m.dir.SaveRecoveryPoints(d, points); err != nil {
		return err
	}
	return m.dir.SaveLogStarts(d, starts)
}

// truncated saves the recovery points after a truncation. If the truncation failed with err, truncated only returns err.
func (m *logManager) truncated(e env.Env, err error) error {
	if err != nil {
		return err
	}
	return m.saveRecoveryPoints(e.Disk())
}

// close flushes and closes every log and then writes the clean shutdown file. Writing it is the last action of an
// incarnation, because the file says that every log is on the device.
func (m *logManager) close(d env.Disk, epoch wire.BrokerEpoch) error {
	for _, r := range m.replicas.inService() {
		if err := r.Log().Close(d); err != nil {
			return err
		}
	}
	if err := m.checkpoint(d); err != nil {
		return err
	}
	if err := m.saveRecoveryPoints(d); err != nil {
		return err
	}
	return m.dir.SaveCleanMarker(d, epoch)
}
