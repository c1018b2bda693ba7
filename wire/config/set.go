package config

import (
	"slices"
	"strings"
)

// Set has the settings of one node, topic or client. If a config is not set, its value is that of the first synonym
// that is set or, if no synonym is set, the default. A Set never changes, because With and Without return new ones; it
// can therefore be shared.
//
// Every read searches the table and parses defaults. This is slow, so a node reads its settings only when it starts and
// when a setting changes, and keeps the values in fields.
//
//	topic's own ──▶ node's own, synonym by synonym ──▶ default
type Set struct {
	scope Scope
	own   []setting // sorted by name, each name once
	below *Set      // the settings of the node, to which those of a topic or group fall back; may be nil
}

type setting struct {
	config *Config
	value  Value
}

// New returns a set in which nothing is set. scope (Node, Topic, Producer, ...) determines which configs can be set.
func New(scope Scope) *Set { return &Set{scope: scope} }

// Over returns a set with the values of s, which belong to a topic or a group. For a config that s does not set, the new set
// has the value of node.
func (s *Set) Over(node *Set) *Set { return &Set{scope: s.scope, own: s.own, below: node} }

// With returns the set with one setting added or replaced. Errors are *Error.
func (s *Set) With(name, text string) (*Set, error) {
	c, err := Find(s.scope, name)
	if err != nil {
		return nil, err
	}
	v, err := Parse(c, text)
	if err != nil {
		return nil, err
	}
	i, found := s.search(name)
	own := slices.Clone(s.own)
	if found {
		own[i].value = v
	} else {
		own = slices.Insert(own, i, setting{c, v})
	}
	return &Set{scope: s.scope, own: own, below: s.below}, nil
}

// Without returns the set without one setting. If name is not set, the result has the same settings.
func (s *Set) Without(name string) *Set {
	i, found := s.search(name)
	if !found {
		return s
	}
	return &Set{scope: s.scope, own: slices.Delete(slices.Clone(s.own), i, i+1), below: s.below}
}

func (s *Set) search(name string) (int, bool) {
	return slices.BinarySearchFunc(s.own, name, func(e setting, name string) int { return strings.Compare(e.config.Name, name) })
}

// Own returns the sorted names of the configs that are set in s itself.
func (s *Set) Own() []string {
	names := make([]string, len(s.own))
	for i, e := range s.own {
		names[i] = e.config.Name
	}
	return names
}

// Source is the origin of a value.
type Source uint8

const (
	FromDefault Source = iota
	FromNode           // a synonym in the node's settings
	FromOwn            // a setting of this Set
)

// Get returns the value of a config and its source. If the scope of s has no config of this name, it panics, because a
// wrong name is a mistake in the code and not in its input.
func (s *Set) Get(name string) (Value, Source) {
	c, err := Find(s.scope, name)
	if err != nil {
		panic("config: " + err.Error())
	}
	if i, found := s.search(name); found {
		return s.own[i].value, FromOwn
	}
	node := s.below
	if c.Is(Node) {
		node = s
	}
	synonyms := c.Synonyms()
	if node != nil {
		for _, y := range synonyms {
			if i, found := node.search(y.Name); found {
				return y.convert(node.own[i].value), FromNode
			}
		}
	}
	if c.Default != Null {
		return c.defaultValue(), FromDefault
	}
	for _, y := range synonyms {
		if n, ok := Lookup(Node, y.Name); ok && n.Default != Null {
			return y.convert(n.defaultValue()), FromDefault
		}
	}
	return Value{}, FromDefault
}

// convert converts a synonym's value to the unit of the config. A value below 0 means "never" and is not converted.
func (y Synonym) convert(v Value) Value {
	if y.Factor == same || v.IsNull() {
		return v
	}
	v.kind = Long
	if v.n < 0 {
		v.n = -1
	} else {
		v.n *= y.Factor // configs in minutes and hours are of the kind Int, so the product cannot overflow
	}
	return v
}

// want returns the value of the config with this name. If the value is of none of the kinds, want panics.
func (s *Set) want(name string, kinds ...Kind) Value {
	v, _ := s.Get(name)
	if v.set && !slices.Contains(kinds, v.kind) {
		panic("config: " + name + " is read as " + kinds[0].String() + " and is " + v.kind.String())
	}
	return v
}

// Int returns the value of an integer. It returns 0 for null; see IsNull.
func (s *Set) Int(name string) int64 { return s.want(name, Int, Long, Short).n }

// Bool returns the value of a boolean.
func (s *Set) Bool(name string) bool { return s.want(name, Bool).n != 0 }

// Permille returns the value of a ratio, times 1000.
func (s *Set) Permille(name string) int64 { return s.want(name, Ratio).n }

// Text returns the value of a string, or "" for null.
func (s *Set) Text(name string) string { return s.want(name, Text).text }

// List returns the value of a list, or nil for null.
func (s *Set) List(name string) []string { return slices.Clone(s.want(name, List).list) }

// IsNull reports whether neither the config nor a synonym has a value.
func (s *Set) IsNull(name string) bool { v, _ := s.Get(name); return v.IsNull() }

// Duration is a duration in nanoseconds. It can be converted to env.Duration.
type Duration int64

const (
	millisecond Duration = 1000 * 1000
	second               = 1000 * millisecond
	minute               = 60 * second
	hour                 = 60 * minute
	day                  = 24 * hour
)

// Duration returns the value of an integer config. The name of the config must end in a unit of time. Null or a value
// below 0 gives a negative result. For some configs that means "never", and for others "use another config instead". A
// value that is too large for a Duration gives the longest Duration, 292 years.
func (s *Set) Duration(name string) Duration {
	u := timeUnit(name)
	v := s.want(name, Int, Long)
	switch {
	case !v.set || v.n < 0:
		return -1
	case v.n > int64(unbounded/u):
		return unbounded
	}
	return Duration(v.n) * u
}

func timeUnit(name string) Duration {
	for _, u := range [...]unit{
		{".ms", millisecond}, {".millis", millisecond}, {".seconds", second}, {".minutes", minute}, {".hours", hour},
	} {
		if strings.HasSuffix(name, u.letter) {
			return u.d
		}
	}
	panic("config: " + name + " is no time")
}
