package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/sim/disk"
	"samsa/sim/env"
)

var siteTest = newSite("test.site")

func seeded(seed uint64, list ...Override) *chance {
	return &chance{seed: seed, overrides: newOverrides(list), now: new(Time)}
}

// Every residue is drawn about equally often along each coordinate of a decision's address.
func TestChooseIsUniform(t *testing.T) {
	const n, draws = 10, 100_000
	for name, draw := range map[string]func(i uint64) uint64{
		"ordinal": func(i uint64) uint64 { return seeded(1).choose(siteTest, 77, i, n) },
		"entity":  func(i uint64) uint64 { return seeded(1).choose(siteTest, i, 5, n) },
		"seed":    func(i uint64) uint64 { return seeded(i).choose(siteTest, 77, 5, n) },
		"site":    func(i uint64) uint64 { return seeded(1).choose(site{key: i}, 77, 5, n) },
	} {
		var count [n]int
		pairs, last := 0, uint64(n)
		for i := range uint64(draws) {
			v := draw(i)
			count[v]++
			if v == last {
				pairs++
			}
			last = v
		}
		for v, c := range count {
			if c < draws/n*9/10 || c > draws/n*11/10 {
				t.Errorf("%s: %d was drawn %d times of %d", name, v, c, draws)
			}
		}
		if pairs < draws/n*9/10 || pairs > draws/n*11/10 {
			t.Errorf("%s: a value follows itself %d times of %d", name, pairs, draws)
		}
	}
}

// The values define the meaning of a seed, so they must never change.
func TestChooseNeverChanges(t *testing.T) {
	var got []uint64
	for i := range uint64(6) {
		got = append(got, seeded(42).choose(siteJitter, hashEntity("b1>b2"), i, 1000))
	}
	for i := range uint64(3) {
		got = append(got, seeded(42).rare(siteLoss, hashEntity("b1"), i, 1_000_000, 8))
	}
	want := []uint64{761, 557, 409, 198, 137, 430, 1, 5, 4}
	if !slices.Equal(got, want) {
		t.Errorf("drew %v, want %v", got, want)
	}
}

// A higher ppm adds decisions and keeps all existing ones.
func TestRareIsMonotone(t *testing.T) {
	c := seeded(3)
	fired := 0
	for i := range uint64(200_000) {
		low, high := c.rare(siteTest, 1, i, 1_000, 7), c.rare(siteTest, 1, i, 50_000, 7)
		if low != 0 && low != high {
			t.Fatalf("ordinal %d: %d at 0.1 %%, but %d at 5 %%", i, low, high)
		}
		if high > 7 {
			t.Fatalf("drew %d of [1, 7]", high)
		}
		if high != 0 {
			fired++
		}
		if c.rare(siteTest, 1, i, 0, 7) != 0 || c.rare(siteTest, 1, i, 1_000_000, 7) == 0 {
			t.Fatalf("ordinal %d: never and always are not", i)
		}
	}
	if fired < 9_000 || fired > 11_000 {
		t.Errorf("5 %% of 200000 fired %d times", fired)
	}
}

