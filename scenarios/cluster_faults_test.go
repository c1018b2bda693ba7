package scenarios

import (
	"strings"
	"testing"
)

// Every disk fault of the verb fires on a cluster under load.
func TestDiskFaultsFire(t *testing.T) {
	for _, kind := range diskFaults {
		if kind == "heal" {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			how := strings.TrimSpace(kind + " " + map[string]string{"slow": "by 80ms", "stalled": "for 15s"}[kind])
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
			for _, a := range s.Tally().Faults {
				if a.Name == "disk."+kind && a.Count > 0 {
					return
				}
			}
			t.Errorf("disk.%s never fired: %v", kind, s.Tally().Faults)
		})
	}
}

// Every connection fault of the verb fires on a cluster under load. So do a death inside an event, a slow CPU, and the noise
// of a rough world, which no line starts.
func TestLinkFaultsFire(t *testing.T) {
	for kind, name := range map[string]string{
		"reset": "net.reset", "half-open": "net.half-open", "prefix": "net.prefix-cut", "stalled": "net.stall",
		"clogged": "net.clog", "refused": "net.refuse", "lossy": "net.loss", "narrow": "net.bandwidth",
	} {
		fires(t, name, "link b1,b2,c1 <-> b1,b2,c1 "+kind+" for 5s")
	}
	fires(t, "process.die-inside", "crash b1 inside 2")
	fires(t, "process.slow-cpu", "slow b1 times 50")
	fires(t, "process.duplicate-id", "double b2 as x2")
}

// fires fails if a line has run and the fault has not fired.
func fires(t *testing.T, name, line string) {
	t.Helper()
	t.Run(line, func(t *testing.T) {
		s := New(load(t, strings.ReplaceAll(`
cluster brokers=2 controllers=1
topic orders partitions=1 on=1,2
produce p1 orders-0 a
LINE
link b2 -> b1 reset
send p1 orders-0 b c
wait 10s
send p1 orders-0 d
wait 5s
`, "LINE", line)), RunOptions{})
		if _, err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, a := range s.Tally().Faults {
			if a.Name == name && a.Count > 0 {
				return
			}
		}
		t.Errorf("%s never fired: %v", name, s.Tally().Faults)
	})
}

// Heal ends lasting faults of link.
func TestLinkFaultsHeal(t *testing.T) {
	for _, kind := range []string{"clogged", "refused"} {
		s := New(load(t, strings.ReplaceAll(`
cluster brokers=2 controllers=1
topic orders partitions=1 on=1,2
link b1,b2,c1 <-> b1,b2,c1 KIND
link b1,b2,c1 <-> b1,b2,c1 reset
wait 1s
heal
produce p1 orders-0 a
run until quiet within 20s
`, "KIND", kind)), RunOptions{})
		v, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if v.Stopped != "" || s.Tally().AckedRecords != 1 {
			t.Errorf("%s does not heal: %s, %d records acked", kind, v.Stopped, s.Tally().AckedRecords)
		}
	}
}

// A tally counts acknowledged and read records, and leader changes.
func TestTally(t *testing.T) {
	s := New(load(t, `
cluster brokers=3 controllers=1 noise=rough
topic orders partitions=1 on=1,2,3
produce p1 orders-0 a b c
cut b1 -> b2,b3
send p1 orders-0 d
wait 100ms
crash b1
run until leader orders-0
run until quiet
consume r1 orders-0
`), RunOptions{})
	v, err := s.Finish()
	if err != nil || v.Stopped != "" {
		t.Fatal(err, v.Stopped)
	}
	got := s.Tally()
	if got.AckedBatches != 2 || got.AckedRecords != 4 || got.ReadRecords < 4 || got.Moves != 1 || got.MovesInFlight != 1 {
		t.Errorf("%+v", got)
	}
}

// The verb heal noise ends random faults.
func TestNoiseEnds(t *testing.T) {
	lost := func(calm string) (first, then uint64) {
		s := New(load(t, "cluster brokers=3 controllers=1 noise=rough\ntopic orders on=1,2,3\nwait 60s\n"+calm+"\nwait 60s\n"), RunOptions{})
		half := false
		for more := true; more; {
			more, _ = s.Advance(1)
			if s.cluster != nil && !half && s.cluster.Now() > 61e9 {
				half = true
				first = noisy(s)
			}
		}
		return first, noisy(s) - first
	}
	if first, then := lost(""); first == 0 || then == 0 {
		t.Errorf("a rough world lost and stalled %d packets in a minute and %d in the next", first, then)
	}
	if first, then := lost("heal noise"); first == 0 || then != 0 {
		t.Errorf("a calmed world lost and stalled %d packets before and %d after", first, then)
	}
}

// noisy counts random faults.
func noisy(s *Session) (n uint64) {
	for _, a := range s.Tally().Faults {
		if a.Name == "net.loss" || a.Name == "net.stall" || a.Name == "net.reset" {
			n += a.Count
		}
	}
	return n
}

// A process with AutoRestart restarts after it exits, be it after a controlled shutdown or because its registration timed
// out. Stop or Crash ends AutoRestart, even while a restart is pending.
func TestKeptHostsReturn(t *testing.T) {
	for _, c := range []struct {
		name, story string
		up          bool
	}{
		{"was leaving", "cut b1 <-> c1\nstop b1\nstart b1 HOW\nwait 1s\nheal\nwait 20s", true},
		{"gave up", "crash b1\ncut b1 <-> c1\nstart b1 HOW\nwait 65s\nheal\nwait 20s", true},
		{"died inside", "start b1 HOW\ncrash b1 inside 1\nwait 30s", true},
		{"was stopped", "start b1 HOW\nstop b1\nwait 20s", false},
		{"was crashed", "start b1 HOW\ncrash b1\nwait 20s", false},
		{"was stopped before it was started again", "start b1 HOW\ncrash b1 inside 1\nrun until down b1\nstop b1\nwait 20s", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, up := range map[string]bool{"for good": c.up, "": false} {
				s := New(load(t, "cluster brokers=1 controllers=1\n\nwait 10s\n"+strings.ReplaceAll(c.story, "HOW", how)+"\n"), RunOptions{})
				if v, err := s.Finish(); err != nil || v.Stopped != "" {
					t.Fatal(err, v.Stopped)
				}
				if got := s.cluster.Machines()[0].Up; got != up {
					t.Errorf("start b1 %s: it runs: %t, want %t", how, got, up)
				}
			}
		})
	}
}
