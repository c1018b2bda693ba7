package controller

import (
	"reflect"
	"testing"
)

// New panics if a rule is missing, because rules have no defaults.
func TestRulesAreGivenWhole(t *testing.T) {
	panics := func(r Rules) (did bool) {
		defer func() { did = recover() != nil }()
		r.mustBeComplete()
		return
	}
	if panics(CurrentRules()) {
		t.Fatal("the current rules are not whole")
	}
	functions := 0
	for i := range reflect.TypeFor[Rules]().NumField() {
		if f := reflect.TypeFor[Rules]().Field(i); f.Type.Kind() == reflect.Func {
			functions++
			r := CurrentRules()
			reflect.ValueOf(&r).Elem().Field(i).SetZero()
			if !panics(r) {
				t.Errorf("without an answer to %s a controller is made", f.Name)
			}
		}
	}
	if functions < 4 {
		t.Errorf("only %d questions were left without an answer", functions)
	}
}
