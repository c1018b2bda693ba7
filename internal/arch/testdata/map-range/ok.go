//as coordinator

package coordinator

import (
	"maps"
	"slices"
)

type node struct{ peers map[int32]*peer }

type peer struct{ end int64 }

func (p *peer) behind(end int64) bool {
	lag := end - p.end
	if lag < 0 {
		lag = 0
	}
	return lag > 0
}

func send(int32) {}

func (n *node) sorted() (out []int32) {
	for _, id := range slices.Sorted(maps.Keys(n.peers)) {
		send(id)
	}
	for id := range n.peers {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func (n *node) sums(end int64) (count int, total, lowest int64, any bool) {
	ends := map[int32]int64{}
	seen := map[int64]bool{}
	lists := map[int32][]int64{}
	lowest = end
	for id, p := range n.peers {
		ends[id] = p.end
		seen[p.end] = true
		lists[id] = append(lists[id], p.end)
		if p.end < lowest {
			lowest = p.end
		}
		total = max(total, p.end)
		if p.behind(end) {
			count++
			any = true
			continue
		}
		double := p.end * 2
		total += 0
		double++
		_ = double
	}
	for id := range n.peers {
		delete(ends, id)
	}
	return count, total, lowest, any
}

func (n *node) someBehind(end int64) bool {
	for _, p := range n.peers {
		if p.behind(end) {
			return true
		}
	}
	return false
}

func (n *node) shapes(byEpoch map[int32][]int64) (n1, n2 int, bits uint64) {
	for epoch, ends := range byEpoch {
		var odd bool
		switch {
		case epoch%2 == 1:
			odd = true
		default:
			n1++
		}
		for i := 0; i < len(ends); i++ {
			if ends[i] < 0 {
				n1++
			}
		}
		for _, end := range ends {
			if odd && end > 0 {
				n2 += 2
			} else {
				n2--
			}
		}
		bits |= 1 << (uint64(epoch) % 64)
		byEpoch[epoch] = nil
	}
	return n1, n2, bits
}

func count[M ~map[K]V, K comparable, V any](m M) (n int) {
	for range m {
		n++
	}
	return n
}

func (n *node) argued() {
	for id := range n.peers { //order: send only sets a bit per id
		send(id)
	}
}
