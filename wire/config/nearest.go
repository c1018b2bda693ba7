package config

import (
	"cmp"
	"slices"
)

// Nearest returns at most three candidates that a misspelt word most likely means, the nearest first. A candidate is
// near if at most about a third of the letters of the shorter of the two words differ. Candidates that are equally near
// keep the order of the list, so the result is deterministic.
func Nearest(word string, candidates []string) []string {
	const longest, most = 80, 3 // a word over 80 bytes is not a typing error; more than three candidates do not help
	if len(word) > longest {
		return nil
	}
	type near struct {
		name string
		d    int
	}
	var found []near
	for _, c := range candidates {
		if len(c) > longest || c == word {
			continue
		}
		if d := Distance(word, c); d <= max(1, (min(len(word), len(c))+1)/3) {
			found = append(found, near{c, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.d, b.d) })
	var names []string
	for _, f := range found {
		// Candidates much farther away than the best one are omitted.
		if len(names) < most && f.d <= found[0].d+1 {
			names = append(names, f.name)
		}
	}
	return names
}

// Distance returns the smallest number of edits that turn a into b. An edit inserts, deletes or replaces one byte, or
// swaps two neighbouring bytes.
func Distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
