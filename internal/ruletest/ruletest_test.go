package ruletest

import "testing"

type rules struct {
	Flush      bool
	A, B, C, D func()
}

func current() rules { return rules{true, func() {}, func() {}, func() {}, func() {}} }

// A check that forgets one function must fail the test.
func TestForgottenFunctionIsFound(t *testing.T) {
	whole := func(r rules) {
		if r.A == nil || r.B == nil || r.C == nil || r.D == nil {
			panic("missing")
		}
	}
	forgets := func(r rules) {
		if r.A == nil || r.B == nil || r.C == nil {
			panic("missing")
		}
	}
	NoDefaults(t, current, whole)
	var silent testing.T
	if NoDefaults(&silent, current, forgets); !silent.Failed() {
		t.Error("a check that forgets a function passed")
	}
}
