package explore

import "samsa/scenarios"

// draws makes the decisions of one seed. A decision depends only on the seed, its site and its ordinal, so adding or
// removing other decisions does not change it.
type draws struct{ seed uint64 }

// intn draws from [0, n). It returns 0 if n is less than 2.
func (d draws) intn(site string, ordinal int32, n int) int {
	if n < 2 {
		return 0
	}
	return int(scenarios.Draw(d.seed, "explore."+site, "", uint64(ordinal), uint64(n)))
}

// chance draws true or false; permille is the probability of true, in thousandths.
func (d draws) chance(site string, ordinal int32, permille int) bool {
	return d.intn(site, ordinal, 1000) < permille
}

// between draws from [least, most].
func (d draws) between(site string, ordinal int32, least, most int) int {
	return least + d.intn(site, ordinal, most-least+1)
}

// pick draws one element of a list. An element that occurs twice is twice as likely.
func pick[T any](d draws, site string, ordinal int32, list ...T) T {
	return list[d.intn(site, ordinal, len(list))]
}

// weighted draws an index with a chance in proportion to its weight. It returns -1 if all weights are 0.
func (d draws) weighted(site string, ordinal int32, weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	if total == 0 {
		return -1
	}
	at := d.intn(site, ordinal, total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return -1
}