func TestOverrides(t *testing.T) {
	plain := seeded(9)
	draw := func(c *chance, s site, i uint64) uint64 { return c.choose(s, hashEntity("b1"), i, 1000) }
	other := newSite("test.other")
	pinned := seeded(9, Override{Kind: Pin, Site: siteTest.name, Entity: "b1", Ordinal: 4, Value: 777},
		Override{Kind: Pin, Site: siteTest.name, Entity: "b1", Ordinal: 5, Value: 5000})
	off := seeded(9, Override{Kind: Off, Site: siteTest.name}, Override{Kind: Pin, Site: siteTest.name, Entity: "b1", Ordinal: 4, Value: 1})
	kept := seeded(9, Override{Kind: Keep, Site: siteTest.name, Entity: "b1", Ordinal: 6})
	salted := seeded(9, Override{Kind: Salt, Site: siteTest.name, Value: 1})
	noise := seeded(9, Override{Kind: Salt, Value: 1})
	moved := 0
	for i := range uint64(50) {
		v := draw(plain, siteTest, i)
		want := v
		switch i {
		case 4:
			want = 777
		case 5:
			want = 999 // a pin beyond the range is the last value
		}
		if got := draw(pinned, siteTest, i); got != want {
			t.Errorf("pinned %d: %d, want %d", i, got, want)
		}
		if got := draw(off, siteTest, i); got != map[bool]uint64{true: 1}[i == 4] {
			t.Errorf("off %d: %d", i, got)
		}
		if got := draw(kept, siteTest, i); got != map[bool]uint64{true: v}[i == 6] {
			t.Errorf("kept %d: %d, want only ordinal 6", i, got)
		}
		if draw(salted, siteTest, i) != v {
			moved++
		}
		if draw(noise, siteTest, i) != v {
			t.Errorf("salting the world's noise moved %d of another site", i)
		}
		for name, c := range map[string]*chance{"pin": pinned, "off": off, "keep": kept, "salt": salted, "noise": noise} {
			if draw(c, other, i) != draw(plain, other, i) {
				t.Errorf("%s: moved decision %d of another site", name, i)
			}
		}
		if draw(noise, siteJitter, i) == draw(plain, siteJitter, i) && i == 0 {
			t.Error("salting the world's noise did not move its jitter")
		}
	}
	if moved < 45 {
		t.Errorf("a salt moved %d decisions of 50", moved)
	}
}

// Draw returns the same values as a world of that seed.
func TestDrawIsAWorldsChoice(t *testing.T) {
	for i := range uint64(100) {
		if a, b := Draw(5, "test.site", "b1", i, 1000), seeded(5).choose(siteTest, hashEntity("b1"), i, 1000); a != b {
			t.Fatalf("ordinal %d: drew %d, the world %d", i, a, b)
		}
	}
}

// A node's ordinals continue after restarts.
func TestChooseSurvivesRestart(t *testing.T) {
	var drawn []uint64
	l := newLab(t, nil)
	l.add("b1", &node{start: func(e env.Env) { drawn = append(drawn, e.Choose("test.id", 1<<60)) }})
	for range 5 {
		l.Restart("b1")
		l.RunUntil(l.Now())
	}
	slices.Sort(drawn)
	if len(drawn) != 6 || len(slices.Compact(drawn)) != 6 {
		t.Errorf("drew %v: an identity came twice", drawn)
	}
}

type decided struct {
	site    env.Site
	entity  string
	ordinal uint64
	value   uint64
}
type decidedSink []decided

func (s *decidedSink) Decided(site env.Site, entity string, ordinal, value uint64) {
	*s = append(*s, decided{site, entity, ordinal, value})
}

// The decisions that the sink gets can be pinned: the pins alone make the run, under any seed.
func TestDecisionsCanBePinned(t *testing.T) {
	run := func(seed uint64, pins []Override, sink DecisionSink) uint64 {
		w := chatter(Config{Seed: seed, Net: Rough(), Overrides: pins, Decisions: sink})
		w.identity.hash = 0 // the seed itself is in it
		w.RunUntil(at(400))
		return w.Hash()
	}
	var sink decidedSink
	want := run(5, nil, &sink)
	if len(sink) < 100 {
		t.Fatalf("only %d decisions", len(sink))
	}
	var pins []Override
	sites := map[env.Site]bool{}
	for _, d := range sink {
		pins = append(pins, Override{Kind: Pin, Site: d.site, Entity: d.entity, Ordinal: d.ordinal, Value: d.value})
		sites[d.site] = true
	}
	for _, s := range []site{siteBase, siteJitter, siteLoss, siteStall, siteReset, siteRefuse, siteDrop, siteTie, siteMono} {
		pins = append(pins, Override{Kind: Off, Site: s.name})
		delete(sites, s.name)
	}
	for s := range sites {
		pins = append(pins, Override{Kind: Off, Site: s})
	}
	if got := run(99, pins, nil); got != want {
		t.Errorf("seed 99 with the decisions of seed 5 pinned gave %x, want %x", got, want)
	}
}

func BenchmarkChoose(b *testing.B) {
	c := seeded(1)
	sum := uint64(0)
	for i := range uint64(b.N) {
		sum += c.choose(siteJitter, 7, i, 32)
	}
	if sum == 1 {
		b.Log(sum)
	}
}

