package scenarios

// Nearest is the word of a list that was most likely meant, or "" if none is near: at most a third of its letters may
// differ. Of equally near ones the first wins, so the order of the list decides and not chance.
func Nearest(word string, list []string) string {
	const longest = 64 // longer words are no typing errors
	if len(word) > longest {
		return ""
	}
	best, least := "", 1<<30
	for _, candidate := range list {
		if len(candidate) > longest || candidate == word {
			continue
		}
		if d := distance(word, candidate); d < least && d <= max(1, (len(candidate)+1)/3) {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
