package storage

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/sim/env"
	"samsa/wire"
)

// Each old rule alone must break a story that holds with the current rules. A test of this file fails if its rule is
// not used.

func withRule(off func(*Rules)) Config {
	c := smallConfig()
	off(&c.Rules)
	return c
}

// both runs a story with the current rules, where it must hold, and with one rule off, where it must fail.
func both(t *testing.T, off func(*Rules), story func(cfg Config) (well bool)) {
	t.Helper()
	require.True(t, story(smallConfig()), "today")
	require.False(t, story(withRule(off)), "with the old rule")
}

// After a crash during loading, the next start must not find the marker of the earlier shutdown (KAFKA-10471).
func TestRuleTakeMarkerFirst(t *testing.T) {
	both(t, func(r *Rules) { r.TakeMarkerFirst = false }, func(cfg Config) bool {
		d := newMemDisk()
		w, err := start(d, cfg)
		require.NoError(t, err)
		require.NoError(t, w.stop())
		d = d.crash()
		_, err = start(d, cfg) // this incarnation crashes at once
		require.NoError(t, err)
		w, err = start(d.crash(), cfg)
		require.NoError(t, err)
		return !w.r.Clean
	})
}

// A leader that never appended is replaced; its epoch must be removed, although there is nothing to truncate (KAFKA-10706).
func TestRuleTrimEpochsAtEnd(t *testing.T) {
	both(t, func(r *Rules) { r.TrimEpochsAtEnd = false }, func(cfg Config) bool {
		d, l := open(t, cfg)
		_, err := l.AppendAsFollower(d, batchSpec{n: 3, leader: 1}.bytes(), 1)
		require.NoError(t, err)
		require.NoError(t, l.AssignEpoch(d, 2, 3))
		require.NoError(t, l.TruncateTo(d, 3))
		return l.Epochs().Latest() == 1
	})
}

// Writing the transaction index fails after the marker was appended. Nothing more may be appended (KAFKA-7866).
func TestRuleFailOnIndexError(t *testing.T) {
	both(t, func(r *Rules) { r.FailOnIndexError = false }, func(cfg Config) bool {
		d := newMemDisk()
		w, err := start(d, cfg)
		require.NoError(t, err)
		require.NoError(t, w.lead(batchSpec{n: 1, pid: 1, txn: true}, OriginClient))
		d.failAt = d.ops + 2 // the marker's batch, then the index
		failed := w.mark(1, false)
		end := w.l.End()
		require.Equal(t, wire.Offset(2), end, "the marker has its offset, whatever came after")
		return failed != nil && w.lead(batchSpec{n: 1}, OriginClient) != nil && w.l.End() == end
	})
}

// An append fails half-way. A later append after its remains could never be read (KAFKA-10778).
func TestRuleStayOffline(t *testing.T) {
	both(t, func(r *Rules) { r.StayOffline = false }, func(cfg Config) bool {
		d := newMemDisk()
		w, err := start(d, cfg)
		require.NoError(t, err)
		require.NoError(t, w.lead(batchSpec{n: 1}, OriginClient))
		d.failAt = d.ops + 1
		require.Error(t, w.lead(batchSpec{n: 1, size: 40}, OriginClient))
		if w.lead(batchSpec{n: 1}, OriginClient) != nil {
			return true
		}
		again, err := start(d.crash(), cfg)
		require.NoError(t, err)
		return again.l.End() == w.l.End() // what was acknowledged is there
	})
}

