package raft

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
		if name := reflect.TypeFor[Rules]().Field(i).Name; reflect.TypeFor[Rules]().Field(i).Type.Kind() == reflect.Func {
			functions++
			r := CurrentRules()
			reflect.ValueOf(&r).Elem().Field(i).SetZero()
			if !panics(r) {
				t.Errorf("without an answer to %s a voter is made", name)
			}
		}
	}
	if functions < 4 {
		t.Errorf("only %d questions were left without an answer", functions)
	}
}
