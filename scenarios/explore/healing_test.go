package explore

import (
	"slices"
	"strings"
	"testing"
)

// A broker that is stopped and then cut off cannot complete its shutdown before it rejoins. A plan that starts it only at
// that time, while it still runs, would leave it down (seeds 7000074 and 7000476).
func TestABrokerThatLeavesWhileItIsCutOffIsStartedAgain(t *testing.T) {
	t.Parallel()
	seen := 0
	for seed := uint64(1); seed < 300; seed++ {
		p := Draw(seed, Mixed)
		if p.core.kind() != CutCome || p.effects()&stops == 0 {
			continue
		}
		seen++
		text := p.Text()
		_, last, found := strings.Cut(text, "\nheal\nstart "+strings.Join(p.core.away, ",")+" for good\n")
		if !found {
			t.Fatalf("seed %d: no machine rejoins:\n%s", seed, text)
		}
		if again, _, _ := strings.Cut(last, "run until quiet"); !strings.Contains(again, "wait ") || !strings.Contains(again, "start "+strings.Join(p.core.away, ",")) {
			t.Errorf("seed %d: %v rejoin and are started once:\n%s", seed, p.core.away, last)
		}
	}
	if seen == 0 {
		t.Fatal("no seed has such a plan")
	}
}

// small returns a plan with one topic, two clients, and the lines of a test.
func small(lines ...string) *Plan {
	p := &Plan{Seed: 1, Profile: Compressed, brokers: 3, controllers: 3, producers: []string{"p1"}, consumers: []string{"r1"}, heal: 6000}
	p.time = timing{boot: 2000, phase: 4000, rest: 60_000, unit: 100}
	p.topics = []topic{{name: "orders", partitions: 1, replicas: 3}}
	for _, l := range lines {
		w := strings.Fields(l)
		p.at(3000, Line{Verb: w[0], Args: w[1:]})
	}
	return p
}

// healed returns the lines of the healing.
func healed(p *Plan) (all []string) {
	for _, l := range p.healing() {
		all = append(all, l.String())
	}
	return all
}

// The healing ends exactly the faults that the lines began, in order.
func TestTheHealingUndoesWhatWasDone(t *testing.T) {
	const disk, drift, cpu, resume, net = "disk brokers,controllers heal", "clock brokers,controllers monotonic-drift 0ppm",
		"slow brokers,controllers times 1", "resume brokers,controllers,p1,r1", "heal"
	again := []string{"wait 6s", "start brokers,controllers for good"}
	for _, c := range []struct {
		lines, undone []string
		again         bool
	}{
		{nil, nil, false},
		{[]string{"crash b1", "start b1"}, nil, false},
		{[]string{"stop b1"}, nil, true},
		{[]string{"crash b1 inside 3"}, []string{disk}, true},
		{[]string{"disk b1 broken"}, []string{disk}, true},
		{[]string{"clock b1 monotonic-drift 100ppm"}, []string{drift}, false},
		{[]string{"slow b1 times 10"}, []string{cpu}, false},
		{[]string{"pause p1"}, []string{resume}, false},
		{[]string{"link b1 -> b2 reset"}, []string{net}, false},
		{[]string{"cut b1 <-> b2", "slow b1 -> b2 by 5ms", "pause b1", "slow b2 times 10", "clock b1 monotonic-drift 1ppm", "disk b1 full", "stop b3"},
			[]string{disk, drift, cpu, resume, net}, true},
	} {
		want := append([]string{"run until time 6s"}, c.undone...)
		want = append(want, "start brokers,controllers,p1,r1 for good")
		if c.again {
			want = append(want, again...)
		}
		want = append(want, "run until quiet within 60s", "drain p1", "run until quiet within 60s")
		if got := healed(small(c.lines...)); !slices.Equal(got, want) {
			t.Errorf("after %q the healing is\n%s\nwant\n%s", c.lines, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A reader that may never end is crashed at the end.
func TestReadersThatCannotEndAreCrashed(t *testing.T) {
	const last = "crash p1,r1"
	endless := func(p *Plan) bool { all := healed(p); return all[len(all)-1] == last }
	for line, want := range map[string]bool{
		"send p1 orders-0 v1": false, "delete records orders-0": false, "elect preferred orders-0": false,
		"delete topic orders": true, "grow orders to 2": true, "elect unclean orders-0": true,
		"config topic orders unclean.leader.election.enable=true": true,
	} {
		if got := endless(small(line)); got != want {
			t.Errorf("after %q a reader is crashed at the end: %v", line, got)
		}
	}
	for what, change := range map[string]func(*Plan){
		"a topic that is made later":      func(p *Plan) { p.topics[0].made = 3000 },
		"a topic with unclean elections":  func(p *Plan) { p.topics[0].unclean = true },
		"a partition that may be locked":  func(p *Plan) { p.locks = true },
		"a core that must do without b3":  func(p *Plan) { p.core.away = []string{"b3"} },
		"disks that may lose what is due": func(p *Plan) { p.rots = true },
	} {
		p := small()
		if change(p); !endless(p) {
			t.Errorf("with %s no reader is crashed at the end", what)
		}
	}
}

// Each kind of core adds its lines to the healing.
func TestCores(t *testing.T) {
	for _, c := range []struct {
		core core
		kind Core
		want string
	}{
		{core{}, All, "start brokers,controllers,p1,r1 for good|run until quiet within 60s|drain p1|run until quiet within 60s"},
		{core{away: []string{"b3", "c1"}}, DeadStay, "crash b3,c1|start b1,b2,c2,c3,p1,r1 for good|run until quiet of b1,b2,c2,c3 within 60s|drain p1|" +
			"run until quiet of b1,b2,c2,c3 within 60s|crash p1,r1"},
		{core{away: []string{"b3"}, rejoins: true}, DeadCome, "crash b3|start b1,b2,c1,c2,c3,p1,r1 for good|run until quiet of b1,b2,c1,c2,c3 within 60s|" +
			"start b3 for good|run until quiet within 60s|drain p1|run until quiet within 60s"},
		{core{away: []string{"b3"}, cut: true}, CutStay, "cut b3 <-> b1,b2,c1,c2,c3,p1,r1|start brokers,controllers,p1,r1 for good|" +
			"run until quiet of b1,b2,c1,c2,c3 within 60s|drain p1|run until quiet of b1,b2,c1,c2,c3 within 60s|crash p1,r1"},
		{core{away: []string{"b3"}, cut: true, rejoins: true}, CutCome, "cut b3 <-> b1,b2,c1,c2,c3,p1,r1|start brokers,controllers,p1,r1 for good|" +
			"run until quiet of b1,b2,c1,c2,c3 within 60s|heal|start b3 for good|run until quiet within 60s|drain p1|run until quiet within 60s"},
	} {
		p := small()
		p.core = c.core
		if got := strings.Join(healed(p)[1:], "|"); got != c.want || c.core.kind() != c.kind {
			t.Errorf("core %+v is of kind %q and healed by\n%s\nwant %q and\n%s", c.core, c.core.kind(), got, c.kind, c.want)
		}
	}
}
