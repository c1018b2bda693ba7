package broker

import (
	"errors"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// This file has the periodic and delayed work of the log manager (LogManager in Kafka).
//
//	every 5 s     write the high watermarks to the checkpoint
//	every 60 s    write the recovery points and the log starts to their checkpoints
//	every 5 min   delete segments by retention
//	every 10 min  remove expired producer ids
//	after a roll  flush the completed segments
//	after 60 s    remove discarded files and directories

// The log manager's timers.
const (
	timFlush     = logKinds + iota // flush the segments that a roll completed; A: replica.index
	timFiles                       // remove the discarded files up to number B; A: replica
	timRemove                      // remove a discarded log; A: replica
	timDiscarded                   // remove the directories that earlier incarnations discarded

	timCheckpoint // this timer and the following ones are the clocks
	timRecovery
	timRetention
	timProducers
	timFlushDue
)

// startClocks arms each clock for the first time.
func (m *logManager) startClocks(e env.Env) {
	m.every(e, timCheckpoint, 0)
	m.every(e, timRecovery, 0)
	m.every(e, timRetention, m.cfg.initialDelay)
	m.every(e, timProducers, m.cfg.initialDelay)
	m.every(e, timFlushDue, m.cfg.initialDelay)
	if len(m.discarded) > 0 {
		e.Arm(env.Timer{Kind: timDiscarded, Lane: env.LaneBackground}, m.cfg.log.FileDeleteDelay)
	}
}

func (m *logManager) fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timFlush:
		m.flushRolled(e, m.replicas.byIndex[t.A])
	case timFiles:
		m.removeFiles(e, m.replicas.byIndex[t.A], t.B)
	case timRemove:
		m.removeLog(e, m.replicas.byIndex[t.A])
	case timDiscarded:
		m.removeDiscarded(e)
	default:
		m.runDue(e, t.Kind)
	}
}

// every arms the timer of a clock for one period, or for the given first delay if that is longer.
func (m *logManager) every(e env.Env, kind uint16, first env.Duration) {
	var period env.Duration
	switch kind {
	case timCheckpoint:
		period = m.cfg.checkpointEvery
	case timRecovery:
		period = m.cfg.recoveryEvery
	case timRetention:
		period = m.cfg.retentionEvery
	case timProducers:
		period = m.cfg.producersEvery
	case timFlushDue:
		period = m.cfg.flushEvery
	}
	const never = 1000 * env.Day // some periods are by default the largest long, which means never
	if period < never {
		e.Arm(env.Timer{Kind: kind, Lane: env.LaneBackground}, max(period, first))
	}
}

// runDue does the work of a clock that is due, and arms the clock again.
func (m *logManager) runDue(e env.Env, kind uint16) {
	var err error
	switch kind {
	case timCheckpoint:
		err = m.checkpoint(e.Disk())
	case timRecovery:
		err = m.saveRecoveryPoints(e.Disk())
	case timRetention:
		err = m.retain(e)
	case timProducers:
		for _, r := range m.replicas.inService() {
			cfg := r.Log().Config()
			r.Log().Producers().RemoveExpired(&cfg, e.Wall())
		}
	case timFlushDue:
		err = m.flushDue(e)
	}
	if err != nil {
		m.haltOnError(e, err)
		return
	}
	m.every(e, kind, 0)
}

// haltOnError ends the broker if err is not nil. The error means that the only log directory failed, and Kafka's broker
// halts when its last log directory fails (KIP-112). The content of a failed disk is unknown, so nothing must be served
// from it. The controller elects other leaders when the session expires.
func (m *logManager) haltOnError(e env.Env, err error) {
	if err != nil {
		m.offline = true
		e.Note(noteDirFailed, int64(m.cfg.Node), 0, 0, 0)
		e.Exit(err)
	}
}

// haltIfOffline returns the error, and ends the broker if the error means that the log directory failed (KIP-112).
func (m *logManager) haltIfOffline(e env.Env, err error) error {
	var off *storage.Offline
	if errors.As(err, &off) {
		m.haltOnError(e, err)
	}
	return err
}

// retain deletes segments by retention.ms and retention.bytes, on leaders and followers alike (LogManager.cleanupLogs).
func (m *logManager) retain(e env.Env) error {
	for _, r := range m.replicas.inService() {
		deleted, err := r.Log().Retain(e.Disk(), e.Wall(), r.HW())
		if err != nil {
			return err
		}
		if len(deleted) > 0 {
			m.replicas.touch(r)
		}
	}
	return nil
}

// flushDue flushes the logs that were last flushed at least flush.ms ago.
func (m *logManager) flushDue(e env.Env) error {
	for _, r := range m.replicas.inService() {
		if e.Now().Sub(r.flushed) >= r.Log().Config().FlushMs {
			if err := m.flush(e, r, r.Log().End()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *logManager) flush(e env.Env, r *replica, upTo wire.Offset) error {
	r.flushed = e.Now()
	return r.Log().Flush(e.Disk(), upTo)
}

// tidy arms timers after a log has changed. After a roll a timer flushes the completed segments in the background. If
// files were discarded, another timer removes them after their delay.
func (m *logManager) tidy(e env.Env, r *replica) {
	if r.removed {
		return
	}
	if r.Log().ActiveBase() > r.Log().RecoveryPoint() {
		e.Arm(env.Timer{Kind: timFlush, Lane: env.LaneBackground, A: r.index}, 0)
	}
	if through := r.Log().PendingDelete(); through > r.filesArmed {
		r.filesArmed = through
		e.Arm(env.Timer{Kind: timFiles, Lane: env.LaneBackground, A: r.index, B: through}, r.Log().Config().FileDeleteDelay)
	}
}

// flushRolled flushes a log up to the start of its active segment.
func (m *logManager) flushRolled(e env.Env, r *replica) {
	if !r.removed {
		m.haltOnError(e, m.flush(e, r, r.Log().ActiveBase()))
	}
}

// removeFiles removes the discarded files of a log after their delay.
func (m *logManager) removeFiles(e env.Env, r *replica, through int64) {
	if !r.removed {
		m.haltOnError(e, r.Log().PurgeDeleted(e.Disk(), through))
	}
}

// discard renames a log's directory at once, so that its name is free, and removes the directory after file.delete.delay.ms.
func (m *logManager) discard(e env.Env, r *replica) error {
	dir := storage.FormatDir(r.TP, storage.DirDeleted, wire.UUID(r.ID))
	if err := r.Log().Rename(e.Disk(), dir); err != nil {
		return err
	}
	e.Arm(env.Timer{Kind: timRemove, Lane: env.LaneBackground, A: r.index}, r.Log().Config().FileDeleteDelay)
	return nil
}

// removeLog removes a discarded log.
func (m *logManager) removeLog(e env.Env, r *replica) { m.haltOnError(e, r.Log().Delete(e.Disk())) }

// removeDiscarded removes the directories that earlier incarnations discarded.
func (m *logManager) removeDiscarded(e env.Env) {
	for _, dir := range m.discarded {
		if err := storage.RemoveLog(e.Disk(), dir); err != nil {
			m.haltOnError(e, err)
			return
		}
	}
	m.discarded = nil
}
