package scenarios

import (
	"fmt"
	"strings"

	"samsa/sim"
)

// ScopeEither is for the verb config, which sets topics and brokers.
const ScopeEither Scope = "topic or cluster"

// ConfigInfo is one config for a reader.
type ConfigInfo struct{ Name, Doc string }

// Configs lists every config there is, by name.
func Configs() []ConfigInfo { return nil }

// ExplainConfig is all there is to say about a config; "" if there is none.
func ExplainConfig(name string) string { return "" }

// readSetting reads a config for a scope.
func readSetting(scope Scope, w Word) (Setting, *complaint) {
	return Setting{w.Key, w.Value}, nil
}

// ParseSet reads NAME=VALUE as --set gives it. With an error it names the nearest right name, or "".
func ParseSet(s string) (Setting, string, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || !isKey(name) {
		return Setting{}, "", fmt.Errorf("write NAME=VALUE")
	}
	return Setting{name, value}, "", nil
}

// override is the settings of a line with those of the run's options that belong there, which win.
func (s *Session) override(scope Scope, settings []Setting) []Setting {
	return append(append([]Setting{}, settings...), s.run.Set...)
}

// Faulty lists every family of faults the world can do.
func Faulty() []sim.Fault {
	var all []sim.Fault
	for _, a := range sim.New(sim.Config{}).Activations() {
		all = append(all, a.Fault)
	}
	return all
}
