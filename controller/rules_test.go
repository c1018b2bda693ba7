package controller

import (
	"testing"

	"samsa/internal/ruletest"
)

// New panics if a rule is missing, because rules have no defaults.
func TestRulesHaveNoDefaults(t *testing.T) {
	ruletest.NoDefaults(t, CurrentRules, func(r Rules) { r.mustBeComplete() })
}
