// Package config is Kafka's configs as one table: name, scope, type, default, allowed values, first version, and a line of
// documentation.
//
//	topics.go brokers.go quorum.go groups.go clients.go features.go        the table
//	      │
//	Lookup(scope, name) ──▶ *Config ──Parse(c, text)──▶ Value or *Error
//	      │
//	New(scope).With(name, text) ──▶ Set: overrides over synonyms over defaults, read by Int, Bool, Duration, ...
//
// This table has every default, bound and spelling. The table serves the settings of nodes, the input of scenarios and
// command lines, the responses to DescribeConfigs, and the printed lists of configs.
//
// How to read: config.go has the form of the table. synonyms.go lists the broker configs that a topic config falls back
// to. set.go has the settings of one node, topic or client.
//
// Defaults, bounds, types and the messages for bad values are those of Apache Kafka 4.4.0; the tests compare them with
// those in Kafka's code. The table omits configs of security, metrics, plug-in classes, socket buffers and listeners,
// which a simulated world does not have. This project does not use floats, so the few configs that are ratios are
// stored as permille.
package config

import (
	"slices"
	"strconv"
	"strings"
)

// Scope is the kind of thing that has a config. Several configs can share a name. For example, compression.type is a
// config of topics and another one of producers, with different defaults. One config can have several scopes.
type Scope uint16

const (
	Topic      Scope = 1 << iota
	Broker           // a node with the role broker
	Controller       // a node with the role controller; Kafka has one set of configs for both roles
	Group            // a consumer, share or streams group; its configs are set like those of a topic
	Producer
	Consumer
	Admin
	Feature // a finalized feature level, which is not a config in Kafka but is chosen together with configs

	// Dynamic and Internal are marks and not scopes. Configs of topics and groups have no mark Dynamic, because they
	// can always be changed in a running cluster.
	Dynamic  // a broker config that can be changed in a running cluster, for all brokers at once
	Internal // Kafka does not document this config, because it is for Kafka's tests or should not be changed
)

// Node and Client combine several scopes.
const (
	Node   = Broker | Controller
	Client = Producer | Consumer | Admin
)

const marks = Dynamic | Internal

