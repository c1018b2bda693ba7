package cluster

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// deaf is an observer that does nothing.
type deaf struct{}

func (deaf) Event(*sim.Event)                                                  {}
func (deaf) Noted(env.Addr, *sim.Noted)                                        {}
func (deaf) After(*sim.Event)                                                  {}
func (deaf) Sending(*kmsg.ProduceRequest, []client.Sending)                    {}
func (deaf) RecordDone(*Record, client.Sent)                                   {}
func (deaf) Read(Read)                                                         {}
func (deaf) Clients(int)                                                       {}
func (deaf) FaultBegan(string)                                                 {}
func (deaf) FaultEnded(string)                                                 {}
func (deaf) FaultPulse()                                                       {}
func (deaf) DiskFaulted(*Host, string, string)                                 {}
func (deaf) Span(env.Addr, string) (start, end wire.Offset)                    { return 0, 0 }
func (deaf) Batches(env.Addr, string, func(path string, pos, size int64) bool) {}

// Healing ends lasting faults, and a full disk accepts writes again.
func TestDiskFaultsHeal(t *testing.T) {
	built, err := Assemble(Options{Brokers: 1, Controllers: 1}, func(Inside) Observer { return deaf{} })
	if err != nil {
		t.Fatal(err)
	}
	c := built.(*simCluster)
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
