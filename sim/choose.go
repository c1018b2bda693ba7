package sim

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// Randomness in this world is counter-based: a decision is a hash of (seed, site, entity, ordinal) and of nothing else.
//
//	seed ──┐
//	site ──┼─▶ hash ─▶ [0, n)        site     what is decided: "net.jitter"
//	entity ┤                         entity   of which machine: "b1", or "b1>b2" for a pair
//	ordinal┘                         ordinal  which time: a tick, a bucket of time, a count
//
// There is no generator state, so adding, removing or pinning one decision changes no other. For the same reason ordinals
// are buckets of time and not message numbers, because dropping one message would renumber all later ones.
//
// 0 is always the benign value: no fault, least delay, first come first served.

// site identifies one kind of random decision.
type site struct {
	name  env.Site
	key   uint64
	noise bool // its decisions change only times and break nothing; a Salt without a site applies to it
}

func newSite(name env.Site) site { return site{name: name, key: hashString(string(name))} }

func newNoise(name env.Site) site { return site{name, hashString(string(name)), true} }

// Override changes decisions of a run without changing its seed. Shrinkers write overrides, and scenario files store
// them.
type Override struct {
	Kind    OverrideKind
	Site    env.Site // in a Salt, "" means all noise of the world itself
	Entity  string   // for Pin and Keep: the entity of the decision, "b1" or "b1>b2"
	Ordinal uint64   // for Pin and Keep: the ordinal of the decision
	Value   uint64   // for Pin: the value; for Salt: the salt
	From    Time     // for Salt: decisions before this time do not change
	Step    uint64   // for Salt: if not 0, decisions do not change until the run has this many steps
}

// OverrideKind selects the effect of an Override.
type OverrideKind uint8

const (
	// Pin gives one decision its value.
	Pin OverrideKind = iota
	// Off makes every decision of a site 0, except those with a Pin.
	Off
	// Keep leaves one decision as it is and makes all others of its site 0, except those with a Keep or a Pin.
	Keep
	// Salt changes every decision of a site as another seed would, beginning at From or after Step. If several salts apply,
	// the one that began last wins. If several began at that time, the last in the list wins, but a salt of the site itself
	// wins over a salt of all noise.
	Salt
)

// overrides indexes Config.Overrides by site, so that a site without a rule costs only a search of a short list.
type overrides struct {
	rules []rule
	noise rule // salts of all noise sites
	waits bool // a salt waits for a step, or has waited
}

// rule holds the overrides of one site.
type rule struct {
	site  uint64
	pins  map[decision]uint64
	keep  map[decision]bool // nil if no Keep applies to the site
	off   bool
	salts []salt // in the order in which they begin

	met   map[decision]bool // decisions with a Pin or a Keep that the run has asked for
	asked bool              // the run has asked for some decision of the site
}

// salt is an Override of the kind Salt.
type salt struct {
	Override
	from Time // when the salt begins; unreached while the salt waits for a step
	met  bool // the run has asked for a decision since the salt began
}

// decision identifies one decision of a site.
type decision struct{ entity, ordinal uint64 }

// addressOf returns the decision that a Pin or a Keep applies to.
func addressOf(e Override) decision { return decision{hashEntity(e.Entity), e.Ordinal} }

func newOverrides(list []Override) *overrides {
	if len(list) == 0 {
		return nil
	}
	o := &overrides{}
	for _, e := range list {
		r := o.of(e)
		if r == nil {
			o.rules = append(o.rules, rule{site: hashString(string(e.Site)), pins: map[decision]uint64{}, met: map[decision]bool{}})
			r = &o.rules[len(o.rules)-1]
		}
		switch e.Kind {
		case Pin:
			r.pins[addressOf(e)] = e.Value
		case Off:
			r.off = true
		case Keep:
			if r.keep == nil {
				r.keep = map[decision]bool{}
			}
			r.keep[addressOf(e)] = true
		case Salt:
			s := salt{Override: e, from: e.From}
			if e.Step > 0 {
				s.from, o.waits = unreached, true
			}
			r.salts = append(r.salts, s)
			r.sort()
		}
	}
	return o
}

// unreached is the beginning of a salt that waits for a step.
const unreached = Time(math.MaxInt64)

// reached starts each waiting salt if the run now has the number of steps that the salt waits for.
func (o *overrides) reached(steps uint64, now Time) {
	if o == nil || !o.waits {
		return
	}
	o.noise.reached(steps, now)
	for i := range o.rules {
		o.rules[i].reached(steps, now)
	}
}

func (r *rule) reached(steps uint64, now Time) {
	for i := range r.salts {
		if s := &r.salts[i]; s.Step == steps && s.from == unreached {
			s.from = now
		}
	}
	r.sort()
}

// sort sorts the salts by the times at which they begin.
func (r *rule) sort() {
	slices.SortStableFunc(r.salts, func(a, b salt) int { return cmp.Compare(a.from, b.from) })
}

// of returns the rule that an override belongs to, or nil if its site has none yet.
func (o *overrides) of(e Override) *rule {
	if e.Kind == Salt && e.Site == "" {
		return &o.noise
	}
	return o.rule(hashString(string(e.Site)))
}

// rule returns the rule of a site, or nil if there is none.
func (o *overrides) rule(site uint64) *rule {
	for i := range o.rules {
		if o.rules[i].site == site {
			return &o.rules[i]
		}
	}
	return nil
}

// salt returns the value and the beginning of the rule's salt that applies at time now; ok is false if none applies.
func (r *rule) salt(now Time) (value uint64, since Time, ok bool) {
	r.asked = true
	for i := range r.salts {
		if s := &r.salts[i]; s.from <= now {
			value, since, ok, s.met = s.Value, s.from, true, true
		}
	}
	return value, since, ok
}

