package explore

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// This hash covers the lines of the first 200 seeds. It changes only with the drawing code, and every recorded seed then
// gives another run.
func TestLinesOfSeedsStayWhatTheyAre(t *testing.T) {
	h := fnv.New64a()
	for seed := uint64(1); seed <= 200; seed++ {
		for _, l := range Draw(seed, Mixed).Lines() {
			fmt.Fprintln(h, l)
		}
	}
	if got, want := h.Sum64(), uint64(0xde9f3d32652ed0a2); got != want {
		t.Errorf("the lines of seeds 1 to 200 hash to %#x, and were %#x", got, want)
	}
}

// Every line that ends a fault has the ID of a line that begins one. That line has the same family and never comes after it.
func TestAFaultAndItsEndShareAnID(t *testing.T) {
	ends, families := 0, map[string]bool{}
	for seed := uint64(1); seed <= 300; seed++ {
		p := Draw(seed, Mixed)
		begun := map[int]Line{}
		for _, l := range slices.Concat(p.early, p.lines) {
			if l.ID == 0 && (l.Family != "" || l.Ends) || l.ID != 0 && l.Family == "" {
				t.Fatalf("seed %d: %q is of family %q with ID %d", seed, l, l.Family, l.ID)
			}
			families[l.Family] = true
			first, ok := begun[l.ID]
			switch {
			case l.Ends && !ok:
				t.Errorf("seed %d: %q ends nothing", seed, l)
			case l.Ends:
				if ends++; first.Family != l.Family || first.At > l.At {
					t.Errorf("seed %d: %q of %s ends %q of %s", seed, l, l.Family, first, first.Family)
				}
			case !ok:
				begun[l.ID] = l
			}
		}
	}
	if ends < 200 {
		t.Errorf("%d faults end", ends)
	}
	for _, f := range allFamilies() {
		if !families[f] {
			t.Errorf("no line has the tag %q", f)
		}
	}
}

// allFamilies returns the names of all families and operations.
func allFamilies() (all []string) {
	for _, f := range families() {
		all = append(all, f.name)
	}
	for _, o := range operations() {
		all = append(all, o.name)
	}
	return append(all, "early")
}

// A plan from which any one fault is removed is still a valid scenario, which a shrinker tries first. An operation cannot be
// removed like that, because the workload may write to the topic that it makes.
func TestAPlanWithoutAFaultCanBeRead(t *testing.T) {
	isFault := map[string]bool{"early": true}
	for _, f := range families() {
		isFault[f.name] = true
	}
	tried := 0
	for seed := uint64(1); seed <= 40; seed++ {
		p := Draw(seed, Compressed)
		early, lines := p.early, p.lines
		for id := 1; id <= p.ids; id++ {
			without := func(all []Line) []Line {
				return slices.DeleteFunc(slices.Clone(all), func(l Line) bool { return l.ID == id && isFault[l.Family] })
			}
			if p.early, p.lines = without(early), without(lines); len(p.early)+len(p.lines) == len(early)+len(lines) {
				continue
			}
			tried++
			if _, err := scenarios.Load("without", []byte(p.Text())); err != nil {
				t.Errorf("seed %d without fault %d: %v\n%s", seed, id, err, p.Text())
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d plans tried", tried)
	}
}

// The machines and topics that a line names are in its tag.
func TestTagsNameMachinesAndTopics(t *testing.T) {
	tp := partition{"orders", 1}
	for _, c := range []struct {
		line             Line
		text             string
		machines, topics []string
	}{
		{newLine(Tag{}, "crash", host("b1,c2"), "power"), "crash b1,c2 power", []string{"b1", "c2"}, nil},
		{newLine(Tag{}, "cut", tp.leader(), "<->", tp.followers()), "cut leader:orders-1 <-> followers:orders-1",
			[]string{"leader:orders-1", "followers:orders-1"}, []string{"orders", "orders"}},
		{newLine(Tag{}, "disk", host("b1"), words{"bit-rot", "on", directory(tp)}), "disk b1 bit-rot on orders-1/", []string{"b1"}, []string{"orders"}},
		{newLine(Tag{}, "send", host("p1"), tp, "v1", words{}, []setting{{"acks", 1}}), "send p1 orders-1 v1 acks=1", []string{"p1"}, []string{"orders"}},
		{newLine(Tag{}, "config", words{"topic", topicName("orders")}, setting{"retention.ms", 5}), "config topic orders retention.ms=5", nil, []string{"orders"}},
		{newLine(Tag{}, "wait", span(1500)), "wait 1500ms", nil, nil},
		{newLine(Tag{}, "heal"), "heal", nil, nil},
		{Line{Timed: true, At: 3000, Verb: "heal"}, "at 3s heal", nil, nil},
	} {
		if c.line.String() != c.text || !slices.Equal(c.line.Machines, c.machines) || !slices.Equal(c.line.Topics, c.topics) {
			t.Errorf("%q names %v and %v, want %q, %v, %v", c.line, c.line.Machines, c.line.Topics, c.text, c.machines, c.topics)
		}
	}
	if !tp.leader().role() || host("b1,b2").role() {
		t.Error("a role is taken for a machine")
	}
}

// The healing ends the lasting effects of each line.
func TestEffectsOfLines(t *testing.T) {
	for text, want := range map[string]effect{
		"stop b1": stops, "crash b1": 0, "crash b1 power": 0, "crash b1 inside 3": hurtsDisk, "start b1": 0,
		"disk b1 stalled for 3s": hurtsDisk, "clock b1 skew 3s": 0, "clock b1 monotonic-drift 100ppm": drifts,
		"slow b1 times 10": slows, "slow b1 -> b2 by 3s": hurtsNet, "cut b1 <-> b2": hurtsNet, "link b1 -> b2 reset": hurtsNet,
		"pause p1": pauses, "resume p1": 0, "heal b1 -> b2": 0,
		"elect unclean orders-0": unclean, "elect preferred orders-0": 0, "config topic orders retention.ms=5": 0,
		"config brokers unclean.leader.election.enable=false":           unclean,
		"topic orders partitions=1 unclean.leader.election.enable=true": unclean,
		"delete topic orders": deletes, "delete records orders-0 before 3": 0, "grow orders to 3": grows, "send p1 orders-0 v1": 0,
	} {
		w := strings.Fields(text)
		if got := (Line{Verb: w[0], Args: w[1:]}).effects(); got != want {
			t.Errorf("%s: %b, want %b", text, got, want)
		}
	}
}
