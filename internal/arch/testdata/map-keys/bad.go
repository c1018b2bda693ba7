//as client

package client

import (
	"maps"
	"slices"
)

func names(m map[string]int) []string {
	for k := range maps.Keys(m) { // want "map-keys: maps.Keys without sorting"
		_ = k
	}
	_ = slices.Collect(maps.Values(m)) // want "map-keys: maps.Values without sorting"
	keys := maps.Keys[map[string]int]  // want "map-keys: maps.Keys without sorting"
	_ = slices.SortedStableFunc(keys(m), nil)
	n := 0
	maps.DeleteFunc(m, func(string, int) bool { n++; return n > 2 }) // want "map-keys: maps.DeleteFunc"
	return slices.Collect(maps.Keys(m))                              // want "map-keys: maps.Keys without sorting"
}
