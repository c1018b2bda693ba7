package view

import (
	"slices"
	"strings"
)

// maxLines is the largest number of lines in the text of a chain, its head and its questions included.
const maxLines = 25

// shorten drops the least important causes until the text of a chain has at most maxLines lines.
//
// A cause is a link with the faults and old rules under it. The first link is the symptom. First to go are states that nothing has
// changed since the topic was created, then links that no fault and no old rule follows, then links with faults, each time the
// last of them, because it is the farthest from the symptom. What answers a question directly stays, and so does an old rule.
func shorten(links []Link) []Link {
	links = slices.Clone(links)
	for lines(links) > maxLines && len(links) > 2 {
		from, to := leastImportant(links)
		if q := links[from].Question; q != "" && to < len(links) && links[to].Question == "" {
			links[to].Question = q
		}
		links = slices.Delete(links, from, to)
	}
	return links
}

// lines returns the number of lines in the text of these links.
func lines(links []Link) int { return strings.Count((&Chain{Links: links}).Text(), "\n") }

// leastImportant returns the range of links that says the least. There are at least two links.
func leastImportant(links []Link) (from, to int) {
	best, rank := len(links)-1, -1
	for i := len(links) - 1; i > 0; i-- {
		if l := &links[i]; l.Kind == LinkFault || l.Kind == LinkRule || l.Kind == LinkPrice {
			continue
		}
		if r := importance(links[i:under(links, i)]); r >= 0 && (rank < 0 || r < rank) {
			best, rank = i, r
		}
	}
	return best, under(links, best)
}

// under returns the index after the faults and old rules that belong to the link at the index i.
func under(links []Link, i int) int {
	for i++; i < len(links) && (links[i].Kind == LinkFault || links[i].Kind == LinkRule) && links[i].Question == ""; i++ {
	}
	return i
}

// importance ranks a link with what is under it: a link with a smaller number goes first, and one with a negative number stays.
func importance(of []Link) int {
	has := func(kind string) bool { return slices.ContainsFunc(of, func(l Link) bool { return l.Kind == kind }) }
	switch l := &of[0]; {
	case l.initial:
		return 0
	case l.Question != "" || has(LinkRule):
		return -1
	case has(LinkFault):
		return 4
	case l.Kind == LinkState:
		return 1
	case l.Kind == LinkEvent:
		return 2
	default:
		return 3
	}
}
