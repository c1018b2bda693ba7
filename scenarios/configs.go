package scenarios

import (
	"errors"
	"fmt"
	"strings"

	"samsa/wire/config"
)

// ScopeEither is the scope of the verb config, which sets configs of topics and of brokers.
const ScopeEither Scope = "topic or cluster"

// of returns the scope as package wire/config represents it.
func (s Scope) of() config.Scope {
	switch s {
	case ScopeCluster:
		return config.Node | config.Feature
	case ScopeBrokers:
		return config.Broker
	case ScopeNodes:
		return config.Node
	case ScopeTopic:
		return config.Topic
	case ScopeFeature:
		return config.Feature
	case ScopeClient:
		return config.Producer | config.Consumer
	case ScopeEither:
		return config.Topic | config.Node
	}
	return 0
}

// anyScope is every scope that a scenario can set.
const anyScope = config.Topic | config.Node | config.Producer | config.Consumer | config.Feature

// readSetting reads a config for a scope.
func readSetting(scope Scope, w Word) (Setting, *complaint) {
	msg, near := checkSetting(scope.of(), w.Key, w.Value)
	if msg != "" {
		return Setting{}, &complaint{w, msg, near}
	}
	return Setting{Name: w.Key, Value: w.Value}, nil
}

// checkSetting returns the error in a setting and the most likely correction, or empty strings. If several scopes have the
// config with different bounds, the value must be valid in at least one of them.
func checkSetting(scope config.Scope, name, value string) (msg, near string) {
	if _, err := config.Find(scope, name); err != nil {
		return describeUnknown(err)
	}
	for s := config.Topic; s != 0 && s <= scope; s <<= 1 {
		c, ok := config.Lookup(s&scope, name)
		if !ok {
			continue
		}
		_, err := config.Parse(c, value)
		if err == nil {
			return "", ""
		}
		if msg == "" {
			msg, near = err.Error(), Nearest(value, c.Rule.Words())
			if allowed := c.Allowed(); allowed != "" && !strings.Contains(msg, allowed) && !strings.Contains(msg, "must") {
				msg += "; allowed is " + allowed
			}
		}
	}
	return msg, near
}

// describeUnknown returns the message about a config that the scope does not have, and the nearest known name. The message
// lists the other scopes that have the config.
func describeUnknown(err error) (msg, near string) {
	var e *config.Error
	if !errors.As(err, &e) {
		return err.Error(), ""
	}
	whose := strings.ReplaceAll(e.Unknown.String(), ", ", " or ") + " "
	if e.Unknown == anyScope {
		whose = ""
	}
	msg = fmt.Sprintf("no %sconfig %q", whose, e.Name)
	if e.Elsewhere != 0 {
		msg += "; it is one of: " + e.Elsewhere.String()
	}
	if len(e.Near) > 0 {
		near = e.Near[0]
	}
	return msg, near
}

// ParseSet reads a setting in the form NAME=VALUE, as in the flag --set. With an error, it also returns the nearest valid
// word, or "" if none is near.
func ParseSet(s string) (Setting, string, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || !isKey(name) {
		return Setting{}, "", errors.New("it must be NAME=VALUE")
	}
	if msg, near := checkSetting(anyScope, name, value); msg != "" {
		return Setting{}, near, errors.New(msg)
	}
	return Setting{Name: name, Value: value}, "", nil
}

// override merges the settings of a line with the settings of --set. The settings of --set take precedence.
func (s *Session) override(scope Scope, settings []Setting) []Setting {
	var all []Setting
	for _, have := range settings {
		won := false
		for _, set := range s.run.Set {
			won = won || set.Name == have.Name
		}
		if !won {
			all = append(all, have)
		}
	}
	for _, set := range s.run.Set {
		if msg, _ := checkSetting(scope.of(), set.Name, set.Value); msg == "" {
			all = append(all, set)
		}
	}
	return all
}

// ConfigInfo is one config in a list.
type ConfigInfo struct{ Name, Doc string }

// Configs lists every config that a scenario can set, each name once.
func Configs() []ConfigInfo {
	var all []ConfigInfo
	for _, c := range config.Of(anyScope) {
		if n := len(all); n == 0 || all[n-1].Name != c.Name {
			all = append(all, ConfigInfo{c.Name, c.Doc})
		}
	}
	return all
}

// ExplainConfig describes a config in each of its scopes. It returns "" if no config has that name.
func ExplainConfig(name string) string {
	var b strings.Builder
	for _, c := range config.Of(anyScope) {
		if c.Name != name {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(Wrap(c.Doc, 80) + "\n")
		say := func(what, text string) {
			if text != "" {
				fmt.Fprintf(&b, "  %s\n", hang(fmt.Sprintf("%-8s ", what), text, 78))
			}
		}
		whose := c.Scope.String()
		if c.Is(config.Dynamic) || c.Is(config.Topic) {
			whose += "; can be changed while the cluster runs"
		}
		say("of", whose)
		say("type", c.Kind.String())
		say("default", c.Default)
		say("allowed", c.Allowed())
		say("since", c.Since)
	}
	return b.String()
}
