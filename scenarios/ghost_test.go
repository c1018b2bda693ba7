package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/check"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// ear remembers what a ghost says.
type ear struct {
	part  check.Partition
	copy  check.Replica
	end   wire.Offset
	bases []wire.Offset
}

func (e *ear) bind(env.Addr, string) (*check.Partition, *check.Replica, bool) {
	return &e.part, &e.copy, true
}
func (e *ear) grew(_ *ghost, b check.Batch)           { e.end, e.bases = b.Next, append(e.bases, b.Base) }
func (e *ear) cut(_ *ghost, to wire.Offset, _ string) { e.end = to }
func (e *ear) trimmed(*ghost, wire.Offset) bool       { return false }
func (e *ear) flushed(*ghost, wire.Offset)            {}
func (e *ear) deleted(*ghost)                         {}

// Power may leave the header of one batch with the body of another, and then it may claim any offsets.
func TestAGhostForgetsWhatPowerHasTorn(t *testing.T) {
	disk, heard := sim.NewDisk(sim.DiskProfile{}), &ear{}
	g := &ghosts{disk: func(env.Addr) *sim.Disk { return disk }, hosts: map[env.Addr]map[string]*ghost{}, heard: heard}
	const path = "orders-0/00000000000000000000.log"
	require.NoError(t, disk.Mkdir("orders-0"))
	f, err := disk.Open(path, true)
	require.NoError(t, err)
	var bytes []byte
	ends := []int{0}
	for at := range wire.Offset(3) {
		bytes, err = wire.AppendBatch(bytes, wire.PlainBatch(at, 0), []wire.Record{{Value: []byte("v")}})
		require.NoError(t, err)
		ends = append(ends, len(bytes))
	}
	require.NoError(t, disk.Append(f, bytes))
	g.changed("b1", &sim.DiskChange{Op: sim.DiskWrite, Path: path, Len: int64(len(bytes))})
	require.Equal(t, wire.Offset(3), heard.end)
	g.lost("b1", check.PowerLoss)
	require.Equal(t, wire.Offset(3), heard.end, "nothing is torn")
	const lastOffsetDelta = 23
	bytes[ends[1]+lastOffsetDelta+3] = 55
	require.NoError(t, disk.Truncate(f, 0))
	require.NoError(t, disk.Append(f, bytes))
	g.lost("b1", check.PowerLoss)
	require.Equal(t, wire.Offset(1), heard.end)
	bytes[ends[1]+lastOffsetDelta+3] = 0 // the rest of it may be as it was
	require.NoError(t, disk.WriteAt(f, 0, bytes))
	g.recovered(&heard.copy)
	require.Equal(t, wire.Offset(3), heard.end, "recovery has left it: it counts")
	g.lost("b1", check.PowerLoss)
	require.NoError(t, disk.Truncate(f, int64(ends[1])))
	g.changed("b1", &sim.DiskChange{Op: sim.DiskTruncate, Path: path, Len: int64(ends[1])})
	g.recovered(&heard.copy)
	require.Equal(t, wire.Offset(1), heard.end, "recovery has cut it off")
}

// One event cuts a log and writes to it again. The page cache has both at once, but they are told one after the other.
func TestAGhostReadsWhatItWasTold(t *testing.T) {
	disk, heard := sim.NewDisk(sim.DiskProfile{}), &ear{}
	g := &ghosts{disk: func(env.Addr) *sim.Disk { return disk }, hosts: map[env.Addr]map[string]*ghost{}, heard: heard}
	const path = "orders-0/00000000000000000000.log"
	require.NoError(t, disk.Mkdir("orders-0"))
	f, err := disk.Open(path, true)
	require.NoError(t, err)
	write := func(at wire.Offset, epoch wire.Epoch) *sim.DiskChange {
		_, size, _ := disk.Peek(path, 0, 0)
		batch, err := wire.AppendBatch(nil, wire.PlainBatch(at, epoch), []wire.Record{{Value: []byte("v")}})
		require.NoError(t, err)
		require.NoError(t, disk.Append(f, batch))
		return &sim.DiskChange{Op: sim.DiskWrite, Path: path, Off: size, Len: int64(len(batch))}
	}
	first := write(0, 0)
	g.changed("b1", first)
	g.changed("b1", write(1, 0))
	require.NoError(t, disk.Truncate(f, first.Len))
	again, more := write(1, 2), write(2, 2)
	require.Equal(t, wire.Offset(2), heard.end, "nothing was told yet")
	g.changed("b1", &sim.DiskChange{Op: sim.DiskTruncate, Path: path, Len: first.Len})
	require.Equal(t, wire.Offset(1), heard.end)
	g.changed("b1", again)
	require.Equal(t, wire.Offset(2), heard.end)
	g.changed("b1", more)
	require.Equal(t, []wire.Offset{0, 1, 1, 2}, heard.bases)
}