// unmet reports whether the run has not yet asked for any decision that the override changes.
func (r *rule) unmet(e Override) bool {
	switch e.Kind {
	case Pin, Keep:
		return !r.met[addressOf(e)]
	case Salt:
		return !slices.ContainsFunc(r.salts, func(s salt) bool { return s.Override == e && s.met })
	}
	return !r.asked
}

// decide applies the overrides to a decision. If they fix its value, decide returns that value and true for fixed. Otherwise
// it returns the salt for the decision's hash.
func (o *overrides) decide(s site, entity, ordinal uint64, now Time) (value uint64, fixed bool, salt uint64) {
	var since Time
	if s.noise {
		salt, since, _ = o.noise.salt(now)
	}
	r := o.rule(s.key)
	if r == nil {
		return 0, false, salt
	}
	// A salt of the site replaces the salt of the noise, unless the latter began later. A salt of 0 restores the seed.
	if own, from, ok := r.salt(now); ok && from >= since {
		salt = own
	}
	at := decision{entity, ordinal}
	v, pinned := r.pins[at]
	if pinned || r.keep[at] {
		r.met[at] = true
	}
	switch {
	case pinned:
		return v, true, 0
	case r.off, r.keep != nil && !r.keep[at]:
		return 0, true, 0
	}
	return 0, false, salt
}

// Sites returns the names of all decisions that the world itself makes; a node passes its own names to Choose.
func Sites() []env.Site {
	var all []env.Site
	for _, s := range [...]site{siteBase, siteJitter, siteLoss, siteStall, siteReset, siteRefuse, siteDrop, siteTie, siteMono} {
		all = append(all, s.name)
	}
	return append(all, disk.Sites()...)
}

// Unmet lists the overrides that changed nothing because the run has not yet asked for their decisions. Their site, entity
// or ordinal may be misspelt.
func (w *World) Unmet() []Override {
	var list []Override
	for _, e := range w.config.Overrides {
		if w.chance.overrides.of(e).unmet(e) {
			list = append(list, e)
		}
	}
	return list
}

// chance makes the random decisions of a world. They depend on its seed and on the overrides.
type chance struct {
	seed      uint64
	overrides *overrides
	now       *Time // the world's current time, which only overrides need
	sink      DecisionSink
	names     map[uint64]string // the names of entities by hash, for the sink
}

// DecisionSink gets every decision that was not 0. A shrinker collects these decisions and removes them one by one.
type DecisionSink interface {
	Decided(site env.Site, entity string, ordinal, value uint64)
}

// choose draws a number from [0, n). The result is 0 if n < 2.
func (c *chance) choose(s site, entity, ordinal, n uint64) uint64 {
	x := hash4(c.seed, s.key, entity, ordinal)
	if c.overrides != nil {
		value, fixed, salt := c.overrides.decide(s, entity, ordinal, *c.now)
		if fixed {
			return c.tell(s, entity, ordinal, min(value, max(n, 1)-1))
		}
		if salt != 0 {
			x = hash4(c.seed^finish(salt), s.key, entity, ordinal)
		}
	}
	return c.tell(s, entity, ordinal, bounded(x, n))
}

// Draw returns the decision that a world with this seed and without overrides makes at a site. The decision is in [0, n).
// Code that plans a run uses Draw before the world exists. The decisions are as independent of each other as those of a
// world.
func Draw(seed uint64, name env.Site, entity string, ordinal, n uint64) uint64 {
	return bounded(hash4(seed, hashString(string(name)), hashEntity(entity), ordinal), n)
}

// rare returns a uniform value in [1, n] with a probability of ppm in a million, and 0 otherwise. The probability is not
// part of the hash, so raising it adds faults and keeps the existing ones. At ppm >= 1e6 the result is never 0.
func (c *chance) rare(s site, entity, ordinal uint64, ppm uint32, n uint64) uint64 {
	x := hash4(c.seed, s.key, entity, ordinal)
	if c.overrides != nil {
		value, fixed, salt := c.overrides.decide(s, entity, ordinal, *c.now)
		if fixed {
			return c.tell(s, entity, ordinal, min(value, n))
		}
		if salt != 0 {
			x = hash4(c.seed^finish(salt), s.key, entity, ordinal)
		}
	}
	if bounded(x, 1_000_000) >= uint64(ppm) {
		return 0
	}
	return c.tell(s, entity, ordinal, 1+bounded(finish(x), n))
}

// tell passes a decision on to the sink.
func (c *chance) tell(s site, entity, ordinal, value uint64) uint64 {
	if c.sink != nil && value != 0 {
		c.sink.Decided(s.name, c.names[entity], ordinal, value)
	}
	return value
}

// bounded maps a hash to [0, n) without floats or division; the bias is below n in 2^64.
func bounded(x, n uint64) uint64 {
	hi, _ := bits.Mul64(x, n)
	return hi
}

// The hashes below define the meaning of a seed. Changing a constant changes every run of every seed.

const golden = 0x9E3779B97F4A7C15

// finish is the finalizer of splitmix64: every bit of x moves every bit of the result.
func finish(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// hash4 computes the hash of a decision.
func hash4(seed, site, entity, ordinal uint64) uint64 {
	hi, lo := bits.Mul64(seed^site^0xA0761D6478BD642F, entity^site>>32^0xE7037ED1A0B428DB)
	return finish(hi ^ lo ^ (ordinal+1)*golden)
}

// hashString is FNV-1a with a finisher. It suffices for short strings that are rarely hashed.
func hashString(s string) uint64 {
	h := uint64(0xCBF29CE484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001B3
	}
	return finish(h)
}

// hashEntity returns the key of a machine, or of an ordered pair of machines ("b1>b2").
func hashEntity(name string) uint64 { return hashString(name) }
