package scenarios

import (
	"fmt"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// Verb is one verb of scenarios. Parser, help and session use the same value.
type Verb struct {
	Name    string
	Group   string   // its heading in lists
	Forms   []string // its words, see form.go; the first is the usual one
	Keys    []Key    // key=value words of its own
	Configs Scope    // Kafka configs it takes as name=value; none if empty
	Doc     string   // what it does, in whole sentences
	Example string   // lines of a scenario
	Timed   bool     // may follow "at TIME"
	// Check finds errors that the form cannot express, and enters new names; may be nil.
	Check func(*names, *Args) *complaint
	// Run starts the verb and never waits: Result.Until is the condition for its end.
	Run func(*Session, *Args) Result
	// Overrides are the decisions that the line changes before the first event; such a verb has no Run.
	Overrides func(*Args) []Override
}

// Key is a key=value word of a verb.
type Key struct {
	Name string
	Kind string // a placeholder's name
	Doc  string
}

// Result is the output of a verb, and the condition that it waits for.
type Result struct {
	Text  string            // output: whole lines
	Until func() bool       // the verb is over when this is true; nil: at once
	After env.Duration      // the verb is over after so long in any case; 0: the session's limit
	Then  func(bool) string // more output at the end; the argument is whether Until became true
	Aside bool              // the next line does not wait; the output is only in the story
}

// Scope is the kind of configs that a verb can set.
type Scope string

const (
	ScopeCluster Scope = "cluster" // of brokers, controllers and the cluster as a whole: known before it starts
	ScopeNodes   Scope = "broker"  // of brokers that run
	ScopeTopic   Scope = "topic"
	ScopeFeature Scope = "feature" // finalised levels
	ScopeClient  Scope = "client"
)

// Args are the resolved words of a line.
type Args struct {
	Settings []Setting // configs
	Timed    bool      // the line follows "at TIME"
	bound    []bound   // words of the form, in order
	keys     []bound   // keys of the verb, as written
	settings []Word    // the words of Settings
}

// get finds the word of a placeholder or literal.
func (a *Args) get(name string) (bound, bool) {
	for _, b := range a.bound {
		if b.name == name {
			return b, true
		}
	}
	for _, b := range a.keys {
		if b.name == name {
			return b, true
		}
	}
	return bound{}, false
}

// has reports whether a literal, an optional placeholder or a key was written.
func (a *Args) has(name string) bool {
	_, ok := a.get(name)
	return ok
}

// arg is the value of a placeholder or key; the zero value if it was left out.
func arg[T any](a *Args, name string) (v T) {
	if b, ok := a.get(name); ok {
		v, _ = b.value.(T)
	}
	return v
}

// argOr is the value of a placeholder or key, or a default if it was left out.
func argOr[T any](a *Args, name string, otherwise T) T {
	if a.has(name) {
		return arg[T](a, name)
	}
	return otherwise
}

// values expands every VALUE of the line.
func (a *Args) values() (list []string) {
	for _, b := range a.bound {
		if v, ok := b.value.(values); ok {
			list = v.spell(list)
		}
	}
	return list
}

func (a *Args) tp() wire.TopicPartition { return arg[wire.TopicPartition](a, "TP") }

// complaint is an error at a word of the line, before the file is known.
type complaint struct {
	word            Word
	msg, suggestion string
}

// Verbs is the table of all verbs, in the order help shows them.
func Verbs() []*Verb {
	return []*Verb{
		verbCluster, verbTopic, verbGrow, verbConfig, verbFinalise, verbElect, verbDelete,
		verbProduce, verbSend, verbConsume, verbDrain,
		verbCrash, verbStop, verbStart, verbDouble, verbPause, verbResume,
		verbCut, verbSlow, verbLink, verbHeal, verbClock, verbDisk,
		verbAt, verbWait, verbRun, verbPin, verbOff, verbKeep, verbSalt,
		verbShow, verbExpect, verbSaw,
	}
}

// LookupVerb finds a verb, or else the name of the nearest one, or "".
func LookupVerb(name string) (*Verb, string) {
	var known []string
	for _, v := range Verbs() {
		if v.Name == name {
			return v, ""
		}
		known = append(known, v.Name)
	}
	// Names of other tools for the same verb.
	for _, s := range [...][2]string{{"kill", "crash"}, {"read", "consume"}, {"restart", "start"}, {"assert", "expect"},
		{"sleep", "wait"}, {"partition", "cut"}, {"create", "topic"}, {"write", "produce"}, {"print", "show"}, {"remove", "delete"},
		{"upgrade", "finalise"}, {"finalize", "finalise"}, {"expand", "grow"}} {
		if s[0] == name {
			return nil, s[1]
		}
	}
	return nil, Nearest(name, known)
}

// Help is a verb's help page.
func (v *Verb) Help() string {
	var b strings.Builder
	for line := range strings.Lines(v.Example) {
		fmt.Fprintf(&b, "    %s\n", strings.TrimRight(line, "\n"))
	}
	b.WriteString("\nUsage\n")
	for _, form := range v.Forms {
		fmt.Fprintf(&b, "    %s\n", v.usage(form))
	}
	fmt.Fprintf(&b, "\n%s\n", Wrap(v.Doc, 80))
	if len(v.Keys) > 0 || v.Configs != "" {
		b.WriteString("\nKeys\n")
	}
	for _, k := range v.Keys {
		fmt.Fprintf(&b, "    %s\n", hang(fmt.Sprintf("%-14s ", k.Name+"="), k.Doc, 76))
	}
	if v.Configs != "" {
		fmt.Fprintf(&b, "    %s\n", hang(fmt.Sprintf("%-14s ", v.setting()),
			fmt.Sprintf("any %s config; samsa list configs names them", v.Configs), 76))
	}
	if v.Timed {
		b.WriteString("\nMay follow a time: at 1.2s " + v.Name + " ...\n")
	}
	return b.String()
}

// usage is a form with its verb and its key=value words.
func (v *Verb) usage(form string) string {
	s := v.Name
	if form != "" {
		s += " " + form
	}
	for _, k := range v.Keys {
		s += " [" + k.Name + "=]"
	}
	if v.Configs != "" {
		s += " [" + v.setting() + "...]"
	}
	return s
}

// setting is the placeholder of the configs that a verb takes.
func (v *Verb) setting() string {
	if v.Configs == ScopeFeature {
		return "FEATURE=LEVEL"
	}
	return "CONFIG=VALUE"
}
