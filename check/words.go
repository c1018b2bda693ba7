package check

import (
	"strconv"

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

// name returns the machine that runs a node, in the form that findings use: "b1", "c1"; "node 1" if the contract does not
// name it.
func (v *View) name(node wire.NodeID) string {
	if node == wire.NoNode {
		return "no broker"
	}
	if v != nil && v.contract.Machines != nil {
		if machine := v.contract.Machines(node); machine != "" {
			return machine
		}
	}
	return "node " + itoa(node)
}

// names returns the machines of a set of nodes in words: "b1, b2 and b3".
func (v *View) names(nodes []wire.NodeID) string {
	if len(nodes) == 0 {
		return "empty"
	}
	words := ""
	for i, id := range nodes {
		switch {
		case i == 0:
		case i == len(nodes)-1:
			words += " and "
		default:
			words += ", "
		}
		words += v.name(id)
	}
	return words
}

// span returns a batch in words: "[5,8) of epoch 2".
func (b Batch) span() string {
	return "[" + itoa(b.Base) + "," + itoa(b.Next) + ") of epoch " + itoa(b.Epoch)
}