// Retention deletes all batches of a producer, so only the snapshot at the next segment has its sequence. After a power
// loss a retry must still be recognized as a duplicate (KAFKA-9892).
func TestRuleSyncSnapshots(t *testing.T) {
	both(t, func(r *Rules) { r.SyncSnapshots = false }, func(cfg Config) bool {
		cfg.RetentionBytes = 0
		d := newMemDisk()
		w, err := start(d, cfg)
		require.NoError(t, err)
		require.NoError(t, w.lead(batchSpec{n: 1, pid: 1, idempote: true}, OriginClient))
		for len(w.l.Segments()) < 3 {
			require.NoError(t, w.lead(batchSpec{n: 1, size: 200}, OriginClient))
		}
		_, err = w.l.Retain(d, testWall, w.l.Segments()[1])
		require.NoError(t, err)
		require.Len(t, w.l.Segments(), 2)
		require.NoError(t, w.save())
		again, err := start(d.powerLoss(fateLost, nil), cfg)
		require.NoError(t, err)
		_, known := again.l.Producers().Producer(1)
		return known
	})
}

// A leader change truncates a producer's batch. The retry of that batch must be appended; the response must not have
// the offset of the lost batch (KIP-98).
func TestRuleReloadProducers(t *testing.T) {
	both(t, func(r *Rules) { r.ReloadProducers = false }, func(cfg Config) bool {
		d, l := open(t, cfg)
		put := func() Appended {
			a, err := l.AppendAsLeader(d, batchSpec{n: 1, pid: 1, idempote: true, ts: now()}.bytes(), 0, OriginClient, testWall)
			require.NoError(t, err)
			return a
		}
		put()
		require.NoError(t, l.TruncateTo(d, 0))
		return !put().Duplicate
	})
}

// A late response of an older leader contains a newer leader's batch (KAFKA-18723).
func TestRuleBoundFollowerEpoch(t *testing.T) {
	both(t, func(r *Rules) { r.BoundFollowerEpoch = false }, func(cfg Config) bool {
		d, l := open(t, cfg)
		_, err := l.AppendAsFollower(d, batchSpec{n: 1, leader: 5}.bytes(), 4)
		require.NoError(t, err)
		return l.End() == 0
	})
}

// A power loss brings back truncated batches, or a segment without the previous one.
func TestRuleDurableNames(t *testing.T) {
	both(t, func(r *Rules) { r.DurableNames = false }, func(cfg Config) bool {
		for seed := range int64(40) {
			d := newMemDisk()
			w, err := start(d, cfg)
			require.NoError(t, err)
			require.NoError(t, w.follow(14, wire.CodecNone))
			require.NoError(t, w.l.Flush(d, w.l.End()))
			require.NoError(t, w.save())
			require.NoError(t, w.truncate(3))
			w.le = 1
			require.NoError(t, w.follow(2, wire.CodecNone))
			m := observe(w, "truncated", moment{})
			after := d.powerLoss(fateMixed, rand.New(rand.NewSource(seed)))
			again, err := start(after, cfg)
			require.NoError(t, err)
			if checkRecovered(again, m, m) != nil {
				return false
			}
		}
		return true
	})
}

// An offset is never reused. Every operation of an append fails in turn, and the log continues if it can. After a
// restart no two acknowledged batches may have the same offset.
func TestNoOffsetIsGivenTwice(t *testing.T) {
	for fail := 1; fail <= 12; fail++ {
		d := newMemDisk()
		w, err := start(d, smallConfig())
		require.NoError(t, err)
		require.NoError(t, w.lead(batchSpec{n: 1, pid: 1, txn: true}, OriginClient))
		d.failAt = d.ops + fail
		acked := map[wire.Offset]bool{}
		for i := range 12 {
			end := w.l.End()
			var err error
			if i == 3 {
				err = w.mark(1, false)
			} else {
				err = w.lead(batchSpec{n: 1, size: 100}, OriginClient)
			}
			if err == nil {
				require.False(t, acked[end])
				acked[end] = true
				continue
			}
			require.ErrorIs(t, err, env.ErrIO)
			require.ErrorIs(t, w.l.Offline(), env.ErrIO)
		}
		again, err := start(d.crash(), smallConfig())
		require.NoError(t, err)
		for at := range acked {
			require.Less(t, at, again.l.End())
		}
	}
}
