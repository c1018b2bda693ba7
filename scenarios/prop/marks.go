package prop

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// marks counts, for each mark, the runs that reached it. A mark is a note of a node or one of Client.Reached.
type marks struct {
	seed    int
	runs    int
	reached map[string]int
	acked   int64
	moves   int64
	events  uint64
}

// add counts a run.
func (m *marks) add(r result) {
	if m.reached == nil {
		m.reached = map[string]int{}
	}
	m.runs++
	for mark := range r.marks {
		m.reached[mark]++
	}
	m.acked += r.tally.AckedRecords
	m.moves += r.tally.Moves
	if r.verdict != nil {
		m.events += r.verdict.Events
	}
}

// share returns the share of runs that reached a mark, in percent.
func (m *marks) share(mark string) int { return m.reached[mark] * 100 / max(m.runs, 1) }

// report logs the marks, those of Client.Reached first, and fails the test for each mark that was reached too rarely.
func (m *marks) report(t testing.TB, sometimes map[string]int) {
	t.Helper()
	notes := map[string]bool{}
	for _, k := range scenarios.NoteKinds() {
		notes[k.Name] = true
	}
	var own, of, known []string
	for _, mark := range sorted(m.reached) {
		known = append(known, mark)
		if text := fmt.Sprintf("%s %d%%", mark, m.share(mark)); notes[mark] {
			of = append(of, text)
		} else {
			own = append(own, text)
		}
	}
	t.Logf("%d draws from seed %d held:\n%d events, %d records acknowledged, %d leaders moved", m.runs, m.seed, m.events, m.acked, m.moves)
	if len(own) > 0 {
		t.Logf("own marks, and the share of draws that reached them:\n%s", hang("", strings.Join(own, ", ")))
	}
	t.Logf("%d of %d kinds of notes, with the share of draws:\n%s", len(of), len(notes), hang("", strings.Join(of, ", ")))
	if m.runs == 0 {
		return
	}
	for _, mark := range sorted(sometimes) {
		least := sometimes[mark]
		if got := m.share(mark); got < least {
			hint := ""
			if m.reached[mark] == 0 && !notes[mark] {
				if near := scenarios.Nearest(mark, append(known, sorted(notes)...)); near != "" {
					hint = fmt.Sprintf(" (did you mean %q?)", near)
				}
			}
			t.Errorf("%s was reached in %d of %d draws, and Test.Sometimes demands %d%%%s", mark, m.reached[mark], m.runs, least, hint)
		}
	}
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
