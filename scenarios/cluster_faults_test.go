package scenarios

import (
	"strings"
	"testing"

	"samsa/sim/env"
)

// Every fault of a disk that the verb knows is one the world does: by its name, and it fires on a cluster at work.
func TestDiskFaultsFire(t *testing.T) {
	for _, kind := range diskFaults {
		if kind == "heal" {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			how := strings.TrimSpace(kind + " " + map[string]string{"slow": "by 80ms", "stalled": "for 1s"}[kind])
			s := New(load(t, strings.ReplaceAll(`
cluster brokers=1 controllers=1
topic orders partitions=1 on=1
produce p1 orders-0 a
disk b1,c1 HOW
send p1 orders-0 b c
wait 20s
send p1 orders-0 d
stop b1
wait 20s
`, "HOW", how)), RunOptions{})
			if _, err := s.Finish(); err != nil {
				t.Fatal(err)
			}
			for _, a := range s.cluster.(*cluster).world.Activations() {
				if a.Name == "disk."+kind && a.Count > 0 {
					return
				}
			}
			t.Errorf("disk.%s never fired: %v", kind, s.cluster.(*cluster).world.Activations())
		})
	}
}

// Healing ends what lasts, and gives a full disk its room back.
func TestDiskFaultsHeal(t *testing.T) {
	build := func() *cluster {
		c, err := Assemble(Options{Brokers: 1, Controllers: 1})
		if err != nil {
			t.Fatal(err)
		}
		return c.(*cluster)
	}
	c := build()
	_, room, _ := c.world.Disk("b1").Space()
	c.Disk("b1", DiskFault{Kind: "full"})
	if free, total, _ := c.world.Disk("b1").Space(); free != 0 || total != room {
		t.Errorf("full: %d free of %d", free, total)
	}
	c.Disk("b1", DiskFault{Kind: "heal"})
	if free, total, _ := c.world.Disk("b1").Space(); free != room || total != room {
		t.Errorf("healed: %d free of %d, want %d", free, total, room)
	}
	c.Disk("b1", DiskFault{Kind: "full", For: env.Second})
	c.world.RunUntil(2e9)
	if free, _, _ := c.world.Disk("b1").Space(); free == 0 {
		t.Error("a disk that was full for a second still is")
	}
}
