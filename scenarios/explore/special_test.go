package explore

import (
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// Every new kind of line occurs in a share of the seeds, in permille at least, so that a campaign of a few hundred runs reaches
// what it is for.
func TestShareOfDrawnLines(t *testing.T) {
	const seeds = 1000
	shares := []struct {
		words    string // each of these words is in one line
		permille int
		seen     int
	}{
		{"restart", 30, 0}, {"crash power inside", 30, 0}, {"cut lane", 30, 0}, {"slow lane", 20, 0}, {"wipe", 5, 0}, {"disk bit-rot .index", 1, 0},
		{"link p refused", 10, 0}, {"elect preferred", 80, 0}, {"key=", 200, 0}, {"header=", 100, 0}, {"timestamp=", 70, 0}, {"missing ghost-0", 250, 0},
		{"same same", 100, 0}, {"from latest", 300, 0}, {"consume from ..", 150, 0}, {"until stopped", 200, 0}, {"max.partition.fetch.bytes=300", 150, 0},
		{"list offsets latest", 100, 0}, {"list version=", 70, 0}, {"describe", 100, 0}, {"config broker", 60, 0}, {"config delete", 60, 0},
		{"append cleanup.policy=compact", 40, 0}, {"cluster metadata.version=", 80, 0}, {"cluster min.insync.replicas=", 130, 0}, {"finalise metadata.version=27", 3, 0},
		{"properties broker.rack=", 100, 0}, {"properties replica.fetch", 20, 0}, {"cluster replica.fetch.response.max.bytes=", 120, 0},
		{"cut controller standbys", 60, 0}, {"slow lane isr", 20, 0}, {"crash power", 250, 0}, {"controller.quorum.fetch.max.bytes=1", 60, 0},
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		lines := Draw(seed, Mixed).Lines()
		for i := range shares {
			for _, l := range lines {
				if all(l.String(), strings.Fields(shares[i].words)) {
					shares[i].seen++
					break
				}
			}
		}
	}
	for _, s := range shares {
		if s.seen*1000 < s.permille*seeds {
			t.Errorf("%q is in %d of %d plans, want %d in a thousand", s.words, s.seen, seeds, s.permille)
		}
	}
}

func all(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// A profile with the name of a family or kind has it in every plan, with the timeouts of the default profile, of which few plans
// have it.
func TestProfilesOfFamiliesAndKinds(t *testing.T) {
	for _, profile := range Profiles()[3:] {
		with, hardly := 0, 0
		for seed := uint64(1); seed <= 40; seed++ {
			p := Draw(seed, profile)
			if p.Profile != Draw(seed, Mixed).Profile {
				t.Fatalf("profile %s, seed %d has %s timeouts", profile, seed, p.Profile)
			}
			has := func(l Line) bool { return l.Family == string(profile) }
			if slices.ContainsFunc(p.lines, has) {
				with++
			}
			if slices.ContainsFunc(Draw(seed, Mixed).lines, has) {
				hardly++
			}
		}
		if with < 40 || hardly > 25 {
			t.Errorf("profile %s: in %d plans of 40, and without it in %d", profile, with, hardly)
		}
	}
}

// A broker that is away while a topic comes and goes is down between the two, whatever the seed.
func TestABrokerIsAwayWhileATopicGoes(t *testing.T) {
	found := 0
	for seed := uint64(1); seed <= 2000 && found < 20; seed++ {
		var down, deleted, back int
		for _, l := range Draw(seed, Mixed).Lines() {
			switch {
			case l.Family != "away":
			case (l.Verb == "crash" || l.Verb == "stop") && down == 0:
				down = l.At
			case l.Verb == "delete":
				deleted = l.At
			case l.Verb == "start" && back == 0:
				back = l.At
			}
		}
		if down == 0 || deleted == 0 || back == 0 {
			continue
		}
		if found++; !(down <= deleted && deleted < back) {
			t.Errorf("seed %d: down at %d, topic deleted at %d, back at %d", seed, down, deleted, back)
		}
	}
	if found < 20 {
		t.Errorf("only %d plans have a broker that is away", found)
	}
}

// A leader is deposed without hearing of it: the drawn lines fence it, another broker leads, and it still takes itself for the
// leader.
func TestDeposedLeader(t *testing.T) {
	p, err := scenarios.Load("deposed", []byte(`cluster brokers=3 controllers=3 seed=3
topic orders on=1,2,3
cut controllers -> b1 lane metadata
cut b1 -> controllers lane heartbeat
run until leader orders-0 is b2 within 1m
show orders-0
----

heal
run until quiet
elect preferred orders-0
run until leader orders-0 is b1
`))
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(p, scenarios.RunOptions{})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if out := s.Outputs()[0]; !strings.Contains(out, "b1   [0,0) hw 0  leads epoch 0") {
		t.Errorf("b1 knows that it is deposed:\n%s", out)
	}
	if v := s.Verdict(); v.Status.String() != "held" || v.Stopped != "" {
		t.Errorf("verdict %s: %s", v.Status, v.Stopped)
	}
}
