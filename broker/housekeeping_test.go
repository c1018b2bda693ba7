package broker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// file returns the text of a file on the broker's disk, or "" if there is none.
func (s *solo) file(path string) string {
	b, _, _ := s.w.Disk("b1").Peek(path, 0, 1<<20)
	return string(b)
}

// The checkpoints are written on clocks: high watermarks every 5 s, recovery points and log starts every 60 s.
func TestCheckpoints(t *testing.T) {
	for _, tc := range []struct {
		file, line string
		every      env.Duration
	}{
		{"replication-offset-checkpoint", "orders 0 1", 5 * env.Second},
		{"recovery-point-offset-checkpoint", "orders 0 0", 60 * env.Second},
		{"log-start-offset-checkpoint", "orders 0 0", 60 * env.Second},
	} {
		s := newSolo(t)
		s.boot()
		s.publish(s.topic("orders", 1)...)
		s.receive(produce("orders", 1, batch("a")))
		s.advance(tc.every - booting - 1)
		require.NotContains(t, s.file(tc.file), tc.line, "%s: too early", tc.file)
		s.advance(1)
		require.Contains(t, s.file(tc.file), tc.line, tc.file)
	}
}

// A killed broker begins with the high watermark of its last checkpoint.
func TestTheCheckpointIsRead(t *testing.T) {
	for _, tc := range []struct {
		after env.Duration
		want  wire.Offset
	}{{4 * env.Second, 0}, {5 * env.Second, 1}} {
		s := newSolo(t)
		s.boot()
		s.publish(s.topic("orders", 1)...)
		s.receive(produce("orders", 1, batch("a")))
		s.advance(tc.after)
		s.renew()
		s.start()
		require.Contains(t, s.lines, "note log.recovered")
		require.Equal(t, tc.want, s.b.Replica(wire.TopicPartition{Topic: "orders"}).HW())
	}
}

// A clean shutdown writes the checkpoints and flushes the logs, so the next incarnation recovers nothing.
func TestACleanShutdownLeavesEverything(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.publish(s.topic("orders", 1)...)
	s.receive(produce("orders", 1, batch("a")))
	s.auto = false
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.advance(0)
	answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) { resp.ShouldShutdown = true })
	require.True(t, s.exited)
	s.renew()
	s.start()
	s.expect("c1/heartbeat BrokerRegistration previous 2")
	r := s.b.Replica(wire.TopicPartition{Topic: "orders"})
	require.EqualValues(t, 1, r.HW())
	require.EqualValues(t, 1, r.Log().RecoveryPoint())
}

// Retention deletes on its clock; the files are renamed at once and removed after file.delete.delay.ms. A completed segment
// is flushed as soon as it is complete.
func TestRetentionRemovesFilesLater(t *testing.T) {
	s := newSolo(t, "log.retention.check.interval.ms=10000", "log.initial.task.delay.ms=0", "log.segment.bytes=1048576",
		"log.retention.bytes=1000000", "log.segment.delete.delay.ms=3000")
	s.boot()
	s.publish(s.topic("orders", 1)...)
	log := s.b.Replica(wire.TopicPartition{Topic: "orders"}).Log()
	for range 30 {
		s.receive(produce("orders", 1, batch(strings.Repeat("x", 100000))))
	}
	require.Positive(t, log.ActiveBase())
	require.Zero(t, log.RecoveryPoint(), "the flush is in the background")
	s.advance(0)
	require.Equal(t, log.ActiveBase(), log.RecoveryPoint())
	deleted := func() (n int) {
		for _, f := range s.w.Disk("b1").Files() {
			if strings.HasSuffix(f.Path, ".deleted") {
				n++
			}
		}
		return n
	}
	s.advance(10*env.Second - booting - 1)
	require.Zero(t, log.Start())
	s.advance(1)
	require.Positive(t, log.Start())
	require.Positive(t, deleted())
	s.advance(3 * env.Second)
	require.Zero(t, deleted())
}

// flush.ms is checked on the clock of log.flush.scheduler.interval.ms.
func TestFlushMs(t *testing.T) {
	s := newSolo(t, "log.flush.scheduler.interval.ms=1000", "log.initial.task.delay.ms=0", "log.flush.interval.ms=2500")
	s.boot()
	s.publish(s.topic("orders", 1)...)
	s.receive(produce("orders", 1, batch("a")))
	log := s.b.Replica(wire.TopicPartition{Topic: "orders"}).Log()
	s.advance(2 * env.Second)
	require.Zero(t, log.RecoveryPoint())
	s.advance(env.Second)
	require.EqualValues(t, 1, log.RecoveryPoint())
}

// A directory that an earlier incarnation discarded is removed by the next one, after its own delay.
func TestAnEarlierIncarnationsDirectories(t *testing.T) {
	s := newSolo(t, "log.segment.delete.delay.ms=3000")
	s.boot()
	s.publish(s.topic("orders", 1)...)
	s.publish(&wire.RemoveTopicRecord{TopicID: topicID("orders")})
	s.renew()
	s.start()
	s.advance(3*env.Second - 1)
	require.Len(t, s.dirs("orders-0"), 1)
	s.advance(1)
	require.Empty(t, s.dirs("orders-0"))
}

// Each clock that finds the disk broken ends the broker, because it has only one log directory.
func TestAClockOnABrokenDiskExits(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		ops        disk.Calls
		after      env.Duration
	}{
		{"high watermarks", "replication-offset-checkpoint*", disk.OnAny, 5 * env.Second},
		{"recovery points", "recovery-point-offset-checkpoint*", disk.OnAny, 60 * env.Second},
		{"log starts", "log-start-offset-checkpoint*", disk.OnAny, 60 * env.Second},
	} {
		s := newSolo(t)
		s.boot()
		s.publish(s.topic("orders", 1)...)
		s.w.Disk("b1").Break(tc.path, tc.ops)
		s.lines = nil
		s.advance(tc.after)
		s.expect("note log.dir-failed", "exit")
		require.Error(t, s.reason, tc.name)
	}
}
