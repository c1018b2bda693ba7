package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of differences into README.md")

// table prints what README says about the comparison.
func (n *tally) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, at the lowest, a middle and the highest version, were sent to Apache Kafka 4.3.1 and its answers kept in\n", n.cases)
	fmt.Fprintf(&b, "[internal/kafkajars/answers](internal/kafkajars/answers/testdata); `go test` sends them to our brokers and compares field by field, error\n")
	fmt.Fprintf(&b, "messages too. %d answers are equal, %d differ for these reasons, and none without one:\n\n", n.equal, n.explained)
	b.WriteString("| difference | column | answers | why |\n|---|---|---|---|\n")
	for i := range explained {
		r := &explained[i]
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", r.name, r.kind, n.rows[r], r.reason)
	}
	return b.String()
}

const readme, opening, closing = "../../../README.md", "<!-- answers: go test ./internal/kafkajars/answers -update -->\n", "<!-- end of answers -->"

// holdREADME compares the table with the one in README.
func holdREADME(t *testing.T, table string) {
	t.Helper()
	src, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(src), opening)
	shown, after, closed := strings.Cut(rest, closing)
	switch {
	case !opened || !closed:
		t.Fatalf("README.md has no part between %q and %q", opening, closing)
	case shown == table:
	case *update:
		if err := os.WriteFile(readme, []byte(before+opening+table+closing+after), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("README.md shows another table of differences; write it with: go test ./internal/kafkajars/answers -update\n%s", table)
	}
}
