package scenarios

import (
	"fmt"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// Verb is one verb of scenarios. The parser, help and the session use the same value.
type Verb struct {
	Name    string
	Group   string   // its heading in lists
	Forms   []string // the grammar of its words, see form.go; the first form is the usual one
	Keys    []Key    // its own key=value words
	Configs Scope    // the Kafka configs that it accepts as name=value; none if empty
	Doc     string   // its description, in whole sentences
	Example string   // example lines of a scenario
	Timed   bool     // whether it may follow "at TIME"
	// Check finds errors that the form cannot express and adds new names. It may be nil.
	Check func(*names, *Args) *complaint
	// Run starts the verb and does not wait for its end. Result.Until reports whether the verb has ended.
	Run func(*Session, *Args) Result
	// Overrides returns the decisions that the line changes before the first event. Such a verb has no Run.
	Overrides func(*Args) []Override
	// Declare adds the line to the program, if the line applies to the whole run. Such a verb has no Run.
	Declare func(*Program, *Command) *complaint
}

// early reports whether the verb applies before the first event, wherever its line is.
func (v *Verb) early() bool { return v.Overrides != nil || v.Declare != nil }

// Key is a key=value word of a verb.
type Key struct {
	Name string
	Kind string // the name of a placeholder
	Doc  string
}

// Result is the output of a verb and the condition that ends it.
type Result struct {
	Text  string            // output in whole lines
	Until func() bool       // the verb ends when this returns true; if nil, at once
	After env.Duration      // the verb ends after this time at the latest; 0 is the session's limit
	Then  func(bool) string // returns more output at the end; the argument reports whether Until returned true
	Stays bool              // like Aside, and the end of the file does not wait for the verb either
	Aside bool              // the next line does not wait for this verb, and the output of the verb is only in the story
}

// Scope is the kind of configs that a verb can set.
type Scope string

const (
	ScopeCluster Scope = "cluster" // configs of brokers, controllers and the whole cluster, set before the cluster starts
	ScopeNodes   Scope = "broker"  // configs of running brokers
	ScopeBrokers Scope = "server"  // configs in the server.properties of brokers
	ScopeTopic   Scope = "topic"
	ScopeFeature Scope = "feature" // levels of features
	ScopeClient  Scope = "client"
)

// Args are the resolved words of a line.
type Args struct {
	Settings []Setting // the configs on the line
	Timed    bool      // the line follows "at TIME"
	bound    []bound   // words of the form, in order
	keys     []bound   // keys of the verb, in the order written
	settings []Word    // the words that Settings came from
}

// get returns the word of a placeholder or literal.
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

// all returns the words of a placeholder that may occur more than once.
func (a *Args) all(name string) (list []bound) {
	for _, b := range a.bound {
		if b.name == name {
			list = append(list, b)
		}
	}
	return list
}

// has reports whether the line has a literal, an optional placeholder or a key.
func (a *Args) has(name string) bool {
	_, ok := a.get(name)
	return ok
}

// arg returns the value of a placeholder or key, or the zero value if the line does not have it.
func arg[T any](a *Args, name string) (v T) {
	if b, ok := a.get(name); ok {
		v, _ = b.value.(T)
	}
	return v
}

// argOr returns the value of a placeholder or key, or a default if the line does not have it.
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

// complaint is an error at a word of the line. It does not name the file yet.
type complaint struct {
	word            Word
	msg, suggestion string
}

// Verbs returns the table of all verbs, in the order that help uses.
func Verbs() []*Verb {
	return []*Verb{
		verbCluster, verbProperties, verbRule, verbTopic, verbGrow, verbConfig, verbFinalise, verbElect, verbDelete,
		verbProduce, verbSend, verbConsume, verbDrain, verbList, verbDescribe, verbWorkload,
		verbCrash, verbStop, verbStart, verbRestart, verbWipe, verbDouble, verbPause, verbResume,
		verbCut, verbSlow, verbLink, verbHeal, verbClock, verbDisk,
		verbAt, verbWait, verbRun, verbPin, verbOff, verbKeep, verbSalt,
		verbShow, verbExpect, verbSaw, verbFound,
	}
}

// LookupVerb returns a verb by its name. If there is none, it returns the nearest name, or "".
func LookupVerb(name string) (*Verb, string) {
	var known []string
	for _, v := range Verbs() {
		if v.Name == name {
			return v, ""
		}
		known = append(known, v.Name)
	}
	// Each pair is a word that other tools use and the verb that does the same here.
	for _, s := range [...][2]string{{"kill", "crash"}, {"read", "consume"}, {"reboot", "restart"}, {"erase", "wipe"}, {"format", "wipe"}, {"assert", "expect"},
		{"sleep", "wait"}, {"partition", "cut"}, {"create", "topic"}, {"write", "produce"}, {"print", "show"}, {"remove", "delete"},
		{"upgrade", "finalise"}, {"finalize", "finalise"}, {"expand", "grow"}} {
		if s[0] == name {
			return nil, s[1]
		}
	}
	return nil, Nearest(name, known)
}

// Help returns a verb's help page.
func (v *Verb) Help() string {
	var b strings.Builder
	for line := range strings.Lines(v.Example) {
		fmt.Fprintf(&b, "    %s\n", strings.TrimRight(line, "\n"))
	}
	b.WriteString("\nUsage\n")
	for _, form := range v.Forms {
		head, rest, _ := strings.Cut(v.usage(form), " ")
		fmt.Fprintf(&b, "    %s\n", strings.TrimRight(hang(head+" ", rest, 76), " "))
	}
	fmt.Fprintf(&b, "\n%s\n", Wrap(v.Doc, 80))
	if len(v.Keys) > 0 || v.Configs != "" {
		b.WriteString("\nKeys\n")
	}
	for _, k := range v.Keys {
		b.WriteString(hang(fmt.Sprintf("    %-14s ", k.Name+"="), k.Doc, 80) + "\n")
	}
	if v.Configs != "" {
		b.WriteString(hang(fmt.Sprintf("    %-14s ", v.setting()),
			fmt.Sprintf("any %s config; samsa list configs names them", v.Configs), 80) + "\n")
	}
	if v.Timed {
		b.WriteString("\nMay follow a time: at 1.2s " + v.Name + " ...\n")
	}
	return b.String()
}

// usage returns a form with its verb and its key=value words.
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

// setting returns the placeholder for the configs that a verb accepts.
func (v *Verb) setting() string {
	if v.Configs == ScopeFeature {
		return "FEATURE=LEVEL"
	}
	return "CONFIG=VALUE"
}