func BenchmarkChoosePinned(b *testing.B) {
	c := seeded(1, Override{Kind: Pin, Site: "x", Entity: "b1"})
	sum := uint64(0)
	for i := range uint64(b.N) {
		sum += c.choose(siteJitter, 7, i, 32)
	}
	if sum == 1 {
		b.Log(sum)
	}
}

func TestOverridesThatNothingAsksForAreKnown(t *testing.T) {
	jitter := func(e Override) Override {
		e.Site, e.Entity = "net.jitter", "a>b"
		return e
	}
	misspelt := func(e Override) Override {
		e.Site, e.Entity = "net.jiter", "a>b"
		return e
	}
	kinds := []Override{{Kind: Pin, Ordinal: 7, Value: 3}, {Kind: Keep, Ordinal: 8}, {Kind: Off}, {Kind: Salt, Value: 5}}
	var met, unmet []Override
	for _, e := range kinds {
		met, unmet = append(met, jitter(e)), append(unmet, misspelt(e))
	}
	unmet = append(unmet, jitter(Override{Kind: Pin, Ordinal: 9}), jitter(Override{Kind: Keep, Ordinal: 10}),
		jitter(Override{Kind: Salt, Value: 6, From: at(2)}), Override{Kind: Salt, Value: 7, From: at(2)})
	w := New(Config{Overrides: slices.Concat(met, unmet)})
	if got := w.Unmet(); len(got) != len(met)+len(unmet) {
		t.Fatalf("nothing has happened yet, and of %d overrides %v are unmet", len(met)+len(unmet), got)
	}
	w.chance.choose(siteJitter, hashEntity("a>b"), 7, 10)
	w.chance.choose(siteJitter, hashEntity("a>b"), 8, 10)
	if got := w.Unmet(); !slices.Equal(got, unmet) {
		t.Fatalf("unmet are\n%v, want\n%v", got, unmet)
	}
	w.now = at(2)
	w.chance.choose(siteJitter, hashEntity("c>d"), 7, 10)
	if got := w.Unmet(); !slices.Equal(got, unmet[:len(unmet)-2]) {
		t.Fatalf("after the time from which two salts apply, unmet are\n%v, want\n%v", got, unmet[:len(unmet)-2])
	}
}

// A salt with a time leaves every decision before it as it was; the latest of several applies.
func TestSaltFromATimeOn(t *testing.T) {
	plain := seeded(3)
	one, two := Override{Kind: Salt, Value: 1, From: at(100)}, Override{Kind: Salt, Value: 2, From: at(200)}
	both, onlyOne, onlyTwo := seeded(3, two, one), seeded(3, one), seeded(3, two)
	draw := func(c *chance, now Time, i uint64) uint64 {
		*c.now = now
		return c.choose(siteJitter, hashEntity("a>b"), i, 1<<40)
	}
	for i := range uint64(20) {
		if a, b := draw(both, at(99), i), draw(plain, 0, i); a != b {
			t.Errorf("decision %d before the first time: %d, without salts %d", i, a, b)
		}
		if a, b, never := draw(both, at(100), i), draw(onlyOne, at(100), i), draw(plain, 0, i); a != b || a == never {
			t.Errorf("decision %d under the first salt: %d, alone it gives %d, no salt %d", i, a, b, never)
		}
		if a, b, first := draw(both, at(300), i), draw(onlyTwo, at(300), i), draw(onlyOne, at(300), i); a != b || a == first {
			t.Errorf("decision %d under the second salt: %d, alone it gives %d, the first gives %d", i, a, b, first)
		}
	}
	w := func(list ...Override) uint64 {
		w := chatter(Config{Seed: 5, Net: Rough(), Overrides: list})
		w.RunUntil(at(100) - 1)
		before := w.Hash()
		w.RunUntil(at(200))
		if w.Hash() == before {
			t.Fatal("nothing happened in the second half")
		}
		return before
	}
	if w() != w(one) {
		t.Error("a salt from 100 ms on changed the first 100 ms of a run")
	}
}

