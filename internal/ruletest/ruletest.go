// Package ruletest has a test of rules. Every package that has rules runs it.
//
// A rule is a field of the struct Rules of its package (see package exhibit). A missing function would be a nil pointer in
// the middle of a run, and a default would hide that it is missing. So the function New of each package panics.
package ruletest

import (
	"reflect"
	"testing"
)

// NoDefaults tests the function check. The function must accept the current rules, and it must panic if any one function is
// missing in them. NoDefaults also fails if the rules have fewer than four functions, because then it has probably looked
// at the wrong struct.
func NoDefaults[R any](t *testing.T, current func() R, check func(R)) {
	t.Helper()
	panics := func(r R) (did bool) {
		defer func() { did = recover() != nil }()
		check(r)
		return false
	}
	if panics(current()) {
		t.Fatal("a current rule is missing")
	}
	functions := 0
	rules := reflect.TypeFor[R]()
	for i := range rules.NumField() {
		if rules.Field(i).Type.Kind() != reflect.Func {
			continue
		}
		functions++
		r := current()
		reflect.ValueOf(&r).Elem().Field(i).SetZero()
		if !panics(r) {
			t.Errorf("no panic although the rule %s is missing", rules.Field(i).Name)
		}
	}
	if functions < 4 {
		t.Errorf("%v has only %d functions", rules, functions)
	}
}
