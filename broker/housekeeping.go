package broker

import (
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// This file is what LogManager's scheduler does: nothing here answers anybody.
//
//	every 5 s     high watermarks to the checkpoint
//	every 60 s    recovery points and log starts to theirs
//	every 5 min   retention
//	every 10 min  producers that have not written for long are forgotten
//	after a roll  what was completed is flushed
//	after 60 s    discarded files and directories are removed

// keepHouse starts the clocks.
func (b *Broker) keepHouse(e env.Env) {
	b.every(e, timCheckpoint, 0)
	b.every(e, timRecovery, 0)
	b.every(e, timRetention, b.cfg.initialDelay)
	b.every(e, timProducers, b.cfg.initialDelay)
	b.every(e, timFlushDue, b.cfg.initialDelay)
}

// every arms a clock's next turn.
func (b *Broker) every(e env.Env, kind uint16, first env.Duration) {
	var period env.Duration
	switch kind {
	case timCheckpoint:
		period = b.cfg.checkpointEvery
	case timRecovery:
		period = b.cfg.recoveryEvery
	case timRetention:
		period = b.cfg.retentionEvery
	case timProducers:
		period = b.cfg.producersEvery
	case timFlushDue:
		period = b.cfg.flushEvery
	}
	const never = 1000 * env.Day // how Kafka spells "not at all"
	if period < never {
		e.Arm(env.Timer{Kind: kind, Lane: env.LaneBackground}, max(period, first))
	}
}

// turn is one turn of a clock.
func (b *Broker) turn(e env.Env, kind uint16) {
	var err error
	switch kind {
	case timCheckpoint:
		err = b.checkpoint(e.Disk())
	case timRecovery:
		err = b.saveRecoveryPoints(e.Disk())
	case timRetention:
		err = b.retain(e)
	case timProducers:
		for _, r := range b.live() {
			cfg := r.Log().Config()
			r.Log().Producers().Expire(&cfg, e.Wall())
		}
	case timFlushDue:
		err = b.flushDue(e)
	}
	if err != nil {
		b.fail(e, err)
		return
	}
	b.every(e, kind, 0)
}

// fail ends the broker: its only log directory failed, and Kafka's halts when the last one does (KIP-112). What a failed
// disk holds is unknown, so nothing may be served from it; the controller takes the leaderships away when the session ends.
func (b *Broker) fail(e env.Env, err error) {
	if err != nil {
		b.failed = true
		e.Note(noteDirFailed, int64(b.cfg.Node), 0, 0, 0)
		e.Exit(err)
	}
}

// retain deletes what is too old or too much, on leaders and followers alike (LogManager.cleanupLogs).
func (b *Broker) retain(e env.Env) error {
	for _, r := range b.live() {
		gone, err := r.Log().Retain(e.Disk(), e.Wall(), r.HW())
		if err != nil {
			return err
		}
		if len(gone) > 0 {
			b.touch(r)
		}
	}
	return nil
}

// flushDue flushes the logs whose flush.ms is over.
func (b *Broker) flushDue(e env.Env) error {
	for _, r := range b.live() {
		if e.Now().Sub(r.flushed) >= r.Log().Config().FlushMs {
			if err := b.flush(e, r, r.Log().End()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Broker) flush(e env.Env, r *replica, upTo wire.Offset) error {
	r.flushed = e.Now()
	return r.Log().Flush(e.Disk(), upTo)
}

// tidy is due when a log has changed: what a roll completed is flushed in the background, and what was discarded is
// removed when its delay is over.
func (b *Broker) tidy(e env.Env, r *replica) {
	if r.gone {
		return
	}
	if r.Log().ActiveBase() > r.Log().RecoveryPoint() {
		e.Arm(env.Timer{Kind: timFlush, Lane: env.LaneBackground, A: r.index}, 0)
	}
	if through := r.Log().Doomed(); through > r.doomed {
		r.doomed = through
		e.Arm(env.Timer{Kind: timDoomed, Lane: env.LaneBackground, A: r.index, B: through}, r.Log().Config().FileDeleteDelay)
	}
}

// flushRolled flushes up to the active segment.
func (b *Broker) flushRolled(e env.Env, r *replica) {
	if !r.gone {
		b.fail(e, b.flush(e, r, r.Log().ActiveBase()))
	}
}

// purge removes the files whose delay is over.
func (b *Broker) purge(e env.Env, r *replica, through int64) {
	if !r.gone {
		b.fail(e, r.Log().PurgeDeleted(e.Disk(), through))
	}
}

// discard marks a log's directory for removal: at once under another name, so that the name is free, and for good after
// file.delete.delay.ms.
func (b *Broker) discard(e env.Env, r *replica) error {
	dir := storage.FormatDir(r.TP, storage.DirDeleted, wire.UUID(r.ID))
	if err := r.Log().Rename(e.Disk(), dir); err != nil {
		return err
	}
	e.Arm(env.Timer{Kind: timRemove, Lane: env.LaneBackground, A: r.index}, r.Log().Config().FileDeleteDelay)
	return nil
}

// remove ends a discarded log.
func (b *Broker) remove(e env.Env, r *replica) { b.fail(e, r.Log().Delete(e.Disk())) }

// removeDiscarded ends the directories that earlier incarnations discarded.
func (b *Broker) removeDiscarded(e env.Env) {
	for _, dir := range b.discarded {
		if err := storage.RemoveLog(e.Disk(), dir); err != nil {
			b.fail(e, err)
			return
		}
	}
	b.discarded = nil
}
