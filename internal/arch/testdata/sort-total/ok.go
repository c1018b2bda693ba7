//as controller

package controller

import (
	"cmp"
	"slices"
	"strings"
)

type replica struct{ id, load int32 }

func order(rs []replica, names []string) {
	slices.SortStableFunc(rs, func(a, b replica) int { return cmp.Compare(a.load, b.load) })
	slices.SortFunc(names, strings.Compare)
	slices.SortFunc(rs, func(a, b replica) int { return cmp.Or(cmp.Compare(b.load, a.load), cmp.Compare(a.id, b.id)) })
	//total: no two replicas have one id
	slices.SortFunc(rs, func(a, b replica) int { return cmp.Compare(a.id, b.id) })
}
