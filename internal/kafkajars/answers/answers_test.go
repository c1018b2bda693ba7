package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// tally counts the cases of all families.
type tally struct {
	cases, equal, explained int
	rows                    map[*row]int // the cases in which a row explains a difference
}

// Every request of every family gets the answer from our brokers that it gets from Apache Kafka, or the difference has a row in
// the table of differences.
func TestAnswers(t *testing.T) {
	all, err := readScripts(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	n := tally{rows: map[*row]int{}}
	whole := true
	for _, s := range all.scripts {
		whole = t.Run(s.name, func(t *testing.T) { compareFamily(t, all.schemas, s, &n) }) && whole
	}
	if n.cases < 400 {
		return // a part of the families
	}
	for i := range explained {
		if n.rows[&explained[i]] == 0 && whole {
			t.Errorf("the row %q explains no difference; remove it", explained[i].name)
		}
	}
	t.Logf("%d cases: %d equal, %d explained, %d unexplained", n.cases, n.equal, n.explained, n.cases-n.equal-n.explained)
	if whole {
		holdREADME(t, n.table())
	}
	if 20*n.explained > n.cases {
		t.Errorf("more than one case in twenty is explained, which is more than this comparison may hide")
	}
}

// compareFamily plays one family and compares the answers with those that are recorded.
func compareFamily(t *testing.T, all schemas, s *script, n *tally) {
	missing := 0
	classes := map[string]int{}
	err := play(newWorld(t, s), all, s, func(it *item, version int16, lines []string) error {
		want := it.answer(version)
		if want == nil {
			missing++
			return nil
		}
		diffs, err := compare(want, lines, s)
		if err != nil {
			return err
		}
		n.cases++
		if len(diffs) == 0 {
			n.equal++
			return nil
		}
		var rows []*row
		var open []string
		for _, d := range diffs {
			if r := explanation(it.request.api, it.line, d); r == nil {
				open = append(open, fmt.Sprintf("\t%s: Kafka %s, ours %s", d.path, d.kafka, d.ours))
				classes[fmt.Sprintf("%s %s: Kafka %s, ours %s", it.request.api, index.ReplaceAllString(d.path, ""), short(d.kafka), short(d.ours))]++
			} else if !slices.Contains(rows, r) {
				rows = append(rows, r)
			}
		}
		if len(open) == 0 {
			n.explained++
			for _, r := range rows {
				n.rows[r]++
			}
			return nil
		}
		t.Errorf("%s:%d version %d: %s\n%s", s.name, it.number, version, it.line, strings.Join(open, "\n"))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if missing > 0 {
		t.Errorf("%d requests have no recorded answer; record them with: go run ./internal/kafkajars/answers -record %s", missing, s.name)
	}
	for _, c := range sorted(classes) {
		t.Logf("%3d x %s", classes[c], c)
	}
}

func sorted(m map[string]int) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// short cuts a long text.
func short(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