// String returns the names of the scopes: "topic", "producer, consumer".
func (s Scope) String() string {
	var names []string
	for i, name := range [...]string{"topic", "broker", "controller", "group", "producer", "consumer", "admin", "feature"} {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Kind is a config's type.
type Kind uint8

const (
	Bool  Kind = iota
	Short      // an integer of 16 bits
	Int        // an integer of 32 bits
	Long       // an integer of 64 bits
	Ratio      // a double in Kafka; here a decimal number with at most three places, stored as permille
	Text
	List // a list of texts, separated by commas
)

// String returns Kafka's name of the type.
func (k Kind) String() string {
	return [...]string{"BOOLEAN", "SHORT", "INT", "LONG", "DOUBLE", "STRING", "LIST"}[k]
}

// Null is the default of a config that has no value unless it is set.
const Null = "null"

// Config is one row of the table. Rows are shared and never change.
type Config struct {
	Name    string
	Scope   Scope
	Kind    Kind
	Default string // the default as text, or Null
	Rule    Rule   // the allowed values of the type
	Since   string // the first release line of Kafka with this config
	Doc     string // one line of documentation
}

// Is reports whether the config belongs to one of the scopes, or has one of the marks.
func (c *Config) Is(s Scope) bool { return c.Scope&s != 0 }

// table holds every config, sorted by name and then by scope. It is built once and never changed.
var table = sortedTable(topics, brokers, quorum, groups, groupConfigs, clients, features)

func sortedTable(parts ...[]Config) []*Config {
	var all []*Config
	for _, part := range parts {
		for i := range part {
			all = append(all, &part[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *Config) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return int(a.Scope&^marks) - int(b.Scope&^marks)
	})
	return all
}

// All returns every config, sorted by name.
func All() []*Config { return slices.Clone(table) }

// Of returns every config of the scopes, sorted by name.
func Of(s Scope) []*Config {
	var of []*Config
	for _, c := range table {
		if c.Is(s &^ marks) {
			of = append(of, c)
		}
	}
	return of
}

// Lookup finds a config by name among those of the scopes.
func Lookup(s Scope, name string) (*Config, bool) {
	i, _ := slices.BinarySearchFunc(table, name, func(c *Config, name string) int { return strings.Compare(c.Name, name) })
	for ; i < len(table) && table[i].Name == name; i++ {
		if table[i].Is(s &^ marks) {
			return table[i], true
		}
	}
	return nil, false
}

// Find does the same as Lookup. If there is no such config, it returns an error that suggests similar names, or scopes
// that have a config of this name.
func Find(s Scope, name string) (*Config, error) {
	if c, ok := Lookup(s, name); ok {
		return c, nil
	}
	e := &Error{Name: name, Unknown: s &^ marks}
	if c, ok := Lookup(^Scope(0), name); ok {
		e.Elsewhere = c.Scope &^ marks
	}
	names := make([]string, 0, len(table))
	for _, c := range Of(s) {
		names = append(names, c.Name)
	}
	e.Near = Nearest(name, names)
	return nil, e
}

// Error is the reason why a setting is refused.
type Error struct {
	Name  string
	Value string
	Why   string // the reason, which for a bad value is Kafka's message

	Unknown   Scope    // if not 0, this scope has no config of this name
	Elsewhere Scope    // other scopes that have a config of this name
	Near      []string // similar names
}

// Error returns the reason. For an unknown config, it returns Kafka's message, the other scopes that have a config of
// this name, and similar names.
func (e *Error) Error() string {
	if e.Unknown == 0 {
		return e.Why
	}
	s := "Unknown " + e.Unknown.String() + " config name: " + e.Name
	if e.Elsewhere != 0 {
		s += " (it is a config of: " + e.Elsewhere.String() + ")"
	}
	if len(e.Near) > 0 {
		s += " (" + strings.Join(e.Near, " or ") + "?)"
	}
	return s
}

// Value is a config's value. The zero Value is null.
type Value struct {
	kind Kind
	set  bool
	n    int64 // an integer, the permille of a ratio, or 1 for true
	text string
	list []string
}

// IsNull reports whether there is no value.
func (v Value) IsNull() bool { return !v.set }

// String returns the value as Kafka prints it, or "null".
func (v Value) String() string {
	switch {
	case !v.set:
		return Null
	case v.kind == Bool:
		return strconv.FormatBool(v.n != 0)
	case v.kind == Ratio:
		return permilleText(v.n)
	case v.kind == Text:
		return v.text
	case v.kind == List:
		return strings.Join(v.list, ",")
	}
	return strconv.FormatInt(v.n, 10)
}

// Parse reads a value as Kafka's ConfigDef does: it ignores spaces around the value and the case of true and false, and
// splits lists at commas. Errors are *Error with Kafka's message.
func Parse(c *Config, text string) (Value, error) {
	trimmed := strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	v := Value{kind: c.Kind, set: true}
	bad := func(why string) (Value, error) {
		return Value{}, &Error{Name: c.Name, Value: text, Why: "Invalid value " + text + " for configuration " + c.Name + ": " + why}
	}
	var ok bool
	switch c.Kind {
	case Bool:
		isTrue := strings.EqualFold(trimmed, "true")
		if !isTrue && !strings.EqualFold(trimmed, "false") {
			return bad("Expected value to be either true or false")
		}
		if isTrue {
			v.n = 1
		}
	case Short, Int, Long:
		n, err := strconv.ParseInt(trimmed, 10, c.Kind.bits())
		if v.n = n; err != nil {
			return bad("Not a number of type " + c.Kind.String())
		}
	case Ratio:
		if v.n, ok = permille(trimmed); !ok {
			return bad("Not a number of type DOUBLE with at most three decimal places")
		}
	case Text:
		v.text = trimmed
	case List:
		v.list = splitList(trimmed)
	}
	if why := c.Rule.check(c.Name, v); why != "" {
		return Value{}, &Error{Name: c.Name, Value: text, Why: why}
	}
	return v, nil
}

// defaultValue returns the default as a Value.
func (c *Config) defaultValue() Value {
	if c.Default == Null {
		return Value{}
	}
	v, err := Parse(c, c.Default)
	if err != nil {
		panic("config: " + err.Error()) // cannot happen: a test parses every default
	}
	return v
}

// bits returns the width of an integer kind.
func (k Kind) bits() int {
	switch k {
	case Short:
		return 16
	case Int:
		return 32
	}
	return 64
}

// splitList splits s as Java does with the regular expression \s*,\s*.
func splitList(s string) []string {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i, p := range parts {
		parts[i] = strings.Trim(p, " \t\n\v\f\r") // the characters that \s matches in Java; it matches no other Unicode space
	}
	return parts
}

// permille parses a decimal number with at most three significant decimal places.
func permille(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	whole, places, _ := strings.Cut(digits, ".")
	if places = strings.TrimRight(places, "0"); len(places) > 3 || whole+places == "" && !strings.Contains(digits, "0") {
		return 0, false
	}
	n, err := strconv.ParseUint("0"+whole+(places + "000")[:3], 10, 50)
	if negative {
		return -int64(n), err == nil
	}
	return int64(n), err == nil
}

// permilleText formats a ratio as Java formats a double, always with a decimal place.
func permilleText(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	places := strings.TrimRight(strconv.FormatInt(1000+n%1000, 10)[1:], "0")
	return sign + strconv.FormatInt(n/1000, 10) + "." + places + "0"[:1-min(1, len(places))]
}
