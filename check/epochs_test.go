package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A leader epoch cache must agree with its log, from the broker's log start to its end. Only the cache of a leader that has
// not written yet may have an epoch that the log does not have.
func TestEpochCaches(t *testing.T) {
	for _, c := range []struct {
		name  string
		trim  wire.Offset // the log is deleted below this offset
		end   wire.Offset // the broker's log end offset
		cache []EpochStart
		want  Status
	}{
		{"as the log", 0, 5, []EpochStart{{0, 0}, {1, 2}, {3, 4}}, Held},
		{"and its own, where it begins", 0, 5, []EpochStart{{0, 0}, {1, 2}, {3, 4}, {4, 5}}, Held},
		{"one that it cannot know", 0, 5, []EpochStart{{0, 0}, {1, 2}, {3, 4}, {9, 5}}, Violated},
		{"one above the end", 0, 5, []EpochStart{{0, 0}, {1, 2}, {3, 4}, {4, 6}}, Violated},
		{"one is missing", 0, 5, []EpochStart{{0, 0}, {3, 4}}, Violated},
		{"the first is missing", 0, 5, []EpochStart{{1, 2}, {3, 4}}, Violated},
		{"the last is missing", 0, 5, []EpochStart{{0, 0}, {1, 2}}, Violated},
		{"all are missing", 0, 5, []EpochStart{}, Violated},
		{"one begins too early", 0, 5, []EpochStart{{0, 0}, {1, 1}, {3, 4}}, Violated},
		{"one that was cut off", 0, 5, []EpochStart{{0, 0}, {1, 2}, {2, 3}, {3, 4}}, Violated},
		{"it was not observed", 0, 5, nil, Held},
		{"what came since is not in question", 0, 4, []EpochStart{{0, 0}, {1, 2}}, Held},
		{"begins where the log does", 3, 5, []EpochStart{{1, 3}, {3, 4}}, Held},
		{"begins before the log does", 3, 5, []EpochStart{{0, 0}, {1, 2}, {3, 4}}, Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := staged(2)
			for at, epoch := range []wire.Epoch{0, 0, 1, 1, 3} {
				s.write(wire.Offset(at), epoch, uint32(at), 1)
				s.p.Replica(1).observed = false // so that it may append batches of any epoch
			}
			s.LogStartMoved(s.p, s.p.Replica(1), c.trim)
			s.p.assigned.Epoch, s.p.assigned.PartitionEpoch = 4, 4
			s.tick()
			s.ReplicaChanged(s.p, s.p.Replica(1), State{Leads: true, Leader: 1, Epoch: 4, PartitionEpoch: 4, Start: c.trim, HW: c.trim, End: c.end, ISR: ids(1, 2, 3), Epochs: c.cache})
			f := find(t, s.done(), "epochs-in-order")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A truncation removes epochs too. A cache that keeps them is wrong after it, even though the broker's slice is the same
// (M8).
func TestACacheThatOutlivesACut(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 2)
	s.alter(2, ids(2, 3), nil)
	cache := []EpochStart{{0, 0}, {1, 1}}
	s.remembers(2, 1, 0, cache...)
	s.write(1, 1, 0xB, 2)
	s.remembers(2, 1, 0, cache...)
	require.Equal(t, Held, find(t, s.done(), "epochs-in-order").Status)
	s.alter(3, ids(3), nil)
	s.Truncated(s.p, s.p.Replica(2), 0, "")
	s.look(2, State{Leader: 3, Epoch: 2, Epochs: cache})
	f := find(t, s.done(), "epochs-in-order")
	require.Equal(t, Violated, f.Status)
	require.Contains(t, f.Explanation, "the log has nothing of epoch 0")
}

// Records below a log's start are deleted, though the file still has them. The batches above may be of an older epoch,
// because no replica compares deleted records. Records above the start count. The deleted records count again if the broker
// has forgotten its start.
func TestEpochsBelowTheStart(t *testing.T) {
	for start, want := range map[wire.Offset]Status{0: Violated, 1: Violated, 2: Held} {
		s := staged(2)
		s.write(0, 0, 0xA, 2, 3)
		s.alter(3, ids(2, 3), nil)
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 2, 1)
		s.write(1, 2, 0xB, 2)
		s.look(2, State{Leads: true, Epoch: 2, HW: start, Start: 2, ISR: ids(2, 3)})
		s.alter(3, ids(2, 3), nil)
		s.look(2, State{Leader: 3, Epoch: 3, HW: start, Start: start})
		s.write(2, 1, 0xC, 2)
		f := find(t, s.done(), "epochs-in-order")
		require.Equal(t, want, f.Status, f.Explanation)
	}
	for _, from := range []wire.Offset{0, 1} { // no batches may overlap, wherever the log begins
		s := staged(2)
		s.Appended(s.p, s.p.Replica(2), Batch{Base: 0, Next: 2, Epoch: 0, CRC: 0xA})
		s.look(2, State{Leader: 1, Start: 2})
		s.Appended(s.p, s.p.Replica(2), Batch{Base: from, Next: 2, Epoch: 0, CRC: 0xB})
		require.Equal(t, Violated, find(t, s.done(), "epochs-in-order").Status)
	}
}

// Retention empties a log, which is then truncated fully to follow a leader with lower offsets. After that, its cache must
// be that of the new log.
func TestACacheOfALogThatBeginsAgainBelow(t *testing.T) {
	for _, c := range []struct {
		name    string
		forgets bool // the broker moved the old log's start to its end before it deleted the files
		cache   []EpochStart
		want    Status
	}{
		{"as the new log", false, []EpochStart{{2, 1}}, Held},
		{"as the new log, forgotten first", true, []EpochStart{{2, 1}}, Held},
		{"nothing of it", false, []EpochStart{}, Violated},
		{"nothing of it, forgotten first", true, []EpochStart{}, Violated},
		{"as the old log", false, []EpochStart{{0, 1}}, Violated},
		{"as the old log, forgotten first", true, []EpochStart{{0, 1}}, Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := staged(2)
			s.write(0, 0, 0xA, 2)
			s.write(1, 0, 0xB, 2)
			s.write(2, 0, 0xC, 2)
			r := s.p.Replica(2)
			if c.forgets {
				s.look(2, State{Leader: 1, Start: 3, HW: 3, Epochs: []EpochStart{{0, 3}}})
			}
			s.LogStartMoved(s.p, r, 3)
			s.alter(3, ids(3), nil)
			s.look(2, State{Leader: 3, Epoch: 2, Start: 1, HW: 1, Epochs: []EpochStart{}})
			believes := State{Leader: 3, Epoch: 2, PartitionEpoch: s.p.assigned.PartitionEpoch, Start: 1, End: 2, HW: 1, Epochs: c.cache}
			s.tick()
			s.ReplicaChanged(s.p, r, believes)
			require.Equal(t, Held, find(t, s.done(), "epochs-in-order").Status, "the broker is ahead of its disk")
			s.Appended(s.p, r, Batch{Base: 1, Next: 2, Epoch: 2, CRC: 0xD})
			s.tick()
			s.ReplicaChanged(s.p, r, believes)
			f := find(t, s.done(), "epochs-in-order")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A log's list of epochs follows every append, truncation and deletion.
func TestEpochsOfALog(t *testing.T) {
	var l Log
	for at, epoch := range []wire.Epoch{0, 0, 2, 2, 5} {
		l.push(Batch{Base: wire.Offset(at), Next: wire.Offset(at + 1), Epoch: epoch, CRC: 0})
	}
	require.Equal(t, []EpochStart{{0, 0}, {2, 2}, {5, 4}}, l.epochs)
	l.cut(3)
	require.Equal(t, []EpochStart{{0, 0}, {2, 2}}, l.epochs)
	l.trim(2, 2)
	require.Equal(t, []EpochStart{{2, 2}}, l.epochs)
	l.push(Batch{Base: 3, Next: 4, Epoch: 7, CRC: 0})
	l.trim(2, 4)
	require.Empty(t, l.epochs)
	l.push(Batch{Base: 4, Next: 5, Epoch: 7, CRC: 0})
	l.cut(0)
	require.Empty(t, l.epochs)
}

// A record that lowers only the partition epoch is not called one that lowers the leader epoch.
func TestFallingEpochsAreNamed(t *testing.T) {
	for way, fallen := range map[string]wire.PartitionRecord{
		"leader epoch falls":    {LeaderEpoch: 0, PartitionEpoch: 2},
		"partition epoch falls": {LeaderEpoch: 1, PartitionEpoch: 0},
	} {
		s := newStage(NewView(Contract{}, All()), 2)
		s.alter(2, ids(1, 2, 3), nil)
		s.alter(0, ids(1, 2), nil)
		fallen.TopicID, fallen.Replicas, fallen.ISR, fallen.Leader = ordersID, ids(1, 2, 3), ids(1, 2), 2
		s.commit(&fallen)
		for _, f := range Judge(s.done()) {
			if f.Check == partitionEpochSteps && (f.Status != Violated || f.Fact.Way != way) {
				t.Errorf("%s: %v, %q: %s", way, f.Status, f.Fact.Way, f.Explanation)
			}
		}
	}
}
