package check

import (
	"strconv"
	"strings"

	"samsa/wire"
)

func itoa[N ~int | ~int16 | ~int32 | ~int64 | ~uint32 | ~uint64](n N) string {
	return strconv.FormatInt(int64(n), 10)
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return itoa(n) + " " + many
}

func quote(s string) string { return `"` + s + `"` }

// nodes is a set of nodes in words: "1, 2 and 3".
func nodeList(ids []wire.NodeID) string {
	if len(ids) == 0 {
		return "nobody"
	}
	var b strings.Builder
	for i, id := range ids {
		switch {
		case i == 0:
		case i == len(ids)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(itoa(id))
	}
	return b.String()
}

// span is a batch in words: "[5,8) of epoch 2".
func (b Batch) span() string {
	return "[" + itoa(b.Base) + "," + itoa(b.Next) + ") of epoch " + itoa(b.Epoch)
}
