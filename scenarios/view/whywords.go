package view

import (
	"fmt"

	"samsa/check"
	"samsa/wire"
)

// node returns the address of a node.
func (w *why) node(id wire.NodeID) string {
	if id == wire.NoNode {
		return "none"
	}
	return w.names.Node(id)
}

// nodes returns the addresses of nodes in words.
func (w *why) nodes(ids []wire.NodeID) string {
	var all []string
	for _, id := range ids {
		all = append(all, w.node(id))
	}
	return inWords(all)
}

// record describes a batch: offset 1 ("v" of p1).
func (w *why) record(p *check.Partition, b check.Batch) string {
	at := fmt.Sprintf("offset %d", b.Base)
	if b.Next > b.Base+1 {
		at = fmt.Sprintf("offsets %d to %d", b.Base, b.Next-1)
	}
	if client, values := w.values(p, b); len(values) > 0 {
		return fmt.Sprintf("%s (%s of %s)", at, quote(values), client)
	}
	return at
}

// short describes a batch that the chain has described before: "v".
func (w *why) short(p *check.Partition, b check.Batch) string {
	if _, values := w.values(p, b); len(values) > 0 {
		return quote(values)
	}
	return w.record(p, b)
}
