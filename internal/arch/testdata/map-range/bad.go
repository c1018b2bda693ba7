//as coordinator

package coordinator

import (
	"slices"
	"strings"
)

type node struct{ peers map[int32]*peer }

type peer struct {
	end  int64
	hits int
}

func (p *peer) touch() int64 { p.hits++; return p.end }

func send(int32) {}

func (n *node) broadcast() (out []int32, last int64, text string) {
	for id := range n.peers { // want "map-range: .*n.peers.*calls send"
		send(id)
	}
	for id := range n.peers { // want "map-range: .*not sorted by the next statement"
		out = append(out, id)
	}
	for _, p := range n.peers { // want "map-range: .*the last entry decides last"
		last = p.end
	}
	for _, p := range n.peers { // want "map-range: .*calls p.touch"
		last += p.touch()
	}
	for id, p := range n.peers { // want "map-range: .*returns .*whichever entry comes first"
		if p.end > 3 {
			return []int32{id}, 0, ""
		}
	}
	for _, p := range n.peers { // want "map-range: .*break stops"
		if p.end > 3 {
			break
		}
	}
	few := 0
	for _, p := range n.peers { // want "map-range: .*reads few"
		if few < 3 {
			few++
			last += p.end
		}
	}
	for range n.peers { // want "map-range: .*is no integer"
		text += strings.Repeat("x", 3)
	}
	byEnd := map[int64]int32{}
	for id, p := range n.peers { // want "map-range: .*another entry may write too"
		byEnd[p.end] = id
	}
	for id := range n.peers { // want "map-range: .*adds entries to the map it ranges over"
		n.peers[id+1] = nil
	}
	seen := map[int64]bool{}
	for _, p := range n.peers { // want "map-range: .*reads seen while it fills it"
		if !seen[p.end] {
			last++
		}
		seen[p.end] = true
	}
	var ends []int64
	for _, p := range n.peers { // want "map-range: .*ends, which is not sorted"
		ends = append(ends, p.end)
	}
	slices.Reverse(ends)
	switch {
	case few > 0:
		for id := range n.peers { // want "map-range: .*calls send"
			send(id)
		}
	}
	for id, p := range n.peers { // want "map-range: .*another key than its own"
		delete(byEnd, p.end)
		_ = id
	}
	for _, p := range n.peers { // want "map-range: .*which entry panics first"
		if p == nil {
			panic("nobody")
		}
	}
	for _, p := range n.peers { // want "map-range: .*not commutative"
		last <<= p.end
	}
	for _, p := range n.peers { // want "map-range: .*more than collect, count or look up"
		defer p.touch()
	}
	for _, p := range n.peers { // want "map-range: .*which return comes first"
		if p.end > 3 {
			return nil, 1, ""
		}
		return nil, 2, ""
	}
	for _, p := range n.peers { // want "map-range: .*the last entry decides few"
		if few = 1; p.end > 3 {
			few = 2
		}
	}
	for _, p := range n.peers { // want "map-range: .*in the middle of what it changes"
		last += p.end
		if p.end > 3 {
			return nil, 0, ""
		}
	}
	var id int32
	for id = range n.peers { // want "map-range: .*its key outlives the loop"
	}
	return out, last + int64(id), text
}

func anyOrder[M ~map[K]V, K comparable, V any](m M, f func(K)) {
	for k := range m { // want "map-range: .*calls f"
		f(k)
	}
}
