//as client

package client

import (
	"maps"
	"slices"
)

func names(m map[string]int) []string {
	maps.DeleteFunc(m, func(_ string, n int) bool { return n > 2 })
	_ = maps.Collect(maps.All(m))
	return slices.Sorted(maps.Keys(m))
}
