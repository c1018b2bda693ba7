package scenarios

import (
	"strings"
	"testing"

	"samsa/sim/env"
)

func TestFaultLines(t *testing.T) {
	reaches(t, `crash b1 power inside 3
crash b2 inside 4
wipe b3
cut b1 -> b2 lane replication
cut b1 <-> c1 lane heartbeat
slow c1 -> b2 lane metadata by 3s
slow c1 -> b2 by 3s`,
		"crash b1 inside 3 power", "crash b2 inside 4", "wipe b3", "cut b1 b2 fetcher", "cut b1 c1 heartbeat", "cut c1 b1 heartbeat",
		"slow c1 b2 3s raft", "slow c1 b2 3s")
	for lines, want := range map[string]string{
		"cut b1 -> b2 lane metadta":      `no lane is called "metadta"; there are clients, replication, metadata, heartbeat, isr (did you mean "metadata"?)`,
		"cut b1 -> b2 lan metadata":      `cut takes lane or the end of the line here, not "lan" (did you mean "lane"?)`,
		"slow b1 -> b2 lane isr by -3s":  "a delay cannot be negative",
		"slow b1 -> b2 lane isr":         "slow needs by here",
		"crash b1 power insid 3":         `(did you mean "inside"?)`,
		"wipe b4":                        `no machine "b4"`,
		"restrat b1":                     `no verb "restrat" (did you mean "restart"?)`,
		"format b1":                      `no verb "format" (did you mean "wipe"?)`,
		"at 5s restart brokers\nwipe b1": "",
	} {
		fails(t, lines, want)
	}
}

// A restart stops machines, boots each when its process has ended, and makes the next line wait.
func TestRestartWaits(t *testing.T) {
	reaches(t, "stop b3\nrestart b1,b3\nat 90s restart b2\nwait 2m",
		"stop b3", "stop b1", "stop b3", "start b1", "start b3", "stop b2", "start b2")
}

// A process that another line has killed and booted again is not waited for.
func TestRestartOfAProcessThatIsKilledMeanwhile(t *testing.T) {
	s, _ := finish(t, `cluster brokers=3 controllers=1 seed=3
topic orders on=1,2,3
pause b2
at 20s restart b2
run until time 21s
crash b2
start b2
run until isr orders-0 1,2,3
`)
	if now := s.cluster.Now(); now > 2*env.Minute {
		t.Errorf("the file ends after %s", formatDuration(now))
	}
}

// A line that crashes, stops or wipes a machine during its restart wins: the machine stays down.
func TestALaterCrashEndsARestart(t *testing.T) {
	for order, up := range map[string]bool{"crash b2": false, "stop b2": false, "wipe b2": false, "resume b2": true} {
		s, _ := finish(t, "cluster brokers=3 controllers=1 seed=3\ntopic orders on=1,2,3\npause b2\nat 20s restart b2\nrun until time 21s\n"+order+"\nresume b2\nwait 30s\n")
		for _, m := range s.cluster.Machines() {
			if m.Host == "b2" && m.Up != up {
				t.Errorf("after %s: up is %v", order, m.Up)
			}
		}
	}
}

// On a real cluster the process has a new incarnation, and the line ends only then.
func TestRestartOfBrokers(t *testing.T) {
	s := New(load(t, `cluster brokers=3 controllers=1 seed=3
topic orders on=1,2,3
restart leader:orders-0
show cluster
run until isr orders-0 1,2,3
----
`), RunOptions{})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.cluster.Machines() {
		if want := map[bool]uint32{true: 2, false: 1}[m.Host == "b1"]; m.Incarnation != want {
			t.Errorf("%s has incarnation %d, want %d", m.Host, m.Incarnation, want)
		}
	}
	if out := s.Outputs()[0]; strings.Contains(out, "b1  down") {
		t.Errorf("the next line ran before b1 had booted:\n%s", out)
	}
}
