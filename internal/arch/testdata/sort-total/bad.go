//as controller

package controller

import (
	"cmp"
	"slices"
	"sort"
)

type replica struct{ id, load int32 }

func order(rs []replica) {
	sort.Slice(rs, func(i, j int) bool { return rs[i].load < rs[j].load })             // want "sort-total: sort.Slice"
	slices.SortFunc(rs, func(a, b replica) int { return cmp.Compare(a.load, b.load) }) // want "sort-total: slices.SortFunc"
}