// A salt with a step leaves that step and all before it as they were, and begins at once after it. It is unmet until then.
func TestSaltFromAStepOn(t *testing.T) {
	run := func(steps uint64, list ...Override) (events, hash uint64, w *World) {
		w = chatter(Config{Seed: 5, Net: Rough(), Overrides: list})
		for w.Steps() < steps && w.Step() {
		}
		return w.Events(), w.Hash(), w
	}
	const at = 2
	salt := Override{Kind: Salt, Value: 1, Step: at}
	events, hash, plain := run(at)
	if saltedEvents, saltedHash, w := run(at, salt); saltedEvents != events || saltedHash != hash || len(w.Unmet()) != 1 {
		t.Errorf("up to step %d: %d events and hash %x, without the salt %d and %x; unmet %v", at, saltedEvents, saltedHash, events, hash, w.Unmet())
	}
	_, _, w := run(at, salt)
	for _, x := range []*World{plain, w} {
		x.RunUntil(Time(200 * env.Millisecond))
	}
	if w.Hash() == plain.Hash() || len(w.Unmet()) != 0 {
		t.Errorf("the salt changed nothing; unmet %v", w.Unmet())
	}
	never := Override{Kind: Salt, Value: 1, Step: 1 << 40}
	if _, _, w := run(at, never); !slices.Equal(w.Unmet(), []Override{never}) {
		t.Errorf("a salt from a step that the run does not have: unmet %v", w.Unmet())
	}
}

// A salt of a site replaces that of the noise from its own time on, also the same value and 0, which is the seed; a later
// salt of the noise replaces both.
func TestSaltOfASiteAndOfTheNoise(t *testing.T) {
	site := func(value uint64, from Time) Override {
		return Override{Kind: Salt, Site: siteJitter.name, Value: value, From: from}
	}
	noise := func(value uint64, from Time) Override { return Override{Kind: Salt, Value: value, From: from} }
	draw := func(list ...Override) uint64 {
		c := seeded(3, list...)
		*c.now = at(300)
		return c.choose(siteJitter, hashEntity("a>b"), 1, 1<<40)
	}
	seed, seven, eight := draw(), draw(noise(7, 0)), draw(noise(8, 0))
	if seed == seven || seven == eight {
		t.Fatalf("the salts 0, 7 and 8 draw %d, %d and %d", seed, seven, eight)
	}
	for name, c := range map[string]struct {
		list []Override
		want uint64
	}{
		"the same value for both":   {[]Override{noise(7, 0), site(7, 0)}, seven},
		"the site goes to the seed": {[]Override{noise(7, 0), site(0, 0)}, seed},
		"the site has another":      {[]Override{site(8, 0), noise(7, 0)}, eight},
		"the noise's begins later":  {[]Override{site(8, 0), noise(7, at(100))}, seven},
		"the site's begins later":   {[]Override{noise(7, at(100)), site(8, at(200))}, eight},
	} {
		if got := draw(c.list...); got != c.want {
			t.Errorf("%s: drew %d, wanted %d", name, got, c.want)
		}
	}
}

// Sites names what a world decides, so that a scenario's misspelt site can be told from one that does not come up.
func TestSitesAreAllSites(t *testing.T) {
	var sink decidedSink
	l := newLab(t, func(c *Config) {
		c.Net, c.Decisions = Rough(), &sink
		c.Disk = disk.CloudVolume()
		c.Disk.Noise = disk.Noise{Slow: 500_000, Stall: 300_000, Torn: 1_000_000}
	})
	l.add("b1", &node{start: func(e env.Env) {
		e.Choose("test.node", 1<<30)
		for i := range 8 {
			f, _ := e.Disk().Open(fmt.Sprintf("f%d", i), true)
			_ = e.Disk().Append(f, make([]byte, 9000))
			_ = e.Disk().Sync(f)
			_ = e.Disk().Append(f, make([]byte, 9000))
		}
	}})
	for range 8 {
		l.RunUntil(l.Now() + at(50))
		l.PowerLoss("b1")
		l.Start("b1")
	}
	w := chatter(Config{Seed: 5, Net: Rough(), Decisions: &sink})
	w.RunUntil(at(400))
	seen := map[env.Site]bool{}
	for _, d := range sink {
		ofNode := strings.HasPrefix(string(d.site), "test.") || strings.HasPrefix(string(d.site), "talker.")
		if !seen[d.site] && !ofNode && !slices.Contains(Sites(), d.site) {
			t.Errorf("the world decides at %q, which Sites does not name", d.site)
		}
		seen[d.site] = true
	}
	if len(seen) < 10 {
		t.Errorf("decisions at %v only", seen)
	}
}
