package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// All mutants of functions of every shape are one program that compiles, and the original is in it unchanged.
func TestBatch(t *testing.T) {
	s := loadToy(t)
	all := slices.DeleteFunc(s.mutants(s.find("shapes")), func(m Mutant) bool { return s.compiles(s.apply(m.edits)) != nil })
	require.Equal(t, 21, len(all), "one leaves a variable unused")
	files := s.batch(all)
	require.NoError(t, s.compiles(files))
	text := string(files["shapes/shapes.go"])
	require.Contains(t, text, "func (*Pair[A, B]) Fact__")
	require.Contains(t, text, "func (argument0_0__ *Pair[A, B]) Fact(n int) int { switch mutant__ { case ")
	require.Contains(t, text, "func (argument0_0__ empty) Ignore(argument1_0__ int, argument2_0__ func(int) bool) { switch mutant__ {")
	require.Contains(t, text, "(argument1_0__, argument2_0__); return; ")
	require.Contains(t, text, "return Sum__")
	require.Contains(t, text, "(argument1_0__, numbers...)")
	require.Contains(t, text, "[K, V](m, argument2_0__)")
	require.Contains(t, string(files["shapes/zz_mutant.go"]), "package shapes\n")
	before, after := strings.Split(string(s.text["shapes/shapes.go"]), "\n"), strings.Split(text, "\n")
	for i, line := range before[:len(before)-1] {
		if !strings.Contains(after[i], "switch mutant__") {
			require.Equal(t, line, after[i], "line %d", i+1)
		}
	}
}

// All mutants of the module are one program too, except those that do not compile alone.
func TestBatchOfTheModule(t *testing.T) {
	s, err := moduleSource()
	require.NoError(t, err)
	var all []Mutant
	for _, name := range samsa.mutable {
		some := s.mutants(s.find(name))
		for i := 0; i < len(some); i += 25 {
			if s.compiles(s.apply(some[i].edits)) == nil {
				all = append(all, some[i])
			}
		}
	}
	require.Greater(t, len(all), 100)
	require.NoError(t, s.compiles(s.batch(all)))
}
