package observe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/check"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// recorder keeps the changes that shadow logs report.
type recorder struct {
	part  check.Partition
	copy  check.Replica
	end   wire.Offset
	bases []wire.Offset
}

func (r *recorder) bind(env.Addr, string) (*check.Partition, *check.Replica, bool) {
	return &r.part, &r.copy, true
}
func (r *recorder) grew(_ *shadowLog, b check.Batch) {
	r.end, r.bases = b.Next, append(r.bases, b.Base)
}
func (r *recorder) cut(_ *shadowLog, to wire.Offset, _ string) { r.end = to }
func (r *recorder) trimmed(*shadowLog, wire.Offset) bool       { return false }
func (r *recorder) flushed(*shadowLog, wire.Offset)            {}
func (r *recorder) deleted(*shadowLog)                         {}

// A power loss may leave the header of one batch with the body of another, with arbitrary offsets.
func TestShadowLogsDropWhatPowerHasTorn(t *testing.T) {
	volume, rec := disk.New(disk.Profile{}), &recorder{}
	g := &shadowLogs{disk: func(env.Addr) *disk.Disk { return volume }, hosts: map[env.Addr]map[string]*shadowLog{}, listener: rec}
	const path = "orders-0/00000000000000000000.log"
	require.NoError(t, volume.Mkdir("orders-0"))
	f, err := volume.Open(path, true)
	require.NoError(t, err)
	var bytes []byte
	ends := []int{0}
	for at := range wire.Offset(3) {
		bytes, err = wire.AppendBatch(bytes, wire.PlainBatch(at, 0), []wire.Record{{Value: []byte("v")}})
		require.NoError(t, err)
		ends = append(ends, len(bytes))
	}
	require.NoError(t, volume.Append(f, bytes))
	g.changed("b1", &disk.Change{Op: disk.OpWrite, Path: path, Len: int64(len(bytes))})
	require.Equal(t, wire.Offset(3), rec.end)
	g.powerLost("b1", check.PowerLoss)
	require.Equal(t, wire.Offset(3), rec.end, "nothing is torn")
	const lastOffsetDelta = 23
	bytes[ends[1]+lastOffsetDelta+3] = 55
	require.NoError(t, volume.Truncate(f, 0))
	require.NoError(t, volume.Append(f, bytes))
	g.powerLost("b1", check.PowerLoss)
	require.Equal(t, wire.Offset(1), rec.end)
	bytes[ends[1]+lastOffsetDelta+3] = 0 // the rest of the header may be as it was
	require.NoError(t, volume.WriteAt(f, 0, bytes))
	g.recovered(&rec.copy)
	require.Equal(t, wire.Offset(3), rec.end, "recovery has left it: it counts")
	g.powerLost("b1", check.PowerLoss)
	require.NoError(t, volume.Truncate(f, int64(ends[1])))
	g.changed("b1", &disk.Change{Op: disk.OpTruncate, Path: path, Len: int64(ends[1])})
	g.recovered(&rec.copy)
	require.Equal(t, wire.Offset(1), rec.end, "recovery has truncated it")
}

// A checksum does not cover the base offset of its batch. If a power loss leaves zeros there, the batch is torn all the same, and
// recovery truncates the log at it.
func TestShadowLogsDropABatchWithATornOffset(t *testing.T) {
	volume, rec := disk.New(disk.Profile{}), &recorder{}
	g := &shadowLogs{disk: func(env.Addr) *disk.Disk { return volume }, hosts: map[env.Addr]map[string]*shadowLog{}, listener: rec}
	const path = "orders-0/00000000000000000000.log"
	require.NoError(t, volume.Mkdir("orders-0"))
	f, err := volume.Open(path, true)
	require.NoError(t, err)
	var bytes []byte
	var ends []int
	for at := range wire.Offset(3) {
		bytes, err = wire.AppendBatch(bytes, wire.PlainBatch(at, 0), []wire.Record{{Value: []byte("v")}})
		require.NoError(t, err)
		ends = append(ends, len(bytes))
	}
	clear(bytes[ends[0] : ends[0]+8])
	require.NoError(t, wire.Batch(bytes[ends[0]:ends[1]]).Validate(), "the checksum is right")
	require.NoError(t, volume.Append(f, bytes))
	g.hosts["b1"] = map[string]*shadowLog{"orders-0": {host: "b1", dir: "orders-0", part: &rec.part, copy: &rec.copy}}
	g.powerLost("b1", check.PowerLoss)
	require.Equal(t, []wire.Offset{0}, rec.bases)
	require.NoError(t, volume.Truncate(f, int64(ends[0])))
	g.changed("b1", &disk.Change{Op: disk.OpTruncate, Path: path, Len: int64(ends[0])})
	g.recovered(&rec.copy)
	require.Equal(t, []wire.Offset{0}, rec.bases)
}

// One event truncates a log and appends to it again. The page cache has both changes at once, but the disk reports one after
// the other.
func TestShadowLogsReadWhatTheDiskReported(t *testing.T) {
	volume, rec := disk.New(disk.Profile{}), &recorder{}
	g := &shadowLogs{disk: func(env.Addr) *disk.Disk { return volume }, hosts: map[env.Addr]map[string]*shadowLog{}, listener: rec}
	const path = "orders-0/00000000000000000000.log"
	require.NoError(t, volume.Mkdir("orders-0"))
	f, err := volume.Open(path, true)
	require.NoError(t, err)
	write := func(at wire.Offset, epoch wire.Epoch) *disk.Change {
		_, size, _ := volume.Peek(path, 0, 0)
		batch, err := wire.AppendBatch(nil, wire.PlainBatch(at, epoch), []wire.Record{{Value: []byte("v")}})
		require.NoError(t, err)
		require.NoError(t, volume.Append(f, batch))
		return &disk.Change{Op: disk.OpWrite, Path: path, Off: size, Len: int64(len(batch))}
	}
	first := write(0, 0)
	g.changed("b1", first)
	g.changed("b1", write(1, 0))
	require.NoError(t, volume.Truncate(f, first.Len))
	again, more := write(1, 2), write(2, 2)
	require.Equal(t, wire.Offset(2), rec.end, "nothing was reported yet")
	g.changed("b1", &disk.Change{Op: disk.OpTruncate, Path: path, Len: first.Len})
	require.Equal(t, wire.Offset(1), rec.end)
	g.changed("b1", again)
	require.Equal(t, wire.Offset(2), rec.end)
	g.changed("b1", more)
	require.Equal(t, []wire.Offset{0, 1, 1, 2}, rec.bases)
}
